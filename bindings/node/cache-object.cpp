#include "cache-object.h"

#include "async-call.h"
#include "conversions.h"
#include "environment-data.h"
#include "error-object.h"
#include "typed-arrays.h"
#include "wrapped-object.h"

#include <cstddef>
#include <mutex>
#include <utility>
#include <vector>

namespace kstt_node {

namespace {

struct layer_data {
    std::vector<float> keys;
    std::vector<float> values;
};

constexpr const char * what = "cache";

Napi::Value from_cache_info(Napi::Env env, const kstt_cache_info & info) {
    Napi::Object object = Napi::Object::New(env);
    object.Set("rows", info.n_rows);
    object.Set("layers", info.n_layers);
    object.Set("kvHeads", info.n_kv_heads);
    object.Set("headDim", info.head_dim);
    object.Set("window", info.window);
    object.Set("seen", static_cast<double>(info.n_seen));
    object.Set("stored", static_cast<double>(info.n_stored));
    return object;
}

// Makes `change` and gives what the cache is then.
template <typename Change>
Napi::Value change_cache(Napi::Env env, const char * name, shared_cache cache, Change change) {
    return call_async<kstt_cache_info>(
        env,
        name,
        [cache = std::move(cache), change = std::move(change)](kstt_cache_info & info, kstt_error * error) {
            const std::lock_guard<std::mutex> hold(cache->mutex);
            const kstt_status                 status = change(cache->handle.get(), error);
            return status == KSTT_STATUS_OK ? kstt_cache_get_info(cache->handle.get(), &info, error) : status;
        },
        [](Napi::Env js, kstt_cache_info & info) { return from_cache_info(js, info); });
}

std::vector<const float *> pointers(const std::vector<std::vector<float>> & arrays) {
    std::vector<const float *> result;
    result.reserve(arrays.size());
    for (const std::vector<float> & array : arrays) {
        result.push_back(data_or_null(array));
    }
    return result;
}

}  // namespace

Napi::Value create_cache_object(const Napi::CallbackInfo & info, const std::shared_ptr<kstt_engine> & engine) {
    const int32_t n_rows = to_int32(info[0], "rows");
    const int32_t window = to_int32(info[1], "window");
    return make_cache_object(info.Env(), engine, [engine, n_rows, window](kstt_cache ** out, kstt_error * error) {
        return kstt_cache_create(engine.get(), n_rows, window, out, error);
    });
}

shared_cache cache_of(const Napi::Value & value) {
    const Napi::Env env = value.Env();
    if (value.IsUndefined()) {
        return nullptr;
    }
    const Napi::Function constructor = environment_data::of(env).cache.Value();
    if (!value.IsObject() || !value.As<Napi::Object>().InstanceOf(constructor)) {
        throw_error(env, KSTT_STATUS_INVALID_ARGUMENT, "cache must be a cache of this engine");
    }
    shared_cache cache = cache_object::Unwrap(value.As<Napi::Object>())->handle();
    if (cache == nullptr) {
        throw_error(env, status_disposed, "the cache was disposed");
    }
    return cache;
}

Napi::Function cache_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Cache",
                       {
                           InstanceMethod("info", &cache_object::info),
                           InstanceMethod("import", &cache_object::import_data),
                           InstanceMethod("crop", &cache_object::crop),
                           InstanceMethod("select", &cache_object::select),
                           InstanceMethod("reset", &cache_object::reset),
                           InstanceMethod("read", &cache_object::read),
                           InstanceMethod("copy", &cache_object::copy),
                           InstanceMethod("dispose", &cache_object::dispose),
                       });
}

cache_object::cache_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<cache_object>(info) {
    const auto & made = made_from<made_cache>(info);
    cache_            = made.cache;
    engine_           = made.engine;
}

Napi::Value cache_object::info(const Napi::CallbackInfo & info) {
    return change_cache(info.Env(), "kstt.cacheInfo", open_handle(info, cache_, what), [](kstt_cache *, kstt_error *) {
        return kstt_status(KSTT_STATUS_OK);
    });
}

