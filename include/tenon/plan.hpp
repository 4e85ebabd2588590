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
    model_tokens = 10,    ///< Per period, count: what language models took in and gave out.
    bandwidth = 11,       ///< Per period, bytes sent to those who watch and download.
};

/// The resource's name: "render_time".
TENON_API const char* to_string(Resource resource) noexcept;

struct PlanLimit {
    Resource resource = Resource::projects;
    std::optional<std::int64_t> limit{};  ///< In the resource's unit. Unset: unlimited.
};

/// What happens beyond a limit. Stored: append, never renumber.
enum class OverageRule : std::uint8_t {
    block = 1,   ///< More is refused.
    charge = 2,  ///< More is let through and priced, up to `most` beyond the limit.
    grace = 3,   ///< Up to `most` more is let through, for so long from when the limit was passed; then no more.
    shadow = 4,  ///< Nothing is refused; what would have been is counted, see Quotas::shadowed().
};

/// The rule's name: "charge".
TENON_API const char* to_string(OverageRule rule) noexcept;

/// What a plan says of use beyond one of its limits.
struct PlanOverage {
    Resource resource = Resource::projects;
    OverageRule rule = OverageRule::block;
    std::int64_t price_micros = 0;       ///< charge: millionths of the currency's minor unit for each `per` units beyond.
    std::int64_t per = 1;                ///< In the resource's unit.
    std::optional<std::int64_t> most{};  ///< charge, grace: how much beyond the limit. Unset: no end.
    Duration grace{};                    ///< grace: for how long.
};

/// A plan of a catalogue. Catalogues are data: four ship with the library and a partner may replace them.
struct Plan {
    std::string name{};                   ///< "studio/professional": catalogue and tier.
    std::int32_t version = 1;
    Money price{};                        ///< Per month.
    std::int32_t trial_days = 0;
    std::vector<PlanLimit> limits{};
    std::vector<std::string> features{};  ///< "priority", "webhooks", "white_label" …
    std::vector<PlanOverage> overage{};   ///< Resources that are not named are refused beyond their limit.
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
