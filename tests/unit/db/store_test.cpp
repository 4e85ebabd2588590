#include "fixture.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <mutex>
#include <thread>

#include <tenon/error.hpp>

namespace tenon::db::testing {
namespace {

using namespace std::chrono_literals;

TEST_F(Store, a_write_returns_its_value_and_reads_see_it) {
    const auto id = fresh<ProjectId>();
    const auto changes = database->write(a, [&](Tx& tx) { return tx.exec(insert_project, id, "reel"); });
    EXPECT_EQ(changes, 1);
    const auto name = database->read(a, [&](Reader& r) {
        auto rows = r.query(find_project, id);
        return rows.next() ? rows.text(0) : "";
    });
    EXPECT_EQ(name, "reel");
}

TEST_F(Store, a_second_tenant_sees_and_changes_nothing_of_the_first) {
    const auto id = add_project(a, "reel");
    EXPECT_EQ(count(a), 1);
    EXPECT_EQ(count(b), 0);
    EXPECT_FALSE(database->read(b, [&](Reader& r) { return r.query(find_project, id).next(); }));
    EXPECT_EQ(database->write(b, [&](Tx& tx) { return tx.exec(rename_project, "mine", id); }), 0);
    EXPECT_EQ(database->write(b, [&](Tx& tx) { return tx.exec(drop_project, id); }), 0);
    EXPECT_EQ(count(a), 1);
    EXPECT_EQ(database->read(system, [](SystemReader& r) {
        auto rows = r.query(count_all);
        rows.next();
        return rows.i64(0);
    }), 1);
}

TEST_F(Store, every_kind_of_value_comes_back) {
    static constexpr TenantStmt insert{
        "INSERT INTO project_ (tenant_id, id, name, version, note, at) VALUES (:tenant, :id, :name, :version, :note, :at)"};
    static constexpr TenantStmt select{"SELECT id, name, version, note, at FROM project WHERE tenant_id = :tenant AND id = :id"};
    const auto id = fresh<ProjectId>();
    const Time at{Duration{1'234'567}};
    const std::string name("a\0b", 3);
    database->write(a, [&](Tx& tx) { tx.exec(insert, id, name, Bytes{1LL << 40}, std::optional<std::string>{}, at); });
    database->read(a, [&](Reader& r) {
        auto rows = r.query(select, id);
        ASSERT_TRUE(rows.next());
        EXPECT_EQ(rows.id<ProjectId>(0), id);
        EXPECT_EQ(rows.text(1), name);
        EXPECT_EQ(rows.bytes(2).count, 1LL << 40);
        EXPECT_TRUE(rows.is_null(3));
        EXPECT_EQ(rows.maybe_text(3), std::nullopt);
        EXPECT_EQ(rows.time(4), at);
        EXPECT_EQ(rows.maybe_id<ProjectId>(0), id);
        EXPECT_THROW(rows.i64(1), InternalError);
        EXPECT_THROW(rows.text(3), InternalError);
        EXPECT_THROW(rows.i64(5), InternalError);
        EXPECT_FALSE(rows.next());
        EXPECT_FALSE(rows.next());
        EXPECT_THROW(rows.i64(2), InternalError);
    });
}

TEST_F(Store, arguments_are_counted) {
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, "reel"); }), InternalError);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(count_projects, 1); }), InternalError);
}

TEST_F(Store, a_failing_function_takes_back_only_its_own_changes) {
    std::atomic<int> ran = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 16; ++i)
        threads.emplace_back([&, i] {
            try {
                database->write(a, [&](Tx& tx) {
                    tx.exec(insert_project, fresh<ProjectId>(), "p" + std::to_string(i));
                    ++ran;
                    if (i % 2) throw QuotaExceeded("no");
                });
                EXPECT_EQ(i % 2, 0);
            } catch (const QuotaExceeded&) {
                EXPECT_EQ(i % 2, 1);
            }
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(count(a), 8);
    EXPECT_GE(ran, 16);
}

TEST_F(Store, what_is_no_error_of_ours_comes_back_as_it_was) {
    EXPECT_THROW(database->write(a, [](Tx&) { throw 7; }), int);
    EXPECT_THROW(database->read(a, [](Reader&) { throw std::out_of_range("x"); }), std::out_of_range);
    EXPECT_EQ(count(a), 0);
}

TEST_F(Store, a_function_may_handle_a_refused_row_and_go_on) {
    add_project(a, "reel");
    database->write(a, [&](Tx& tx) {
        EXPECT_THROW(tx.exec(insert_project, fresh<ProjectId>(), "reel"), Conflict);
        tx.exec(insert_project, fresh<ProjectId>(), "reel 2");
    });
    EXPECT_EQ(count(a), 2);
}

TEST_F(Store, refusals_of_the_schema_have_their_codes) {
    const auto project = add_project(a, "reel");
    const auto asset = fresh<AssetId>();
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, project, "other"); }), Conflict);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_asset, asset, fresh<ProjectId>(), 1); }), NotFound);
    database->write(a, [&](Tx& tx) { tx.exec(insert_asset, asset, project, 1); });
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(drop_project, project); }), Conflict);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, fresh<ProjectId>(), nullptr); }), InternalError);
    EXPECT_EQ(count(a), 1);
}

