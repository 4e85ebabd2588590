#pragma once

// What every store must do, whatever database is behind it. Each program that includes this names the databases it has.

#include <algorithm>
#include <array>
#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <scope_maker.hpp>
#include <store_example.hpp>
#include <tenon/error.hpp>

namespace tenon::db::testing {

using namespace std::chrono_literals;

struct Limits {
    int readers = 4;
    std::size_t queue = 1024;
    Duration busy_deadline = 15s;
    Duration read_deadline = 30s;
};

/// An empty database, and as many stores of it as a test opens.
class World {
public:
    virtual ~World() = default;
    virtual std::unique_ptr<Database> open(const std::vector<Migration>& migrations, const Limits& limits) = 0;
};

struct Engine {
    const char* name;
    std::unique_ptr<World> (*make)();
};

class Conformance : public ::testing::TestWithParam<Engine> {
protected:
    void SetUp() override {
        world = GetParam().make();
        database = open();
    }
    void TearDown() override { database.reset(); }

    std::unique_ptr<Database> open(const Limits& limits = {}) { return world->open(example_tables(), limits); }
    void reopen() {
        database.reset();
        database = open();
    }
    template <class T>
    T fresh() { return base::new_id<T>(base::system_clock()->now()); }
    ProjectId add_project(const TenantScope& scope, const std::string& name) {
        const auto id = fresh<ProjectId>();
        database->write(scope, [&](Tx& tx) { tx.exec(insert_project, id, name); });
        return id;
    }
    std::int64_t count(const TenantScope& scope) {
        return database->read(scope, [](Reader& r) {
            auto rows = r.query(count_projects);
            rows.next();
            return rows.i64(0);
        });
    }

    std::unique_ptr<World> world;
    std::unique_ptr<Database> database;
    TenantScope a = ScopeMaker::tenant(fresh<TenantId>());
    TenantScope b = ScopeMaker::tenant(fresh<TenantId>());
    SystemScope system = ScopeMaker::system();
};

TEST_P(Conformance, a_write_returns_its_value_and_reads_see_it) {
    const auto id = fresh<ProjectId>();
    const auto changes = database->write(a, [&](Tx& tx) { return tx.exec(insert_project, id, "reel"); });
    EXPECT_EQ(changes, 1);
    const auto name = database->read(a, [&](Reader& r) {
        auto rows = r.query(find_project, id);
        return rows.next() ? rows.text(0) : "";
    });
    EXPECT_EQ(name, "reel");
}

TEST_P(Conformance, a_second_tenant_sees_and_changes_nothing_of_the_first) {
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
    }),
              1);
}

TEST_P(Conformance, every_kind_of_value_comes_back) {
    static constexpr TenantStmt insert{
        "INSERT INTO project_ (tenant_id, id, name, version, note, at) VALUES (:tenant, :id, :name, :version, :note, :at)"};
    static constexpr TenantStmt select{"SELECT id, name, version, note, at FROM project WHERE tenant_id = :tenant AND id = :id"};
    const auto id = fresh<ProjectId>();
    const Time at{Duration{1'234'567}};
    const std::string name = "a\u00e4\U0001f3a5";
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

TEST_P(Conformance, arguments_are_counted) {
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, "reel"); }), InternalError);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(count_projects, 1); }), InternalError);
}

TEST_P(Conformance, a_failing_function_takes_back_only_its_own_changes) {
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

TEST_P(Conformance, what_is_no_error_of_ours_comes_back_as_it_was) {
    EXPECT_THROW(database->write(a, [](Tx&) { throw 7; }), int);
    EXPECT_THROW(database->read(a, [](Reader&) { throw std::out_of_range("x"); }), std::out_of_range);
    EXPECT_EQ(count(a), 0);
}

TEST_P(Conformance, a_function_may_handle_a_refused_row_and_go_on) {
    add_project(a, "reel");
    database->write(a, [&](Tx& tx) {
        EXPECT_THROW(tx.exec(insert_project, fresh<ProjectId>(), "reel"), Conflict);
        tx.exec(insert_project, fresh<ProjectId>(), "reel 2");
    });
    EXPECT_EQ(count(a), 2);
}

TEST_P(Conformance, refusals_of_the_schema_have_their_codes) {
    const auto project = add_project(a, "reel");
    const auto asset = fresh<AssetId>();
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, project, "other"); }), Conflict);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_asset, asset, fresh<ProjectId>(), 1); }), NotFound);
    database->write(a, [&](Tx& tx) { tx.exec(insert_asset, asset, project, 1); });
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(drop_project, project); }), Conflict);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, fresh<ProjectId>(), nullptr); }), InternalError);
    EXPECT_EQ(count(a), 1);
}

