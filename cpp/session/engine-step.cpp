// The steps of an engine's sessions: who takes part, in which batches.
#include "session/engine.h"
#include "session/stopwatch.h"

#include <algorithm>
#include <map>

namespace kstt {

namespace {

// Live streams go first in every round. While they keep the engine busy, files get one round in this many, so that
// they move on at all.
constexpr int32_t max_live_rounds = 8;

}  // namespace

void engine::encode_group(const std::vector<session *> & group, int64_t n_frames) {
    std::vector<std::vector<float>> pcm(group.size());
    mimi_call                       call;
    call.n_samples = n_frames * model_->config.codec.frame_size();
    for (size_t i = 0; i < group.size(); i++) {
        group[i]->take_pcm(n_frames, pcm[i]);
        call.slots.push_back(group[i]->slot());
        call.pcm.push_back(pcm[i].data());
    }
    std::vector<int32_t> codes;
    work_stats           stats;
    const stopwatch      watch;
    codec_->encode(call, codes);
    stats.codec_ns     = watch.elapsed_ns();
    stats.codec_frames = n_frames * static_cast<int64_t>(group.size());
    add_stats(stats);
    const int64_t per_row = n_frames * model_->config.codec.num_quantizers;
    for (size_t i = 0; i < group.size(); i++) {
        group[i]->put_codes(codes.data() + static_cast<int64_t>(i) * per_row, n_frames);
    }
}

// Codes for the sessions that have audio but none waiting: a chunk where that much is queued, else one frame of all of
// them together.
void engine::encode_waiting(const session_list & active) {
    std::vector<session *> single;
    for (const auto & each : active) {
        const int64_t n_queued = each->can_step() ? 0 : each->n_queued_frames();
        if (n_queued >= chunk_frames) {
            encode_group({ each.get() }, chunk_frames);
        } else if (n_queued > 0) {
            single.push_back(each.get());
        }
    }
    if (!single.empty()) {
        encode_group(single, 1);
    }
}

// Hands a session the step that the decoder computed as its column `column`.
void engine::put_step(session & target, int64_t column) {
    const decoder_config & config  = model_->config.decoder;
    const float *          classes = decoder_->head_probabilities();  // [column][head][class]
    std::vector<float>     pauses(classes != nullptr ? static_cast<size_t>(config.num_extra_heads) : 0);
    // Class 0 of a head is a pause of its length (spec 7); what the others mean is not published.
    for (size_t head = 0; head < pauses.size(); head++) {
        pauses[head] =
            classes[(static_cast<size_t>(column) * pauses.size() + head) * static_cast<size_t>(config.extra_head_dim)];
    }
    target.put_step(step_logits(*decoder_, column), pauses.data(), static_cast<int32_t>(pauses.size()));
}

// The steps of a call up to the first after which the session would go on otherwise; the rest is taken back. Returns
// how many.
int64_t engine::keep_drafted(session & target, const decoder_call & call) {
    const int64_t n_ids  = 1 + model_->config.decoder.num_codebooks;
    int64_t       n_kept = 0;
    bool          goes_on;
    do {
        put_step(target, n_kept++);
        goes_on = false;
        if (n_kept < call.n_columns && target.can_step()) {
            std::vector<int32_t>        ids;
            const session::decoder_work next = target.next_work(ids, false);
            goes_on = !next.replay && std::equal(ids.begin(), ids.end(), call.ids.begin() + n_kept * n_ids);
        }
    } while (goes_on);
    decoder_->rewind(target.slot(), call.n_columns - n_kept);
    target.put_draft(call.n_columns, n_kept);
    return n_kept;
}

int64_t engine::decode_group(const std::vector<session *> & group, const decoder_call & call, bool replay) {
    const stopwatch watch;
    // The start token is never an output of the model: its row of the head is padding.
    decoder_->compute(call, model_->config.decoder.vocab_size - 1);
    const auto n_rows = static_cast<int64_t>(group.size());
    work_stats stats;
    stats.decoder_ns    = watch.elapsed_ns();
    stats.decoder_steps = 1;
    int64_t done        = n_rows;
    if (replay) {
        stats.decoder_frames = stats.replay_frames = n_rows * call.n_columns;
        for (session * each : group) {
            each->put_replay(call.n_columns);
        }
    } else if (call.n_columns > 1) {
        KSTT_CHECK(n_rows == 1);
        stats.decoder_frames = done = keep_drafted(*group.front(), call);
    } else {
        stats.decoder_frames = n_rows;
        for (int64_t i = 0; i < n_rows; i++) {
            put_step(*group[static_cast<size_t>(i)], i);
        }
    }
    add_stats(stats);
    return done;
}

int64_t engine::decode_waiting(const session_list & active) {
    struct batch {
        std::vector<session *> rows;
        decoder_call           call;
    };
    // Steps share one batch. Replays are rare: each goes alone, so that no graph is built for every number of rows and
    // columns that may meet.
    std::map<int32_t, batch> batches;  // -1: the steps; else the slot of a replay
    // A file alone takes several steps at once; several streams are a batch without that.
    const bool               may_draft = networks_->drafts_pay() && active.size() == 1 && !active.front()->is_live();
    for (const auto & each : active) {
        if (!each->can_step()) {
            continue;
        }
        std::vector<int32_t>        ids;
        const session::decoder_work work = each->next_work(ids, may_draft);
        if (work.restart) {
            decoder_->reset(each->slot());
        }
        batch & to = batches[work.replay ? each->slot() : -1];
        to.rows.push_back(each.get());
        to.call.slots.push_back(each->slot());
        to.call.n_columns = work.n_columns;
        to.call.ids.insert(to.call.ids.end(), ids.begin(), ids.end());
    }
    int64_t done = 0;
    for (const auto & [slot, each] : batches) {
        done += decode_group(each.rows, each.call, slot >= 0);
    }
    return done;
}

engine::round_list engine::begin_round() {
    std::unique_lock<std::mutex> hold(lock_);
    step_over_.wait(hold, [&] { return n_waiting_ == 0; });
    in_step_ = true;
    round_list round;
    for (const auto & each : sessions_) {
        if (each != nullptr && (each->can_step() || each->n_queued_frames() > 0)) {
            (each->is_live() ? round.live : round.files).push_back(each);
        }
    }
    if (round.live.empty() || n_live_rounds_ >= max_live_rounds) {
        n_live_rounds_ = 0;
    } else if (!round.files.empty()) {
        n_live_rounds_++;
        round.files.clear();
    }
    return round;
}

void engine::end_round() {
    const std::lock_guard<std::mutex> hold(lock_);
    in_step_ = false;
    step_over_.notify_all();
}

int64_t engine::step_round(const session_list & active) {
    if (active.empty()) {
        return 0;
    }
    const stopwatch watch;
    encode_waiting(active);
    const int64_t done = decode_waiting(active);
    work_stats    stats;
    stats.step_ns = stats.max_step_ns = watch.elapsed_ns();
    stats.steps                       = 1;
    add_stats(stats);
    return done;
}

int64_t engine::step(int32_t max_steps) {
    const compute_turn turn(computing_);
    int64_t            done = 0;
    for (int32_t i = 0; i < max_steps; i++) {
        // Between two rounds others may create, reset, save and remove sessions.
        const round_list round = begin_round();
        int64_t          n     = 0;
        try {
            n = step_round(round.live);
            n += step_round(round.files);
        } catch (...) {
            end_round();
            throw;
        }
        end_round();
        if (n == 0) {
            break;
        }
        done += n;
    }
    return done;
}

}  // namespace kstt
