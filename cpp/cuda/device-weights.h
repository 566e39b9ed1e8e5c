// A model's weights on the device, packed. One copy for all networks of a model.
#pragma once

#include "cuda/device-api.h"
#include "cuda/kernels.h"
#include "model/stt-model.h"

#include <memory>
#include <vector>

namespace kstt::gpu {

// Linear layers of a block; vectors are f32 and zero up to a multiple of 64. nullptr where the model has none.
struct device_block {
    device_matrix qkv;  // queries, keys and values together
    device_matrix o;
    device_matrix fc1;
    device_matrix fc2;
    const float * attn_norm      = nullptr;
    const float * attn_norm_bias = nullptr;
    const float * qkv_bias       = nullptr;
    const float * o_bias         = nullptr;
    const float * attn_scale     = nullptr;
    const float * mlp_norm       = nullptr;
    const float * mlp_norm_bias  = nullptr;
    const float * mlp_scale      = nullptr;
};

struct device_convolution {
    conv1d_shape  shape;
    device_matrix weight;
    const float * bias = nullptr;
};

struct device_seanet_layer {
    bool               is_residual  = false;
    bool               elu_first    = false;
    bool               has_shortcut = false;
    device_convolution conv;
    device_convolution pointwise;
    device_convolution shortcut;
};

struct decoder_device_weights {
    const void *              embed      = nullptr;  // rows in the model's form
    table_kind                embed_kind = table_kind::f32;
    std::vector<device_block> blocks;
    const float *             norm = nullptr;
    device_matrix             head;
    device_matrix             extra_heads;     // f32, if any
    bool                      is_f32 = false;  // the layers' matrices, all or none
};

struct codec_device_weights {
    std::vector<device_seanet_layer> seanet;
    std::vector<device_block>        blocks;
    device_convolution               downsample;  // if the model has one
    device_matrix                    semantic_proj;
    device_matrix                    acoustic_proj;
    bool                             has_proj  = false;
    const float *                    entries   = nullptr;  // [codebook][entry][dim]
    const float *                    half_norm = nullptr;
    int32_t                          n_entries = 0;
    int32_t                          dim       = 0;
};

class device_weights {
  public:
    // Uploads everything; the model's matrices must be in their stored form (weight_store without packing). Throws
    // OUT_OF_MEMORY, MODEL_UNSUPPORTED.
    explicit device_weights(const stt_model & model);
    ~device_weights();
    device_weights(const device_weights &)             = delete;
    device_weights & operator=(const device_weights &) = delete;

    const stt_model & model() const { return model_; }

    const decoder_device_weights & decoder() const { return decoder_; }

    const codec_device_weights & codec() const { return codec_; }

    int64_t n_bytes() const { return n_bytes_; }

  private:
    void *             keep(const void * host, size_t n_bytes);
    const float *      vector(const ggml_tensor * tensor);
    device_matrix      matrix(const std::vector<const ggml_tensor *> & parts, bool paired, bool want_f32);
    device_block       block(const block_weights & weights, bool paired, bool want_f32);
    device_convolution convolution(const conv1d_weights & weights);
    void               load_decoder();
    void               load_codec();

    const stt_model &          model_;
    stream                     stream_;
    std::vector<device_memory> memory_;
    int64_t                    n_bytes_ = 0;
    decoder_device_weights     decoder_;
    codec_device_weights       codec_;
};

}  // namespace kstt::gpu