TEST_P(Conformance, one_system_transaction_acts_for_several_tenants) {
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

TEST_P(Conformance, news_of_a_commit_comes_before_the_caller_goes_on_and_only_if_it_happened) {
    std::vector<std::string> news;
    database->write(a, [&](Tx& tx) { tx.on_commit([&] { news.emplace_back("first"); }); });
    EXPECT_EQ(news, std::vector<std::string>{"first"});
    EXPECT_THROW(database->write(a, [&](Tx& tx) {
        tx.on_commit([&] { news.emplace_back("never"); });
        throw Conflict("x");
    }),
                 Conflict);
    EXPECT_EQ(news.size(), 1u);
}

TEST_P(Conformance, trouble_in_telling_of_a_commit_is_not_the_commits) {
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

inline constexpr TenantStmt sum_up{
    "INSERT INTO project_ (tenant_id, id, name, at) "
    "VALUES (:tenant, :id, 'sum', (SELECT count(*) FROM project WHERE tenant_id = :tenant AND name <> 'sum')) "
    "ON CONFLICT (tenant_id, name) DO UPDATE SET at = (SELECT count(*) FROM project WHERE tenant_id = :tenant AND name <> 'sum')"};
inline constexpr TenantStmt find_sum{"SELECT at, version FROM project WHERE tenant_id = :tenant AND name = 'sum'"};

TEST_P(Conformance, a_summary_is_made_once_for_all_that_share_a_commit) {
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
        }),
                  count(scope) - 1)
            << "it counts all that were kept, and not itself";
}

TEST_P(Conformance, a_summary_that_fails_fails_those_who_asked_for_it) {
    EXPECT_THROW(database->write(a, [&](Tx& tx) {
        tx.exec(insert_project, fresh<ProjectId>(), "one");
        tx.before_commit([](Tx&) { throw Conflict("no sum"); });
    }),
                 Conflict);
    EXPECT_EQ(count(a), 0);
    EXPECT_NO_THROW(add_project(a, "two"));
    EXPECT_EQ(count(a), 1);
}

TEST_P(Conformance, a_lineage_ends_when_something_is_undone_or_written_elsewhere) {
    const auto lineage = [&] { return database->write(a, [](Tx& tx) { return tx.lineage(); }); };
    const auto first = lineage();
    EXPECT_THROW(database->write(a, [&](Tx& tx) {
        tx.exec(insert_project, fresh<ProjectId>(), "two");
        throw Conflict("x");
    }),
                 Conflict);
    const auto second = lineage();
    EXPECT_NE(second, first);
    auto other = open();
    EXPECT_NE(other->write(a, [](Tx& tx) { return tx.lineage(); }), second);
    other->write(a, [&](Tx& tx) { tx.exec(insert_project, fresh<ProjectId>(), "two"); });
    EXPECT_NE(lineage(), second);
}

TEST_P(Conformance, entering_the_store_again_is_an_error_not_a_deadlock) {
    EXPECT_THROW(database->write(a, [&](Tx&) { add_project(a, "x"); }), InternalError);
    EXPECT_THROW(database->write(a, [&](Tx&) { count(a); }), InternalError);
    EXPECT_THROW(database->read(a, [&](Reader&) { add_project(a, "x"); }), InternalError);
    EXPECT_THROW(database->read(a, [&](Reader&) { count(a); }), InternalError);
    add_project(a, "still alive");
    EXPECT_EQ(count(a), 1);
}

