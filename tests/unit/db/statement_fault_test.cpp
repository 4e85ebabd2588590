// An error at literally each statement of a group: BEGIN, the look for other processes, every SAVEPOINT, INSERT, RELEASE
// and ROLLBACK TO of three writes, COMMIT.
#include <dlfcn.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "fault_fixture.hpp"

namespace tenon::db::testing {
namespace {

struct Fuse {
    int at = 0;  ///< From 1, BEGIN. 0: none burns, the statements are only written down.
    int code = 0;
    bool gives_up = false;  ///< SQLite gives up the whole transaction with it, as it may for some codes.
};

/// SQLite's step with a fuse: the n-th statement of the next group is not run but fails.
struct FaultStep {
    static inline thread_local bool armed = false, counting = false;
    static inline thread_local Fuse fuse{};
    static inline thread_local sqlite3_stmt* rollback = nullptr;
    static inline thread_local int failed = 0;     ///< What extended_errcode says until the next step.
    static inline std::vector<std::string> ran{};  ///< Of the group, to its COMMIT. The writer's until the group is answered.
    static inline bool fired = false;

    /// On the writer's thread, before the group's BEGIN.
    static void arm(Fuse next) {
        fuse = next;
        armed = true, counting = fired = false;
        ran.clear();
    }

    template <class Function>
    static Function real(const char* name) { return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name)); }

    static int step(sqlite3_stmt* stmt) {
        static const auto run = real<int (*)(sqlite3_stmt*)>("sqlite3_step");
        failed = 0;
        const std::string_view sql = armed ? sqlite3_sql(stmt) : "";
        if (armed && sql == "BEGIN IMMEDIATE") {
            counting = true;
            // Prepared now: within a tenant's statement the authorizer would refuse it.
            if (fuse.gives_up) sqlite3_prepare_v2(sqlite3_db_handle(stmt), "ROLLBACK", -1, &rollback, nullptr);
        }
        if (!counting) return run(stmt);
        ran.emplace_back(sql);
        if (sql == "COMMIT") armed = counting = false;
        if (static_cast<int>(ran.size()) != fuse.at) return run(stmt);
        armed = counting = false;
        fired = true;
        if (rollback) {
            EXPECT_EQ(run(rollback), SQLITE_DONE);
        }
        sqlite3_finalize(std::exchange(rollback, nullptr));
        failed = fuse.code;
        return fuse.code;
    }

    static int extended_errcode(sqlite3* handle) {
        static const auto ask = real<int (*)(sqlite3*)>("sqlite3_extended_errcode");
        return failed ? failed : ask(handle);
    }
};

class StatementFaults : public Faults {
protected:
    /// Answers of a group whose n-th statement fails.
    std::array<Answer, 3> fail_at(const Fuse& fuse, std::size_t wrong) {
        return three({.wrong = wrong, .before_group = [&] { FaultStep::arm(fuse); }});
    }

    /// To which of the three the statement belongs; empty: to the group.
    static std::optional<std::size_t> owner(const std::vector<std::string>& statements, std::size_t at) {
        if (statements[at] == "COMMIT") return std::nullopt;
        std::size_t begun = 0;
        for (std::size_t i = 0; i <= at; ++i) begun += statements[i] == "SAVEPOINT request";
        return begun ? std::optional(begun - 1) : std::nullopt;
    }

    static Errc errc_of(int code) { return code == SQLITE_FULL ? Errc::no_space : Errc::unavailable; }

    void expect_by_the_rules(const std::vector<std::string>& statements, const Fuse& fuse, std::size_t wrong) {
        const auto at = static_cast<std::size_t>(fuse.at) - 1;
        const auto& statement = statements[at];
        const auto answers = fail_at(fuse, wrong);
        ASSERT_TRUE(FaultStep::fired);
        const auto mine = owner(statements, at);
        const bool begins = at < 2;  // BEGIN and the look for others: nothing was tried yet
        const bool undoes = statement == "ROLLBACK TO request" || (mine == wrong && statement == "RELEASE request");
        // An error of the write's own statements, or of ending it, is its own as long as the transaction lives.
        const bool one = mine && !fuse.gives_up && statement != "SAVEPOINT request" && !undoes;
        const bool unknown = (fuse.code & 0xff) == SQLITE_IOERR && !one;
        for (std::size_t i = 0; i < 3; ++i) {
            SCOPED_TRACE("write " + std::to_string(i));
            const bool fails = begins || unknown || (one && i == mine) || i == wrong;
            EXPECT_EQ(answers[i].done, !fails) << to_string(answers[i].code);
            if (!fails) continue;
            const bool by_its_own_rule = i == wrong && !begins && !(one && i == mine) && !unknown;
            // With the group's transaction all fail of one error: the one that broke it.
            if (unknown && undoes) EXPECT_NE(answers[i].code, Errc::internal_error);
            else EXPECT_EQ(answers[i].code, by_its_own_rule ? Errc::permission_denied : errc_of(fuse.code)) << to_string(answers[i].code);
        }
        expect_exactly_the_acknowledged();
        // Usable at once.
        EXPECT_TRUE(database->read(a, [&](Reader& reader) { return !reader.query(find_project, fresh<ProjectId>()).next(); }));
    }

    void at_each_statement(std::size_t wrong, std::size_t least) {
        (void)fail_at({}, wrong);
        expect_exactly_the_acknowledged();
        const auto statements = FaultStep::ran;
        ASSERT_EQ(statements.front(), "BEGIN IMMEDIATE");
        ASSERT_EQ(statements.back(), "COMMIT");
        ASSERT_GE(statements.size(), least);
        for (int at = 1; at <= static_cast<int>(statements.size()); ++at)
            for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_NOMEM, SQLITE_BUSY})
                for (const bool gives_up : {false, true}) {
                    if (gives_up && (code == SQLITE_BUSY || at == 1)) continue;  // never ends a transaction; there is none yet
                    SCOPED_TRACE(statements[static_cast<std::size_t>(at) - 1] + ", statement " + std::to_string(at) + " of " +
                                 std::to_string(statements.size()) + ", code " + std::to_string(code) + (gives_up ? ", given up" : ""));
                    expect_by_the_rules(statements, {at, code, gives_up}, wrong);
                    if (HasFailure()) return;
                }
        reopen();
        EXPECT_EQ(count(a) + count(b), 0);
        add_project(a, "afterwards");
        EXPECT_EQ(count(a), 1);
    }
};

TEST_F(StatementFaults, at_each_statement_of_three_writes_the_owner_fails_alone_or_the_group_is_answered_by_the_rules) {
    at_each_statement(3, 3 + 3 * 4);
}

TEST_F(StatementFaults, at_each_statement_of_three_writes_of_which_one_is_refused_and_undone) { at_each_statement(1, 3 + 3 * 4 + 1); }

}  // namespace
}  // namespace tenon::db::testing

extern "C" {
// The program's own definitions come before the library's.
__attribute__((visibility("default"))) int sqlite3_step(sqlite3_stmt* stmt) { return tenon::db::testing::FaultStep::step(stmt); }
__attribute__((visibility("default"))) int sqlite3_extended_errcode(sqlite3* handle) {
    return tenon::db::testing::FaultStep::extended_errcode(handle);
}
}
