// Question: what does a rate check cost, with the clock that it asks? Input: buckets of that many tenants, one thread and then two,
// which ask for tenants at random; and of one tenant, for which both ask at once. Each call meets one rate, then three. The figures are
// processor time, the benchmark's own random numbers included.
//
//     bench_rates [TENANTS] [SECONDS]
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <base/clock.hpp>
#include <tenant/rates.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;
using namespace tenon::tenant;

constexpr int batch = 256;  // calls between two looks at the time of the measurement

RateTerm term(RateScope kind, std::int64_t limit, const char* route = "") {
    return {.kind = kind, .route = route, .limit = limit, .window = std::chrono::seconds(60), .burst = limit,
            .interval = 60'000'000'000 / limit};
}

double processor_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

double nanoseconds_per_check(rates::Limiter& limiter, const std::vector<RateTerm>& terms, unsigned threads, std::uint64_t tenants, double time) {
    std::vector<double> each(threads);
    std::vector<std::thread> running;
    const auto clock = base::system_clock();
    for (unsigned t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            std::mt19937_64 random(t);
            std::int64_t calls = 0, allowed = 0;
            const double begun = processor_seconds();
            double took = 0;
            for (; took < time; took = processor_seconds() - begun)
                for (int i = 0; i < batch; ++i, ++calls) {
                    const rates::Call call{.tenant = {.high = 7, .low = random() % tenants},
                                           .key = "key_01jd8wz3vfkq2m5n7p9r1s3t5v",
                                           .route = "upload"};
                    const std::int64_t now = std::chrono::nanoseconds(clock->monotonic()).count();
                    allowed += limiter.take(terms, call, now).allowed;
                }
            each[t] = allowed < 0 ? 0 : took * 1e9 / static_cast<double>(calls);
        });
    for (auto& thread : running) thread.join();
    double sum = 0;
    for (const double one : each) sum += one;
    return sum / threads;
}

}  // namespace

int main(int argc, char** argv) {
    const auto tenants = static_cast<std::uint64_t>(argc > 1 ? std::atoll(argv[1]) : 100'000);
    const double time = argc > 2 ? std::atof(argv[2]) : 2;
    const std::vector one{term(RateScope::tenant, 600)};
    const std::vector three{term(RateScope::tenant, 600), term(RateScope::key, 300), term(RateScope::route, 60, "upload")};
    rates::Limiter limiter;
    const auto how = std::to_string(tenants) + " tenants";
    bench::line("a rate, one tenant", "<= 50", nanoseconds_per_check(limiter, one, 1, 1, time), "ns", "one thread");
    bench::line("a rate, a thousand tenants", "<= 50", nanoseconds_per_check(limiter, one, 2, 1'000, time), "ns", "two threads");
    bench::line("a rate, tenants at random", "<= 50", nanoseconds_per_check(limiter, one, 2, tenants, time), "ns", ("two threads, " + how).c_str());
    bench::line("a rate, one tenant", "<= 50", nanoseconds_per_check(limiter, one, 2, 1, time), "ns", "two threads at once");
    bench::line("three rates, tenants at random", "-", nanoseconds_per_check(limiter, three, 2, tenants, time), "ns", how.c_str());
    return 0;
}
