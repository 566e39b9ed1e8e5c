#include "nn/norm.h"

#include "runtime/error.h"

#include <cmath>

namespace kstt {

namespace {

struct norm_params {
    float eps;
    bool  centred;
};

// Four partial sums: a fixed order, and no chain of dependent additions.
template <typename F>
double sum(int64_t n, F && term) {
    double  partial[4] = { 0.0, 0.0, 0.0, 0.0 };
    int64_t i          = 0;
    for (; i + 4 <= n; i += 4) {
        for (int64_t j = 0; j < 4; j++) {
            partial[j] += term(i + j);
        }
    }
    for (; i < n; i++) {
        partial[0] += term(i);
    }
    return (partial[0] + partial[1]) + (partial[2] + partial[3]);
}

void compute_norm(ggml_tensor * y, int, int, void * userdata) {
    const auto &  params = *static_cast<const norm_params *>(userdata);
    const int64_t n      = y->ne[0];
    const float * weight = static_cast<const float *>(y->src[1]->data);
    const float * bias   = params.centred ? static_cast<const float *>(y->src[2]->data) : nullptr;
    for (int64_t column = 0; column < y->ne[1] * y->ne[2]; column++) {
        const float * x        = static_cast<const float *>(y->src[0]->data) + column * n;
        float *       out      = static_cast<float *>(y->data) + column * n;
        const double  mean     = params.centred
                                     ? sum(n, [&](int64_t i) { return static_cast<double>(x[i]); }) / static_cast<double>(n)
                                     : 0.0;
        const double  variance = sum(n,
                                    [&](int64_t i) {
                                        const double d = static_cast<double>(x[i]) - mean;
                                        return d * d;
                                    }) /
                                static_cast<double>(n);
        const auto inverse = static_cast<float>(1.0 / std::sqrt(variance + static_cast<double>(params.eps)));
        const auto centre  = static_cast<float>(mean);
        if (bias != nullptr) {
            for (int64_t i = 0; i < n; i++) {
                out[i] = (x[i] - centre) * inverse * weight[i] + bias[i];
            }
        } else {
            for (int64_t i = 0; i < n; i++) {
                out[i] = x[i] * inverse * weight[i];
            }
        }
    }
}

}  // namespace

ggml_tensor * build_norm(graph_scope & g, ggml_tensor * x, ggml_tensor * weight, ggml_tensor * bias, float eps) {
    KSTT_CHECK(ggml_is_contiguous(x) && weight->ne[0] == x->ne[0]);
    std::vector<ggml_tensor *> args = { x, weight };
    if (bias != nullptr) {
        args.push_back(bias);
    }
    return g.custom(
        args, compute_norm, norm_params{ eps, bias != nullptr }, GGML_TYPE_F32, x->ne[0], x->ne[1], x->ne[2]);
}

}  // namespace kstt
