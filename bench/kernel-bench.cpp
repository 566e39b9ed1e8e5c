#include "kernel-bench.h"

#include "kernels/packed-weights.h"
#include "nn/graph-runner.h"
#include "nn/linear.h"
#include "nn/packed-weight.h"
#include "runtime/large-memory.h"

#include <ggml-alloc.h>
#include <ggml-cpu.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <ctime>
#include <dlfcn.h>
#include <random>
#include <thread>

namespace kstt_bench {

namespace {

using namespace kstt;

// Several times the third-level cache of the machines measured.
constexpr int64_t enough_bytes = 96 << 20;
constexpr double  min_seconds  = 0.03;  // of one measurement

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
    timespec t = {};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

std::vector<float> random_values(int64_t n) {
    std::mt19937                    engine(1);
    std::normal_distribution<float> normal(0.0F, 1.0F);
    std::vector<float>              values(static_cast<size_t>(n));
    for (float & value : values) {
        value = normal(engine);
    }
    return values;
}

void fill(ggml_tensor * x) {
    const std::vector<float> values = random_values(ggml_nelements(x));
    std::memcpy(x->data, values.data(), ggml_nbytes(x));
}

class ours final : public contender {
  public:
    ours(const matrices & weights, int columns, int threads) : backend_(threads) {
        const size_t n  = weights.all().size();
        runner_         = std::make_unique<graph_runner>(backend_, 4 * n + 16, false);
        graph_scope & g = runner_->scope();
        context_        = ggml_init({ n * ggml_tensor_overhead(), nullptr, true });
        std::vector<ggml_tensor *> inputs;
        for (const matrices::matrix & m : weights.all()) {
            ggml_tensor * w = ggml_new_tensor_2d(context_, weights.type(), m.k, m.n_out);
            if (has_packed_layout(w->type)) {
                const weight_kind kind = kind_of(w->type);
                w->data                = allocate(static_cast<size_t>(packed_bytes(kind, m.k, m.n_out)));
                pack_strips(kind, m.bytes.data(), m.k, m.n_out, 0, n_strips(m.n_out), w->data);
                mark_packed(w);
            } else {
                w->data = const_cast<uint8_t *>(m.bytes.data());
            }
            inputs.push_back(g.input(GGML_TYPE_F32, "x", m.k, columns));
            g.output(build_linear(g, w, inputs.back()));
        }
        packed_ = has_packed_layout(weights.type());
        runner_->reserve();
        for (ggml_tensor * x : inputs) {
            fill(x);
        }
    }

    ~ours() override {
        runner_ = nullptr;
        ggml_free(context_);
    }

    const char * layout() const override { return packed_ ? "ours, packed" : "ours, as stored"; }

    const char * kernels() const override { return kstt::kernels().name; }

    void pass() override { runner_->run(); }

  private:
    // As the weight store does it.
    void * allocate(size_t n_bytes) {
        memory_.push_back(std::make_unique<large_memory>(n_bytes));
        return memory_.back()->data();
    }

