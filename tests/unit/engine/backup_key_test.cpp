// Who may open a repository: its home, and whoever has a password. Nobody else.

#include <chrono>
#include <functional>
#include <thread>

#include <sys/stat.h>

#include <base/file.hpp>
#include <child_process.hpp>
#include <crypto/secret.hpp>

#include "engine_fixture.hpp"

namespace {

using namespace tenon;

class BackupKeyTest : public tests::EngineTest {
protected:
    void lose_the_homes_key() {
        engine.reset();
        for (const auto& tenant : {acme.id, other.id})
            std::filesystem::remove(folder / ("home/keys/backup/" + tenant.text() + ".key"));
        open();
        mine.emplace(session(acme));
    }
    std::optional<Session> mine{session(acme)};
};

TEST_F(BackupKeyTest, a_wrong_password_opens_nothing) {
    auto project = mine->projects().create({.name = "reel"});
    mine->assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4"});
    const auto snapshot = mine->backups().start({.name = "nightly"}).result().snapshot;
    EXPECT_THROW(mine->backups().keys().add_password("short", "safe"), InvalidArgument);
    const auto slot = mine->backups().keys().add_password("the right password", "safe");
    EXPECT_EQ(slot.kind, "password");
    EXPECT_EQ(slot.label, "safe");

    lose_the_homes_key();
    EXPECT_THROW(mine->backups().list(), PermissionDenied);
    EXPECT_THROW(mine->backups().keys().unlock("a wrong password"), PermissionDenied);
    EXPECT_THROW(mine->backups().keys().unlock(""), Error);
    EXPECT_THROW(mine->backups().list(), PermissionDenied) << "a wrong password changes nothing";
    EXPECT_THROW(mine->backups().start({.name = "blind"}).result(), PermissionDenied) << "a second repository would bury the first";
    EXPECT_THROW(mine->backups().restore({.snapshot = snapshot.id, .target = folder / "restored"}).result(), Error);
    EXPECT_FALSE(std::filesystem::exists(folder / "restored"));

    mine->backups().keys().unlock("the right password");
    EXPECT_EQ(mine->backups().list().size(), 1u);
    EXPECT_GT(mine->backups().restore({.snapshot = snapshot.id, .target = folder / "restored"}).result().files, 0);
    EXPECT_TRUE(mine->backups().check().result().problems.empty());
    for (const auto& quota : mine->quotas().snapshot()) EXPECT_EQ(quota.reserved, 0) << to_string(quota.resource);
}

TEST_F(BackupKeyTest, one_tenants_password_is_no_key_to_another) {
    auto theirs = session(other);
    mine->backups().start({.name = "mine"}).join();
    theirs.backups().start({.name = "theirs"}).join();
    mine->backups().keys().add_password("my own password", "mine");
    theirs.backups().keys().add_password("quite another one", "theirs");
    lose_the_homes_key();
    EXPECT_THROW(mine->backups().keys().unlock("quite another one"), PermissionDenied);
    EXPECT_NO_THROW(mine->backups().keys().unlock("my own password"));
    EXPECT_THROW(session(other).backups().list(), PermissionDenied) << "one tenant's key opens one tenant's repository";
}

/// Loses the home's key and unlocks without end: whenever it dies, there is a slot without its key file, or both, or neither.
TEST(BackupUnlocker, DISABLED_unlocks) {
    Engine engine(tests::placed({.home = tests::ChildProcess::setting("KEY_HOME"), .camera_networks = {"127.0.0.0/8"}, .background = false}));
    auto mine = engine.open_session(
        {.tenant = TenantId::parse(tests::ChildProcess::setting("KEY_TENANT")), .actor = "unlocker", .role = Role::owner});
    const auto key_file = std::filesystem::path(tests::ChildProcess::setting("KEY_HOME")) / "keys/backup" /
                          (tests::ChildProcess::setting("KEY_TENANT") + ".key");
    for (;;) {
        std::filesystem::remove(key_file);
        mine.backups().keys().unlock("the right password");
    }
}

// A slot that a killed process left must not pass for the key of this home: the real one could then be removed.
TEST_F(BackupKeyTest, killed_between_a_slot_and_its_key_file_the_home_still_opens_whatever_is_removed) {
    const auto slots_in_vault = [&] {
        std::size_t count = 0;
        std::error_code ignored;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / ("home/keys/backup/" + acme.id.text()), ignored))
            count += entry.is_regular_file(ignored);
        return count;
    };
    mine->backups().start({.name = "nightly"}).join();
    mine->backups().keys().add_password("the right password", "safe");
    for (int round = 0; round < 2; ++round) {
        const auto before = slots_in_vault();
        mine.reset();
        engine.reset();
        {
            tests::ChildProcess unlocker("BackupUnlocker.DISABLED_unlocks",
                                         {{"KEY_HOME", (folder.path() / "home").string()}, {"KEY_TENANT", acme.id.text()}});
            const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(120);
            while (slots_in_vault() <= before && std::chrono::steady_clock::now() < end) std::this_thread::yield();
            ASSERT_GT(slots_in_vault(), before) << "nothing was unlocked";
            unlocker.kill();
        }
        open();
        mine.emplace(session(acme));
        auto keys = mine->backups().keys();
        keys.unlock("the right password");
        std::size_t removed = 0, refused = 0;
        for (const auto& slot : keys.list()) {
            if (slot.kind == "password") continue;
            try {
                keys.remove(slot.number);
                ++removed;
            } catch (const Conflict&) {
                ++refused;
            }
        }
        EXPECT_EQ(refused, 1u);
        EXPECT_GE(removed, 1u);
        mine.reset();
        engine.reset();
        open();
        mine.emplace(session(acme));
        EXPECT_EQ(mine->backups().list().size(), 1u) << "round " << round;
    }
    EXPECT_NO_THROW(mine->backups().keys().unlock("the right password"));
    EXPECT_NO_THROW(mine->backups().start({.name = "after"}).join());
}

