// The C ABI: descriptions of checkpoints.
#include "capi/handles.h"
#include "include/kstt.h"
#include "session/model-description.h"

#include <cstring>

using namespace kstt;

kstt_status kstt_model_describe(const char *               path,
                                const kstt_engine_params * params,
                                char *                     buffer,
                                size_t                     capacity,
                                size_t *                   needed,
                                kstt_error *               err) {
    return guarded(err, [&] {
        require(path != nullptr && needed != nullptr, "path and needed must not be NULL");
        require(buffer != nullptr || capacity == 0, "buffer must not be NULL unless capacity is 0");
        const std::string text =
            describe_model(path, source_options_of(params != nullptr ? *params : kstt_engine_default_params()));
        *needed = text.size() + 1;
        if (buffer != nullptr && capacity >= text.size() + 1) {
            std::memcpy(buffer, text.c_str(), text.size() + 1);
        }
    });
}
