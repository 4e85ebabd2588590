#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// What a plan limits. Stored: append, never renumber.
enum class Resource : std::uint8_t {
    projects = 1,         ///< Level, count.
    storage = 2,          ///< Level, bytes.
    render_time = 3,      ///< Per period, milliseconds of output.
    concurrent_jobs = 4,  ///< Level, count.
    seats = 5,            ///< Level, count.
    cameras = 6,          ///< Level, count.
    sites = 7,            ///< Level, count.
    agents = 8,           ///< Level, count.
    api_calls = 9,        ///< Per period, count.
};

/// The resource's name: "render_time".
TENON_API const char* to_string(Resource resource) noexcept;

struct PlanLimit {
    Resource resource = Resource::projects;
    std::optional<std::int64_t> limit{};  ///< In the resource's unit. Unset: unlimited.
};

/// A plan of a catalogue. Catalogues are data: four ship with the library and a partner may replace them.
struct Plan {
    std::string name{};                   ///< "studio/professional": catalogue and tier.
    std::int32_t version = 1;
    Money price{};                        ///< Per month.
    std::int32_t trial_days = 0;
    std::vector<PlanLimit> limits{};
    std::vector<std::string> features{};  ///< "priority", "webhooks", "white_label" …
};

TENON_END
