#pragma once

#include <cstdint>

namespace tenon::base {

/// Remembers in which process it was made, so that a fork of it can tell that it is another one. Costs one read of memory,
/// no system call and no handler of forks: the mark is a page that the kernel hands to a child wiped.
class ProcessMark {
public:
    ProcessMark() noexcept;
    ~ProcessMark();
    ProcessMark(const ProcessMark&) = delete;
    ProcessMark& operator=(const ProcessMark&) = delete;

    /// False too where the kernel cannot wipe pages (Linux before 4.14).
    bool is_elsewhere() const noexcept { return page_ && *page_ == 0; }

private:
    const volatile std::uint8_t* page_ = nullptr;
};

}  // namespace tenon::base
