#pragma once

#include <optional>
#include <string>

#include <tenon/units.hpp>

namespace date {
class time_zone;
}

namespace tenon::tenant {

/// When the clocks on a wall show something.
struct Moments {
    Time first{};                   ///< Skipped: the first instant after the gap.
    std::optional<Time> second{};   ///< Shown twice: the later.
    bool skipped = false;
};

/// An IANA time zone. UTC needs no rules of the machine.
class Zone {
public:
    /// Throws InvalidArgument, subject "zone".
    explicit Zone(const std::string& name);

    /// What clocks show at `time`, counted from 1970-01-01 00:00 on them.
    Duration wall(Time time) const;
    /// When they show that. Cheap for times of one day after the other: the rules that held last are kept.
    Moments moments(Duration wall) const;

private:
    /// Walls far enough from any change of the clocks: there `wall - offset` is all there is to know.
    struct Plain {
        Duration start{};
        Duration end{};
        Duration offset{};
    };
    const date::time_zone* zone_ = nullptr;  // nullptr: UTC
    mutable Plain plain_{};
};

}  // namespace tenon::tenant
