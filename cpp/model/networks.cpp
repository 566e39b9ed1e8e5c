#include "model/networks.h"

#include "model/mimi-encoder.h"
#include "model/text-decoder.h"

namespace kstt {

namespace {

// Layers larger than this do not stay in a processor's caches from step to step; a model in the caches is bound by
// arithmetic, and drafts that fail cost it more than those that hold save.
constexpr int64_t cached_bytes = 256 << 20;

int64_t layer_bytes(const decoder_weights & weights) {
    int64_t n_bytes = 0;
    for (const block_weights & block : weights.blocks) {
        for (const ggml_tensor * tensor : { block.q, block.k, block.v, block.o, block.fc1, block.fc2 }) {
            n_bytes += static_cast<int64_t>(ggml_nbytes(tensor));
        }
    }
    return n_bytes;
}

class cpu_networks final : public networks {
  public:
    cpu_networks(const stt_model & model, compute_backend & backend, bool always_draft)
        : model_(model), backend_(backend), drafts_pay_(always_draft || layer_bytes(model.decoder) > cached_bytes) {}

    std::unique_ptr<codec_network> make_codec(const mimi_options & options) override {
        return std::make_unique<mimi_encoder>(model_.mimi, options, backend_);
    }

    std::unique_ptr<decoder_network> make_decoder(const decoder_options & options) override {
        return std::make_unique<text_decoder>(model_.decoder, options, backend_);
    }

    std::string device() const override { return "cpu"; }

    bool drafts_pay() const override { return drafts_pay_; }

  private:
    const stt_model & model_;
    compute_backend & backend_;
    const bool        drafts_pay_;
};

network_device make_device(bool always_draft) {
    network_device device;
    device.open = [=](const stt_model & model, compute_backend & backend) -> std::unique_ptr<networks> {
        return std::make_unique<cpu_networks>(model, backend, always_draft);
    };
    return device;
}

}  // namespace

network_device cpu_device() {
    return make_device(false);
}

network_device drafting_cpu_device() {
    return make_device(true);
}

}  // namespace kstt
