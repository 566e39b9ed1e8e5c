// Reads the recordings of the repository: 16-bit mono PCM in a RIFF file.
#pragma once

#include "runtime/error.h"

#include <cstdint>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

struct recording {
    std::vector<float> pcm;
    int32_t            rate = 0;
};

inline recording read_wav(const std::string & path) {
    std::ifstream     file(path, std::ios::binary);
    std::vector<char> bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto        number = [&](size_t at) {
        uint32_t value = 0;
        std::memcpy(&value, bytes.data() + at, sizeof(value));
        return value;
    };
    recording result;
    for (size_t at = 12; at + 8 <= bytes.size(); at += 8 + number(at + 4)) {
        const std::string id(bytes.data() + at, 4);
        if (id == "fmt ") {
            result.rate = static_cast<int32_t>(number(at + 12));
        } else if (id == "data") {
            std::vector<int16_t> samples(number(at + 4) / 2);
            std::memcpy(samples.data(), bytes.data() + at + 8, samples.size() * 2);
            for (const int16_t sample : samples) {
                result.pcm.push_back(static_cast<float>(sample) / 32768.0F);
            }
            return result;
        }
    }
    throw kstt::error(KSTT_STATUS_FILE_NOT_FOUND, path + " is no recording");
}
