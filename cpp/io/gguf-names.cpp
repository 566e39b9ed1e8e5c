#include "io/gguf-names.h"

#include <array>
#include <utility>

namespace kstt {
namespace {

struct prefix_pair {
    const char * canonical;
    const char * stored;
};

// The first prefix that fits is exchanged; every other name stays as it is. No stored prefix begins a canonical name.
constexpr std::array<prefix_pair, 5> prefixes = {
    { { "codec_model.encoder_transformer.layers.", "codec.transformer." },
      { "codec_model.decoder_transformer.layers.", "codec.decoder.transformer." },
      { "codec_model.quantizer.semantic_residual_vector_quantizer.", "codec.semantic." },
      { "codec_model.quantizer.acoustic_residual_vector_quantizer.", "codec.acoustic." },
      { "codec_model.", "codec." } }
};

std::string exchange(const std::string & name, const char * from, const char * to) {
    return std::string(to) + name.substr(std::string(from).size());
}

bool begins(const std::string & name, const char * prefix) {
    return name.rfind(prefix, 0) == 0;
}

}  // namespace

std::string stored_name(const std::string & canonical) {
    for (const prefix_pair & pair : prefixes) {
        if (begins(canonical, pair.canonical)) {
            return exchange(canonical, pair.canonical, pair.stored);
        }
    }
    return canonical;
}

std::string canonical_name(const std::string & stored) {
    for (const prefix_pair & pair : prefixes) {
        if (begins(stored, pair.stored)) {
            return exchange(stored, pair.stored, pair.canonical);
        }
    }
    return stored;
}

}  // namespace kstt
