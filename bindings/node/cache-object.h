// JS object around kstt_cache.
#pragma once

#include "async-call.h"
#include "environment-data.h"
#include "napi-setup.h"
#include "native-handle.h"
#include "wrapped-object.h"

#include <kstt.h>

#include <cstdint>
#include <memory>
#include <utility>

namespace kstt_node {

using shared_cache = std::shared_ptr<guarded_handle<kstt_cache>>;

// createCache(rows, window): Promise<cache>; window < 0: the model's.
Napi::Value create_cache_object(const Napi::CallbackInfo & info, const std::shared_ptr<kstt_engine> & engine);

struct made_cache {
    shared_cache                 cache;
    std::shared_ptr<kstt_engine> engine;
};

// A cache object around what `create`, kstt_status(kstt_cache ** out, kstt_error *), makes on a pool thread.
template <typename Create>
Napi::Value make_cache_object(Napi::Env env, const std::shared_ptr<kstt_engine> & engine, Create create) {
    return call_async<made_cache>(
        env,
        "kstt.createCache",
        [engine, create = std::move(create)](made_cache & made, kstt_error * error) {
            kstt_cache *      handle = nullptr;
            const kstt_status status = create(&handle, error);
            if (status == KSTT_STATUS_OK) {
                made.cache  = std::make_shared<guarded_handle<kstt_cache>>(own_handle<kstt_cache_free>(handle, engine));
                made.engine = engine;
            }
            return status;
        },
        [](Napi::Env js, made_cache & made) { return wrap_made(environment_data::of(js).cache, made); });
}

// The handle of a cache object; nullptr for undefined. Throws for anything else.
shared_cache cache_of(const Napi::Value & value);

class cache_object final : public Napi::ObjectWrap<cache_object> {
  public:
    static Napi::Function define(Napi::Env env);

    explicit cache_object(const Napi::CallbackInfo & info);

    const shared_cache & handle() const { return cache_; }

  private:
    // All give Promise<info>: { rows, layers, kvHeads, headDim, window, seen, stored }.
    Napi::Value info(const Napi::CallbackInfo & info);         // ()
    Napi::Value import_data(const Napi::CallbackInfo & info);  // (positions, keys: Float32Array[], values)
    Napi::Value crop(const Napi::CallbackInfo & info);         // (n)
    Napi::Value select(const Napi::CallbackInfo & info);       // (rows: Int32Array)
    Napi::Value reset(const Napi::CallbackInfo & info);        // ()
    Napi::Value read(const Napi::CallbackInfo & info);         // (layer) => Promise<{ keys, values }>
    Napi::Value copy(const Napi::CallbackInfo & info);         // () => Promise<cache>
    Napi::Value dispose(const Napi::CallbackInfo & info);      // () => Promise<void>

    shared_cache                 cache_;  // null once disposed
    std::shared_ptr<kstt_engine> engine_;
};

}  // namespace kstt_node
