// Several processes on one file, and processes that die.
#include <algorithm>
#include <atomic>
#include <cstring>
#include <set>
#include <thread>

#include <child_process.hpp>
#include <tenon/error.hpp>

#include "fixture.hpp"
#include "raw.hpp"

namespace tenon::db::testing {
namespace {

using tests::ChildProcess;

class Processes : public Store {
protected:
    std::map<std::string, std::string> settings() {
        return {{"TEST_STORE", options().file.string()}, {"TEST_TENANT", a.tenant().text()}, {"TEST_OTHER_TENANT", b.tenant().text()}};
    }
};

/// Writes pairs from many threads for ever and reports each pair that was acknowledged.
TEST(Part, DISABLED_writes_until_killed) {
    auto store = Database::open({.file = ChildProcess::setting("TEST_STORE")}, example_tables());
    const auto scope = ScopeMaker::tenant(TenantId::parse(ChildProcess::setting("TEST_TENANT")));
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&] {
            for (;;) {
                const auto now = base::system_clock()->now();
                const auto project = base::new_id<ProjectId>(now);
                store->write(scope, [&](Tx& tx) {
                    tx.exec(insert_project, project, project.text());
                    tx.exec(insert_asset, base::new_id<AssetId>(now), project, 1);
                });
                const auto bytes = base::bytes_of(project);
                ChildProcess::report(bytes.data(), bytes.size());
            }
        });
    for (auto& t : threads) t.join();
}

TEST_F(Processes, killed_in_the_middle_of_group_commits_twenty_times_every_answer_holds) {
    std::set<std::string> acknowledged;
    for (int round = 0; round < 20; ++round) {
        database.reset();
        {
            ChildProcess child("Part.DISABLED_writes_until_killed", settings());
            // A different number of answers each time, so that the kill falls into different moments.
            std::string reports = child.read(16 * static_cast<std::size_t>(20 + round * 37));
            reports += child.kill_and_drain();
            ASSERT_EQ(reports.size() % 16, 0u);
            for (std::size_t i = 0; i < reports.size(); i += 16) acknowledged.insert(reports.substr(i, 16));
        }
        reopen();
        static constexpr TenantStmt projects{"SELECT id FROM project WHERE tenant_id = :tenant"};
        static constexpr TenantStmt assets{"SELECT project_id FROM asset WHERE tenant_id = :tenant"};
        const auto ids = [&](const TenantStmt& stmt) {
            return database->read(a, [&](Reader& r) {
                std::multiset<std::string> all;
                auto rows = r.query(stmt);
                while (rows.next()) all.emplace(rows.blob_view(0).begin(), rows.blob_view(0).end());
                return all;
            });
        };
        const auto whole = ids(projects);
        ASSERT_EQ(whole, ids(assets)) << "half a pair, round " << round;
        ASSERT_TRUE(std::includes(whole.begin(), whole.end(), acknowledged.begin(), acknowledged.end())) << "round " << round;
    }
    EXPECT_GT(acknowledged.size(), 7000u);
    EXPECT_EQ(Raw(options().file).run("PRAGMA integrity_check").at(0), "ok");
}

TEST(Part, DISABLED_writes_two_hundred) {
    auto store = Database::open({.file = ChildProcess::setting("TEST_STORE")}, example_tables());
    const auto scope = ScopeMaker::tenant(TenantId::parse(ChildProcess::setting("TEST_OTHER_TENANT")));
    const auto system = ScopeMaker::system();
    ChildProcess::report("+", 1);
    for (int i = 0; i < 200; ++i) {
        const auto id = base::new_id<ProjectId>(base::system_clock()->now());
        store->write(scope, [&](Tx& tx) { tx.exec(insert_project, id, std::to_string(i)); });
        store->write(system, [&](SystemTx& tx) { advance_counter(tx, "shared"); });
    }
}

TEST_F(Processes, two_write_one_file_and_neither_starves_nor_loses) {
    ChildProcess child("Part.DISABLED_writes_two_hundred", settings());
    ASSERT_EQ(child.read(1), "+");
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 100; ++i) {
                add_project(a, fresh<ProjectId>().text());
                database->write(system, [&](SystemTx& tx) { advance_counter(tx, "shared"); });
            }
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(child.wait(), 0);
    EXPECT_EQ(count(a), 400);
    EXPECT_EQ(count(b), 200);
    EXPECT_EQ(database->write(system, [](SystemTx& tx) { return advance_counter(tx, "shared", 0); }), 600);
}

TEST_F(Processes, a_change_by_another_is_told_before_anything_builds_on_it_and_own_changes_are_not) {
    std::atomic<int> told = 0;
    auto watch = database->on_foreign_change([&] {
        ++told;
        told.notify_all();
    });
    for (int i = 0; i < 50; ++i) add_project(a, "own " + std::to_string(i));
    EXPECT_EQ(told, 0);

    ChildProcess child("Part.DISABLED_writes_two_hundred", settings());
    EXPECT_EQ(child.wait(), 0);
    int seen_inside = 0;
    database->write(a, [&](Tx&) { seen_inside = told; });
    EXPECT_GT(seen_inside, 0);

    // Without any write of ours the poll finds it.
    const int before = told;
    ChildProcess again("Part.DISABLED_writes_until_killed", settings());
    ASSERT_EQ(again.read(16).size(), 16u);
    again.kill();
    told.wait(before);
    EXPECT_GT(told, before);

    watch.reset();
    const int last = told;
    ChildProcess third("Part.DISABLED_writes_until_killed", settings());
    ASSERT_EQ(third.read(16).size(), 16u);
    third.kill();
    database->write(a, [](Tx&) {});
    EXPECT_EQ(told, last);
}

TEST_F(Processes, two_engines_of_one_process_share_a_file) {
    auto second = Database::open(options(), example_tables());
    std::vector<std::thread> threads;
    for (auto* store : {database.get(), second.get()})
        threads.emplace_back([&, store] {
            for (int i = 0; i < 100; ++i)
                store->write(a, [&](Tx& tx) {
                    const auto id = fresh<ProjectId>();
                    tx.exec(insert_project, id, id.text());
                });
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(count(a), 200);
}

}  // namespace
}  // namespace tenon::db::testing
