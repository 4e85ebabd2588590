// An error at literally each statement of a group: BEGIN, the look for other processes, every INSERT of three writes, COMMIT; the
// ROLLBACK where one of them is refused, and every SAVEPOINT, RELEASE and ROLLBACK TO of the group that then runs again.
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
            if (fuse.gives_up && !rollback) sqlite3_prepare_v2(sqlite3_db_handle(stmt), "ROLLBACK", -1, &rollback, nullptr);
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

    /// A statement's place in its transaction.
    struct Place {
        std::size_t begin = 0;                  ///< Of the transaction.
        bool guarded = false;                   ///< With savepoints.
        std::optional<std::size_t> owner = {};  ///< To which of the three it belongs; empty: to the group.
    };
    static Place place_of(const std::vector<std::string>& statements, std::size_t at) {
        Place place;
        for (std::size_t i = 0; i <= at; ++i)
            if (statements[i] == "BEGIN IMMEDIATE") place.begin = i;
        place.guarded = statements[place.begin + 2] == "SAVEPOINT request";
        if (statements[at] == "COMMIT" || statements[at] == "ROLLBACK" || at < place.begin + 2) return place;
        if (!place.guarded) {
            place.owner = (at - place.begin - 2) / 2;
        } else {
        std::size_t begun = 0;
            for (std::size_t i = place.begin; i <= at; ++i) begun += statements[i] == "SAVEPOINT request";
            place.owner = begun - 1;
        }
        return place;
    }

    static Errc errc_of(int code) { return code == SQLITE_FULL ? Errc::no_space : Errc::unavailable; }

    void expect_by_the_rules(const std::vector<std::string>& statements, const Fuse& fuse, std::size_t wrong) {
        const auto at = static_cast<std::size_t>(fuse.at) - 1;
        const auto& statement = statements[at];
        const auto answers = fail_at(fuse, wrong);
        ASSERT_TRUE(FaultStep::fired);
        const auto place = place_of(statements, at);
        const auto mine = place.owner;
        const bool io = (fuse.code & 0xff) == SQLITE_IOERR;
        const bool begins = at < place.begin + 2;  // BEGIN and the look for others: nothing was tried yet
        const bool undoes = place.guarded && (statement == "ROLLBACK TO request" || (mine == wrong && statement == "RELEASE request"));
        // Without savepoints: who had changed something is undone with the group, and all run again, he too unless the disk failed. So
        // does who had not, where another one is refused after him.
        const bool second_insert = mine && (at - place.begin) % 2 == 1;
        const bool runs_again = !place.guarded && !fuse.gives_up && mine && (second_insert ? !io : wrong < 3 && *mine < wrong);
        // Else an error of the write's own statements, or of ending it, is its own as long as the transaction lives.
        const bool one = mine && !fuse.gives_up && !runs_again && statement != "SAVEPOINT request" && !undoes;
        const bool unknown = io && !one && !runs_again && statement != "ROLLBACK";
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

    /// A store that was just opened runs a group without savepoints, one that has met a refusal with them.
    void make_ready(bool guarded) {
        if (!guarded) return reopen();
        if (rounds_left > 0) return;  // an iteration makes four groups at most, and 64 are guarded
        rounds_left = 12;
        (void)three({.wrong = 1});
        expect_exactly_the_acknowledged();
    }

    int rounds_left = 0;

    void at_each_statement(std::size_t wrong, bool guarded, std::size_t count_of) {
        make_ready(guarded);
        (void)fail_at({}, wrong);
        expect_exactly_the_acknowledged();
        const auto statements = FaultStep::ran;
        ASSERT_EQ(statements.front(), "BEGIN IMMEDIATE");
        ASSERT_EQ(statements.back(), "COMMIT");
        ASSERT_EQ(statements.size(), count_of);
        for (int at = 1; at <= static_cast<int>(statements.size()); ++at)
            for (const int code : {SQLITE_FULL, SQLITE_IOERR_WRITE, SQLITE_NOMEM, SQLITE_BUSY})
                for (const bool gives_up : {false, true}) {
                    const bool no_transaction = statements[static_cast<std::size_t>(at) - 1] == "BEGIN IMMEDIATE";
                    if (gives_up && (code == SQLITE_BUSY || no_transaction)) continue;  // never ends one; there is none yet
                    --rounds_left;
                    make_ready(guarded);
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

constexpr std::size_t around = 3;  // BEGIN, the look for others, COMMIT
constexpr std::size_t each = 2;    // INSERTs

TEST_F(StatementFaults, at_each_statement_of_three_writes_the_owner_fails_alone_or_the_group_is_answered_by_the_rules) {
    at_each_statement(3, false, around + 3 * each);
}

TEST_F(StatementFaults, at_each_statement_of_three_writes_of_which_one_is_refused_so_that_they_run_again) {
    at_each_statement(1, false, around + 2 * each + around + 3 * (each + 2) + 1);
}

TEST_F(StatementFaults, at_each_statement_of_three_writes_that_can_be_undone_each) { at_each_statement(3, true, around + 3 * (each + 2)); }

TEST_F(StatementFaults, at_each_statement_of_three_writes_that_can_be_undone_each_of_which_one_is_refused) {
    at_each_statement(1, true, around + 3 * (each + 2) + 1);
}

}  // namespace
}  // namespace tenon::db::testing

extern "C" {
// The program's own definitions come before the library's.
__attribute__((visibility("default"))) int sqlite3_step(sqlite3_stmt* stmt) { return tenon::db::testing::FaultStep::step(stmt); }
__attribute__((visibility("default"))) int sqlite3_extended_errcode(sqlite3* handle) {
    return tenon::db::testing::FaultStep::extended_errcode(handle);
}
}
