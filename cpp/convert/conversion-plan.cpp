#include "convert/conversion-plan.h"

#include "io/gguf-names.h"
#include "runtime/error.h"

#include <algorithm>
#include <set>
#include <unordered_map>
#include <utility>

namespace kstt {
namespace {

// The tensors of a checkpoint by name, without asking for their bytes.
class stored_tensors {
  public:
    explicit stored_tensors(const checkpoint & weights) : weights_(weights) {
        for (const tensor_view & tensor : weights.tensors()) {
            by_name_.emplace(tensor.name, &tensor);
        }
    }

    const checkpoint & weights() const { return weights_; }
    bool               has(const std::string & name) const { return by_name_.count(name) > 0; }

    // The type of a tensor that must be there.
    element_type require(const std::string & name, const std::vector<int64_t> & shape) const {
        const auto found = by_name_.find(name);
        if (found == by_name_.end()) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        "the checkpoint lacks tensor " + name + ", expected with shape " + shape_text(shape) +
                            "; it is incomplete or does not fit its configuration");
        }
        if (found->second->shape != shape) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        "tensor " + name + ": expected shape " + shape_text(shape) + " by the configuration, found " +
                            shape_text(found->second->shape));
        }
        const element_type type = found->second->type;
        if (type != element_type::f32 && type != element_type::f16 && type != element_type::bf16 &&
            !is_block_format(type)) {
            throw error(KSTT_STATUS_MODEL_FORMAT,
                        "tensor " + name + ": expected a type of weights, found " + element_type_name(type));
        }
        return type;
    }

  private:
    const checkpoint &                                   weights_;
    std::unordered_map<std::string, const tensor_view *> by_name_;
};

std::vector<keep_rule> read_rules(const conversion_options & options, const std::vector<canonical_tensor> & tensors) {
    std::vector<keep_rule> rules;
    for (const std::string & text : options.keep) {
        const keep_rule rule = parse_keep_rule(text);
        const bool      used = std::any_of(tensors.begin(), tensors.end(), [&](const canonical_tensor & tensor) {
            return matches_glob(rule.glob, tensor.name);
        });
        if (!used) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        "keep rule \"" + rule.text +
                            "\" fits no tensor; names are those of the transformers layout, such as " +
                            tensors.back().name);
        }
        rules.push_back(rule);
    }
    return rules;
}

class planner {
  public:
    planner(const model_source & source, const conversion_options & options)
        : source_(source), options_(options), is_gguf_(options.format == target_format::gguf),
          stored_(*source.weights) {}

    conversion_plan plan() {
        std::vector<canonical_tensor> tensors = canonical_tensors(source_.config);
        std::vector<canonical_tensor> half    = find_codec_decoder();
        std::vector<canonical_tensor> all     = tensors;
        all.insert(all.end(), half.begin(), half.end());
        rules_ = read_rules(options_, all);
        for (const canonical_tensor & tensor : tensors) {
            if (tensor.role == tensor_role::codebook) {
                add_codebook(tensor);
            } else if (tensor.role != tensor_role::extra_head || is_gguf_) {
                add(stored_, tensor);
            }
        }
        if (!half.empty()) {
            const stored_tensors stored(*result_.codec_half);
            for (const canonical_tensor & tensor : half) {
                add(stored, tensor);
            }
        }
        if (!is_gguf_) {
            list_left_out();
        }
        return std::move(result_);
    }

  private:
    // A GGUF has what the engine reads, and that is known; here everything of the source is expected.
    void list_left_out() {
        std::set<std::string> written;
        for (const planned_tensor & item : result_.tensors) {
            written.insert(item.name);
            written.insert(item.source);
        }
        for (const tensor_view & tensor : source_.weights->tensors()) {
            if (written.count(tensor.name) == 0) {
                result_.left_out.push_back(tensor.name);
            }
        }
    }

    // The tensors of the half that is to be written; none: it is not.
    std::vector<canonical_tensor> find_codec_decoder() {
        if (is_gguf_ && !options_.codec_decoder) {
            return {};
        }
        result_.codec_half = source_.open_codec_decoder ? source_.open_codec_decoder() : source_.weights;
        const stored_tensors          stored(*result_.codec_half);
        std::vector<canonical_tensor> half = codec_decoder_tensors(source_.config.codec);
        result_.has_codec_decoder          = stored.has("codec_model.decoder.layers.0.conv.weight");
        if (!result_.has_codec_decoder && options_.codec_decoder) {
            throw error(
                KSTT_STATUS_MODEL_UNSUPPORTED,
                "the source holds only the encoder of its codec, so that its decoder cannot be written; convert "
                "from a checkpoint that has it, or leave it out");
        }
        if (!result_.has_codec_decoder) {
            // Scattered tensors of it, such as output projections, are no reason to refuse the rest.
            half.erase(std::remove_if(half.begin(),
                                      half.end(),
                                      [&](const canonical_tensor & tensor) { return !stored.has(tensor.name); }),
                       half.end());
        }
        return half;
    }

