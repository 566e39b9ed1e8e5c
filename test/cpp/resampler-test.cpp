// The resampler's promises: level and purity of tones, rejection, no delay, length, independence of chunking.
#include "audio/dot-product.h"
#include "audio/resampler.h"
#include "check.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <random>
#include <string>
#include <vector>

namespace {

constexpr double pi = 3.14159265358979323846;

std::vector<float> sine(double frequency, int32_t rate, size_t n) {
    std::vector<float> samples(n);
    for (size_t i = 0; i < n; i++) {
        samples[i] = float(0.5 * std::sin(2.0 * pi * std::fmod(frequency * double(i) / rate, 1.0)));
    }
    return samples;
}

std::vector<float> resample(const std::vector<float> & in, int32_t rate_in, int32_t rate_out) {
    kstt::resampler    resampler(rate_in, rate_out);
    std::vector<float> out;
    resampler.push(in.data(), in.size(), out);
    resampler.flush(out);
    return out;
}

double decibels(double ratio) {
    return 20.0 * std::log10(ratio + 1e-30);
}

// Root mean square of the middle half, relative to a tone of amplitude 0.5.
double level(const std::vector<float> & samples) {
    double sum = 0.0;
    size_t n   = 0;
    for (size_t i = samples.size() / 4; i < samples.size() * 3 / 4; i++, n++) {
        sum += double(samples[i]) * samples[i];
    }
    return decibels(std::sqrt(sum / double(n)) / (0.5 * std::sqrt(0.5)));
}

// What differs from the same tone sampled at the output rate, without any fit: a wrong level, a delay and noise all
// count.
double distortion(const std::vector<float> & samples, double frequency, int32_t rate) {
    std::vector<float> rest = sine(frequency, rate, samples.size());
    for (size_t i = 0; i < rest.size(); i++) {
        rest[i] -= samples[i];
    }
    return level(rest);
}

std::string name_of(int32_t rate_in, int32_t rate_out, double frequency) {
    return kstt::format("%d -> %d Hz, tone of %.0f Hz", rate_in, rate_out, frequency);
}

struct rates {
    int32_t in;
    int32_t out;
};

// 44101 -> 24000 and 1013 -> 24001 have too many phases for a table and use interpolated rows.
const rates all_rates[] = {
    { 44100, 24000 }, { 48000, 24000 }, { 16000, 24000 }, { 8000, 24000 },   { 22050, 24000 },
    { 11025, 24000 }, { 32000, 24000 }, { 96000, 24000 }, { 192000, 24000 }, { 44101, 24000 },
    { 24000, 16000 }, { 24001, 24000 }, { 47999, 24000 }, { 1013, 24001 },   { 23999, 24000 },
};

void test_pass_band() {
    for (const auto & [in, out] : all_rates) {
        const double nyquist = 0.5 * std::min(in, out);
        for (const double part : { 0.01, 0.083, 0.5, 0.75, 0.92 }) {
            const double frequency = part * nyquist;
            const double found     = distortion(resample(sine(frequency, in, size_t(in)), in, out), frequency, out);
            check_result(found < -115.0,
                         __FILE__,
                         __LINE__,
                         name_of(in, out, frequency) + kstt::format(": error of %.1f dB", found));
        }
    }
}

void test_alias_rejection() {
    for (const auto & [in, out] : all_rates) {
        if (in <= out) {
            continue;
        }
        for (const double part : { 0.0, 0.02, 0.1, 0.25, 0.5, 0.75, 0.999 }) {
            const double frequency = 0.5 * (out + part * (in - out));
            const double found     = level(resample(sine(frequency, in, size_t(in)), in, out));
            check_result(found < -120.0,
                         __FILE__,
                         __LINE__,
                         name_of(in, out, frequency) + kstt::format(": alias of %.1f dB", found));
        }
    }
}

// A pure tone in: what is not that tone is an image or noise.
void test_image_rejection() {
    for (const auto & [in, out] : all_rates) {
        if (in >= out) {
            continue;
        }
        // Inside of the transition band the level is free, the image is not: fit the tone, then look at the rest.
        const double             frequency = 0.96 * 0.5 * in;
        const std::vector<float> samples   = resample(sine(frequency, in, size_t(in) * 2), in, out);
        double                   real      = 0.0;
        double                   imaginary = 0.0;
        double                   weight    = 0.0;
        const auto               window    = [&](size_t i) {
            const double s = std::sin(pi * (double(i) + 0.5) / double(samples.size()));
            return s * s * s * s;
        };
        for (size_t i = 0; i < samples.size(); i++) {
            const double angle = 2.0 * pi * std::fmod(frequency * double(i) / out, 1.0);
            real += window(i) * samples[i] * std::sin(angle);
            imaginary += window(i) * samples[i] * std::cos(angle);
            weight += 0.5 * window(i);
        }
        std::vector<float> rest(samples.size());
        for (size_t i = 0; i < samples.size(); i++) {
            const double angle = 2.0 * pi * std::fmod(frequency * double(i) / out, 1.0);
            rest[i]            = float(samples[i] - (real * std::sin(angle) + imaginary * std::cos(angle)) / weight);
        }
        check_result(level(rest) < -115.0,
                     __FILE__,
                     __LINE__,
                     name_of(in, out, frequency) + kstt::format(": image of %.1f dB", level(rest)));
    }
}

void test_length() {
    std::mt19937 random(7);
    for (int i = 0; i < 400; i++) {
        const int32_t in  = 1000 + int32_t(random() % 95000);
        const int32_t out = 1000 + int32_t(random() % 95000);
        const size_t  n   = random() % 3000;
        CHECK_EQUAL(int64_t(resample(std::vector<float>(n, 0.25f), in, out).size()), (int64_t(n) * out + in - 1) / in);
    }
    CHECK_EQUAL(resample(std::vector<float>(size_t(60) * 44100, 0.0f), 44100, 24000).size(), size_t(1440000));
    CHECK_EQUAL(resample({}, 44100, 24000).size(), size_t(0));
    CHECK_EQUAL(resample({ 0.5f }, 48000, 24000).size(), size_t(1));
    CHECK_EQUAL(resample({ 0.5f }, 768000, 1000).size(), size_t(1));
    CHECK_EQUAL(resample({ 0.5f }, 1000, 768000).size(), size_t(768));
}

void test_chunking() {
    std::mt19937                          random(11);
    std::uniform_real_distribution<float> value(-1.0f, 1.0f);
    for (const auto & [in, out] : { rates{ 44100, 24000 },
                                    rates{ 48000, 24000 },
                                    rates{ 8000, 24000 },
                                    rates{ 44101, 24000 },
                                    rates{ 192000, 24000 },
                                    rates{ 24000, 24000 } }) {
        std::vector<float> samples(50000 + random() % 1000);
        for (float & sample : samples) {
            sample = value(random);
        }
        const std::vector<float> whole = resample(samples, in, out);
        // 0: chunks of random sizes, empty ones included.
        for (const size_t chunk : { size_t(1), size_t(in) * 8 / 100, size_t(16384), size_t(0) }) {
            kstt::resampler    resampler(in, out);
            std::vector<float> found;
            for (size_t start = 0; start < samples.size();) {
                const size_t wanted = chunk != 0 ? chunk : random() % 4000;
                const size_t n      = std::min(wanted, samples.size() - start);
                resampler.push(samples.data() + start, n, found);
                start += n;
            }
            resampler.flush(found);
            CHECK_EQUAL(found.size(), whole.size());
            check_result(found.size() == whole.size() &&
                             std::memcmp(found.data(), whole.data(), whole.size() * sizeof(float)) == 0,
                         __FILE__,
                         __LINE__,
                         kstt::format("%d -> %d Hz: chunks of %zu differ", in, out, chunk));
        }
    }
}

void test_reuse() {
    const std::vector<float> samples = sine(440.0, 44100, 10000);
    const std::vector<float> whole   = resample(samples, 44100, 24000);
    kstt::resampler          resampler(44100, 24000);
    std::vector<float>       dropped;
    resampler.push(samples.data(), 777, dropped);
    resampler.reset();
    for (int round = 0; round < 2; round++) {
        std::vector<float> found;
        resampler.push(samples.data(), samples.size(), found);
        resampler.flush(found);
        CHECK(found == whole);
    }
    CHECK_EQUAL(resampler.rate_in(), 44100);
    CHECK_EQUAL(resampler.rate_out(), 24000);
}

// The output keeps at most half_width() input samples back.
void test_latency() {
    for (const auto & [in, out] : all_rates) {
        kstt::resampler    resampler(in, out);
        std::vector<float> found;
        resampler.push(std::vector<float>(size_t(in), 0.0f).data(), size_t(in), found);
        const double waiting = double(out) - double(found.size());
        CHECK(waiting <= double(resampler.half_width() + 1) * out / in + 1.0);
    }
}

void test_edges() {
    // A constant keeps its level up to the edges' own ringing, and silence is silence.
    const std::vector<float> constant = resample(std::vector<float>(44100, 0.5f), 44100, 24000);
    for (size_t i = 1000; i + 1000 < constant.size(); i++) {
        if (std::abs(constant[i] - 0.5f) > 1e-6f) {
            check_result(false, __FILE__, __LINE__, kstt::format("constant at %zu: %g", i, double(constant[i])));
            break;
        }
    }
    const std::vector<float> equal = sine(100.0, 24000, 1000);
    CHECK(resample(equal, 24000, 24000) == equal);
    // An impulse at an input sample that is also an output sample stays symmetric around it.
    std::vector<float> impulse(8820, 0.0f);
    impulse[4410]                     = 1.0f;
    const std::vector<float> response = resample(impulse, 44100, 24000);
    for (size_t i = 1; i < 200; i++) {
        CHECK(std::abs(response[2400 - i] - response[2400 + i]) < 1e-7f);
    }
}

void test_bad_rates() {
    CHECK_THROWS(kstt::resampler(0, 24000), KSTT_STATUS_INVALID_AUDIO, "input", "0 Hz");
    CHECK_THROWS(kstt::resampler(-44100, 24000), KSTT_STATUS_INVALID_AUDIO, "-44100");
    CHECK_THROWS(kstt::resampler(999, 24000), KSTT_STATUS_INVALID_AUDIO, "1000 to 768000");
    CHECK_THROWS(kstt::resampler(1000000, 24000), KSTT_STATUS_INVALID_AUDIO, "1000000");
    CHECK_THROWS(kstt::resampler(44100, 0), KSTT_STATUS_INVALID_ARGUMENT, "output");
    CHECK_THROWS(kstt::resampler(44100, 768001), KSTT_STATUS_INVALID_ARGUMENT, "768001");
}

// The vector versions give the very bits of the written order.
void test_dot_product() {
#if defined(__x86_64__) && !defined(__FMA__)
    std::mt19937                          random(3);
    std::uniform_real_distribution<float> value(-1.0f, 1.0f);
    for (size_t n = 0; n <= 20 * kstt::dot_block; n += kstt::dot_block) {
        std::vector<float> a(n);
        std::vector<float> b(n);
        float              sums[kstt::dot_block] = {};
        for (size_t i = 0; i < n; i++) {
            a[i] = value(random);
            b[i] = value(random);
            sums[i % kstt::dot_block] += a[i] * b[i];
        }
        for (size_t width = kstt::dot_block / 2; width > 0; width /= 2) {
            for (size_t lane = 0; lane < width; lane++) {
                sums[lane] += sums[lane + width];
            }
        }
        CHECK_EQUAL(kstt::dot_product(a.data(), b.data(), n), sums[0]);
    }
#else
    std::printf("skipped: equal bits of the dot product, promised on x86-64 only\n");
#endif
}

// Filters of every ratio stay within the stated memory, the worst ones included.
void test_table_size() {
    for (const auto & [up, down] : { std::pair<int64_t, int64_t>{ 24000, 44101 },
                                     { 1000, 767999 },
                                     { 1, 768 },
                                     { 767999, 1000 },
                                     { 767999, 768000 },
                                     { 768, 1 },
                                     { 80, 147 },
                                     { 1999, 767000 } }) {
        CHECK(kstt::polyphase_filter(up, down).table_bytes() <= size_t(4) << 20);
    }
}

}  // namespace

int main() {
    test_pass_band();
    test_alias_rejection();
    test_image_rejection();
    test_length();
    test_chunking();
    test_reuse();
    test_latency();
    test_edges();
    test_bad_rates();
    test_dot_product();
    test_table_size();
    return check_report();
}
