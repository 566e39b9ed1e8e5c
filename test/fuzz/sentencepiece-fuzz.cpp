// Any bytes as a SentencePiece model.
#include "tokenizer-checks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    check_tokenizer({ kstt::tokenizer_kind::sentencepiece,
                      "tokenizer.model",
                      std::string(reinterpret_cast<const char *>(data), size) });
    return 0;
}