    compute_backend                            backend_;
    std::unique_ptr<graph_runner>              runner_;
    ggml_context *                             context_ = nullptr;
    std::vector<std::unique_ptr<large_memory>> memory_;
    bool                                       packed_ = false;
};

class ggml_graph final : public contender {
  public:
    ggml_graph(const ggml_module &        module,
               const matrices &           weights,
               int                        columns,
               int                        threads,
               ggml_backend_buffer_type_t repacked)
        : name_(module.name), repacked_(repacked != nullptr) {
        backend_ = ggml_backend_dev_init(ggml_backend_reg_dev_get(module.reg, 0), nullptr);
        reinterpret_cast<ggml_backend_set_n_threads_t>(
            ggml_backend_reg_get_proc_address(module.reg, "ggml_backend_set_n_threads"))(backend_, threads);
        const size_t n = weights.all().size();
        weights_       = ggml_init({ n * ggml_tensor_overhead(), nullptr, true });
        graph_context_ = ggml_init({ 2 * n * ggml_tensor_overhead() + ggml_graph_overhead(), nullptr, true });
        graph_         = ggml_new_graph(graph_context_);
        std::vector<ggml_tensor *> w;
        for (const matrices::matrix & m : weights.all()) {
            w.push_back(ggml_new_tensor_2d(weights_, weights.type(), m.k, m.n_out));
        }
        buffer_ = ggml_backend_alloc_ctx_tensors_from_buft(
            weights_, repacked_ ? repacked : ggml_backend_get_default_buffer_type(backend_));
        std::vector<ggml_tensor *> inputs;
        for (size_t i = 0; i < n; i++) {
            ggml_backend_tensor_set(w[i], weights.all()[i].bytes.data(), 0, weights.all()[i].bytes.size());
            inputs.push_back(ggml_new_tensor_2d(graph_context_, GGML_TYPE_F32, w[i]->ne[0], columns));
            ggml_tensor * y = ggml_mul_mat(graph_context_, w[i], inputs.back());
            ggml_set_input(inputs.back());
            ggml_set_output(y);
            ggml_build_forward_expand(graph_, y);
        }
        allocator_ = ggml_gallocr_new(ggml_backend_get_default_buffer_type(backend_));
        ggml_gallocr_alloc_graph(allocator_, graph_);
        for (ggml_tensor * x : inputs) {
            fill(x);
        }
    }

    ~ggml_graph() override {
        ggml_gallocr_free(allocator_);
        ggml_backend_buffer_free(buffer_);
        ggml_free(graph_context_);
        ggml_free(weights_);
        ggml_backend_free(backend_);
    }

    const char * layout() const override { return repacked_ ? "ggml, repacked" : "ggml, plain"; }

    const char * kernels() const override { return name_; }

    void pass() override { ggml_backend_graph_compute(backend_, graph_); }

  private:
    const char *          name_;
    bool                  repacked_;
    ggml_backend_t        backend_       = nullptr;
    ggml_context *        weights_       = nullptr;
    ggml_context *        graph_context_ = nullptr;
    ggml_cgraph *         graph_         = nullptr;
    ggml_backend_buffer_t buffer_        = nullptr;
    ggml_gallocr_t        allocator_     = nullptr;
};

}  // namespace

matrices::matrices(ggml_type type) : type_(type) {
    // Inputs and outputs of q, k, v, o, fc1 and fc2, and of the head at the end.
    const int64_t layer[][2] = { { 2048, 2048 }, { 2048, 2048 },  { 2048, 2048 },
                                 { 2048, 2048 }, { 2048, 11264 }, { 5632, 2048 } };
    const auto    add        = [&](int64_t k, int64_t n_out) {
        matrix                   m        = { k, n_out, {} };
        // A few random rows over and over: what is multiplied does not change the time, and quantizing takes some.
        const int64_t            n_random = 64;
        const size_t             block    = ggml_row_size(type, k) * static_cast<size_t>(n_random);
        const std::vector<float> values   = random_values(k * n_random);
        m.bytes.resize(ggml_row_size(type, k) * static_cast<size_t>(n_out));
        ggml_quantize_chunk(type, values.data(), m.bytes.data(), 0, n_random, k, nullptr);
        for (size_t at = block; at < m.bytes.size(); at += block) {
            std::memcpy(m.bytes.data() + at, m.bytes.data(), std::min(block, m.bytes.size() - at));
        }
        all_.push_back(std::move(m));
    };
    do {
        for (const auto & shape : layer) {
            add(shape[0], shape[1]);
        }
    } while (n_bytes() < enough_bytes);
    add(2048, 8000);
}

int64_t matrices::n_weights() const {
    int64_t n = 0;
    for (const matrix & m : all_) {
        n += m.k * m.n_out;
    }
    return n;
}

int64_t matrices::n_bytes() const {
    int64_t n = 0;
    for (const matrix & m : all_) {
        n += static_cast<int64_t>(m.bytes.size());
    }
    return n;
}

std::unique_ptr<ggml_module> open_ggml_module(const std::string & path) {
    void * handle = dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) {
        return nullptr;
    }
    const auto score = reinterpret_cast<int (*)()>(dlsym(handle, "ggml_backend_score"));
    const auto init  = reinterpret_cast<ggml_backend_reg_t (*)()>(dlsym(handle, "ggml_backend_init"));
    if (score == nullptr || init == nullptr || score() == 0) {
        return nullptr;
    }
    auto               module = std::make_unique<ggml_module>();
    const std::string  stem   = path.substr(path.rfind('-') + 1);
    static std::string name;
    name         = stem.substr(0, stem.rfind('.'));
    module->reg  = init();
    module->name = name.c_str();
    return module;
}

