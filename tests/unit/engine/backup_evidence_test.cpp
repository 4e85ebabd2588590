// What a home remembers of its tenants' repositories, and what it does about one that was put back, forked or robbed.
#include <chrono>
#include <filesystem>
#include <fstream>
#include <thread>

#include <child_process.hpp>
#include <core.hpp>

#include "engine_fixture.hpp"

namespace tenon {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using tests::ChildProcess;

class BackupEvidenceTest : public tests::EngineTest {
protected:
    BackupEvidenceTest() {
        change(0);
        take("first");
    }
    fs::path home() const { return folder.path() / "home"; }
    fs::path repository() const { return home() / "backups" / acme.id.text(); }
    fs::path documents() const { return home() / "workspaces" / acme.id.text() / "projects" / "documents"; }
    void change(int number) const {
        fs::create_directories(documents());
        std::ofstream(documents() / ("file" + std::to_string(number)), std::ios::binary)
            << std::string(5000, static_cast<char>('a' + number % 26)) << number;
    }
    Snapshot take(const std::string& name) { return mine.backups().start({.name = name}).result().snapshot; }
    void copy(const fs::path& from, const fs::path& to) const {
        fs::remove_all(to);
        fs::copy(from, to, fs::copy_options::recursive);
    }
    void open_again() {
        open();
        mine = session(acme);
    }
    CheckReport check(CheckLevel level = CheckLevel::full) { return mine.backups().check({.level = level}).result(); }
    static std::string text(const std::vector<std::string>& lines) {
        std::string all;
        for (const auto& line : lines) all += line + "\n";
        return all;
    }

