// Attention over the rings: against plain loops in f64, in calls of any number of columns and rows, over many turns of
// a ring; slots that take no part keep every byte.
#include "device-array.h"
#include "kernel-test.h"

#include <algorithm>

namespace {

using namespace kstt::gpu;

struct attention_case {
    int32_t   n_heads, n_kv_heads, head_dim, window, group, per_row;
    ring_kind kind;

    int32_t capacity() const { return window + per_row - 1; }

    int32_t width() const { return (n_heads + 2 * n_kv_heads) * head_dim; }
};

struct stream_input {
    std::vector<float> qkv;   // [position][width]
    std::vector<float> rope;  // [position][head_dim]
};

std::vector<double> rotate(const float * x, const float * table, int32_t n) {
    std::vector<double> out(static_cast<size_t>(n));
    for (int32_t i = 0; i < n / 2; i++) {
        const double a                      = static_cast<double>(x[i]);
        const double b                      = static_cast<double>(x[i + n / 2]);
        const double c                      = static_cast<double>(table[i]);
        const double s                      = static_cast<double>(table[i + n / 2]);
        out[static_cast<size_t>(i)]         = a * c - b * s;
        out[static_cast<size_t>(i + n / 2)] = b * c + a * s;
    }
    return out;
}

std::vector<double> attend(const attention_case & one, const stream_input & in, int32_t position) {
    const int32_t       window = one.window - (one.group - 1 - position % one.group);
    std::vector<double> out;
    for (int32_t head = 0; head < one.n_heads; head++) {
        const int32_t              kv = head / (one.n_heads / one.n_kv_heads);
        const auto                 q  = rotate(in.qkv.data() + position * one.width() + head * one.head_dim,
                              in.rope.data() + position * one.head_dim,
                              one.head_dim);
        std::vector<double>        scores;
        std::vector<const float *> values;
        for (int32_t p = std::max(0, position - window + 1); p <= position; p++) {
            const float * k       = in.qkv.data() + p * one.width() + (one.n_heads + kv) * one.head_dim;
            const auto    rotated = rotate(k, in.rope.data() + p * one.head_dim, one.head_dim);
            double        dot     = 0.0;
            for (size_t i = 0; i < rotated.size(); i++) {
                dot += rotated[i] * q[i];
            }
            scores.push_back(dot / std::sqrt(static_cast<double>(one.head_dim)));
            values.push_back(k + one.n_kv_heads * one.head_dim);
        }
        const double largest = *std::max_element(scores.begin(), scores.end());
        double       total   = 0.0;
        for (double & score : scores) {
            score = std::exp(score - largest);
            total += score;
        }
        for (int32_t d = 0; d < one.head_dim; d++) {
            double sum = 0.0;
            for (size_t i = 0; i < scores.size(); i++) {
                sum += scores[i] / total * static_cast<double>(values[i][d]);
            }
            out.push_back(sum);
        }
    }
    return out;
}

class attention_bench {
  public:
    static constexpr int32_t n_slots = 3;

    explicit attention_bench(const attention_case & one)
        : one_(one), keys_(ring_bytes()), values_(ring_bytes()), key_scales_(scale_floats()),
          value_scales_(scale_floats()),
          partials_(attention_scratch(n_slots * one.per_row, one.n_heads, one.head_dim, one.window)),
          counters_(static_cast<size_t>(n_slots * one.per_row * one.n_heads)) {}

    // n columns of each row, from the rows' positions on -> [row][column][n_heads * head_dim]
    std::vector<float> run(const std::vector<int32_t> &              slots,
                           const std::vector<const stream_input *> & inputs,
                           const std::vector<int32_t> &              positions,
                           int32_t                                   n) {
        std::vector<float> qkv;
        std::vector<float> rope;
        for (size_t row = 0; row < slots.size(); row++) {
            const auto at  = static_cast<int64_t>(positions[row]);
            const auto add = [&](std::vector<float> & to, const std::vector<float> & from, int64_t width) {
                to.insert(to.end(), from.begin() + at * width, from.begin() + (at + n) * width);
            };
            add(qkv, inputs[row]->qkv, one_.width());
            add(rope, inputs[row]->rope, one_.head_dim);
        }
        const int32_t         out_width = one_.n_heads * one_.head_dim;
        device_array<float>   device_qkv(qkv);
        device_array<float>   device_rope(rope);
        device_array<int32_t> device_slots(slots);
        device_array<int32_t> device_positions(positions);
        device_array<float>   out(slots.size() * static_cast<size_t>(n * out_width));
        attention_call        call;
        call.qkv        = device_qkv.data();
        call.rope       = device_rope.data();
        call.slots      = device_slots.data();
        call.positions  = device_positions.data();
        call.keys       = { keys_.data(), key_scales_.data() };
        call.values     = { values_.data(), value_scales_.data() };
        call.kind       = one_.kind;
        call.qkv_stride = one_.width();
        call.n_rows     = static_cast<int32_t>(slots.size());
        call.per_row    = n;
        call.n_heads    = one_.n_heads;
        call.n_kv_heads = one_.n_kv_heads;
        call.head_dim   = one_.head_dim;
        call.window     = one_.window;
        call.group      = one_.group;
        call.capacity   = one_.capacity();
        call.out        = out.data();
        call.out_stride = out_width;
        call.partials   = partials_.data();
        call.counters   = counters_.data();
        launch_attention(test_stream(), call);
        const std::vector<float>    result = out.read();
        const std::vector<uint32_t> counts = counters_.read();
        CHECK(std::count(counts.begin(), counts.end(), 0U) == static_cast<int64_t>(counts.size()));
        return result;
    }

