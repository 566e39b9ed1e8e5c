#include "session-object.h"

#include "async-call.h"
#include "conversions.h"
#include "environment-data.h"
#include "error-object.h"
#include "session-events.h"
#include "session-params.h"
#include "wrapped-object.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace kstt_node {

namespace {

using guarded_session = guarded_handle<kstt_session>;

struct made_session {
    std::shared_ptr<guarded_session> session;
    int32_t                          sample_rate = 0;
};

constexpr const char * what = "session";

// A push that only copies, up to 0.4 s at 24 kHz, costs less on the spot than a hop to another thread. One that
// resamples costs ten times as much and always hops.
constexpr size_t max_inline_samples = 9600;

// What the core takes in one call (kstt_session_push_pcm).
constexpr size_t max_samples = size_t{ 1 } << 31U;

// Samples per hold of the lock, so that poll() on the event loop never waits for the resampling of an hour.
constexpr size_t slice_samples = 48000;

kstt_status push_locked(guarded_session & session, const float * pcm, size_t n, int32_t rate, kstt_error * error) {
    const std::lock_guard<std::mutex> lock(session.mutex);
    return kstt_session_push_pcm(session.handle.get(), pcm, n, rate, error);
}

kstt_status push_slices(guarded_session & session, const std::vector<float> & pcm, int32_t rate, kstt_error * error) {
    // The core refuses a call with a bad sample as a whole: then it must see the whole call.
    const bool   finite = std::all_of(pcm.begin(), pcm.end(), [](float sample) { return std::isfinite(sample); });
    const size_t slice  = finite ? slice_samples : pcm.size();
    size_t       done   = 0;
    do {
        const size_t      n      = std::min(slice, pcm.size() - done);
        const kstt_status status = push_locked(session, pcm.data() + done, n, rate, error);
        if (status != KSTT_STATUS_OK) {
            return status;
        }
        done += n;
    } while (done < pcm.size());
    return KSTT_STATUS_OK;
}

int64_t ready_frames(guarded_session & session) {
    const std::lock_guard<std::mutex> lock(session.mutex);
    return kstt_session_n_ready(session.handle.get());
}

Napi::Value from_count(Napi::Env env, int64_t count) {
    return Napi::Number::New(env, static_cast<double>(count));
}

using session_call = kstt_status (*)(kstt_session *, kstt_error *);

Napi::Value call_locked(Napi::Env env, const char * name, std::shared_ptr<guarded_session> session, session_call call) {
    return call_async<no_result>(
        env,
        name,
        [session = std::move(session), call](no_result &, kstt_error * error) {
            const std::lock_guard<std::mutex> lock(session->mutex);
            return call(session->handle.get(), error);
        },
        [](Napi::Env js, no_result &) { return js.Undefined(); });
}

// make: kstt_status(kstt_engine *, kstt_session ** out, kstt_error *)
template <typename Make>
Napi::Value make_session(
    Napi::Env env, const char * name, std::shared_ptr<kstt_engine> engine, int32_t sample_rate, Make make) {
    return call_async<made_session>(
        env,
        name,
        [engine = std::move(engine), sample_rate, make = std::move(make)](made_session & made, kstt_error * error) {
            kstt_session *    handle = nullptr;
            const kstt_status status = make(engine.get(), &handle, error);
            made.sample_rate         = sample_rate;
            if (status == KSTT_STATUS_OK) {
                made.session = std::make_shared<guarded_session>(own_handle<kstt_session_free>(handle, engine));
            }
            return status;
        },
        [](Napi::Env js, made_session & made) { return wrap_made(environment_data::of(js).session, made); });
}

}  // namespace

Napi::Value create_session_object(const Napi::CallbackInfo &   info,
                                  std::shared_ptr<kstt_engine> engine,
                                  int32_t                      sample_rate) {
    return make_session(
        info.Env(),
        "kstt.createSession",
        std::move(engine),
        sample_rate,
        [params = to_session_params(info[0])](kstt_engine * owner, kstt_session ** out, kstt_error * error) {
            const kstt_session_params view = params.view();
            return kstt_session_create(owner, &view, out, error);
        });
}

Napi::Value restore_session_object(const Napi::CallbackInfo &   info,
                                   std::shared_ptr<kstt_engine> engine,
                                   int32_t                      sample_rate) {
    return make_session(
        info.Env(),
        "kstt.restoreSession",
        std::move(engine),
        sample_rate,
        [bytes = copy_bytes(info[0], "snapshot")](kstt_engine * owner, kstt_session ** out, kstt_error * error) {
            return kstt_session_restore(owner, bytes.data(), bytes.size(), out, error);
        });
}

