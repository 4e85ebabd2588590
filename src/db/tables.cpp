#include <db/long_rows.hpp>
#include <db/migration.hpp>

#include <db/sql_tokens.hpp>
#include <tenon/error.hpp>

namespace tenon::db {
namespace {

using sql::same;

[[noreturn]] void refuse(std::string_view table, const char* why) { throw InvalidArgument(why, {.subject = std::string(table)}); }

/// `KEY (tenant_id, …` after token i.
bool key_begins_with_tenant(const std::vector<sql::Token>& t, std::size_t i) {
    return i + 3 < t.size() && same(t[i + 1].text, "KEY") && t[i + 2].text == "(" && t[i + 3].text == "tenant_id";
}

void check_shape(std::string_view name, std::string_view columns, std::string_view constraints) {
    if (name.empty() || name.back() == '_') refuse(name, "a tenant table is declared by its view's name, without a trailing _");
    for (const auto& token : sql::tokens_of(columns)) {
        if (same(token.text, "REFERENCES")) refuse(name, "a tenant table's references stand among its constraints");
        if (same(token.text, "PRIMARY")) refuse(name, "a tenant table's primary key stands among its constraints");
        if (token.text == "tenant_id") refuse(name, "tenant_id is added by itself");
    }
    const auto t = sql::tokens_of(constraints);
    bool has_key = false;
    bool tenant_reference = false;
    for (std::size_t i = 0; i < t.size(); ++i) {
        if (same(t[i].text, "DEFERRABLE")) refuse(name, "a deferred reference would fail its whole group of writes");
        if (same(t[i].text, "PRIMARY")) {
            if (!key_begins_with_tenant(t, i)) refuse(name, "a tenant table's primary key begins with tenant_id");
            has_key = true;
        }
        if (same(t[i].text, "FOREIGN")) tenant_reference = key_begins_with_tenant(t, i);
        const bool to_tenants = same(t[i].text, "REFERENCES") && i + 3 < t.size() && t[i + 1].text.back() == '_';
        if (to_tenants && !(tenant_reference && t[i + 3].text == "tenant_id"))
            refuse(name, "a reference to a tenant table begins with tenant_id on both sides");
    }
    if (!has_key) refuse(name, "a tenant table needs PRIMARY KEY (tenant_id, …)");
}

std::string with_tenant(const std::string& table, std::string_view columns, std::string_view constraints) {
    return "CREATE TABLE " + table + " (tenant_id BLOB NOT NULL, " + std::string(columns) + ", " + std::string(constraints);
}

std::string walls(const std::string& name) {
    const std::string table = name + "_";
    const std::string refuse_row = " BEGIN SELECT RAISE(ABORT, 'a row outside of the scope'); END;\n";
    return "CREATE VIEW " + name + " AS SELECT * FROM " + table + " WHERE tenant_id = scope_tenant();\n" + "CREATE TRIGGER " + table +
           "insert BEFORE INSERT ON " + table + " WHEN NOT scope_may(NEW.tenant_id)" + refuse_row + "CREATE TRIGGER " + table +
           "update BEFORE UPDATE ON " + table + " WHEN NOT (scope_may(OLD.tenant_id) AND scope_may(NEW.tenant_id))" + refuse_row +
           "CREATE TRIGGER " + table + "delete BEFORE DELETE ON " + table + " WHEN NOT scope_may(OLD.tenant_id)" + refuse_row;
}

std::string plain(std::string_view name, std::string_view columns, std::string_view constraints, const char* kind) {
    std::string sql = "CREATE TABLE " + std::string(name) + " (" + std::string(columns);
    if (!constraints.empty()) sql += ", " + std::string(constraints);
    return sql + ") STRICT;\nINSERT INTO schema_object (name, kind) VALUES ('" + std::string(name) + "', '" + kind + "');\n";
}

}  // namespace

// What these return is hashed with the migration that used it: changing it would refuse every existing file.

std::string tenant_table(std::string_view view, std::string_view columns, std::string_view constraints) {
    check_shape(view, columns, constraints);
    const std::string name(view);
    return with_tenant(name + "_", columns, constraints) + ") STRICT, WITHOUT ROWID;\n" + walls(name) +
           "INSERT INTO schema_object (name, kind) VALUES ('" + name + "', 'tenant');\n";
}

std::string tenant_table_for_long_rows(std::string_view view, std::string_view columns, std::string_view constraints) {
    check_shape(view, columns, constraints);
    const std::string name(view), table = name + "_", made = name + "_made";
    return with_tenant(made, columns, constraints) + ") STRICT;\n" + "INSERT INTO " + made + " SELECT * FROM " + table + ";\n" + "DROP VIEW " +
           name + ";\nDROP TABLE " + table + ";\nALTER TABLE " + made + " RENAME TO " + table + ";\n" + walls(name);
}

std::string system_table(std::string_view name, std::string_view columns, std::string_view constraints) {
    return plain(name, columns, constraints, "system");
}

std::string shared_table(std::string_view name, std::string_view columns, std::string_view constraints) {
    return plain(name, columns, constraints, "shared");
}

}  // namespace tenon::db
