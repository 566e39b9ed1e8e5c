// The test signal of the parity fixtures; twin of tools/oracle/audio_signal.py. Integers only.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <vector>

// `samples` samples in [-1, 1).
inline std::vector<float> parity_signal(uint32_t seed, int64_t samples) {
    constexpr int64_t segment = 2400;
    uint32_t          state   = seed;
    const auto        draw    = [&state] {
        state = state * 1664525U + 1013904223U;
        return static_cast<int32_t>(state >> 16U);
    };
    std::vector<float> signal(static_cast<size_t>(samples));
    int32_t            amplitude  = 0;
    int32_t            period     = 1;
    int32_t            tone_share = 0;
    for (int64_t i = 0; i < samples; i++) {
        if (i % segment == 0) {
            const int32_t level = draw() % 8;
            amplitude           = level * level * 4;
            period              = 24 + draw() % 360;
            tone_share          = draw() % 257;
        }
        const int32_t noise            = draw() - 32768;
        const auto    phase            = static_cast<int32_t>(i % segment % period);
        const int32_t tone             = std::abs(2 * phase - period) * 65534 / period - 32767;
        const int32_t mixed            = (tone * tone_share + noise * (256 - tone_share)) * amplitude >> 16;
        signal[static_cast<size_t>(i)] = static_cast<float>(mixed) / 32768.0F;
    }
    return signal;
}
