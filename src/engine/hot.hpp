#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <vector>

#include <tenant/permissions.hpp>
#include <tenon/quota.hpp>

namespace tenon::engine {

/// What a session remembers, so that a call costs no lock, no lookup and no store: each memory belongs to a version, and
/// holds as long as that is the current one. A writer first takes the version away, so that whoever reads while it writes
/// sees that the version is not the same before and after. Version 0 is never known: it stands there meanwhile.
///
/// Threads   any, at once.
class KnownRights {
public:
    /// Empty: look it up, then keep(). `now` is asked for only where time can change the answer.
    template <class Now> std::optional<bool> allows(std::uint64_t version, tenant::Permission permission, const Now& now) const {
        if (version == 0 || version_.load(std::memory_order_acquire) != version) return std::nullopt;
        const auto number = static_cast<std::size_t>(permission);
        const auto word = words_[number / 64].load(std::memory_order_acquire);
        const auto until = until_.load(std::memory_order_acquire);
        if (version_.load(std::memory_order_relaxed) != version) return std::nullopt;
        if (until != never && now().time_since_epoch().count() >= until) return std::nullopt;
        return word >> (number % 64) & 1;
    }

    /// `until`: when they end by themselves. One caller at a time.
    void keep(std::uint64_t version, const tenant::PermissionSet& set, std::optional<Time> until) {
        version_.store(0, std::memory_order_release);
        for (std::size_t i = 0; i < words_.size(); ++i) words_[i].store(set.words[i], std::memory_order_release);
        until_.store(until ? until->time_since_epoch().count() : never, std::memory_order_release);
        version_.store(version, std::memory_order_release);
    }

private:
    static constexpr std::int64_t never = INT64_MAX;

    std::atomic<std::uint64_t> version_{0};
    std::array<std::atomic<std::uint64_t>, tenant::PermissionSet::word_count> words_{};
    std::atomic<std::int64_t> until_{never};
};

/// The same of where a tenant's quotas stand. With a hundred thousand tenants a call waits for memory above all: what it needs to
/// know of one resource, the version with it, is one cache line.
class KnownQuotas {
public:
    template <class Now> std::optional<Quota> find(std::uint64_t version, Resource resource, const Now& now) const {
        const auto index = static_cast<std::size_t>(resource);
        if (version == 0 || index >= most) return std::nullopt;
        const Cell& cell = cells_[index];
        if (cell.version.load(std::memory_order_acquire) != version) return std::nullopt;
        Quota quota{.resource = resource, .used = cell.used.load(std::memory_order_acquire),
                    .reserved = cell.reserved.load(std::memory_order_acquire)};
        const auto limit = cell.limit.load(std::memory_order_acquire), resets = cell.resets.load(std::memory_order_acquire);
        const auto until = cell.limit_until.load(std::memory_order_acquire);
        if (cell.version.load(std::memory_order_relaxed) != version) return std::nullopt;
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
        for (const auto& quota : quotas) {
            const auto index = static_cast<std::size_t>(quota.resource);
            if (index >= most) continue;
            Cell& cell = cells_[index];
            cell.version.store(0, std::memory_order_release);
            cell.limit.store(quota.limit.value_or(none), std::memory_order_release);
            cell.used.store(quota.used, std::memory_order_release);
            cell.reserved.store(quota.reserved, std::memory_order_release);
            cell.resets.store(quota.resets_at ? quota.resets_at->time_since_epoch().count() : none, std::memory_order_release);
            cell.limit_until.store(quota.limit_until ? quota.limit_until->time_since_epoch().count() : none, std::memory_order_release);
            cell.version.store(version, std::memory_order_release);
        }
    }

private:
    static constexpr std::size_t most = 16;
    static constexpr std::int64_t none = INT64_MAX;

    struct alignas(64) Cell {
        std::atomic<std::uint64_t> version{0};
        std::atomic<std::int64_t> limit{none}, used{0}, reserved{0}, resets{none}, limit_until{none};
    };

    std::array<Cell, most> cells_{};
    std::mutex writing_;
};

}  // namespace tenon::engine
