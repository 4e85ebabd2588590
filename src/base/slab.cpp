#include <sys/mman.h>

#include <algorithm>
#include <new>
#include <utility>

#include <base/slab.hpp>

namespace tenon::base {
namespace {

// Few blocks shall not cost a large page.
constexpr std::size_t first_chunk = std::size_t{64} << 10, large_page = std::size_t{2} << 20;

#ifdef __SANITIZE_ADDRESS__
constexpr bool apart = true;  // each block from the heap, so that it is seen when one is used that was given back
#else
constexpr bool apart = false;
#endif

}  // namespace

Slab::Slab(std::size_t size, std::size_t alignment) : size_(std::max(size, sizeof(Free))), alignment_(std::max(alignment, alignof(Free))) {}

void* Slab::take() {
    if (apart) return ::operator new(size_, std::align_val_t{alignment_});
    const std::lock_guard lock(mutex_);
    if (free_) return std::exchange(free_, free_->next);
    if (static_cast<std::size_t>(end_ - next_) < size_) grow();
    return std::exchange(next_, next_ + size_);
}

void Slab::give(void* block) noexcept {
    if (origin_.is_elsewhere()) return;
    if (apart) return ::operator delete(block, std::align_val_t{alignment_});
    const std::lock_guard lock(mutex_);
    free_ = new (block) Free{free_};
}

std::size_t Slab::held() const {
    const std::lock_guard lock(mutex_);
    return held_;
}

void Slab::grow() {
    const bool first = chunks_.empty();
    const std::size_t unit = first ? std::max<std::size_t>(alignment_, 4096) : large_page;
    const std::size_t bytes = (std::max(first ? first_chunk : large_page, size_) + unit - 1) / unit * unit;
    chunks_.reserve(chunks_.size() + 1);
    std::unique_ptr<std::byte, Freed> chunk(static_cast<std::byte*>(std::aligned_alloc(unit, bytes)));
    if (!chunk) throw std::bad_alloc();
    if (!first) ::madvise(chunk.get(), bytes, MADV_HUGEPAGE);  // a wish: without large pages it is as fast as any memory
    next_ = chunk.get();
    end_ = next_ + bytes;
    held_ += bytes;
    chunks_.push_back(std::move(chunk));
}

}  // namespace tenon::base
