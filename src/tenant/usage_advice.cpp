#include <algorithm>
#include <string>

#include <tenant/usage.hpp>

namespace tenon::tenant::usage {
namespace {

constexpr double short_of = 80;  // per cent of a limit from which on it is getting tight

bool fits(std::int64_t amount, const std::optional<std::int64_t>& limit) {
    return !limit || 100.0 * static_cast<double>(amount) < short_of * static_cast<double>(*limit);
}

/// Whether what these months took would have left a plan's limits some air.
bool fits(const std::vector<const UsageMonth*>& months, const PlanTerms& terms) {
    return std::ranges::all_of(months, [&](const UsageMonth* month) {
        return std::ranges::all_of(month->resources, [&](const ResourceUsage& each) { return fits(each.peak, terms.limit(each.resource)); });
    });
}

using Plans = std::vector<std::shared_ptr<const PlanTerms>>;

/// The plans of the same catalogue that have a price, cheapest first.
Plans rivals(const PlanTerms& mine, const Catalogues& catalogues) {
    Plans found;
    for (const auto& plan : catalogues.plans())
        if (plan->catalogue == mine.catalogue && plan->is_priced && plan->per == mine.per) found.push_back(plan);
    std::ranges::stable_sort(found, {}, [](const auto& plan) { return plan->plan.price.minor; });
    return found;
}

std::string how_much(const ResourceUsage& usage) {
    return std::string(to_string(usage.resource)) + " is at " + std::to_string(static_cast<std::int64_t>(usage.percent.value_or(0))) +
           " % of its limit";
}

}  // namespace

std::vector<UsageAdvice> advise(const std::vector<UsageMonth>& months, const PlanTerms& terms, const Catalogues& catalogues) {
    std::vector<UsageAdvice> advice;
    if (months.empty() || !months.front().running) return advice;
    const auto& running = months.front();
    const bool has_whole_month = months.size() > 1 && months[1].number > 0;
    std::vector<const UsageMonth*> looked_at{&running};
    if (has_whole_month) looked_at.push_back(&months[1]);

    const auto plans = terms.is_priced ? rivals(terms, catalogues) : Plans{};
    const auto larger = std::ranges::find_if(plans, [&](const auto& plan) {
        return plan->plan.price.minor > terms.plan.price.minor && fits({&running}, *plan);
    });
    for (const auto& usage : running.resources) {
        if (!usage.percent || *usage.percent < short_of) continue;
        if (usage.resource == Resource::storage)
            advice.push_back({.advice = Advice::clean_up, .resource = usage.resource,
                              .text = how_much(usage) + ": remove exports, assets and recordings that nobody needs"});
        const std::string name = larger == plans.end() ? "" : (*larger)->plan.name;
        advice.push_back({.advice = Advice::upgrade, .resource = usage.resource, .plan = name,
                          .text = how_much(usage) + (name.empty() ? ": no plan of this catalogue has more room" : ": " + name + " has room for it")});
    }
    if (!advice.empty() || !has_whole_month || !terms.is_priced) return advice;
    const auto smaller = std::ranges::find_if(plans, [&](const auto& plan) {
        return plan->plan.price.minor < terms.plan.price.minor && fits(looked_at, *plan);
    });
    if (smaller != plans.end())
        advice.push_back({.advice = Advice::downgrade, .plan = (*smaller)->plan.name,
                          .text = "this month and the one before would have fitted into " + (*smaller)->plan.name});
    return advice;
}

}  // namespace tenon::tenant::usage

TENON_BEGIN

const char* to_string(Advice advice) noexcept {
    switch (advice) {
        case Advice::upgrade: return "upgrade";
        case Advice::downgrade: return "downgrade";
        case Advice::clean_up: return "clean_up";
    }
    return "unknown";
}

TENON_END
