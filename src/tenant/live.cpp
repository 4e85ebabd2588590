#include <tenant/live.hpp>

#include <array>
#include <atomic>

namespace tenon::tenant::live {
namespace {

// Zero-filled and untouched where no tenant is: half a megabyte of address space each, not of memory.
constexpr std::size_t cells = std::size_t{1} << 16;

struct Versions {
    std::array<std::atomic<std::uint64_t>, cells> of_tenants{};

    std::atomic<std::uint64_t>& cell_of(const TenantId& tenant) noexcept {
        // The low half of an id is random, the high one is a time.
        return of_tenants[(tenant.low ^ (tenant.low >> 32)) % cells];
    }
};

Versions quotas, access;
std::atomic<std::uint64_t> everyone{1};

std::uint64_t version_in(Versions& versions, const TenantId& tenant) noexcept {
    return versions.cell_of(tenant).load(std::memory_order_acquire) + everyone.load(std::memory_order_acquire);
}

void move_with(db::Tx& tx, Versions& versions) {
    tx.on_commit([&versions, tenant = tx.scope().tenant()] { versions.cell_of(tenant).fetch_add(1, std::memory_order_release); });
}

}  // namespace

std::uint64_t version_of(const TenantId& tenant) noexcept { return version_in(quotas, tenant); }
void moved(db::Tx& tx) { move_with(tx, quotas); }
std::uint64_t access_version_of(const TenantId& tenant) noexcept { return version_in(access, tenant); }
void access_moved(db::Tx& tx) { move_with(tx, access); }

void all_moved() noexcept { everyone.fetch_add(1, std::memory_order_release); }

}  // namespace tenon::tenant::live
