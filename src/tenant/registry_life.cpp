// From a trial to what remains of a tenant: its states and the ways between them.

#include <tenant/period.hpp>
#include <tenon/error.hpp>

#include "legal_holds.hpp"
#include "registry_impl.hpp"

namespace tenon::tenant {
namespace {

using base::Json;

constexpr auto longest_extension = std::chrono::hours(24 * 366);

constexpr db::TenantStmt move_trial_end{"UPDATE period_ SET ends_at = :end WHERE tenant_id = :tenant AND n = 0"};

/// A trial that nobody has paid for yet. It may be over.
bool is_trial(const TenantRow& row) { return row.tenant.trial_ends_at && !row.activated_at; }

bool has_running_trial(const TenantRow& row, Time now) { return is_trial(row) && *row.tenant.trial_ends_at > now; }

/// The trial's period ends with the trial, unless the one after it has begun: what was counted in that stays there.
void extend_period(db::Tx& tx, Time end) {
    if (!stored_period(tx, 1)) tx.exec(move_trial_end, end);
}

void end_erasure(TenantRow& row, TenantState state) {
    row.tenant.state = state;
    row.tenant.erased_at.reset();
    row.state_before.reset();
}

}  // namespace

Tenant Registry::activate(const Actor& actor, const TenantId& id, const std::string& reason) {
    return impl_->transition(actor, id, reason, "tenant.activate", [](db::SystemTx&, TenantRow& row, Time now, Json&) {
        if (row.tenant.state == TenantState::active) return false;
        if (row.tenant.state != TenantState::trial) Impl::refuse_change(row.tenant, "activated: resume it");
        row.tenant.state = TenantState::active;
        row.activated_at = now;
        return true;
    });
}

Tenant Registry::extend_trial(const Actor& actor, const TenantId& id, Duration by, const std::string& reason) {
    if (by <= Duration::zero() || by > longest_extension) throw InvalidArgument("must be above 0 and at most 366 days", {.subject = "by"});
    return impl_->transition(actor, id, reason, "tenant.extend_trial", [&](db::SystemTx& tx, TenantRow& row, Time now, Json& details) {
        auto& tenant = row.tenant;
        if (!is_trial(row) || (tenant.state != TenantState::trial && tenant.state != TenantState::suspended))
            throw Conflict("the tenant is in no trial", {.subject = id.text()});
        const auto end = *tenant.trial_ends_at + by;
        if (end <= now) throw InvalidArgument("the trial would still be over: give it more", {.subject = "by"});
        details.set("trial_ends_at", end.time_since_epoch().count()).set("was", tenant.trial_ends_at->time_since_epoch().count());
        tenant.trial_ends_at = end;
        auto own = tx.tenant(impl_->scope_of(row));
        extend_period(own, end);
        return true;
    });
}

Tenant Registry::suspend(const Actor& actor, const TenantId& id, const std::string& reason) {
    return impl_->transition(actor, id, reason, "tenant.suspend", [](db::SystemTx&, TenantRow& row, Time, Json&) {
        auto& tenant = row.tenant;
        if (tenant.state == TenantState::suspended) return false;
        if (tenant.state != TenantState::active && tenant.state != TenantState::trial) Impl::refuse_change(tenant, "suspended");
        tenant.state = TenantState::suspended;
        return true;
    });
}

Tenant Registry::archive(const Actor& actor, const TenantId& id, const std::string& reason) {
    return impl_->transition(actor, id, reason, "tenant.archive", [](db::SystemTx&, TenantRow& row, Time, Json&) {
        auto& tenant = row.tenant;
        if (tenant.state == TenantState::archived) return false;
        if (tenant.state == TenantState::erasing || tenant.state == TenantState::erased) Impl::refuse_change(tenant, "archived");
        tenant.state = TenantState::archived;
        return true;
    });
}

Tenant Registry::resume(const Actor& actor, const TenantId& id, const std::string& reason) {
    return impl_->transition(actor, id, reason, "tenant.resume", [](db::SystemTx&, TenantRow& row, Time now, Json&) {
        auto& tenant = row.tenant;
        // Its files may be gone already: from its moment on an erasure is not undone.
        if (tenant.state == TenantState::erased || is_due(tenant, now)) Impl::refuse_change(tenant, "resumed");
        const auto before = tenant.state;
        const bool in_trial = has_running_trial(row, now);
        end_erasure(row, in_trial ? TenantState::trial : TenantState::active);
        if (is_trial(row) && !in_trial) row.activated_at = now;  // who goes on after the trial has bought
        return tenant.state != before;
    });
}

Tenant Registry::start_erasure(const Actor& actor, const EraseOptions& options) {
    if (options.undo_window < Duration::zero()) throw InvalidArgument("must be 0 or more", {.subject = "undo_window"});
    return impl_->transition(actor, options.tenant, options.reason, "tenant.erase", [&](db::SystemTx& tx, TenantRow& row, Time now, Json&) {
        auto& tenant = row.tenant;
        if (tenant.state == TenantState::erased) Impl::refuse_change(tenant, "erased");
        auto own = tx.tenant(impl_->scope_of(row));
        legal_holds::refuse(own, "erased");
        if (is_due(tenant, now)) {
            // Its files may be gone already: a later moment would let it be resumed without them.
            if (options.undo_window > Duration::zero()) Impl::refuse_change(tenant, "given more time: it is due");
            return false;
        }
        if (tenant.state != TenantState::erasing) row.state_before = tenant.state;
        tenant.state = TenantState::erasing;
        tenant.erased_at = now + options.undo_window;
        return true;
    });
}

Tenant Registry::undo_erase(const Actor& actor, const TenantId& id, const std::string& reason) {
    return impl_->transition(actor, id, reason, "tenant.undo_erase", [](db::SystemTx&, TenantRow& row, Time now, Json&) {
        auto& tenant = row.tenant;
        if (tenant.state != TenantState::erasing) throw Conflict("the tenant is not being erased", {.subject = tenant.id.text()});
        if (is_due(tenant, now)) Impl::refuse_change(tenant, "brought back: its undo window is over");
        end_erasure(row, row.state_before.value_or(has_running_trial(row, now) ? TenantState::trial : TenantState::active));
        return true;
    });
}

std::vector<TenantId> Registry::lapsed_trials(Time after, Time until) const {
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) { return lapsed_rows(reader, after, until); });
}

std::vector<TenantId> Registry::due_for_erasure() const {
    const auto now = impl_->clock->now();
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) { return due_rows(reader, now); });
}

}  // namespace tenon::tenant
