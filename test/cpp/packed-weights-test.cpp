// Quantized weights from a checkpoint's mapping to a result: packed while loading without a second copy, multiplied the
// same by any number of threads and columns, looked up row by row as the embedding table.
#include "check.h"
#include "io/mapped-file.h"
#include "kernels/packed-weights.h"
#include "model/weight-store.h"
#include "nn/embedding-sum.h"
#include "nn/graph-runner.h"
#include "nn/linear.h"
#include "nn/packed-weight.h"
#include "temp-folder.h"

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <random>

namespace {

using namespace kstt;

struct format_case {
    element_type type;
    ggml_type    ggml;
};

const format_case formats[] = { { element_type::q8_0, GGML_TYPE_Q8_0 },
                                { element_type::q4_0, GGML_TYPE_Q4_0 },
                                { element_type::q4_k, GGML_TYPE_Q4_K } };

// A file of one matrix.
class one_matrix final : public checkpoint {
  public:
    one_matrix(const std::string & path, element_type type, int64_t n_out, int64_t k) : file_(path) {
        tensor_view tensor;
        tensor.name    = "w";
        tensor.type    = type;
        tensor.shape   = { n_out, k };
        tensor.data    = file_.data();
        tensor.n_bytes = file_.size();
        tensors_.push_back(tensor);
    }

    const tensor_view * find(const std::string & name) const override { return name == "w" ? &tensors_[0] : nullptr; }

    const tensor_view & get(const std::string &, const std::vector<int64_t> & shape) const override {
        CHECK(shape == tensors_[0].shape);
        return tensors_[0];
    }

    const std::vector<tensor_view> & tensors() const override { return tensors_; }

    std::vector<region> regions() const override { return { { file_.data(), file_.size() } }; }

    void release(const tensor_view & tensor) const override {
        CHECK_EQUAL(tensor.name, "w");
        file_.release(tensor.data, tensor.n_bytes);
    }

