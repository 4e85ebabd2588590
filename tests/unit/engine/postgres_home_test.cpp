// A home whose metadata are in a PostgreSQL database: how it is opened, how it is refused, what never shows the connection string.
// Beside tests/support/postgres.py only.
#include <fstream>
#include <sstream>

#include "engine_fixture.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class PostgresHomes : public ::testing::Test {
protected:
    void SetUp() override {
        if (!tests::postgres_server()) GTEST_SKIP() << "no server";
        database.emplace();
    }
    EngineOptions options() const { return {.home = folder / "home", .postgres = database->address()}; }
    static TenantId add_tenant(Engine& engine, const std::string& slug) {
        return engine.open_operator({.actor = "setup", .reason = "test"}).tenants().create({.name = slug, .slug = slug, .plan = "studio/basic"}).id;
    }
    static std::size_t tenants_of(const EngineOptions& options) {
        Engine engine(options);
        return engine.open_operator({.actor = "setup", .reason = "test"}).tenants().list().size();
    }
    /// Code, message and subject of what opening throws.
    static std::string refusal(const EngineOptions& options) {
        try {
            Engine engine(options);
            return "";
        } catch (const Error& error) {
            return std::string(to_string(error.code())) + ": " + error.what() + " (" + error.subject() + ")";
        }
    }

    tests::TempFolder folder;
    std::optional<tests::PostgresHome> database;
};

TEST_F(PostgresHomes, is_made_used_opened_again_and_shared_by_several_engines) {
    TenantId acme;
    {
        Engine engine(options());
        acme = add_tenant(engine, "acme");
        auto session = engine.open_session({.tenant = acme, .actor = "tester", .role = Role::owner});
        const auto project = session.projects().create({.name = "Reel"});
        session.assets().import_file({.project = project.id, .path = tests::clip_with_sound});
        Engine second(options());
        auto theirs = second.open_session({.tenant = acme, .actor = "tester", .role = Role::owner});
        EXPECT_EQ(theirs.projects().get(project.id).name, "Reel");
        EXPECT_EQ(theirs.quotas().get(Resource::projects).used, 1);
        EXPECT_GE(theirs.backups().start({.name = "nightly"}).result().snapshot.files, 1);
    }
    EXPECT_FALSE(std::filesystem::exists(folder / "home/metadata.db"));
    Engine again(options());
    auto session = again.open_session({.tenant = acme, .actor = "tester", .role = Role::owner});
    EXPECT_EQ(session.projects().list().size(), 1u);
    EXPECT_EQ(session.backups().list().size(), 1u);
    EXPECT_GT(session.audit().verify().records, 3);
}

TEST_F(PostgresHomes, is_never_opened_with_an_empty_store_in_the_place_of_its_own) {
    {
        Engine engine(options());
        add_tenant(engine, "acme");
    }
    EXPECT_EQ(refusal({.home = folder / "home"}),
              "invalid_argument: this home's metadata are in a PostgreSQL database: give its connection string (postgres)");
    EXPECT_FALSE(std::filesystem::exists(folder / "home/metadata.db"));
    const tests::PostgresHome empty;
    auto elsewhere = options();
    elsewhere.postgres = empty.address();
    EXPECT_TRUE(refusal(elsewhere).starts_with("conflict: this home's metadata are in another database, and this one is empty"));
    EXPECT_TRUE(refusal(elsewhere).starts_with("conflict: this home's metadata are in another database")) << "the first try joined nothing";
    // Nor is a home's own file left behind unseen.
    { Engine file({.home = folder / "file"}); }
    EXPECT_TRUE(refusal({.home = folder / "file", .postgres = empty.address()}).starts_with("conflict: this home's metadata are in its own file"));
    EXPECT_EQ(tenants_of(options()), 1u);
}

TEST_F(PostgresHomes, a_database_serves_one_home) {
    { Engine engine(options()); }
    EXPECT_TRUE(refusal({.home = folder / "second", .postgres = database->address()}).starts_with("conflict: the database belongs to another home"));
    const tests::PostgresHome other;
    { Engine engine({.home = folder / "third", .postgres = other.address()}); }
    auto crossed = options();
    crossed.postgres = other.address();
    EXPECT_TRUE(refusal(crossed).starts_with("conflict: the database belongs to another home"));
    EXPECT_EQ(refusal(options()), "");
}

