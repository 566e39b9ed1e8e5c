// Any bytes as model.safetensors: the header is checked, and what the views promise can be read.
#include "fuzz-folder.h"
#include "io/safetensors-file.h"

#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    static const fuzz_folder folder;
    const std::string        path = folder.write("model.safetensors", data, size);
    fuzz_read([&] {
        const kstt::safetensors_file file(path);
        const uint8_t *              begin = file.file().data();
        for (const kstt::tensor_view & tensor : file.tensors()) {
            fuzz_require(tensor.data >= begin && tensor.n_bytes <= file.file().size() &&
                             static_cast<size_t>(tensor.data - begin) <= file.file().size() - tensor.n_bytes,
                         "a tensor lies outside the file");
            fuzz_require(static_cast<uint64_t>(tensor.n_elements()) * kstt::element_type_size(tensor.type) ==
                             tensor.n_bytes,
                         "a tensor's shape and bytes differ");
            if (tensor.type == kstt::element_type::f32 || tensor.type == kstt::element_type::f16 ||
                tensor.type == kstt::element_type::bf16) {
                std::vector<float> values(static_cast<size_t>(tensor.n_elements()));
                kstt::convert_to_f32(tensor, values.data());
            }
        }
    });
    return 0;
}
