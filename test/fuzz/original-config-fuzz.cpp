// Any bytes as config.json of Kyutai's own layouts and, behind the first NUL byte, as the document that
// mimi_config_name names; without one the codec is the published one.
#include "fuzz-target.h"
#include "io/json-file.h"
#include "io/model-config.h"
#include "io/original-config.h"

#include <algorithm>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    const uint8_t * end  = data + size;
    const uint8_t * stop = std::find(data, end, 0);

    const auto parse = [](const uint8_t * from, const uint8_t * to, const char * name) {
        return kstt::json_value::parse(reinterpret_cast<const char *>(from), static_cast<size_t>(to - from), name);
    };
    fuzz_read([&] {
        const kstt::json_value root = parse(data, stop, "config.json");
        root.expect_object();
        if (!kstt::is_original_config(root)) {
            return;
        }
        const kstt::original_config   config = kstt::read_original_config(root);
        std::vector<kstt::json_value> mimi;  // one or none
        if (stop != end) {
            mimi.push_back(parse(stop + 1, end, "mimi.json"));
        }
        for (const bool as_converted : { false, true }) {
            const kstt::model_config translated = kstt::translate_config(
                root, config, mimi.empty() ? nullptr : mimi.data(), int64_t{ 2 } * config.dim, as_converted);
            fuzz_require(translated.codec.frame_size() > 0, "a frame without samples");
            fuzz_require(translated.decoder.sliding_window <= config.context, "a window beyond the checkpoint's");
        }
    });
    return 0;
}
