// What a batch of three leaves behind when the disk or the memory fails at any step of it.
#include "fault_fixture.hpp"

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

TEST_F(Faults, a_full_disk_at_any_write_fails_cleanly_and_passes) {
    int n = 1;
    for (int step = 1;; n += step, step += 2) {  // closely at first, then fewer of the hundreds alike
        const auto answers = three({.size = spills, .before_writes = [&] { FaultDisk::arm(FaultDisk::Step::write, n, SQLITE_FULL, false); }});
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
        const auto answers = three({.size = spills, .before_writes = [&] { FaultDisk::arm(FaultDisk::Step::write, n, SQLITE_FULL, true); }});
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
        const auto answers = three({.size = spills, .before_writes = [&] { FaultDisk::arm(FaultDisk::Step::write, n, SQLITE_IOERR_WRITE, true); }});
        for (const auto& answer : answers) EXPECT_FALSE(answer.done);
        for (const auto& answer : answers) EXPECT_EQ(answer.code, Errc::unavailable);
        expect_exactly_the_acknowledged();
    }
}

TEST_F(Faults, a_failed_sync_acknowledges_nobody) {
    const auto answers = three({.size = spills, .before_writes = [&] { FaultDisk::arm(FaultDisk::Step::sync, 1, SQLITE_IOERR_FSYNC, false); }});
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
        const auto answers = three({.before_writes = [&] { FaultMemory::left = n; }});
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

TEST_F(Faults, a_refusal_before_any_change_makes_nobody_run_again) {
    const auto answers = three({.wrong = 1, .early = true});
    EXPECT_TRUE(answers[0].done && answers[2].done);
    EXPECT_EQ(answers[1].code, Errc::permission_denied);
    for (const auto& count : ran) EXPECT_EQ(count, 1);
    expect_exactly_the_acknowledged();
}

TEST_F(Faults, a_refusal_after_a_change_makes_its_neighbours_run_again_once_in_many_groups) {
    const auto refuse = [&] {
        const auto answers = three({.wrong = 1});
        EXPECT_TRUE(answers[0].done && answers[2].done);
        EXPECT_EQ(answers[1].code, Errc::permission_denied);
        expect_exactly_the_acknowledged();
    };
    refuse();
    EXPECT_EQ(ran[0], 2);
    EXPECT_EQ(ran[1], 2);
    EXPECT_EQ(ran[2], 1) << "its turn had not come";
    for (int i = 0; i < 5; ++i) {
        refuse();
        for (const auto& count : ran) EXPECT_EQ(count, 1) << "each can be undone by itself now";
    }
    for (int i = 0; i < 64; ++i) add_project(a, std::to_string(i));
    expected += 64;
    database->write(system, [](SystemTx& tx) { tx.exec(SystemStmt("DELETE FROM project_")); });
    expected = 0;
    refuse();
    EXPECT_EQ(ran[0], 2) << "quiet for so long, they run without savepoints again";
}

TEST_F(Faults, what_is_left_to_be_done_before_a_commit_is_undone_with_its_write_alone) {
    static constexpr TenantStmt note{"UPDATE project_ SET note = coalesce(note, '') || 'x' WHERE tenant_id = :tenant"};
    add_project(a, "one");
    add_project(b, "two");
    const auto notes = [&](const TenantScope& scope) {
        static constexpr TenantStmt find{"SELECT coalesce(note, '') FROM project WHERE tenant_id = :tenant"};
        return database->read(scope, [](Reader& reader) {
            auto rows = reader.query(find);
            rows.next();
            return rows.text(0);
        });
    };
    const auto finish = [](Tx& tx) { tx.exec(note); };
    for (int i = 0; i < 3; ++i) {
        std::vector<std::thread> callers;
        for (int c = 0; c < 16; ++c)
            callers.emplace_back([&, c] {
                const auto write = [&](Tx& tx) {
                    tx.before_commit(finish);
                    if (c % 4 == 3) throw PermissionDenied("a rule of its own");
                };
                if (c % 4 == 3) EXPECT_THROW(database->write(b, write), PermissionDenied);
                else EXPECT_NO_THROW(database->write(a, write));
            });
        for (auto& caller : callers) caller.join();
    }
    EXPECT_GE(notes(a).size(), 1u);
    EXPECT_EQ(notes(b), "");
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
    }),
                 Error);
    FaultDisk::disarm();
    EXPECT_EQ(runs, 2);  // in the group, then alone
    EXPECT_EQ(count(a), 1);
}

}  // namespace
}  // namespace tenon::db::testing
