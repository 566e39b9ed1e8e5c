// A loaded model on a device: makes its networks, each with state of its own. Weights are shared by all of them.
#pragma once

#include "model/codec-network.h"
#include "model/decoder-network.h"
#include "model/stt-model.h"

#include <functional>
#include <memory>
#include <string>

namespace kstt {

class networks {
  public:
    virtual ~networks() = default;

    // Throw OUT_OF_MEMORY. The networks must not outlive this.
    virtual std::unique_ptr<codec_network>   make_codec(const mimi_options & options)      = 0;
    virtual std::unique_ptr<decoder_network> make_decoder(const decoder_options & options) = 0;

    // "cpu", or the name of the GPU.
    virtual std::string device() const = 0;

    // Whether a pass of some columns of one stream takes clearly less than as many passes of one: where weights have to
    // be read from memory each time.
    virtual bool drafts_pay() const = 0;

  protected:
    networks()                             = default;
    networks(const networks &)             = default;
    networks & operator=(const networks &) = default;
};

// A kind of device.
struct network_device {
    // How matrices have to be laid out in the host's memory, see weight_store::product.
    bool                                                                                         packed_weights = true;
    // The model and the backend outlive the networks. Throws DEVICE_UNAVAILABLE, OUT_OF_MEMORY, MODEL_UNSUPPORTED.
    std::function<std::unique_ptr<networks>(const stt_model & model, compute_backend & backend)> open;
};

// The graphs of mimi_encoder and text_decoder, computed by the backend.
network_device cpu_device();

// As cpu_device(), with drafts whatever the model's size: for tests with small models.
network_device drafting_cpu_device();

}  // namespace kstt
