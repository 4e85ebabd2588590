// One thread that watches everything: jobs, events and the engine's own log, each told when something of it is new.

#include <cstdio>

#include <tenon/tenon.hpp>

using namespace std::chrono_literals;

int main() {
    tenon::Engine engine({.home = "studio"});
    auto setup = engine.open_operator({.actor = "setup", .reason = "onboarding"});
    auto acme = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"});
    auto session = engine.open_session({.tenant = acme.id, .actor = "studio-app", .role = tenon::Role::owner});
    auto project = session.projects().create({.name = "Spring reel"});

    auto watch = engine.watch();
    auto events = session.subscribe({.kinds = {"job.", "asset."}});
    auto log = engine.logs({.level = tenon::LogLevel::warning});
    watch.add(events);
    watch.add(log);

    auto clip = session.assets().import_file({.project = project.id, .path = "interview.mp4"});
    for (const char* name : {"one", "two", "three"}) {
        tenon::Timeline cut;
        cut.append({.asset = clip.id, .start = 1s, .end = 2s});
        watch.add(session.renders().start({.project = project.id, .timeline = cut, .outputs = {"social_square"}, .name = name}));
    }

    for (int left = 3; left > 0;) {
        for (const auto& change : watch.next(1s)) {
            if (change.stream == events.number()) {
                while (const auto event = events.next(0s)) std::printf("event %s %s\n", event->kind.c_str(), event->subject.c_str());
            } else if (change.stream == log.number()) {
                while (const auto record = log.next(0s)) std::printf("log %s: %s\n", record->area.c_str(), record->message.c_str());
            } else if (change.last) {  // nothing more comes of this job
                std::printf("%s %s %s\n", change.job.text().c_str(), to_string(change.state), change.message.c_str());
                --left;
            } else {
                std::printf("%s %s %.0f %%\n", change.job.text().c_str(), to_string(change.state), change.progress.percent);
            }
        }
    }
}
