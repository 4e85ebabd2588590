// What keeps a tenant's data from being destroyed, by plan or by anybody.

#include "legal_holds.hpp"

#include <base/text.hpp>

#include "registry_impl.hpp"

namespace tenon::tenant {
namespace legal_holds {
namespace {

constexpr std::size_t most = 100;

constexpr db::TenantStmt all_holds{"SELECT name, reason, placed_by, placed_at FROM legal_hold WHERE tenant_id = :tenant ORDER BY name"};
constexpr db::TenantStmt insert_hold{
    "INSERT INTO legal_hold_ (tenant_id, name, reason, placed_by, placed_at) VALUES (:tenant, :name, :reason, :placed_by, :placed_at)"};
constexpr db::TenantStmt remove_hold{"DELETE FROM legal_hold_ WHERE tenant_id = :tenant AND name = :name"};

}  // namespace

std::vector<LegalHold> list(db::Reader& reader) {
    std::vector<LegalHold> holds;
    for (auto rows = reader.query(all_holds); rows.next();)
        holds.push_back({.name = rows.text(0), .reason = rows.text(1), .placed_by = rows.text(2), .placed_at = rows.time(3)});
    return holds;
}

bool any(db::Reader& reader) { return reader.query(all_holds).next(); }

void refuse(db::Reader& reader, const char* what) {
    auto rows = reader.query(all_holds);
    if (!rows.next()) return;
    throw Conflict(std::string("a legal hold keeps this from being ") + what, {.subject = rows.text(0)});
}

}  // namespace legal_holds

void refuse_under_legal_hold(db::Reader& reader, const char* what) { legal_holds::refuse(reader, what); }

LegalHold Registry::place_legal_hold(const Actor& given, const LegalHoldOptions& options) {
    Impl::check_own(given, "place legal holds");
    Impl::check_reason(options.reason);
    base::check_slug("name", options.name);
    const auto now = impl_->clock->now();
    auto actor = given;
    actor.reason = options.reason;
    LegalHold hold{.name = options.name, .reason = options.reason, .placed_by = actor.id, .placed_at = now};
    impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        const auto row = impl_->row_for(tx, actor, options.tenant, now);
        if (row.tenant.state == TenantState::erased) Impl::refuse_change(row.tenant, "held");
        if (erasure_has_begun(tx, options.tenant)) throw Conflict("the tenant's files are going already", {.subject = options.tenant.text()});
        auto own = tx.tenant(impl_->scope_of(row));
        if (legal_holds::list(own).size() >= legal_holds::most)
            throw Conflict("a tenant has at most 100 legal holds", {.subject = options.tenant.text()});
        own.exec(legal_holds::insert_hold, hold.name, hold.reason, hold.placed_by, hold.placed_at);
        impl_->note_both(tx, actor, row, {.time = now, .action = "tenant.place_legal_hold", .target = options.tenant.text(),
                                          .details = base::Json::object().set("name", hold.name)});
    });
    return hold;
}

void Registry::lift_legal_hold(const Actor& given, const TenantId& id, const std::string& name, const std::string& reason) {
    Impl::check_own(given, "lift legal holds");
    Impl::check_reason(reason);
    base::check_slug("name", name);
    const auto now = impl_->clock->now();
    auto actor = given;
    actor.reason = reason;
    impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        const auto row = impl_->row_for(tx, actor, id, now);
        auto own = tx.tenant(impl_->scope_of(row));
        if (own.exec(legal_holds::remove_hold, name) == 0) throw NotFound("the tenant has no legal hold of that name", {.subject = name});
        impl_->note_both(tx, actor, row,
                         {.time = now, .action = "tenant.lift_legal_hold", .target = id.text(), .details = base::Json::object().set("name", name)});
    });
}

std::vector<LegalHold> Registry::legal_holds(const Actor& actor, const TenantId& id) {
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        const auto row = impl_->row_for(tx, actor, id, now);
        impl_->note(tx, actor, {.time = now, .action = "tenant.legal_holds", .target = id.text()});
        auto own = tx.tenant(impl_->scope_of(row));
        return legal_holds::list(own);
    });
}

}  // namespace tenon::tenant
