#pragma once

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <vector>

#include <base/process_mark.hpp>

namespace tenon::base {

/// Memory in blocks of one size, close together and, from the second chunk on, on the kernel's large pages where it has some to
/// give. Whoever goes at random through a hundred thousand of them would else miss the page table with every one.
///
/// What was given back is taken again; the memory itself goes back with the slab.
/// Threads  any. In a forked child nothing is given back, since a lock may stay locked there.
class Slab {
public:
    /// `size` is a multiple of `alignment`, a power of two and at most a page.
    Slab(std::size_t size, std::size_t alignment);
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    /// Throws std::bad_alloc.
    void* take();
    void give(void* block) noexcept;

    /// What the chunks are, in bytes, used or not.
    std::size_t held() const;

private:
    struct Free {
        Free* next;
    };
    struct Freed {
        void operator()(std::byte* chunk) const noexcept { std::free(chunk); }
    };

    void grow();

    const std::size_t size_, alignment_;
    const ProcessMark origin_;
    mutable std::mutex mutex_;
    std::vector<std::unique_ptr<std::byte, Freed>> chunks_;
    std::byte *next_ = nullptr, *end_ = nullptr;  // of the newest chunk: never used yet
    Free* free_ = nullptr;
    std::size_t held_ = 0;
};

}  // namespace tenon::base
