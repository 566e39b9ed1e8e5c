// The kernels that begin and end a step, and the search of the codebooks.
#include "device-array.h"
#include "kernel-test.h"
#include "nn/rope.h"

#include <ggml.h>

#include <algorithm>

namespace {

using namespace kstt::gpu;

void check_embedding(table_kind kind, ggml_type type) {
    constexpr int64_t        hidden = 96;
    constexpr int64_t        n_rows = 40;
    constexpr int64_t        n_ids  = 9;
    random_numbers           random(5);
    const std::vector<float> values = random.many(n_rows * hidden);
    std::vector<uint8_t>     table(ggml_row_size(type, hidden) * n_rows);
    std::vector<float>       stored(values.size());
    ggml_quantize_chunk(type, values.data(), table.data(), 0, n_rows, hidden, nullptr);
    if (type == GGML_TYPE_F32) {
        stored = values;
    } else {
        ggml_get_type_traits(type)->to_float(table.data(), stored.data(), n_rows * hidden);
    }
    // Three rows of two columns; the second row is not used.
    std::vector<int32_t> ids;
    for (int64_t i = 0; i < 6 * n_ids; i++) {
        ids.push_back(static_cast<int32_t>(random.below(n_rows)));
    }
    device_array<uint8_t> device_table(table);
    device_array<int32_t> device_ids(ids);
    device_array<int32_t> slots(std::vector<int32_t>{ 4, -1, 0 });
    device_array<float>   x(6 * 128);
    device_array<float>   sums(6 * 6);
    embedding_call        call;
    call.table     = device_table.data();
    call.kind      = kind;
    call.ids       = device_ids.data();
    call.slots     = slots.data();
    call.n_ids     = n_ids;
    call.n_columns = 6;
    call.per_row   = 2;
    call.hidden    = hidden;
    call.x_stride  = 128;
    call.x         = x.data();
    call.sums      = { sums.data(), 6 };
    launch_embedding(test_stream(), call);
    std::vector<float>  expected(6 * 128, 0.0F);
    std::vector<double> squares(6 * 6, 0.0);
    for (size_t column : { 0, 1, 4, 5 }) {
        for (size_t i = 0; i < hidden; i++) {
            float sum = 0.0F;
            for (size_t j = 0; j < n_ids; j++) {
                sum += stored[static_cast<size_t>(ids[column * n_ids + j]) * hidden + i];
            }
            expected[column * 128 + i] = sum;
            squares[column * 6 + i / 16] += static_cast<double>(sum) * static_cast<double>(sum);
        }
    }
    CHECK(x.read() == expected);
    CHECK(relative_error(sums.read(), squares) < 1e-6);
}

void test_embedding() {
    check_embedding(table_kind::f32, GGML_TYPE_F32);
    check_embedding(table_kind::f16, GGML_TYPE_F16);
    check_embedding(table_kind::bf16, GGML_TYPE_BF16);
    check_embedding(table_kind::q8_0, GGML_TYPE_Q8_0);
    check_embedding(table_kind::q4_0, GGML_TYPE_Q4_0);
}

void test_rope() {
    for (const bool reference : { false, true }) {
        const auto             precision = reference ? kstt::rope_precision::reference : kstt::rope_precision::exact;
        const kstt::rope_table table(24, 10000.0, precision);
        device_array<double>   frequencies(table.frequencies());
        const std::vector<int32_t> positions = { 0, 7, 1000000 };
        device_array<int32_t>      device_positions(positions);
        device_array<float>        out(6 * 24);
        rope_call                  call;
        call.frequencies = frequencies.data();
        call.positions   = device_positions.data();
        call.n_columns   = 6;
        call.per_row     = 2;
        call.head_dim    = 24;
        call.reference   = reference;
        call.table       = out.data();
        launch_rope_table(test_stream(), call);
        std::vector<double> expected;
        for (const int32_t position : positions) {
            for (int32_t column = 0; column < 2; column++) {
                std::vector<float> row(24);
                table.fill(position + column, row.data());
                expected.insert(expected.end(), row.begin(), row.end());
            }
        }
        CHECK(relative_error(out.read(), expected) < 2e-7);
    }
}

void test_pick() {
    constexpr int32_t  n = 1000;
    random_numbers     random(6);
    std::vector<float> logits = random.many(4 * 1024, 3.0F);
    logits[700] = logits[20] = 50.0F;  // a tie: the lower id
    logits[1024 + 1003]      = 90.0F;  // beyond those that may be chosen
    logits[2 * 1024 + 999]   = 60.0F;
    std::fill(logits.begin() + 3 * 1024, logits.begin() + 4 * 1024, NAN);
    device_array<float>   device_logits(logits);
    device_array<int32_t> tokens(4);
    device_array<float>   probabilities(4);
    launch_pick(test_stream(), device_logits.data(), 1024, n, 4, tokens.data(), probabilities.data());
    const std::vector<int32_t> found = tokens.read();
    const std::vector<float>   sure  = probabilities.read();
    const auto                 row   = logits.begin() + 1024;
    CHECK_EQUAL(found[0], 20);
    CHECK_EQUAL(found[1], static_cast<int32_t>(std::max_element(row, row + n) - row));
    CHECK_EQUAL(found[2], 999);
    CHECK_EQUAL(found[3], 0);
    double total = 0.0;
    for (int32_t i = 0; i < n; i++) {
        total += std::exp(static_cast<double>(row[i]) - static_cast<double>(row[found[1]]));
    }
    CHECK(std::fabs(static_cast<double>(sure[0]) - 0.5) < 1e-6);
    CHECK(std::fabs(static_cast<double>(sure[1]) * total - 1.0) < 1e-5);
}

// Frames in any number, by any number of blocks.
void test_codebooks() {
    constexpr int32_t  n_books   = 5;
    constexpr int32_t  n_entries = 70;
    constexpr int32_t  dim       = 40;
    constexpr int32_t  n_frames  = 21;
    random_numbers     random(8);
    std::vector<float> entries  = random.many(n_books * n_entries * dim);
    std::vector<float> semantic = random.many(n_frames * 64, 2.0F);
    std::vector<float> acoustic = random.many(n_frames * 64, 2.0F);
    // Two equal entries that the first frame lies on: the first of them.
    std::copy_n(entries.begin() + 9 * dim, dim, entries.begin() + 30 * dim);
    std::copy_n(entries.begin() + 9 * dim, dim, semantic.begin());
    std::vector<float> half_norm;
    for (int32_t e = 0; e < n_books * n_entries; e++) {
        double sum = 0.0;
        for (int32_t i = 0; i < dim; i++) {
            sum += std::pow(static_cast<double>(entries[static_cast<size_t>(e * dim + i)]), 2.0);
        }
        half_norm.push_back(static_cast<float>(sum / 2.0));
    }
    std::vector<int32_t> expected;
    for (int32_t frame = 0; frame < n_frames; frame++) {
        std::vector<double> residual;
        for (int32_t book = 0; book < n_books; book++) {
            if (book == 0 || book == 2) {
                const std::vector<float> & from = book == 0 ? semantic : acoustic;
                residual.assign(from.begin() + frame * 64, from.begin() + frame * 64 + dim);
            }
            int32_t best  = 0;
            double  least = INFINITY;
            for (int32_t e = 0; e < n_entries; e++) {
                double distance = 0.0;
                for (int32_t i = 0; i < dim; i++) {
                    const auto entry =
                        static_cast<double>(entries[static_cast<size_t>((book * n_entries + e) * dim + i)]);
                    distance += std::pow(residual[static_cast<size_t>(i)] - entry, 2.0);
                }
                if (distance < least) {
                    least = distance;
                    best  = e;
                }
            }
            expected.push_back(best);
            for (int32_t i = 0; i < dim; i++) {
                residual[static_cast<size_t>(i)] -=
                    static_cast<double>(entries[static_cast<size_t>((book * n_entries + best) * dim + i)]);
            }
        }
    }
    CHECK_EQUAL(expected[0], 9);
    device_array<float> device_entries(entries);
    device_array<float> device_norms(half_norm);
    device_array<float> device_semantic(semantic);
    device_array<float> device_acoustic(acoustic);
    for (const codebook_plan plan : { codebook_plan{ 1, 1 }, codebook_plan{ 1, 5 }, codebook_plan{ 2, 3 } }) {
        device_array<int32_t>  codes(n_frames * n_books);
        device_array<float>    scores(codebook_scratch(plan));
        device_array<int32_t>  winners(codebook_scratch(plan));
        device_array<uint32_t> counters(static_cast<size_t>(plan.n_groups));
        codebook_call          call;
        call.entries     = device_entries.data();
        call.half_norm   = device_norms.data();
        call.semantic    = device_semantic.data();
        call.acoustic    = device_acoustic.data();
        call.stride      = 64;
        call.n_frames    = n_frames;
        call.n_codebooks = n_books;
        call.n_semantic  = 2;
        call.n_entries   = n_entries;
        call.dim         = dim;
        call.codes       = codes.data();
        call.scores      = scores.data();
        call.winners     = winners.data();
        call.counters    = counters.data();
        launch_codebooks(test_stream(), call, plan);
        CHECK(codes.read() == expected);
    }
    CHECK_EQUAL(plan_codebooks(1, 132).n_parts, 64);
    CHECK_EQUAL(plan_codebooks(1200, 132).n_groups, 132);
}

}  // namespace

int main() {
    return run_kernel_tests({ test_embedding, test_rope, test_pick, test_codebooks });
}
