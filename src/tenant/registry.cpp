#include <tenant/registry.hpp>

#include <base/text.hpp>
#include <tenant/audit.hpp>
#include <tenant/live.hpp>
#include <tenant/period.hpp>
#include <tenon/error.hpp>

#include "plan_rows.hpp"
#include "standings.hpp"

namespace tenon::tenant {
namespace {

using base::Json;

constexpr std::size_t longest_reason = 1000;
constexpr std::int32_t page_size = 500;

void check_reason(const std::string& reason) {
    base::check_text("reason", reason, longest_reason);
    if (reason.empty()) throw InvalidArgument("say why: it goes into the audit trail", {.subject = "reason"});
}

void check(const TenantOptions& options) {
    base::check_name("name", options.name);
    base::check_name("plan", options.plan);  // both are repeated when they are not known
    base::check_name("zone", options.zone);
    base::check_slug("slug", options.slug);
    base::check_slug("region", options.region);
    check_zone("zone", options.zone);
    if (options.anchor_day < 1 || options.anchor_day > 31)
        throw InvalidArgument("must lie between 1 and 31", {.subject = "anchor_day"});
}

TenantState state_of(const Tenant& tenant, Time now) {
    if (tenant.state == TenantState::trial && tenant.trial_ends_at && *tenant.trial_ends_at <= now) return TenantState::suspended;
    return tenant.state;
}

Tenant as_of(Tenant tenant, Time now) {
    tenant.state = state_of(tenant, now);
    return tenant;
}

bool has_running_trial(const Tenant& tenant, Time now) { return tenant.trial_ends_at && *tenant.trial_ends_at > now; }

[[noreturn]] void refuse_change(const Tenant& tenant, const char* change) {
    throw Conflict(std::string("a tenant that is ") + to_string(tenant.state) + " cannot be " + change,
                   {.subject = tenant.id.text()});
}

}  // namespace

TenantState Standing::state_at(Time now) const noexcept { return state_of(tenant, now); }

struct Registry::Impl {
    Impl(db::Database& db, db::SystemScope s, ScopeMaker maker, std::shared_ptr<const Catalogues> loaded,
         std::shared_ptr<const base::Clock> c)
        : database(db), system(s), make_scope(std::move(maker)), catalogues(std::move(loaded)), clock(std::move(c)),
          standings(std::make_shared<Standings>(db, s, catalogues)) {}

    db::TenantScope operators() const { return make_scope(operators_log, "local", 0, 0); }

    /// One use of an operator session, in the operators' log.
    void note(db::SystemTx& tx, const Actor& actor, const audit::Entry& entry) const {
        auto log = tx.tenant(operators());
        audit::append(log, actor, entry);
    }
    /// A change: in the log of the tenant too, which may know who touched it.
    void note_both(db::SystemTx& tx, const Actor& actor, const TenantRow& row, const audit::Entry& entry) const {
        note(tx, actor, entry);
        auto log = tx.tenant(make_scope(row.tenant.id, row.tenant.region, 0, row.epoch));
        audit::append(log, actor, entry);
    }
    void forget_later(db::SystemTx& tx, const TenantId& id) const {
        tx.on_commit([known = standings, id] { known->forget(id); });
    }

    /// Changes the state of a tenant. `change` returns false when there is nothing to change.
    template <class Change>
    Tenant transition(Actor actor, const TenantId& id, const std::string& reason, const char* action, Change change) {
        check_reason(reason);
        actor.reason = reason;
        const auto now = clock->now();
        return database.write(system, [&](db::SystemTx& tx) {
            auto row = read_row(tx, id);
            if (!row) throw NotFound("there is no such tenant", {.subject = id.text()});
            if (change(row->tenant, now)) {
                row->epoch = next_epoch(tx);
                update_row(tx, *row);
                forget_later(tx, id);
            }
            auto details = Json::object();
            details.set("state", to_string(row->tenant.state));
            note_both(tx, actor, *row, {.time = now, .action = action, .target = id.text(), .details = std::move(details)});
            return as_of(row->tenant, now);
        });
    }

    db::Database& database;
    const db::SystemScope system;
    const ScopeMaker make_scope;
    const std::shared_ptr<const Catalogues> catalogues;
    const std::shared_ptr<const base::Clock> clock;
    const std::shared_ptr<Standings> standings;
    std::unique_ptr<db::Database::Watch> watch;
};

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

db::TenantScope Registry::operators_scope() const { return impl_->operators(); }

Tenant Registry::create(const Actor& actor, const TenantOptions& options) {
    check(options);
    const auto terms = impl_->catalogues->get(options.plan);
    const auto now = impl_->clock->now();
    if (options.trial && terms->plan.trial_days == 0)
        throw InvalidArgument("the plan " + options.plan + " has no trial", {.subject = "trial"});
    TenantRow row{.tenant = {.id = base::new_id<TenantId>(now),
                             .name = options.name,
                             .slug = options.slug,
                             .plan = options.plan,
                             .plan_version = terms->plan.version,
                             .state = options.trial ? TenantState::trial : TenantState::active,
                             .partner = options.partner,
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
            row.epoch = next_epoch(tx);
            insert_row(tx, row);
            impl_->note_both(tx, actor, row, entry);
        });
    } catch (const Conflict&) {
        throw Conflict("the slug \"" + options.slug + "\" is taken", {.subject = options.slug});
    }
    return row.tenant;
}

