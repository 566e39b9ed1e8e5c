// The products of packed weights alone, without the rest of the core and without Emscripten, for
// bench/wasm-kernels.mjs.
#include "kernels/isa.h"
#include "kernels/packed-weights.h"

using namespace kstt;

extern "C" {

extern unsigned char __heap_base;

// All that the kernels ask of a C library, and only where the compiler does not inline it.
void * memcpy(void * to, const void * from, unsigned long n) {
    for (unsigned long i = 0; i < n; i++) {
        static_cast<unsigned char *>(to)[i] = static_cast<const unsigned char *>(from)[i];
    }
    return to;
}

void * memset(void * to, int value, unsigned long n) {
    for (unsigned long i = 0; i < n; i++) {
        static_cast<unsigned char *>(to)[i] = static_cast<unsigned char>(value);
    }
    return to;
}

// First byte that is not the module's own.
__attribute__((export_name("free_memory"))) const void * free_memory() {
    return &__heap_base;
}

__attribute__((export_name("quantize"))) void quantize(int32_t kind, const float * x, int32_t n, void * blocks) {
    KSTT_JOIN(quantize_, KSTT_KERNEL_ISA)
    (static_cast<weight_kind>(kind), x, n, static_cast<activation_block *>(blocks));
}

__attribute__((export_name("multiply"))) void multiply(
    int32_t kind, const void * w, const void * blocks, float * y, int32_t k, int32_t n_out, int32_t columns) {
    matmul_args a;
    a.w        = w;
    a.kind     = static_cast<weight_kind>(kind);
    a.k        = k;
    a.n_out    = n_out;
    a.x_blocks = static_cast<const activation_block *>(blocks);
    a.y        = y;
    a.y_stride = n_out;
    a.o1       = n_out;
    a.t1       = columns;
    KSTT_JOIN(matmul_packed_, KSTT_KERNEL_ISA)(a);
}

// Plain reading of n bytes, a multiple of 32.
__attribute__((export_name("read"))) int32_t read_bytes(const uint8_t * p, int32_t n) {
    typedef int32_t vi4 __attribute__((vector_size(16)));
    vi4             a = {};
    vi4             b = {};
    for (int32_t i = 0; i < n; i += 32) {
        a += *reinterpret_cast<const vi4 *>(p + i);
        b += *reinterpret_cast<const vi4 *>(p + i + 16);
    }
    a += b;
    return a[0] + a[1] + a[2] + a[3];
}

}  // extern "C"
