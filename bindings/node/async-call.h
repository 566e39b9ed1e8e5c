// The one way off the event loop: runs a call of kstt.h on a pool thread and settles a promise with what it gave.
#pragma once

#include "error-object.h"
#include "napi-setup.h"

#include <kstt.h>

#include <exception>
#include <memory>
#include <new>
#include <string>
#include <utility>

namespace kstt_node {

// Result  default-constructible; filled by `work`
// Work    kstt_status(Result & result, kstt_error * error), on a pool thread: no JS values. It owns what it uses
//         (shared handles, copies of the input), which keeps that alive until the call is over.
// ToJs    Napi::Value(Napi::Env env, Result & result), on the environment's thread, when `work` returned OK
template <typename Result, typename Work, typename ToJs>
class async_call final : public Napi::AsyncWorker {
  public:
    async_call(Napi::Env env, const char * name, Work work, ToJs to_js)
        : Napi::AsyncWorker(env, name), deferred_(Napi::Promise::Deferred::New(env)),
          work_(std::make_unique<Work>(std::move(work))), to_js_(std::move(to_js)) {}

    Napi::Promise promise() const { return deferred_.Promise(); }

  protected:
    void Execute() override {
        try {
            kstt_error error = {};
            status_          = (*work_)(result_, &error);
            if (status_ != KSTT_STATUS_OK) {
                message_ = error.message;
            }
        } catch (const std::bad_alloc &) {
            status_ = KSTT_STATUS_OUT_OF_MEMORY;
        } catch (const std::exception & cause) {
            status_  = KSTT_STATUS_INTERNAL;
            message_ = cause.what();
        }
    }

    void OnOK() override {
        const Napi::Env env = Env();
        work_.reset();  // what this call was the last to use is freed before anyone hears that it is over
        try {
            if (status_ == KSTT_STATUS_OK) {
                deferred_.Resolve(to_js_(env, result_));
            } else {
                deferred_.Reject(make_error(env, status_, message_));
            }
        } catch (const Napi::Error & failure) {
            reject(failure.Value());
        } catch (const std::exception & failure) {
            reject(Napi::Error::New(env, failure.what()).Value());
        }
    }

  private:
    void reject(Napi::Value reason) {
        try {
            deferred_.Reject(reason);
        } catch (const Napi::Error &) {
            // Only in an environment that shuts down: nobody is left who could hear it.
            return;
        }
    }

    Napi::Promise::Deferred deferred_;
    std::unique_ptr<Work>   work_;
    ToJs                    to_js_;
    Result                  result_ = {};
    kstt_status             status_ = KSTT_STATUS_INTERNAL;
    std::string             message_;
};

// Starts the call. `name` shows up in async_hooks and must be a literal.
template <typename Result, typename Work, typename ToJs>
Napi::Promise call_async(Napi::Env env, const char * name, Work work, ToJs to_js) {
    auto          call = std::make_unique<async_call<Result, Work, ToJs>>(env, name, std::move(work), std::move(to_js));
    Napi::Promise promise = call->promise();
    call->Queue();
    call.release();  // deletes itself when it is over
    return promise;
}

// For calls that give nothing.
struct no_result {};

// Drops `owned` on a pool thread: freeing a model unmaps gigabytes, freeing a session may wait for a step.
template <typename Owned>
Napi::Promise release_async(Napi::Env env, Owned owned) {
    return call_async<no_result>(
        env,
        "kstt.dispose",
        [owned = std::move(owned)](no_result &, kstt_error *) mutable {
            owned.reset();
            return kstt_status(KSTT_STATUS_OK);
        },
        [](Napi::Env js, no_result &) { return js.Undefined(); });
}

}  // namespace kstt_node
