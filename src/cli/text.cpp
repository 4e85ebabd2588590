#include "text.hpp"

#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>

#include "command.hpp"

namespace tenon::cli {
namespace {

using namespace std::chrono;

std::string print(const char* format, auto... values) {
    std::array<char, 96> buffer{};
    const int n = std::snprintf(buffer.data(), buffer.size(), format, values...);
    return {buffer.data(), static_cast<std::size_t>(n)};
}

/// Digits and nothing else.
std::optional<std::int64_t> number(std::string_view text) {
    std::int64_t value = 0;
    if (text.empty() || text[0] == '-' || text[0] == '+') return std::nullopt;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

/// A decimal number of units of `unit` microseconds, exact to the microsecond.
std::optional<std::int64_t> decimal(std::string_view text, std::int64_t unit) {
    const auto dot = text.find('.');
    const auto whole = number(text.substr(0, dot));
    constexpr std::int64_t most = std::int64_t{1} << 52;  // a century and a half of microseconds
    if (!whole || *whole > most / unit) return std::nullopt;
    std::int64_t value = *whole * unit;
    if (dot == std::string_view::npos) return value;
    const auto fraction = text.substr(dot + 1);
    if (fraction.empty()) return std::nullopt;
    std::int64_t weight = unit;
    for (const char digit : fraction) {
        if (digit < '0' || digit > '9') return std::nullopt;
        weight /= 10;
        value += weight * (digit - '0');
    }
    return value;
}

std::optional<Duration> parse_colons(std::string_view text) {
    std::int64_t minutes = 0;
    int colons = 0;
    for (auto colon = text.find(':'); colon != std::string_view::npos; colon = text.find(':')) {
        const auto part = number(text.substr(0, colon));
        if (!part || ++colons > 2 || *part > 1'000'000) return std::nullopt;
        minutes = minutes * 60 + *part;
        text.remove_prefix(colon + 1);
    }
    const auto rest = decimal(text, 1'000'000);
    if (!rest || (colons > 0 && *rest >= 60'000'000)) return std::nullopt;
    return Duration(minutes * 60'000'000 + *rest);
}

}  // namespace

std::string pad(std::string_view text, std::size_t columns, bool right) {
    const auto taken = width(text);
    const std::string gap(taken < columns ? columns - taken : 0, ' ');
    return right ? gap + std::string(text) : std::string(text) + gap;
}

std::string wrap(std::string_view text, std::size_t columns, std::size_t indent) {
    std::string out;
    std::string line;
    const std::string lead(indent, ' ');
    while (!text.empty()) {
        const auto space = text.find(' ');
        const auto word = text.substr(0, space);
        if (!line.empty() && indent + width(line) + 1 + width(word) > columns) {
            out += lead + line + "\n";
            line.clear();
        }
        if (!line.empty()) line += ' ';
        line += word;
        text.remove_prefix(space == std::string_view::npos ? text.size() : space + 1);
    }
    return out + lead + line + "\n";
}

std::string size(Bytes bytes) {
    constexpr std::array units{"B", "kB", "MB", "GB", "TB", "PB"};  // as plans and disks count
    double value = static_cast<double>(bytes.count);
    std::size_t unit = 0;
    while (std::abs(value) >= 999.95 && unit + 1 < units.size()) {
        value /= 1000;
        ++unit;
    }
    std::string number = print("%.1f", value);
    if (number.ends_with(".0")) number.resize(number.size() - 2);
    return number + " " + units[unit];
}

std::string length(Duration duration) {
    if (duration < 0s) return "-" + length(-duration);
    if (duration < 1ms) return print("%lld µs", static_cast<long long>(duration.count()));
    if (duration < 1s) return print("%lld ms", static_cast<long long>(duration_cast<milliseconds>(duration).count()));
    if (duration < 60s) {
        std::string text = print("%.2f", floor<milliseconds>(duration).count() / 1000.0);
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') text.pop_back();
        return text + " s";
    }
    const auto whole = floor<seconds>(duration).count();
    const auto s = static_cast<long long>(whole % 60), m = static_cast<long long>(whole / 60 % 60);
    const auto h = static_cast<long long>(whole / 3600);
    if (h == 0) return print("%lld min %02lld s", m, s);
    if (s == 0 && m == 0) return print("%lld h", h);
    return s == 0 ? print("%lld h %02lld min", h, m) : print("%lld h %02lld min %02lld s", h, m, s);
}

std::string clock(Time time) {
    const auto day = floor<days>(time);
    const year_month_day date(day);
    const hh_mm_ss of_day(floor<seconds>(time - day));
    return print("%04d-%02u-%02u %02d:%02d:%02dZ", static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                 static_cast<unsigned>(date.day()), static_cast<int>(of_day.hours().count()),
                 static_cast<int>(of_day.minutes().count()), static_cast<int>(of_day.seconds().count()));
}

std::string clock(const std::optional<Time>& time) { return time ? clock(*time) : "-"; }

std::string stamp(Time time) {
    std::string text = clock(time);
    text[10] = 'T';
    text.pop_back();
    return text + print(".%06dZ", static_cast<int>((time - floor<seconds>(time)).count()));
}

std::string price(const Money& money) {
    if (money.currency.empty()) return {};
    const int digits = money.currency == "JPY" || money.currency == "KRW"   ? 0
                       : money.currency == "KWD" || money.currency == "BHD" ? 3
                                                                            : 2;
    std::int64_t unit = 1;
    for (int i = 0; i < digits; ++i) unit *= 10;
    const auto whole = static_cast<long long>(money.minor / unit), rest = static_cast<long long>(std::abs(money.minor % unit));
    const std::string text = digits == 0 ? print("%lld", whole) : print("%lld.%0*lld", whole, digits, rest);
    return text + " " + clean(money.currency);
}

std::string count(std::int64_t value) {
    std::string text = std::to_string(value);
    const std::size_t first = value < 0 ? 1 : 0;
    if (text.size() - first < 5) return text;
    for (std::size_t at = text.size() - 3; at > first && at < text.size(); at -= 3) text.insert(at, " ");
    return text;
}

std::string percent(double value) { return print("%.1f %%", value); }

std::string amount(Resource resource, std::int64_t value) {
    if (resource == Resource::storage || resource == Resource::bandwidth) return size({value});
    if (resource == Resource::render_time) return value == 0 ? "0 s" : length(milliseconds(value));
    return count(value);
}

Resource resource_named(const std::string& name) {
    std::string known;
    for (int i = 1; i <= static_cast<int>(Resource::bandwidth); ++i) {
        const auto resource = static_cast<Resource>(i);
        if (name == to_string(resource)) return resource;
        known += (known.empty() ? "" : ", ") + std::string(to_string(resource));
    }
    throw UsageError("“" + clean(name) + "” is no resource; there are " + known);
}

std::int64_t amount_of(Resource resource, const std::string& text, std::string_view option) {
    if (resource == Resource::storage || resource == Resource::bandwidth) {
        if (const auto bytes = parse_size(text)) return bytes->count;
    } else if (resource == Resource::render_time) {
        if (const auto time = parse_duration(text)) return std::chrono::duration_cast<milliseconds>(*time).count();
    } else {
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error == std::errc{} && end == text.data() + text.size() && number >= 0) return number;
    }
    throw UsageError(std::string(option) + ": “" + clean(text) + "” is no amount of " + to_string(resource) +
                     ", such as 500GB of storage, 20h of render_time or 12 projects");
}

std::optional<Bytes> parse_size(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t bytes;
    };
    constexpr std::array units{Unit{"KiB", 1 << 10}, Unit{"MiB", 1 << 20}, Unit{"GiB", 1 << 30}, Unit{"kB", 1'000}, Unit{"KB", 1'000},
                               Unit{"MB", 1'000'000}, Unit{"GB", 1'000'000'000}, Unit{"k", 1'000}, Unit{"K", 1'000},
                               Unit{"M", 1'000'000}, Unit{"G", 1'000'000'000}, Unit{"B", 1}};
    for (const auto& unit : units) {
        if (!text.ends_with(unit.name)) continue;
        text.remove_suffix(unit.name.size());
        while (text.ends_with(' ')) text.remove_suffix(1);
        const auto value = decimal(text, unit.bytes);
        return value ? std::optional(Bytes{*value}) : std::nullopt;
    }
    const auto value = decimal(text, 1);
    return value ? std::optional(Bytes{*value}) : std::nullopt;
}

std::optional<Duration> parse_duration(std::string_view text) {
    struct Unit {
        std::string_view name;
        std::int64_t microseconds;
    };
    constexpr std::array units{Unit{"us", 1}, Unit{"ms", 1'000}, Unit{"min", 60'000'000},
                               Unit{"s", 1'000'000}, Unit{"m", 60'000'000}, Unit{"h", 3'600'000'000},
                               Unit{"d", 86'400'000'000}};
    if (text.find(':') != std::string_view::npos) return parse_colons(text);
    for (const auto& unit : units) {
        if (!text.ends_with(unit.name)) continue;
        const auto value = decimal(text.substr(0, text.size() - unit.name.size()), unit.microseconds);
        return value ? std::optional(Duration(*value)) : std::nullopt;
    }
    const auto value = decimal(text, 1'000'000);
    return value ? std::optional(Duration(*value)) : std::nullopt;
}

std::optional<Time> parse_time(std::string_view text) {
    const Time now = floor<microseconds>(system_clock::now());
    if (text == "now") return now;
    if (text.starts_with('-') || text.starts_with('+')) {
        const auto away = parse_duration(text.substr(1));
        return away ? std::optional(text.front() == '-' ? now - *away : now + *away) : std::nullopt;
    }
    if (text.ends_with('Z')) text.remove_suffix(1);
    if (text.size() < 10 || text[4] != '-' || text[7] != '-') return std::nullopt;
    const auto y = number(text.substr(0, 4)), m = number(text.substr(5, 2)), d = number(text.substr(8, 2));
    if (!y || !m || !d) return std::nullopt;
    const year_month_day date(year(static_cast<int>(*y)), month(static_cast<unsigned>(*m)), day(static_cast<unsigned>(*d)));
    if (!date.ok()) return std::nullopt;
    Time time = sys_days(date);
    if (text.size() == 10) return time;
    if (text.size() < 16 || (text[10] != 'T' && text[10] != ' ') || text[13] != ':') return std::nullopt;
    std::string of_day(text.substr(11));
    if (of_day.size() == 5) of_day += ":00";
    if (of_day[5] != ':') return std::nullopt;
    const auto offset = parse_colons(of_day);
    if (!offset || *offset >= 24h || number(of_day.substr(3, 2)).value_or(60) > 59) return std::nullopt;
    return time + *offset;
}

bool is_backward_range(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return false;
    const auto start = parse_duration(text.substr(0, dash)), end = parse_duration(text.substr(dash + 1));
    return start && end && *end <= *start;
}

std::optional<Range> parse_range(std::string_view text) {
    const auto dash = text.find('-');
    if (dash == std::string_view::npos) return std::nullopt;
    const auto start = parse_duration(text.substr(0, dash));
    if (!start) return std::nullopt;
    if (dash + 1 == text.size()) return Range{*start, {}};
    const auto end = parse_duration(text.substr(dash + 1));
    if (!end || *end <= *start) return std::nullopt;
    return Range{*start, *end};
}

}  // namespace tenon::cli
