#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include <tenon/id.hpp>

namespace tenon::engine {
class SessionBroker;
}

namespace tenon::db {

namespace testing {
struct ScopeMaker;  // defined by tests/support only
}

/// The right to act for one tenant. Whoever holds one passed the session broker; everything below `engine` receives it
/// and nothing below `engine` can make one.
class TenantScope {
public:
    TenantId tenant() const noexcept { return tenant_; }
    const std::string& region() const noexcept { return region_; }  ///< The only region its data may live in.
    std::uint32_t slot() const noexcept { return slot_; }           ///< Dense index of its in-memory state.
    std::uint64_t epoch() const noexcept { return epoch_; }         ///< State, plan and limits it was made under.

private:
    friend class tenon::engine::SessionBroker;
    friend struct testing::ScopeMaker;
    TenantScope(TenantId tenant, std::string region, std::uint32_t slot, std::uint64_t epoch)
        : tenant_(tenant), region_(std::move(region)), slot_(slot), epoch_(epoch) {}

    TenantId tenant_;
    std::string region_;
    std::uint32_t slot_;
    std::uint64_t epoch_;
};

/// The right to act across tenants: operator sessions and the engine's own work.
class SystemScope {
    friend class tenon::engine::SessionBroker;
    friend struct testing::ScopeMaker;
    SystemScope() = default;

public:
    SystemScope(const SystemScope&) = default;
    SystemScope& operator=(const SystemScope&) = default;
};

}  // namespace tenon::db
