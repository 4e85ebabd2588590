// Another tenant's ids, given to every operation that takes one: there is no such thing, and nothing happens to it.

#include "engine_fixture.hpp"
#include "tenant_state.hpp"

#include <functional>

#include <tenon/backup_schedule.hpp>
#include <tenon/recurrence.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::state_of;

/// A tenant that has one of everything.
struct Estate {
    explicit Estate(Session s) : session(std::move(s)) {
        project = session.projects().create({.name = "reel"});
        asset = session.assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4"});
        cut.append({.asset = asset.id, .end = 400ms});
        JobSchedule schedule;
        schedule.batch = named;
        render = session.renders().start({.project = project.id, .timeline = cut, .outputs = {"social_square"}, .schedule = schedule}).id();
        session.recurrences().create({.name = named, .cron = "0 0 29 2 *", .check = CheckLevel::structure});
        session.backups().schedules().create({.name = named, .cron = "0 0 29 2 *"});
        session.jobs().get(render).join();
        exported = session.exports().list().at(0).name;
        camera = session.cameras().create({.name = "Door", .url = "rtsp://127.0.0.1:9/stream"}).id();
        auto job = session.backups().start({.name = "nightly"});
        backup = job.id();
        snapshot = job.result().snapshot.id;
    }
    Session session;
    Project project;
    Asset asset;
    Timeline cut;
    JobId render, backup;
    std::string exported;
    std::string named = "of " + session.tenant().text();  // its batch and what comes again
    CameraId camera;
    SnapshotId snapshot;
};

using ForeignId = tests::EngineTest;

TEST_F(ForeignId, another_tenants_things_do_not_exist) {
    const Estate theirs(session(other));
    Estate mine(session(acme));
    auto& s = mine.session;
    const auto again = [&](const RenderOptions& render) { s.recurrences().create({.name = "x", .cron = "@daily", .render = render}); };
    const std::vector<std::pair<const char*, std::function<void()>>> refused = {
        {"Projects::get", [&] { s.projects().get(theirs.project.id); }},
        {"Projects::rename", [&] { s.projects().rename(theirs.project.id, "taken"); }},
        {"Projects::remove", [&] { s.projects().remove(theirs.project.id); }},
        {"Assets::import_file", [&] { s.assets().import_file({.project = theirs.project.id, .path = tests::clip_with_sound}); }},
        {"Assets::get", [&] { s.assets().get(theirs.asset.id); }},
        {"Assets::remove", [&] { s.assets().remove(theirs.asset.id); }},
        {"Renders::start, project", [&] { s.renders().start({.project = theirs.project.id, .timeline = mine.cut, .outputs = {"mp4"}}); }},
        {"Renders::start, asset", [&] { s.renders().start({.project = mine.project.id, .timeline = theirs.cut, .outputs = {"mp4"}}); }},
        {"Jobs::get", [&] { s.jobs().get(theirs.render); }},
        {"Jobs::retry", [&] { s.jobs().retry(theirs.render); }},
        {"Jobs::batch", [&] { s.jobs().batch(theirs.named); }},
        {"JobSchedule.after", [&] { s.backups().start({.name = "x", .schedule = {.after = {theirs.render}}}); }},
        {"Recurrences::get", [&] { s.recurrences().get(theirs.named); }},
        {"Recurrences::update", [&] { s.recurrences().update({.name = theirs.named, .cron = "@daily"}); }},
        {"Recurrences::pause", [&] { s.recurrences().pause(theirs.named); }},
        {"Recurrences::resume", [&] { s.recurrences().resume(theirs.named); }},
        {"Recurrences::trigger", [&] { s.recurrences().trigger(theirs.named); }},
        {"Recurrences::remove", [&] { s.recurrences().remove(theirs.named); }},
        {"BackupSchedules::get", [&] { s.backups().schedules().get(theirs.named); }},
        {"BackupSchedules::update", [&] { s.backups().schedules().update({.name = theirs.named, .cron = "@daily"}); }},
        {"BackupSchedules::run", [&] { s.backups().schedules().run(theirs.named); }},
        {"BackupSchedules::remove", [&] { s.backups().schedules().remove(theirs.named); }},
        {"Recurrences::create, project", [&] { again({.project = theirs.project.id, .timeline = mine.cut, .outputs = {"mp4"}}); }},
        {"Recurrences::create, asset", [&] { again({.project = mine.project.id, .timeline = theirs.cut, .outputs = {"mp4"}}); }},
        {"Cameras::get", [&] { s.cameras().get(theirs.camera); }},
        {"Cameras::remove", [&] { s.cameras().remove(theirs.camera); }},
        {"Backups::get", [&] { s.backups().get(theirs.snapshot); }},
        {"Backups::browse", [&] { s.backups().browse({.snapshot = theirs.snapshot}); }},
        {"Backups::restore", [&] { s.backups().restore({.snapshot = theirs.snapshot, .target = folder / "stolen"}).result(); }},
        {"Exports::remove", [&] { s.exports().remove(theirs.exported); }},
        {"UsageEvent.project", [&] {
             s.usage().record({{.source = "x", .id = "1", .meter = "scans", .quantity = 1, .occurred_at = mine.project.created_at,
                                .project = theirs.project.id}});
         }},
        {"CostTags.project", [&] { s.usage().set_cost_tags({.project = theirs.project.id, .tags = {{"team", "red"}}}); }},
        {"CorrectionOptions.corrects_id", [&] {
             CorrectionOptions options{.source = "x", .id = "1", .corrects_source = "import", .corrects_id = theirs.asset.id.text()};
             options.tenant = acme.id;
             options.by = -1;
             options.reason = "why";
             operators().tenants().correct_usage(options);
         }},
        {"ExportFilter.after", [&] { s.exports().list({.after = theirs.exported}); }},
    };
    auto their_session = theirs.session;
    const auto before = state_of(their_session);
    const auto trail = their_session.audit().verify().head;
    const auto jobs_before = s.jobs().list().size();
    for (const auto& [what, call] : refused) {
        try {
            call();
            ADD_FAILURE() << what << " took another tenant's id";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), Errc::not_found) << what << ": " << error.what();
        }
    }
    EXPECT_FALSE(s.projects().find(theirs.project.id));
    EXPECT_FALSE(s.assets().find(theirs.asset.id));
    EXPECT_FALSE(s.renders().find(theirs.render));
    EXPECT_FALSE(s.jobs().find(theirs.render));
    EXPECT_FALSE(s.jobs().find(theirs.backup));
    EXPECT_FALSE(s.cameras().find(theirs.camera));
    EXPECT_FALSE(s.cameras().find_clip(theirs.render));
    EXPECT_FALSE(s.backups().find(theirs.snapshot));
    EXPECT_FALSE(s.backups().find_job(theirs.backup));
    EXPECT_FALSE(s.backups().find_restore(theirs.backup));
    EXPECT_FALSE(s.backups().find_check(theirs.backup));
    EXPECT_FALSE(s.exports().find(theirs.exported));
    EXPECT_TRUE(s.exports().list({.job = theirs.render}).empty());
    for (const auto& project : s.projects().list({.after = theirs.project.id})) EXPECT_EQ(project.id, mine.project.id);
    for (const auto& asset : s.assets().list({.after = theirs.asset.id})) EXPECT_EQ(asset.id, mine.asset.id);
    for (const auto& project : {theirs.project.id, ProjectId{}}) {
        try {
            EXPECT_TRUE(s.assets().list({.project = project}).empty());
        } catch (const NotFound&) {
        }
    }

    EXPECT_EQ(state_of(their_session), before);
    EXPECT_EQ(their_session.audit().verify().head, trail) << "not even their audit trail hears of it";
    EXPECT_FALSE(std::filesystem::exists(folder / "stolen"));
    // At most the refused restore is a job of mine.
    EXPECT_LE(s.jobs().list().size(), jobs_before + 1);
    for (const auto& quota : s.quotas().snapshot()) EXPECT_EQ(quota.reserved, 0) << to_string(quota.resource);
    EXPECT_NO_THROW(s.audit().verify());
}

