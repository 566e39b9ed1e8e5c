// UTF-8 from pieces of bytes: repair of invalid sequences, and holding back a character that is not complete yet.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace kstt {

constexpr std::string_view utf8_replacement = "\xEF\xBF\xBD";  // U+FFFD

// Every maximal invalid sequence becomes one U+FFFD (as the Unicode standard recommends). Valid text is unchanged.
std::string utf8_repair(std::string_view bytes);

// The first character of `bytes`, which are not empty.
struct utf8_sequence {
    size_t size;      // bytes of the longest prefix that could begin a character, at least 1
    bool   complete;  // those bytes are a character
    bool   invalid;   // no byte that may follow makes them one
};
utf8_sequence utf8_next(std::string_view bytes);

bool is_utf8(std::string_view bytes);

// Bytes at the end that begin a character whose rest has not come: 0 to 3.
size_t utf8_incomplete_tail(std::string_view bytes);

// Joins chunks that may end inside a character.
class utf8_stream {
  public:
    // Repaired text that is complete by now.
    std::string push(std::string_view bytes);
    // What is left: U+FFFD if a character never got complete. The stream is fresh again.
    std::string flush();

  private:
    std::string tail_;
};

}  // namespace kstt
