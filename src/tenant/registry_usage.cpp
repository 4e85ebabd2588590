#include <tenant/registry.hpp>
#include <tenant/usage.hpp>

#include "registry_impl.hpp"

namespace tenon::tenant {

UsageReceipt Registry::correct_usage(const Actor& given, const CorrectionOptions& options) {
    Impl::check_own(given, "correct usage");
    Impl::check_reason(options.reason);
    auto actor = given;
    actor.reason = options.reason;
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        auto row = impl_->row_for(tx, actor, options.tenant, now);
        if (is_ending(row.tenant)) Impl::refuse_change(row.tenant, "corrected");
        auto own = tx.tenant(impl_->scope_of(row));
        auto details = base::Json::object();
        details.set("correction", options.source + "/" + options.id);
        auto receipt = usage::correct(own, options, now, details);
        // What was told before has its record.
        if (receipt.outcome == UsageOutcome::duplicate) details.set("duplicate", true);
        impl_->note_both(tx, actor, row, {.time = now, .action = "tenant.correct_usage", .target = options.tenant.text(), .details = details});
        return receipt;
    });
}

UsageCheck Registry::rebuild_usage(const Actor& given, const TenantId& id, const std::string& reason) {
    Impl::check_own(given, "rebuild the sums of usage");
    Impl::check_reason(reason);
    auto actor = given;
    actor.reason = reason;
    const auto now = impl_->clock->now();
    const auto row = impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        auto found = impl_->row_for(tx, actor, id, now);
        if (is_ending(found.tenant)) Impl::refuse_change(found.tenant, "changed");
        return found;
    });
    usage::Verifier verifier(impl_->database, impl_->scope_of(row), true);
    while (verifier.step()) continue;
    auto check = std::move(verifier).result();
    auto details = base::Json::object();
    details.set("events", check.events).set("different", check.different);
    impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        impl_->note_both(tx, actor, row, {.time = now, .action = "tenant.rebuild_usage", .target = id.text(), .details = details});
    });
    return check;
}

}  // namespace tenon::tenant
