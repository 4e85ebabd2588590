#include <cstdio>

#include <tenon/tenon.hpp>

using namespace std::chrono_literals;

int main() {
    tenon::Engine engine({.home = "studio"});  // SQLite and plain files below ./studio

    auto setup = engine.open_operator({.actor = "setup", .reason = "onboarding"});  // crosses tenants; always audited
    auto acme = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"});

    auto session = engine.open_session({.tenant = acme.id, .actor = "studio-app", .role = tenon::Role::owner});

    auto project = session.projects().create({.name = "Spring reel"});
    auto clip = session.assets().import_file({.project = project.id, .path = "interview.mp4"});

    tenon::Timeline cut;
    cut.append({.asset = clip.id, .start = 1s, .end = 4s});
    cut.append({.asset = clip.id, .start = 5s, .end = 9s, .transition = tenon::crossfade(500ms)});
    cut.title({.text = "Acme", .start = 0s, .duration = 2s});
    cut.grade("cinematic_warm");

    auto job = session.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4", "social_square"}});
    while (!job.join_for(500ms)) std::printf("\r%3.0f %%", job.progress().percent);
    for (const auto& file : job.result().outputs) std::puts(file.path.c_str());  // result() throws what ended the job

    session.cameras().create({.name = "Door", .url = "rtsp://camera.local/stream",
                              .recording = tenon::Recording::continuous});  // an intent: survives restarts
    session.backups().start({.name = "nightly"}).join();                    // the workspace, encrypted
}  // ~Engine closes and joins
