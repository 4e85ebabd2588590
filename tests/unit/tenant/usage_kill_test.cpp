// What was answered as counted is counted once, however often and wherever who records it is killed.

#include <tenant/usage.hpp>

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>

namespace tenon::tenant::usage {
namespace {

constexpr int streams = 3, at_once = 20;

/// Batch `n` of a stream: always the same events, so that who begins again tells the same.
std::vector<UsageEvent> batch(int stream, std::int64_t n, Time base) {
    std::vector<UsageEvent> events;
    for (int i = 0; i < at_once; ++i) {
        const auto k = n * at_once + i;
        events.push_back({.source = "stream" + std::to_string(stream), .id = std::to_string(k), .meter = k % 3 ? "api_calls" : "scans",
                          .quantity = k % 7, .occurred_at = base - std::chrono::seconds(k % 5000), .site = k % 2 ? "north" : ""});
    }
    return events;
}

std::int64_t sum_of(std::int64_t batches, bool of_calls) {
    std::int64_t sum = 0;
    for (std::int64_t k = 0; k < batches * at_once; ++k)
        if ((k % 3 != 0) == of_calls) sum += k % 7;
    return sum;
}

/// Records batch by batch from where it stood; tells of each that was answered by a byte.
[[noreturn]] void record_until_killed(testing::Home& home, const std::vector<std::int64_t>& from, Time base, int told) {
    home.open();
    std::vector<std::thread> threads;
    for (int s = 0; s < streams; ++s)
        threads.emplace_back([&home, &from, base, told, s] {
            for (auto n = from[static_cast<std::size_t>(s)];; ++n) {
                home.write(home.a, [&](db::Tx& tx) { return usage::record(tx, batch(s, n, base), home.now()); });
                const char answer = static_cast<char>('0' + s);
                if (::write(told, &answer, 1) != 1) _exit(1);
            }
        });
    for (auto& thread : threads) thread.join();
    _exit(0);
}

TEST(UsageKill, NothingIsLostOrCountedTwiceByKill9) {
    testing::Home home;
    const auto base = home.now();
    std::vector<std::int64_t> answered(streams, 0);
    for (int round = 0; round < 8; ++round) {
        home.registry.reset();  // the child opens a store of its own
        home.database.reset();
        int pipe_ends[2];
        ASSERT_EQ(pipe(pipe_ends), 0);
        // A host that is killed knows of its last answer at most, and tells that batch and the one before again.
        auto from = answered;
        for (auto& n : from) n = std::max<std::int64_t>(0, n - 2);
        const auto child = fork();
        if (child == 0) record_until_killed(home, from, base, pipe_ends[1]);
        close(pipe_ends[1]);
        auto reached = from;
        char answer = 0;
        for (int i = 0; i < 10 + round * 5 && read(pipe_ends[0], &answer, 1) == 1; ++i) ++reached[static_cast<std::size_t>(answer - '0')];
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        while (read(pipe_ends[0], &answer, 1) == 1) ++reached[static_cast<std::size_t>(answer - '0')];
        close(pipe_ends[0]);
        for (std::size_t s = 0; s < streams; ++s) answered[s] = std::max(answered[s], reached[s]);
        home.open();
        Verifier verifier(*home.database, home.scope(home.a));
        while (verifier.step()) continue;
        const auto check = std::move(verifier).result();
        EXPECT_EQ(check.different, 0) << "round " << round;
        std::int64_t least = 0;
        for (const auto n : answered) least += n * at_once;
        EXPECT_GE(check.events, least) << "what was answered is durable";
        EXPECT_LE(check.events, least + streams * at_once) << "at most a batch each was under way";
        EXPECT_EQ(check.events % at_once, 0) << "all of a call or none";
    }
    // Told to the end, it is exactly what happened.
    std::int64_t calls = 0, scans = 0;
    for (int s = 0; s < streams; ++s) {
        const auto end = answered[static_cast<std::size_t>(s)] + 1;
        for (std::int64_t n = 0; n < end; ++n)
            home.write(home.a, [&](db::Tx& tx) { return usage::record(tx, batch(s, n, base), home.now()); });
        calls += sum_of(end, true);
        scans += sum_of(end, false);
    }
    home.read(home.a, [&](db::Reader& r) {
        for (const auto& sum : report(r, home.now()).meters) EXPECT_EQ(sum.quantity, sum.meter == "scans" ? scans : calls) << sum.meter;
        EXPECT_EQ(quota::get(r, Resource::api_calls, home.now()).used, calls);
    });
}

}  // namespace
}  // namespace tenon::tenant::usage