TEST_F(PostgresHomes, a_first_opening_that_was_cut_short_is_taken_up) {
    // Killed between the file that says where the metadata are and the row that says it back.
    std::filesystem::create_directories(folder / "home");
    std::ofstream(folder / "home/metadata.postgres") << "joining 00112233445566778899aabbccddeeff\n";
    EXPECT_EQ(tenants_of(options()), 0u);
    std::ostringstream text;
    text << std::ifstream(folder / "home/metadata.postgres").rdbuf();
    EXPECT_EQ(text.str(), "00112233445566778899aabbccddeeff\n");
    std::ofstream(folder / "home/metadata.postgres") << "joining 00112233445566778899aabbccddeeff\n";  // between the row and this
    EXPECT_EQ(tenants_of(options()), 0u);
    std::ofstream(folder / "home/metadata.postgres") << "something else\n";
    EXPECT_TRUE(refusal(options()).starts_with("corrupt: "));
}

TEST_F(PostgresHomes, what_is_wrong_with_the_server_is_said_with_what_to_do) {
    const auto with = [&](const std::string& postgres) { return refusal({.home = folder / "home", .postgres = postgres}); };
    const auto server = *tests::postgres_server();
    const tests::PostgresHome used;
    { Engine engine({.home = folder / "other", .postgres = used.address()}); }
    const auto latin = "latin_" + std::to_string(getpid());
    tests::PostgresHome::command("postgres", "CREATE DATABASE " + latin + " TEMPLATE template0 ENCODING 'SQL_ASCII' LOCALE 'C' OWNER app", "boss");
    const std::pair<std::string, std::string> said[] = {
        {"nonsense", "invalid_argument: the database server's connection string cannot be read"},
        {std::string("host=x\0y", 8), "invalid_argument: the connection string holds a NUL byte"},
        {"host=" + (folder / "nobody").string() + " dbname=x", "unavailable: the database server cannot be reached: see that"},
        {server + " dbname=none_such", "not_found: there is no such database: make it"},
        {server + " user=none_such dbname=postgres", "permission_denied: the database server refuses the login"},
        {server + " user=locked dbname=postgres", "permission_denied: the database server asks for a password"},
        {server + " user=locked password=wrong dbname=postgres", "permission_denied: the database server refuses the login"},
        {database->boss(), "unsupported: rows of tenants would not be kept apart: the login may pass by"},
        {server + " dbname=postgres", "permission_denied: the login may not make its tables"},  // somebody else's
        {server + " user=locked password='open sesame' dbname=" + used.address().substr(used.address().rfind('=') + 1),
         "permission_denied: the tables in the database belong to another login"},
        {server + " dbname=" + latin, "unsupported: the database does not hold UTF-8"},
    };
    for (const auto& [address, wanted] : said) EXPECT_TRUE(with(address).starts_with(wanted)) << with(address);
    EXPECT_EQ(with(database->address()), "") << "none of those left something behind";
}

TEST_F(PostgresHomes, the_connection_string_is_nowhere_in_the_home_and_in_no_error) {
    const std::string secret = "open sesame", name = "secret_" + std::to_string(getpid());
    const auto address = *tests::postgres_server() + " user=locked password='" + secret + "' dbname=" + name;
    const auto boss = [](const std::string& sql) { tests::PostgresHome::command("postgres", sql, "boss"); };
    boss("CREATE DATABASE " + name + " TEMPLATE template0 OWNER locked");
    {
        Engine engine({.home = folder / "home", .postgres = address, .log_level = LogLevel::debug});
        const auto acme = add_tenant(engine, "acme");
        boss("ALTER ROLE locked PASSWORD 'another'");
        boss("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'locked'");
        std::string said;
        try {
            engine.open_session({.tenant = acme, .actor = "tester", .role = Role::owner}).projects().create({.name = "Reel"});
        } catch (const Error& error) {
            said = error.what() + error.subject();
        }
        EXPECT_NE(said, "");
        EXPECT_EQ(said.find(secret), std::string::npos);
        boss("ALTER ROLE locked PASSWORD '" + secret + "'");
        EXPECT_NO_THROW(engine.open_session({.tenant = acme, .actor = "tester", .role = Role::owner}).projects().create({.name = "Reel"}));
    }
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / "home")) {
        if (!entry.is_regular_file()) continue;
        std::ostringstream text;
        text << std::ifstream(entry.path(), std::ios::binary).rdbuf();
        for (const auto& word : {secret, std::string("user=locked")})
            EXPECT_EQ(text.str().find(word), std::string::npos) << entry.path();
    }
    boss("DROP DATABASE " + name + " WITH (FORCE)");
}

}  // namespace
