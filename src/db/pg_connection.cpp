#include "pg_connection.hpp"

#include <array>
#include <cstring>
#include <limits>

#include <poll.h>
#include <sys/socket.h>

#include <base/clock.hpp>
#include <tenon/error.hpp>

#include "pg_errors.hpp"
#include "pg_login.hpp"

namespace tenon::db {
namespace {

// PostgreSQL's numbers of its types, which never change.
constexpr Oid oid_bool = 16, oid_bytea = 17, oid_int8 = 20, oid_int2 = 21, oid_int4 = 23, oid_text = 25;

/// Big endian, as the wire has it.
void put_number(char* out, std::int64_t value, std::size_t bytes) {
    for (std::size_t i = 0; i < bytes; ++i) out[i] = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * (bytes - 1 - i)));
}

std::int64_t get_number(const char* bytes, int size) {
    std::uint64_t value = size > 0 && (bytes[0] & 0x80) ? ~std::uint64_t{0} : 0;
    for (int i = 0; i < size; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
    return static_cast<std::int64_t>(value);
}

std::string hex_of(const base::IdBytes& id) {
    constexpr const char* digits = "0123456789abcdef";
    std::string text;
    for (const auto byte : id) text.append({digits[byte >> 4], digits[byte & 15]});
    return text;
}

// No tenant: ids of tenants begin with a time.
constexpr const char* nobody_id = "ffffffffffffffffffffffffffffffff";

std::string milliseconds_of(Duration d) {
    return std::to_string(std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(d).count()));
}

}  // namespace

/// What a query found, all of it: the server's answer was read before the next statement runs.
struct PgRows final : Rows::Impl {
    PgRows(PgConnection& c, const StatementText& t, PgResult r) : Impl(t), connection(c), result(std::move(r)), rows(PQntuples(result.get())) {
        ++connection.cursors_;
    }
    ~PgRows() override { --connection.cursors_; }

    bool next() override { return row < rows && ++row < rows; }
    void check(int column) const {
        if (row < 0 || row >= rows) no_row();
        if (column < 0 || column >= PQnfields(result.get())) no_column(column);
    }
    void expect(int column, Oid type) const {
        check(column);
        if (PQgetisnull(result.get(), row, column) || PQftype(result.get(), column) != type) other_kind(column);
    }
    const char* value(int column) const { return PQgetvalue(result.get(), row, column); }
    std::size_t size(int column) const { return static_cast<std::size_t>(PQgetlength(result.get(), row, column)); }

    bool is_null(int column) const override {
        check(column);
        return PQgetisnull(result.get(), row, column) != 0;
    }
    std::int64_t integer(int column) const override {
        check(column);
        const auto type = PQftype(result.get(), column);
        const bool number = type == oid_int8 || type == oid_int4 || type == oid_int2 || type == oid_bool;
        if (!number || PQgetisnull(result.get(), row, column)) other_kind(column);
        return get_number(value(column), PQgetlength(result.get(), row, column));
    }
    std::string_view text_of(int column) const override {
        expect(column, oid_text);
        return {value(column), size(column)};
    }
    std::span<const std::uint8_t> blob(int column) const override {
        expect(column, oid_bytea);
        return {reinterpret_cast<const std::uint8_t*>(value(column)), size(column)};
    }

    PgConnection& connection;
    PgResult result;
    const int rows;
    int row = -1;
};

PgConnection::PgConnection(const Options& options, Role role) : Connection(role == Role::writer), role_(role) {
    new_lineage();
    handle_ = pg_connect(options);
    try {
        configure(options);
    } catch (...) {
        close();
        throw;
    }
}

PgConnection::~PgConnection() { close(); }

void PgConnection::close() noexcept {
    prepared_.clear();
    PQfinish(std::exchange(handle_, nullptr));
}

void PgConnection::configure(const Options& options) {
    // A lock is waited for as long as busy_deadline says and a read lasts as long as read_deadline says. A step of a migration lasts.
    if (role_ != Role::migrator) silence_ = 2 * (options.busy_deadline + options.read_deadline);
    PQsetNoticeProcessor(handle_, [](void*, const char*) {}, nullptr);
    if (PQenterPipelineMode(handle_) != 1) fail_connection();
    // Names mean the home's own first: its sums are integers, as SQLite's.
    send("SET search_path = store, pg_catalog");
    send("SET synchronous_commit = on");
    send("SET standard_conforming_strings = on");
    send("SELECT set_config('lock_timeout', $1, false)", {milliseconds_of(options.busy_deadline).c_str()});
    // Whoever is stopped with the writers' lock in his hands must not keep everybody else from writing until he goes on.
    if (role_ == Role::writer)
        send("SELECT set_config('idle_in_transaction_session_timeout', $1, false)", {milliseconds_of(options.busy_deadline).c_str()});
    if (role_ == Role::reader) {
        send("SET default_transaction_read_only = on");
        send("SELECT set_config('statement_timeout', $1, false)", {milliseconds_of(options.read_deadline).c_str()});
    }
    finish();
}

