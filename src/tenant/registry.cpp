#include <tenant/registry.hpp>

#include <base/text.hpp>
#include <tenant/live.hpp>
#include <tenant/period.hpp>
#include <tenant/users.hpp>
#include <tenon/error.hpp>

#include "limits.hpp"
#include "partner_rows.hpp"
#include "plan_changes.hpp"
#include "plan_rows.hpp"
#include "registry_impl.hpp"
#include "search.hpp"

namespace tenon::tenant {
namespace {

using base::Json;

constexpr std::size_t longest_reason = 1000;

void check_anchor_day(std::int32_t day) {
    if (day < 1 || day > 31) throw InvalidArgument("must lie between 1 and 31", {.subject = "anchor_day"});
}

void check(const TenantOptions& options) {
    base::check_name("name", options.name);
    base::check_name("plan", options.plan);  // both are repeated when they are not known
    base::check_name("zone", options.zone);
    base::check_slug("slug", options.slug);
    base::check_slug("region", options.region);
    if (!options.owner_email.empty()) {
        access::users::check_email("owner_email", options.owner_email);
        base::check_name("owner_name", options.owner_name);
    } else if (!options.owner_name.empty()) {
        throw InvalidArgument("an owner's name needs an email", {.subject = "owner_email"});
    }
    check_zone("zone", options.zone);
    check_anchor_day(options.anchor_day);
}

void check(const TenantUpdate& change) {
    if (change.name) base::check_name("name", *change.name);
    if (change.slug) base::check_slug("slug", *change.slug);
    if (change.zone) {
        base::check_name("zone", *change.zone);
        check_zone("zone", *change.zone);
    }
    if (change.anchor_day) check_anchor_day(*change.anchor_day);
}

/// Sets a field that was given, and tells what it was. Returns whether that changes anything.
template <class T> bool change_field(T& field, const std::optional<T>& wanted, std::string name, Json& details) {
    if (!wanted || *wanted == field) return false;
    details.set(name, *wanted).set("was_" + name, field);
    field = *wanted;
    return true;
}

}  // namespace

Registry::Impl::Impl(db::Database& db, db::SystemScope s, ScopeMaker maker, std::shared_ptr<const Catalogues> loaded,
                     std::shared_ptr<const base::Clock> c)
    : database(db), system(s), make_scope(std::move(maker)), catalogues(std::move(loaded)), clock(std::move(c)),
      standings(std::make_shared<Standings>(db, s, catalogues)) {}

void Registry::Impl::note(db::SystemTx& tx, const Actor& actor, const audit::Entry& entry) const {
    auto log = tx.tenant(operators());
    audit::append(log, actor, entry);
    if (actor.partner.is_nil()) return;
    auto partners = tx.tenant(make_scope(log_of(actor.partner), "local", 0, 0));
    audit::append(partners, actor, entry);
}

void Registry::Impl::note_both(db::SystemTx& tx, const Actor& actor, const TenantRow& row, const audit::Entry& entry) const {
    note(tx, actor, entry);
    auto log = tx.tenant(scope_of(row));
    audit::append(log, actor, entry);
}

void Registry::Impl::tell(db::SystemTx& tx, const TenantRow& row, std::string kind, Time now, Json data) const {
    auto own = tx.tenant(scope_of(row));
    append_event(own, {.kind = std::move(kind), .at = now, .subject = row.tenant.id.text(), .data = std::move(data)});
}

std::optional<TenantRow> Registry::Impl::find_row(db::SystemTx& tx, const Actor& actor, const TenantId& id, Time now) const {
    auto row = read_row(tx, id);
    if (!row || (!actor.partner.is_nil() && row->tenant.partner != actor.partner)) return std::nullopt;
    settle_plan(tx, *row, now);
    return row;
}

TenantRow Registry::Impl::row_for(db::SystemTx& tx, const Actor& actor, const TenantId& id, Time now) const {
    if (auto row = find_row(tx, actor, id, now)) return *std::move(row);
    throw NotFound("there is no such tenant", {.subject = id.text()});
}

void Registry::Impl::store(db::SystemTx& tx, TenantRow& row) const {
    row.epoch = next_epoch(tx);
    row.tenant.version = static_cast<std::int64_t>(row.epoch);
    update_row(tx, row);
    forget_later(tx, row.tenant.id);
}

void Registry::Impl::settle_plan(db::SystemTx& tx, TenantRow& row, Time now) const {
    if (!has_next_plan(row.tenant, now)) return;
    auto details = Json::object();
    details.set("plan", row.tenant.next_plan).set("version", std::int64_t{row.tenant.next_plan_version}).set("was", row.tenant.plan);
    take_next_plan(row.tenant);
    store(tx, row);
    auto own = tx.tenant(scope_of(row));
    plan_changes::end_planned(own, PlanChangeState::done);
    limits::apply(own, now);
    tell(tx, row, "tenant.plan", now, details);
    note_both(tx, engine_actor("plans"), row,
              {.time = now, .action = "tenant.plan_settled", .target = row.tenant.id.text(), .details = std::move(details)});
}

void Registry::Impl::check_offer(db::SystemReader& reader, const std::optional<PartnerId>& partner, const PlanTerms& terms) const {
    if (!partner) return;
    const auto row = read_partner(reader, *partner);
    if (!row) throw NotFound("there is no such partner", {.subject = partner->text()});
    if (!offers(*row, terms.catalogue))
        throw PermissionDenied("the plan " + terms.plan.name + " is of no catalogue that the partner has", {.subject = terms.plan.name});
}

void Registry::Impl::check_reason(const std::string& reason) {
    base::check_text("reason", reason, longest_reason);
    if (reason.empty()) throw InvalidArgument("say why: it goes into the audit trail", {.subject = "reason"});
}

void Registry::Impl::refuse_change(const Tenant& tenant, const char* change) {
    throw Conflict(std::string("a tenant that is ") + to_string(tenant.state) + " cannot be " + change,
                   {.subject = tenant.id.text()});
}

void Registry::Impl::check_version(const TenantRow& row, const std::optional<std::int64_t>& expected) {
    if (expected && *expected != row.tenant.version)
        throw Conflict("the tenant was changed meanwhile: look at it again", {.subject = row.tenant.id.text()});
}

void Registry::Impl::check_own(const Actor& actor, const char* what) {
    if (!actor.partner.is_nil()) throw PermissionDenied(std::string("a partner's operator may not ") + what, {.subject = "partner"});
}

Registry::Registry(db::Database& database, db::SystemScope system, ScopeMaker make_scope,
                   std::shared_ptr<const Catalogues> catalogues, std::shared_ptr<const base::Clock> clock)
    : impl_(std::make_unique<Impl>(database, system, std::move(make_scope), std::move(catalogues), std::move(clock))) {
    if (!database.read(system, [&](db::SystemReader& reader) { return are_stored(reader, *impl_->catalogues); }))
        database.write(system, [&](db::SystemTx& tx) { store_plans(tx, *impl_->catalogues); });
    impl_->watch = database.on_foreign_change([known = impl_->standings] {
        known->mark_stale();
        live::all_moved();
    });
    impl_->standings->mark_stale();  // what another process changed before the watch began
}

Registry::~Registry() = default;

const Catalogues& Registry::catalogues() const noexcept { return *impl_->catalogues; }

std::uint64_t Registry::version() const noexcept { return impl_->standings->version(); }

std::shared_ptr<const Standing> Registry::standing(const TenantId& id) const {
    if (auto standing = find_standing(id)) return standing;
    throw NotFound("there is no such tenant", {.subject = id.text()});
}

std::shared_ptr<const Standing> Registry::find_standing(const TenantId& id) const { return impl_->standings->find(id); }

db::TenantScope Registry::scope_of(const Standing& standing) const {
    return impl_->make_scope(standing.tenant.id, standing.tenant.region, standing.slot, standing.epoch);
}

db::TenantScope Registry::operators_scope(const PartnerId& partner) const {
    return partner.is_nil() ? impl_->operators() : impl_->make_scope(log_of(partner), "local", 0, 0);
}

void Registry::note(const Actor& actor, std::string action, std::string target) {
    impl_->note_alone(actor, {.time = impl_->clock->now(), .action = std::move(action), .target = std::move(target)});
}

Tenant Registry::create(const Actor& actor, const TenantOptions& options) {
    check(options);
    const auto terms = impl_->catalogues->get(options.plan);
    const auto now = impl_->clock->now();
    auto partner = options.partner;
    if (partner && partner->is_nil()) partner.reset();
    if (!actor.partner.is_nil()) {
        if (partner && partner != actor.partner) throw NotFound("there is no such partner", {.subject = partner->text()});
        partner = actor.partner;
    }
    if (options.trial && terms->plan.trial_days == 0)
        throw InvalidArgument("the plan " + options.plan + " has no trial", {.subject = "trial"});
    TenantRow row{.tenant = {.id = base::new_id<TenantId>(now),
                             .name = options.name,
                             .slug = options.slug,
                             .plan = options.plan,
                             .plan_version = terms->plan.version,
                             .state = options.trial ? TenantState::trial : TenantState::active,
                             .partner = partner,
                             .region = options.region,
                             .zone = options.zone,
                             .anchor_day = options.anchor_day,
                             .created_at = now}};
    if (options.trial) row.tenant.trial_ends_at = now + std::chrono::hours(24) * terms->plan.trial_days;
    auto details = Json::object();
    details.set("name", options.name).set("slug", options.slug);
    details.set("plan", options.plan).set("state", to_string(row.tenant.state));
    const audit::Entry entry{.time = now, .action = "tenant.create", .target = row.tenant.id.text(), .details = std::move(details)};
    try {
        impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
            impl_->check_offer(tx, partner, *terms);
            row.epoch = next_epoch(tx);
            row.tenant.version = static_cast<std::int64_t>(row.epoch);
            insert_row(tx, row);
            impl_->note_both(tx, actor, row, entry);
            if (options.owner_email.empty()) return;
            auto mine = tx.tenant(impl_->make_scope(row.tenant.id, row.tenant.region, 0, row.epoch));
            access::users::create(mine, actor, PermissionSet::everything(), base::new_id<UserId>(now),
                                  {.email = options.owner_email, .name = options.owner_name, .role = Role::owner}, now);
        });
    } catch (const Conflict&) {
        refuse_slug(options.slug);
    }
    return row.tenant;
}

