// Every tenant's statement that any room declares, on the tables of all rooms with rows of two tenants, and every mutant of it that has
// lost its care for tenants: what the third wall does alone, and what the second does alone.
#include <algorithm>
#include <map>
#include <optional>
#include <regex>
#include <set>

#include <gtest/gtest.h>

#include <db/database.hpp>
#include <declared_statements.hpp>
#include <engine/all_migrations.hpp>
#include <scope_maker.hpp>
#include <statement_maker.hpp>
#include <temp_folder.hpp>
#include <tenon/error.hpp>

#include "mutants.hpp"
#include "raw.hpp"

namespace tenon::db::testing {
namespace {

struct Column {
    std::string name, type;
};
struct Reference {
    std::string table, column;  // a tenant's table, and the column that says which of its parent's rows
};

/// All tables of all rooms, with one row of each tenant in each. Whatever is a value of a tenant's is so in every table, so that all
/// references of a row lead to rows of the same tenant.
class World {
public:
    enum class Keys : bool { kept, without_references };
    enum class Guards : bool { kept, none };

    /// `like`: references are looked for where that one has them.
    World(Keys keys, Guards guards, bool with_b, const World* like = nullptr) : a_(ScopeMaker::tenant({0xa1a1a1a1a1a1a1a1, 0xa1a1a1a1a1a1a1a1})) {
        auto steps = engine::all_migrations();
        static const std::regex reference(R"(,\s*FOREIGN KEY \([^)]*\) REFERENCES \w+ \([^)]*\))");
        if (keys == Keys::without_references)
            for (auto& step : steps) step.sql = std::regex_replace(step.sql, reference, "");
        const auto file = folder_ / "metadata.db";
        database_ = Database::open({.file = file}, steps);
        read_tables(file);
        if (like) references_ = like->references_;
        look_for_crossings();
        fill('a');
        if (with_b) fill('b');
        if (guards == Guards::none) {
            database_.reset();
            Raw raw(file);
            for (const auto& name : raw.run("SELECT name FROM sqlite_schema WHERE type = 'trigger'")) raw.run("DROP TRIGGER " + name);
            for (const auto& [name, columns] : tables_) {
                raw.run("DROP VIEW " + name);
                raw.run("CREATE VIEW " + name + " AS SELECT * FROM " + name + "_");
            }
            database_ = Database::open({.file = file}, steps);
        }
    }

    struct Outcome {
        std::string said;       ///< Rows, or how many were changed; of a refusal its code.
        bool refused = false;
        std::string of_a, of_b; ///< Every row of the tenant in the table that it writes to, afterwards.
        int crossing = 0;       ///< Rows whose reference is a value of the other tenant's.
        friend bool operator==(const Outcome&, const Outcome&) = default;
    };

    /// As tenant a; what it does is undone.
    Outcome run(const std::string& sql) {
        const auto statement = StatementMaker::tenant(sql);
        struct Undo {};
        Outcome outcome;
        try {
            database_->write(system_, [&](SystemTx& tx) {
                outcome = {};
                auto mine = tx.tenant(a_);
                try {
                    if (sql.starts_with("SELECT") || sql.find(" RETURNING ") != std::string::npos) outcome.said = all_of(mine.query(statement));
                    else outcome.said = std::to_string(mine.exec(statement));
                } catch (const Error& error) {
                    outcome.said = to_string(error.code());
                    outcome.refused = true;
                }
                if (!sql.starts_with("SELECT")) {
                    const auto target = target_of(sql);
                    outcome.of_a = dump(tx, target, 'a');
                    outcome.of_b = dump(tx, target, 'b');
                    for (const auto& crossing : crossings_)
                        if (auto rows = tx.query(crossing); rows.next()) outcome.crossing += static_cast<int>(rows.i64(0));
                }
                throw Undo{};
            });
        } catch (const Undo&) {
        }
        return outcome;
    }

