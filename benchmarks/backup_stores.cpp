// Question: what does each further store cost a backup, when its job has to wait for the copy and when it has not?
//
//     bench_backup_stores [RUNS]
//
// Through the public interface: from start() until the job has succeeded, 256 MB of noise in 96 files of 64 KB to 16 MB, each time a
// first backup in a new home. One, two and three stores on the same disk, at the commit levels local and all, in turns. `whole`: until the last
// store is whole, at whatever level. The bytes that all stores hold are said, since the disk is asked to write them all.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <temp_folder.hpp>
#include <tenon/tenon.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

void generate(const fs::path& root) {
    std::mt19937_64 random(7);
    fs::create_directories(root);
    std::string content;
    for (int i = 0; i < 96; ++i) {
        content.resize(i % 8 == 0 ? 16'000'000 : 64'000 + random() % 1'500'000);
        for (std::size_t at = 0; at + 8 <= content.size(); at += 8) {
            const auto bits = random();
            std::copy_n(reinterpret_cast<const char*>(&bits), 8, content.data() + at);
        }
        std::ofstream(root / std::to_string(i), std::ios::binary) << content;
    }
}

struct Taken {
    double succeeded = 0, whole = 0;  // seconds
    std::int64_t bytes = 0;
};

Taken take(const fs::path& source, int stores, CommitLevel level) {
    tests::TempFolder folder;
    Engine engine({.home = folder / "home"});
    auto operators = engine.open_operator({.actor = "bench", .reason = "stores"});
    const auto tenant = operators.tenants().create({.name = "Bench", .slug = "bench", .plan = "studio/professional"});
    for (int i = 1; i < stores; ++i) {
        const auto disk = folder.path() / ("disk" + std::to_string(i));
        fs::create_directories(disk);
        operators.backup_stores().add({.name = "store" + std::to_string(i), .path = disk});
    }
    auto session = engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner});
    fs::create_directories(session.workspace() / "projects");
    fs::copy(source, session.workspace() / "projects" / "files", fs::copy_options::recursive);
    session.backups().copies().set_policy({.level = level});
    const auto begin = std::chrono::steady_clock::now();
    const auto since = [&] { return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(); };
    Taken taken;
    session.backups().start({.name = "first"}).join();
    taken.succeeded = since();
    const auto behind = [&] {
        const auto all = session.jobs().list();
        return std::any_of(all.begin(), all.end(), [](const auto& job) { return job.state != JobState::succeeded; });
    };
    while (stores > 1 && behind()) std::this_thread::sleep_for(5ms);
    taken.whole = since();
    for (const auto& state : session.backups().copies().list()) {
        if (!state.is_whole) std::printf("%s is not whole: %s\n", state.store.c_str(), state.problem.c_str());
        taken.bytes += state.size.count;
    }
    return taken;
}

}  // namespace

int main(int argc, char** argv) {
    const int runs = argc > 1 ? std::atoi(argv[1]) : 7;
    tests::TempFolder folder;
    generate(folder / "source");
    std::map<std::pair<int, CommitLevel>, std::vector<Taken>> all;
    for (int run = 0; run < runs; ++run)
        for (const int stores : {1, 2, 3})
            for (const auto level : {CommitLevel::local, CommitLevel::all})
                if (stores > 1 || level == CommitLevel::local) all[{stores, level}].push_back(take(folder / "source", stores, level));
    const auto median = [](std::vector<Taken>& taken, double Taken::*what) {
        std::sort(taken.begin(), taken.end(), [&](const auto& a, const auto& b) { return a.*what < b.*what; });
        return taken[taken.size() / 2].*what;
    };
    std::printf("%-8s %-7s %12s %12s %12s\n", "stores", "level", "succeeded s", "whole s", "MB stored");
    for (auto& [which, taken] : all)
        std::printf("%-8d %-7s %12.2f %12.2f %12.0f\n", which.first, to_string(which.second), median(taken, &Taken::succeeded),
                    median(taken, &Taken::whole), static_cast<double>(taken.front().bytes) / 1e6);
}
