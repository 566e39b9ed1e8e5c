// The codec's tensors of the original file as canonical ones (spec 2.6).
#include "io/original-tensors.h"
#include "runtime/error.h"

#include <cmath>

namespace kstt {
namespace {

const std::string canonical = "codec_model.";

// A weight that training kept as direction and length: v * g / |v|, with the norm over everything but the first axis.
void add_normed_weight(composed_checkpoint &        out,
                       const std::string &          to,
                       const stored_rows &          length,
                       const stored_rows &          direction,
                       const std::vector<int64_t> & shape) {
    const stored_rows        g       = rows_as_f32(length);
    const stored_rows        v       = rows_as_f32(direction);
    const auto               n_out   = static_cast<size_t>(shape.front());
    const auto               n_inner = static_cast<size_t>(v.n_rows * v.row_size) / n_out;
    std::vector<tensor_view> sources = g.sources;
    sources.insert(sources.end(), v.sources.begin(), v.sources.end());
    out.add_made(to, element_type::f32, shape, std::move(sources), [g, v, n_out, n_inner](uint8_t * bytes) {
        // The memory of made tensors is aligned for floats.
        auto *             weight = reinterpret_cast<float *>(bytes);
        std::vector<float> lengths(n_out);
        for (int64_t row = 0; row < g.n_rows; ++row) {
            g.read(row, reinterpret_cast<uint8_t *>(lengths.data() + row * g.row_size));
        }
        for (int64_t row = 0; row < v.n_rows; ++row) {
            v.read(row, bytes + static_cast<size_t>(row) * v.row_bytes);
        }
        for (size_t o = 0; o < n_out; ++o) {
            double sum = 0.0;
            for (size_t i = 0; i < n_inner; ++i) {
                const auto value = static_cast<double>(weight[o * n_inner + i]);
                sum += value * value;
            }
            const auto factor = static_cast<float>(static_cast<double>(lengths[o]) / std::sqrt(sum));
            for (size_t i = 0; i < n_inner; ++i) {
                weight[o * n_inner + i] *= factor;
            }
        }
    });
}

class codec_mapper {
  public:
    codec_mapper(composed_checkpoint & out, const original_tensors & stored, const codec_config & config)
        : out_(out), stored_(stored), c_(config) {}

    void map() {
        map_seanet();
        map_transformer("encoder_transformer");
        map_conv("downsample.conv.conv.conv",
                 "downsample.conv",
                 { c_.hidden_size, c_.hidden_size, c_.downsample_kernel_size() },
                 0);
        map_quantizer("rvq_first", "semantic", c_.num_semantic_quantizers);
        map_quantizer("rvq_rest", "acoustic", c_.num_quantizers - c_.num_semantic_quantizers);
    }

    // Maps nothing where the file ends with the encoder, which is what a published layout may do.
    void map_decoder() {
        if (stored_.find({ "decoder.model.0.conv.conv.weight", "decoder.model.0.conv.conv.weight_v" }) == nullptr) {
            return;
        }
        if (c_.vector_quantization_hidden_dimension != c_.hidden_size) {
            const std::vector<int64_t> shape = { c_.hidden_size, c_.vector_quantization_hidden_dimension, 1 };
            copy("quantizer.rvq_first.output_proj.weight", output_projection("semantic"), shape);
            copy("quantizer.rvq_rest.output_proj.weight", output_projection("acoustic"), shape);
        }
        map_conv("upsample.convtr.convtr.convtr",
                 "upsample.conv",
                 { c_.hidden_size, c_.hidden_size / c_.upsample_groups, c_.downsample_kernel_size() },
                 0);
        map_transformer("decoder_transformer");
        map_decoder_seanet();
    }

  private:
    static std::string output_projection(const char * kind) {
        return std::string("quantizer.") + kind + "_residual_vector_quantizer.output_proj.weight";
    }

    void copy(const std::string & from, const std::string & to, const std::vector<int64_t> & shape) {
        out_.add(canonical + to, shape, stored_.need({ from }, shape));
    }

