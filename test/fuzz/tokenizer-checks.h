// What holds of every vocabulary that is taken: texts become ids of it, ids become UTF-8, pieces are known by id.
#pragma once

#include "fuzz-target.h"
#include "text/piece-decoder.h"
#include "text/tokenizer.h"
#include "text/utf8.h"

#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

inline void check_texts(const kstt::tokenizer & tokenizer, const std::string & file) {
    // Some of the file's own bytes find its pieces.
    const std::string texts[] = { "",
                                  " ",
                                  "the caf\xC3\xA9  is  open",
                                  "e\xCC\x81\xE2\x96\x81\xF0\x9F\x98\x80\r\n<pad><0x41>",
                                  "\xFF\xC3",
                                  file.substr(0, 300),
                                  file.substr(file.size() - file.size() / 4, 300) };
    for (const std::string & text : texts) {
        const std::vector<int32_t> ids = tokenizer.encode(text);
        for (const int32_t id : ids) {
            fuzz_require(id >= 0 && id < tokenizer.size(), "an id outside the vocabulary");
        }
        for (const bool skip_special : { false, true }) {
            fuzz_require(kstt::is_utf8(tokenizer.decode(ids.data(), ids.size(), skip_special)),
                         "a decoded text is not UTF-8");
        }
    }
}

inline void check_tokenizer(const kstt::tokenizer_file & file) {
    // A few ids beyond both ends too.
    std::vector<int32_t> ids(1000);
    std::iota(ids.begin(), ids.end(), -3);
    fuzz_read([&] {
        const kstt::piece_decoder pieces = kstt::piece_decoder::read(file);
        for (const int32_t id : ids) {
            const bool has_text = !pieces.piece(id).empty();
            fuzz_require(!has_text || (id >= 0 && id < pieces.size()), "a piece outside the vocabulary");
            fuzz_require(!pieces.starts_word(id) || pieces.piece(id).front() == ' ', "a word without its space");
        }
    });
    fuzz_read([&] {
        const auto tokenizer = kstt::tokenizer::read(file);
        fuzz_require(tokenizer->size() > 0, "an empty vocabulary");
        fuzz_require(kstt::is_utf8(tokenizer->decode(ids.data(), ids.size(), false)), "a decoded text is not UTF-8");
        check_texts(*tokenizer, file.bytes);
    });
}
