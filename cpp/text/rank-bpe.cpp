#include "text/rank-bpe.h"

#include "runtime/error.h"
#include "text/utf8.h"

#include <algorithm>
#include <queue>
#include <tuple>

namespace kstt {
namespace {

bool flag(const json_value & model, const char * key) {
    return !model.is_null(key) && model.at(key).boolean();
}

// Options that SentencePiece vocabularies do not have.
void refuse_affix(const json_value & model, const char * key) {
    if (!model.is_null(key) && !model.at(key).string().empty()) {
        fail_unsupported(model.at(key), "null");
    }
}

}  // namespace

uint64_t rank_bpe::pair_key(int32_t left, int32_t right) {
    return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32U | static_cast<uint32_t>(right);
}

rank_bpe::rank_bpe(const json_value & model, const json_vocabulary & vocabulary) {
    if (!model.is_null("dropout") && model.at("dropout").number() != 0.0) {
        fail_unsupported(model.at("dropout"), "null");
    }
    refuse_affix(model, "continuing_subword_prefix");
    refuse_affix(model, "end_of_word_suffix");
    for (size_t id = 0; id < vocabulary.pieces.size(); ++id) {
        ids_.emplace(vocabulary.pieces[id], static_cast<int32_t>(id));
    }
    ids_.erase("");
    fuse_unknown_  = flag(model, "fuse_unk");
    ignore_merges_ = flag(model, "ignore_merges");
    if (!model.is_null("unk_token")) {
        unknown_ = require_id(model.at("unk_token"), model.at("unk_token").string());
    }
    if (flag(model, "byte_fallback")) {
        for (unsigned byte = 0; byte < 256; ++byte) {
            const auto found = ids_.find(format("<0x%02X>", byte));
            byte_ids_.push_back(found == ids_.end() ? -1 : found->second);
        }
    }
    read_merges(model.at("merges"));
}

int32_t rank_bpe::require_id(const json_value & where, const std::string & token) const {
    const auto found = ids_.find(token);
    if (found == ids_.end()) {
        where.fail("made of tokens of the vocabulary");
    }
    return found->second;
}

void rank_bpe::read_merges(const json_value & list) {
    list.expect_array();
    for (size_t rank = 0; rank < list.raw().size(); ++rank) {
        const json_value entry = list.at(rank);
        std::string      left;
        std::string      right;
        if (entry.raw().is_array()) {
            left  = entry.at(size_t{ 0 }).string();
            right = entry.at(size_t{ 1 }).string();
        } else {
            // Files of older versions: both in one text.
            const std::string both  = entry.string();
            const size_t      space = both.find(' ');
            if (space == std::string::npos || both.find(' ', space + 1) != std::string::npos) {
                entry.fail("two tokens with a space between them");
            }
            left  = both.substr(0, space);
            right = both.substr(space + 1);
        }
        const int32_t id                                                     = require_id(entry, left + right);
        merges_[pair_key(require_id(entry, left), require_id(entry, right))] = { static_cast<int32_t>(rank), id };
    }
}

std::vector<rank_bpe::symbol> rank_bpe::symbols_of(std::string_view text) const {
    std::vector<symbol> symbols;
    bool                unknown_waits = false;  // the package adds it when the next known character comes
    const auto          add           = [&](int32_t id) {
        const auto index = static_cast<int64_t>(symbols.size());
        symbols.push_back({ id, index - 1, index + 1, false });
    };
    const auto flush = [&] {
        if (unknown_waits) {
            add(unknown_);
        }
        unknown_waits = false;
    };
    const auto byte_id = [&](char byte) { return byte_ids_[static_cast<uint8_t>(byte)]; };
    while (!text.empty()) {
        const std::string_view character = text.substr(0, utf8_next(text).size);
        text.remove_prefix(character.size());
        if (const auto found = ids_.find(character); found != ids_.end()) {
            flush();
            add(found->second);
        } else if (!byte_ids_.empty() &&
                   std::all_of(character.begin(), character.end(), [&](char byte) { return byte_id(byte) >= 0; })) {
            for (const char byte : character) {
                add(byte_id(byte));
            }
        } else if (unknown_ >= 0) {
            if (!fuse_unknown_) {
                flush();
            }
            unknown_waits = true;
        }
    }
    flush();
    if (!symbols.empty()) {
        symbols.back().next = -1;
    }
    return symbols;
}

void rank_bpe::merge_all(std::vector<symbol> & symbols) const {
    using candidate = std::tuple<int32_t, int64_t, int32_t>;  // rank, left symbol, id of both
    std::priority_queue<candidate, std::vector<candidate>, std::greater<>> agenda;
    const auto at    = [&](int64_t index) -> symbol & { return symbols[static_cast<size_t>(index)]; };
    const auto offer = [&](int64_t left, int64_t right) {
        if (left < 0 || right < 0) {
            return;
        }
        const auto found = merges_.find(pair_key(at(left).id, at(right).id));
        if (found != merges_.end()) {
            agenda.emplace(found->second.rank, left, found->second.id);
        }
    };
    for (int64_t i = 1; i < static_cast<int64_t>(symbols.size()); ++i) {
        offer(i - 1, i);
    }
    while (!agenda.empty()) {
        const auto [rank, left, id] = agenda.top();
        agenda.pop();
        if (at(left).removed || at(left).next < 0) {
            continue;
        }
        const int64_t right = at(left).next;
        const auto    found = merges_.find(pair_key(at(left).id, at(right).id));
        // One of the two has changed since, unless they still give the same.
        if (found == merges_.end() || found->second.id != id) {
            continue;
        }
        at(left).id       = id;
        at(left).next     = at(right).next;
        at(right).removed = true;
        if (at(left).next >= 0) {
            at(at(left).next).previous = left;
        }
        offer(at(left).previous, left);
        offer(left, at(left).next);
    }
}

void rank_bpe::encode(std::string_view text, std::vector<int32_t> & ids) const {
    if (text.empty()) {
        return;
    }
    if (const auto whole = ids_.find(text); ignore_merges_ && whole != ids_.end()) {
        ids.push_back(whole->second);
        return;
    }
    std::vector<symbol> symbols = symbols_of(text);
    merge_all(symbols);
    for (const symbol & s : symbols) {
        if (!s.removed) {
            ids.push_back(s.id);
        }
    }
}

}  // namespace kstt
