#include <tenon/quota.hpp>

#include <base/id.hpp>
#include <tenant/live.hpp>
#include <tenant/outlook.hpp>
#include <tenant/quota.hpp>

#include "core.hpp"

TENON_BEGIN

namespace ledger = tenant::quota;
using engine::Permission;

/// A hold and who made it. The last copy of an open one gives it back.
struct HoldImpl {
    HoldImpl(std::shared_ptr<SessionImpl> s, HoldId i) : session(std::move(s)), id(i) {}
    ~HoldImpl() {
        if (ended.load()) return;
        // A destructor neither waits nor does I/O; if the engine is closed, the hold's time to live ends it.
        try {
            auto engine = session->engine;
            const auto pass = engine->gate.enter();
            engine->timers->after(Duration::zero(), [engine, scope = session->scope, hold = id] {
                engine->database->write(scope, [&](db::Tx& tx) { ledger::release(tx, hold, engine->now()); });
            });
        } catch (const std::exception&) {
        }
    }
    HoldImpl(const HoldImpl&) = delete;
    HoldImpl& operator=(const HoldImpl&) = delete;

    const std::shared_ptr<SessionImpl> session;
    const HoldId id;
    std::atomic<bool> ended{false};
};

Hold::Hold(std::shared_ptr<HoldImpl> impl) : impl_(std::move(impl)) {}
HoldId Hold::id() const { return impl_->id; }

void Hold::extend(const Ask& more) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::quota_hold);
    const auto at = session.now();
    session.change("hold.extend", impl_->id.text(), [&](db::Tx& tx) {
        ledger::extend(tx, impl_->id, more, at);
        session.audit(tx, "hold.extend", impl_->id.text(), at);
    });
}

void Hold::commit(const std::vector<Ask>& actual) {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::quota_hold);
    const auto at = session.now();
    session.change("hold.commit", impl_->id.text(), [&](db::Tx& tx) {
        ledger::commit(tx, impl_->id, actual, at);
        session.audit(tx, "hold.commit", impl_->id.text(), at);
    });
    impl_->ended = true;
}

void Hold::release() {
    const auto& session = *impl_->session;
    const auto pass = session.enter(Permission::quota_hold);
    const auto at = session.now();
    session.change("hold.release", impl_->id.text(), [&](db::Tx& tx) {
        ledger::release(tx, impl_->id, at);
        session.audit(tx, "hold.release", impl_->id.text(), at);
    });
    impl_->ended = true;
}

Quota SessionImpl::quota(Resource resource) const {
    const auto version = tenant::live::version_of(scope.tenant());
    if (auto known = known_quotas.find(version, resource, [this] { return now(); })) return *known;
    const auto all = read([at = now()](db::Reader& reader) { return ledger::snapshot(reader, at); });
    known_quotas.keep(version, all);
    for (const auto& each : all)
        if (each.resource == resource) return each;
    throw InvalidArgument("unknown resource " + std::to_string(static_cast<int>(resource)), {.subject = "resource"});
}

void SessionImpl::warn_of(const QuotaExceeded& refusal) const noexcept {
    try {
        write([&](db::Tx& tx) { ledger::note_refusal(tx, refusal.resource(), now()); });
    } catch (const std::exception& error) {
        engine->log->failure("quota", "a tenant was not warned of a limit", error);
    }
}

