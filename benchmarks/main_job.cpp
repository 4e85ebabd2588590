// The main job once, as benchmarks/main_job.py does it in Python, which runs both in turn and compares them.
//
// Question  What does the main job take: footage in, a reel of two clips with titles and a grade, an encrypted backup, the files
//           lost, all of them back?
// Input     camera.mp4 and balle-jbart.mp4: 18 s of edit, one mp4 of 1920 x 1080. A new home in a temporary folder.
// Baseline  None: this is the baseline. Prints the seconds from opening the engine to having closed it.

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include <tenon/tenon.hpp>

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

bool main_job(const fs::path& home) {
    tenon::Engine engine({.home = home});
    auto setup = engine.open_operator({.actor = "bench", .reason = "bench"});
    const auto acme = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"});
    auto session = engine.open_session({.tenant = acme.id, .actor = "bench", .role = tenon::Role::owner});
    const auto project = session.projects().create({.name = "Spring reel"});
    const auto street = session.assets().import_file({.project = project.id, .path = TENON_FOOTAGE "/camera.mp4"});
    const auto talk = session.assets().import_file({.project = project.id, .path = TENON_FOOTAGE "/balle-jbart.mp4"});

    tenon::Timeline cut;
    cut.append({.asset = street.id, .start = 2s, .end = 8s});
    cut.append({.asset = talk.id, .start = 1s, .end = 7s, .transition = tenon::crossfade(500ms)});
    cut.append({.asset = street.id, .start = 12s, .end = 18s, .transition = tenon::crossfade(500ms)});
    cut.title({.text = "Acme", .start = 0s, .duration = 3s});
    cut.grade("cinematic_warm");
    auto render = session.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4"}});
    double told = 0;
    while (!render.join_for(50ms)) told = render.progress().percent;
    const auto reel = render.result().outputs.at(0);

    const auto backup = session.backups().start({.name = "nightly"}).result();
    for (const auto& lost : {street.path, talk.path, reel.path}) fs::remove(lost);
    session.backups().restore({.snapshot = backup.snapshot.id}).join();
    return told > 0 && fs::file_size(reel.path) > 0 && fs::file_size(street.path) == static_cast<std::uintmax_t>(street.size.count);
}

}  // namespace

int main() {
    std::string folder = (fs::temp_directory_path() / "main-job-XXXXXX").string();
    if (!mkdtemp(folder.data())) return 1;
    const auto began = std::chrono::steady_clock::now();
    const bool done = main_job(fs::path(folder) / "home");
    std::printf("%.3f\n", std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count());
    fs::remove_all(folder);
    return done ? 0 : 1;
}
