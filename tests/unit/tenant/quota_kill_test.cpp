#include <tenant/quota.hpp>

#include <csignal>
#include <thread>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <tenant_fixture.hpp>

#include "amounts.hpp"

namespace tenon::tenant::quota {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t piece = GB / 50;

constexpr db::SystemStmt open_holds{
    "SELECT coalesce(sum(amount), 0) FROM hold_ WHERE tenant_id = :id AND resource = :resource AND state = 1"};

/// Reserves and commits as fast as it can until it is killed; a byte goes to `told` for each answer it got.
[[noreturn]] void spend_until_killed(testing::Home& home, int told) {
    home.open();
    std::vector<std::thread> threads;
    for (int t = 0; t < 2; ++t)
        threads.emplace_back([&home, told, t] {
            for (std::int64_t i = 0;; ++i) {
                const auto hold = home.fresh<HoldId>();
                const ReserveOptions options{.asks = {{Resource::storage, piece}}};
                const bool granted =
                    home.write(home.a, [&](db::Tx& tx) { return quota::try_reserve(tx, hold, options, home.now()).has_value(); });
                if (granted && (i + t) % 2 == 0)
                    home.write(home.a, [&](db::Tx& tx) { quota::commit(tx, hold, {{Resource::storage, piece}}, home.now()); });
                const char answer = granted ? 'y' : 'n';
                if (::write(told, &answer, 1) != 1) _exit(1);
            }
        });
    for (auto& thread : threads) thread.join();
    _exit(0);
}

/// Kills the child once it has told of `answers` answers; how many of all that it told were grants.
int granted_before_kill(pid_t child, int told, int answers) {
    int granted = 0;
    char answer = 0;
    for (int i = 0; i < answers && read(told, &answer, 1) == 1; ++i) granted += answer == 'y';
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    while (read(told, &answer, 1) == 1) granted += answer == 'y';
    return granted;
}

TEST(QuotaKill, NothingIsOversoldOrLeakedByKill9) {
    testing::Home home;
    for (int round = 0; round < 6; ++round) {
        home.registry.reset();  // the child opens a store of its own
        home.database.reset();
        int pipe_ends[2];
        ASSERT_EQ(pipe(pipe_ends), 0);
        const auto child = fork();
        if (child == 0) spend_until_killed(home, pipe_ends[1]);
        close(pipe_ends[1]);
        const auto granted = granted_before_kill(child, pipe_ends[0], 15 + round * 13);
        close(pipe_ends[0]);
        home.open();
        const auto storage = home.read(home.a, [&](db::Reader& r) { return quota::get(r, Resource::storage, home.now()); });
        EXPECT_LE(storage.used + storage.reserved, 10 * GB);
        EXPECT_GE(storage.used + storage.reserved, granted * piece) << "what was answered is durable";
        EXPECT_GT(granted, 0) << "round " << round;
        const auto held = home.database->read(home.system, [&](db::SystemReader& r) {
            auto rows = r.query(open_holds, home.a, Resource::storage);
            rows.next();
            return rows.i64(0);
        });
        EXPECT_EQ(storage.reserved, held);
        home.clock->advance(11min);
        quota::expire(*home.database, home.system, [&](const TenantId& id) { return home.scope(id); }, home.now());
        const auto after = home.read(home.a, [&](db::Reader& r) { return quota::get(r, Resource::storage, home.now()); });
        EXPECT_EQ(after.reserved, 0) << "nothing stays behind";
        EXPECT_EQ(after.used, storage.used);
        if (after.used > 0) home.write(home.a, [&](db::Tx& tx) { quota::free(tx, {Resource::storage, after.used}, home.now()); });
    }
}

}  // namespace
}  // namespace tenon::tenant::quota
