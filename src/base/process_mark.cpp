#include <base/process_mark.hpp>

#include <cstddef>

#include <sys/mman.h>
#include <unistd.h>

namespace tenon::base {
namespace {

std::size_t page_size() noexcept { return static_cast<std::size_t>(sysconf(_SC_PAGESIZE)); }

}  // namespace

ProcessMark::ProcessMark() noexcept {
    void* const page = mmap(nullptr, page_size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return;
    if (madvise(page, page_size(), MADV_WIPEONFORK) != 0) {
        munmap(page, page_size());
        return;
    }
    *static_cast<std::uint8_t*>(page) = 1;
    page_ = static_cast<const std::uint8_t*>(page);
}

ProcessMark::~ProcessMark() {
    if (page_) munmap(const_cast<std::uint8_t*>(page_), page_size());
}

}  // namespace tenon::base
