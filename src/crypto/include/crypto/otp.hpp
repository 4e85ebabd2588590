#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include <base/bytes.hpp>
#include <crypto/secret.hpp>

namespace tenon::crypto {

enum class OtpHash : std::uint8_t { sha1, sha256, sha512 };

/// One-time passwords: RFC 4226, and with a counter of 30-second steps RFC 6238. `digits`: 6 to 8.
std::string one_time_password(ByteView key, std::uint64_t counter, int digits = 6, OtpHash hash = OtpHash::sha1);

/// RFC 4648, upper case, without padding: what authenticators take by hand.
std::string to_base32(ByteView bytes);
/// Either case; padding and spaces between groups are passed over. Empty unless every character belongs.
[[nodiscard]] std::optional<base::ByteVector> from_base32(std::string_view text);

}  // namespace tenon::crypto
