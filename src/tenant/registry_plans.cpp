// Changes of plan and limits of a tenant's own.

#include <algorithm>

#include <base/text.hpp>
#include <tenant/quota.hpp>
#include <tenon/error.hpp>

#include "limits.hpp"
#include "plan_changes.hpp"
#include "registry_impl.hpp"

namespace tenon::tenant {
namespace {

using base::Json;

constexpr std::int32_t most_changes = 1000;
constexpr std::int32_t most_settled = 500;
constexpr std::size_t most_overrides = 100;
constexpr std::int64_t largest_limit = std::int64_t{1} << 53;

Json told(const PlanChange& change) {
    auto over = Json::array();
    for (const auto& impact : change.impacts)
        if (impact.over) over.push(to_string(impact.resource));
    auto data = Json::object();
    data.set("plan", change.plan).set("version", std::int64_t{change.version}).set("was", change.before);
    data.set("effective_at", change.effective_at.time_since_epoch().count()).set("over", std::move(over));
    return data;
}

void check(const LimitOptions& options, Time now) {
    base::check_slug("name", options.name);
    if (!resource_of(to_string(options.resource)))
        throw InvalidArgument("unknown resource " + std::to_string(static_cast<int>(options.resource)), {.subject = "resource"});
    if (options.limit && (*options.limit < 0 || *options.limit > largest_limit))
        throw InvalidArgument("must lie between 0 and 2^53", {.subject = "limit"});
    if (options.shadow && !options.limit) throw InvalidArgument("what is unlimited has nothing to watch", {.subject = "shadow"});
    if (options.expires_at && *options.expires_at <= now) throw InvalidArgument("must lie in the future", {.subject = "expires_at"});
}

}  // namespace

PlanChange Registry::preview_plan(const Actor& actor, const PlanChangeOptions& options) {
    const auto terms = impl_->catalogues->get(options.plan);
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        const auto row = impl_->row_for(tx, actor, options.tenant, now);
        impl_->note(tx, actor, {.time = now, .action = "tenant.preview_plan", .target = options.tenant.text()});
        impl_->check_offer(tx, row.tenant.partner, *terms);
        auto own = tx.tenant(impl_->scope_of(row));
        auto change = plan_changes::decide(own, as_of(row.tenant, now), *terms, options.effect, now);
        change.reason = options.reason;
        return change;
    });
}

PlanChange Registry::change_plan(const Actor& given, const PlanChangeOptions& options) {
    Impl::check_reason(options.reason);
    auto actor = given;
    actor.reason = options.reason;
    const auto terms = impl_->catalogues->get(options.plan);
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        auto row = impl_->row_for(tx, actor, options.tenant, now);
        Impl::check_version(row, options.expected);
        if (is_ending(row.tenant)) Impl::refuse_change(row.tenant, "given another plan");
        impl_->check_offer(tx, row.tenant.partner, *terms);
        auto own = tx.tenant(impl_->scope_of(row));
        auto change = plan_changes::decide(own, as_of(row.tenant, now), *terms, options.effect, now);
        change.reason = options.reason;
        change.state = change.effective_at <= now ? PlanChangeState::done : PlanChangeState::planned;

        row.tenant.next_plan = change.plan;
        row.tenant.next_plan_version = change.version;
        row.tenant.plan_changes_at = change.effective_at;
        if (change.state == PlanChangeState::done) take_next_plan(row.tenant);
        impl_->store(tx, row);
        plan_changes::end_planned(own, PlanChangeState::withdrawn);
        plan_changes::add(own, change);
        limits::apply(own, now);
        auto details = told(change);
        impl_->tell(tx, row, "tenant.plan", now, details);
        impl_->note_both(tx, actor, row,
                         {.time = now, .action = "tenant.change_plan", .target = options.tenant.text(), .details = std::move(details)});
        return change;
    });
}

Tenant Registry::keep_plan(const Actor& given, const TenantId& id, const std::string& reason) {
    Impl::check_reason(reason);
    auto actor = given;
    actor.reason = reason;
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        auto row = impl_->row_for(tx, actor, id, now);
        if (!row.tenant.plan_changes_at) throw Conflict("no change of plan is planned", {.subject = id.text()});
        auto details = Json::object();
        details.set("plan", row.tenant.plan).set("withdrawn", row.tenant.next_plan);
        row.tenant.next_plan.clear();
        row.tenant.next_plan_version = 0;
        row.tenant.plan_changes_at.reset();
        impl_->store(tx, row);
        auto own = tx.tenant(impl_->scope_of(row));
        plan_changes::end_planned(own, PlanChangeState::withdrawn);
        limits::apply(own, now);
        impl_->tell(tx, row, "tenant.plan", now, details);
        impl_->note_both(tx, actor, row, {.time = now, .action = "tenant.keep_plan", .target = id.text(), .details = std::move(details)});
        return as_of(row.tenant, now);
    });
}

