#include <base/text.hpp>

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string>

#include <tenon/error.hpp>

namespace tenon::base {
namespace {

constexpr char32_t bad = 0xffffffff;

// The code point at the front of `rest`, which loses it. `bad` when it is ill-formed.
char32_t next(std::string_view& rest) noexcept {
    const auto byte = [&](std::size_t i) -> std::uint8_t {
        return i < rest.size() ? static_cast<std::uint8_t>(rest[i]) : 0;  // 0 continues nothing
    };
    const auto lead = byte(0);
    const int more = lead < 0x80 ? 0 : lead >= 0xc2 && lead < 0xe0 ? 1 : (lead & 0xf0) == 0xe0 ? 2 : lead >= 0xf0 && lead < 0xf5 ? 3 : -1;
    if (more < 0) return bad;
    constexpr std::uint8_t payload[] = {0x7f, 0x1f, 0x0f, 0x07};
    constexpr char32_t least[] = {0, 0x80, 0x800, 0x10000};
    char32_t point = lead & payload[more];
    for (int i = 1; i <= more; ++i) {
        const auto b = byte(static_cast<std::size_t>(i));
        if ((b & 0xc0) != 0x80) return bad;
        point = point << 6 | (b & 0x3f);
    }
    if (point < least[more] || point > 0x10ffff || (point >= 0xd800 && point < 0xe000)) return bad;
    rest.remove_prefix(static_cast<std::size_t>(more) + 1);
    return point;
}

bool is_control(char32_t point) { return point < 0x20 || (point >= 0x7f && point < 0xa0); }

[[noreturn]] void refuse(std::string_view field, const std::string& why) {
    throw InvalidArgument(std::string(field) + " " + why, {.subject = std::string(field)});
}

template <class Allowed>
std::size_t check(std::string_view field, std::string_view value, std::size_t most, Allowed allowed) {
    std::size_t count = 0;
    for (auto rest = value; !rest.empty(); ++count) {
        const auto point = next(rest);
        if (point == bad) refuse(field, "is not valid UTF-8");
        if (!allowed(point)) refuse(field, "holds a control character");
        if (count == most) refuse(field, "is longer than " + std::to_string(most) + " characters");
    }
    return count;
}

/// With at most so many digits behind the point, and none that say nothing. By hand: printf asks the host's locale.
std::string with_point(double value, int digits) {
    char text[64];
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::fixed, digits).ptr;
    std::string number(text, end);
    number.erase(number.find_last_not_of('0') + 1);
    if (number.ends_with('.')) number.pop_back();
    return number;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty())
        if (next(text) == bad) return false;
    return true;
}

std::size_t utf8_step(std::string_view text) noexcept {
    auto rest = text;
    return text.empty() || next(rest) == bad ? 0 : text.size() - rest.size();
}

std::string to_utf8(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        auto rest = text;
        const auto point = next(rest);
        if (point == bad || point == 0) {
            result += "\xef\xbf\xbd";
            text.remove_prefix(1);
        } else {
            result += text.substr(0, text.size() - rest.size());
            text = rest;
        }
    }
    return result;
}

std::size_t utf8_length(std::string_view text) noexcept {
    std::size_t count = 0;
    for (const char c : text) count += (static_cast<std::uint8_t>(c) & 0xc0) != 0x80;
    return count;
}

void check_name(std::string_view field, std::string_view value) {
    if (check(field, value, 200, [](char32_t point) { return !is_control(point); }) == 0) refuse(field, "is empty");
    if (value.find_first_not_of(' ') == std::string_view::npos) refuse(field, "is blank");
}

void check_text(std::string_view field, std::string_view value, std::size_t max_characters) {
    check(field, value, max_characters,
          [](char32_t point) { return !is_control(point) || point == '\t' || point == '\n'; });
}

void check_slug(std::string_view field, std::string_view value) {
    const auto is_plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
    bool good = !value.empty() && value.size() <= 63 && is_plain(value.front()) && is_plain(value.back());
    for (std::size_t i = 1; good && i < value.size(); ++i)
        good = is_plain(value[i]) || (value[i] == '-' && value[i - 1] != '-');
    if (!good) refuse(field, "must be 1 to 63 of a-z, 0-9 and single hyphens between them");
}

std::string human_bytes(std::int64_t bytes) {
    constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB"};
    double value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (std::abs(value) >= 999.95 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    return with_point(value, 1) + " " + units[unit];
}

std::string human_length(Duration length) {
    using namespace std::chrono_literals;
    if (length < 0s) return "-" + human_length(-length);
    if (length < 1s) return std::to_string(std::chrono::floor<std::chrono::milliseconds>(length).count()) + " ms";
    if (length < 60s) return with_point(static_cast<double>(std::chrono::floor<std::chrono::milliseconds>(length).count()) / 1000, 3) + " s";
    const auto whole = std::chrono::floor<std::chrono::seconds>(length).count();
    const auto pair = [](std::int64_t first, const char* of_first, std::int64_t second, const char* of_second) {
        char text[64];
        const int size = std::snprintf(text, sizeof text, "%lld %s %02lld %s", static_cast<long long>(first), of_first,
                                       static_cast<long long>(second), of_second);
        return second == 0 ? std::to_string(first) + " " + of_first : std::string(text, static_cast<std::size_t>(size));
    };
    return whole < 3600 ? pair(whole / 60, "min", whole % 60, "s") : pair(whole / 3600, "h", whole / 60 % 60, "min");
}

std::string to_rfc3339(Time time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    char text[48];
    const int size = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d.%06dZ", static_cast<int>(date.year()),
                                   static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                   static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                                   static_cast<int>(clock.seconds().count()), static_cast<int>(clock.subseconds().count()));
    return std::string(text, static_cast<std::size_t>(size));
}

}  // namespace tenon::base
