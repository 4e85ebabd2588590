// Question: how long after Job::cancel() has a render ended? Wall time until join() throws, at random moments of the whole
// job: planning, pictures, sound, writing, measuring.
//
// Input: a reel of two real clips of a second each, a crossfade, a title, a grade; mp4 and social_square at once, or the
// outputs that are named. A first run gives the length; three moments of four lie anywhere in it, every fourth in its last
// eighth, where sound and files are made. A moment that comes after the end of its job is counted and drawn again.
//
//     bench_cancel [MOMENTS [OUTPUT…]]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include <media/files.hpp>
#include <tenon/tenon.hpp>

using namespace std::chrono_literals;

namespace {

double milliseconds() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

struct Sample {
    double took;
    std::string stage;
};

double at(const std::vector<Sample>& sorted, std::size_t percent) { return sorted[(sorted.size() - 1) * percent / 100].took; }

}  // namespace

int main(int argc, char** argv) {
    using namespace tenon;
    const int moments = argc > 1 ? std::stoi(argv[1]) : 200;
    std::vector<std::string> outputs(argv + std::min(argc, 2), argv + argc);
    if (outputs.empty()) outputs = {"mp4", "social_square"};
    const std::filesystem::path home = "bench-cancel";
    std::filesystem::remove_all(home);
    std::vector<Sample> samples;
    {
        Engine engine({.home = home});
        auto tenant = engine.open_operator({.actor = "bench", .reason = "measuring"})
                          .tenants().create({.name = "Bench", .slug = "bench", .plan = "studio/professional"});
        auto session = engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner});
        const auto project = session.projects().create({.name = "Reel"});
        Timeline cut;
        cut.append({.asset = session.assets().import_file({.project = project.id, .path = test::balle()}).id, .start = 1s, .end = 2s});
        cut.append({.asset = session.assets().import_file({.project = project.id, .path = test::vtest()}).id, .start = 5s, .end = 6s,
                    .transition = crossfade(300ms)});
        cut.title({.text = "Acme", .duration = 1s});
        cut.grade("cinematic_warm");
        const RenderOptions options{.project = project.id, .timeline = cut, .outputs = outputs};
        double begun = milliseconds();
        session.renders().start(options).join();
        const double whole = milliseconds() - begun;
        std::printf("the whole render  %8.0f ms\n", whole);

        std::mt19937_64 random(20'261'121);
        int drawn = 0;
        for (; std::ssize(samples) < moments && drawn < 3 * moments; ++drawn) {
            const double part = std::uniform_real_distribution<double>(drawn % 4 == 3 ? 0.875 : 0, 1)(random);
            auto job = session.renders().start(options);
            std::this_thread::sleep_for(std::chrono::duration<double, std::milli>(whole * part));
            const std::string stage = job.progress().stage;
            begun = milliseconds();
            job.cancel();
            try {
                job.join();
            } catch (const Cancelled&) {
                samples.push_back({milliseconds() - begun, stage});
            }
        }
        if (samples.empty()) return 1;
        std::map<std::string, double> worst;
        for (const Sample& sample : samples) worst[sample.stage] = std::max(worst[sample.stage], sample.took);
        std::sort(samples.begin(), samples.end(), [](const Sample& a, const Sample& b) { return a.took < b.took; });
        std::printf("cancelled         %8zu of %d (the others had ended)\n", samples.size(), drawn);
        std::printf("until it ended    p50 %6.1f   p95 %6.1f   p99 %6.1f   p100 %6.1f ms\n", at(samples, 50), at(samples, 95), at(samples, 99),
                    at(samples, 100));
        for (const auto& [stage, took] : worst) std::printf("  worst in %-8s %6.1f ms\n", stage.empty() ? "(plan)" : stage.c_str(), took);
        std::size_t left = 0;
        for (const auto& file : session.exports().list()) left += file.job.is_nil() ? 0 : 1;
        std::printf("files there       %8zu (whole renders)\n", left);
    }
    std::filesystem::remove_all(home);
}
