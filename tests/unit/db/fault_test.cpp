// What a batch of three leaves behind when the disk or the memory fails at any step of it.
#include <atomic>
#include <thread>

#include <tenon/error.hpp>

#include <fault_disk.hpp>
#include "fixture.hpp"
#include "raw.hpp"

namespace tenon::db::testing {
namespace {

/// SQLite's allocator with a fuse for one thread. Installed before SQLite starts, which is before any test.
struct FaultMemory {
    static inline sqlite3_mem_methods real{};
    static inline thread_local int left = 0;  ///< The n-th allocation of this thread fails.
    static inline std::atomic<int> fired = 0;

    static bool fails() { return left > 0 && --left == 0 && ++fired; }
    static void* allocate(int n) { return fails() ? nullptr : real.xMalloc(n); }
    static void* resize(void* p, int n) { return fails() ? nullptr : real.xRealloc(p, n); }

    FaultMemory() {
        sqlite3_config(SQLITE_CONFIG_GETMALLOC, &real);
        sqlite3_mem_methods shim = real;
        shim.xMalloc = allocate;
        shim.xRealloc = resize;
        // Without lookaside buffers every small allocation is a chance to fail.
        sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0);
        sqlite3_config(SQLITE_CONFIG_MALLOC, &shim);
    }
} const fault_memory;

class Faults : public Store {
protected:

    void SetUp() override {
        FaultDisk::install();
        Store::SetUp();
    }
    void TearDown() override {
        FaultDisk::disarm();
        Store::TearDown();
    }

    static constexpr std::size_t spills = 1'200'000;  // three of them outgrow the page cache: statements meet the disk

    struct Answer {
        bool done = false;
        Errc code = Errc::internal_error;
    };

    /// Three writes of two tenants in one group: each adds a project and its asset. `arm` runs on the writer's thread
    /// just before them.
    std::array<Answer, 3> three(const std::function<void()>& arm, std::size_t size = spills) {
        static constexpr TenantStmt insert_big{"INSERT INTO project_ (tenant_id, id, name, note) VALUES (:tenant, :id, :name, :note)"};
        std::array<Answer, 3> answers;
        std::array<ProjectId, 3> projects;
        std::array<AssetId, 3> assets;
        for (auto& id : projects) id = fresh<ProjectId>();
        for (auto& id : assets) id = fresh<AssetId>();
        const std::string big(size, 'x');
        std::atomic<bool> armed = false, inside = false;
        std::thread blocker([&] {
            database->write(system, [&](SystemTx&) {
                inside = true;
                inside.notify_all();
                while (database->stats().waiting < 3) std::this_thread::yield();
                // Past the group's time, so that the three make up the next group by themselves.
                const auto begun = base::system_clock()->monotonic();
                while (base::system_clock()->monotonic() - begun < std::chrono::milliseconds(3)) std::this_thread::yield();
            });
        });
        inside.wait(false);
        std::vector<std::thread> callers;
        for (std::size_t i = 0; i < 3; ++i)
            callers.emplace_back([&, i] {
                try {
                    database->write(i == 1 ? b : a, [&](Tx& tx) {
                        if (!armed.exchange(true)) arm();
                        tx.exec(insert_big, projects[i], projects[i].text(), big);
                        tx.exec(insert_asset, assets[i], projects[i], 1);
                    });
                    answers[i].done = true;
                } catch (const Error& error) {
                    answers[i].code = error.code();
                }
            });
        blocker.join();
        for (auto& caller : callers) caller.join();
        FaultDisk::disarm();
        expected += (answers[0].done + answers[1].done + answers[2].done);
        return answers;
    }

    /// Acknowledged means there, refused means gone, and nothing is there by half.
    void expect_exactly_the_acknowledged() {
        EXPECT_EQ(count(a) + count(b), expected);
        Raw raw(options().file);
        EXPECT_EQ(raw.run("SELECT count(*) FROM asset_").at(0), std::to_string(expected));
        const auto* whole = "SELECT count(*) FROM project_ p JOIN asset_ x USING (tenant_id) WHERE x.project_id = p.id";
        EXPECT_EQ(raw.run(whole).at(0), std::to_string(expected));
        EXPECT_EQ(raw.run("PRAGMA integrity_check").at(0), "ok");
        database->write(system, [](SystemTx& tx) {
            tx.exec(SystemStmt("DELETE FROM asset_"));
            tx.exec(SystemStmt("DELETE FROM project_"));
        });
        expected = 0;
    }