    // n_bias: outputs with a bias; 0: it has none.
    void map_conv(const std::string &          from,
                  const std::string &          to,
                  const std::vector<int64_t> & shape,
                  int64_t                      n_bias) {
        if (stored_.find({ from + ".weight" }) == nullptr && stored_.find({ from + ".weight_v" }) != nullptr) {
            add_normed_weight(out_,
                              canonical + to + ".weight",
                              stored_.need({ from + ".weight_g" }, { shape.front() }),
                              stored_.need({ from + ".weight_v" }, shape),
                              shape);
        } else {
            copy(from + ".weight", to + ".weight", shape);
        }
        if (n_bias > 0) {
            copy(from + ".bias", to + ".bias", { n_bias });
        }
    }

    // Indices count the activations too, in both spellings (spec 3.2).
    void map_seanet() {
        int32_t    index = 0;
        const auto conv  = [&](int64_t n_out, int64_t n_in, int64_t kernel) {
            const std::string i = std::to_string(index++);
            map_conv(
                "encoder.model." + i + ".conv.conv", "encoder.layers." + i + ".conv", { n_out, n_in, kernel }, n_out);
        };
        int64_t channels = c_.num_filters;
        conv(channels, c_.audio_channels, c_.kernel_size);
        for (auto ratio = c_.upsampling_ratios.rbegin(); ratio != c_.upsampling_ratios.rend(); ++ratio) {
            for (int32_t j = 0; j < c_.num_residual_layers; ++j) {
                map_residual("encoder", index++, channels);
            }
            index++;  // activation
            conv(2 * channels, channels, int64_t{ 2 } * *ratio);
            channels *= 2;
        }
        index++;  // activation
        conv(c_.hidden_size, channels, c_.last_kernel_size);
    }

    // As transposed convolutions are stored, inputs come before outputs.
    void map_decoder_seanet() {
        int64_t channels = c_.num_filters * (int64_t{ 1 } << c_.upsampling_ratios.size());
        int32_t index    = 0;
        map_conv("decoder.model.0.conv.conv",
                 "decoder.layers.0.conv",
                 { channels, c_.hidden_size, c_.kernel_size },
                 channels);
        for (const int32_t ratio : c_.upsampling_ratios) {
            index += 2;  // an activation before each convolution
            const std::string i = std::to_string(index);
            map_conv("decoder.model." + i + ".convtr.convtr",
                     "decoder.layers." + i + ".conv",
                     { channels, channels / 2, int64_t{ 2 } * ratio },
                     channels / 2);
            channels /= 2;
            for (int32_t j = 0; j < c_.num_residual_layers; ++j) {
                map_residual("decoder", ++index, channels);
            }
        }
        const std::string last = std::to_string(index + 2);
        map_conv("decoder.model." + last + ".conv.conv",
                 "decoder.layers." + last + ".conv",
                 { c_.audio_channels, channels, c_.last_kernel_size },
                 c_.audio_channels);
    }

    void map_residual(const std::string & half, int32_t index, int64_t channels) {
        const std::string from   = half + ".model." + std::to_string(index) + ".";
        const std::string to     = half + ".layers." + std::to_string(index) + ".";
        const int64_t     hidden = channels / c_.compress;
        map_conv(
            from + "block.1.conv.conv", to + "block.1.conv", { hidden, channels, c_.residual_kernel_size }, hidden);
        map_conv(from + "block.3.conv.conv", to + "block.3.conv", { channels, hidden, 1 }, channels);
        if (c_.use_conv_shortcut) {
            map_conv(from + "shortcut.conv.conv", to + "shortcut.conv", { channels, channels, 1 }, channels);
        }
    }

    void map_transformer(const std::string & name) {
        const std::string from = name + ".transformer.layers.";
        const std::string to   = name + ".layers.";
        for (int32_t l = 0; l < c_.num_hidden_layers; ++l) {
            const std::string layer = std::to_string(l) + ".";
            map_block(from + layer, to + layer);
        }
    }