    /// The statement with a tenant's values for its parameters, as far as its text says what they are.
    std::string with_values(std::string sql, char whose) const {
        std::map<std::string, std::string> values;
        const auto named = tables_in(sql);
        const auto value_of = [&](const std::string& column) -> std::optional<std::string> {
            for (const auto& table : named)
                for (const auto& each : tables_.at(table))
                    if (each.name == column) return literal(each, whose);
            return std::nullopt;
        };
        std::smatch m;
        static const std::regex inserted(R"(^INSERT INTO \w+ \(([^)]*)\) (?:VALUES \(|SELECT )(.*))");
        if (std::regex_search(sql, m, inserted)) {
            const auto columns = split(m[1]), given = split(m[2]);
            for (std::size_t i = 0; i < columns.size() && i < given.size(); ++i)
                if (given[i].starts_with(":"))
                    if (auto value = value_of(columns[i])) values.emplace(given[i].substr(1), *value);
        }
        static const std::regex compared(R"((\w+)\s*(?:=|<>|<=|>=|<|>| IS )\s*:(\w+))"), limit(R"((LIMIT|OFFSET) :(\w+))");
        for (std::sregex_iterator i(sql.begin(), sql.end(), compared), end; i != end; ++i)
            if (auto value = value_of((*i)[1])) values.emplace((*i)[2], *value);
        for (std::sregex_iterator i(sql.begin(), sql.end(), limit), end; i != end; ++i) values.insert_or_assign((*i)[2], "100");
        static const std::regex parameter(R"(:(\w+))");
        std::string out;
        auto at = sql.cbegin();
        for (std::sregex_iterator i(sql.begin(), sql.end(), parameter), end; i != end; ++i) {
            out.append(at, (*i)[0].first);
            const auto name = (*i)[1].str();
            if (name == "tenant") out += ":tenant";
            else if (const auto found = values.find(name); found != values.end()) out += found->second;
            else out += "1";
            at = (*i)[0].second;
        }
        out.append(at, sql.cend());
        return out;
    }

    /// What the table that a statement writes to has of tenant b, as long as nobody changes it. Empty: it reads.
    std::string row_of_b(const std::string& sql) {
        if (sql.starts_with("SELECT")) return "";
        const auto target = target_of(sql);
        auto& known = rows_of_b_[target];
        if (known.empty())
            known = database_->read(system_, [&](SystemReader& reader) {
                auto rows = reader.query(dumps_.at({target, 'b'}));
                return rows.next() ? rows.text(0) + "\n" : std::string();
            });
        return known;
    }

    const std::vector<Reference>& references() const { return references_; }
    std::size_t tables() const { return tables_.size(); }

private:
    /// The first table that it names as one, whatever stands before it. Empty: it reads.
    std::string target_of(const std::string& sql) const {
        static const std::regex table(R"((\w+)_\b)");
        for (std::sregex_iterator i(sql.begin(), sql.end(), table), end; i != end; ++i)
            if (tables_.contains((*i)[1])) return (*i)[1];
        return "";
    }

    static std::vector<std::string> split(const std::string& list) {
        std::vector<std::string> parts(1);
        int depth = 0;
        for (const char c : list) {
            depth += (c == '(') - (c == ')');
            if (c == ',' && depth == 0) parts.emplace_back();
            else if (c != ' ' || !parts.back().empty()) parts.back() += c;
        }
        for (auto& part : parts)
            while (part.ends_with(' ') || (part.ends_with(')') && part.starts_with(':'))) part.pop_back();
        return parts;
    }

    /// Integers, texts and ids of a tenant are all the same.
    static std::string literal(const Column& column, char whose) {
        const int number = whose == 'a' ? 1 : 2;
        if (column.name == "tenant_id") return ":tenant";
        if (column.type == "TEXT") return std::string("'") + whose + "'";
        if (column.type == "BLOB") return whose == 'a' ? "x'a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1'" : "x'b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1b1'";
        return std::to_string(column.name == "ends_at" ? number + 10 : number);
    }
    static std::string tenant(char whose) { return literal({"id", "BLOB"}, whose); }

    std::set<std::string> tables_in(const std::string& sql) const {
        std::set<std::string> found;
        static const std::regex word(R"(\w+)");
        for (std::sregex_iterator i(sql.begin(), sql.end(), word), end; i != end; ++i) {
            auto name = i->str();
            if (name.ends_with('_')) name.pop_back();
            if (tables_.contains(name)) found.insert(name);
        }
        return found;
    }

