#include <tenant/zone.hpp>

#include <stdexcept>

#include <date/tz.h>

#include <tenon/error.hpp>

#include "zones.hpp"

namespace tenon::tenant {

bool is_utc(const std::string& zone) { return zone == "UTC" || zone == "Etc/UTC"; }

const date::time_zone& locate(const std::string& zone) {
    try {
        return *date::locate_zone(zone);
    } catch (const std::runtime_error&) {
        throw InvalidArgument("there is no time zone \"" + zone + "\"; give an IANA name such as Europe/Berlin",
                              {.subject = "zone"});
    }
}

Zone::Zone(const std::string& name) : zone_(is_utc(name) ? nullptr : &locate(name)) {}

Duration Zone::wall(Time time) const {
    return zone_ == nullptr ? time.time_since_epoch() : Duration(zone_->to_local(time).time_since_epoch());
}

Moments Zone::moments(Duration wall) const {
    if (zone_ == nullptr) return {.first = Time{wall}};
    if (wall >= plain_.start && wall < plain_.end) return {.first = Time{wall - plain_.offset}};
    const auto info = zone_->get_info(date::local_time<Duration>(wall));
    if (info.result == date::local_info::nonexistent) return {.first = Time{info.first.end.time_since_epoch()}, .skipped = true};
    if (info.result == date::local_info::ambiguous)
        return {.first = Time{wall - info.first.offset}, .second = Time{wall - info.second.offset}};
    // No clock was ever set by more than a day.
    constexpr auto day = std::chrono::days(1);
    plain_ = {.start = Duration(info.first.begin.time_since_epoch() + info.first.offset + day),
              .end = Duration(info.first.end.time_since_epoch() + info.first.offset - day),
              .offset = info.first.offset};
    return {.first = Time{wall - info.first.offset}};
}

}  // namespace tenon::tenant