TEST_F(Store, one_system_transaction_acts_for_several_tenants) {
    database->write(system, [&](SystemTx& tx) {
        auto first = tx.tenant(a);
        auto second = tx.tenant(b);
        first.exec(insert_project, fresh<ProjectId>(), "of a");
        second.exec(insert_project, fresh<ProjectId>(), "of b");
        // Cursors of several actors are open at once; each keeps seeing its own tenant.
        auto rows_a = first.query(count_projects);
        auto rows_b = second.query(count_projects);
        auto all = tx.query(count_all);
        ASSERT_TRUE(rows_a.next() && rows_b.next() && all.next());
        EXPECT_EQ(rows_a.i64(0), 1);
        EXPECT_EQ(rows_b.i64(0), 1);
        EXPECT_EQ(all.i64(0), 2);
    });
}

TEST_F(Store, news_of_a_commit_comes_before_the_caller_goes_on_and_only_if_it_happened) {
    std::vector<std::string> news;
    database->write(a, [&](Tx& tx) { tx.on_commit([&] { news.emplace_back("first"); }); });
    EXPECT_EQ(news, std::vector<std::string>{"first"});
    EXPECT_THROW(database->write(a, [&](Tx& tx) {
        tx.on_commit([&] { news.emplace_back("never"); });
        throw Conflict("x");
    }), Conflict);
    EXPECT_EQ(news.size(), 1u);
}

TEST_F(Store, trouble_in_telling_of_a_commit_is_not_the_commits) {
    std::string code;
    int runs = 0;
    database->write(a, [&](Tx& tx) {
        ++runs;
        tx.exec(insert_project, fresh<ProjectId>(), "kept");
        tx.on_commit([] { throw Conflict("x"); });
        tx.on_commit([&] {
            try {
                database->write(a, [](Tx&) {});
            } catch (const Error& error) {
                code = to_string(error.code());
            }
        });
    });
    EXPECT_EQ(code, "internal_error");
    EXPECT_EQ(runs, 1);
    EXPECT_EQ(count(a), 1);
}

constexpr TenantStmt sum_up{
    "INSERT INTO project_ (tenant_id, id, name, at) "
    "VALUES (:tenant, :id, 'sum', (SELECT count(*) FROM project WHERE tenant_id = :tenant AND name <> 'sum')) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET at = (SELECT count(*) FROM project WHERE tenant_id = :tenant AND name <> 'sum')"};
constexpr TenantStmt find_sum{"SELECT at, version FROM project WHERE tenant_id = :tenant AND name = 'sum'"};

TEST_F(Store, a_summary_is_made_once_for_all_that_share_a_commit) {
    static std::atomic<int> made;
    made = 0;
    const auto summed = [](Tx& tx) {
        ++made;
        tx.exec(sum_up, base::new_id<ProjectId>(base::system_clock()->now()));
    };
    std::vector<std::thread> callers;
    for (int i = 0; i < 24; ++i)
        callers.emplace_back([&, i] {
            const auto write = [&](Tx& tx) {
                tx.exec(insert_project, base::new_id<ProjectId>(base::system_clock()->now()), std::to_string(i));
                tx.before_commit(summed);
                if (i % 3 == 0) throw Conflict("undone");
            };
            if (i % 3 == 0) EXPECT_THROW(database->write(i % 2 ? a : b, write), Conflict);
            else EXPECT_NO_THROW(database->write(i % 2 ? a : b, write));
        });
    for (auto& caller : callers) caller.join();
    const auto commits = database->stats().commits;
    EXPECT_LE(made, 2 * (commits + 24)) << "at most one for each tenant and transaction";
    for (const auto& scope : {a, b})
        EXPECT_EQ(database->read(scope, [](Reader& reader) {
            auto rows = reader.query(find_sum);
            return rows.next() ? rows.i64(0) : -1;
        }), count(scope) - 1) << "it counts all that were kept, and not itself";
}