// Each would open the repository with a key that nobody has, and be sealed anew by every rotation.
TEST_F(BackupKeyTest, where_the_homes_own_key_opens_an_unlock_makes_no_other) {
    mine->backups().start({.name = "nightly"}).join();
    const auto code = mine->backups().keys().add_recovery_code("paper").code;
    for (int i = 0; i < 3; ++i) mine->backups().keys().unlock(code);
    EXPECT_EQ(mine->backups().keys().list().size(), 2u);
    EXPECT_EQ(mine->backups().keys().rotate().slots.size(), 2u);
    mine->backups().keys().unlock(code);
    EXPECT_EQ(mine->backups().keys().list().size(), 2u);
    lose_the_homes_key();
    mine->backups().keys().unlock(code);
    EXPECT_EQ(mine->backups().keys().list().size(), 3u);
    mine->backups().keys().unlock(code);
    EXPECT_EQ(mine->backups().keys().list().size(), 3u);
    EXPECT_NO_THROW(mine->backups().start({.name = "after"}).join());
}

TEST_F(BackupKeyTest, the_last_key_stays) {
    mine->backups().start({.name = "nightly"}).join();
    auto keys = mine->backups().keys();
    const auto slots = keys.list();
    ASSERT_EQ(slots.size(), 1u);
    EXPECT_THROW(keys.remove(slots[0].number), Conflict);
    EXPECT_THROW(keys.remove(99), NotFound);
    EXPECT_EQ(keys.list().size(), 1u);
}

TEST_F(BackupKeyTest, a_recovery_code_and_a_recipients_key_open_what_the_home_cannot) {
    mine->backups().start({.name = "nightly"}).join();
    const auto code = mine->backups().keys().add_recovery_code("safe").code;
    const auto pair = mine->backups().keys().new_recipient();
    mine->backups().keys().add_recipient(pair.public_key, "escrow");
    EXPECT_THROW(mine->backups().keys().add_recipient("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", "everybody"), InvalidArgument);
    mine->backups().keys().add_password("a rule asks for it", "rule", KeyDerivation::pbkdf2);
    for (const auto& secret : {code, pair.private_key, std::string("a rule asks for it")}) {
        lose_the_homes_key();
        EXPECT_THROW(mine->backups().list(), PermissionDenied);
        EXPECT_THROW(mine->backups().keys().unlock(pair.public_key), PermissionDenied);
        mine->backups().keys().unlock(secret);
        EXPECT_EQ(mine->backups().list().size(), 1u);
    }
}

