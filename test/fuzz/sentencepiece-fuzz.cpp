// Any bytes as a SentencePiece model; and what is one, as tokenizer.json.
#include "text/sentencepiece-model.h"
#include "text/tokenizer-json.h"
#include "tokenizer-checks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t * data, size_t size) {
    const kstt::tokenizer_file file = { kstt::tokenizer_kind::sentencepiece,
                                        "tokenizer.model",
                                        std::string(reinterpret_cast<const char *>(data), size) };
    check_tokenizer(file);
    fuzz_read([&] {
        const std::string json = kstt::to_tokenizer_json(kstt::read_sentencepiece(file));
        fuzz_require(kstt::is_utf8(json), "a tokenizer.json that is not UTF-8");
        check_tokenizer({ kstt::tokenizer_kind::tokenizer_json, "tokenizer.json", json });
    });
    return 0;
}
