#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include <tenon/id.hpp>

#include "turns.hpp"

namespace tenon::jobs {

/// Which tenants may have a job that waits for a worker: a hint, so that nobody searches the store for each job. What the store says
/// when a job is claimed is what counts. A tenant is added once his job is durable and leaves once a claim found that there is no more,
/// both on the thread that makes things durable and in the order of the transactions: nobody who has work is ever missing. Not
/// thread-safe.
class Line {
public:
    bool empty() const { return tenants_.empty() && !stale_; }

    /// `first`: the job that waits, if known; between equals the one that has waited longest goes first.
    void add(const TenantId& tenant, const JobId& first) {
        if (!aside_.contains(tenant)) tenants_.try_emplace(tenant, first);
    }
    void remove(const TenantId& tenant) { tenants_.erase(tenant); }
    /// He has work but no place for it until one of his jobs stops.
    void set_aside(const TenantId& tenant) {
        tenants_.erase(tenant);
        aside_.insert(tenant);
    }
    /// One of his jobs stopped.
    void bring_back(const TenantId& tenant) {
        if (aside_.erase(tenant) != 0) add(tenant, {});
    }

    /// More may have become ready, and more places free, than it was told.
    void distrust() { stale_ = true; }
    /// Whether the store is to be asked; whoever hears it does so, and adds whom he finds.
    bool distrusted() {
        if (!std::exchange(stale_, false)) return false;
        aside_.clear();
        return true;
    }

    /// Whose turn it is.
    std::optional<TenantId> next(const Turns& turns) const {
        const auto place = [&](const auto& one) { return std::tuple(turns.start_of(one.first), one.second); };
        const auto found = std::ranges::min_element(tenants_, {}, place);
        return found == tenants_.end() ? std::nullopt : std::optional(found->first);
    }
    bool contains(const TenantId& tenant) const { return tenants_.contains(tenant); }

private:
    std::map<TenantId, JobId> tenants_;
    std::set<TenantId> aside_;
    bool stale_ = true;
};

}  // namespace tenon::jobs