TEST_P(Conformance, a_snapshot_stays_as_it_was) {
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

TEST_P(Conformance, a_read_that_never_ends_is_cancelled) {
    auto other = open({.read_deadline = 50ms});
    static constexpr SystemStmt endless{
        "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"};
    EXPECT_THROW(other->read(system, [](SystemReader& r) { r.query(endless).next(); }), Cancelled);
    // The connection serves on, if the machine is quick enough for such a deadline just now.
    for (const auto begun = std::chrono::steady_clock::now();;) try {
            other->read(a, [](Reader& r) { EXPECT_TRUE(r.query(count_projects).next()); });
            break;
        } catch (const Cancelled&) {
            ASSERT_LT(std::chrono::steady_clock::now() - begun, 60s);
        }
}

TEST_P(Conformance, many_callers_share_commits) {
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

TEST_P(Conformance, a_full_queue_and_busy_readers_are_unavailable_after_their_deadline) {
    // A server is not reached in 30 ms on a loaded machine, so the readers are there before the deadline counts.
    auto small = open({.readers = 1, .queue = 1, .busy_deadline = 300ms});
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

TEST_P(Conformance, closing_twice_from_two_threads_during_calls_is_legal) {
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

TEST_P(Conformance, facts_and_counters_of_the_home) {
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
    }),
                 Conflict);
    reopen();
    EXPECT_EQ(database->read(system, [](SystemReader& r) { return meta(r, "node"); }), "two");
    EXPECT_EQ(database->write(system, [](SystemTx& tx) { return advance_counter(tx, "invoice"); }), 12);
}

TEST_P(Conformance, what_is_larger_than_a_page_comes_back) {
    const std::string note(300'000, 'n');
    static constexpr TenantStmt insert{"INSERT INTO project_ (tenant_id, id, name, note) VALUES (:tenant, :id, :name, :note)"};
    static constexpr TenantStmt select{"SELECT note FROM project WHERE tenant_id = :tenant AND id = :id"};
    const auto id = fresh<ProjectId>();
    database->write(a, [&](Tx& tx) { tx.exec(insert, id, "reel", note); });
    database->read(a, [&](Reader& r) {
        auto rows = r.query(select, id);
        ASSERT_TRUE(rows.next());
        EXPECT_EQ(rows.text(0), note);
    });
}

TEST_P(Conformance, values_go_only_where_their_kind_belongs) {
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, fresh<ProjectId>(), fresh<ProjectId>()); }), InternalError);
    EXPECT_THROW(database->write(a, [&](Tx& tx) { tx.exec(insert_project, 7, "name"); }), InternalError);
    EXPECT_EQ(count(a), 0);
}

TEST_P(Conformance, pages_of_names_go_on_where_the_last_one_ended) {
    static constexpr TenantStmt page{
        "SELECT name FROM project WHERE tenant_id = :tenant AND (:after IS NULL OR name > :after) "
        "ORDER BY name LIMIT :limit"};
    std::vector<std::string> names = {"B", "a", "A", "_", "z", "\u00e4", "Z", "10", "9", " "};
    for (const auto& name : names) add_project(a, name);
    std::vector<std::string> found;
    for (;;) {
        const auto after = found.empty() ? std::optional<std::string>() : found.back();
        const auto size = found.size();
        database->read(a, [&](Reader& r) {
            for (auto rows = r.query(page, after, 3); rows.next();) found.push_back(rows.text(0));
        });
        if (found.size() == size) break;
    }
    std::ranges::sort(names);
    EXPECT_EQ(found, names) << "byte by byte, in no language's order";
}

TEST_P(Conformance, sums_counts_and_largest_values_are_integers) {
    static constexpr TenantStmt sums{
        "SELECT COALESCE(SUM(version), 0), count(*), MAX(MAX(version), :least), MIN(id) FROM project "
        "WHERE tenant_id = :tenant"};
    static constexpr TenantStmt put{"INSERT INTO project_ (tenant_id, id, name, version) VALUES (:tenant, :id, :name, :version)"};
    const auto first = fresh<ProjectId>(), second = fresh<ProjectId>();
    const auto ask = [&](std::int64_t least) {
        return database->read(a, [&](Reader& r) {
            auto rows = r.query(sums, least);
            rows.next();
            if (rows.i64(1) > 0) { EXPECT_EQ(rows.id<ProjectId>(3), std::min(first, second)); }
            return std::array{rows.i64(0), rows.i64(1), rows.maybe_i64(2).value_or(-1)};
        });
    };
    EXPECT_EQ(ask(3)[0], 0);
    database->write(a, [&](Tx& tx) {
        tx.exec(put, first, "one", std::int64_t{1} << 62);
        tx.exec(put, second, "two", -5);
    });
    EXPECT_EQ(ask(3), (std::array{(std::int64_t{1} << 62) - 5, std::int64_t{2}, std::int64_t{1} << 62}));
}

