#include "search.hpp"

#include <base/text.hpp>

namespace tenon::tenant {
namespace {

constexpr std::size_t longest_text = 200;

/// The small form of a letter, by the blocks of Unicode in which capitals and small letters lie at fixed distances.
char32_t small(char32_t c) {
    if (c >= U'A' && c <= U'Z') return c + 32;
    if (c >= 0xC0 && c <= 0xDE && c != 0xD7) return c + 32;                                      // À … Þ
    if (c >= 0x100 && c <= 0x137 && c != 0x130 && c != 0x131) return c | 1;                      // Ā … Ķ
    if ((c >= 0x139 && c <= 0x148) || (c >= 0x179 && c <= 0x17E)) return c % 2 == 1 ? c + 1 : c;  // Ĺ … Ň, Ź … Ž
    if (c >= 0x14A && c <= 0x177) return c | 1;                                                  // Ŋ … Ŷ
    if (c == 0x178) return 0xFF;                                                                 // Ÿ
    if (c >= 0x391 && c <= 0x3A9) return c + 32;                                                 // Α … Ω
    if (c >= 0x410 && c <= 0x42F) return c + 32;                                                 // А … Я
    if (c >= 0x400 && c <= 0x40F) return c + 80;                                                 // Ѐ … Џ
    return c;
}

void append(std::string& out, char32_t c) {
    if (c < 0x80) {
        out += static_cast<char>(c);
    } else {  // only blocks of two bytes are folded
        out += static_cast<char>(0xC0 | (c >> 6));
        out += static_cast<char>(0x80 | (c & 0x3F));
    }
}

}  // namespace

std::string folded(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = 0; i < text.size();) {
        const auto step = base::utf8_step(text.substr(i));
        const auto first = static_cast<unsigned char>(text[i]);
        if (step == 1) {
            append(out, small(first));
        } else if (step == 2) {
            append(out, small((first & 0x1Fu) << 6 | (static_cast<unsigned char>(text[i + 1]) & 0x3Fu)));
        } else {
            out.append(text.substr(i, step == 0 ? 1 : step));
        }
        i += step == 0 ? 1 : step;
    }
    return out;
}

Search::Search(std::string_view field, std::string_view text) {
    base::check_text(field, text, longest_text);
    wanted_ = folded(text);
}

}  // namespace tenon::tenant
