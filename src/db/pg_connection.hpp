#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <libpq-fe.h>

#include "backend.hpp"
#include "pg_text.hpp"

namespace tenon::db {

/// The advisory lock that whoever writes to a home holds until his COMMIT.
constexpr std::int64_t pg_writers_lock = 0x36c9a1f7;

struct PgResultEnd {
    void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using PgResult = std::unique_ptr<PGresult, PgResultEnd>;

/// One connection to PostgreSQL with its prepared statements. Used by one thread at a time.
///
/// It is always in pipeline mode: what send() is given leaves with the next finish(), which waits once for the answers to all
/// of it. So BEGIN, the scope, a savepoint and the statement between them are one round trip.
class PgConnection final : public Connection {
public:
    enum class Role : unsigned char { migrator, writer, reader, news };

    PgConnection(const Options& options, Role role);
    ~PgConnection() override;

    /// A statement of the connection's own, with arguments as text.
    void send(const char* sql, std::initializer_list<const char*> values = {});
    /// Waits for all that was sent. The newest result; throws what the first refused one was refused for.
    PgResult finish();
    PgResult run(const char* sql, std::initializer_list<const char*> values = {}) {
        send(sql, values);
        return finish();
    }
    /// The integer that the only row of a result begins with. Results of own statements are binary, their integers bigint.
    std::int64_t number(const char* sql, std::initializer_list<const char*> values = {});

    /// A transaction begins: nobody acts yet.
    void begin(const char* sql);
    void act_as(const Actor& actor);
    /// What was done since a savepoint was undone, the choice of who acts included.
    void forget_actor() noexcept { acting_.reset(); }
    /// Every statement that changes something gets a savepoint, so that a refused one does not end the transaction.
    void guard(bool each) noexcept { guarded_ = each; }

    bool in_transaction() const noexcept override { return status_ == PQTRANS_INTRANS; }
    /// In one, of which only a savepoint or ROLLBACK leads out.
    bool is_spoiled() const noexcept { return status_ == PQTRANS_INERROR; }
    bool is_lost() const noexcept { return PQstatus(handle_) != CONNECTION_OK; }
    /// Of one that nobody uses: the server has ended it, or says something that nobody asked for.
    bool is_stale() const noexcept;
    /// Within a transaction: the server has ended it. What it said last is read.
    bool has_ended() noexcept;
    void rollback() noexcept;
    /// Nothing may be asked of it any more. Again: does nothing.
    void close() noexcept;

    /// What the server takes a statement's parameters for, the scope's among them. Throws what it refuses the text for.
    const std::vector<Oid>& types_of(const StatementText& text) { return prepare(text).types; }

    /// Grows with every row that is changed and everything that is left to be done before the COMMIT.
    std::int64_t changes() const noexcept { return changed_ + asked_; }
    /// SQLSTATE of the newest refusal since forget_failure().
    const std::string& last_state() const noexcept { return last_state_; }
    void forget_failure() noexcept { last_state_.clear(); }
    void set_read_deadline(Duration deadline) noexcept { read_deadline_ = deadline; }  ///< Monotonic; 0: none.
    int socket() const noexcept { return PQsocket(handle_); }
    PGconn* handle() const noexcept { return handle_; }

    std::unique_ptr<Rows::Impl> query(const Actor& actor, const StatementText& text, std::span<const Value> values) override;
    std::int64_t change(const Actor& actor, const StatementText& text, std::span<const Value> values) override;

private:
    friend struct PgRows;
    struct Prepared {
        std::string name;
        PgText text;
        std::vector<Oid> types;  ///< Of the parameters, as the server infers them.
    };

    void configure(const Options& options);
    const Prepared& prepare(const StatementText& text);
    void send_prepared(const Prepared& prepared, const Actor& actor, const StatementText& text, std::span<const Value> values);
    PgResult execute(const Actor& actor, const StatementText& text, std::span<const Value> values);
    [[noreturn]] void fail(const std::string& state, const std::string& message, bool deleting);
    [[noreturn]] void fail_connection();
    PGresult* next_result();

    PGconn* handle_ = nullptr;
    const Role role_;
    PGTransactionStatusType status_ = PQTRANS_IDLE;  ///< When the newest answer was read: libpq's own is not to be had in between.
    int sent_ = 0;  ///< Commands whose answers were not read.
    std::optional<Actor> acting_;
    bool guarded_ = false;
    bool deleting_ = false;
    std::int64_t changed_ = 0;
    Duration read_deadline_{};
    Duration silence_{};  ///< The longest that a server may say nothing before it is given up; 0: as long as it likes.
    std::string last_state_;
    /// By kind and the literal's address, as SqliteConnection does.
    std::map<std::pair<StatementText::Kind, const char*>, Prepared> prepared_;
};

}  // namespace tenon::db
