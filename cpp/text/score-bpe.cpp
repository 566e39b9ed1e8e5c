#include "text/score-bpe.h"

#include <queue>
#include <utility>

namespace kstt {
namespace {

// A piece of type "unused" may be made on the way to longer ones; in the end it is taken apart again. Of sentencepiece
// 0.2.3, against damaged models.
constexpr int max_split_depth = 100;

struct symbol {
    int64_t          previous;  // -1: none
    int64_t          next;      // -1: none
    bool             kept;
    std::string_view text;  // empty: joined to the one before
};

struct candidate {
    float  score;
    size_t left;
    size_t right;
    size_t size;  // of both texts; any other size means that one of them has changed since
};

struct worse {
    bool operator()(const candidate & a, const candidate & b) const {
        return a.score < b.score || (a.score == b.score && a.left > b.left);
    }
};

// One run over one text.
class merger {
  public:
    merger(const sentencepiece_model & model, const std::unordered_map<std::string_view, int32_t> & ids)
        : model_(model), ids_(ids) {}

    std::vector<text_segment> run(std::string_view text, const piece_trie & kept) {
        split_characters(text, kept);
        for (size_t i = 1; i < symbols_.size(); ++i) {
            offer(static_cast<int64_t>(i) - 1, static_cast<int64_t>(i));
        }
        while (!agenda_.empty()) {
            const candidate best = agenda_.top();
            agenda_.pop();
            join(best);
        }
        for (int64_t i = symbols_.empty() ? -1 : 0; i >= 0; i = symbols_[static_cast<size_t>(i)].next) {
            emit(symbols_[static_cast<size_t>(i)].text, 0);
        }
        return std::move(segments_);
    }

  private:
    void split_characters(std::string_view text, const piece_trie & kept) {
        while (!text.empty()) {
            const size_t           length = kept.longest_prefix(text);
            const std::string_view taken  = length > 0 ? text.substr(0, length) : first_character(text);
            text.remove_prefix(taken.size());
            const auto index = static_cast<int64_t>(symbols_.size());
            symbols_.push_back({ index - 1, text.empty() ? -1 : index + 1, length > 0, taken });
        }
    }

    std::string_view joined(size_t left, size_t right) const {
        return { symbols_[left].text.data(), symbols_[left].text.size() + symbols_[right].text.size() };
    }

    void offer(int64_t left_index, int64_t right_index) {
        if (left_index < 0 || right_index < 0) {
            return;
        }
        const auto left  = static_cast<size_t>(left_index);
        const auto right = static_cast<size_t>(right_index);
        if (symbols_[left].kept || symbols_[right].kept) {
            return;
        }
        const std::string_view text  = joined(left, right);
        const auto             found = ids_.find(text);
        if (found == ids_.end()) {
            return;
        }
        const sentencepiece & piece = model_.pieces[static_cast<size_t>(found->second)];
        agenda_.push({ piece.score, left, right, text.size() });
        if (piece.type == piece_type::unused) {
            parts_[text] = { symbols_[left].text, symbols_[right].text };
        }
    }

    void join(const candidate & best) {
        symbol & left  = symbols_[best.left];
        symbol & right = symbols_[best.right];
        if (left.text.empty() || right.text.empty() || left.text.size() + right.text.size() != best.size) {
            return;
        }
        left.text  = joined(best.left, best.right);
        left.next  = right.next;
        right.text = {};
        if (left.next >= 0) {
            symbols_[static_cast<size_t>(left.next)].previous = static_cast<int64_t>(best.left);
        }
        offer(left.previous, static_cast<int64_t>(best.left));
        offer(static_cast<int64_t>(best.left), left.next);
    }

    void emit(std::string_view text, int depth) {  // NOLINT(misc-no-recursion): at most max_split_depth
        const auto found = ids_.find(text);
        if (found == ids_.end()) {
            segments_.push_back({ text, model_.unk_id });
            return;
        }
        const bool is_used = model_.pieces[static_cast<size_t>(found->second)].type != piece_type::unused;
        if (is_used || depth > max_split_depth) {
            segments_.push_back({ text, found->second });
            return;
        }
        const auto parts = parts_.find(text);
        if (parts == parts_.end()) {
            segments_.push_back({ text, model_.unk_id });
            return;
        }
        emit(parts->second.first, depth + 1);
        emit(parts->second.second, depth + 1);
    }

    const sentencepiece_model &                                                         model_;
    const std::unordered_map<std::string_view, int32_t> &                               ids_;
    std::vector<symbol>                                                                 symbols_;
    std::priority_queue<candidate, std::vector<candidate>, worse>                       agenda_;
    std::unordered_map<std::string_view, std::pair<std::string_view, std::string_view>> parts_;
    std::vector<text_segment>                                                           segments_;
};

}  // namespace

score_bpe::score_bpe(const sentencepiece_model & model) : model_(model) {
    for (size_t id = 0; id < model.pieces.size(); ++id) {
        const sentencepiece & piece = model.pieces[id];
        if (piece.type == piece_type::normal || piece.type == piece_type::user_defined ||
            piece.type == piece_type::unused) {
            ids_.emplace(piece.text, static_cast<int32_t>(id));
        }
    }
}

std::vector<text_segment> score_bpe::segments(std::string_view text, const piece_trie & kept) const {
    return merger(model_, ids_).run(text, kept);
}

}  // namespace kstt
