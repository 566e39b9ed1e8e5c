#include "model/networks.h"

#include "model/mimi-encoder.h"
#include "model/text-decoder.h"

namespace kstt {

namespace {

class cpu_networks final : public networks {
  public:
    cpu_networks(const stt_model & model, compute_backend & backend) : model_(model), backend_(backend) {}

    std::unique_ptr<codec_network> make_codec(const mimi_options & options) override {
        return std::make_unique<mimi_encoder>(model_.mimi, options, backend_);
    }

    std::unique_ptr<decoder_network> make_decoder(const decoder_options & options) override {
        return std::make_unique<text_decoder>(model_.decoder, options, backend_);
    }

    std::string device() const override { return "cpu"; }

  private:
    const stt_model & model_;
    compute_backend & backend_;
};

}  // namespace

network_device cpu_device() {
    network_device device;
    device.open = [](const stt_model & model, compute_backend & backend) -> std::unique_ptr<networks> {
        return std::make_unique<cpu_networks>(model, backend);
    };
    return device;
}

}  // namespace kstt
