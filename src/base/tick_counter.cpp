#include "tick_counter.hpp"

#include <base/ticks.hpp>

#include <algorithm>
#include <ctime>
#include <fstream>
#include <string>
#include <utility>

namespace tenon::base {
namespace {

// Nanoseconds. What is worked out lasts for at most four times what it was worked out from, so that a look that took so long as the
// slowest makes it wrong by two microseconds at most.
constexpr std::int64_t renewed = 100'000'000, least_span = 10'000'000, most_span = 10'000'000'000;
constexpr std::uint64_t slowest_look = 1'000;
constexpr int scale_bits = 30;
constexpr int looks = 5;

std::int64_t kernel_nanoseconds() noexcept {
    timespec ts{};
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return static_cast<std::int64_t>(ts.tv_sec) * 1'000'000'000 + ts.tv_nsec;
}

#if defined(__x86_64__)
std::uint64_t processor_ticks() noexcept { return __builtin_ia32_rdtsc(); }
constexpr const char* counter_name = "tsc";
#elif defined(__aarch64__)
std::uint64_t processor_ticks() noexcept {
    std::uint64_t ticks = 0;
    asm volatile("mrs %0, cntvct_el0"
                 : "=r"(ticks));
    return ticks;
}
constexpr const char* counter_name = "arch_sys_counter";
#else
std::uint64_t processor_ticks() noexcept { return 0; }
constexpr const char* counter_name = "none";
#endif

/// The kernel has found the counter to run evenly, and alike on every processor.
bool kernel_uses_it() {
    std::ifstream file("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    std::string name;
    return std::getline(file, name) && name == counter_name;
}

}  // namespace

TickCounter::TickCounter() : usable_(kernel_uses_it()) {}

std::int64_t TickCounter::nanoseconds() noexcept {
    if (!usable_) return kernel_nanoseconds();
    const auto turn = turn_.load(std::memory_order_acquire);
    const auto ticks = ticks_.load(std::memory_order_acquire), scale = scale_.load(std::memory_order_acquire);
    const auto at = at_.load(std::memory_order_acquire);
    const auto lasts = lasts_.load(std::memory_order_acquire);
    // A counter that went back has passed very much.
    const auto passed = processor_ticks() - ticks;
    if (passed >= lasts || turn % 2 != 0 || turn_.load(std::memory_order_relaxed) != turn) return renew();
    return at + static_cast<std::int64_t>(passed * scale >> scale_bits);
}

/// The best of a few: between two of the readings the thread may have lost the processor.
TickCounter::Mark TickCounter::look() noexcept {
    Mark best;
    for (int i = 0; i < looks; ++i) {
        const auto before = processor_ticks();
        const auto at = kernel_nanoseconds();
        const auto took = processor_ticks() - before;
        if (i == 0 || took < best.took) best = {.ticks = before + took / 2, .at = at, .took = took};
    }
    return best;
}

std::int64_t TickCounter::renew() noexcept {
    if (writing_.test_and_set(std::memory_order_acquire)) return kernel_nanoseconds();
    const auto at = measure();
    writing_.clear(std::memory_order_release);
    return at;
}

std::int64_t TickCounter::measure() noexcept {
    if (const auto now = kernel_nanoseconds(); first_.at != 0 && now - first_.at < least_span) return now;
    const auto mark = look();
    const auto before = std::exchange(first_, mark);
    const auto span = mark.at - before.at;
    if (before.at == 0 || span > most_span || mark.ticks <= before.ticks) return mark.at;
    const auto ticks = mark.ticks - before.ticks;
    const auto scale = (static_cast<std::uint64_t>(span) << scale_bits) / ticks;
    const bool sure = (mark.took * scale >> scale_bits) < slowest_look;
    const auto lasts = static_cast<std::uint64_t>(std::min(renewed, 4 * span));
    turn_.fetch_add(1, std::memory_order_acq_rel);
    ticks_.store(mark.ticks, std::memory_order_release);
    at_.store(mark.at, std::memory_order_release);
    scale_.store(scale, std::memory_order_release);
    lasts_.store(sure ? ticks * lasts / static_cast<std::uint64_t>(span) : 0, std::memory_order_release);
    turn_.fetch_add(1, std::memory_order_release);
    return mark.at;
}

std::int64_t nanoseconds(const Clock& clock) {
    static const Clock* const system = system_clock().get();  // which lives for ever
    static TickCounter counter;
    return &clock == system ? counter.nanoseconds() : std::chrono::nanoseconds(clock.monotonic()).count();
}

}  // namespace tenon::base
