#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include <tenon/id.hpp>

namespace tenon::engine {

/// Something opened once for each tenant: the most recently used stay open, up to a limit.
///
/// Opening holds that tenant's lock alone: others neither wait for it nor see its failure.
///
/// Threads   any member, from any thread, at once; not from within `open` for the same tenant.
template <class Value>
class PerTenant {
public:
    explicit PerTenant(std::size_t limit) : limit_(limit) {}

    /// What is open, or what open() returns; null is not kept, and what it throws reaches the caller.
    template <class Open>
    std::shared_ptr<Value> get(const TenantId& tenant, Open&& open) {
        const auto slot = slot_of(tenant);
        const std::lock_guard lock(slot->mutex);
        if (!slot->value) slot->value = open();
        return slot->value;
    }
    /// The same, but opens in any case; what was open before stays with those who have it.
    template <class Open>
    void replace(const TenantId& tenant, Open&& open) {
        const auto slot = slot_of(tenant);
        const std::lock_guard lock(slot->mutex);
        slot->value = open();
    }
    /// Waits for nobody: what is being opened now is used by its opener alone.
    void forget(const TenantId& tenant) {
        const std::lock_guard lock(mutex_);
        slots_.erase(tenant);
    }
    std::size_t size() const {
        const std::lock_guard lock(mutex_);
        return slots_.size();
    }

private:
    struct Slot {
        std::mutex mutex;
        std::shared_ptr<Value> value;  // guarded by mutex
    };
    struct Place {
        std::shared_ptr<Slot> slot = std::make_shared<Slot>();
        std::uint64_t used = 0;
    };

    std::shared_ptr<Slot> slot_of(const TenantId& tenant) {
        const std::lock_guard lock(mutex_);
        auto& place = slots_[tenant];
        place.used = ++uses_;
        // Held from here on, so that it is not the one to go.
        auto slot = place.slot;
        while (slots_.size() > limit_ && drop_oldest()) continue;
        return slot;
    }
    /// A slot in somebody's hands stays, or its tenant would have two locks at once. False: all of them are.
    bool drop_oldest() {
        auto oldest = slots_.end();
        for (auto place = slots_.begin(); place != slots_.end(); ++place)
            if (place->second.slot.use_count() == 1 && (oldest == slots_.end() || place->second.used < oldest->second.used)) oldest = place;
        if (oldest == slots_.end()) return false;
        slots_.erase(oldest);
        return true;
    }

    const std::size_t limit_;
    mutable std::mutex mutex_;
    std::map<TenantId, Place> slots_;  // guarded by mutex_
    std::uint64_t uses_ = 0;           // guarded by mutex_
};

}  // namespace tenon::engine