void PgConnection::fail_connection() {
    last_state_ = "08006";
    throw Unavailable("the connection to the database server was lost", {.retryable = true});
}

void PgConnection::fail(const std::string& state, const std::string& message, bool deleting) {
    last_state_ = state;
    throw_postgres(state, message, deleting);
}

void PgConnection::send(const char* sql, std::initializer_list<const char*> values) {
    // No longer any connection: finish() says so.
    if (PQsendQueryParams(handle_, sql, static_cast<int>(values.size()), nullptr, values.begin(), nullptr, nullptr, 1) == 1) ++sent_;
    else if (is_lost()) fail_connection();
}

/// PQgetResult alone waits for ever where a server was stopped, or the network lost it.
PGresult* PgConnection::next_result() {
    const auto limit = silence_ == Duration::zero() ? -1 : static_cast<int>(std::chrono::duration_cast<std::chrono::milliseconds>(silence_).count());
    while (PQisBusy(handle_)) {
        pollfd socket{PQsocket(handle_), POLLIN, 0};
        if (poll(&socket, 1, limit) == 0) ::shutdown(socket.fd, SHUT_RDWR);
        if (PQconsumeInput(handle_) != 1) break;
    }
    return PQgetResult(handle_);
}

PgResult PgConnection::finish() {
    if (PQpipelineSync(handle_) != 1) fail_connection();
    PgResult last;
    std::string state, message;
    for (; sent_ > 0; --sent_) {
        while (PGresult* raw = next_result()) {
            PgResult result(raw);
            const auto status = PQresultStatus(raw);
            if (status == PGRES_FATAL_ERROR && state.empty()) {
                const char* code = PQresultErrorField(raw, PG_DIAG_SQLSTATE);
                const char* text = PQresultErrorField(raw, PG_DIAG_MESSAGE_PRIMARY);
                state = code ? code : "08006";
                message = text ? text : "";
            }
            if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) last = std::move(result);
            if (is_lost()) break;
        }
        if (is_lost()) break;
    }
    if (is_lost()) {
        sent_ = 0;
        status_ = PQTRANS_UNKNOWN;
        fail_connection();
    }
    const PgResult sync(next_result());
    status_ = PQtransactionStatus(handle_);
    if (!sync || PQresultStatus(sync.get()) != PGRES_PIPELINE_SYNC) {
        // What is left of the conversation cannot be told apart.
        if (!state.empty()) fail(state, message, deleting_);
        throw InternalError("the database server's answers do not fit the questions");
    }
    if (!state.empty()) fail(state, message, deleting_);
    return last;
}

std::int64_t PgConnection::number(const char* sql, std::initializer_list<const char*> values) {
    const auto result = run(sql, values);
    if (!result || PQntuples(result.get()) != 1 || PQgetisnull(result.get(), 0, 0)) throw InternalError(std::string("no number: ") + sql);
    return get_number(PQgetvalue(result.get(), 0, 0), PQgetlength(result.get(), 0, 0));
}

void PgConnection::begin(const char* sql) {
    acting_.reset();
    send(sql);
}

void PgConnection::act_as(const Actor& actor) {
    if (acting_ && acting_->kind == actor.kind && acting_->tenant == actor.tenant) return;
    const bool tenant = actor.kind == Actor::Kind::tenant;
    const auto id = tenant ? hex_of(actor.tenant) : std::string(nobody_id);
    // For this transaction only: whoever is lent the connection next begins as nobody.
    send("SELECT set_config('scope.tenant', $1, true), set_config('scope.system', $2, true)",
         {id.c_str(), actor.kind == Actor::Kind::system ? "on" : "off"});
    acting_ = actor;
}

bool PgConnection::is_stale() const noexcept {
    pollfd socket{PQsocket(handle_), POLLIN, 0};
    return is_lost() || poll(&socket, 1, 0) != 0;
}

bool PgConnection::has_ended() noexcept {
    // The last words, and the end behind them.
    for (int reads = 0; reads < 2 && !is_lost(); ++reads) {
        pollfd socket{PQsocket(handle_), POLLIN, 0};
        if (poll(&socket, 1, 0) == 0) break;
        PQconsumeInput(handle_);
    }
    return is_lost();
}

void PgConnection::rollback() noexcept {
    acting_.reset();
    for (int tries = 0; tries < 2; ++tries) try {
        // What was sent and not waited for may have begun one.
        if (!is_lost() && (status_ != PQTRANS_IDLE || sent_ > 0)) run("ROLLBACK");
        } catch (const std::exception&) {
            // One of those was refused, and what came after it with it.
        }
}

