#include "text/tokenizer.h"

#include "io/json-file.h"
#include "text/json-tokenizer.h"
#include "text/sentencepiece-tokenizer.h"

namespace kstt {

std::unique_ptr<tokenizer> tokenizer::read(const tokenizer_file & file) {
    if (file.kind == tokenizer_kind::sentencepiece) {
        return std::make_unique<sentencepiece_tokenizer>(read_sentencepiece(file));
    }
    return std::make_unique<json_tokenizer>(json_value::parse(file.bytes.data(), file.bytes.size(), file.name));
}

}  // namespace kstt
