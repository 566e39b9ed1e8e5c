#include "convert/type-policy.h"

#include "runtime/error.h"

#include <array>

namespace kstt {
namespace {

constexpr std::array<element_type, 6> weight_types = { element_type::f32,  element_type::f16,  element_type::bf16,
                                                       element_type::q8_0, element_type::q4_0, element_type::q4_k };

bool is_always_f32(tensor_role role) {
    return role != tensor_role::embedding && role != tensor_role::linear && role != tensor_role::head;
}

bool is_four_bits(element_type type) {
    return type == element_type::q4_0 || type == element_type::q4_k;
}

bool fits(element_type type, int64_t row) {
    return row % element_type_block(type).n_elements == 0;
}

const keep_rule * find_rule(const std::vector<keep_rule> & rules, const std::string & name) {
    for (const keep_rule & rule : rules) {
        if (matches_glob(rule.glob, name)) {
            return &rule;
        }
    }
    return nullptr;
}

type_choice fitted(type_choice choice, element_type source, int64_t row) {
    if (choice.type == element_type::q4_k && !fits(choice.type, row) && fits(element_type::q8_0, row)) {
        return { element_type::q8_0, format("rows of %lld are no whole blocks of q4_k", static_cast<long long>(row)) };
    }
    if (!fits(choice.type, row)) {
        return { source,
                 format("rows of %lld are no whole blocks of %s",
                        static_cast<long long>(row),
                        element_type_name(choice.type)) };
    }
    return choice;
}

}  // namespace

element_type parse_weight_type(const std::string & name) {
    for (const element_type type : weight_types) {
        if (name == element_type_name(type)) {
            return type;
        }
    }
    throw error(KSTT_STATUS_INVALID_ARGUMENT,
                "\"" + name + "\" is no type of weights; give f32, f16, bf16, q8_0, q4_0 or q4_k");
}

keep_rule parse_keep_rule(const std::string & text) {
    keep_rule    rule;
    const size_t equals = text.rfind('=');
    rule.text           = text;
    rule.glob           = text.substr(0, equals);
    if (equals != std::string::npos) {
        rule.as_stored = false;
        rule.type      = parse_weight_type(text.substr(equals + 1));
    }
    if (rule.glob.empty()) {
        throw error(KSTT_STATUS_INVALID_ARGUMENT,
                    "a keep rule is empty; give a pattern of tensor names such as \"model.layers.0.*\"");
    }
    return rule;
}

bool matches_glob(const std::string & glob, const std::string & name) {
    size_t g    = 0;
    size_t n    = 0;
    size_t star = std::string::npos;  // the last * met, and what it has taken up to
    size_t mark = 0;
    while (n < name.size()) {
        if (g < glob.size() && glob[g] == '*') {
            star = g++;
            mark = n;
        } else if (g < glob.size() && (glob[g] == '?' || glob[g] == name[n])) {
            ++g;
            ++n;
        } else if (star != std::string::npos) {
            g = star + 1;
            n = ++mark;
        } else {
            return false;
        }
    }
    while (g < glob.size() && glob[g] == '*') {
        ++g;
    }
    return g == glob.size();
}

type_choice choose_type(const canonical_tensor &       tensor,
                        element_type                   source,
                        const type_request &           wanted,
                        const std::vector<keep_rule> & rules) {
    const keep_rule * rule = find_rule(rules, tensor.name);
    type_choice       choice;
    if (rule != nullptr) {
        choice = { rule->as_stored ? source : rule->type, "kept by rule " + rule->text };
    } else if (wanted.small && (tensor.role == tensor_role::codec || tensor.role == tensor_role::codebook)) {
        choice = { element_type::f16, "the codec is f16 in a small file" };
    } else if (wanted.small && tensor.role == tensor_role::embedding && is_four_bits(wanted.type)) {
        choice = { element_type::q4_k, "embeddings are q4_k in a small file" };
    } else if (is_always_f32(tensor.role)) {
        choice = { element_type::f32, wanted.type == element_type::f32 ? "" : "always f32" };
    } else if (tensor.role != tensor_role::linear && is_four_bits(wanted.type)) {
        choice = { element_type::q8_0, "embeddings and head have 8 bits at least" };
    } else {
        choice = { wanted.type, "" };
    }
    choice = fitted(choice, source, tensor.shape.back());
    if (is_block_format(source) && is_block_format(choice.type) && source != choice.type) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    "tensor " + tensor.name + " is " + element_type_name(source) +
                        " already and would be rounded again to " + element_type_name(choice.type) +
                        "; convert from the original checkpoint");
    }
    return choice;
}

type_choice choose_float_type(const canonical_tensor &            tensor,
                              element_type                        source,
                              const std::optional<element_type> & wanted,
                              const std::vector<keep_rule> &      rules) {
    const keep_rule * rule = find_rule(rules, tensor.name);
    type_choice       choice;
    if (rule != nullptr && !rule->as_stored) {
        if (is_block_format(rule->type)) {
            throw error(KSTT_STATUS_INVALID_ARGUMENT,
                        "keep rule \"" + rule->text + "\": safetensors files have no weights of " +
                            element_type_name(rule->type) + "; give f32, f16 or bf16");
        }
        return { rule->type, "kept by rule " + rule->text };
    }
    if (rule == nullptr && wanted && !is_always_f32(tensor.role)) {
        return { *wanted, "" };
    }
    if (is_block_format(source)) {
        return { is_always_f32(tensor.role) ? element_type::f32 : element_type::bf16,
                 std::string("quantized as ") + element_type_name(source) + " in the source" };
    }
    return { source, "" };
}

}  // namespace kstt
