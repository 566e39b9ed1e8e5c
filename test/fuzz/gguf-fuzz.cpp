// Any bytes as a GGUF file: the header is checked, and what metadata and views promise can be read.
#include "fuzz-folder.h"
#include "io/gguf-file.h"

#include <limits>
#include <numeric>
#include <vector>

namespace {

// Typed access either gives a value or blames the file.
void read_metadata(const kstt::gguf_metadata & metadata) {
    for (const kstt::gguf_value & value : metadata.values()) {
        fuzz_require(metadata.contains(value.key), "a key that cannot be found");
        const auto & key = value.key;
        fuzz_read([&] { (void) metadata.integer(key, std::numeric_limits<int64_t>::min(), INT64_MAX); });
        fuzz_read([&] { (void) metadata.number(key); });
        fuzz_read([&] { (void) metadata.boolean(key); });
        fuzz_read([&] { (void) metadata.string(key); });
        fuzz_read([&] { (void) metadata.integers(key); });
        fuzz_read([&] { (void) metadata.numbers(key); });
        fuzz_read([&] { (void) metadata.strings(key); });
        fuzz_read([&] { (void) metadata.bytes(key); });
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    static const fuzz_folder folder;
    const std::string        path = folder.write("model.gguf", data, size);
    fuzz_read([&] {
        const kstt::gguf_file file(path);
        read_metadata(file.metadata());
        for (const kstt::tensor_view & tensor : file.tensors()) {
            const auto at = static_cast<size_t>(tensor.data - file.file().data());
            fuzz_require(tensor.data >= file.file().data() && at <= file.file().size() - tensor.n_bytes &&
                             tensor.n_bytes <= file.file().size(),
                         "a tensor lies outside the file");
            fuzz_require(at % file.alignment() == 0, "a tensor is not aligned");
            // Every byte can be read.
            (void) std::accumulate(tensor.data, tensor.data + tensor.n_bytes, 0U);
            if (kstt::is_block_format(tensor.type) || tensor.type == kstt::element_type::f32 ||
                tensor.type == kstt::element_type::f16 || tensor.type == kstt::element_type::bf16) {
                std::vector<float> values(static_cast<size_t>(tensor.n_elements()));
                kstt::convert_to_f32(tensor, values.data());
            }
        }
    });
    return 0;
}
