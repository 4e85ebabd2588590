#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <base/json.hpp>
#include <tenon/plan.hpp>
#include <tenon/rate.hpp>
#include <tenon/units.hpp>

namespace tenon::tenant {

/// How often something may be called: `limit` times per `window`, `burst` of them at once. In flight: `limit` at the same time.
struct RateTerm {
    RateScope kind = RateScope::tenant;
    std::string route{};          ///< The class of calls that a rate of a route is for.
    std::int64_t limit = 0;
    Duration window{};
    std::int64_t burst = 0;
    std::int64_t interval = 0;    ///< ⌈window / limit⌉ in nanoseconds.
};

/// How long something is kept.
struct RetentionTerm {
    std::string kind{};                  ///< "recordings"
    std::optional<std::int32_t> days{};  ///< Unset: for ever.
};

/// All that a plan says. The public part is what hosts see.
struct PlanTerms {
    Plan plan{};
    std::string title{};                 ///< As customers read it.
    std::string catalogue{};
    std::string interval = "month";      ///< What the price covers in time …
    std::string per = "tenant";          ///< … and in things: "tenant" or "site".
    bool is_priced = true;               ///< False: the catalogue names no price.
    std::int32_t weight = 1;             ///< Share of workers when several tenants wait.
    std::vector<RateTerm> rates{};
    std::vector<RetentionTerm> retention{};
    std::optional<std::int32_t> sla_basis_points{};  ///< 9990 is 99.9 % uptime. Unset: none promised.

    /// The amount that the plan names. Unset: it names none.
    std::optional<std::int64_t> amount(Resource resource) const;
    /// What is refused beyond. Unset: nothing is, because the plan says so, charges for what is beyond or only watches. During a
    /// grace it is more.
    std::optional<std::int64_t> limit(Resource resource) const;
    /// The amount after which more is charged or graced. Unset: the resource has none.
    std::optional<std::int64_t> included(Resource resource) const;
    /// Null: more is refused.
    const PlanOverage* overage(Resource resource) const;
    bool has(std::string_view feature) const;
    std::optional<RetentionTerm> retention_of(std::string_view kind) const;
};

/// The plans that new tenants can have: four catalogues compiled in, replaced or joined by a host's files.
///
/// Threads   any; immutable.
class Catalogues {
public:
    /// Throws InvalidArgument (subject: the file) for anything a catalogue does not know, naming the field.
    static std::shared_ptr<const Catalogues> load(const std::vector<std::filesystem::path>& replacements = {});

    /// By name, catalogue by catalogue, in the order of the files.
    const std::vector<std::shared_ptr<const PlanTerms>>& plans() const noexcept { return plans_; }
    [[nodiscard]] std::shared_ptr<const PlanTerms> find(std::string_view name) const;
    /// Throws NotFound.
    std::shared_ptr<const PlanTerms> get(std::string_view name) const;

private:
    Catalogues() = default;
    std::vector<std::shared_ptr<const PlanTerms>> plans_;
};

/// One catalogue's text, and back: what is stored of a plan is one plan's object, from which its terms come again.
std::vector<PlanTerms> parse_catalogue(std::string_view text, const std::string& file);
PlanTerms parse_plan(const base::Json& plan, const std::string& catalogue, const std::string& currency,
                     const std::string& file);

/// Every resource, in the order of its number.
const std::vector<Resource>& all_resources();
/// Whether it counts per period. The others are levels: what exists now.
bool is_periodic(Resource resource) noexcept;
/// "ms", "bytes" or "count".
std::string_view unit_of(Resource resource) noexcept;
[[nodiscard]] std::optional<Resource> resource_of(std::string_view name) noexcept;

}  // namespace tenon::tenant
