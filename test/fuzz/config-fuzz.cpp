// Any bytes as config.json, generation_config.json, preprocessor_config.json and processor_config.json, in this order
// with a NUL byte between two; a file that is left out or empty is absent, unless the model must have it.
#include "fuzz-folder.h"
#include "io/model-config.h"

#include <algorithm>
#include <array>
#include <string>

namespace {

const std::array<std::string, 4> files = {
    "config.json", "generation_config.json", "preprocessor_config.json", "processor_config.json"
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    static const fuzz_folder folder;
    const uint8_t *          end          = data + size;
    bool                     has_features = false;
    for (const std::string & name : files) {
        const uint8_t * stop     = std::find(data, end, 0);
        const bool      required = name == files.front() || (name == files.back() && !has_features);
        if (stop != data || required) {
            folder.write(name, data, static_cast<size_t>(stop - data));
            has_features = has_features || name == files[2];
        } else {
            folder.remove(name);
        }
        data = stop == end ? end : stop + 1;
    }
    // A processor_config.json without a feature extractor makes preprocessor_config.json the one that is missing.
    fuzz_read(
        [&] {
            const kstt::model_config config = kstt::read_model_config(folder.path());
            fuzz_require(config.codec.frame_size() > 0, "a frame without samples");
        },
        !has_features);
    return 0;
}