std::unique_ptr<contender> make_ours(const matrices & weights, int columns, int threads) {
    return std::make_unique<ours>(weights, columns, threads);
}

std::unique_ptr<contender> make_ggml(
    const ggml_module & module, const matrices & weights, int columns, int threads, bool repacked) {
    if (!repacked) {
        return std::make_unique<ggml_graph>(module, weights, columns, threads, nullptr);
    }
    if (weights.type() != GGML_TYPE_Q4_0 && weights.type() != GGML_TYPE_Q4_K) {
        return nullptr;  // the only two of ours that ggml repacks on this architecture
    }
    const auto extra = reinterpret_cast<ggml_backend_dev_get_extra_bufts_t>(
        ggml_backend_reg_get_proc_address(module.reg, "ggml_backend_dev_get_extra_bufts"));
    ggml_backend_buffer_type_t * types = extra(ggml_backend_reg_dev_get(module.reg, 0));
    for (; types != nullptr && *types != nullptr; types++) {
        if (std::strcmp(ggml_backend_buft_name(*types), "CPU_REPACK") == 0) {
            return std::make_unique<ggml_graph>(module, weights, columns, threads, *types);
        }
    }
    return nullptr;
}

void measure(contender & one, samples & out) {
    one.pass();
    int          n    = 0;
    const double wall = wall_seconds();
    const double cpu  = cpu_seconds();
    do {
        one.pass();
        n++;
    } while (wall_seconds() - wall < min_seconds);
    out.cpu.push_back((cpu_seconds() - cpu) / n);
    out.wall.push_back((wall_seconds() - wall) / n);
}

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

double smallest(const std::vector<double> & values) {
    return *std::min_element(values.begin(), values.end());
}

bandwidth_probe::bandwidth_probe(int threads) : buffers_(static_cast<size_t>(threads)) {
    for (auto & buffer : buffers_) {
        buffer.assign(static_cast<size_t>(enough_bytes) / sizeof(uint64_t), 1);
    }
}

double bandwidth_probe::measure() {
    const double             start = wall_seconds();
    std::vector<uint64_t>    sums(buffers_.size());
    std::vector<std::thread> threads;
    threads.reserve(buffers_.size());
    for (size_t i = 0; i < buffers_.size(); i++) {
        threads.emplace_back([&, i] {
            uint64_t lanes[16] = {};
            for (size_t j = 0; j + 16 <= buffers_[i].size(); j += 16) {
                for (size_t lane = 0; lane < 16; lane++) {
                    lanes[lane] += buffers_[i][j + lane];
                }
            }
            for (const uint64_t lane : lanes) {
                sums[i] += lane;
            }
        });
    }
    for (auto & thread : threads) {
        thread.join();
    }
    const double      seconds = wall_seconds() - start;
    volatile uint64_t sink    = 0;
    for (const uint64_t sum : sums) {
        sink = sink + sum;
    }
    return static_cast<double>(enough_bytes) * static_cast<double>(buffers_.size()) / seconds * 1e-9;
}

}  // namespace kstt_bench