    // Everything that is kept of a slot.
    std::vector<uint8_t> kept(int32_t slot) const {
        std::vector<uint8_t> bytes;
        for (const auto * ring : { &keys_, &values_ }) {
            const std::vector<uint8_t> all = ring->read();
            const size_t               n   = all.size() / n_slots;
            bytes.insert(bytes.end(),
                         all.begin() + static_cast<int64_t>(n) * slot,
                         all.begin() + static_cast<int64_t>(n) * (slot + 1));
        }
        return bytes;
    }

  private:
    size_t elements() const {
        return static_cast<size_t>(n_slots * one_.n_kv_heads * one_.capacity() * head_stride(one_.head_dim));
    }

    size_t ring_bytes() const {
        return elements() * (one_.kind == ring_kind::f32 ? 4 : one_.kind == ring_kind::f16 ? 2 : 1);
    }

    size_t scale_floats() const { return one_.kind == ring_kind::q8 ? elements() / 32 : 1; }

    const attention_case   one_;
    device_array<uint8_t>  keys_;
    device_array<uint8_t>  values_;
    device_array<float>    key_scales_;
    device_array<float>    value_scales_;
    device_array<float>    partials_;
    device_array<uint32_t> counters_;
};

stream_input make_stream(const attention_case & one, int32_t n, uint32_t seed) {
    random_numbers random(seed);
    stream_input   in;
    in.qkv = random.many(static_cast<size_t>(n * one.width()));
    for (int32_t p = 0; p < n; p++) {
        for (int32_t part = 0; part < 2; part++) {
            for (int32_t i = 0; i < one.head_dim / 2; i++) {
                const double angle = p * std::pow(1000.0, -2.0 * i / one.head_dim);
                in.rope.push_back(static_cast<float>(part == 0 ? std::cos(angle) : std::sin(angle)));
            }
        }
    }
    return in;
}

// columns: how many of each call, one after the other.
std::vector<float> run_alone(const attention_case &       one,
                             const stream_input &         in,
                             int32_t                      slot,
                             const std::vector<int32_t> & columns) {
    attention_bench    bench(one);
    std::vector<float> out;
    int32_t            position = 0;
    for (const int32_t n : columns) {
        const std::vector<float> more = bench.run({ slot }, { &in }, { position }, n);
        out.insert(out.end(), more.begin(), more.end());
        position += n;
    }
    return out;
}

void check_case(const attention_case & one, int32_t n, double tolerance) {
    const stream_input       in     = make_stream(one, n, 1);
    const std::vector<float> single = run_alone(one, in, 0, std::vector<int32_t>(static_cast<size_t>(n), 1));
    std::vector<double>      expected;
    for (int32_t p = 0; p < n; p++) {
        const auto more = attend(one, in, p);
        expected.insert(expected.end(), more.begin(), more.end());
    }
    CHECK(relative_error(single, expected) < tolerance);
    std::vector<int32_t> columns;
    for (int32_t left = n; left > 0; left -= columns.back()) {
        columns.push_back(std::min(left, columns.empty() ? 1 : one.per_row - static_cast<int32_t>(columns.size() % 2)));
    }
    CHECK(run_alone(one, in, 2, columns) == single);

    // Another stream joins late, in another row; the third slot sleeps, an unused row lies between.
    const stream_input         other = make_stream(one, n, 2);
    const std::vector<float>   alone = run_alone(one, other, 1, std::vector<int32_t>(static_cast<size_t>(n), 1));
    attention_bench            bench(one);
    const std::vector<uint8_t> asleep = bench.kept(0);
    const auto                 width  = static_cast<int64_t>(one.n_heads) * one.head_dim;
    const int32_t              late   = n / 3;
    for (int32_t p = 0; p < n; p++) {
        const auto with_other = p >= late;
        const auto out        = with_other ? bench.run({ 1, -1, 2 }, { &other, &in, &in }, { p - late, 0, p }, 1)
                                           : bench.run({ 2 }, { &in }, { p }, 1);
        const auto mine       = out.end() - width;
        CHECK(std::equal(mine, out.end(), single.begin() + p * width));
        if (with_other) {
            CHECK(std::equal(out.begin(), out.begin() + width, alone.begin() + (p - late) * width));
        }
    }
    CHECK(bench.kept(0) == asleep);
}

void test_f16() {
    check_case({ 2, 2, 16, 20, 1, 3, ring_kind::f16 }, 50, 1e-3);
    check_case({ 4, 2, 64, 150, 1, 4, ring_kind::f16 }, 320, 1e-3);
    check_case({ 1, 1, 128, 40, 1, 2, ring_kind::f16 }, 90, 1e-3);
}

void test_f32() {
    check_case({ 4, 1, 12, 30, 2, 4, ring_kind::f32 }, 70, 1e-5);
    check_case({ 2, 1, 96, 140, 2, 6, ring_kind::f32 }, 300, 1e-5);
    check_case({ 1, 1, 256, 10, 1, 2, ring_kind::f32 }, 25, 1e-5);
}

void test_q8() {
    check_case({ 2, 1, 64, 140, 1, 3, ring_kind::q8 }, 200, 3e-2);
}

}  // namespace

int main() {
    return run_kernel_tests({ test_f16, test_f32, test_q8 });
}