Tenant Registry::update(const Actor& actor, const TenantUpdate& change) {
    check(change);
    const auto now = impl_->clock->now();
    try {
        return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
            auto row = impl_->row_for(tx, actor, change.tenant, now);
            Impl::check_version(row, change.expected);
            if (row.tenant.state == TenantState::erased) Impl::refuse_change(row.tenant, "changed");
            auto details = Json::object();
            bool changed = change_field(row.tenant.name, change.name, "name", details);
            changed = change_field(row.tenant.slug, change.slug, "slug", details) || changed;
            changed = change_field(row.tenant.zone, change.zone, "zone", details) || changed;
            changed = change_field(row.tenant.anchor_day, change.anchor_day, "anchor_day", details) || changed;
            if (changed) impl_->store(tx, row);
            impl_->note_both(tx, actor, row, {.time = now, .action = "tenant.update", .target = change.tenant.text(), .details = std::move(details)});
            return as_of(row.tenant, now);
        });
    } catch (const Conflict& error) {
        if (change.slug && error.subject() != change.tenant.text()) refuse_slug(*change.slug);
        throw;
    }
}

std::optional<Tenant> Registry::find(const Actor& actor, const TenantId& id) {
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) -> std::optional<Tenant> {
        impl_->note(tx, actor, {.time = now, .action = "tenant.read", .target = id.text()});
        auto row = impl_->find_row(tx, actor, id, now);
        return row ? std::optional(as_of(std::move(row->tenant), now)) : std::nullopt;
    });
}

