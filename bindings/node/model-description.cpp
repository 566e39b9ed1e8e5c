#include "model-description.h"

#include "async-call.h"
#include "conversions.h"

#include <string>
#include <utility>

namespace kstt_node {

Napi::Value describe_model(const Napi::CallbackInfo & info) {
    std::string        path   = to_text(info[0], "path");
    kstt_engine_params params = kstt_engine_default_params();
    read_source_options(to_object(info[1], "options"), params);
    return call_async<std::string>(
        info.Env(),
        "kstt.describeModel",
        [path = std::move(path), params](std::string & text, kstt_error * error) {
            // A description has a few kB; a second call only where the first was cut short.
            text.resize(16384);
            for (;;) {
                size_t            needed = 0;
                const kstt_status status =
                    kstt_model_describe(path.c_str(), &params, text.data(), text.size(), &needed, error);
                const bool fits = needed <= text.size();
                text.resize(status == KSTT_STATUS_OK && needed > 0 ? (fits ? needed - 1 : needed) : 0);
                if (status != KSTT_STATUS_OK || fits) {
                    return status;
                }
            }
        },
        [](Napi::Env env, std::string & text) { return Napi::String::New(env, text); });
}

}  // namespace kstt_node
