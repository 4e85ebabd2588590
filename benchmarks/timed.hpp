#pragma once

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <base/clock.hpp>

namespace tenon::bench {

inline double seconds() { return static_cast<double>(base::system_clock()->monotonic().count()) / 1e6; }

/// A line of the table: what, the goal, the figure and its unit, the method.
inline void line(const char* what, const char* goal, double figure, const char* unit, const char* how) {
    std::printf("%-44s %-12s %12.1f %-6s %s\n", what, goal, figure, unit, how);
    std::fflush(stdout);
}

/// Processor time so far, in seconds, of the living threads of this process that have this name.
inline double time_of_threads(const std::string& name) {
    double sum = 0;
    for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
        std::string its;
        double nanoseconds = 0;
        if (std::getline(std::ifstream(task.path() / "comm"), its) && its == name && std::ifstream(task.path() / "schedstat") >> nanoseconds)
            sum += nanoseconds;
    }
    return sum / 1e9;
}

/// Processor time since it was made, in microseconds for each of so many operations.
class Spent {
public:
    explicit Spent(std::string thread) : name_(std::move(thread)) {}
    double by_thread(double operations) const { return (time_of_threads(name_) - thread_) / operations * 1e6; }
    double by_all(double operations) const { return (time_of_all() - all_) / operations * 1e6; }

private:
    static double time_of_all() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
    const std::string name_;
    const double thread_ = time_of_threads(name_), all_ = time_of_all();
};

/// Calls a second, and the waits that half and 99 of 100 calls stay below, in milliseconds.
struct Rate {
    double per_second = 0, p50 = 0, p99 = 0;
};

/// `callers` threads call again and again for `time` seconds; each call gets its thread's number and its own.
inline Rate rate(unsigned callers, double time, const std::function<void(unsigned, std::size_t)>& call) {
    std::vector<std::vector<float>> waits(callers);
    std::vector<std::thread> threads;
    const double begun = seconds();
    for (unsigned i = 0; i < callers; ++i)
        threads.emplace_back([&, i] {
            std::size_t n = 0;
            for (double now = seconds(); now - begun < time; ++n) {
                call(i, n);
                const double then = seconds();
                waits[i].push_back(static_cast<float>((then - now) * 1e3));
                now = then;
            }
        });
    for (auto& thread : threads) thread.join();
    const double took = seconds() - begun;
    std::vector<float> all;
    for (const auto& some : waits) all.insert(all.end(), some.begin(), some.end());
    std::ranges::sort(all);
    if (all.empty()) return {};
    return {static_cast<double>(all.size()) / took, all[all.size() / 2], all[all.size() * 99 / 100]};
}

}  // namespace tenon::bench
