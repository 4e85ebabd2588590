#pragma once

#include <cstdint>
#include <map>

#include <tenon/id.hpp>

namespace tenon::jobs {

/// Whose job is next: start-time fair queueing between tenants. A tenant of weight 2 is served twice as often as one of
/// weight 1 while both have work, and one that was away starts level with the others instead of claiming what it missed.
/// Not thread-safe.
class Turns {
public:
    /// The virtual time at which the tenant's next job would start: the smallest goes first.
    std::uint64_t start_of(const TenantId& tenant) const {
        const auto entry = finish_.find(tenant);
        return entry == finish_.end() || entry->second < now_ ? now_ : entry->second;
    }

    /// Whoever looks next must see it: taken before the job is claimed, or several workers take one turn at once and move the
    /// time for everybody else.
    void served(const TenantId& tenant, std::int32_t weight) {
        const auto start = start_of(tenant);
        now_ = start;
        finish_[tenant] = start + cost(weight);
        // Who lies in the past is as good as never seen.
        if (finish_.size() > tidy_at) std::erase_if(finish_, [&](const auto& entry) { return entry.second <= now_; });
    }

    /// The turn was for nothing: no job was begun.
    void give_back(const TenantId& tenant, std::int32_t weight) {
        const auto entry = finish_.find(tenant);
        if (entry != finish_.end()) entry->second -= cost(weight);
    }

private:
    static constexpr std::uint64_t cost(std::int32_t weight) { return unit / static_cast<std::uint64_t>(weight < 1 ? 1 : weight); }

    static constexpr std::uint64_t unit = 1'000'000;
    static constexpr std::size_t tidy_at = 1024;
    std::map<TenantId, std::uint64_t> finish_;
    std::uint64_t now_ = 0;
};

}  // namespace tenon::jobs
