// Question: what does a rate check cost, with the clock that it asks? Input: calls of that many tenants, one thread and then two, which
// ask for tenants at random; and of one tenant, for which both ask at once. A call meets one rate, then three; nine of ten are let
// through, or all. Then the same as a host does it, through gates of a hundred sessions. Figures are processor time, the
// benchmark's own random numbers included.
//
//     bench_rates [TENANTS] [SECONDS]
#include <chrono>
#include <cstdlib>
#include <ctime>
#include <string>
#include <thread>
#include <vector>

#include <base/ticks.hpp>
#include <temp_folder.hpp>
#include <tenant/rates.hpp>
#include <tenon/tenon.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;
using namespace tenon::tenant;

constexpr int batch = 4096;  // calls between two looks at the time of the measurement

RateTerm term(RateScope kind, std::int64_t limit, const char* route = "") {
    return {.kind = kind, .route = route, .limit = limit, .window = std::chrono::seconds(60), .burst = limit, .interval = 60'000'000'000 / limit};
}

double processor_seconds() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

/// Processor time of admit(a random number), of each of so many threads.
template <class Admit>
double nanoseconds_per_check(unsigned threads, double time, const Admit& admit) {
    std::vector<double> each(threads);
    std::vector<std::thread> running;
    for (unsigned t = 0; t < threads; ++t)
        running.emplace_back([&, t] {
            std::uint64_t random = 88172645463325252ULL + t;
            std::int64_t calls = 0, allowed = 0;
            const double begun = processor_seconds();
            double took = 0;
            for (; took < time; took = processor_seconds() - begun)
                for (int i = 0; i < batch; ++i, ++calls) {
                    random ^= random << 13;
                    random ^= random >> 7;
                    random ^= random << 17;
                    allowed += admit(random);
                }
            each[t] = allowed < 0 ? 0 : took * 1e9 / static_cast<double>(calls);
        });
    for (auto& thread : running) thread.join();
    double sum = 0;
    for (const double one : each) sum += one;
    return sum / threads;
}

double limiter_check(rates::Limiter& limiter, const std::vector<RateTerm>& terms, unsigned threads, std::uint64_t tenants, double time) {
    static std::uint64_t others = 7;
    ++others;  // tenants whose buckets are empty
    std::vector<rates::Path> paths;
    for (std::uint64_t i = 0; i < tenants; ++i)
        paths.push_back(limiter.path_of(terms, {.tenant = {.high = others, .low = i}, .key = "key_01jd8wz3vfkq2m5n7p9r1s3t5v", .route = "upload"}));
    return nanoseconds_per_check(threads, time, [&](std::uint64_t random) { return limiter.admit(paths[random % tenants]); });
}

void through_sessions(double time) {
    const tests::TempFolder dir;
    Engine engine({.home = dir / "home", .background = false});
    auto operators = engine.open_operator({.actor = "bench", .reason = "bench rates"});
    std::vector<Session> sessions;
    std::vector<RateGate> gates;
    for (int i = 0; i < 100; ++i) {
        const auto number = std::to_string(i);
        const auto tenant = operators.tenants().create({.name = "T" + number, .slug = "t" + number, .plan = "business/enterprise"});
        sessions.push_back(engine.open_session({.tenant = tenant.id, .actor = "anna", .role = Role::owner}));
        gates.push_back(sessions.back().rates().gate());
    }
    const auto check = [&](unsigned threads, std::uint64_t count) {
        return nanoseconds_per_check(threads, time, [&](std::uint64_t random) { return gates[random % count].admit(); });
    };
    bench::line("through a gate, one session", "<= 50", check(1, 1), "ns", "one thread");
    bench::line("through gates, 100 sessions", "<= 50", check(2, 100), "ns", "two threads");
    bench::line("Rates::check(), with headers", "-", nanoseconds_per_check(1, time, [&](std::uint64_t random) {
                    return sessions[random % sessions.size()].rates().check().allowed;
                }),
                "ns", "one thread");
}

}  // namespace

int main(int argc, char** argv) {
    const auto tenants = static_cast<std::uint64_t>(argc > 1 ? std::atoll(argv[1]) : 100'000);
    const double time = argc > 2 ? std::atof(argv[2]) : 2;
    const std::vector tight{term(RateScope::tenant, 600)}, one{term(RateScope::tenant, 6'000'000'000)};
    const std::vector three{term(RateScope::tenant, 6'000'000'000), term(RateScope::key, 600'000'000),
                            term(RateScope::route, 600'000'000, "upload")};
    rates::Limiter limiter(base::system_clock());
    const auto how = std::to_string(tenants) + " tenants";
    const auto clock = base::system_clock();
    bench::line("the clock alone", "-", nanoseconds_per_check(1, time, [&](std::uint64_t) { return base::nanoseconds(*clock) & 1; }),
                "ns", "one thread");
    bench::line("a rate, one tenant", "<= 50", limiter_check(limiter, one, 1, 1, time), "ns", "one thread, let through");
    bench::line("a rate, one tenant", "<= 50", limiter_check(limiter, tight, 1, 1, time), "ns", "one thread, mostly refused");
    bench::line("a rate, a thousand tenants", "<= 50", limiter_check(limiter, one, 2, 1'000, time), "ns", "two threads");
    bench::line("a rate, tenants at random", "-", limiter_check(limiter, one, 2, tenants, time), "ns", ("two threads, " + how).c_str());
    bench::line("a rate, one tenant", "<= 50", limiter_check(limiter, one, 2, 1, time), "ns", "two threads at once");
    bench::line("three rates, a thousand tenants", "-", limiter_check(limiter, three, 2, 1'000, time), "ns", "two threads");
    through_sessions(time);
    return 0;
}