    void read_tables(const std::filesystem::path& file) {
        Raw raw(file);
        for (const auto& name : raw.run("SELECT name FROM schema_object WHERE kind = 'tenant'")) {
            auto& columns = tables_[name];
            for (const auto& line : raw.run("SELECT name, type FROM pragma_table_info('" + name + "_')"))
                columns.push_back({line.substr(0, line.find('|')), line.substr(line.find('|') + 1)});
            for (const auto& line : raw.run("SELECT \"table\", \"from\" FROM pragma_foreign_key_list('" + name + "_')")) {
                const auto parent = line.substr(0, line.find('|')), column = line.substr(line.find('|') + 1);
                if (column != "tenant_id" && parent.ends_with('_')) references_.push_back({name, column});
            }
            std::string quoted;
            for (const auto& column : columns) quoted += (quoted.empty() ? "" : " || '|' || ") + ("quote(" + column.name + ")");
            for (const char whose : {'a', 'b'})
                dumps_.emplace(std::pair(name, whose),
                               StatementMaker::system("SELECT " + quoted + " FROM " + name + "_ WHERE tenant_id = " + tenant(whose)));
        }
    }

    void look_for_crossings() {
        for (const auto& [table, column] : references_)
            for (const auto& [mine, theirs] : {std::pair('a', 'b'), std::pair('b', 'a')}) {
                const auto type = std::ranges::find(tables_.at(table), column, &Column::name)->type;
                const auto of_mine = " WHERE tenant_id = " + tenant(mine);
                crossings_.push_back(StatementMaker::system("SELECT count(*) FROM " + table + "_" + of_mine + " AND " + column + " = " +
                                                            literal({column, type}, theirs)));
            }
    }

    void fill(char whose) {
        const int number = whose == 'a' ? 1 : 2;
        const std::string word(1, whose);
        database_->write(system_, [&](SystemTx& tx) {
            tx.exec(StatementMaker::system(
                "INSERT INTO plan (name, version, catalogue, title, currency, price_interval, per, trial_days, features, limits, rates, weight, "
                "retention, overage) VALUES ('" +
                word + "', " + std::to_string(number) + ", 'c', 't', 'EUR', 'month', 'tenant', 0, '[]', '{}', '[]', 1, '{}', '{}')"));
        });
        std::set<std::string> left;
        for (const auto& [name, columns] : tables_) left.insert(name);
        for (std::size_t before = 0; left.size() != before;) {  // parents before children, whichever those are
            before = left.size();
            for (const auto& name : std::set(left)) {
                std::string names, values;
                const auto& columns = tables_.at(name);
                const bool has_role = std::ranges::find(columns, "role_id", &Column::name) != columns.end();
                for (const auto& column : columns) {
                    names += (names.empty() ? "" : ", ") + column.name;
                    values += values.empty() ? "" : ", ";
                    values += column.name == "tenant_id" ? tenant(whose) : has_role && column.name == "role_id" ? "NULL" : literal(column, whose);
                }
                try {
                    database_->write(system_, [&](SystemTx& tx) {
                        tx.exec(StatementMaker::system("INSERT INTO " + name + "_ (" + names + ") VALUES (" + values + ")"));
                    });
                    left.erase(name);
                } catch (const Error& error) {
                    last_refusal_ = name + ": " + error.what();
                }
            }
        }
        EXPECT_TRUE(left.empty()) << last_refusal_;
    }

    static std::string all_of(Rows rows) {
        std::string all;
        while (rows.next()) {
            for (int column = 0;; ++column) {
                try {
                    if (rows.is_null(column)) {
                        all += "NULL|";
                        continue;
                    }
                } catch (const InternalError&) {
                    break;  // there are no more
                }
                try {
                    all += std::to_string(rows.i64(column));
                } catch (const InternalError&) {
                    try {
                        all += rows.text(column);
                    } catch (const InternalError&) {
                        for (const auto byte : rows.blob_view(column)) all += std::to_string(byte);
                    }
                }
                all += '|';
            }
            all += '\n';
        }
        return all;
    }

    std::string dump(SystemTx& tx, const std::string& table, char whose) {
        std::string all;
        for (auto rows = tx.query(dumps_.at({table, whose})); rows.next();) all += rows.text(0) + "\n";
        return all;
    }

