// Jobs of projects that are none of his: not returned by a key, not waited for, not counted, not cancelled.

#include <thread>

#include <tenon/recurrence.hpp>

#include "access_fixture.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::AccessTest;

class JobGrantsTest : public AccessTest {
protected:
    JobGrantsTest() {
        mine = owner->projects().create({.name = "granted"}).id;
        hidden = owner->projects().create({.name = "hidden"}).id;
        const auto nothing = owner->roles().create({.name = "Nothing"});
        const auto bert = owner->users().create({.email = "bert@example.org", .name = "Bert", .custom_role = nothing.id});
        owner->users().grant({.user = bert.id, .project = mine, .role = Role::editor});
        his.emplace(engine->open_session({.tenant = acme.id, .user = bert.id}));
        owner->jobs().pause("render");  // what is started waits
        for (const auto& project : {mine, hidden})
            assets.push_back(owner->assets().import_file({.project = project, .path = tests::footage / "clapper.mp4"}).id);
    }
    RenderOptions render(const ProjectId& project, JobSchedule schedule) const {
        Timeline cut;
        cut.append({.asset = assets.at(project == mine ? 0 : 1), .end = 400ms});
        return {.project = project, .timeline = cut, .outputs = {"social_square"}, .schedule = std::move(schedule)};
    }
    static JobSchedule keyed(const std::string& key) {
        JobSchedule schedule;
        schedule.unique_key = key;
        return schedule;
    }

    ProjectId mine, hidden;
    std::vector<AssetId> assets;
    std::optional<Session> his;
};

TEST_F(JobGrantsTest, a_key_does_not_lead_to_the_job_of_another_project) {
    const auto theirs = owner->renders().start(render(hidden, keyed("nightly")));
    EXPECT_THROW((void)his->renders().start(render(mine, keyed("nightly"))), Conflict) << "and nothing was started";
    EXPECT_TRUE(his->renders().list().empty());
    EXPECT_EQ(owner->renders().list().size(), 1u);
    // Who may do it in both gets the job that there is, as what it is: of the project it is about.
    auto same = owner->renders().start(render(mine, keyed("nightly")));
    EXPECT_EQ(same.id(), theirs.id());
    const auto own = his->renders().start(render(mine, keyed("own")));
    EXPECT_EQ(his->renders().start(render(mine, keyed("own"))).id(), own.id());
    EXPECT_EQ(owner->renders().start(render(hidden, keyed("own"))).id(), own.id());
    same.cancel();
    EXPECT_EQ(theirs.state(), JobState::cancelled);
    EXPECT_NO_THROW((void)his->renders().start(render(mine, keyed("nightly"))));
    EXPECT_THROW((void)owner->jobs().retry(theirs.id()), Conflict) << "the key is taken by another by now";
}

TEST_F(JobGrantsTest, nobody_waits_for_what_he_may_not_know_of) {
    const auto theirs = owner->renders().start(render(hidden, {}));
    JobSchedule after;
    after.after = {theirs.id()};
    EXPECT_THROW((void)his->renders().start(render(mine, after)), NotFound);
    EXPECT_EQ(owner->renders().start(render(mine, after)).info().after, after.after);
}

TEST_F(JobGrantsTest, a_batch_is_as_much_of_it_as_he_may_see) {
    auto started = owner->renders().start_batch({.batch = "spring", .renders = {render(mine, {}), render(hidden, {}), render(hidden, {})}});
    for (const auto& one : started) EXPECT_FALSE(one.error) << one.message;
    EXPECT_EQ(owner->jobs().batch("spring").total, 3);
    EXPECT_EQ(his->jobs().batch("spring").total, 1);
    EXPECT_EQ(his->jobs().list({.batch = "spring"}).size(), 1u);
    const auto refused = his->renders().start_batch({.batch = "summer", .renders = {render(mine, {}), render(hidden, {})}});
    EXPECT_FALSE(refused[0].error);
    EXPECT_EQ(refused[1].error, Errc::permission_denied);
    EXPECT_EQ(his->jobs().cancel_batch("spring"), 1);
    EXPECT_EQ(owner->jobs().batch("spring").waiting, 2);
    owner->jobs().cancel_batch("summer");
    owner->renders().start_batch({.batch = "theirs", .renders = {render(hidden, {})}});
    EXPECT_THROW((void)his->jobs().batch("theirs"), NotFound) << "as if there were none";
    EXPECT_EQ(his->jobs().cancel_batch("theirs"), 0);
    EXPECT_THROW(his->jobs().pause("render"), PermissionDenied) << "that is the whole tenant's";
}

TEST_F(JobGrantsTest, what_comes_again_in_a_project_belongs_to_it) {
    owner->recurrences().create({.name = "nightly", .cron = "@daily", .backup = BackupOptions{.name = "night"}});
    owner->recurrences().create({.name = "theirs", .cron = "@daily", .render = render(hidden, {})});
    auto again = his->recurrences();
    EXPECT_TRUE(again.list().empty());
    EXPECT_FALSE(again.find("theirs"));
    EXPECT_THROW(again.remove("theirs"), NotFound);
    EXPECT_THROW(again.trigger("nightly"), NotFound);
    EXPECT_THROW(again.create({.name = "x", .cron = "@daily", .backup = BackupOptions{.name = "x"}}), PermissionDenied);
    EXPECT_THROW(again.create({.name = "x", .cron = "@daily", .render = render(hidden, {})}), PermissionDenied);
    auto foreign = render(hidden, {});
    foreign.project = mine;  // of assets that he may not read
    EXPECT_THROW(again.create({.name = "x", .cron = "@daily", .render = foreign}), NotFound);
    const auto made = again.create({.name = "his", .cron = "@daily", .render = render(mine, keyed("his"))});
    EXPECT_EQ(made.kind, "render");
    EXPECT_EQ(made.project, mine);
    ASSERT_EQ(again.list().size(), 1u);
    EXPECT_EQ(owner->recurrences().list().size(), 3u);
    again.trigger("his");
    std::optional<JobId> job;
    for (int i = 0; i < 6000 && !job; ++i) {
        std::this_thread::sleep_for(10ms);
        job = again.get("his").last_job;
    }
    ASSERT_TRUE(job) << again.get("his").last_message;
    EXPECT_EQ(his->jobs().get(*job).info().unique_key, "his");
    EXPECT_TRUE(his->renders().find(*job));
    again.remove("his");
    EXPECT_EQ(owner->recurrences().list().size(), 2u);
    auto late = render(mine, {});
    late.schedule.start = Time{} + 1h;
    EXPECT_THROW(again.create({.name = "x", .cron = "@daily", .render = late}), InvalidArgument);
    EXPECT_THROW(again.create({.name = "x", .cron = "@daily"}), InvalidArgument);
}

}  // namespace
