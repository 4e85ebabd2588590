// Long work: watch it, find it again by its id, cancel it.

#include <cstdio>

#include <tenon/tenon.hpp>

using namespace std::chrono_literals;

int main() {
    tenon::Engine engine({.home = "studio"});
    auto setup = engine.open_operator({.actor = "setup", .reason = "onboarding"});
    auto acme = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"});
    auto session = engine.open_session({.tenant = acme.id, .actor = "studio-app", .role = tenon::Role::owner});
    auto project = session.projects().create({.name = "Spring reel"});
    auto clip = session.assets().import_file({.project = project.id, .path = "interview.mp4"});

    tenon::Timeline cut;
    cut.append({.asset = clip.id, .start = 1s, .end = 3s});

    auto job = session.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4"}, .name = "short"});
    while (!job.join_for(100ms)) {
        const auto progress = job.progress();  // a snapshot; any thread may ask
        std::printf("%5.1f %%  %-10s %lld of %lld %s", progress.percent, progress.stage.c_str(),
                    static_cast<long long>(progress.done), static_cast<long long>(progress.total), progress.unit.c_str());
        if (progress.eta) std::printf(", %.1f s left", static_cast<double>(progress.eta->count()) / 1e6);
        std::printf("\n");
    }
    std::printf("%s\n", job.result().outputs.at(0).path.c_str());

    // Jobs are rows of the home: a handle, a session or a process later the id is enough.
    const auto id = job.id();
    if (const auto again = session.renders().find(id)) std::printf("%s is %s\n", id.text().c_str(), to_string(again->state()));

    // What is cancelled leaves no file and gives back what was held for it.
    tenon::Timeline whole;
    whole.append({.asset = clip.id});
    auto second = session.renders().start({.project = project.id, .timeline = whole, .outputs = {"mp4"}, .name = "whole"});
    second.cancel();
    try {
        second.join();
    } catch (const tenon::Cancelled&) {
        std::printf("%s is %s\n", second.id().text().c_str(), to_string(second.state()));
    }
    for (const auto& each : session.renders().list()) std::printf("%s %s\n", each.id.text().c_str(), to_string(each.state));
}
