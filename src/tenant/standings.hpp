#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include <tenant/registry.hpp>

#include "tenant_rows.hpp"

namespace tenon::tenant {

struct IdHash {
    std::size_t operator()(const TenantId& id) const noexcept { return static_cast<std::size_t>(id.low ^ (id.high << 1)); }
};

/// Tenants in use, so that opening a session and checking a state costs a lookup. Filled as they are asked for.
///
/// Threads   any, at once.
class Standings {
public:
    Standings(db::Database& database, db::SystemScope system, std::shared_ptr<const Catalogues> catalogues);

    /// Null: there is no such tenant.
    std::shared_ptr<const Standing> find(const TenantId& id);
    /// This process changed it.
    void forget(const TenantId& id) noexcept;
    /// Another process changed something; it is looked up at the next find(), because the watch must not read.
    void mark_stale() noexcept {
        stale_.store(true, std::memory_order_release);
        version_.fetch_add(1, std::memory_order_release);
    }
    /// Moves when what find() said may no longer hold. Never 0. Read it before find().
    std::uint64_t version() const noexcept { return version_.load(std::memory_order_acquire); }

private:
    void refresh();
    std::shared_ptr<const Standing> load(const TenantId& id);
    std::shared_ptr<const PlanTerms> terms_of(db::SystemReader& reader, const std::string& plan, std::int32_t version);

    db::Database& database_;
    const db::SystemScope system_;
    const std::shared_ptr<const Catalogues> catalogues_;
    std::atomic<bool> stale_{false};
    std::atomic<std::uint64_t> version_{1};
    std::mutex refreshing_;
    std::uint64_t seen_ = 0;  // under refreshing_: every change up to this epoch is known

    std::shared_mutex mutex_;
    std::unordered_map<TenantId, std::shared_ptr<const Standing>, IdHash> known_;  // under mutex_
    std::unordered_map<TenantId, std::uint32_t, IdHash> slots_;                    // under mutex_
    std::map<std::pair<std::string, std::int32_t>, std::shared_ptr<const PlanTerms>> terms_;  // under mutex_
    std::uint64_t forgotten_ = 0;  // under mutex_: a row read before it moved may be an old one
};

}  // namespace tenon::tenant