Napi::Function session_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Session",
                       {
                           InstanceMethod("pushPcm", &session_object::push_pcm),
                           InstanceMethod("flush", &session_object::flush),
                           InstanceMethod("end", &session_object::end),
                           InstanceMethod("reset", &session_object::reset),
                           InstanceMethod("snapshot", &session_object::snapshot),
                           InstanceMethod("ready", &session_object::ready),
                           InstanceMethod("poll", &session_object::poll),
                           InstanceMethod("dispose", &session_object::dispose),
                       });
}

session_object::session_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<session_object>(info) {
    const auto & made = made_from<made_session>(info);
    session_          = made.session;
    sample_rate_      = made.sample_rate;
}

Napi::Value session_object::push_pcm(const Napi::CallbackInfo & info) {
    const Napi::Env   env     = info.Env();
    auto              session = open_handle(info, session_, what);
    const sample_view samples = to_samples(info[0], "pcm");
    const int32_t     rate    = to_int32(info[1], "rate");
    if (samples.size >= max_samples) {
        throw_error(env, KSTT_STATUS_INVALID_ARGUMENT, "pcm must have fewer than 2^31 samples; cut it into several");
    }
    if (rate == sample_rate_ && samples.size <= max_inline_samples) {
        kstt_error error = {};
        throw_if_failed(env, push_locked(*session, samples.data, samples.size, rate, &error), error);
        return from_count(env, ready_frames(*session));
    }
    return call_async<int64_t>(
        env,
        "kstt.pushPcm",
        [session, pcm = copy_samples(env, samples), rate](int64_t & n_ready, kstt_error * error) {
            const kstt_status status = push_slices(*session, pcm, rate, error);
            n_ready                  = ready_frames(*session);
            return status;
        },
        [](Napi::Env js, int64_t & n_ready) { return from_count(js, n_ready); });
}

Napi::Value session_object::flush(const Napi::CallbackInfo & info) {
    return call_locked(info.Env(), "kstt.flushSession", open_handle(info, session_, what), kstt_session_flush);
}

Napi::Value session_object::snapshot(const Napi::CallbackInfo & info) {
    return call_async<std::vector<uint8_t>>(
        info.Env(),
        "kstt.snapshotSession",
        [session = open_handle(info, session_, what)](std::vector<uint8_t> & result, kstt_error * error) {
            const std::lock_guard<std::mutex> lock(session->long_mutex);
            const uint8_t *                   bytes  = nullptr;
            size_t                            n      = 0;
            const kstt_status                 status = kstt_session_snapshot(session->handle.get(), &bytes, &n, error);
            if (status == KSTT_STATUS_OK) {
                result.assign(bytes, bytes + n);
            }
            return status;
        },
        [](Napi::Env js, std::vector<uint8_t> & result) { return from_bytes(js, result); });
}

Napi::Value session_object::end(const Napi::CallbackInfo & info) {
    return call_locked(info.Env(), "kstt.endSession", open_handle(info, session_, what), kstt_session_end);
}

Napi::Value session_object::reset(const Napi::CallbackInfo & info) {
    return call_locked(info.Env(), "kstt.resetSession", open_handle(info, session_, what), kstt_session_reset);
}

Napi::Value session_object::ready(const Napi::CallbackInfo & info) {
    return from_count(info.Env(), ready_frames(*open_handle(info, session_, what)));
}

Napi::Value session_object::poll(const Napi::CallbackInfo & info) {
    const auto               session = open_handle(info, session_, what);
    std::vector<owned_event> events;
    {
        const std::lock_guard<std::mutex> lock(session->mutex);
        kstt_event                        event = {};
        while (kstt_session_poll(session->handle.get(), &event) == 1) {
            events.push_back(own_event(event));
        }
    }
    Napi::Array array = Napi::Array::New(info.Env(), events.size());
    for (size_t i = 0; i < events.size(); ++i) {
        array.Set(static_cast<uint32_t>(i), from_event(info.Env(), events[i]));
    }
    return array;
}

Napi::Value session_object::dispose(const Napi::CallbackInfo & info) {
    return release_async(info.Env(), std::exchange(session_, nullptr));
}

}  // namespace kstt_node