Napi::Value cache_object::import_data(const Napi::CallbackInfo & info) {
    auto                            cache       = open_handle(info, cache_, what);
    const int64_t                   n_positions = to_int64(info[0], "positions");
    std::vector<std::vector<float>> keys        = copy_float_arrays(info[1], "keys");
    std::vector<std::vector<float>> values      = copy_float_arrays(info[2], "values");
    return change_cache(
        info.Env(),
        "kstt.importCache",
        std::move(cache),
        [n_positions, keys = std::move(keys), values = std::move(values)](kstt_cache * handle, kstt_error * error) {
            kstt_cache_info   facts  = {};
            const kstt_status status = kstt_cache_get_info(handle, &facts, error);
            if (status != KSTT_STATUS_OK) {
                return status;
            }
            // The core trusts the sizes it is told. Divided instead of multiplied, so that nothing overflows.
            const auto width = static_cast<int64_t>(facts.n_rows) * facts.n_kv_heads * facts.head_dim;
            const auto fits  = [&](const std::vector<float> & data) {
                const auto size = static_cast<int64_t>(data.size());
                return n_positions > 0 && size % width == 0 && size / width == n_positions;
            };
            for (const auto * arrays : { &keys, &values }) {
                bool all = static_cast<int32_t>(arrays->size()) == facts.n_layers;
                for (const std::vector<float> & data : *arrays) {
                    all = all && fits(data);
                }
                if (!all) {
                    return refuse(error, "the arrays of keys and values do not fit the cache and its positions");
                }
            }
            return kstt_cache_import(handle, n_positions, pointers(keys).data(), pointers(values).data(), error);
        });
}

Napi::Value cache_object::crop(const Napi::CallbackInfo & info) {
    auto          cache = open_handle(info, cache_, what);
    const int64_t n     = to_int64(info[0], "n");
    return change_cache(info.Env(), "kstt.cropCache", std::move(cache), [n](kstt_cache * handle, kstt_error * error) {
        return kstt_cache_crop(handle, n, error);
    });
}

Napi::Value cache_object::select(const Napi::CallbackInfo & info) {
    auto                 cache = open_handle(info, cache_, what);
    std::vector<int32_t> rows  = copy_int32s(info[0], "rows");
    return change_cache(info.Env(),
                        "kstt.selectCache",
                        std::move(cache),
                        [rows = std::move(rows)](kstt_cache * handle, kstt_error * error) {
                            return kstt_cache_select(
                                handle, data_or_null(rows), static_cast<int32_t>(rows.size()), error);
                        });
}

Napi::Value cache_object::reset(const Napi::CallbackInfo & info) {
    return change_cache(info.Env(),
                        "kstt.resetCache",
                        open_handle(info, cache_, what),
                        [](kstt_cache * handle, kstt_error * error) { return kstt_cache_reset(handle, error); });
}

Napi::Value cache_object::read(const Napi::CallbackInfo & info) {
    auto          cache = open_handle(info, cache_, what);
    const int32_t layer = to_int32(info[0], "layer");
    return call_async<layer_data>(
        info.Env(),
        "kstt.readCache",
        [cache = std::move(cache), layer](layer_data & data, kstt_error * error) {
            const std::lock_guard<std::mutex> hold(cache->mutex);
            kstt_cache_info                   facts  = {};
            const kstt_status                 status = kstt_cache_get_info(cache->handle.get(), &facts, error);
            if (status != KSTT_STATUS_OK) {
                return status;
            }
            const size_t size = static_cast<size_t>(facts.n_rows) * static_cast<size_t>(facts.n_kv_heads) *
                                static_cast<size_t>(facts.n_stored) * static_cast<size_t>(facts.head_dim);
            data.keys.resize(size);
            data.values.resize(size);
            return kstt_cache_read(cache->handle.get(), layer, data.keys.data(), data.values.data(), size, error);
        },
        [](Napi::Env js, layer_data & data) {
            Napi::Object object = Napi::Object::New(js);
            object.Set("keys", from_floats(js, data.keys));
            object.Set("values", from_floats(js, data.values));
            return object;
        });
}

Napi::Value cache_object::copy(const Napi::CallbackInfo & info) {
    auto cache = open_handle(info, cache_, what);
    return make_cache_object(info.Env(), engine_, [cache](kstt_cache ** out, kstt_error * error) {
        const std::lock_guard<std::mutex> hold(cache->mutex);
        return kstt_cache_copy(cache->handle.get(), out, error);
    });
}

Napi::Value cache_object::dispose(const Napi::CallbackInfo & info) {
    engine_ = nullptr;
    return release_async(info.Env(), std::exchange(cache_, nullptr));
}

}  // namespace kstt_node
