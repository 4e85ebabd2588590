// Checks beside whatever goes on: of a repository that is sound at each moment none finds anything wrong.
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <mutex>
#include <random>
#include <thread>

#include <backup/parity_store.hpp>
#include <backup/rekey.hpp>
#include <backup/retention.hpp>
#include <new_seed.hpp>

#include "copies_fixture.hpp"

namespace tenon::tests {
namespace {

using namespace backup;
namespace fs = std::filesystem;

class CheckBeside : public CopiesTest {
protected:
    using OpenOne = std::function<std::unique_ptr<Repository>()>;

    /// Writers who forget, collectors who write everything anew and look right behind it, and checks of each depth, until the writers
    /// have made so many rounds and the time is over. Each of them has a repository and a store of its own, as processes have.
    void run(const OpenOne& open_one, bool rotates, int rounds);
};

void CheckBeside::run(const OpenOne& open_one, bool rotates, int rounds) {
    const auto seed = new_seed();
    const auto until = std::chrono::steady_clock::now() + std::chrono::minutes(std::getenv("TENON_KILLS") ? 10 : 0);
    std::atomic<int> working{2}, written{0}, pruned{0}, checked{0}, rotated{0};
    std::mutex mutex;
    std::vector<std::string> failures;  // guarded by mutex
    const auto failed = [&](const std::string& what) {
        const std::lock_guard lock(mutex);
        failures.push_back(what);
    };
    /// Whoever holds keys that are no longer the newest opens the repository again, as the engine does.
    const auto guarded = [&](const char* who, const std::function<void(Repository&)>& work, const std::function<bool()>& goes_on) {
        std::unique_ptr<Repository> mine;
        try {
            while (goes_on()) {
                try {
                    if (!mine) mine = open_one();
                    work(*mine);
                } catch (const KeysChanged&) {
                    mine.reset();
                }
            }
        } catch (const Error& error) {
            failed(std::string(who) + ": " + error.what() + " " + error.subject());
        }
    };
    const auto is_busy = [&] { return working > 0; };
    const auto look = [&](Repository& repository, CheckDepth depth, const std::string& when) {
        const auto problems = all(check(repository, depth).problems);
        if (!problems.empty()) failed(when + ": " + problems);
        ++checked;
    };
    {
        std::vector<std::jthread> threads;
        for (int w = 0; w < 2; ++w)
            threads.emplace_back([&, w] {
                std::mt19937 random(seed + static_cast<unsigned>(w));
                const auto from = folder / ("source" + std::to_string(w));
                auto wanted = request();
                wanted.name = "writer" + std::to_string(w);
                wanted.sources = {{.name = "", .path = from}};
                std::vector<SnapshotId> kept;
                int round = 0;
                guarded(
                    "writer",
                    [&](Repository& mine) {
                        fs::remove_all(from);
                        for (int i = 0; i < 12; ++i) {
                            std::string content(20'000 + 1000 * (random() % 7), static_cast<char>('a' + random() % 5));
                            write(from / std::to_string(i % 4) / std::to_string(i), content + std::to_string(random() % 30));
                        }
                        kept.push_back(mine.backup(wanted, free_ledger(), exec::no_progress(), {}).snapshot.id);
                        ++written;
                        ++round;
                        if (kept.size() < 3) return;
                        const auto old = kept.front();
                        kept.erase(kept.begin());
                        forget(mine, {old}, {});
                    },
                    [&] { return round < rounds || std::chrono::steady_clock::now() < until; });
                --working;
            });
        for (int c = 0; c < 2; ++c)
            threads.emplace_back([&] {
                guarded(
                    "collector",
                    [&](Repository& mine) {
                        prune(mine, {.unused_percent = 0, .look_again = std::chrono::milliseconds(1), .most_records = 4}, exec::no_progress(), {});
                        ++pruned;
                        look(mine, CheckDepth::structure, "right behind a prune");
                    },
                    is_busy);
            });
        for (const auto depth : {CheckDepth::structure, CheckDepth::objects, CheckDepth::full})
            threads.emplace_back([&, depth] {
                guarded("checker", [&](Repository& mine) { look(mine, depth, "depth " + std::to_string(static_cast<int>(depth))); }, is_busy);
            });
        if (rotates)
            threads.emplace_back([&] {
                guarded(
                    "rotator",
                    [&](Repository& mine) {
                        mine.rotate_data_key();
                        RekeyRequest wanted;
                        wanted.look_again = std::chrono::milliseconds(1);
                        const auto fresh = open_one();
                        rekey(*fresh, wanted, exec::no_progress(), {});
                        ++rotated;
                    },
                    is_busy);
            });
    }
    EXPECT_EQ(all(failures), "");
    auto repository = open_one();
    prune(*repository, {.unused_percent = 0, .most_records = 1}, exec::no_progress(), {});
    EXPECT_EQ(all(check(*repository).problems), "");
    std::cout << written << " backups, " << pruned << " prunes, " << rotated << " rotations, " << checked << " checks" << std::endl;
}

TEST_F(CheckBeside, prunes_that_write_packs_anew_nothing_is_missing) {
    const auto with_parity = [this] { return std::make_shared<ParityStore>(store(), Parity::thin); };
    (void)Repository::create(with_parity(), vault(), key(), "host", options);
    run([&] { return Repository::open(with_parity(), vault(), key(), options); }, false, 8);
}

TEST_F(CheckBeside, rotations_of_data_keys_nothing_is_missing) {
    const auto with_parity = [this] { return std::make_shared<ParityStore>(store(), Parity::thin); };
    (void)Repository::create(with_parity(), vault(), key(), "host", options);
    run([&] { return Repository::open(with_parity(), vault(), key(), options); }, true, 8);
}

TEST_F(CheckBeside, several_stores_nothing_is_missing) {
    const auto many_stores = [this] {
        std::vector<blob::OtherStore> fresh{{.name = "a", .open = as_is(files("a"))}, {.name = "b", .open = as_is(files("b"))}};
        return std::make_shared<blob::ManyStores>(std::make_shared<ParityStore>(store(), Parity::none), std::move(fresh), base::system_clock(),
                                                  patience);
    };
    (void)Repository::create(many_stores(), vault(), key(), "host", options);
    std::jthread copier([&](const std::stop_token& stop) {
        while (!stop.stop_requested()) {
            const auto repository = Repository::open(many_stores(), vault(), key(), options);
            (void)catch_up(*repository);
        }
    });
    run([&] { return Repository::open(many_stores(), vault(), key(), options); }, false, 6);
    copier.request_stop();
}

}  // namespace
}  // namespace tenon::tests