TEST_F(ForeignId, a_job_is_found_as_what_it_is) {
    Estate mine(session(acme));
    auto& s = mine.session;
    EXPECT_FALSE(s.renders().find(mine.backup));
    EXPECT_FALSE(s.cameras().find_clip(mine.backup));
    EXPECT_FALSE(s.backups().find_job(mine.render));
    EXPECT_FALSE(s.backups().find_restore(mine.backup));
    EXPECT_FALSE(s.backups().find_check(mine.backup));
    EXPECT_TRUE(s.renders().find(mine.render));
    EXPECT_TRUE(s.backups().find_job(mine.backup));
    EXPECT_TRUE(s.jobs().find(mine.backup));
}

TEST_F(ForeignId, ids_of_nothing_and_of_other_kinds_are_not_found) {
    auto s = session(acme);
    EXPECT_THROW(s.projects().get({}), NotFound);
    EXPECT_THROW(s.assets().get({}), NotFound);
    EXPECT_THROW(s.jobs().get({}), NotFound);
    EXPECT_THROW(s.cameras().get({}), NotFound);
    EXPECT_THROW(s.backups().get({}), NotFound);
    auto tenants = operators().tenants();
    EXPECT_THROW(tenants.get({}), NotFound);
    EXPECT_THROW(tenants.suspend({}, "why"), NotFound);
    EXPECT_THROW(tenants.resume({}, "why"), NotFound);
    EXPECT_THROW(tenants.erase({.reason = "why"}), Error);
    EXPECT_THROW(engine->open_session({.tenant = {1, 2}, .actor = "x"}), NotFound);
    EXPECT_THROW(ProjectId::parse(acme.id.text()), InvalidArgument);
    EXPECT_NO_THROW(operators().audit().verify());
}

}  // namespace
