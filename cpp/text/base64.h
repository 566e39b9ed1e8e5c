// Base64 with padding (RFC 4648), as tokenizer.json holds bytes.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace kstt {

// nullopt: not base64.
std::optional<std::string> decode_base64(std::string_view text);

std::string encode_base64(std::string_view bytes);

}  // namespace kstt