std::optional<Tenant> Registry::find_slug(const Actor& actor, const std::string& slug) {
    base::check_slug("slug", slug);
    const auto now = impl_->clock->now();
    const auto partner = actor.partner.is_nil() ? std::nullopt : std::optional(actor.partner);
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) -> std::optional<Tenant> {
        auto row = read_slug(tx, slug, partner);
        impl_->note(tx, actor, {.time = now, .action = "tenant.read", .target = row ? row->tenant.id.text() : slug});
        return row ? std::optional(as_of(std::move(row->tenant), now)) : std::nullopt;
    });
}

std::vector<Tenant> Registry::list(const Actor& actor, const TenantFilter& filter) {
    if (filter.limit < 1 || filter.limit > 1000) throw InvalidArgument("must lie between 1 and 1000", {.subject = "limit"});
    const auto now = impl_->clock->now();
    const Search search("text", filter.text);
    const auto wanted = [&](const Tenant& tenant) {
        return (filter.state ? tenant.state == *filter.state : tenant.state != TenantState::erased) &&
               (filter.plan.empty() || tenant.plan == filter.plan) && (filter.region.empty() || tenant.region == filter.region) &&
               (search.finds(tenant.name) || search.finds(tenant.slug));
    };
    impl_->note_alone(actor, {.time = now, .action = "tenant.list"});
    auto partner = filter.partner;
    if (!actor.partner.is_nil()) {
        if (partner && partner != actor.partner) return {};
        partner = actor.partner;
    }
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) {
        std::vector<Tenant> list;
        for (auto after = filter.after;;) {
            const auto rows = read_page(reader, after, page_size, partner);
            for (const auto& row : rows) {
                auto tenant = as_of(row.tenant, now);
                if (wanted(tenant)) list.push_back(std::move(tenant));
                if (list.size() == static_cast<std::size_t>(filter.limit)) return list;
            }
            if (rows.size() < page_size) return list;
            after = rows.back().tenant.id;
        }
    });
}

std::vector<TenantId> Registry::ids(const std::optional<TenantId>& after, std::int32_t limit) const {
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) {
        std::vector<TenantId> list;
        for (const auto& row : read_page(reader, after, limit)) list.push_back(row.tenant.id);
        return list;
    });
}

}  // namespace tenon::tenant
