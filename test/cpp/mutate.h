// Damages bytes at random, the same way for the same seed.
#pragma once

#include <cstddef>
#include <random>
#include <string>

inline std::string mutate(const std::string & bytes, unsigned seed) {
    std::mt19937 random(seed);
    const auto   below = [&](size_t n) { return n == 0 ? size_t{ 0 } : static_cast<size_t>(random()) % n; };
    std::string  out   = bytes;
    // Mostly one damage, at times a few.
    for (size_t left = 1 + below(4) * below(2); left > 0 && !out.empty(); --left) {
        const size_t at = below(out.size());
        switch (below(7)) {
        case 0:
            out.resize(at);
            break;
        case 1:
            out[at] = static_cast<char>(static_cast<unsigned char>(out[at]) ^ (1U << below(8)));
            break;
        case 2:
            out[at] = static_cast<char>(random());
            break;
        case 3:
            out.erase(at, 1 + below(8));
            break;
        case 4:
            out.insert(at, out.substr(below(out.size()), 1 + below(16)));
            break;
        case 5:  // digits matter most in headers
            out[at] = static_cast<char>('0' + below(10));
            break;
        default:
            out.insert(at, std::string(1 + below(20), "[{\"9-e"[below(6)]));
            break;
        }
    }
    return out;
}
