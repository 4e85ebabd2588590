#include <tenant/live.hpp>

#include <array>
#include <atomic>

namespace tenon::tenant::live {
namespace {

// Zero-filled and untouched where no tenant is: half a megabyte of address space, not of memory.
constexpr std::size_t cells = std::size_t{1} << 16;
std::array<std::atomic<std::uint64_t>, cells> versions{};
std::atomic<std::uint64_t> everyone{1};

std::atomic<std::uint64_t>& cell_of(const TenantId& tenant) noexcept {
    // The low half of an id is random, the high one is a time.
    return versions[(tenant.low ^ (tenant.low >> 32)) % cells];
}

}  // namespace

std::uint64_t version_of(const TenantId& tenant) noexcept {
    return cell_of(tenant).load(std::memory_order_acquire) + everyone.load(std::memory_order_acquire);
}

void moved(db::Tx& tx) {
    tx.on_commit([tenant = tx.scope().tenant()] { cell_of(tenant).fetch_add(1, std::memory_order_release); });
}

void all_moved() noexcept { everyone.fetch_add(1, std::memory_order_release); }

}  // namespace tenon::tenant::live
