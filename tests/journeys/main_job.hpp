#pragma once

#include <fstream>
#include <string>

#include <gtest/gtest.h>

#include <temp_folder.hpp>
#include <tenon/tenon.hpp>

namespace tenon::journeys {

using namespace std::chrono_literals;

inline const std::filesystem::path clip = std::filesystem::path(TENON_FOOTAGE) / "clapper.mp4";

inline Session new_tenant(Engine& engine, const std::string& slug) {
    auto setup = engine.open_operator({.actor = "setup", .reason = "test"});
    const auto tenant = setup.tenants().create({.name = slug, .slug = slug, .plan = "studio/professional"});
    return engine.open_session({.tenant = tenant.id, .actor = "tester", .role = Role::owner});
}

/// What a tenant does on an ordinary day: a reel with a title, a grade and two outputs, a sheet of it, a camera that is not
/// switched on, a backup that is checked, an audit trail that is.
inline void do_the_main_job(Session& session) {
    const auto project = session.projects().create({.name = "Spring reel"});
    const auto asset = session.assets().import_file({.project = project.id, .path = clip});
    Timeline cut;
    cut.append({.asset = asset.id, .start = 0s, .end = 500ms});
    cut.title({.text = "Acme", .start = 0s, .duration = 500ms});
    cut.grade("cinematic_warm");
    const auto made = session.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4", "social_square"}}).result();
    EXPECT_EQ(made.outputs.size(), 2u);
    session.pictures().contact_sheet({.asset = asset.id, .target = session.workspace().parent_path().parent_path().parent_path() / "sheet.png"});
    session.cameras().create({.name = "Door", .url = "rtsp://10.0.0.7/stream", .recording = Recording::off});
    session.backups().start({.name = "nightly"}).join();
    EXPECT_TRUE(session.backups().check().result().problems.empty());
    session.audit().verify();
    EXPECT_FALSE(session.usage().current().meters.empty());
}

}  // namespace tenon::journeys
