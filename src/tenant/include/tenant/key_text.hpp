#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// The text of whatever a client carries to get in: `<prefix>_<kind>_<kid: 12><_><secret: 43><crc32: 6>`, digits in base 62.
namespace tenon::tenant::access {

/// What a text is for; the word in it.
enum class TextKind : std::uint8_t {
    live = 1,     ///< "live", "test": API keys.
    test = 2,
    refresh = 3,  ///< "refr": renews a login.
    ticket = 4,   ///< "tick": sets a password once.
};
std::string_view to_string(TextKind kind) noexcept;

using KeySecret = std::array<std::uint8_t, 32>;

struct KeyText {
    TextKind kind = TextKind::live;
    std::string kid{};   ///< 12 of 0-9, A-Z, a-z: finds the row.
    KeySecret secret{};
};

constexpr std::size_t kid_size = 12;

/// Random.
std::string new_kid();
KeySecret new_key_secret();

std::string write_key(std::string_view prefix, const KeyText& key);
/// Its front, by which people tell keys apart: "sk_live_4fGh2kLm9QwZ".
std::string shown_key(std::string_view prefix, TextKind kind, std::string_view kid);
/// Whatever the prefix is. Empty unless every character is in its place and the checksum holds.
[[nodiscard]] std::optional<KeyText> parse_key(std::string_view text) noexcept;

}  // namespace tenon::tenant::access
