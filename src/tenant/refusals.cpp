#include <utility>

#include <tenant/audit.hpp>

namespace tenon::tenant::audit {

Refusals::Refusals(db::Database& database, std::shared_ptr<const base::Clock> clock) : database_(database), clock_(std::move(clock)) {}

void Refusals::append(const db::TenantScope& scope, const Actor& actor, const Entry& entry, const Error& error) noexcept {
    try {
        auto who = actor;
        auto refused = entry;
        refused.outcome = error.code();
        refused.details.set("message", error.what());
        if (admit(scope, who, refused) && !write(scope, who, refused)) {
            const auto* carried = refused.details.find("unrecorded");
            count(scope, who, refused, 1 + (carried ? carried->as_int("unrecorded") : 0));
        }
    } catch (const std::exception&) {
        return;  // the caller is about to hear of the refusal; a failing store will be heard of by the next change
    }
}

/// Under the mutex. Where too many kinds are known already, actor and entry become those of the tenant's others.
Refusals::Count& Refusals::place_of(const db::TenantScope& scope, Actor& actor, Entry& entry) {
    auto& mine = kinds_[scope.tenant()];
    const auto kind = [&] { return Kind{actor.kind, actor.id, entry.action, entry.outcome}; };
    const auto now = clock_->monotonic();
    if (mine.size() >= most_kinds && !mine.contains(kind())) {
        std::erase_if(mine, [&](const auto& known) { return known.second.counted == 0 && now - known.second.begun >= window; });
        if (mine.size() >= most_kinds) {
            actor = engine_actor("refusals");
            entry.action = "session.refused";
            entry.target.clear();
        }
    }
    return mine.try_emplace(kind(), Count{.scope = scope, .actor = actor, .last = {}, .begun = now}).first->second;
}

/// False: it was counted. True: to be recorded, with what was counted before.
bool Refusals::admit(const db::TenantScope& scope, Actor& actor, Entry& entry) {
    const std::lock_guard lock(mutex_);
    auto& known = place_of(scope, actor, entry);
    const auto now = clock_->monotonic();
    if (now - known.begun >= window) {
        known.begun = now;
        known.recorded = 0;
    }
    if (known.recorded == recorded_each) {
        ++known.counted;
        known.last = entry;
        return false;
    }
    ++known.recorded;
    if (const auto before = std::exchange(known.counted, 0); before > 0) entry.details.set("unrecorded", before);
    return true;
}

/// What could not be recorded is not lost.
void Refusals::count(const db::TenantScope& scope, const Actor& actor, const Entry& entry, std::int64_t more) {
    const std::lock_guard lock(mutex_);
    auto who = actor;
    auto last = entry;
    auto& known = place_of(scope, who, last);
    known.counted += more;
    known.last = std::move(last);
}

bool Refusals::write(const db::TenantScope& scope, const Actor& actor, const Entry& entry) noexcept {
    try {
        database_.write(scope, [&](db::Tx& tx) { audit::append(tx, actor, entry); });
        return true;
    } catch (const std::exception&) {
        return false;
    }
}

void Refusals::settle(bool all) noexcept {
    std::vector<Count> over;
    try {
        const std::lock_guard lock(mutex_);
        const auto now = clock_->monotonic();
        for (auto& [tenant, mine] : kinds_)
            std::erase_if(mine, [&](auto& known) {
                if (!all && now - known.second.begun < window) return false;
                if (known.second.counted > 0) over.push_back(std::move(known.second));
                return true;
            });
        std::erase_if(kinds_, [](const auto& tenant) { return tenant.second.empty(); });
    } catch (const std::exception&) {
        return;  // without memory nothing is recorded now
    }
    for (auto& one : over) {
        // The record itself stands for the last of them.
        if (one.counted > 1) one.last.details.set("unrecorded", one.counted - 1);
        if (write(one.scope, one.actor, one.last) || all) continue;
        try {
            count(one.scope, one.actor, one.last, one.counted);
        } catch (const std::exception&) {
        }
    }
}

void Refusals::forget(const TenantId& tenant) noexcept {
    const std::lock_guard lock(mutex_);
    kinds_.erase(tenant);
}

}  // namespace tenon::tenant::audit
