#include <nvr/schedule.hpp>

#include <algorithm>

#include <base/json.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;

constexpr Duration kDay = 24h;
constexpr Duration kWeek = 7 * kDay;
constexpr std::size_t kMostWindows = 168;

}  // namespace

void check_schedule(const std::vector<RecordingWindow>& windows) {
    if (windows.size() > kMostWindows)
        throw InvalidArgument("a schedule has at most " + std::to_string(kMostWindows) + " windows", {.subject = "schedule"});
    for (const auto& window : windows) {
        if (window.day < Weekday::monday || window.day > Weekday::sunday)
            throw InvalidArgument("a window lies on a day from Monday to Sunday", {.subject = "schedule"});
        if (window.start < Duration{} || window.start >= kDay || window.end < Duration{} || window.end > kDay || window.start == window.end)
            throw InvalidArgument("a window starts before 24:00, ends at 24:00 at the latest and is not empty", {.subject = "schedule"});
    }
}

bool covers(const std::vector<RecordingWindow>& windows, Duration week_time) {
    return std::any_of(windows.begin(), windows.end(), [&](const RecordingWindow& window) {
        const auto begin = kDay * (static_cast<int>(window.day) - 1) + window.start;
        const auto length = window.end > window.start ? window.end - window.start : window.end + kDay - window.start;
        const auto since = (week_time - begin + kWeek) % kWeek;
        return since < length;
    });
}

std::string schedule_text(const std::vector<RecordingWindow>& windows) {
    if (windows.empty()) return {};
    base::Json list = base::Json::array();
    for (const auto& window : windows) {
        base::Json one;
        one.set("day", static_cast<std::int64_t>(window.day)).set("start", std::int64_t{window.start.count()});
        one.set("end", std::int64_t{window.end.count()});
        list.push(std::move(one));
    }
    base::Json json;
    json.set("windows", std::move(list));
    return base::to_json(json);
}

std::vector<RecordingWindow> schedule_from(const std::string& text) {
    std::vector<RecordingWindow> windows;
    if (text.empty()) return windows;
    const auto json = base::parse_json(text);
    for (const auto& one : json.get_array("windows"))
        windows.push_back({static_cast<Weekday>(one.get_int("day")), Duration{one.get_int("start")}, Duration{one.get_int("end")}});
    return windows;
}

}  // namespace tenon::nvr