    void map_block(const std::string & from, const std::string & to) {
        const int64_t     hidden = c_.hidden_size;
        const int64_t     width  = static_cast<int64_t>(c_.num_attention_heads) * c_.head_dim;
        const std::string attn   = from + "self_attn.";
        const stored_rows qkv    = stored_.need(
            { attn + "in_proj_weight", attn + "in_proj.weight", attn + "in_projs.0.weight" }, { 3 * width, hidden });
        const auto order = [head_dim = c_.head_dim](int64_t row) { return interleaved_row(row, head_dim); };
        const auto split = [&](const char * name, int64_t part, const composed_checkpoint::row_order & rows) {
            out_.add(canonical + to + "self_attn." + name + ".weight",
                     { width, hidden },
                     slice_rows(qkv, part * width, width),
                     rows);
        };
        split("q_proj", 0, order);
        split("k_proj", 1, order);
        split("v_proj", 2, nullptr);
        out_.add(canonical + to + "self_attn.o_proj.weight",
                 { hidden, width },
                 stored_.need({ attn + "out_proj.weight", attn + "out_projs.0.weight" }, { hidden, width }));
        for (const char * part : { "weight", "bias" }) {
            copy(from + "norm1." + part, to + "input_layernorm." + part, { hidden });
            copy(from + "norm2." + part, to + "post_attention_layernorm." + part, { hidden });
        }
        copy(from + "linear1.weight", to + "mlp.fc1.weight", { c_.intermediate_size, hidden });
        copy(from + "linear2.weight", to + "mlp.fc2.weight", { hidden, c_.intermediate_size });
        copy(from + "layer_scale_1.scale", to + "self_attn_layer_scale.scale", { hidden });
        copy(from + "layer_scale_2.scale", to + "mlp_layer_scale.scale", { hidden });
    }

    void map_quantizer(const std::string & from_kind, const std::string & to_kind, int32_t n) {
        const std::string from = "quantizer." + from_kind + ".";
        const std::string to   = "quantizer." + to_kind + "_residual_vector_quantizer.";
        if (c_.vector_quantization_hidden_dimension != c_.hidden_size) {
            copy(from + "input_proj.weight",
                 to + "input_proj.weight",
                 { c_.vector_quantization_hidden_dimension, c_.hidden_size, 1 });
        }
        for (int32_t j = 0; j < n; ++j) {
            const std::string layer = "layers." + std::to_string(j);
            std::string       name  = canonical;
            name += to;
            name += layer;
            name += ".codebook.";
            std::string stored = from;
            stored += "vq.";
            stored += layer;
            stored += ".";
            map_codebook(stored, name);
        }
    }

    // Sums and usage counts, whose quotient is the entry; moshi.cpp stores the quotient.
    void map_codebook(const std::string & layer, const std::string & to) {
        const std::vector<int64_t> shape = { c_.codebook_size, c_.codebook_dim };
        const std::string          from  = layer + "_codebook.";
        const std::string          old   = layer + "codebook.";
        if (stored_.find({ from + "embedding" }) != nullptr) {
            out_.add(to + "embed_sum", shape, stored_.need({ from + "embedding" }, shape));
            out_.add_made(
                to + "cluster_usage",
                element_type::f32,
                { c_.codebook_size },
                {},
                [n = c_.codebook_size](uint8_t * bytes) { std::fill_n(reinterpret_cast<float *>(bytes), n, 1.0F); });
            return;
        }
        out_.add(to + "embed_sum",
                 shape,
                 stored_.need({ from + "embedding_sum",
                                from + "embed_sum",
                                from + "embed_avg",
                                old + "embedding_sum",
                                old + "embed_sum" },
                              shape));
        out_.add(to + "cluster_usage",
                 { c_.codebook_size },
                 stored_.need({ from + "cluster_usage", from + "cluster_size", old + "cluster_usage" },
                              { c_.codebook_size }));
    }

    composed_checkpoint &    out_;
    const original_tensors & stored_;
    const codec_config &     c_;
};

}  // namespace

void add_codec_tensors(composed_checkpoint & out, const original_tensors & stored, const codec_config & config) {
    codec_mapper(out, stored, config).map();
}

void add_codec_decoder_tensors(composed_checkpoint &    out,
                               const original_tensors & stored,
                               const codec_config &     config) {
    codec_mapper(out, stored, config).map_decoder();
}

}  // namespace kstt
