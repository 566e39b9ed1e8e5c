// The contenders of the kernel benchmark and how they are timed.
#pragma once

#include <ggml-backend.h>
#include <ggml.h>

#include <cstdint>
#include <memory>
#include <vector>

namespace kstt_bench {

// Random matrices of the shapes of the 1b decoder's layers and head, in ggml's form; enough layers to exceed the
// caches.
class matrices {
  public:
    explicit matrices(ggml_type type);

    struct matrix {
        int64_t              k;
        int64_t              n_out;
        std::vector<uint8_t> bytes;
    };

    ggml_type                   type() const { return type_; }
    const std::vector<matrix> & all() const { return all_; }
    int64_t                     n_weights() const;
    int64_t                     n_bytes() const;

  private:
    ggml_type           type_;
    std::vector<matrix> all_;
};

// One pass multiplies every matrix with its own columns.
class contender {
  public:
    virtual ~contender()                 = default;
    virtual const char * layout() const  = 0;
    virtual const char * kernels() const = 0;
    virtual void         pass()          = 0;
};

struct ggml_module {
    ggml_backend_reg_t reg  = nullptr;
    const char *       name = "";
};

// nullptr: the file is none, or does not suit this processor.
std::unique_ptr<ggml_module> open_ggml_module(const std::string & path);

std::unique_ptr<contender> make_ours(const matrices & weights, int columns, int threads);

// nullptr: ggml has no repacked form of this type here.
std::unique_ptr<contender> make_ggml(
    const ggml_module & module, const matrices & weights, int columns, int threads, bool repacked);

// Seconds per pass: of the clock, and of the calling thread's processor time times the number of threads. The second
// leaves out what other programs took, so it is the one to compare on a busy machine, as long as memory is not the
// limit.
struct samples {
    std::vector<double> wall;
    std::vector<double> cpu;
};

void   measure(contender & one, samples & out);
double median(std::vector<double> values);
double smallest(const std::vector<double> & values);

// Reads a buffer that exceeds the caches, all threads at once.
class bandwidth_probe {
  public:
    explicit bandwidth_probe(int threads);
    double measure();  // 1e9 bytes per second

  private:
    std::vector<std::vector<uint64_t>> buffers_;
};

}  // namespace kstt_bench