    tests::TempFolder folder_;
    std::unique_ptr<Database> database_;
    std::map<std::string, std::vector<Column>> tables_;
    std::vector<Reference> references_;
    std::map<std::pair<std::string, char>, SystemStmt> dumps_;
    std::vector<SystemStmt> crossings_;
    std::map<std::string, std::string> rows_of_b_;
    const TenantScope a_;
    const SystemScope system_ = ScopeMaker::system();
    std::string last_refusal_;
};

/// Every statement once unharmed, then every mutant, as a tenant who names what is the other's.
TEST(EveryStatement, the_third_wall_alone_keeps_every_mutant_from_the_other_tenant) {
    World both(World::Keys::without_references, World::Guards::kept, true), alone(World::Keys::without_references, World::Guards::kept, false);
    const auto statements = DeclaredStatements().of("TenantStmt");
    ASSERT_GE(statements.size(), 300u);
    EXPECT_GE(both.tables(), 50u);
    std::size_t mutants = 0, refused = 0, sound = 0, effects = 0;
    for (const auto& [name, sql] : statements) {
        sound += !both.run(both.with_values(sql, 'a')).refused;
        for (const auto& mutant : mutants_of(sql)) {
            ++mutants;
            // With what is the other's; now and then with one's own, which finds something.
            for (const char whose : std::string_view(mutants % 5 == 0 ? "ab" : "b")) {
                const auto text = both.with_values(mutant.sql, whose);
                const auto outcome = both.run(text);
                // No statement begins with another row of b's than the one that each table has.
                EXPECT_EQ(outcome.of_b, both.row_of_b(text)) << name << ", " << mutant.how << "\n" << text;
                refused += outcome.refused;
                if (outcome.refused) continue;
                // Not refused: then nothing of it depends on the other tenant's rows.
                auto without = alone.run(text);
                without.of_b = outcome.of_b;
                EXPECT_EQ(outcome, without) << name << ", " << mutant.how << "\n" << text << "\n" << outcome.said << "\nbut alone\n" << without.said;
                effects += !outcome.said.empty() && outcome.said != "0";
            }
        }
    }
    EXPECT_GE(sound * 100, statements.size() * 90) << "of the unharmed ones nearly all do what they do";
    EXPECT_GE(mutants, 2000u);
    EXPECT_GE(refused, 300u);
    EXPECT_GE(effects, 50u);
    RecordProperty("statements", static_cast<int>(statements.size()));
    RecordProperty("mutants", static_cast<int>(mutants));
    RecordProperty("refused", static_cast<int>(refused));
    RecordProperty("sound", static_cast<int>(sound));
}

/// Without triggers, with views that show everybody's rows, and no check of the text: keys alone.
TEST(EveryStatement, the_second_wall_alone_keeps_every_foreign_reference_from_being_stored) {
    World world(World::Keys::kept, World::Guards::none, true);
    World bare(World::Keys::without_references, World::Guards::none, true, &world);  // shows what they keep out
    EXPECT_GE(world.references().size(), 10u);
    std::size_t mutants = 0, caught = 0;
    std::set<std::string> crossed;
    for (const auto& [name, sql] : DeclaredStatements().of("TenantStmt")) {
        if (sql.starts_with("SELECT")) continue;
        auto all = mutants_of(sql);
        all.push_back({"unharmed, with what is the other's", sql});
        for (const auto& mutant : all) {
            ++mutants;
            for (const char whose : {'a', 'b'}) {
                const auto text = world.with_values(mutant.sql, whose);
                const auto outcome = world.run(text);
                EXPECT_EQ(outcome.crossing, 0) << name << ", " << mutant.how << "\n" << text;
                if (bare.run(text).crossing == 0) continue;
                ++caught;
                crossed.insert(name);
                EXPECT_TRUE(outcome.refused) << name << ", " << mutant.how << "\n" << text;
            }
        }
    }
    EXPECT_GE(caught, 5u);
    RecordProperty("mutants", static_cast<int>(mutants));
    RecordProperty("caught", static_cast<int>(caught));
    RecordProperty("statements_that_could", static_cast<int>(crossed.size()));
}

}  // namespace
}  // namespace tenon::db::testing