const PgConnection::Prepared& PgConnection::prepare(const StatementText& text) {
    const std::pair key{text.kind, text.sql};
    if (const auto found = prepared_.find(key); found != prepared_.end()) return found->second;
    Prepared made{.name = "s" + std::to_string(prepared_.size()), .text = pg_statement(text), .types = {}};
    const auto learn = [&](const char* name, const std::string& sql) {
        if (PQsendPrepare(handle_, name, sql.c_str(), static_cast<int>(made.types.size()), made.types.data()) != 1) fail_connection();
        ++sent_;
        if (PQsendDescribePrepared(handle_, name) != 1) fail_connection();
        ++sent_;
        const auto described = finish();
        made.types.clear();
        for (int i = 0; i < PQnparams(described.get()); ++i) made.types.push_back(PQparamtype(described.get(), i));
    };
    if (!made.text.probe.empty()) learn("", made.text.probe);
    learn(made.name.c_str(), made.text.sql);
    if (made.types.size() != made.text.arguments.size()) throw InternalError(std::string("a statement's parameters are not understood: ") + text.sql);
    return prepared_.emplace(key, std::move(made)).first->second;
}

void PgConnection::send_prepared(const Prepared& prepared, const Actor& actor, const StatementText& text, std::span<const Value> values) {
    const auto count = prepared.types.size();
    std::vector<const char*> data(count);
    std::vector<int> lengths(count), formats(count, 1);
    std::vector<std::array<char, 8>> numbers(count);
    for (std::size_t i = 0; i < count; ++i) {
        const int argument = prepared.text.arguments[i];
        if (argument == PgText::scope_argument) {
            data[i] = reinterpret_cast<const char*>(actor.tenant.data());
            lengths[i] = 16;
            continue;
        }
        const auto& value = values[static_cast<std::size_t>(argument)];
        const auto type = prepared.types[i];
        const auto refuse = [&] {
            throw InternalError("argument " + std::to_string(argument) + " is of another kind than the statement takes: " + text.sql);
        };
        switch (value.kind()) {
            case Value::Kind::null: continue;
            case Value::Kind::integer: {
                const auto size = type == oid_int8 ? 8 : type == oid_int4 ? 4 : type == oid_int2 ? 2 : type == oid_bool ? 1 : 0;
                if (size == 0) refuse();
                const auto n = value.integer();
                const auto most = size == 8 ? std::numeric_limits<std::int64_t>::max() : size == 1 ? 1 : (std::int64_t{1} << (8 * size - 1)) - 1;
                const bool fits = n <= most && (size == 8 || n >= (size == 1 ? 0 : -most - 1));
                if (!fits) throw InvalidArgument("a number is too large to store", {.subject = text.sql});
                put_number(numbers[i].data(), n, static_cast<std::size_t>(size));
                data[i] = numbers[i].data();
                lengths[i] = size;
                continue;
            }
            case Value::Kind::text:
                if (type != oid_text) refuse();
                break;
            case Value::Kind::blob:
                if (type != oid_bytea) refuse();
                break;
        }
        if (value.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
            throw InvalidArgument("a value is too long to store", {.subject = text.sql});
        data[i] = value.size() ? static_cast<const char*>(value.data()) : "";
        lengths[i] = static_cast<int>(value.size());
    }
    if (PQsendQueryPrepared(handle_, prepared.name.c_str(), static_cast<int>(count), data.data(), lengths.data(), formats.data(), 1) != 1)
        fail_connection();
    ++sent_;
}

PgResult PgConnection::execute(const Actor& actor, const StatementText& text, std::span<const Value> values) {
    if (values.size() != text.parameters)
        throw InternalError("a statement takes " + std::to_string(text.parameters) + " arguments, not " + std::to_string(values.size()) + ": " +
                            text.sql);
    if (role_ == Role::reader && read_deadline_ != Duration::zero() && base::system_clock()->monotonic() > read_deadline_)
        throw Cancelled("a query took too long");
    if (is_spoiled()) throw Unavailable("the transaction was given up after an earlier error");
    const auto& prepared = prepare(text);
    act_as(actor);
    deleting_ = sql::lower(text.sql[0]) == 'd';
    const bool guarded = guarded_ && !text.target.empty();
    if (guarded) send("SAVEPOINT statement");
    send_prepared(prepared, actor, text, values);
    try {
        auto result = finish();
        if (!text.target.empty()) changed_ += std::max(1, PQntuples(result.get()));
        if (guarded) send("RELEASE statement");  // goes with what comes next
        return result;
    } catch (...) {
        if (guarded && is_spoiled()) {
            const auto state = last_state_;
            send("ROLLBACK TO statement");
            run("RELEASE statement");
            last_state_ = state;
        }
        throw;
    }
}

std::unique_ptr<Rows::Impl> PgConnection::query(const Actor& actor, const StatementText& text, std::span<const Value> values) {
    return std::make_unique<PgRows>(*this, text, execute(actor, text, values));
}

std::int64_t PgConnection::change(const Actor& actor, const StatementText& text, std::span<const Value> values) {
    const auto result = execute(actor, text, values);
    if (text.target.empty()) return 0;
    return std::strtoll(PQcmdTuples(result.get()), nullptr, 10);
}

}  // namespace tenon::db