    void add(const stored_tensors & stored, const canonical_tensor & tensor) {
        planned_tensor       item  = begin(stored.weights(), tensor, tensor.name);
        std::vector<int64_t> shape = tensor.shape;
        // transformers' head has a row for the start token, which is never chosen: generation_config.json says so.
        if (tensor.role == tensor_role::head && !is_gguf_) {
            item.n_filled = source_.config.decoder.vocab_size - shape.front();
            item.shape.front() += item.n_filled;
        }
        item.source = tensor.name;
        item.from   = stored.require(item.source, shape);
        finish(std::move(item), tensor);
    }

    // A GGUF has the entries; transformers has sums, how often each was used, and a flag.
    void add_codebook(const canonical_tensor & tensor) {
        const std::string          base      = tensor.name.substr(0, tensor.name.rfind('.') + 1);
        const std::vector<int64_t> one       = { tensor.shape.front() };
        const bool                 has_entry = stored_.has(tensor.name);
        planned_tensor             entries   = begin(stored_.weights(), tensor, tensor.name);
        entries.source                       = has_entry ? tensor.name : base + "embed_sum";
        entries.from                         = stored_.require(entries.source, tensor.shape);
        const bool has_usage                 = !has_entry;
        if (has_usage) {
            stored_.require(base + "cluster_usage", one);
        }
        if (is_gguf_) {
            entries.usage = has_usage ? base + "cluster_usage" : "";
            finish(std::move(entries), tensor);
            return;
        }
        entries.name = base + "embed_sum";
        finish(std::move(entries), tensor);
        const canonical_tensor usage  = { base + "cluster_usage", one, tensor_role::codebook };
        planned_tensor         counts = begin(stored_.weights(), usage, usage.name);
        if (has_usage) {
            counts.source = usage.name;
            counts.from   = stored_.require(usage.name, one);
        } else {
            counts.n_filled = one.front();
            counts.fill     = 1.0F;
        }
        finish(std::move(counts), usage);
        const canonical_tensor flag = { base + "initialized", { 1 }, tensor_role::codebook };
        planned_tensor         set  = begin(stored_.weights(), flag, flag.name);
        set.n_filled                = 1;
        set.fill                    = 1.0F;
        finish(std::move(set), flag);
    }

    static planned_tensor begin(const checkpoint & weights, const canonical_tensor & tensor, const std::string & name) {
        planned_tensor item;
        item.name    = name;
        item.shape   = tensor.shape;
        item.weights = &weights;
        return item;
    }

    void finish(planned_tensor item, const canonical_tensor & tensor) {
        item.stored = is_gguf_ ? stored_name(item.name) : item.name;
        // Rules know a codebook by its entries, whatever the target stores.
        item.choice =
            is_gguf_
                ? choose_type(tensor, item.from, { options_.type.value_or(default_gguf_type), options_.small }, rules_)
                : choose_float_type(tensor, item.from, options_.type, rules_);
        result_.tensors.push_back(std::move(item));
    }

    const model_source &       source_;
    const conversion_options & options_;
    const bool                 is_gguf_;
    const stored_tensors       stored_;
    std::vector<keep_rule>     rules_;
    conversion_plan            result_;
};

void check_options(const conversion_options & options) {
    if (options.format == target_format::gguf) {
        if (options.max_shard_bytes > 0) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT, "a GGUF is one file; only safetensors come in shards");
        }
        return;
    }
    if (options.small) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT, "the small mixture of types is one of GGUF files");
    }
    if (options.type && is_block_format(*options.type)) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    std::string("safetensors files have no weights of ") + element_type_name(*options.type) +
                        "; give f32, f16 or bf16, or write a GGUF");
    }
}

}  // namespace

conversion_plan plan_conversion(const model_source & source, const conversion_options & options) {
    check_options(options);
    return planner(source, options).plan();
}

}  // namespace kstt
