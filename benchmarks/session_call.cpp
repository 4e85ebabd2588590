// Question: what does a call through a session cost that checks permission, state and a limit? Input: a home with that many
// tenants, two threads, each with a session of every tenant, which ask for tenants at random. First nothing else happens;
// then a third thread reserves and releases for tenants at random, which makes what is remembered of them stale.
//
//     bench_session_call [TENANTS] [SECONDS]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <latch>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <temp_folder.hpp>
#include <tenon/tenon.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;
using Watch = std::chrono::steady_clock;

constexpr int batch = 64;  // calls between two looks at the time, which costs as much as one of them

struct Caller {
    std::vector<Quotas> quotas;
    std::vector<float> nanoseconds;

    void run(std::uint32_t seed, std::latch& begun_all, const std::atomic<bool>& stop) {
        std::mt19937 random(seed);
        std::size_t room = 0;
        for (const auto& each : quotas) room += each.has_room({Resource::storage, 1});  // remembered from here on
        begun_all.arrive_and_wait();
        while (!stop) {
            const auto begun = Watch::now();
            for (int i = 0; i < batch; ++i) room += quotas[random() % quotas.size()].has_room({Resource::storage, 1});
            nanoseconds.push_back(static_cast<float>(std::chrono::nanoseconds(Watch::now() - begun).count()) / batch);
        }
        if (room == 0) std::puts("there was no room");
    }
};

void measure(const char* what, const char* goal, const char* how, std::vector<Caller>& callers, std::vector<Quotas>& changed,
             double seconds, bool changing) {
    std::atomic<bool> stop{false};
    std::latch begun(static_cast<std::ptrdiff_t>(callers.size()) + 1);
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < callers.size(); ++i) {
        callers[i].nanoseconds.clear();
        threads.emplace_back([&, i] { callers[i].run(static_cast<std::uint32_t>(i), begun, stop); });
    }
    begun.arrive_and_wait();
    if (changing)
        threads.emplace_back([&] {
            std::mt19937 random(9);
            while (!stop) changed[random() % changed.size()].reserve({.asks = {{Resource::storage, 1}}}).release();
        });
    std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
    stop = true;
    for (auto& thread : threads) thread.join();
    std::vector<float> all;
    for (const auto& caller : callers) all.insert(all.end(), caller.nanoseconds.begin(), caller.nanoseconds.end());
    std::sort(all.begin(), all.end());
    bench::line(what, goal, all[all.size() / 2], "ns", how);
    bench::line("  p99", "-", all[all.size() * 99 / 100], "ns", "of runs of 64 calls");
}

}  // namespace

int main(int argc, char** argv) {
    const int count = argc > 1 ? std::atoi(argv[1]) : 1'000;
    const double seconds = argc > 2 ? std::atof(argv[2]) : 5;
    const tests::TempFolder folder;
    Engine engine({.home = folder.path() / "home", .log_level = LogLevel::off});
    std::vector<TenantId> tenants(static_cast<std::size_t>(count));
    auto operators = engine.open_operator({.actor = "bench", .reason = "bench"});
    std::atomic<std::size_t> next = 0;
    {
        std::vector<std::jthread> makers;  // many at once, so that they share their syncs
        for (int i = 0; i < 64; ++i)
            makers.emplace_back([&] {
                for (auto n = next++; n < tenants.size(); n = next++)
                    tenants[n] = operators.tenants().create({.name = "t", .slug = "t" + std::to_string(n), .plan = "studio/basic"}).id;
            });
    }
    std::vector<Caller> callers(2);
    std::vector<Quotas> changed;
    const auto open = [&](std::vector<Quotas>& into) {
        for (const auto& id : tenants)
            into.push_back(engine.open_session({.tenant = id, .actor = "bench", .role = Role::owner}).quotas());
    };
    for (auto& caller : callers) open(caller.quotas);
    open(changed);
    std::printf("%d tenants, %zu threads\n", count, callers.size());
    measure("a session's quota check, p50", "<= 150 ns", "Quotas::has_room of a tenant at random: state, permission, limit; two threads", callers,
            changed, seconds, false);
    measure("the same while quotas change, p50", "-", "a third thread reserves and releases for tenants at random", callers, changed, seconds, true);
    return 0;
}
