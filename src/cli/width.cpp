#include <algorithm>
#include <array>

#include "text.hpp"

// The C library's wcwidth() depends on the locale, which a container rarely has. These ranges are what terminals agree on:
// Unicode's East Asian Width W and F with emoji for two columns, combining marks and format characters for none.
namespace tenon::cli {
namespace {

struct Span {
    char32_t first, last;
};

constexpr std::array wide{
    Span{0x1100, 0x115F}, Span{0x231A, 0x231B}, Span{0x2329, 0x232A}, Span{0x23E9, 0x23EC}, Span{0x23F0, 0x23F0},
    Span{0x23F3, 0x23F3}, Span{0x25FD, 0x25FE}, Span{0x2614, 0x2615}, Span{0x2648, 0x2653}, Span{0x267F, 0x267F},
    Span{0x2693, 0x2693}, Span{0x26A1, 0x26A1}, Span{0x26AA, 0x26AB}, Span{0x26BD, 0x26BE}, Span{0x26C4, 0x26C5},
    Span{0x26CE, 0x26CE}, Span{0x26D4, 0x26D4}, Span{0x26EA, 0x26EA}, Span{0x26F2, 0x26F3}, Span{0x26F5, 0x26F5},
    Span{0x26FA, 0x26FA}, Span{0x26FD, 0x26FD}, Span{0x2705, 0x2705}, Span{0x270A, 0x270B}, Span{0x2728, 0x2728},
    Span{0x274C, 0x274C}, Span{0x274E, 0x274E}, Span{0x2753, 0x2755}, Span{0x2757, 0x2757}, Span{0x2795, 0x2797},
    Span{0x27B0, 0x27B0}, Span{0x27BF, 0x27BF}, Span{0x2B1B, 0x2B1C}, Span{0x2B50, 0x2B50}, Span{0x2B55, 0x2B55},
    Span{0x2E80, 0x303E}, Span{0x3041, 0x33FF}, Span{0x3400, 0x4DBF}, Span{0x4E00, 0x9FFF}, Span{0xA000, 0xA4CF},
    Span{0xA960, 0xA97F}, Span{0xAC00, 0xD7A3}, Span{0xF900, 0xFAFF}, Span{0xFE10, 0xFE19}, Span{0xFE30, 0xFE6F},
    Span{0xFF00, 0xFF60}, Span{0xFFE0, 0xFFE6}, Span{0x16FE0, 0x18AFF}, Span{0x1AFF0, 0x1B2FF}, Span{0x1F004, 0x1F004},
    Span{0x1F0CF, 0x1F0CF}, Span{0x1F18E, 0x1F18E}, Span{0x1F191, 0x1F19A}, Span{0x1F200, 0x1F320}, Span{0x1F32D, 0x1F335},
    Span{0x1F337, 0x1F37C}, Span{0x1F37E, 0x1F393}, Span{0x1F3A0, 0x1F3CA}, Span{0x1F3CF, 0x1F3D3}, Span{0x1F3E0, 0x1F3F0},
    Span{0x1F3F4, 0x1F3F4}, Span{0x1F3F8, 0x1F43E}, Span{0x1F440, 0x1F440}, Span{0x1F442, 0x1F4FC}, Span{0x1F4FF, 0x1F53D},
    Span{0x1F54B, 0x1F567}, Span{0x1F57A, 0x1F57A}, Span{0x1F595, 0x1F596}, Span{0x1F5A4, 0x1F5A4}, Span{0x1F5FB, 0x1F64F},
    Span{0x1F680, 0x1F6C5}, Span{0x1F6CC, 0x1F6CC}, Span{0x1F6D0, 0x1F6D7}, Span{0x1F6DC, 0x1F6DF}, Span{0x1F6EB, 0x1F6EC},
    Span{0x1F6F4, 0x1F6FC}, Span{0x1F7E0, 0x1F7EB}, Span{0x1F7F0, 0x1F7F0}, Span{0x1F90C, 0x1F93A}, Span{0x1F93C, 0x1F945},
    Span{0x1F947, 0x1F9FF}, Span{0x1FA70, 0x1FAFF}, Span{0x20000, 0x3FFFD}};

constexpr std::array zero{
    Span{0x0300, 0x036F}, Span{0x0483, 0x0489}, Span{0x0591, 0x05BD}, Span{0x05BF, 0x05BF}, Span{0x05C1, 0x05C2},
    Span{0x05C4, 0x05C5}, Span{0x0610, 0x061A}, Span{0x064B, 0x065F}, Span{0x0670, 0x0670}, Span{0x06D6, 0x06DC},
    Span{0x06DF, 0x06E4}, Span{0x06E7, 0x06E8}, Span{0x06EA, 0x06ED}, Span{0x0711, 0x0711}, Span{0x0730, 0x074A},
    Span{0x0900, 0x0902}, Span{0x093A, 0x093A}, Span{0x093C, 0x093C}, Span{0x0941, 0x0948}, Span{0x094D, 0x094D},
    Span{0x0951, 0x0957}, Span{0x0962, 0x0963}, Span{0x0981, 0x0981}, Span{0x09BC, 0x09BC}, Span{0x09C1, 0x09C4},
    Span{0x09CD, 0x09CD}, Span{0x0A01, 0x0A02}, Span{0x0A3C, 0x0A51}, Span{0x0E31, 0x0E31}, Span{0x0E34, 0x0E3A},
    Span{0x0E47, 0x0E4E}, Span{0x0EB1, 0x0EB1}, Span{0x0EB4, 0x0EBC}, Span{0x0EC8, 0x0ECD}, Span{0x1160, 0x11FF},
    Span{0x1AB0, 0x1AFF}, Span{0x1DC0, 0x1DFF}, Span{0x200B, 0x200F}, Span{0x202A, 0x202E}, Span{0x2060, 0x2064},
    Span{0x2066, 0x206F}, Span{0x20D0, 0x20F0}, Span{0x302A, 0x302D}, Span{0x3099, 0x309A}, Span{0xFE00, 0xFE0F},
    Span{0xFE20, 0xFE2F}, Span{0xFEFF, 0xFEFF}, Span{0x1F3FB, 0x1F3FF}, Span{0xE0001, 0xE01EF}};

template <std::size_t N>
bool in(const std::array<Span, N>& spans, char32_t c) {
    const auto at = std::lower_bound(spans.begin(), spans.end(), c, [](const Span& s, char32_t v) { return s.last < v; });
    return at != spans.end() && at->first <= c;
}

constexpr char32_t broken = 0xFFFFFFFF;

/// Takes one code point off the front. `broken` for what is not UTF-8, which costs one byte.
char32_t take(std::string_view& text) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const unsigned char lead = byte(0);
    const std::size_t n = lead < 0x80 ? 1 : lead >> 5 == 6 ? 2
                                        : lead >> 4 == 14  ? 3
                                        : lead >> 3 == 30  ? 4
                                                           : 0;
    char32_t value = n == 1 ? lead : lead & (0x7Fu >> n);
    bool ok = n != 0 && n <= text.size();
    for (std::size_t i = 1; ok && i < n; ++i) {
        ok = byte(i) >> 6 == 2;
        value = value << 6 | (byte(i) & 0x3Fu);
    }
    constexpr std::array<char32_t, 5> least{0, 0, 0x80, 0x800, 0x10000};
    ok = ok && value >= least[n] && value <= 0x10FFFF && (value < 0xD800 || value > 0xDFFF);
    text.remove_prefix(ok ? n : 1);
    return ok ? value : broken;
}

/// Characters that could move the cursor or reorder what surrounds them.
bool steers(char32_t c) {
    return c == broken || c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x2028 || c == 0x2029 ||
           (c >= 0x202A && c <= 0x202E) || (c >= 0x2066 && c <= 0x2069);
}

}  // namespace

std::size_t width(std::string_view text) {
    std::size_t columns = 0;
    while (!text.empty()) {
        const char32_t c = take(text);
        if (c == broken || !in(zero, c)) columns += c != broken && in(wide, c) ? 2 : 1;
    }
    return columns;
}

std::string clean(std::string_view text) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const auto before = text;
        const char32_t c = take(text);
        if (steers(c)) out += "\uFFFD";
        else out += before.substr(0, before.size() - text.size());
    }
    return out;
}

}  // namespace tenon::cli
