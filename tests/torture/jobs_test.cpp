// A queue under load: small renders and backups of two tenants at once.

#include <map>
#include <thread>

#include "torture.hpp"

namespace tenon::torture {
namespace {

using namespace std::chrono_literals;

void load(Session session, const std::string& name, const std::string& project, const std::string& asset) {
    Timeline cut;
    cut.append({.asset = AssetId::parse(asset), .start = 1s, .end = 1200ms});
    std::vector<JobId> jobs;
    const int renders = std::stoi(Victim::setting("TORTURE_RENDERS"));
    for (int i = 0; i < renders; ++i) {
        jobs.push_back(session.renders().start({.project = ProjectId::parse(project), .timeline = cut, .outputs = {"social_square"}}).id());
        tell("started", {name, jobs.back().text()});
        if (i > 0) continue;  // one backup at a time
        jobs.push_back(session.backups().start({.name = "under load"}).id());
        tell("started", {name, jobs.back().text()});
    }
    for (const auto& job : jobs) {
        session.jobs().get(job).join();
        tell("ended", {name, job.text()});
    }
}

TEST(Victim, DISABLED_jobs) {
    Victim::play([](Victim& victim) {
        const std::jthread beside([&] { load(victim.other(), "other", Victim::setting("TORTURE_THEIRS"), Victim::setting("TORTURE_THEIR_ASSET")); });
        load(victim.acme(), "acme", Victim::setting("TORTURE_OURS"), Victim::setting("TORTURE_OUR_ASSET"));
    });
}

TEST_F(Torture, jobs_of_two_tenants) {
    const auto furnish = [&](Session session, const std::string& project_key, const std::string& asset_key) {
        const auto project = session.projects().create({.name = "load"});
        settings[project_key] = project.id.text();
        settings[asset_key] = session.assets().import_file({.project = project.id, .path = small_clip}).id.text();
    };
    furnish(acme(), "TORTURE_OURS", "TORTURE_OUR_ASSET");
    furnish(other(), "TORTURE_THEIRS", "TORTURE_THEIR_ASSET");
    settings["TORTURE_RENDERS"] = kills > 20 ? "8" : "2";  // of each tenant
    int started = 0;
    for (int n = 0; n <= kills && !HasFailure(); ++n) {
        const auto told = round("jobs");
        std::map<std::string, Session> sessions{{"acme", acme()}, {"other", other()}};
        for (auto& [name, session] : sessions) expect_jobs_succeed(session);
        for (const auto& each : told) {
            const auto id = JobId::parse(each.at(2));
            EXPECT_EQ(sessions.at(each[1]).jobs().get(id).state(), JobState::succeeded);
            EXPECT_FALSE(sessions.at(each[1] == "acme" ? "other" : "acme").jobs().find(id)) << "seen by the other tenant";
            started += each[0] == "started";
        }
        expect_sound(true);
        for (auto& [name, session] : sessions)
            for (const auto& file : session.exports().list()) session.exports().remove(file.name);
    }
    std::cout << started << " jobs were acknowledged and ended well" << std::endl;
}

}  // namespace
}  // namespace tenon::torture