Quotas::Quotas(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

Hold Quotas::reserve(const HoldOptions& options) {
    const auto pass = impl_->enter(Permission::quota_hold);
    const auto at = impl_->now();
    const auto fresh = base::new_id<HoldId>(at);
    const auto hold = impl_->change("hold.reserve", fresh.text(), [&](db::Tx& tx) {
        auto info = ledger::reserve(tx, fresh, {.asks = options.asks, .ttl = options.ttl, .idempotency = options.idempotency}, at);
        if (info.id == fresh) impl_->audit(tx, "hold.reserve", fresh.text(), at);
        return info;
    });
    auto handle = std::make_shared<HoldImpl>(impl_, hold.id);
    handle->ended = hold.id != fresh || options.keep;  // only who made it gives it back by letting go
    return Internal::make<Hold>(std::move(handle));
}

std::optional<Hold> Quotas::try_reserve(const HoldOptions& options) {
    try {
        return reserve(options);
    } catch (const QuotaExceeded&) {
        return std::nullopt;
    }
}

std::vector<Quota> Quotas::snapshot() const {
    const auto pass = impl_->enter(Permission::quota_read);
    return impl_->read([at = impl_->now()](db::Reader& reader) { return ledger::snapshot(reader, at); });
}

Quota Quotas::get(Resource resource) const {
    const auto pass = impl_->enter(Permission::quota_read);
    return impl_->quota(resource);
}

std::vector<LimitOverride> Quotas::overrides() const {
    const auto pass = impl_->enter(Permission::quota_read);
    auto list = impl_->read([at = impl_->now()](db::Reader& reader) { return ledger::overrides(reader, at); });
    for (auto& limit : list) limit.granted_by.clear();  // who works for the operator is not the tenant's business
    return list;
}

std::vector<QuotaForecast> Quotas::forecast() const {
    const auto pass = impl_->enter(Permission::quota_read);
    return impl_->read([at = impl_->now()](db::Reader& reader) { return ledger::forecast(reader, at); });
}

std::vector<QuotaOverage> Quotas::overage() const {
    const auto pass = impl_->enter(Permission::quota_read);
    return impl_->read([at = impl_->now()](db::Reader& reader) { return ledger::overage(reader, at); });
}

std::vector<ShadowCount> Quotas::shadowed() const {
    const auto pass = impl_->enter(Permission::quota_read);
    return impl_->read([at = impl_->now()](db::Reader& reader) { return ledger::shadowed(reader, at); });
}

std::vector<OpenHold> Quotas::holds() const {
    const auto pass = impl_->enter(Permission::quota_read);
    return impl_->read([](db::Reader& reader) { return ledger::open_holds(reader); });
}

Hold Quotas::hold(const HoldId& id) const {
    const auto pass = impl_->enter(Permission::quota_hold);
    const auto found = impl_->read([&](db::Reader& reader) { return ledger::find(reader, id); });
    if (!found) throw NotFound("there is no such hold", {.subject = id.text()});
    if (found->cause.kind != ledger::CauseKind::none)
        throw Conflict("the hold belongs to a job or an upload, which ends it", {.subject = id.text()});
    auto handle = std::make_shared<HoldImpl>(impl_, id);
    handle->ended = true;
    return Internal::make<Hold>(std::move(handle));
}

void Quotas::give_back(const Ask& what) {
    const auto pass = impl_->enter(Permission::quota_hold);
    const auto at = impl_->now();
    impl_->change("quota.give_back", to_string(what.resource), [&](db::Tx& tx) {
        ledger::give_back(tx, what, at);
        auto details = base::Json::object();
        details.set("amount", what.amount);
        impl_->audit(tx, "quota.give_back", to_string(what.resource), at, std::move(details));
    });
}

bool Quotas::has_room(const Ask& ask) const {
    const auto pass = impl_->enter(Permission::quota_read);
    if (ask.amount < 1) throw InvalidArgument("must be above 0", {.subject = "amount"});
    const auto quota = impl_->quota(ask.resource);
    const auto fits = [&](std::int64_t lapsed) { return ask.amount <= *quota.limit - (quota.used + quota.reserved - lapsed); };
    if (!quota.limit || fits(0)) return true;
    // What is reserved may be over: reserve() would return it first.
    return quota.reserved > 0 && fits(impl_->read([&, at = impl_->now()](db::Reader& reader) { return ledger::lapsed(reader, ask.resource, at); }));
}

TENON_END
