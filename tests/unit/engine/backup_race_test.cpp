// Processes that come to a tenant's repository at the same moment, and those that die there.

#include <fstream>
#include <functional>
#include <future>
#include <random>
#include <sstream>
#include <thread>

#include <base/file.hpp>
#include <child_process.hpp>

#include "engine_fixture.hpp"

namespace tenon {
namespace {

using namespace std::chrono_literals;
using tests::ChildProcess;
namespace fs = std::filesystem;

const std::string password = "the first password", other_password = "the second password";

void await_file(const fs::path& file) {
    while (!fs::exists(file)) std::this_thread::sleep_for(1ms);
}

/// Once for each tenant, as soon as its gate opens: does it and says how that went.
void play(const std::function<void(Session&)>& part) {
    Engine engine(tests::placed({.home = ChildProcess::setting("RACE_HOME"), .camera_networks = {"127.0.0.0/8"}}));
    std::istringstream tenants(ChildProcess::setting("RACE_TENANTS"));
    ChildProcess::report("r", 1);
    for (std::string id; tenants >> id;) {
        auto mine = engine.open_session({.tenant = TenantId::parse(id), .actor = "racer", .role = Role::owner});
        await_file(fs::path(ChildProcess::setting("RACE_GATES")) / id);
        try {
            part(mine);
            ChildProcess::report("d", 1);
        } catch (const std::exception& error) {
            std::fprintf(stderr, "a racer failed: %s\n", error.what());
            ChildProcess::report("x", 1);
        }
    }
    for (;;) ::pause();
}

TEST(BackupRacer, DISABLED_backup) {
    play([](Session& mine) { mine.backups().start({.name = "nightly"}).result(); });
}
TEST(BackupRacer, DISABLED_first_password) {
    play([](Session& mine) { mine.backups().keys().add_password(password, "first"); });
}
TEST(BackupRacer, DISABLED_second_password) {
    play([](Session& mine) { mine.backups().keys().add_password(other_password, "second"); });
}
TEST(BackupRacer, DISABLED_holder) {
    const auto lock = base::FileLock::try_acquire(ChildProcess::setting("RACE_LOCK"));
    ChildProcess::report(lock ? "h" : "x", 1);
    for (;;) ::pause();
}

/// TENON_ROUNDS says how many tenants are raced for.
class BackupRaceTest : public tests::EngineTest {
protected:
    void SetUp() override {
        if (const char* many = std::getenv("TENON_ROUNDS")) rounds = std::atoi(many);
        auto setup = operators();
        std::string ids;
        for (int n = 0; n < rounds; ++n) {
            const auto name = "racer" + std::to_string(n);
            tenants.push_back(setup.tenants().create({.name = name, .slug = name, .plan = "studio/basic"}));
            ids += tenants.back().id.text() + ' ';
        }
        fs::create_directory(folder / "gates");
        settings = {{"RACE_HOME", (folder.path() / "home").string()}, {"RACE_TENANTS", ids}, {"RACE_GATES", (folder / "gates").string()}};
    }
    void open_gate(const Tenant& tenant) { std::ofstream(folder / "gates" / tenant.id.text()) << "go"; }
    void race(const std::string& one, const std::string& two) {
        engine.reset();
        ChildProcess first("BackupRacer.DISABLED_" + one, settings), second("BackupRacer.DISABLED_" + two, settings);
        ASSERT_EQ(first.read(1) + second.read(1), "rr");
        for (const auto& tenant : tenants) {
            open_gate(tenant);
            EXPECT_EQ(first.read(1), "d") << one;
            EXPECT_EQ(second.read(1), "d") << two;
        }
        first.kill();
        second.kill();
        open();
    }
    /// Whoever is allowed to reaches everything, and the home goes on without a password.
    void expect_usable(const Tenant& tenant, std::size_t snapshots, const std::vector<std::string>& passwords) {
        auto mine = session(tenant);
        ASSERT_NO_THROW(EXPECT_EQ(mine.backups().list().size(), snapshots));
        for (const auto& each : passwords) EXPECT_NO_THROW(mine.backups().keys().unlock(each)) << each;
        EXPECT_NO_THROW(mine.backups().start({.name = "after"}).result());
        const auto problems = mine.backups().check().result().problems;
        EXPECT_TRUE(problems.empty()) << problems.front();
        EXPECT_EQ(mine.backups().list().size(), snapshots + 1);
    }

    int rounds = 3;
    std::vector<Tenant> tenants;
    std::map<std::string, std::string> settings;
};

TEST_F(BackupRaceTest, a_backup_and_a_password_make_one_repository) {
    race("backup", "first_password");
    for (const auto& tenant : tenants) expect_usable(tenant, 1, {password});
}

TEST_F(BackupRaceTest, two_passwords_make_one_repository_and_both_open_it) {
    race("first_password", "second_password");
    for (const auto& tenant : tenants) {
        EXPECT_EQ(session(tenant).backups().keys().list().size(), 3u);
        expect_usable(tenant, 0, {password, other_password});
    }
}

TEST_F(BackupRaceTest, the_lock_of_a_killed_process_blocks_nobody) {
    const auto file = folder / "home" / "locks" / (acme.id.text() + ".repository");
    fs::create_directories(file.parent_path());
    settings["RACE_LOCK"] = file.string();
    ChildProcess holder("BackupRacer.DISABLED_holder", settings);
    ASSERT_EQ(holder.read(1), "h");
    auto added = std::async(std::launch::async, [mine = session(acme)]() mutable { return mine.backups().keys().add_password(password, "first"); });
    EXPECT_EQ(added.wait_for(300ms), std::future_status::timeout) << "another process is at the keys";
    holder.kill();
    EXPECT_EQ(added.get().label, "first");
    expect_usable(acme, 0, {password});
}

TEST_F(BackupRaceTest, whoever_dies_while_making_a_repository_the_next_one_makes_it) {
    std::mt19937 random(7);
    for (const auto& tenant : tenants) open_gate(tenant);
    for (int n = 0; n < rounds; ++n) {
        ChildProcess child("BackupRacer.DISABLED_" + std::string(n % 2 ? "backup" : "first_password"), settings);
        ASSERT_EQ(child.read(1), "r");
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 60'000));  // the moment is what the test is about
        child.kill();
    }
    for (const auto& tenant : tenants) {
        auto mine = session(tenant);
        ASSERT_NO_THROW(mine.backups().keys().add_password(other_password, "second"));
        ASSERT_NO_THROW(mine.backups().keys().unlock(other_password));
        // A backup that was accepted before its process died goes on here.
        for (const auto& left : mine.jobs().list()) ASSERT_TRUE(mine.jobs().get(left.id).join_for(100s));
        EXPECT_NO_THROW(mine.backups().start({.name = "after"}).result());
        EXPECT_TRUE(mine.backups().check().result().problems.empty());
    }
}

}  // namespace
}  // namespace tenon
