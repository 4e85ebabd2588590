#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include <tenon/operator.hpp>
#include <tenon/quota.hpp>

namespace tenon::engine {

/// What a session remembers, so that a call costs no lock, no lookup and no store: each memory belongs to a version, and
/// holds as long as that is the current one. A writer first takes the version away, so that whoever reads while it writes
/// sees that the version is not the same before and after. Version 0 is never known: it stands there meanwhile.
///
/// Threads   any, at once.
class KnownState {
public:
    /// Empty: look it up, then keep(). `now` is asked for only where time can change the answer.
    template <class Now> std::optional<TenantState> at(std::uint64_t version, const Now& now) const {
        if (version == 0 || version_.load(std::memory_order_acquire) != version) return std::nullopt;
        const auto word = word_.load(std::memory_order_acquire);
        if (version_.load(std::memory_order_relaxed) != version) return std::nullopt;
        const auto until = word & until_mask;
        if (until != until_mask && static_cast<std::uint64_t>(now().time_since_epoch().count()) >= until) return std::nullopt;
        return static_cast<TenantState>(word >> until_bits);
    }

    /// `until`: when the state ends by itself.
    void keep(std::uint64_t version, TenantState state, std::optional<Time> until) {
        const auto end = until ? static_cast<std::uint64_t>(until->time_since_epoch().count()) & until_mask : until_mask;
        const std::lock_guard lock(writing_);
        version_.store(0, std::memory_order_release);
        word_.store(static_cast<std::uint64_t>(state) << until_bits | end, std::memory_order_release);
        version_.store(version, std::memory_order_release);
    }

private:
    static constexpr unsigned until_bits = 56;  // microseconds until the year 4253
    static constexpr std::uint64_t until_mask = (std::uint64_t{1} << until_bits) - 1;

    std::atomic<std::uint64_t> version_{0};
    std::atomic<std::uint64_t> word_{0};
    std::mutex writing_;
};

/// The same of where a tenant's quotas stand.
class KnownQuotas {
public:
    template <class Now> std::optional<Quota> find(std::uint64_t version, Resource resource, const Now& now) const {
        if (version == 0 || version_.load(std::memory_order_acquire) != version) return std::nullopt;
        const auto index = static_cast<std::size_t>(resource);
        if (index >= most) return std::nullopt;
        const Cell& cell = cells_[index];
        Quota quota{.resource = resource, .used = cell.used.load(std::memory_order_acquire),
                    .reserved = cell.reserved.load(std::memory_order_acquire)};
        const auto limit = cell.limit.load(std::memory_order_acquire), resets = cell.resets.load(std::memory_order_acquire);
        const auto until = cell.limit_until.load(std::memory_order_acquire);
        if (version_.load(std::memory_order_relaxed) != version || resets == unknown) return std::nullopt;
        if (limit != none) quota.limit = limit;
        if (resets != none) {
            quota.resets_at = Time{Duration{resets}};
            if (now() >= *quota.resets_at) return std::nullopt;
        }
        if (until != none) {
            quota.limit_until = Time{Duration{until}};
            if (now() >= *quota.limit_until) return std::nullopt;
        }
        return quota;
    }

    void keep(std::uint64_t version, const std::vector<Quota>& quotas) {
        const std::lock_guard lock(writing_);
        version_.store(0, std::memory_order_release);
        for (const auto& quota : quotas) {
            const auto index = static_cast<std::size_t>(quota.resource);
            if (index >= most) continue;
            Cell& cell = cells_[index];
            cell.limit.store(quota.limit.value_or(none), std::memory_order_release);
            cell.used.store(quota.used, std::memory_order_release);
            cell.reserved.store(quota.reserved, std::memory_order_release);
            cell.resets.store(quota.resets_at ? quota.resets_at->time_since_epoch().count() : none, std::memory_order_release);
            cell.limit_until.store(quota.limit_until ? quota.limit_until->time_since_epoch().count() : none, std::memory_order_release);
        }
        version_.store(version, std::memory_order_release);
    }

private:
    static constexpr std::size_t most = 16;
    static constexpr std::int64_t none = INT64_MAX, unknown = INT64_MIN;

    struct alignas(32) Cell {
        std::atomic<std::int64_t> limit{none}, used{0}, reserved{0}, resets{unknown}, limit_until{none};
    };

    std::atomic<std::uint64_t> version_{0};
    std::array<Cell, most> cells_{};
    std::mutex writing_;
};

}  // namespace tenon::engine