TEST_P(Conformance, an_upsert_sees_the_row_that_is_there) {
    static constexpr TenantStmt put{
        "INSERT INTO project_ (tenant_id, id, name, version) VALUES (:tenant, :id, :name, :version) ON CONFLICT (tenant_id, name) "
        "DO UPDATE SET version = version + excluded.version, note = CASE WHEN version < :version THEN 'grew' ELSE note END "
        "RETURNING version"};
    const auto add = [&](std::int64_t n) {
        return database->write(a, [&](Tx& tx) {
            auto rows = tx.query(put, fresh<ProjectId>(), "reel", n);
            return rows.next() ? rows.i64(0) : -1;
        });
    };
    EXPECT_EQ(add(5), 5);
    EXPECT_EQ(add(7), 12);
    EXPECT_EQ(count(a), 1);
}

TEST_P(Conformance, foreign_changes_are_told_before_a_write_builds_on_them) {
    auto other = open();
    std::atomic<int> told = 0;
    const auto watch = database->on_foreign_change([&] { ++told; });
    add_project(a, "mine");
    const int before = told;
    other->write(a, [&](Tx& tx) { tx.exec(insert_project, fresh<ProjectId>(), "theirs"); });
    database->write(a, [&](Tx& tx) {
        EXPECT_GT(told, before);
        EXPECT_EQ([&] {
            auto rows = tx.query(count_projects);
            rows.next();
            return rows.i64(0);
        }(),
                  2);
    });
    const int heard = told;
    other->write(system, [](SystemTx& tx) { set_meta(tx, "a", "b"); });
    for (const auto begun = std::chrono::steady_clock::now(); told == heard;) {
        ASSERT_LT(std::chrono::steady_clock::now() - begun, 60s) << "no write, and still heard of";
        std::this_thread::sleep_for(10ms);
    }
}

TEST_P(Conformance, stores_that_add_to_the_same_row_lose_nothing) {
    constexpr int stores = 3, times = 40;
    static constexpr TenantStmt read_version{"SELECT version FROM project WHERE tenant_id = :tenant AND id = :id"};
    static constexpr TenantStmt write_version{"UPDATE project_ SET version = :version WHERE tenant_id = :tenant AND id = :id"};
    const auto mine = add_project(a, "reel"), theirs = add_project(b, "reel");
    std::vector<std::unique_ptr<Database>> opened;
    for (int i = 0; i < stores; ++i) opened.push_back(open());
    const auto step = [&](Tx& tx, const ProjectId& id) {
        std::int64_t version = 0;
        {
            auto rows = tx.query(read_version, id);
            ASSERT_TRUE(rows.next());
            version = rows.i64(0);
        }
        tx.exec(write_version, version + 1, id);
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 2 * stores; ++i)
        threads.emplace_back([&, i] {
            auto& store = *opened[static_cast<std::size_t>(i) % stores];
            for (int k = 0; k < times; ++k) {
                if (i < stores) store.write(a, [&](Tx& tx) { step(tx, mine); });
                else store.write(system, [&](SystemTx& tx) {
                    auto first = tx.tenant(a);
                    step(first, mine);
                    auto second = tx.tenant(b);
                    step(second, theirs);
                });
            }
        });
    for (auto& thread : threads) thread.join();
    const auto version = [&](const TenantScope& scope, const ProjectId& id) {
        return database->read(scope, [&](Reader& r) {
            auto rows = r.query(read_version, id);
            return rows.next() ? rows.i64(0) : -1;
        });
    };
    EXPECT_EQ(version(a, mine), 1 + 2 * stores * times);
    EXPECT_EQ(version(b, theirs), 1 + stores * times);
}

}  // namespace tenon::db::testing
