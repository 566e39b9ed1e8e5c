// Any bytes as tokenizer.json.
#include "tokenizer-checks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    check_tokenizer({ kstt::tokenizer_kind::tokenizer_json,
                      "tokenizer.json",
                      std::string(reinterpret_cast<const char *>(data), size) });
    return 0;
}