TEST_F(Store, a_summary_that_fails_fails_those_who_asked_for_it) {
    EXPECT_THROW(database->write(a, [&](Tx& tx) {
        tx.exec(insert_project, fresh<ProjectId>(), "one");
        tx.before_commit([](Tx&) { throw Conflict("no sum"); });
    }), Conflict);
    EXPECT_EQ(count(a), 0);
    EXPECT_NO_THROW(add_project(a, "two"));
    EXPECT_EQ(count(a), 1);
}

TEST_F(Store, a_lineage_ends_when_something_is_undone_or_written_elsewhere) {
    const auto lineage = [&] { return database->write(a, [](Tx& tx) { return tx.lineage(); }); };
    const auto first = lineage();
    add_project(a, "one");
    EXPECT_EQ(lineage(), first);
    EXPECT_THROW(add_project(a, "one"), Conflict);
    EXPECT_EQ(lineage(), first) << "nothing had been changed, so nothing was undone";
    EXPECT_THROW(database->write(a, [&](Tx& tx) {
        tx.exec(insert_project, fresh<ProjectId>(), "two");
        tx.exec(insert_project, fresh<ProjectId>(), "one");
    }),
                 Conflict);
    const auto second = lineage();
    EXPECT_NE(second, first);
    auto other = Database::open(options(), example_tables());
    EXPECT_NE(other->write(a, [](Tx& tx) { return tx.lineage(); }), second);
    other->write(a, [&](Tx& tx) { tx.exec(insert_project, fresh<ProjectId>(), "two"); });
    EXPECT_NE(lineage(), second);
}

TEST_F(Store, entering_the_store_again_is_an_error_not_a_deadlock) {
    EXPECT_THROW(database->write(a, [&](Tx&) { add_project(a, "x"); }), InternalError);
    EXPECT_THROW(database->write(a, [&](Tx&) { count(a); }), InternalError);
    EXPECT_THROW(database->read(a, [&](Reader&) { add_project(a, "x"); }), InternalError);
    EXPECT_THROW(database->read(a, [&](Reader&) { count(a); }), InternalError);
    add_project(a, "still alive");
    EXPECT_EQ(count(a), 1);
}

TEST_F(Store, a_snapshot_stays_as_it_was) {
    add_project(a, "one");
    std::atomic<bool> begun = false, go_on = false;
    std::int64_t before = 0, after = 0;
    std::thread reader([&] {
        database->read(a, [&](Reader& r) {
            const auto ask = [&] {
                auto rows = r.query(count_projects);
                rows.next();
                return rows.i64(0);
            };
            before = ask();
            begun = true;
            begun.notify_all();
            go_on.wait(false);
            after = ask();
        });
    });
    begun.wait(false);
    add_project(a, "two");
    go_on = true;
    go_on.notify_all();
    reader.join();
    EXPECT_EQ(before, 1);
    EXPECT_EQ(after, 1);
    EXPECT_EQ(count(a), 2);
}

