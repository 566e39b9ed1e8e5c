#include "forward-object.h"

#include "advance-call.h"
#include "async-call.h"
#include "cache-object.h"
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

struct made_forward {
    std::shared_ptr<guarded_handle<kstt_forward>> forward;
};

constexpr const char * what = "forward";

// The inputs in memory of their own, until the core has copied them.
struct input_copies {
    kstt_forward_params  params;
    std::vector<int32_t> ids;
    std::vector<float>   embeds;
    std::vector<int64_t> positions;
    std::vector<uint8_t> mask;
    std::vector<float>   bias;
    std::vector<int32_t> keep;
    std::vector<int32_t> labels;
    bool                 keep_given;
};

input_copies to_inputs(const Napi::Object & object) {
    input_copies inputs = {};
    inputs.params       = kstt_forward_default_params();
    inputs.ids          = copy_int32s(object.Get("ids"), "ids");
    inputs.embeds       = copy_floats(object.Get("embeds"), "embeds");
    inputs.positions    = copy_int64s(object.Get("positions"), "positions");
    inputs.mask         = copy_uint8s(object.Get("mask"), "mask");
    inputs.bias         = copy_floats(object.Get("bias"), "bias");
    inputs.keep         = copy_int32s(object.Get("keep"), "keep");
    inputs.labels       = copy_int32s(object.Get("labels"), "labels");
    inputs.keep_given   = !object.Get("keep").IsUndefined();

    kstt_forward_params & params = inputs.params;
    params.n_rows                = to_int32(object.Get("rows"), "rows");
    params.n_positions           = to_int32(object.Get("length"), "length");
    params.n_streams             = to_int32(object.Get("streams"), "streams");
    params.packed                = to_flag(object, "packed");
    params.bias_rows             = to_int32(object.Get("biasRows"), "biasRows");
    params.bias_heads            = to_int32(object.Get("biasHeads"), "biasHeads");
    params.want_logits           = to_flag(object, "logits");
    params.labels_shifted        = to_flag(object, "labelsShifted");
    params.ignore_index          = to_int32(object.Get("ignoreIndex"), "ignoreIndex");
    params.loss_items            = to_finite(object.Get("lossItems"), "lossItems");
    params.hidden_states         = to_flag(object, "hiddenStates");
    params.attentions            = to_flag(object, "attentions");
    return inputs;
}

// The core trusts the shapes it is told. Counts are far below what could overflow, since arrays of them exist.
bool shapes_fit(const input_copies & inputs, const kstt_engine_info & info, const kstt_cache * cache) {
    const kstt_forward_params & params = inputs.params;
    kstt_cache_info             facts  = {};
    if (cache != nullptr && kstt_cache_get_info(cache, &facts, nullptr) != KSTT_STATUS_OK) {
        return true;  // the core will say why
    }
    if (params.n_rows < 1 || params.n_positions < 1 || params.n_streams < 1 || params.bias_rows < 1 ||
        params.bias_heads < 1) {
        return false;
    }
    const double columns = static_cast<double>(params.n_rows) * params.n_positions;
    const double kept    = inputs.keep_given ? static_cast<double>(inputs.keep.size()) : params.n_positions;
    const double keys    = static_cast<double>(facts.n_stored) + params.n_positions;
    const auto   fits    = [](const auto & values, double count) {
        return values.empty() || static_cast<double>(values.size()) == count;
    };
    return fits(inputs.ids, columns * params.n_streams) && fits(inputs.embeds, columns * info.hidden_size) &&
           fits(inputs.positions, columns) && fits(inputs.labels, params.n_rows * kept) &&
           inputs.mask.size() % static_cast<size_t>(params.n_rows) == 0 &&
           fits(inputs.bias, static_cast<double>(params.bias_rows) * params.bias_heads * params.n_positions * keys);
}