std::vector<PlanChange> Registry::plan_changes(const Actor& actor, const TenantId& id) {
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        const auto row = impl_->row_for(tx, actor, id, now);
        impl_->note(tx, actor, {.time = now, .action = "tenant.plan_changes", .target = id.text()});
        auto own = tx.tenant(impl_->scope_of(row));
        return plan_changes::list(own, most_changes);
    });
}

std::int64_t Registry::settle_plans() {
    const auto now = impl_->clock->now();
    const auto due = impl_->database.read(impl_->system, [&](db::SystemReader& reader) { return due_plans(reader, now, most_settled); });
    for (const auto& id : due)
        impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
            if (auto row = read_row(tx, id)) impl_->settle_plan(tx, *row, now);
        });
    return static_cast<std::int64_t>(due.size());
}

LimitOverride Registry::grant_limit(const Actor& given, const LimitOptions& options) {
    Impl::check_own(given, "grant limits");
    Impl::check_reason(options.reason);
    const auto now = impl_->clock->now();
    check(options, now);
    auto actor = given;
    actor.reason = options.reason;
    LimitOverride limit{.name = options.name, .resource = options.resource, .limit = options.limit, .reason = options.reason,
                        .granted_by = actor.id, .granted_at = now, .expires_at = options.expires_at, .in_force = true, .shadow = options.shadow};
    auto details = Json::object();
    details.set("name", limit.name).set("resource", to_string(limit.resource));
    details.set("limit", limit.limit ? Json(*limit.limit) : Json());
    if (limit.shadow) details.set("shadow", true);
    details.set("expires_at", limit.expires_at ? Json(limit.expires_at->time_since_epoch().count()) : Json());
    impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        auto row = impl_->row_for(tx, actor, options.tenant, now);
        if (is_ending(row.tenant)) Impl::refuse_change(row.tenant, "given a limit");
        auto own = tx.tenant(impl_->scope_of(row));
        const auto there = limits::list(own, now);
        if (there.size() >= most_overrides && std::ranges::find(there, limit.name, &LimitOverride::name) == there.end())
            throw Conflict("a tenant has at most 100 limits of its own: revoke those that have expired", {.subject = options.tenant.text()});
        impl_->store(tx, row);
        limits::put(own, limit, row.epoch);
        limits::apply(own, now);
        impl_->tell(tx, row, "tenant.limit", now, details);
        impl_->note_both(tx, actor, row, {.time = now, .action = "tenant.grant_limit", .target = options.tenant.text(), .details = details});
    });
    return limit;
}

void Registry::revoke_limit(const Actor& given, const TenantId& id, const std::string& name, const std::string& reason) {
    Impl::check_own(given, "revoke limits");
    Impl::check_reason(reason);
    base::check_slug("name", name);
    auto actor = given;
    actor.reason = reason;
    const auto now = impl_->clock->now();
    auto details = Json::object();
    details.set("name", name).set("revoked", true);
    impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        auto row = impl_->row_for(tx, actor, id, now);
        auto own = tx.tenant(impl_->scope_of(row));
        if (!limits::remove(own, name)) throw NotFound("the tenant has no limit of that name", {.subject = name});
        impl_->store(tx, row);
        limits::apply(own, now);
        impl_->tell(tx, row, "tenant.limit", now, details);
        impl_->note_both(tx, actor, row, {.time = now, .action = "tenant.revoke_limit", .target = id.text(), .details = details});
    });
}

std::vector<LimitOverride> Registry::limits(const Actor& actor, const TenantId& id) {
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        const auto row = impl_->row_for(tx, actor, id, now);
        impl_->note(tx, actor, {.time = now, .action = "tenant.limits", .target = id.text()});
        auto own = tx.tenant(impl_->scope_of(row));
        return limits::list(own, now);
    });
}

}  // namespace tenon::tenant

TENON_BEGIN

const char* to_string(PlanEffect effect) noexcept {
    switch (effect) {
        case PlanEffect::by_rule: return "by_rule";
        case PlanEffect::at_once: return "at_once";
        case PlanEffect::at_period_end: return "at_period_end";
    }
    return "unknown";
}

const char* to_string(PlanChangeState state) noexcept {
    switch (state) {
        case PlanChangeState::preview: return "preview";
        case PlanChangeState::planned: return "planned";
        case PlanChangeState::done: return "done";
        case PlanChangeState::withdrawn: return "withdrawn";
    }
    return "unknown";
}

TENON_END
