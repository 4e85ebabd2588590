// Question: how soon does a backup end that is cancelled at any moment of its work, a restore, a check, a repair that has packs to mend,
// a prune, the work behind new data keys, a drill, a copy to another store, and a check that waits for its limits?
//
//     bench_backup_cancel [MOMENTS [prune]]
//
// Through the public interface: from cancel() until the job has ended, its hold is given back and nothing half-made is left.
// 256 MB of noise in 96 files of 64 KB to 16 MB, for prunes 200 MB in 400; moments are spread evenly over the time that a whole run takes.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <temp_folder.hpp>
#include <tenon/tenon.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

void generate(const fs::path& root, std::uint64_t seed) {
    std::mt19937_64 random(seed);
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

/// Has a wrong byte in the middle of each third pack; where one has it already, it stays one.
void spoil(const fs::path& backups) {
    std::vector<fs::path> packs;
    for (const auto& entry : fs::recursive_directory_iterator(backups)) {
        const auto path = entry.path().generic_string();
        if (entry.is_regular_file() && path.find("/packs/") != path.npos && path.find("/par/") == path.npos) packs.push_back(entry.path());
    }
    static std::map<fs::path, char> sound;
    std::sort(packs.begin(), packs.end());
    for (std::size_t i = 0; i < packs.size(); i += 3) {
        std::fstream file(packs[i], std::ios::binary | std::ios::in | std::ios::out);
        const auto middle = static_cast<std::streamoff>(fs::file_size(packs[i]) / 2);
        const auto [known, is_new] = sound.try_emplace(packs[i]);
        if (is_new) {
            file.seekg(middle);
            file.get(known->second);
        }
        file.seekp(middle);
        file.put(static_cast<char>(known->second ^ 1));
    }
}

template <class Work> double seconds(Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

void print(const char* what, std::vector<double>& times, int late) {
    std::sort(times.begin(), times.end());
    if (times.empty()) return;
    const auto at = [&](double share) { return times[static_cast<std::size_t>(share * static_cast<double>(times.size() - 1))] * 1e3; };
    std::printf("%-8s cancelled %zu times: %.1f ms p50, %.1f ms p99, %.1f ms at worst (goal 200); %d had ended before\n", what, times.size(),
                at(0.5), at(0.99), at(1.0), late);
}

/// Ends what `start` begins after some of the time it takes, `moments` times.
template <class Start, class Renew> void measure(const char* what, int moments, double whole, Start start, Renew renew) {
    std::vector<double> times;
    int late = 0;
    for (int i = 0; i < moments; ++i) {
        auto job = start();
        std::this_thread::sleep_for(std::chrono::duration<double>(whole * (i + 0.5) / moments));
        times.push_back(seconds([&] {
            job.cancel();
            if (!job.join_for(60s)) std::printf("%s: did not end\n", what);
        }));
        if (job.state() != JobState::cancelled) {
            times.pop_back();
            ++late;
        }
        renew(job.state() != JobState::cancelled);
    }
    print(what, times, late);
}

void prunes(Backups& backups, const fs::path& documents, int moments) {
    // Every prune finds packs of whose chunks a snapshot needs one in two: 400 files of half a megabyte, every second of which has changed.
    const auto scattered = documents / "scattered";
    fs::create_directories(scattered);
    std::mt19937_64 random(7);
    const auto rewrite = [&](int from, int step) {
        std::string content(500'000, '\0');
        for (int i = from; i < 400; i += step) {
            for (std::size_t at = 0; at < content.size(); at += 8) {
                const auto bits = random();
                std::copy_n(reinterpret_cast<const char*>(&bits), 8, content.data() + at);
            }
            std::ofstream(scattered / std::to_string(i), std::ios::binary) << content;
        }
    };
    const auto make_work = [&] {
        rewrite(0, 1);
        backups.start({.name = "scattered"}).result();
        rewrite(0, 2);
        const auto kept = backups.start({.name = "scattered"}).result().snapshot.id;
        std::vector<SnapshotId> old;
        for (const auto& info : backups.list())
            if (info.id != kept) old.push_back(info.id);
        backups.forget({.snapshots = old});
    };
    const auto pruning = [&] { return backups.prune({.unused_percent = 0}); };
    make_work();
    pruning().result();  // what all those above have left
    make_work();
    const double prune_takes = seconds([&] { pruning().result(); });
    std::printf("a whole prune takes %.2f s\n", prune_takes);
    make_work();
    measure("prune", moments, prune_takes, pruning, [&](bool ended) { if (ended) make_work(); });
    const auto gone_on = pruning().result();
    if (!gone_on.problems.empty()) std::puts("a prune did not go on");
    fs::remove_all(scattered);
}

}  // namespace

int main(int argc, char** argv) {
    const int moments = argc > 1 ? std::atoi(argv[1]) : 200;
    tests::TempFolder folder;
    Engine engine({.home = folder / "home"});
    auto operators = engine.open_operator({.actor = "bench", .reason = "bench"});
    const auto tenant = operators.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"});
    auto session = engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner});
    const auto documents = session.workspace() / "projects" / session.projects().create({.name = "Reel"}).id.text() / "documents";

    auto backups = session.backups();
    if (argc > 2 && std::string_view(argv[2]) == "prune") {
        prunes(backups, documents, moments);
        return 0;
    }
    std::uint64_t seed = 1;
    generate(documents, seed++);
    SnapshotId snapshot;
    const double backing_up = seconds([&] { snapshot = backups.start({.name = "whole"}).result().snapshot.id; });
    const double restoring = seconds([&] { backups.restore({.snapshot = snapshot, .target = folder / "out"}).result(); });
    std::printf("a whole backup takes %.2f s, its restore %.2f s\n", backing_up, restoring);
    generate(documents, seed++);
    measure("backup", moments, backing_up, [&] { return backups.start({.name = "cancelled"}); },
            [&](bool ended) { if (ended) generate(documents, seed++); });
    measure("restore", moments, restoring, [&] { return backups.restore({.snapshot = snapshot, .target = folder / "out"}); },
            [&](bool) { fs::remove_all(folder / "out"); });
    const auto checking = [&] { return backups.check(); };
    const double check_takes = seconds([&] { checking().result(); });
    std::printf("a whole check takes %.2f s\n", check_takes);
    measure("check", moments, check_takes, checking, [](bool) {});
    const auto repairing = [&] { return backups.repair(); };
    spoil(folder / "home" / "backups");
    const double repair_takes = seconds([&] { repairing().result(); });
    std::printf("a whole repair, a byte of each third pack being wrong, takes %.2f s\n", repair_takes);
    spoil(folder / "home" / "backups");
    measure("repair", moments / 2, repair_takes, repairing, [&](bool) { spoil(folder / "home" / "backups"); });
    if (!backups.repair().result().damaged.empty()) std::puts("something is lost");
    prunes(backups, documents, moments);
    // Each of these is gone on with by the next, so every one has something to do.
    const auto rekeying = [&] { return backups.keys().rotate_data_key(); };
    const double rekey_takes = seconds([&] { rekeying().result(); });
    std::printf("new data keys' work takes %.2f s\n", rekey_takes);
    measure("rekey", moments / 8, rekey_takes, rekeying, [](bool) {});
    backups.keys().rotate_data_key({.resume = true}).join();
    const auto drilling = [&] { return backups.drills().start({.files = 0}); };
    const double drill_takes = seconds([&] { drilling().result(); });
    std::printf("a whole drill takes %.2f s\n", drill_takes);
    measure("drill", moments / 2, drill_takes, drilling, [](bool) {});
    measure("limited", moments / 8, check_takes, [&] { return backups.check({.limits = {.download_per_second = Bytes{1'000'000}}}); }, [](bool) {});
    fs::create_directories(folder / "north");
    operators.backup_stores().add({.name = "north", .path = folder / "north"});
    const auto copying = [&] { return backups.copies().start(); };
    const double copy_takes = seconds([&] { copying().result(); });
    std::printf("a whole copy takes %.2f s\n", copy_takes);
    const auto empty = [&](bool) { fs::remove_all(folder / "north" / tenant.id.text()); };
    empty(true);
    measure("copy", moments / 4, copy_takes, copying, empty);
    if (session.quotas().get(Resource::storage).reserved != 0) std::puts("a hold is left");
    if (!backups.check().result().problems.empty()) std::puts("damaged");
}
