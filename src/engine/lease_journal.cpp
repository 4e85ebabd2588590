#include "lease_journal.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include <fcntl.h>
#include <sys/mman.h>

#include "workspace.hpp"

namespace tenon::engine {
namespace {

using Cell = LeaseJournal::Cell;

constexpr std::size_t cell_count = 1023, head_size = 64, journal_size = head_size + cell_count * sizeof(Cell);
constexpr std::string_view journal_ending = ".cells";

/// What a journal begins with that was written since the machine was started.
std::string journal_head() {
    std::string head = "TNLEASE1";
    for (const auto c : base::read_file("/proc/sys/kernel/random/boot_id", 64))
        if (c != '-' && c != '\n') head += static_cast<char>(c);
    head.resize(head_size, '\0');
    return head;
}

std::vector<LeaseJournal::Found> leases_in(const base::ByteVector& journal) {
    const auto head = journal_head();
    if (journal.size() != journal_size || !std::equal(head.begin(), head.end(), journal.begin())) return {};
    std::vector<LeaseJournal::Found> list;
    for (std::size_t at = head_size; at < journal_size; at += sizeof(Cell)) {
        const auto word = [&](std::size_t n) { return base::load_le<std::uint64_t>(journal.data() + at + 8 * n); };
        if (word(0) != 1) continue;
        list.push_back({.tenant = {.high = word(1), .low = word(2)},
                        .lease = {.high = word(3), .low = word(4)},
                        .spent = static_cast<std::int64_t>(word(5))});
    }
    return list;
}

}  // namespace

LeaseJournal::~LeaseJournal() {
    if (memory_) munmap(memory_, journal_size);
}

void LeaseJournal::make(const HoldId& first) {
    make_private_folder(folder_);
    const auto file = folder_ / (first.text() + std::string(journal_ending));
    auto lock = base::FileLock::try_acquire(file);
    if (!lock) throw Unavailable("the journal of leases is being looked at", {.subject = file.string()});
    const auto fd = base::open_file(file, O_RDWR | O_CLOEXEC);
    // Before it is written through memory, where a full disk would be a signal.
    const int error = posix_fallocate(fd.get(), 0, journal_size);
    if (error != 0) base::throw_errno("cannot make the journal of leases", file.string(), error);
    const auto head = journal_head();
    base::pwrite_all(fd, {reinterpret_cast<const std::uint8_t*>(head.data()), head.size()}, 0, file.string());
    void* const memory = mmap(nullptr, journal_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
    if (memory == MAP_FAILED) base::throw_errno("cannot map the journal of leases", file);
    memory_ = memory;
    cells_ = reinterpret_cast<Cell*>(static_cast<char*>(memory) + head_size);
    file_ = file;
    lock_ = std::move(lock);
}

LeaseJournal::Cell* LeaseJournal::open(const TenantId& tenant, const HoldId& lease) {
    const std::lock_guard guard(mutex_);
    if (!cells_) make(lease);
    for (std::size_t i = 0; i < cell_count; ++i) {
        auto& cell = cells_[i];
        if (cell.state.load(std::memory_order_acquire) != 0) continue;
        cell.tenant = {tenant.high, tenant.low};
        cell.lease = {lease.high, lease.low};
        cell.spent.store(0, std::memory_order_relaxed);
        cell.state.store(1, std::memory_order_release);
        return &cell;
    }
    return nullptr;
}

void LeaseJournal::close(Cell* cell) noexcept {
    if (cell) cell->state.store(0, std::memory_order_release);
}

void LeaseJournal::remove() noexcept {
    const std::lock_guard guard(mutex_);
    if (!lock_) return;
    std::error_code ignored;
    std::filesystem::remove(file_, ignored);
    lock_.reset();
}

void LeaseJournal::recover(const std::function<void(const Found&)>& settle) const {
    std::error_code none;
    std::exception_ptr first;
    for (const auto& entry : std::filesystem::directory_iterator(folder_, none)) {
        const auto file = entry.path();
        if (file.extension() != journal_ending) continue;
        const auto lock = base::FileLock::try_acquire(file);
        if (!lock) continue;  // its engine lives
        const auto journal = base::read_file(file, 2 * journal_size);
        if (journal.empty()) continue;  // it is being made
        try {
            for (const auto& found : leases_in(journal)) settle(found);
            std::filesystem::remove(file);
        } catch (const Closed&) {
            throw;
        } catch (const std::exception&) {
            if (!first) first = std::current_exception();
        }
    }
    if (first) std::rethrow_exception(first);
}

}  // namespace tenon::engine