TEST_F(Store, a_read_that_never_ends_is_cancelled) {
    auto o = options();
    o.read_deadline = 50ms;
    auto other = Database::open(o, example_tables());
    static constexpr SystemStmt endless{
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"};
    EXPECT_THROW(other->read(system, [](SystemReader& r) { r.query(endless).next(); }), Cancelled);
    other->read(a, [](Reader& r) { EXPECT_TRUE(r.query(count_projects).next()); });
}

TEST_F(Store, many_callers_share_commits) {
    std::vector<std::thread> threads;
    for (int i = 0; i < 32; ++i)
        threads.emplace_back([&, i] {
            for (int k = 0; k < 20; ++k) add_project(i % 2 ? a : b, std::to_string(i * 1000 + k));
        });
    for (auto& t : threads) t.join();
    EXPECT_EQ(count(a), 320);
    EXPECT_EQ(count(b), 320);
    EXPECT_EQ(database->stats().requests, 640);
    EXPECT_LT(database->stats().commits, 640);
}

TEST_F(Store, a_full_queue_and_busy_readers_are_unavailable_after_their_deadline) {
    auto o = options();
    o.queue = 1;
    o.readers = 1;
    o.busy_deadline = 30ms;
    auto small = Database::open(o, example_tables());
    std::atomic<int> inside = 0;
    std::atomic<bool> go_on = false;
    std::thread writer([&] { small->write(a, [&](Tx&) { ++inside; inside.notify_all(); go_on.wait(false); }); });
    std::thread reader([&] { small->read(a, [&](Reader&) { ++inside; inside.notify_all(); go_on.wait(false); }); });
    for (int seen = inside; seen != 2; seen = inside) inside.wait(seen);
    // One of the two takes the only place in the queue, the other must give up.
    std::atomic<int> refused = 0;
    const auto try_write = [&] {
        try {
            small->write(a, [](Tx&) {});
        } catch (const Unavailable&) {
            ++refused;
            refused.notify_all();
        }
    };
    std::thread one(try_write), two(try_write);
    refused.wait(0);
    EXPECT_THROW(small->read(a, [](Reader&) {}), Unavailable);
    go_on = true;
    go_on.notify_all();
    one.join();
    two.join();
    EXPECT_EQ(refused, 1);
    writer.join();
    reader.join();
    small->close();
}

TEST_F(Store, closing_twice_from_two_threads_during_calls_is_legal) {
    std::vector<std::thread> threads;
    std::atomic<int> done = 0, refused = 0;
    for (int i = 0; i < 8; ++i)
        threads.emplace_back([&, i] {
            try {
                for (int k = 0;; ++k) {
                    add_project(a, std::to_string(i * 100000 + k));
                    ++done;
                }
            } catch (const Closed&) {
                ++refused;
            }
        });
    while (done < 20) std::this_thread::yield();
    std::thread other([&] { database->close(); });
    database->close();
    other.join();
    for (auto& t : threads) t.join();
    EXPECT_EQ(refused, 8);
    EXPECT_THROW(count(a), Closed);
    const int acknowledged = done;
    reopen();
    EXPECT_EQ(count(a), acknowledged);
}

TEST_F(Store, what_was_overwritten_stands_in_no_file_once_the_log_is_emptied) {
    constexpr static SystemStmt put{"INSERT INTO secret (id, value) VALUES (1, :value) ON CONFLICT (id) DO UPDATE SET value = :value"};
    const auto holds = [&](const std::string& text) {
        std::string bytes;
        for (const auto* name : {"metadata.db", "metadata.db-wal"}) {
            std::ifstream file(folder / name, std::ios::binary);
            bytes.append(std::istreambuf_iterator<char>(file), {});
        }
        return bytes.find(text) != std::string::npos;
    };
    const auto write = [&](const std::string& text) { database->write(system, [&](SystemTx& tx) { tx.exec(put, text); }); };
    write("first secret");
    write("x");
    EXPECT_TRUE(holds("first secret")) << "in the log";
    database->read(a, [&](Reader& reader) {
        (void)reader.query(count_projects).next();
        std::thread other([&] {
            write("y");
            EXPECT_FALSE(database->empty_log()) << "somebody reads";
        });
        other.join();
    });
    EXPECT_TRUE(database->empty_log());
    EXPECT_TRUE(database->empty_log());
    EXPECT_FALSE(holds("first secret"));
    write("second secret");
    write("z");
    EXPECT_TRUE(holds("second secret"));
    database->close();
    EXPECT_FALSE(std::filesystem::exists(folder / "metadata.db-wal")) << "whoever keeps the object does not keep the log";
    EXPECT_FALSE(holds("second secret"));
    reopen();
}

TEST_F(Store, facts_and_counters_of_the_home) {
    database->write(system, [](SystemTx& tx) {
        EXPECT_EQ(meta(tx, "node"), std::nullopt);
        set_meta(tx, "node", "one");
        set_meta(tx, "node", "two");
        EXPECT_EQ(advance_counter(tx, "invoice"), 1);
        EXPECT_EQ(advance_counter(tx, "invoice", 10), 11);
    });
    EXPECT_THROW(database->write(system, [](SystemTx& tx) {
        advance_counter(tx, "invoice");
        throw Conflict("x");
    }), Conflict);
    reopen();
    EXPECT_EQ(database->read(system, [](SystemReader& r) { return meta(r, "node"); }), "two");
    EXPECT_EQ(database->write(system, [](SystemTx& tx) { return advance_counter(tx, "invoice"); }), 12);
}

}  // namespace
}  // namespace tenon::db::testing
