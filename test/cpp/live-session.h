// Sessions of the tests: pushes, steps, and what came out.
#pragma once

#include "session/engine.h"
#include "wav-file.h"

#include <memory>
#include <random>
#include <string>
#include <vector>

// The embedded model and its test recordings: spoken digits.
inline const std::string digits_folder = "models/digits-en";

inline const std::vector<std::string> & digit_takes() {
    static const std::vector<std::string> names = { "0-george",   "1-jackson", "2-nicolas", "3-theo",
                                                    "4-yweweler", "5-mixed",   "6-mixed",   "7-mixed" };
    return names;
}

// At the model's rate.
inline std::vector<float> digit_take(size_t i) {
    const recording    take = read_wav(digits_folder + "/test/" + digit_takes()[i] + ".wav");
    kstt::resampler    to_model(take.rate, 24000);
    std::vector<float> pcm;
    to_model.push(take.pcm.data(), take.pcm.size(), pcm);
    to_model.flush(pcm);
    return pcm;
}

struct live_result {
    std::vector<kstt::session_event> events;

    // Of one type, or of all.
    std::vector<std::string> lines(int32_t type = 0) const {
        std::vector<std::string> result;
        for (const kstt::session_event & each : events) {
            if (type == 0 || each.type == type) {
                result.push_back(kstt::format("%d %d %lld %.9f %.9f %.9f %d %s",
                                              each.type,
                                              each.token,
                                              static_cast<long long>(each.step),
                                              each.start,
                                              each.end,
                                              static_cast<double>(each.confidence),
                                              each.detail,
                                              each.text.c_str()));
            }
        }
        return result;
    }

    std::string text() const {
        std::string result;
        for (const kstt::session_event & each : events) {
            if (each.type == KSTT_EVENT_WORD) {
                result += (result.empty() ? "" : " ") + each.text;
            }
        }
        return result;
    }

    size_t count(int32_t type, int32_t detail = -1) const {
        size_t n = 0;
        for (const kstt::session_event & each : events) {
            n += each.type == type && (detail < 0 || each.detail == detail) ? 1 : 0;
        }
        return n;
    }
};

// A session that leaves its engine with this object.
class live_stream {
  public:
    live_stream(kstt::engine & owner, const kstt::session_options & options)
        : owner_(&owner), session_(owner.create_session(options)) {}
    live_stream(kstt::engine & owner, const std::vector<uint8_t> & snapshot)
        : owner_(&owner), session_(owner.restore_session(snapshot.data(), snapshot.size())) {}
    ~live_stream() {
        if (session_ != nullptr) {
            owner_->remove_session(session_);
        }
    }
    live_stream(const live_stream &)             = delete;
    live_stream & operator=(const live_stream &) = delete;
    live_stream(live_stream && other) noexcept
        : result(std::move(other.result)), owner_(other.owner_), session_(std::move(other.session_)) {}

    kstt::session & operator*() const { return *session_; }

    kstt::session * operator->() const { return session_.get(); }

    const std::shared_ptr<kstt::session> & shared() const { return session_; }

    void push(const std::vector<float> & pcm, size_t from, size_t n, int32_t rate = 24000) {
        owner_->push_pcm(*session_, pcm.data() + from, n, rate);
    }

    void push(const std::vector<float> & pcm, int32_t rate = 24000) { push(pcm, 0, pcm.size(), rate); }

    void poll() {
        kstt::session_event event;
        while (session_->poll(event)) {
            result.events.push_back(event);
        }
    }

    void drain() {
        while (owner_->step(100) > 0) {
        }
        poll();
    }

    void finish() {
        session_->end();
        drain();
    }

    std::vector<uint8_t> snapshot() { return owner_->save_session(session_); }

    live_result result;

  private:
    kstt::engine *                 owner_;
    std::shared_ptr<kstt::session> session_;
};

inline live_result hear(kstt::engine & owner, const kstt::session_options & options, const std::vector<float> & pcm) {
    live_stream stream(owner, options);
    stream.push(pcm);
    stream.finish();
    return stream.result;
}

inline std::vector<float> joined(const std::vector<std::vector<float>> & parts) {
    std::vector<float> result;
    for (const std::vector<float> & part : parts) {
        result.insert(result.end(), part.begin(), part.end());
    }
    return result;
}
