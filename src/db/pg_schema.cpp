#include "pg_schema.hpp"

#include <map>

#include <base/clock.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "pg_connection.hpp"

namespace tenon::db {
namespace {

constexpr Actor pg_system{Actor::Kind::system, {}};
constexpr std::int64_t pg_version = 1;

// What the rooms' statements expect of a database and PostgreSQL does not have, or has otherwise: sums of integers that are
// integers, the larger of two, the place of a text in another. And the walls' own functions: a scope that was never chosen, or
// chosen in an earlier transaction, is an error, because "" is neither an id nor a truth.
constexpr const char* pg_own[] = {
    "CREATE SCHEMA store",
    "CREATE FUNCTION scope_tenant() RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS "
    "$$SELECT uuid_send(current_setting('scope.tenant')::uuid)$$",
    "CREATE FUNCTION scope_system() RETURNS boolean LANGUAGE sql STABLE PARALLEL SAFE AS "
    "$$SELECT current_setting('scope.system')::boolean$$",
    "CREATE FUNCTION refuse_row() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN RAISE EXCEPTION '%', TG_ARGV[0]; END$$",
    "CREATE AGGREGATE sum(bigint) (SFUNC = int8pl, STYPE = bigint, COMBINEFUNC = int8pl, PARALLEL = SAFE)",
    "CREATE FUNCTION max(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
    "$$SELECT CASE WHEN $1 < $2 THEN $2 WHEN $1 >= $2 THEN $1 END$$",
    "CREATE FUNCTION min(bigint, bigint) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
    "$$SELECT CASE WHEN $1 > $2 THEN $2 WHEN $1 <= $2 THEN $1 END$$",
    "CREATE FUNCTION least_of(bytea, bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS "
    "$$SELECT CASE WHEN $1 IS NULL OR $2 < $1 THEN $2 ELSE $1 END$$",
    "CREATE AGGREGATE min(bytea) (SFUNC = least_of, STYPE = bytea, COMBINEFUNC = least_of, PARALLEL = SAFE)",
    "CREATE FUNCTION length(text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT char_length($1)::bigint$$",
    "CREATE FUNCTION length(bytea) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT octet_length($1)::bigint$$",
    "CREATE FUNCTION instr(text, text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT strpos($1, $2)::bigint$$",
    "CREATE FUNCTION zeroblob(bigint) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$SELECT decode(repeat('00', $1::int), 'hex')$$",
    "CREATE FUNCTION random() RETURNS bigint LANGUAGE sql VOLATILE PARALLEL SAFE AS "
    "$$SELECT ((pg_catalog.random() - 0.5) * 18446744073709549568)::bigint$$",
    "CREATE TABLE schema_format (version bigint NOT NULL)",
    "CREATE TABLE schema_migration (room text COLLATE \"C\" NOT NULL, number bigint NOT NULL, checksum bytea NOT NULL, "
    "applied_at bigint NOT NULL, PRIMARY KEY (room, number))",
    "CREATE TABLE schema_object (name text COLLATE \"C\" NOT NULL PRIMARY KEY, kind text COLLATE \"C\" NOT NULL, "
    "CHECK (kind IN ('tenant', 'shared', 'system')))",
    "CREATE TABLE meta (key text COLLATE \"C\" NOT NULL PRIMARY KEY, value text COLLATE \"C\" NOT NULL)",
    "CREATE TABLE counter (name text COLLATE \"C\" NOT NULL PRIMARY KEY, value bigint NOT NULL)",
    "CREATE TABLE commit_number (n bigint NOT NULL) WITH (fillfactor = 10)",
    "CREATE TABLE scope_try_ (tenant_id bytea NOT NULL PRIMARY KEY)",
};

std::string text_at(const PgResult& r, int row, int column) {
    return {PQgetvalue(r.get(), row, column), static_cast<std::size_t>(PQgetlength(r.get(), row, column))};
}

std::string hex_checksum(const Migration& m) {
    return crypto::to_hex(crypto::sha256({reinterpret_cast<const std::uint8_t*>(m.sql.data()), m.sql.size()}));
}

void make_own(PgConnection& c) {
    for (const char* sql : pg_own) c.send(sql);
    for (const char* table : {"schema_format", "schema_migration", "schema_object", "meta", "counter", "commit_number"})
        for (const auto& wall : pg_walls(table, "system")) c.send(wall.c_str());
    for (const auto& wall : pg_walls("scope_try_", "tenant")) c.send(wall.c_str());
    c.send("INSERT INTO schema_format (version) VALUES ($1::bigint)", {std::to_string(pg_version).c_str()});
    c.run("INSERT INTO commit_number (n) VALUES (0)");
}

void apply_pg(PgConnection& c, const Options& options, const std::vector<Migration>& migrations) {
    std::map<std::pair<std::string, int>, std::string> applied;
    const auto rows = c.run("SELECT room, number::text, encode(checksum, 'hex') FROM schema_migration");
    for (int i = 0; i < PQntuples(rows.get()); ++i) applied[{text_at(rows, i, 0), std::stoi(text_at(rows, i, 1))}] = text_at(rows, i, 2);
    std::map<std::string, int> last;
    const auto now = std::to_string((options.clock ? options.clock : base::system_clock())->now().time_since_epoch().count());
    for (const auto& m : migrations) {
        if (m.number != ++last[m.room]) throw InternalError("migrations of a room are numbered 1, 2, 3 …", {.subject = m.room});
        const auto found = applied.find({m.room, m.number});
        if (found != applied.end()) {
            if (found->second != hex_checksum(m))
                throw Conflict("an applied migration has changed since", {.subject = m.room + " " + std::to_string(m.number)});
            applied.erase(found);
            continue;
        }
        for (const auto& statement : pg_script(m.sql)) c.send(statement.c_str());
        c.run("INSERT INTO schema_migration VALUES ($1, $2::bigint, decode($3, 'hex'), $4::bigint)",
              {m.room.c_str(), std::to_string(m.number).c_str(), hex_checksum(m).c_str(), now.c_str()});
    }
    if (!applied.empty())
        throw Unsupported("the metadata store was written by a newer version of this software",
                          {.subject = applied.begin()->first.first + " " + std::to_string(applied.begin()->first.second)});
}

[[noreturn]] void refuse_walls(const std::string& why, const std::string& subject = {}) {
    throw Unsupported("rows of tenants would not be kept apart: " + why, {.subject = subject});
}

void refuse_any(PgConnection& c, const char* sql, const char* why) {
    const auto found = c.run(sql);
    if (PQntuples(found.get()) > 0) refuse_walls(why, text_at(found, 0, 0));
}

bool is_refused(PgConnection& c, const char* sql, std::initializer_list<const char*> values = {}) {
    c.send("SAVEPOINT attempt");
    try {
        c.run(sql, values);
    } catch (const Error&) {
        if (!c.is_spoiled()) throw;
        c.run("ROLLBACK TO attempt");
        return true;
    }
    return false;
}

}  // namespace

void lock_pg(PgConnection& c) {
    c.act_as(pg_system);
    c.number("SELECT 1::bigint FROM (SELECT pg_advisory_xact_lock($1::bigint)) l", {std::to_string(pg_writers_lock).c_str()});
}

void refuse_pg_login(PgConnection& c) {
    // Before anything is made that a better login could not use.
    refuse_any(c, "SELECT rolname::text FROM pg_roles WHERE rolname = current_user AND (rolsuper OR rolbypassrls)",
               "the login may pass by security by row; use one with NOSUPERUSER NOBYPASSRLS");
    if (c.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'store' AND NOT pg_has_role(nspowner, 'USAGE')") != 0)
        throw PermissionDenied("the tables in the database belong to another login: use the one that made them", {.subject = "postgres"});
}

void forbid_pg_tables() {
    throw PermissionDenied("the login may not make its tables in the database: let it own the database (ALTER DATABASE … OWNER TO …)",
                           {.subject = "postgres"});
}

bool has_pg_table(PgConnection& c, const char* name) {
    return c.number("SELECT count(*) FROM pg_class WHERE relnamespace = to_regnamespace('store') AND relname = $1", {name}) != 0;
}

void make_pg_schema(PgConnection& c, const Options& options, const std::vector<Migration>& migrations) {
    make_own(c);
    apply_pg(c, options, migrations);
}

void prepare_pg_schema(const Options& options, const std::vector<Migration>& migrations) {
    PgConnection c(options, PgConnection::Role::migrator);
    c.begin("BEGIN");
    try {
        lock_pg(c);
        refuse_pg_login(c);
        if (c.number("SELECT count(*) FROM pg_namespace WHERE nspname = 'store'") == 0) make_own(c);
        if (!has_pg_table(c, "schema_format"))
            throw Corrupt("the database's schema 'store' is something else");
        if (has_pg_table(c, pg_moving))
            throw Conflict("a home's metadata were being moved to this database, and that did not end: move them again", {.subject = "postgres"});
        if (c.number("SELECT max(version) FROM schema_format") > pg_version)
            throw Unsupported("the metadata store was written by a newer version of this software");
        apply_pg(c, options, migrations);
        c.run("COMMIT");
    } catch (...) {
        const bool forbidden = c.last_state() == "42501";
        c.rollback();
        if (forbidden) forbid_pg_tables();
        throw;
    }
}

void check_pg_walls(const Options& options) {
    PgConnection c(options, PgConnection::Role::migrator);
    refuse_any(c,
               "SELECT relname::text FROM pg_class WHERE relnamespace = 'store'::regnamespace AND relkind IN ('r', 'p', 'f', 'm') "
               "AND NOT (relrowsecurity AND relforcerowsecurity)",
               "a table has no forced security by row");
    refuse_any(c,
               "SELECT relname::text FROM pg_class WHERE relnamespace = 'store'::regnamespace AND relkind = 'v' "
               "AND NOT coalesce('security_invoker=true' = ANY (reloptions), false)",
               "a view reads as its owner");
    refuse_any(c,
               "SELECT relname::text FROM pg_policy p JOIN pg_class c ON c.oid = polrelid WHERE c.relnamespace = 'store'::regnamespace AND "
               "NOT (polname = 'scope' AND pg_get_expr(polqual, polrelid) LIKE '%scope_system()%' AND "
               "(relname LIKE '%\\_') = (pg_get_expr(polqual, polrelid) LIKE '%tenant_id = %scope_tenant()%') "
               "OR polname = 'reading' AND polcmd = 'r')",
               "a table has a policy that is none of the store's");
    const base::IdBytes one{1}, two{2};
    const Actor first{Actor::Kind::tenant, one}, second{Actor::Kind::tenant, two};
    const char* put = "INSERT INTO scope_try_ VALUES (decode('01000000000000000000000000000000', 'hex'))";
    const char* seen = "SELECT count(*) FROM scope_try_";
    c.begin("BEGIN");
    try {
        if (!is_refused(c, put)) refuse_walls("nobody may write");
        c.act_as(first);
        c.run(put);
        if (c.number(seen) != 1) refuse_walls("a tenant does not see its own row");
        c.act_as(second);
        if (c.number(seen) != 0) refuse_walls("a tenant sees another's row");
        if (!is_refused(c, put)) refuse_walls("a tenant may write another's row");
        if (c.number("WITH gone AS (DELETE FROM scope_try_ RETURNING 1) SELECT count(*) FROM gone") != 0)
            refuse_walls("a tenant may remove another's row");
    } catch (...) {
        c.rollback();
        throw;
    }
    c.rollback();
    if (c.begin("BEGIN"), !is_refused(c, "SELECT scope_tenant(), scope_system()")) refuse_walls("a scope outlives its transaction");
    c.rollback();
}

}  // namespace tenon::db
