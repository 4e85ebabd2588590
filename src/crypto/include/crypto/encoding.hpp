#pragma once

#include <optional>
#include <string>
#include <string_view>

#include <base/bytes.hpp>

namespace tenon::crypto {

/// Lower case.
std::string to_hex(base::ByteView bytes);
void append_hex(std::string& text, base::ByteView bytes);
/// Either case. Empty unless every character belongs.
[[nodiscard]] std::optional<base::ByteVector> from_hex(std::string_view text);

/// RFC 4648, with padding.
std::string to_base64(base::ByteView bytes);
/// Only what to_base64 writes, so that one value has one text.
[[nodiscard]] std::optional<base::ByteVector> from_base64(std::string_view text);

/// The URL and file name alphabet, without padding.
std::string to_base64url(base::ByteView bytes);
[[nodiscard]] std::optional<base::ByteVector> from_base64url(std::string_view text);

}  // namespace tenon::crypto
