// Who may open a repository: its home, and whoever has a password. Nobody else.

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

TEST_F(BackupKeyTest, the_last_key_stays) {
    mine->backups().start({.name = "nightly"}).join();
    auto keys = mine->backups().keys();
    const auto slots = keys.list();
    ASSERT_EQ(slots.size(), 1u);
    EXPECT_THROW(keys.remove(slots[0].number), Conflict);
    EXPECT_THROW(keys.remove(99), NotFound);
    EXPECT_EQ(keys.list().size(), 1u);
}

}  // namespace
