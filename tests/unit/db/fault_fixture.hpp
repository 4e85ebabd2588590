#pragma once

#include <array>
#include <atomic>
#include <functional>
#include <thread>
#include <vector>

#include <tenon/error.hpp>

#include <fault_disk.hpp>
#include "fixture.hpp"
#include "raw.hpp"

namespace tenon::db::testing {

/// Groups of three writes of two tenants, and what a fault at any step of one leaves behind.
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
    static constexpr std::size_t fits = 10;

    struct Answer {
        bool done = false;
        Errc code = Errc::internal_error;
    };
    struct Group {
        std::size_t size = fits;                   ///< Bytes of each row.
        std::size_t wrong = 3;                     ///< Which of the three is refused by a rule of its own, if any.
        bool early = false;                        ///< That one is refused before it changes anything.
        std::function<void()> before_group = {};   ///< Runs on the writer's thread before the group's BEGIN,
        std::function<void()> before_writes = {};  ///< … before the first write of it.
    };

    /// Three writes in one group, in this order: each adds a project and its asset.
    std::array<Answer, 3> three(const Group& group) {
        static constexpr TenantStmt insert_big{"INSERT INTO project_ (tenant_id, id, name, note) VALUES (:tenant, :id, :name, :note)"};
        std::array<Answer, 3> answers;
        for (auto& count : ran) count = 0;
        std::array<ProjectId, 3> projects;
        std::array<AssetId, 3> assets;
        for (auto& id : projects) id = fresh<ProjectId>();
        for (auto& id : assets) id = fresh<AssetId>();
        const std::string big(group.size, 'x');
        std::atomic<bool> armed = false, inside = false;
        std::thread blocker([&] {
            database->write(system, [&](SystemTx&) {
                inside = true;
                inside.notify_all();
                await_waiting(3);
                // Past the group's time, so that the three make up the next group by themselves.
                const auto begun = base::system_clock()->monotonic();
                while (base::system_clock()->monotonic() - begun < std::chrono::milliseconds(3)) std::this_thread::yield();
                if (group.before_group) group.before_group();
            });
        });
        inside.wait(false);
        std::vector<std::thread> callers;
        for (std::size_t i = 0; i < 3; ++i) {
            callers.emplace_back([&, i] {
                try {
                    database->write(i == 1 ? b : a, [&](Tx& tx) {
                        if (group.before_writes && !armed.exchange(true)) group.before_writes();
                        ++ran[i];
                        if (i == group.wrong && group.early) throw PermissionDenied("a rule of its own");
                        tx.exec(insert_big, projects[i], projects[i].text(), big);
                        tx.exec(insert_asset, assets[i], projects[i], 1);
                        if (i == group.wrong) throw PermissionDenied("a rule of its own");
                    });
                    answers[i].done = true;
                } catch (const Error& error) {
                    answers[i].code = error.code();
                }
            });
            if (i < 2) await_waiting(static_cast<std::int64_t>(i) + 1);  // with the third the blocker lets them go
        }
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
    std::array<std::atomic<int>, 3> ran{};  ///< How often each of the last three was run.

private:
    void await_waiting(std::int64_t writes) const {
        while (database->stats().waiting < writes) std::this_thread::yield();
    }
};

}  // namespace tenon::db::testing