TEST_F(BackupKeyTest, a_key_file_opens_what_the_home_cannot_and_says_what_is_wrong_with_it) {
    const auto mode_of = [](const std::filesystem::path& path) { return std::filesystem::status(path).permissions(); };
    const auto set_mode = [](const std::filesystem::path& path, unsigned mode) { std::filesystem::permissions(path, std::filesystem::perms(mode)); };
    const auto text_of = [](const std::filesystem::path& path) {
        const auto bytes = base::read_file(path, 4096);
        return std::string(bytes.begin(), bytes.end());
    };
    const auto path = folder / "safe.key";
    mine->backups().start({.name = "nightly"}).join();
    auto theirs = session(other);
    theirs.backups().start({.name = "theirs"}).join();
    const auto slot = mine->backups().keys().add_key_file({.path = path, .label = "säfe"});
    EXPECT_EQ(slot.kind, "key_file");
    EXPECT_EQ(slot.label, "säfe");
    EXPECT_EQ(mode_of(path), std::filesystem::perms(0600));
    const auto text = text_of(path);

    // It never takes another's place, lies nowhere in the home, and leaves nothing where it opens nothing.
    const auto add = [&](const std::filesystem::path& at, bool existing = false) {
        return mine->backups().keys().add_key_file({.path = at, .label = "x", .existing = existing});
    };
    EXPECT_THROW(add(path), Conflict);
    EXPECT_EQ(text_of(path), text);
    std::filesystem::create_symlink(folder / "nowhere", folder / "link.key");
    EXPECT_THROW(add(folder / "link.key"), Conflict) << "nor does it follow a link";
    EXPECT_THROW(add(folder / "home/safe.key"), PermissionDenied);
    EXPECT_THROW(add(mine->workspace() / "safe.key"), PermissionDenied) << "the backup would hold its own key, which goes with the home";
    EXPECT_THROW(add(folder / "no such folder/safe.key"), NotFound);
    EXPECT_THROW(add(""), InvalidArgument);
    EXPECT_THROW(mine->backups().keys().add_key_file({.path = folder / "new.key"}), InvalidArgument) << "without a label";
    EXPECT_THROW(session(acme, Role::viewer).backups().keys().add_key_file({.path = folder / "new.key", .label = "x"}), PermissionDenied);
    EXPECT_THROW(session(acme, Role::viewer).backups().keys().unlock_with_file(path), PermissionDenied);
    EXPECT_FALSE(std::filesystem::exists(folder / "new.key"));
    EXPECT_FALSE(std::filesystem::exists(folder / "nowhere"));
    const auto count = mine->backups().keys().list().size();
    EXPECT_EQ(count, 2u);

    // One that is there: of this tool, of another; not one that others can read, nor any file.
    EXPECT_EQ(theirs.backups().keys().add_key_file({.path = path, .label = "shared", .existing = true}).kind, "key_file");
    base::write_file_atomically(folder / "raw.key", crypto::random_bytes(32), 0644);
    EXPECT_THROW(add(folder / "raw.key", true), InvalidArgument) << "others may read it";
    set_mode(folder / "raw.key", 0600);
    EXPECT_NO_THROW(add(folder / "raw.key", true));
    EXPECT_THROW(add(folder / "not there", true), NotFound);
    EXPECT_THROW(add(folder.path(), true), Error);
    for (const auto& each : mine->audit().list({.action = "backup.add_key"})) EXPECT_EQ(each.details.find("key-file"), std::string::npos);

    lose_the_homes_key();
    const auto unlock = [&](const std::filesystem::path& at) { mine->backups().keys().unlock_with_file(at); };
    const auto stand_in = folder / "other.key";
    const auto write_other = [&](const std::string& content) {
        base::write_file_atomically(stand_in, base::view_of(content), 0600);
    };
    EXPECT_THROW(mine->backups().list(), PermissionDenied);
    write_other(std::string(base::text_of(crypto::random_bytes(32))));
    EXPECT_THROW(unlock(stand_in), PermissionDenied) << "another one's";
    write_other(text.substr(0, 40));
    EXPECT_THROW(unlock(stand_in), Corrupt) << "cut";
    write_other(text.substr(0, 5));
    EXPECT_THROW(unlock(stand_in), InvalidArgument) << "cut to almost nothing";
    write_other("");
    EXPECT_THROW(unlock(stand_in), InvalidArgument);
    write_other(std::string(10'000, 'x'));
    EXPECT_THROW(unlock(stand_in), InvalidArgument);
    ASSERT_EQ(::mkfifo((folder / "fifo.key").c_str(), 0600), 0);
    EXPECT_THROW(unlock(folder / "fifo.key"), InvalidArgument) << "and nobody waits for what comes out of it";
    set_mode(path, 0640);
    try {
        unlock(path);
        ADD_FAILURE() << "its group may read it";
    } catch (const InvalidArgument& error) {
        EXPECT_NE(std::string(error.what()).find("0640"), std::string::npos) << error.what();
        EXPECT_EQ(error.subject(), path.string());
    }
    EXPECT_THROW(mine->backups().list(), PermissionDenied) << "none of that has changed anything";

    set_mode(path, 0400);
    unlock(path);
    EXPECT_EQ(mine->backups().list().size(), 1u);
    for (const auto& opener : {text, text.substr(0, text.find('\n'))}) {
        lose_the_homes_key();
        mine->backups().keys().unlock(opener);
        EXPECT_EQ(mine->backups().list().size(), 1u) << "its text does as well";
    }
    session(other).backups().keys().unlock_with_file(path);
    EXPECT_EQ(session(other).backups().list().size(), 1u);
    // Of a removed slot the file opens nothing any more.
    mine->backups().keys().remove(slot.number);
    mine->backups().keys().rotate();
    lose_the_homes_key();
    EXPECT_THROW(unlock(path), PermissionDenied);
    set_mode(folder / "raw.key", 0400);
    EXPECT_NO_THROW(unlock(folder / "raw.key"));
    EXPECT_TRUE(mine->backups().check().result().problems.empty());
}

// What leaked is worth nothing once the keys were rotated: not the home's old key, nor a password that was taken away.
TEST_F(BackupKeyTest, after_a_rotation_old_keys_open_nothing) {
    const auto key_file = folder / ("home/keys/backup/" + acme.id.text() + ".key");
    mine->backups().start({.name = "nightly"}).join();
    mine->backups().keys().add_password("the right password", "safe");
    const auto gone = mine->backups().keys().add_password("one that leaked", "leaked");
    std::filesystem::copy_file(key_file, folder / "old.key");
    mine->backups().keys().remove(gone.number);
    const auto rotation = mine->backups().keys().rotate();
    EXPECT_EQ(rotation.generation, 2);
    EXPECT_EQ(rotation.slots.size(), 2u);
    mine->backups().start({.name = "after"}).join();
    EXPECT_TRUE(mine->backups().check().result().problems.empty());
    EXPECT_EQ(mine->audit().list({.action = "backup.rotate_key"}).size(), 1u);

    mine.reset();
    engine.reset();
    std::filesystem::copy_file(folder / "old.key", key_file, std::filesystem::copy_options::overwrite_existing);
    open();
    mine.emplace(session(acme));
    EXPECT_THROW(mine->backups().list(), PermissionDenied) << "the old key of the home";
    EXPECT_THROW(mine->backups().keys().unlock("one that leaked"), PermissionDenied);
    mine->backups().keys().unlock("the right password");
    EXPECT_EQ(mine->backups().list().size(), 2u);
}

TEST_F(BackupKeyTest, new_data_keys_are_followed_by_a_job_with_its_event_and_audit_for_one_tenant_alone) {
    auto theirs = session(other);
    theirs.backups().start({.name = "theirs"}).join();
    EXPECT_THROW(mine->backups().keys().rotate_data_key(), NotFound) << "nothing was backed up yet";
    mine->backups().start({.name = "nightly"}).join();
    const auto taken = mine->backups().list().front();
    auto events = mine->subscribe({.kinds = {"backup.rekeyed"}});
    auto job = mine->backups().keys().rotate_data_key();
    const auto result = job.result();
    EXPECT_TRUE(result.revoked);
    EXPECT_GT(result.packs, 0);
    EXPECT_EQ(result.left.count, 0);
    const auto event = events.next(std::chrono::seconds(60));
    ASSERT_TRUE(event);
    EXPECT_NE(event->data.find(job.id().text()), std::string::npos) << event->data;
    EXPECT_EQ(mine->audit().list({.action = "backup.rotate_data_key"}).size(), 2u) << "with the one that was refused";
    EXPECT_EQ(mine->audit().list({.action = "backup.rekey"}).size(), 1u);
    EXPECT_EQ(mine->backups().keys().list().front().generation, 2);
    EXPECT_EQ(theirs.backups().keys().list().front().generation, 1);

    mine->backups().start({.name = "after"}).join();
    EXPECT_TRUE(mine->backups().check().result().problems.empty());
    EXPECT_EQ(mine->backups().restore({.snapshot = taken.id, .target = folder / "back"}).result().problems.size(), 0u);
    EXPECT_TRUE(mine->backups().keys().rotate_data_key({.resume = true}).result().revoked) << "nothing is left to do";
    for (const auto& quota : mine->quotas().snapshot()) EXPECT_EQ(quota.reserved, 0) << to_string(quota.resource);
    // Keys of the home that change meanwhile are in nobody's way.
    auto second = mine->backups().keys().rotate_data_key();
    mine->backups().keys().rotate();
    auto third = mine->backups().keys().rotate_data_key();
    EXPECT_NO_THROW(mine->backups().start({.name = "meanwhile"}).join());
    EXPECT_NO_THROW(second.join());
    EXPECT_TRUE(third.result().revoked);
    EXPECT_EQ(mine->backups().check().result().under_old_keys.count, 0);
    EXPECT_EQ(mine->backups().list().size(), 3u);
}

class DeferredKeyTest : public BackupKeyTest {
protected:
    void defer(Duration patience = std::chrono::minutes(1)) {
        mine->backups().start({.name = "before"}).join();
        mine->backups().keys().add_deferred({.key = key, .label = "vault", .unlock_within = patience});
    }
    void reopen() {
        mine.reset();
        engine.reset();
        open();
        mine.emplace(session(acme));
    }
    static void wait_for(const std::function<bool()>& done) {
        const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(60);
        while (!done() && std::chrono::steady_clock::now() < end) std::this_thread::yield();
        ASSERT_TRUE(done());
    }
    const std::string key = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
};

TEST_F(DeferredKeyTest, work_waits_until_the_host_unlocks_the_repository) {
    defer();
    EXPECT_FALSE(std::filesystem::exists(folder / ("home/keys/backup/" + acme.id.text() + ".key"))) << "this home has no key";
    mine->backups().start({.name = "still open"}).join();
    ASSERT_EQ(mine->backups().keys().list().size(), 1u);
    const auto snapshot = mine->backups().list().front().id;

    reopen();
    EXPECT_THROW(mine->backups().list(), Unavailable);
    EXPECT_THROW(mine->backups().keys().add_password("long enough", "x"), Unavailable);
    EXPECT_THROW(mine->backups().keys().unlock("MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDA="), PermissionDenied);
    auto events = mine->subscribe({.kinds = {"backup.locked"}});
    auto job = mine->backups().start({.name = "locked"});
    const auto event = events.next(std::chrono::minutes(1));
    ASSERT_TRUE(event);
    EXPECT_EQ(event->subject.size(), 32u) << "the repository, by its id";
    EXPECT_NE(event->data.find(job.id().text()), std::string::npos);
    wait_for([&] { return job.progress().stage == "locked"; });
    EXPECT_EQ(job.state(), JobState::running);
    auto theirs = session(other);
    EXPECT_NO_THROW(theirs.backups().start({.name = "theirs"}).join()) << "another tenant's work goes on";

    mine->backups().keys().unlock(key);
    EXPECT_NO_THROW(job.join());
    EXPECT_EQ(mine->backups().list().size(), 3u);
    EXPECT_FALSE(std::filesystem::exists(folder / ("home/keys/backup/" + acme.id.text() + ".key")));
    EXPECT_EQ(mine->backups().keys().rotate().generation, 2);

    reopen();
    auto restoring = mine->backups().restore({.snapshot = snapshot, .target = folder / "back"});
    wait_for([&] { return restoring.progress().stage == "locked"; });
    mine->backups().keys().unlock(key);
    EXPECT_NO_THROW(restoring.join());
    EXPECT_TRUE(mine->backups().check().result().problems.empty());
}

TEST_F(DeferredKeyTest, work_ends_as_unavailable_when_nobody_unlocks_it_in_time) {
    defer(std::chrono::milliseconds(200));
    reopen();
    auto job = mine->backups().start({.name = "late", .schedule = {}});
    EXPECT_THROW(job.join(), Unavailable);
    for (const auto& quota : mine->quotas().snapshot()) EXPECT_EQ(quota.reserved, 0) << to_string(quota.resource);
    auto cancelled = mine->backups().check();
    cancelled.cancel();
    EXPECT_THROW(cancelled.join(), Error);
    mine->backups().keys().unlock(key);
    EXPECT_NO_THROW(mine->backups().start({.name = "open"}).join());
}

TEST_F(DeferredKeyTest, a_recovery_code_opens_a_deferred_repository_without_leaving_a_key) {
    defer();
    const auto code = mine->backups().keys().add_recovery_code("safe").code;
    reopen();
    mine->backups().keys().unlock(code);
    EXPECT_EQ(mine->backups().list().size(), 1u);
    reopen();
    EXPECT_THROW(mine->backups().list(), Unavailable) << "it was open until the engine closed";
    EXPECT_FALSE(std::filesystem::exists(folder / ("home/keys/backup/" + acme.id.text() + ".key")));
}

class ShredTest : public BackupKeyTest {
protected:
    void back_up(Session& who, const Project& first, const Project& second) {
        const auto folder_of = [](const Project& project) { return "projects/" + project.id.text(); };
        who.backups().start({.name = "nightly", .erasable = {{folder_of(first), "user-1"}, {folder_of(second), "user-2"}}}).join();
    }
};

TEST_F(ShredTest, nothing_that_is_held_is_forgotten_or_erased) {
    std::vector<Project> projects{mine->projects().create({.name = "first"}), mine->projects().create({.name = "second"})};
    for (const auto& project : projects) mine->assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4"});
    back_up(*mine, projects[0], projects[1]);
    back_up(*mine, projects[0], projects[1]);
    auto backups = mine->backups();
    const auto all = backups.list();
    ASSERT_EQ(all.size(), 2U);
    const auto& old = all[1];
    EXPECT_THROW(backups.hold(old.id, ""), InvalidArgument);
    EXPECT_THROW(backups.lift_hold(old.id, "x"), Conflict) << "nobody holds it";
    EXPECT_THROW(session(acme, Role::viewer).backups().hold(old.id, "x"), PermissionDenied);
    EXPECT_EQ(backups.hold(old.id, "case 1").held, "case 1");
    EXPECT_EQ(backups.hold(old.id, "case 2").held, "case 2");
    EXPECT_EQ(backups.get(old.id).held, "case 2");
    EXPECT_EQ(backups.get(all[0].id).held, "");

    EXPECT_THROW(backups.forget({.snapshots = {old.id}}), Conflict);
    EXPECT_THROW(backups.forget({.snapshots = {old.id, all[0].id}}), Conflict);
    const auto by_rules = backups.forget({.keep = {.last = 1}});
    EXPECT_EQ(by_rules.forgotten, 0);
    EXPECT_EQ(by_rules.snapshots[1].reasons, std::vector<std::string>{"held: case 2"});
    EXPECT_THROW(backups.keys().shred("user-1"), Conflict) << "it could not be read any more";
    EXPECT_EQ(backups.list().size(), 2U);

    EXPECT_EQ(backups.lift_hold(old.id, "settled").held, "");
    auto operators = engine->open_operator({.actor = "counsel", .reason = "test"});
    operators.tenants().place_legal_hold({.tenant = acme.id, .name = "lawsuit", .reason = "kept as evidence"});
    EXPECT_THROW(backups.forget({.snapshots = {old.id}}), Conflict) << "nor anything of a tenant with a legal hold";
    EXPECT_THROW(backups.forget({.keep = {.last = 1}}), Conflict);
    EXPECT_EQ(backups.forget({.keep = {.last = 1}, .dry_run = true}).forgotten, 1);
    EXPECT_EQ(backups.list().size(), 2U);
    operators.tenants().lift_legal_hold(acme.id, "lawsuit", "over");
    EXPECT_EQ(backups.forget({.keep = {.last = 1}}).forgotten, 1);
    EXPECT_EQ(mine->audit().list({.action = "backup.hold"}).size(), 2U);
    EXPECT_EQ(mine->audit().list({.action = "backup.lift_hold"}).size(), 1U);
    EXPECT_TRUE(backups.check().result().problems.empty());
}

TEST_F(ShredTest, a_subject_is_erased_from_all_snapshots_of_one_tenant_and_from_nothing_else) {
    auto theirs = session(other);
    std::vector<Project> projects;
    for (auto* who : {&*mine, &theirs})
        for (const auto* name : {"first", "second"}) {
            projects.push_back(who->projects().create({.name = name}));
            who->assets().import_file({.project = projects.back().id, .path = tests::footage / "clapper.mp4"});
        }
    back_up(*mine, projects[0], projects[1]);
    back_up(theirs, projects[2], projects[3]);
    back_up(*mine, projects[0], projects[1]);
    EXPECT_EQ(mine->backups().keys().subjects(), (std::vector<std::string>{"user-1", "user-2"}));

    auto operators = engine->open_operator({.actor = "counsel", .reason = "test"});
    operators.tenants().place_legal_hold({.tenant = acme.id, .name = "lawsuit", .reason = "kept as evidence"});
    EXPECT_THROW(mine->backups().keys().shred("user-1"), Conflict) << "a legal hold keeps everything";
    operators.tenants().lift_legal_hold(acme.id, "lawsuit", "over");
    EXPECT_THROW(session(acme, Role::viewer).backups().keys().shred("user-1"), PermissionDenied);
    const auto erasure = mine->backups().keys().shred("user-1");
    EXPECT_EQ(erasure.subject, "user-1");
    EXPECT_GT(erasure.packs, 0);

    for (const auto& snapshot : mine->backups().list()) {
        for (const auto& entry : mine->backups().browse({.snapshot = snapshot.id, .path = "projects"}))
            EXPECT_EQ(entry.erased, entry.name == projects[0].id.text()) << entry.name;
        const auto back = mine->backups().restore({.snapshot = snapshot.id, .target = folder / ("back-" + snapshot.id.text())}).result();
        ASSERT_EQ(back.problems.size(), 1u);
        EXPECT_NE(back.problems[0].find("erased"), std::string::npos);
        EXPECT_FALSE(std::filesystem::exists(back.target / "projects" / projects[0].id.text()));
        EXPECT_TRUE(std::filesystem::exists(back.target / "projects" / projects[1].id.text()));
    }
    EXPECT_TRUE(mine->backups().check().result().problems.empty());
    EXPECT_EQ(mine->backups().keys().erasures().size(), 1u);
    EXPECT_GE(mine->audit().list({.action = "backup.shred"}).size(), 2u);

    const auto others = theirs.backups().list().front().id;
    for (const auto& entry : theirs.backups().browse({.snapshot = others, .path = "projects"})) EXPECT_FALSE(entry.erased);
    EXPECT_TRUE(theirs.backups().keys().erasures().empty());
    // The next backup stores what there still is, under new keys.
    back_up(*mine, projects[0], projects[1]);
    const auto newest = mine->backups().list().front().id;
    for (const auto& entry : mine->backups().browse({.snapshot = newest, .path = "projects"})) EXPECT_FALSE(entry.erased);
    EXPECT_TRUE(mine->backups().check().result().problems.empty());
}

}  // namespace
