#include <algorithm>
#include <string>

#include <base/text.hpp>
#include <tenant/usage.hpp>

namespace tenon::tenant::usage {
namespace {

constexpr int short_of = 80;  // per cent of a limit from which on it is getting tight

bool fits(std::int64_t amount, const std::optional<std::int64_t>& limit) {
    return !limit || static_cast<__int128>(amount) * 100 < static_cast<__int128>(*limit) * short_of;
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

std::string said(Resource resource, std::int64_t amount) {
    const auto unit = unit_of(resource);
    if (unit == "bytes") return base::human_bytes(amount);
    return unit == "ms" ? base::human_length(std::chrono::milliseconds(amount)) : std::to_string(amount);
}

std::string limit_said(Resource resource, const std::optional<std::int64_t>& limit) { return limit ? said(resource, *limit) : "no limit"; }

/// "projects is at 92 % of its limit (23 of 25)"
std::string how_much(const ResourceUsage& usage) {
    return std::string(to_string(usage.resource)) + " is at " + std::to_string(static_cast<std::int64_t>(usage.percent.value_or(0))) +
           " % of its limit (" + said(usage.resource, usage.peak) + " of " + said(usage.resource, *usage.limit) + ")";
}

std::optional<Money> price_of(const PlanTerms& terms) { return terms.is_priced ? std::optional(terms.plan.price) : std::nullopt; }

UsageReason reason_of(const UsageMonth& month, const ResourceUsage& usage, const PlanTerms* then) {
    return {.resource = usage.resource, .month = month.number, .peak = usage.peak, .limit = usage.limit,
            .limit_then = then ? then->limit(usage.resource) : std::nullopt};
}

/// "; render_time took at most 2 h of 10 h", of what comes nearest to the smaller plan's limits.
std::string nearest(const std::vector<UsageReason>& reasons) {
    const UsageReason* nearest = nullptr;
    for (const auto& reason : reasons) {
        if (!reason.limit_then || *reason.limit_then <= 0) continue;
        if (!nearest || static_cast<__int128>(reason.peak) * *nearest->limit_then > static_cast<__int128>(nearest->peak) * *reason.limit_then)
            nearest = &reason;
    }
    if (!nearest) return "";
    return "; nearest to its limits comes " + std::string(to_string(nearest->resource)) + " with " + said(nearest->resource, nearest->peak) + " of " +
           said(nearest->resource, *nearest->limit_then);
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
    const auto price = price_of(terms);
    for (const auto& usage : running.resources) {
        if (!usage.percent || *usage.percent < short_of) continue;
        if (usage.resource == Resource::storage)
            advice.push_back({.advice = Advice::clean_up, .resource = usage.resource,
                              .text = how_much(usage) + ": remove exports, assets and recordings that nobody needs",
                              .reasons = {reason_of(running, usage, nullptr)}, .threshold = short_of, .price = price});
        const PlanTerms* then = larger == plans.end() ? nullptr : larger->get();
        advice.push_back({.advice = Advice::upgrade, .resource = usage.resource, .plan = then ? then->plan.name : "",
                          .text = how_much(usage) + (then ? ": " + then->plan.name + " has room for it, with " +
                                                                limit_said(usage.resource, then->limit(usage.resource))
                                                          : ": no plan of this catalogue has more room"),
                          .reasons = {reason_of(running, usage, then)}, .threshold = short_of, .price = price,
                          .price_then = then ? price_of(*then) : std::nullopt});
    }
    if (!advice.empty() || !has_whole_month || !terms.is_priced) return advice;
    const auto smaller = std::ranges::find_if(plans, [&](const auto& plan) {
        return plan->plan.price.minor < terms.plan.price.minor && fits(looked_at, *plan);
    });
    if (smaller == plans.end()) return advice;
    UsageAdvice one{.advice = Advice::downgrade, .plan = (*smaller)->plan.name, .threshold = short_of, .price = price,
                    .price_then = price_of(**smaller)};
    for (const auto* month : looked_at)
        for (const auto& usage : month->resources)
            if (usage.peak > 0) one.reasons.push_back(reason_of(*month, usage, smaller->get()));
    one.text = "this month and the one before would have fitted into " + one.plan + nearest(one.reasons);
    advice.push_back(std::move(one));
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
