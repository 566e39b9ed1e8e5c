#include "cuda/cuda-device.h"

#include "cuda/codec-executor.h"
#include "cuda/decoder-executor.h"
#include "cuda/device-weights.h"
#include "runtime/error.h"

#include <cstdlib>
#include <string>

namespace kstt {

namespace gpu {

namespace {

// Limits of the kernels, checked here so that nothing fails later.
void check_supported(const stt_model & model) {
    const auto check_head = [](int32_t head_dim, const char * whose) {
        if (head_dim > 256) {
            throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                        format("the %s's head_dim is %d; the CUDA kernels take up to 256", whose, head_dim));
        }
    };
    check_head(model.config.codec.head_dim, "codec");
    check_head(model.config.decoder.head_dim, "decoder");
    if (model.config.codec.codebook_dim > 512) {
        throw error(
            KSTT_STATUS_MODEL_UNSUPPORTED,
            format("the codec's codebook_dim is %d; the CUDA kernels take up to 512", model.config.codec.codebook_dim));
    }
}

bool wants_q8_rings() {
    const char * kind = std::getenv("KSTT_CUDA_KV");
    return kind != nullptr && std::string(kind) == "q8";
}

class cuda_networks final : public networks {
  public:
    explicit cuda_networks(const stt_model & model) : properties_(open_device()) {
        check_supported(model);
        weights_ = std::make_unique<device_weights>(model);
    }

    std::unique_ptr<codec_network> make_codec(const mimi_options & options) override {
        open_device();  // whichever thread this is
        return std::make_unique<codec_executor>(*weights_, options, properties_.n_processors);
    }

    std::unique_ptr<decoder_network> make_decoder(const decoder_options & options) override {
        open_device();
        return std::make_unique<decoder_executor>(*weights_, options, wants_q8_rings());
    }

    std::string device() const override { return properties_.name; }

    // A step is bound by reading the weights up to some dozens of columns.
    bool drafts_pay() const override { return true; }

  private:
    const device_properties         properties_;
    std::unique_ptr<device_weights> weights_;
};

}  // namespace

}  // namespace gpu

void check_cuda_device() {
    gpu::open_device();
}

network_device cuda_device() {
    network_device device;
    device.packed_weights = false;
    device.open           = [](const stt_model & model, compute_backend &) -> std::unique_ptr<networks> {
        return std::make_unique<gpu::cuda_networks>(model);
    };
    return device;
}

}  // namespace kstt