  private:
    mapped_file              file_;
    std::vector<tensor_view> tensors_;
};

std::vector<float> random_values(int64_t n, uint32_t seed) {
    std::mt19937                    engine(seed);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    std::vector<float>              values(static_cast<size_t>(n));
    for (float & value : values) {
        value = normal(engine);
    }
    return values;
}

std::vector<uint8_t> quantize(ggml_type type, int64_t n_out, int64_t k) {
    const std::vector<float> values = random_values(n_out * k, 1);
    std::vector<uint8_t>     blocks(ggml_row_size(type, k) * static_cast<size_t>(n_out));
    ggml_quantize_chunk(type, values.data(), blocks.data(), 0, n_out, k, nullptr);
    return blocks;
}

void write_file(const std::string & path, const std::vector<uint8_t> & bytes) {
    std::ofstream(path, std::ios::binary)
        .write(reinterpret_cast<const char *>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
}

// residual + scale * (W x + bias), by the layer.
std::vector<float> compute(compute_backend & backend, ggml_tensor * w, const std::vector<float> & x, int64_t columns) {
    const int64_t  n_out = w->ne[1];
    graph_runner   runner(backend, 32, false);
    graph_scope &  g     = runner.scope();
    ggml_tensor *  input = g.input(GGML_TYPE_F32, "x", w->ne[0], columns);
    linear_options options;
    options.bias     = g.input(GGML_TYPE_F32, "bias", n_out);
    options.scale    = g.input(GGML_TYPE_F32, "scale", n_out);
    options.residual = g.input(GGML_TYPE_F32, "residual", n_out, columns);
    ggml_tensor * y  = g.output(build_linear(g, w, input, options));
    runner.reserve();
    const auto fill = [](ggml_tensor * tensor, const std::vector<float> & values) {
        std::memcpy(tensor->data, values.data(), ggml_nbytes(tensor));
    };
    fill(input, x);
    fill(options.bias, random_values(n_out, 3));
    fill(options.scale, random_values(n_out, 4));
    fill(options.residual, random_values(n_out * columns, 5));
    runner.run();
    const auto * out = static_cast<const float *>(y->data);
    return { out, out + n_out * columns };
}

void test_threads_and_columns() {
    const temp_folder folder;
    const int64_t     k     = 2048;
    const int64_t     n_out = 1003;
    for (const format_case & format : formats) {
        write_file(folder.path("w"), quantize(format.ggml, n_out, k));
        compute_backend one(1);
        weight_store    store(std::make_unique<one_matrix>(folder.path("w"), format.type, n_out, k), one);
        ggml_tensor *   w = store.product("w", { n_out, k });
        CHECK(is_packed(w) && w->type == format.ggml && w->ne[0] == k && w->ne[1] == n_out);
        CHECK_EQUAL(store.mapped_bytes(), 0);
        CHECK_EQUAL(store.owned_bytes(), packed_bytes(kind_of(format.ggml), k, n_out));

        const int64_t            columns = 70;  // enough that the activations are quantized by several threads
        const std::vector<float> x       = random_values(k * columns, 2);
        const std::vector<float> y       = compute(one, w, x, columns);
        for (const int32_t n_threads : { 2, 3, 5 }) {
            compute_backend several(n_threads);
            CHECK(compute(several, w, x, columns) == y);
        }
        for (const int64_t some : { 1, 2, 5, 33 }) {
            const std::vector<float> part = compute(one, w, x, some);
            CHECK(std::memcmp(part.data(), y.data(), part.size() * sizeof(float)) == 0);
        }
    }
}

// The table stays in ggml's form; its rows are what ggml says they are.
void test_embedding() {
    const temp_folder folder;
    const int64_t     k      = 512;
    const int64_t     n_rows = 37;
    for (const format_case & format : formats) {
        const std::vector<uint8_t> blocks = quantize(format.ggml, n_rows, k);
        write_file(folder.path("w"), blocks);
        compute_backend    backend(2);
        weight_store       store(std::make_unique<one_matrix>(folder.path("w"), format.type, n_rows, k), backend);
        ggml_tensor *      table = store.mapped("w", { n_rows, k });
        const int32_t      ids[] = { 3, 36, 0, 36 };
        std::vector<float> values(static_cast<size_t>(n_rows * k));
        ggml_get_type_traits(format.ggml)->to_float(blocks.data(), values.data(), n_rows * k);

        graph_runner  runner(backend, 32, false);
        ggml_tensor * input = runner.scope().input(GGML_TYPE_I32, "ids", 2, 2);
        ggml_tensor * y     = runner.scope().output(build_embedding_sum(runner.scope(), table, input));
        runner.reserve();
        std::memcpy(input->data, ids, sizeof(ids));
        runner.run();
        for (int64_t i = 0; i < 2 * k; i++) {
            const int32_t * pair     = ids + i / k * 2;
            const auto      value    = [&](int32_t row) { return values[static_cast<size_t>(row * k + i % k)]; };
            const float     expected = value(pair[0]) + value(pair[1]);
            CHECK_EQUAL(static_cast<const float *>(y->data)[i], expected);
        }
    }
}

#ifdef __linux__

// Of /proc/self/status, in bytes; -1: not there.
int64_t process_bytes(const std::string & field) {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.compare(0, field.size() + 1, field + ":") == 0) {
            return std::atoll(line.c_str() + field.size() + 1) * 1024;
        }
    }
    return -1;
}

// The peak while packing is the packed form and a little, not both forms.
void test_peak_memory() {
    const temp_folder folder;
    const int64_t     k     = 4096;
    const int64_t     n_out = 24576;
    {
        const std::vector<uint8_t> row = quantize(GGML_TYPE_Q8_0, 1, k);
        std::ofstream              out(folder.path("w"), std::ios::binary);
        for (int64_t o = 0; o < n_out; o++) {
            out.write(reinterpret_cast<const char *>(row.data()), static_cast<std::streamsize>(row.size()));
        }
    }
    compute_backend backend(1);
    weight_store    store(std::make_unique<one_matrix>(folder.path("w"), element_type::q8_0, n_out, k), backend);
    std::ofstream("/proc/self/clear_refs") << "5";  // the peak starts anew
    const int64_t before = process_bytes("VmRSS");
    if (before < 0 || process_bytes("VmHWM") > before + (4 << 20)) {
        std::printf("peak memory: not measured, this system does not let a process reset its peak\n");
        return;
    }
    const ggml_tensor * w      = store.product("w", { n_out, k });
    const int64_t       packed = packed_bytes(weight_kind::q8_0, k, n_out);
    const int64_t       peak   = process_bytes("VmHWM") - before;
    CHECK(is_packed(w));
    std::printf("peak memory: %.1f MB while packing %.1f MB\n",
                static_cast<double>(peak) * 1e-6,
                static_cast<double>(packed) * 1e-6);
    CHECK(peak >= packed);
    CHECK(peak < packed + packed / 4);
}

#else

void test_peak_memory() {
    std::printf("peak memory: not measured on this system\n");
}

#endif

}  // namespace

int main() {
    load_cpu_device(std::getenv("KSTT_KERNEL_DIR"));
    return check_run({ test_threads_and_columns, test_embedding, test_peak_memory });
}
