#include <tenant/live.hpp>

#include <array>
#include <atomic>

namespace tenon::tenant::live {
namespace {

using Version = std::atomic<std::uint64_t>;

/// Both beside each other: a call looks at both.
struct alignas(16) Versions {
    Version quotas{0}, access{0};
};

// Zero-filled and untouched where no tenant is: a megabyte of address space, not of memory.
constexpr std::size_t cells = std::size_t{1} << 16;
std::array<Versions, cells> of_tenants{};
Version everyone{1};

Version& cell_of(const TenantId& tenant, Version Versions::*which) noexcept {
    // The low half of an id is random, the high one is a time.
    return of_tenants[(tenant.low ^ (tenant.low >> 32)) % cells].*which;
}

std::uint64_t version_in(const TenantId& tenant, Version Versions::*which) noexcept {
    return cell_of(tenant, which).load(std::memory_order_acquire) + everyone.load(std::memory_order_acquire);
}

void move_with(db::Tx& tx, Version Versions::*which) {
    tx.on_commit([which, tenant = tx.scope().tenant()] { cell_of(tenant, which).fetch_add(1, std::memory_order_release); });
}

}  // namespace

std::uint64_t version_of(const TenantId& tenant) noexcept { return version_in(tenant, &Versions::quotas); }
void moved(db::Tx& tx) { move_with(tx, &Versions::quotas); }
std::uint64_t access_version_of(const TenantId& tenant) noexcept { return version_in(tenant, &Versions::access); }
void access_moved(db::Tx& tx) { move_with(tx, &Versions::access); }

void all_moved() noexcept { everyone.fetch_add(1, std::memory_order_release); }

}  // namespace tenon::tenant::live