    std::int64_t expected = 0;
};

TEST_F(Faults, a_full_disk_at_any_write_fails_cleanly_and_passes) {
    int n = 1;
    for (int step = 1;; n += step, step += 2) {  // closely at first, then fewer of the hundreds alike
        const auto answers = three([&] { FaultDisk::arm(FaultDisk::Step::write, n, SQLITE_FULL, false); });
        const bool fired = FaultDisk::fired() > 0;
        // One failed write breaks the group; each of the three succeeds when it runs again alone.
        for (const auto& answer : answers) EXPECT_TRUE(answer.done) << "write " << n << ": " << to_string(answer.code);
        expect_exactly_the_acknowledged();
        if (!fired) break;
    }
    EXPECT_GT(n, 10);
    EXPECT_GT(database->stats().replays, 0);
}

TEST_F(Faults, a_disk_that_stays_full_refuses_all_three_and_recovers) {
    for (const int n : {1, 2, 3, 50, 400, 700, 900}) {
        const auto answers = three([&] { FaultDisk::arm(FaultDisk::Step::write, n, SQLITE_FULL, true); });
        for (const auto& answer : answers) {
            EXPECT_TRUE(answer.done || answer.code == Errc::no_space) << to_string(answer.code);
        }
        EXPECT_FALSE(answers[0].done && answers[1].done && answers[2].done);
        expect_exactly_the_acknowledged();
    }
    add_project(a, "room again");
    EXPECT_EQ(count(a), 1);
}

TEST_F(Faults, a_failing_disk_fails_everybody_in_the_group) {
    for (const int n : {1, 2, 3, 50, 400, 700}) {
        const auto answers = three([&] { FaultDisk::arm(FaultDisk::Step::write, n, SQLITE_IOERR_WRITE, true); });
        for (const auto& answer : answers) EXPECT_FALSE(answer.done);
        for (const auto& answer : answers) EXPECT_EQ(answer.code, Errc::unavailable);
        expect_exactly_the_acknowledged();
    }
}

TEST_F(Faults, a_failed_sync_acknowledges_nobody) {
    const auto answers = three([&] { FaultDisk::arm(FaultDisk::Step::sync, 1, SQLITE_IOERR_FSYNC, false); });
    EXPECT_EQ(FaultDisk::fired(), 1);
    for (const auto& answer : answers) EXPECT_FALSE(answer.done);
    expect_exactly_the_acknowledged();
    add_project(a, "afterwards");
    reopen();
    EXPECT_EQ(count(a) + count(b), 1);
}

TEST_F(Faults, memory_that_runs_out_at_any_allocation_leaves_nothing_by_half) {
    const int before = FaultMemory::fired;
    int n = 1;
    for (int step = 1;; n += 1 + step++ / 8) {
        FaultMemory::fired = 0;
        // The fuse is the writer thread's own: the writes run there.
        const auto answers = three([&] { FaultMemory::left = n; }, 10);
        const bool fired = FaultMemory::fired > 0;
        database->write(system, [](SystemTx&) { FaultMemory::left = 0; });
        for (const auto& answer : answers) {
            EXPECT_TRUE(answer.done || answer.code == Errc::unavailable) << "allocation " << n << ": " << to_string(answer.code);
        }
        expect_exactly_the_acknowledged();
        if (!fired) break;
    }
    EXPECT_GT(n, 30);
    FaultMemory::fired = before;
}

TEST_F(Faults, a_function_that_swallows_a_lost_transaction_commits_nothing) {
    // The disk fills in the middle; the function catches the error and writes on. What it writes must not commit itself.
    std::atomic<int> runs = 0;
    const std::string big(4'000'000, 'x');
    static constexpr TenantStmt set_note{"UPDATE project_ SET note = :note WHERE tenant_id = :tenant AND id = :id"};
    const auto id = add_project(a, "reel");
    expected = 1;
    EXPECT_THROW(database->write(a, [&](Tx& tx) {
        ++runs;
        FaultDisk::arm(FaultDisk::Step::write, 1, SQLITE_FULL, true);
        try {
            tx.exec(set_note, big, id);
        } catch (const NoSpace&) {
        }
        tx.exec(insert_project, fresh<ProjectId>(), "after the end");
    }), Error);
    FaultDisk::disarm();
    EXPECT_EQ(runs, 2);  // in the group, then alone
    EXPECT_EQ(count(a), 1);
}

}  // namespace
}  // namespace tenon::db::testing