kstt_status create_forward(
    kstt_engine * engine, kstt_cache * cache, input_copies & inputs, kstt_forward ** out, kstt_error * error) {
    kstt_engine_info  info   = {};
    const kstt_status status = kstt_engine_get_info(engine, &info, error);
    if (status != KSTT_STATUS_OK) {
        return status;
    }
    if (!shapes_fit(inputs, info, cache)) {
        return refuse(error, "an array of the inputs has another length than rows, length and streams ask for");
    }
    kstt_forward_params & params = inputs.params;
    params.ids                   = data_or_null(inputs.ids);
    params.embeds                = data_or_null(inputs.embeds);
    params.positions             = data_or_null(inputs.positions);
    params.mask                  = data_or_null(inputs.mask);
    params.n_mask                = inputs.mask.size() / static_cast<size_t>(params.n_rows);
    params.bias                  = data_or_null(inputs.bias);
    params.keep                  = inputs.keep_given ? inputs.keep.data() : nullptr;
    params.n_keep                = static_cast<int32_t>(inputs.keep.size());
    params.labels                = data_or_null(inputs.labels);
    if (inputs.keep_given && inputs.keep.empty()) {
        params.keep        = nullptr;
        params.want_logits = 0;
    }
    return kstt_forward_create(engine, cache, &params, out, error);
}

}  // namespace

Napi::Value create_forward_object(const Napi::CallbackInfo & info, std::shared_ptr<kstt_engine> engine) {
    input_copies inputs = to_inputs(to_object(info[0], "inputs"));
    shared_cache cache  = cache_of(info[1]);
    return call_async<made_forward>(
        info.Env(),
        "kstt.createForward",
        [engine = std::move(engine), cache = std::move(cache), inputs = std::move(inputs)](made_forward & made,
                                                                                           kstt_error * error) mutable {
            std::unique_lock<std::mutex> hold;
            if (cache != nullptr) {
                hold = std::unique_lock<std::mutex>(cache->mutex);
            }
            kstt_forward *    handle = nullptr;
            const kstt_status status =
                create_forward(engine.get(), cache != nullptr ? cache->handle.get() : nullptr, inputs, &handle, error);
            if (status == KSTT_STATUS_OK) {
                made.forward =
                    std::make_shared<guarded_handle<kstt_forward>>(own_handle<kstt_forward_free>(handle, engine));
            }
            return status;
        },
        [](Napi::Env env, made_forward & made) { return wrap_made(environment_data::of(env).forward, made); });
}

Napi::Function forward_object::define(Napi::Env env) {
    return DefineClass(env,
                       "Forward",
                       {
                           InstanceMethod("advance", &forward_object::advance),
                           InstanceMethod("read", &forward_object::read),
                           InstanceMethod("loss", &forward_object::loss),
                           InstanceMethod("dispose", &forward_object::dispose),
                       });
}

forward_object::forward_object(const Napi::CallbackInfo & info) : Napi::ObjectWrap<forward_object>(info) {
    forward_ = made_from<made_forward>(info).forward;
}

Napi::Value forward_object::advance(const Napi::CallbackInfo & info) {
    auto forward = open_handle(info, forward_, what);
    return advance_async<kstt_forward_advance>(
        info.Env(), "kstt.advanceForward", std::move(forward), to_int32(info[0], "maxPositions"));
}

Napi::Value forward_object::read(const Napi::CallbackInfo & info) {
    auto          forward = open_handle(info, forward_, what);
    const int32_t result  = to_int32(info[0], "what");
    const int32_t index   = to_int32(info[1], "index");
    return call_async<std::vector<float>>(
        info.Env(),
        "kstt.readForward",
        [forward = std::move(forward), result, index](std::vector<float> & values, kstt_error * error) {
            const std::lock_guard<std::mutex> hold(forward->mutex);
            size_t                            size = 0;
            const kstt_status                 status =
                kstt_forward_read(forward->handle.get(), result, index, nullptr, 0, &size, error);
            if (status != KSTT_STATUS_OK) {
                return status;
            }
            values.resize(size);
            return kstt_forward_read(forward->handle.get(), result, index, values.data(), size, &size, error);
        },
        [](Napi::Env env, std::vector<float> & values) { return from_floats(env, values); });
}

Napi::Value forward_object::loss(const Napi::CallbackInfo & info) {
    auto forward = open_handle(info, forward_, what);
    return call_async<double>(
        info.Env(),
        "kstt.forwardLoss",
        [forward = std::move(forward)](double & loss, kstt_error * error) {
            const std::lock_guard<std::mutex> hold(forward->mutex);
            return kstt_forward_loss(forward->handle.get(), &loss, error);
        },
        [](Napi::Env env, double & loss) { return Napi::Number::New(env, loss); });
}

Napi::Value forward_object::dispose(const Napi::CallbackInfo & info) {
    return release_async(info.Env(), std::exchange(forward_, nullptr));
}

}  // namespace kstt_node
