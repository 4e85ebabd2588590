#include <jobs/cron.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <string_view>
#include <vector>

#include <tenon/error.hpp>

namespace tenon::jobs {
namespace {

using std::chrono::sys_days;

constexpr std::size_t longest = 200;
// 29 February comes every four years, but for the turn of a century: 1896, 1904.
constexpr auto farthest = std::chrono::days(366 * 8 + 1);

constexpr std::array<std::string_view, 12> month_names{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> weekday_names{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct Field {
    std::string_view name;
    int least;
    int most;
    std::span<const std::string_view> names;  // of `least` and those after it
};

constexpr std::array<Field, 5> fields{Field{"minute", 0, 59, {}}, Field{"hour", 0, 23, {}}, Field{"day of the month", 1, 31, {}},
                                      Field{"month", 1, 12, month_names}, Field{"day of the week", 0, 7, weekday_names}};

struct Nickname {
    std::string_view name;
    std::string_view fields;
};

constexpr std::array<Nickname, 7> nicknames{Nickname{"@hourly", "0 * * * *"}, Nickname{"@daily", "0 0 * * *"},
                                            Nickname{"@midnight", "0 0 * * *"}, Nickname{"@weekly", "0 0 * * 0"},
                                            Nickname{"@monthly", "0 0 1 * *"}, Nickname{"@yearly", "0 0 1 1 *"},
                                            Nickname{"@annually", "0 0 1 1 *"}};

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string in_lower_case(std::string_view text) {
    std::string lowered(text);
    std::ranges::transform(lowered, lowered.begin(), lower);
    return lowered;
}

[[noreturn]] void refuse(const std::string& why) { throw InvalidArgument(why, {.subject = "cron"}); }

[[noreturn]] void refuse(const Field& field, const std::string& why) { refuse("the " + std::string(field.name) + " " + why); }

std::vector<std::string_view> words_of(std::string_view text) {
    std::vector<std::string_view> words;
    for (std::size_t i = 0; i < text.size();) {
        if (text[i] == ' ' || text[i] == '\t') {
            ++i;
            continue;
        }
        const auto end = std::min(text.find_first_of(" \t", i), text.size());
        words.push_back(text.substr(i, end - i));
        i = end;
    }
    return words;
}

/// At most four digits, so that nothing overflows.
int number_of(const Field& field, std::string_view text) {
    if (text.empty() || text.size() > 4 || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; }))
        refuse(field, "is not understood: give numbers, ranges such as 1-5, steps such as */15, lists of them");
    int number = 0;
    for (const char c : text) number = number * 10 + (c - '0');
    return number;
}

int value_of(const Field& field, std::string_view text) {
    for (std::size_t i = 0; i < field.names.size(); ++i)
        if (in_lower_case(text) == field.names[i]) return field.least + static_cast<int>(i);
    const int value = number_of(field, text);
    if (value < field.least || value > field.most)
        refuse(field, "lies between " + std::to_string(field.least) + " and " + std::to_string(field.most));
    return value;
}

/// One element of a list: `*`, `a`, `a-b`, each with `/step` if wanted.
template <std::size_t size> void add(std::bitset<size>& set, const Field& field, std::string_view element) {
    const auto slash = element.find('/');
    const auto range = element.substr(0, slash);
    const int step = slash == std::string_view::npos ? 1 : number_of(field, element.substr(slash + 1));
    if (step == 0) refuse(field, "has a step of 0");
    int begin = field.least, end = field.most;
    if (range != "*") {
        const auto dash = range.find('-');
        begin = value_of(field, range.substr(0, dash));
        if (dash != std::string_view::npos) end = value_of(field, range.substr(dash + 1));
        else if (slash == std::string_view::npos) end = begin;
        if (end < begin) refuse(field, "has a range that ends before it begins: give two of them");
    } else if (field.most == 7) {
        end = 6;  // Sunday once, or a step would count it twice
    }
    for (int value = begin; value <= end; value += step) set.set(static_cast<std::size_t>(field.most == 7 ? value % 7 : value));
}

template <std::size_t size> std::bitset<size> set_of(const Field& field, std::string_view text) {
    std::bitset<size> set;
    for (std::size_t begin = 0;;) {
        const auto comma = text.find(',', begin);
        add(set, field, text.substr(begin, comma - begin));
        if (comma == std::string_view::npos) return set;
        begin = comma + 1;
    }
}

}  // namespace

Cron Cron::parse(const std::string& text) {
    if (text.size() > longest) refuse("is longer than 200 characters");
    std::string expression = in_lower_case(text);
    auto words = words_of(expression);
    if (words.size() == 1 && words[0].starts_with('@')) {
        const auto found = std::ranges::find(nicknames, words[0], &Nickname::name);
        if (found == nicknames.end()) refuse("there is no such name; give @hourly, @daily, @weekly, @monthly, @yearly or five fields");
        words = words_of(found->fields);
    }
    if (words.size() != fields.size()) refuse("has five fields: minute, hour, day of the month, month, day of the week");
    Cron cron;
    cron.minutes_ = set_of<60>(fields[0], words[0]);
    cron.hours_ = set_of<24>(fields[1], words[1]);
    cron.days_ = set_of<32>(fields[2], words[2]);
    cron.months_ = set_of<13>(fields[3], words[3]);
    cron.weekdays_ = set_of<7>(fields[4], words[4]);
    cron.either_day_ = words[2].front() != '*' && words[4].front() != '*';
    constexpr sys_days leap_year = std::chrono::year(2024) / 1 / 1;  // has every day that there is
    for (auto day = leap_year; day < leap_year + farthest; day += std::chrono::days(1))
        if (cron.fits(day)) return cron;
    refuse("there is no day that fits");
}

bool Cron::fits(sys_days day) const {
    const std::chrono::year_month_day date(day);
    if (!months_[static_cast<unsigned>(date.month())]) return false;
    const bool by_day = days_[static_cast<unsigned>(date.day())], by_weekday = weekdays_[std::chrono::weekday(day).c_encoding()];
    return either_day_ ? by_day || by_weekday : by_day && by_weekday;
}

/// The earliest instant after `after` of those that fall on a day of the wall.
std::optional<Time> Cron::first_of(sys_days day, Time after, const tenant::Zone& zone) const {
    std::optional<Time> best;
    const auto offer = [&](Time time) {
        if (time > after && (!best || time < *best)) best = time;
    };
    for (std::size_t hour = 0; hour < hours_.size(); ++hour) {
        if (!hours_[hour]) continue;
        for (std::size_t minute = 0; minute < minutes_.size(); ++minute) {
            if (!minutes_[minute]) continue;
            const auto moments = zone.moments(day.time_since_epoch() + std::chrono::hours(hour) + std::chrono::minutes(minute));
            offer(moments.first);
            if (moments.second && hours_.all()) offer(*moments.second);
        }
    }
    return best;
}

std::optional<Time> Cron::next(Time after, const tenant::Zone& zone) const {
    const auto today = std::chrono::floor<std::chrono::days>(Time{zone.wall(after)});
    // Where the clocks go back over midnight, the day before goes on after this one has begun; so one more day on each side.
    for (auto day = today - std::chrono::days(1); day <= today + farthest; day += std::chrono::days(1)) {
        if (!fits(day)) continue;
        auto best = first_of(day, after, zone);
        if (!best) continue;
        const auto tomorrow = day + std::chrono::days(1);
        if (fits(tomorrow))
            if (const auto other = first_of(tomorrow, after, zone); other && *other < *best) best = other;
        return best;
    }
    return std::nullopt;
}

}  // namespace tenon::jobs