std::optional<Tenant> Registry::find(const Actor& actor, const TenantId& id) {
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) -> std::optional<Tenant> {
        impl_->note(tx, actor, {.time = now, .action = "tenant.read", .target = id.text()});
        auto row = read_row(tx, id);
        return row ? std::optional(as_of(std::move(row->tenant), now)) : std::nullopt;
    });
}

std::optional<Tenant> Registry::find_slug(const Actor& actor, const std::string& slug) {
    base::check_slug("slug", slug);
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) -> std::optional<Tenant> {
        auto row = read_slug(tx, slug);
        impl_->note(tx, actor, {.time = now, .action = "tenant.read", .target = row ? row->tenant.id.text() : slug});
        return row ? std::optional(as_of(std::move(row->tenant), now)) : std::nullopt;
    });
}

std::vector<Tenant> Registry::list(const Actor& actor, const TenantFilter& filter) {
    if (filter.limit < 1 || filter.limit > 1000) throw InvalidArgument("must lie between 1 and 1000", {.subject = "limit"});
    const auto now = impl_->clock->now();
    const auto wanted = [&](const Tenant& tenant) {
        return (filter.state ? tenant.state == *filter.state : tenant.state != TenantState::erased) &&
               (filter.plan.empty() || tenant.plan == filter.plan);
    };
    impl_->database.write(impl_->system, [&](db::SystemTx& tx) { impl_->note(tx, actor, {.time = now, .action = "tenant.list"}); });
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) {
        std::vector<Tenant> list;
        for (auto after = filter.after;;) {
            const auto rows = read_page(reader, after, page_size);
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

Tenant Registry::suspend(const Actor& actor, const TenantId& id, const std::string& reason) {
    return impl_->transition(actor, id, reason, "tenant.suspend", [](Tenant& tenant, Time) {
        if (tenant.state == TenantState::suspended) return false;
        if (tenant.state != TenantState::active && tenant.state != TenantState::trial) refuse_change(tenant, "suspended");
        tenant.state = TenantState::suspended;
        return true;
    });
}

Tenant Registry::resume(const Actor& actor, const TenantId& id, const std::string& reason) {
    return impl_->transition(actor, id, reason, "tenant.resume", [](Tenant& tenant, Time now) {
        if (tenant.state == TenantState::erased) refuse_change(tenant, "resumed");
        // Its files may be gone already: from its moment on an erasure is not undone.
        if (tenant.state == TenantState::erasing && tenant.erased_at && *tenant.erased_at <= now) refuse_change(tenant, "resumed");
        const auto before = tenant.state;
        tenant.state = has_running_trial(tenant, now) ? TenantState::trial : TenantState::active;
        tenant.erased_at.reset();
        return tenant.state != before;
    });
}

Tenant Registry::start_erasure(const Actor& actor, const EraseOptions& options) {
    if (options.undo_window < Duration::zero()) throw InvalidArgument("must be 0 or more", {.subject = "undo_window"});
    return impl_->transition(actor, options.tenant, options.reason, "tenant.erase", [&](Tenant& tenant, Time now) {
        if (tenant.state == TenantState::erased) refuse_change(tenant, "erased");
        if (tenant.state == TenantState::erasing && tenant.erased_at && *tenant.erased_at <= now) {
            // Its files may be gone already: a later moment would let it be resumed without them.
            if (options.undo_window > Duration::zero()) refuse_change(tenant, "given more time: it is due");
            return false;
        }
        tenant.state = TenantState::erasing;
        tenant.erased_at = now + options.undo_window;
        return true;
    });
}

std::vector<TenantId> Registry::due_for_erasure() const {
    const auto now = impl_->clock->now();
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) { return due_rows(reader, now); });
}

void Registry::finish_erasure(db::SystemTx& tx, const Actor& actor, const Standing& standing) const {
    const auto now = impl_->clock->now();
    const auto& id = standing.tenant.id;
    auto row = read_row(tx, id);
    if (!row || row->tenant.state != TenantState::erasing || row->tenant.erased_at.value_or(now) > now)
        throw Conflict("the tenant is not due for erasure", {.subject = id.text()});
    remove_rows(tx, id);
    row->tenant.state = TenantState::erased;
    row->tenant.name = "";
    row->tenant.slug = id.text();  // frees the slug
    row->epoch = next_epoch(tx);
    update_row(tx, *row);
    impl_->forget_later(tx, id);
    impl_->note_both(tx, actor, *row, {.time = now, .action = "tenant.erased", .target = id.text()});
}

std::vector<TenantId> Registry::ids(const std::optional<TenantId>& after, std::int32_t limit) const {
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) {
        std::vector<TenantId> list;
        for (const auto& row : read_page(reader, after, limit)) list.push_back(row.tenant.id);
        return list;
    });
}

}  // namespace tenon::tenant
