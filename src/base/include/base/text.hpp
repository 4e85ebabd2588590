#pragma once

#include <string>
#include <string_view>

#include <tenon/units.hpp>

namespace tenon::base {

/// Well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
[[nodiscard]] bool is_utf8(std::string_view text) noexcept;
/// Bytes of the code point that `text` begins with; 0: it begins with none.
std::size_t utf8_step(std::string_view text) noexcept;
/// `text` itself if it is UTF-8 without NUL; what is not is replaced by U+FFFD. For what others wrote: file names, foreign
/// messages.
std::string to_utf8(std::string_view text);
/// Code points. `text` must be UTF-8.
std::size_t utf8_length(std::string_view text) noexcept;

/// A name that a user gives: 1 to 200 characters of UTF-8 without control characters, not only spaces.
///
/// Throws    InvalidArgument, subject `field`.
void check_name(std::string_view field, std::string_view value);

/// Text that a user gives and that may be empty or have lines: UTF-8, no NUL, no control characters but tab and newline.
void check_text(std::string_view field, std::string_view value, std::size_t max_characters);

/// A name in addresses and on disk: 1 to 63 of a–z, 0–9 and inner single hyphens.
void check_slug(std::string_view field, std::string_view value);

/// As people read it: "999 B", "1.5 kB", "2 GB", by powers of ten as plans and disks count.
std::string human_bytes(std::int64_t bytes);
/// "850 ms", "4.2 s", "3 min 05 s", "2 h 30 min".
std::string human_length(Duration length);

/// "2026-03-01T12:00:00.000000Z": RFC 3339, always to the microsecond, so that texts sort as times do.
std::string to_rfc3339(Time time);

}  // namespace tenon::base
