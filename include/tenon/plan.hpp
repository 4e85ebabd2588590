#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
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

/// When a change of plan takes effect. Stored: append, never renumber.
enum class PlanEffect : std::uint8_t {
    by_rule = 1,        ///< At once, unless the plan costs less than the one before: then at the period's end.
    at_once = 2,
    at_period_end = 3,
};

/// The effect's name: "at_period_end".
TENON_API const char* to_string(PlanEffect effect) noexcept;

/// How far a change of plan is. Stored: append, never renumber.
enum class PlanChangeState : std::uint8_t {
    preview = 1,    ///< Only asked about.
    planned = 2,    ///< Takes effect at `effective_at`.
    done = 3,
    withdrawn = 4,  ///< Another change took its place, or it was taken back.
};

/// The state's name: "planned".
TENON_API const char* to_string(PlanChangeState state) noexcept;

struct PlanChangeOptions {
    TenantId tenant{};                        ///< Required.
    std::string plan{};                       ///< Required. A plan of a loaded catalogue.
    std::string reason{};                     ///< Required, but for a preview.
    PlanEffect effect = PlanEffect::by_rule;
    std::optional<std::int64_t> expected{};   ///< Conflict unless this is the tenant's version.
};

/// A limit that a change of plan moves.
struct PlanImpact {
    Resource resource = Resource::projects;
    std::optional<std::int64_t> before{};  ///< Unset: unlimited, as `after`.
    std::optional<std::int64_t> after{};
    std::int64_t used = 0;                 ///< Now, with what is reserved.
    bool over = false;                     ///< More is used than `after` allows: nothing is removed, more is refused.
};

/// A tenant's way from one plan to another.
struct PlanChange {
    std::string before{};                         ///< The plan it comes from.
    std::int32_t version_before = 0;
    std::string plan{};
    std::int32_t version = 0;
    PlanChangeState state = PlanChangeState::preview;
    Time asked_at{};
    Time effective_at{};
    std::string reason{};
    std::vector<PlanImpact> impacts{};            ///< In the order of the resources' numbers; those that stay are left out.
    std::vector<std::string> features_gained{};
    std::vector<std::string> features_lost{};
};

TENON_END
