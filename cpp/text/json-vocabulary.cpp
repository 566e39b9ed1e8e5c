#include "text/json-vocabulary.h"

#include "runtime/error.h"
#include "text/sentencepiece-model.h"

namespace kstt {
namespace {

constexpr int64_t max_id = static_cast<int64_t>(max_pieces) - 1;

// A Unigram model's list of [piece, score].
void read_list(const json_value & vocab, json_vocabulary & out) {
    for (size_t id = 0; id < vocab.raw().size(); ++id) {
        const json_value entry = vocab.at(id);
        out.pieces.push_back(entry.at(size_t{ 0 }).string());
        out.scores.push_back(entry.at(size_t{ 1 }).number());
    }
}

// A BPE model's map from piece to id.
void read_map(const json_value & vocab, json_vocabulary & out) {
    vocab.expect_object();
    std::vector<bool> taken;
    for (const auto & item : vocab.raw().items()) {
        const json_value entry = vocab.at(item.key());
        const auto       id    = static_cast<size_t>(entry.integer(0, max_id));
        if (id >= out.pieces.size()) {
            out.pieces.resize(id + 1);
            taken.resize(id + 1, false);
        }
        if (taken[id]) {
            entry.fail("an id of its own");
        }
        taken[id]      = true;
        out.pieces[id] = item.key();
    }
}

// Byte-level vocabularies spell bytes as other letters; reading them as pieces would give wrong text.
bool is_byte_level(const json_value & decoder) {
    if (decoder.is_null("type")) {
        return false;
    }
    const std::string type = decoder.at("type").string();
    if (type != "Sequence") {
        return type == "ByteLevel";
    }
    const json_value parts = decoder.at("decoders");
    parts.expect_array();
    for (size_t i = 0; i < parts.raw().size(); ++i) {
        if (is_byte_level(parts.at(i))) {
            return true;
        }
    }
    return false;
}

void check_kind(const json_value & root, const json_value & model) {
    // Old files leave the type out; the vocabulary's own form tells the two apart then.
    if (!model.is_null("type")) {
        const json_value type = model.at("type");
        if (type.string() != "Unigram" && type.string() != "BPE") {
            fail_unsupported(type, "\"Unigram\" and \"BPE\"");
        }
    }
    if (!root.is_null("decoder") && is_byte_level(root.at("decoder"))) {
        throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                    root.at("decoder").where() + " is byte-level; only SentencePiece vocabularies can be read");
    }
}

std::vector<added_token> read_added(const json_value & root) {
    std::vector<added_token> tokens;
    if (root.is_null("added_tokens")) {
        return tokens;
    }
    const json_value list = root.at("added_tokens");
    list.expect_array();
    for (size_t i = 0; i < list.raw().size(); ++i) {
        const json_value token = list.at(i);
        tokens.push_back({ static_cast<int32_t>(token.at("id").integer(0, max_id)),
                           token.at("content").string(),
                           token.contains("special") && token.at("special").boolean() });
    }
    return tokens;
}

}  // namespace

void fail_unsupported(const json_value & value, const std::string & supported) {
    throw error(KSTT_STATUS_MODEL_UNSUPPORTED,
                value.where() + " is " + value.describe() + "; only " + supported + " can be read");
}

json_vocabulary read_json_vocabulary(const json_value & root) {
    root.expect_object();
    const json_value model = root.at("model");
    check_kind(root, model);
    const json_value vocab = model.at("vocab");
    if (vocab.raw().size() > max_pieces) {
        vocab.fail("a vocabulary of at most 1048576 pieces");
    }
    json_vocabulary out;
    out.is_unigram = vocab.raw().is_array();
    if (out.is_unigram) {
        read_list(vocab, out);
    } else {
        read_map(vocab, out);
    }
    out.added = read_added(root);
    if (out.pieces.empty() && out.added.empty()) {
        vocab.fail("a vocabulary of at least one piece");
    }
    return out;
}

std::vector<added_token> json_vocabulary::tokens() const {
    std::vector<added_token> all;
    all.reserve(pieces.size());
    for (size_t id = 0; id < pieces.size(); ++id) {
        all.push_back({ static_cast<int32_t>(id), pieces[id], false });
    }
    for (const added_token & token : added) {
        const auto id = static_cast<size_t>(token.id);
        for (size_t gap = all.size(); gap <= id; ++gap) {
            all.push_back({ static_cast<int32_t>(gap), "", false });
        }
        all[id] = token;
    }
    return all;
}

}  // namespace kstt