    Session mine = session(acme);
};

TEST_F(BackupEvidenceTest, each_change_is_noted_and_the_record_that_a_customer_keeps_stays_in_the_past) {
    auto backups = mine.backups();
    const auto kept = backups.checkpoint();
    EXPECT_EQ(kept.number, 1) << "taken behind the backup";
    EXPECT_EQ(kept.snapshots, 1);
    EXPECT_GT(kept.packs, 0);
    EXPECT_TRUE(kept.accepted.empty());
    EXPECT_FALSE(kept.public_key.empty());
    EXPECT_LT(kept.record.size(), 1000u);
    EXPECT_EQ(backups.checkpoint().record, kept.record) << "nothing has changed";
    change(1);
    const auto second = take("second");
    EXPECT_EQ(backups.checkpoint().number, 2);
    backups.tag({.snapshot = second.id, .add = {{"a", "b"}}});
    backups.forget({.keep = {.last = 1}, .name = "first"});
    backups.forget({.snapshots = {second.id}});
    backups.prune({.unused_percent = 0}).join();
    backups.keys().rotate();
    EXPECT_TRUE(backups.keys().rotate_data_key().result().revoked);
    take("third");
    EXPECT_GE(backups.checkpoint().number, 6);
    const auto report = backups.check({.against = kept.record}).result();
    EXPECT_TRUE(report.problems.empty()) << text(report.problems);
    EXPECT_EQ(report.tampered, 0);
    EXPECT_THROW(backups.check({.against = "nothing"}), InvalidArgument);
    auto theirs = session(other);
    EXPECT_THROW(theirs.backups().checkpoint(), NotFound);
    theirs.backups().start({.name = "theirs"}).join();
    const auto foreign = theirs.backups().check({.against = kept.record}).result();
    EXPECT_NE(text(foreign.problems).find("swapped: the record is of another repository"), std::string::npos);
    EXPECT_THROW(theirs.backups().accept(kept.record), InvalidArgument);
    EXPECT_TRUE(theirs.backups().check().result().problems.empty());
}

TEST_F(BackupEvidenceTest, the_repository_is_charged_with_its_checkpoints_to_the_byte) {
    change(1);
    take("second");
    std::int64_t weight = 0;
    for (const auto& entry : fs::recursive_directory_iterator(repository()))
        if (entry.is_regular_file()) weight += static_cast<std::int64_t>(entry.file_size());
    const auto before = used(mine, Resource::storage);
    mine.backups().checkpoint();
    EXPECT_EQ(used(mine, Resource::storage), before);
    EXPECT_GE(before, weight);
}

TEST_F(BackupEvidenceTest, an_older_copy_of_the_repository_is_told_at_once_and_nothing_is_written_to_it) {
    copy(repository(), folder / "older");
    change(1);
    take("second");
    const auto kept = mine.backups().checkpoint();
    auto events = mine.subscribe({.kinds = {"backup.tampered"}});
    engine.reset();
    copy(repository(), folder / "newer");
    copy(folder / "older", repository());
    open_again();
    events = mine.subscribe({.kinds = {"backup.tampered"}});
    EXPECT_EQ(mine.backups().list().size(), 1u) << "what is there can be read";
    const auto event = events.next(60s);
    ASSERT_TRUE(event) << "told as it was opened";
    EXPECT_NE(event->data.find("rolled back: checkpoint 2 is known, and the newest one here is 1"), std::string::npos) << event->data;
    try {
        take("third");
        ADD_FAILURE() << "written to an older copy";
    } catch (const Corrupt& error) {
        EXPECT_NE(std::string(error.what()).find("accept"), std::string::npos) << error.what();
        EXPECT_EQ(error.subject(), "checkpoint/00000002");
    }
    EXPECT_THROW(mine.backups().prune().join(), Corrupt);
    EXPECT_THROW(mine.backups().forget({.snapshots = {mine.backups().list().front().id}}), Corrupt);
    EXPECT_THROW(mine.backups().checkpoint(), Corrupt);
    EXPECT_NO_THROW(mine.backups().restore({.snapshot = mine.backups().list().front().id, .target = folder / "back"}).join());
    const auto report = check();
    EXPECT_EQ(report.tampered, 1);
    EXPECT_EQ(report.problems.size(), 1u) << text(report.problems);
    EXPECT_FALSE(events.next(100ms)) << "said once";
    // Either the right one is put back …
    engine.reset();
    copy(folder / "newer", repository());
    open_again();
    EXPECT_EQ(check().tampered, 0);
    take("third");
    // … or somebody accepts what there is.
    engine.reset();
    copy(folder / "older", repository());
    open_again();
    EXPECT_THROW(take("fourth"), Corrupt);
    const auto accepted = mine.backups().accept();
    EXPECT_EQ(accepted.number, 4);
    ASSERT_EQ(accepted.accepted.size(), 1u);
    EXPECT_NE(accepted.accepted[0].find("rolled back"), std::string::npos);
    EXPECT_EQ(mine.audit().list({.action = "backup.accept"}).size(), 1u);
    take("fifth");
    EXPECT_TRUE(check().problems.empty());
    EXPECT_TRUE(mine.backups().check({.against = accepted.record}).result().problems.empty());
    EXPECT_NE(text(mine.backups().check({.against = kept.record}).result().problems).find("which checkpoint 4 accepts"), std::string::npos);
}

TEST_F(BackupEvidenceTest, a_fork_of_the_repository_is_told_although_it_is_as_long) {
    if (tests::postgres_server()) GTEST_SKIP() << "rows do not lie in the home";
    engine.reset();
    copy(home(), folder / "fork");
    open_again();
    change(1);
    take("here");
    engine.reset();
    {
        Engine there(tests::placed({.home = folder.path() / "fork", .camera_networks = {"127.0.0.0/8"}}));
        auto theirs = there.open_session({.tenant = acme.id, .actor = "tester", .role = Role::owner});
        theirs.backups().start({.name = "there"}).join();
    }
    copy(folder / "fork" / "backups" / acme.id.text(), repository());
    open_again();
    try {
        take("third");
        ADD_FAILURE() << "written to a fork";
    } catch (const Corrupt& error) {
        EXPECT_NE(std::string(error.what()).find("forked: checkpoint 2"), std::string::npos) << error.what();
    }
}

TEST_F(BackupEvidenceTest, a_home_that_was_put_back_as_a_whole_goes_on_and_a_kept_record_tells_it) {
    if (tests::postgres_server()) GTEST_SKIP() << "rows do not lie in the home";
    engine.reset();
    copy(home(), folder / "home before");
    open_again();
    change(1);
    take("second");
    const auto kept = mine.backups().checkpoint();
    engine.reset();
    copy(folder / "home before", home());
    open_again();
    EXPECT_NO_THROW(take("third")) << "rows and repository are of one moment";
    EXPECT_TRUE(check().problems.empty());
    const auto report = mine.backups().check({.against = kept.record}).result();
    EXPECT_NE(text(report.problems).find("forked: checkpoint 2"), std::string::npos) << text(report.problems);
    const auto accepted = mine.backups().accept(kept.record);
    EXPECT_EQ(accepted.number, 3);
    EXPECT_TRUE(mine.backups().check({.against = accepted.record}).result().problems.empty());
}

TEST_F(BackupEvidenceTest, rows_that_are_older_than_the_repository_are_no_reason_for_alarm) {
    if (tests::postgres_server()) GTEST_SKIP() << "rows do not lie in the home";
    engine.reset();
    fs::remove_all(folder / "rows");
    copy(home(), folder / "rows");
    open_again();
    for (int i = 1; i < 4; ++i) {
        change(i);
        take("later");
    }
    engine.reset();
    copy(repository(), folder / "newest");
    copy(folder / "rows", home());
    copy(folder / "newest", repository());
    open_again();
    EXPECT_EQ(mine.backups().list().size(), 4u);
    EXPECT_NO_THROW(take("on"));
    EXPECT_TRUE(check().problems.empty());
}

TEST_F(BackupEvidenceTest, what_is_taken_out_of_the_repository_is_told_by_the_next_backup_and_check) {
    change(1);
    const auto second = take("second");
    auto events = mine.subscribe({.kinds = {"backup.tampered"}});
    const auto digits = second.id.text().substr(second.id.text().find('_') + 1);
    for (const auto& entry : fs::directory_iterator(repository() / "snap"))
        if (entry.path().filename().string().starts_with(digits)) {
            fs::remove(entry.path());
            break;
        }
    change(2);
    EXPECT_NO_THROW(take("third")) << "what is there is backed up, and the loss is told";
    const auto event = events.next(60s);
    ASSERT_TRUE(event);
    EXPECT_NE(event->data.find("deleted: checkpoint 2 saw this snapshot, and nobody has forgotten it"), std::string::npos) << event->data;
    EXPECT_EQ(check(CheckLevel::structure).tampered, 1);
    EXPECT_THROW(mine.backups().checkpoint(), Corrupt);
    EXPECT_EQ(mine.backups().accept().accepted.size(), 1u);
    EXPECT_EQ(check().tampered, 0);
    EXPECT_NO_THROW(mine.backups().checkpoint());
}

TEST_F(BackupEvidenceTest, each_problem_is_told_once_whichever_way_it_is_met) {
    copy(repository(), folder / "older");
    change(1);
    take("second");
    engine.reset();
    copy(folder / "older", repository());
    for (const auto& entry : fs::directory_iterator(repository() / "snap")) fs::remove(entry.path());
    open_again();
    auto events = mine.subscribe({.kinds = {"backup.tampered"}});
    EXPECT_TRUE(mine.backups().list().empty());
    const auto past = events.next(60s);
    ASSERT_TRUE(past);
    EXPECT_NE(past->data.find("rolled back"), std::string::npos) << past->data;
    EXPECT_EQ(check(CheckLevel::structure).tampered, 2);
    const auto more = events.next(60s);
    ASSERT_TRUE(more);
    EXPECT_NE(more->data.find("deleted: checkpoint 1 saw this snapshot"), std::string::npos) << more->data;
    EXPECT_EQ(more->data.find("rolled back"), std::string::npos) << more->data;
    for (int i = 0; i < 2; ++i) {
        EXPECT_THROW(take("third"), Corrupt);
        EXPECT_EQ(check(CheckLevel::structure).tampered, 2);
        EXPECT_THROW(mine.backups().checkpoint(), Corrupt);
    }
    EXPECT_FALSE(events.next(100ms));
}

TEST_F(BackupEvidenceTest, a_newest_checkpoint_that_cannot_be_read_stops_no_backup_and_is_replaced) {
    change(1);
    take("second");
    const auto kept = mine.backups().checkpoint();
    auto events = mine.subscribe({.kinds = {"backup.tampered"}});
    const auto spoil = [&](int number) {
        fs::remove_all(repository() / "par" / "m" / "checkpoint");  // or it would be mended
        const auto path = repository() / "checkpoint" / ("0000000" + std::to_string(number));
        std::ofstream(path, std::ios::binary | std::ios::in).seekp(300).put('x').put('y');
    };
    spoil(2);
    const auto report = check();
    EXPECT_EQ(report.problems.size(), 1u) << text(report.problems);
    EXPECT_NE(text(report.problems).find("this checkpoint cannot be read"), std::string::npos) << text(report.problems);
    EXPECT_EQ(report.tampered, 0);
    EXPECT_TRUE(check().problems.empty()) << "the check has taken the next one";
    EXPECT_EQ(mine.backups().checkpoint().number, 3);
    spoil(3);
    change(2);
    EXPECT_NO_THROW(take("third"));
    EXPECT_GE(mine.backups().checkpoint().number, 4);
    EXPECT_TRUE(mine.backups().check({.against = kept.record}).result().problems.empty()) << "which is in the past of those";
    EXPECT_FALSE(events.next(100ms));
}

class EvidenceVictim : public ::testing::Test {};

TEST_F(EvidenceVictim, DISABLED_backs_up) {
    Engine engine(tests::placed({.home = ChildProcess::setting("EVIDENCE_HOME")}));
    auto mine = engine.open_session({.tenant = TenantId::parse(ChildProcess::setting("EVIDENCE_TENANT")), .actor = "victim", .role = Role::owner});
    ChildProcess::report("s", 1);
    for (int i = 0;; ++i) {
        mine.backups().start({.name = "victim"}).join();
        mine.backups().forget({.keep = {.last = 2}});
        mine.backups().prune({.unused_percent = 0}).join();
        if (i % 3 == 2) mine.backups().keys().rotate_data_key().join();
    }
}

TEST_F(BackupEvidenceTest, kills_at_any_moment_raise_no_alarm) {
    const auto kept = mine.backups().checkpoint();
    for (int round = 0; round < 8; ++round) {
        engine.reset();
        {
            ChildProcess child("EvidenceVictim.DISABLED_backs_up", {{"EVIDENCE_HOME", home().string()}, {"EVIDENCE_TENANT", acme.id.text()}});
            ASSERT_EQ(child.read(1), "s");
            std::this_thread::sleep_for(std::chrono::milliseconds(60 + 53 * round));  // the moment is what the test is about
            child.kill();
        }
        open_again();
        change(round);
        // What the killed one was at goes on first.
        for (const auto& job : mine.jobs().list()) {
            try {
                mine.jobs().find(job.id).value().join();
            } catch (const Cancelled&) {
            }
        }
        ASSERT_NO_THROW(take("after")) << round;
        const auto report = mine.backups().check({.level = CheckLevel::structure, .against = kept.record}).result();
        ASSERT_EQ(report.tampered, 0) << round << "\n" << text(report.problems);
        ASSERT_TRUE(report.problems.empty()) << round << "\n" << text(report.problems);
        ASSERT_NO_THROW(mine.backups().checkpoint()) << round;
    }
}

}  // namespace
}  // namespace tenon
