// UTF-8 to UTF-16 and back, exactly: pairs of surrogates, and an answer where half a pair stands alone.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tenon_utf {

/// `to` has room for one unit per byte. Bytes that are no UTF-8 become U+FFFD, one for each. Returns how many units.
template <class Unit>
std::size_t to_utf16(std::string_view from, Unit* to) noexcept {
    Unit* const begin = to;
    for (std::size_t at = 0; at < from.size();) {
        const auto lead = static_cast<unsigned char>(from[at]);
        if (lead < 0x80) {
            *to++ = lead;
            ++at;
            continue;
        }
        const std::size_t more = lead >= 0xF0 && lead < 0xF5 ? 3 : lead >= 0xE0 ? 2
                                                                                : 1;
        std::uint32_t point = lead & (0x3FU >> more);
        std::size_t seen = lead >= 0xC2 && lead < 0xF5 ? 1 : 0;
        for (; seen && seen <= more && at + seen < from.size(); ++seen) {
            const auto next = static_cast<unsigned char>(from[at + seen]);
            if ((next & 0xC0) != 0x80) break;
            point = point << 6 | (next & 0x3F);
        }
        constexpr std::uint32_t least[] = {0, 0x80, 0x800, 0x10000};
        if (seen != more + 1 || point < least[more] || point > 0x10FFFF || (point >= 0xD800 && point < 0xE000)) {
            *to++ = static_cast<Unit>(0xFFFD);
            ++at;
            continue;
        }
        at += seen;
        if (point < 0x10000) {
            *to++ = static_cast<Unit>(point);
        } else {
            *to++ = static_cast<Unit>(0xD800 + ((point - 0x10000) >> 10));
            *to++ = static_cast<Unit>(0xDC00 + ((point - 0x10000) & 0x3FF));
        }
    }
    return static_cast<std::size_t>(to - begin);
}

/// Empty: done. Else the index of half a surrogate pair.
template <class Unit>
std::optional<std::size_t> to_utf8(const Unit* from, std::size_t length, std::string& to) {
    // Nearly all text is ASCII from end to end, or for a good part.
    to.resize(length);
    std::size_t at = 0;
    for (; at < length && from[at] < 0x80; ++at) to[at] = static_cast<char>(from[at]);
    if (at == length) return std::nullopt;
    to.resize(at);
    to.reserve(at + 3 * (length - at));
    for (; at < length; ++at) {
        std::uint32_t point = from[at];
        if (point >= 0xD800 && point < 0xE000) {
            const std::uint32_t low = at + 1 < length ? from[at + 1] : 0;
            if (point >= 0xDC00 || low < 0xDC00 || low >= 0xE000) return at;
            point = 0x10000 + ((point - 0xD800) << 10) + (low - 0xDC00);
            ++at;
        }
        if (point < 0x80) {
            to += static_cast<char>(point);
        } else if (point < 0x800) {
            to += static_cast<char>(0xC0 | point >> 6);
            to += static_cast<char>(0x80 | (point & 0x3F));
        } else if (point < 0x10000) {
            to += static_cast<char>(0xE0 | point >> 12);
            to += static_cast<char>(0x80 | (point >> 6 & 0x3F));
            to += static_cast<char>(0x80 | (point & 0x3F));
        } else {
            to += static_cast<char>(0xF0 | point >> 18);
            to += static_cast<char>(0x80 | (point >> 12 & 0x3F));
            to += static_cast<char>(0x80 | (point >> 6 & 0x3F));
            to += static_cast<char>(0x80 | (point & 0x3F));
        }
    }
    return std::nullopt;
}

}  // namespace tenon_utf
