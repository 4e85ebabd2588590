// Question: how long does a first backup of many small files take, their restore, and forgetting and pruning, next to restic?
//
//     bench_backup_first [RUNS] [FILES] [first]
//
// With `first` only first backups, so that little time lies between ours and restic's. Processor time stands beside the time on
// the wall, as another's load changes that least. Both sync what they store before they end: we each pack, segment and snapshot
// and their folders; restic each file of its repository and its folder.
//
// Forget and prune: every tenth file gets other bytes, a backup takes that, then all snapshots but the newest are forgotten and pruned.
// restic leaves 5 % of all unused by default; ours is told to leave no pack of which 5 % are.
//
// Input: 40,000 files of 1 to 20 KiB in 400 folders, generated from a seed; a third is words, a third noise, the rest mixed;
// every eighth repeats another. Fresh repositories, alternating runs. restic with its defaults; ours without its database.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <sys/resource.h>

#include <backup/parity_store.hpp>
#include <backup/prune.hpp>
#include <backup/repository.hpp>
#include <backup/retention.hpp>
#include <blob/file_store.hpp>
#include <temp_folder.hpp>

namespace {

using namespace tenon;
namespace fs = std::filesystem;

void generate(const fs::path& root, int files) {
    std::mt19937_64 random(20'261'121);
    const std::vector<std::string> words{"camera ", "render ", "tenant ", "quota ", "scene ", "frame ", "0.731 ", "true, ", "{\"x\": ", "\n"};
    std::string content;
    for (int i = 0; i < files; ++i) {
        if (i % 100 == 0) fs::create_directories(root / std::to_string(i / 100));
        if (i % 8 != 7) {
            content.clear();
            const auto size = 1024 + random() % (19 * 1024);
            while (content.size() < size) {
                const bool noise = i % 3 == 0 || (i % 3 == 1 && random() % 2 == 0);
                if (noise)
                    for (auto bits = random(), n = std::uint64_t{8}; n > 0; --n, bits >>= 8) content += static_cast<char>(bits);
                else content += words[random() % words.size()];
            }
        }
        std::ofstream(root / std::to_string(i / 100) / std::to_string(i), std::ios::binary) << content;
    }
}

/// Every tenth file gets other bytes of its size.
void edit(const fs::path& root, int files) {
    static std::mt19937_64 random(7);
    for (int i = 0; i < files; i += 10) {
        const auto path = root / std::to_string(i / 100) / std::to_string(i);
        std::string content(fs::file_size(path), '\0');
        for (auto& byte : content) byte = static_cast<char>(random());
        std::ofstream(path, std::ios::binary) << content;
    }
}

std::int64_t size_of(const fs::path& root) {
    std::int64_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        if (entry.is_regular_file()) size += static_cast<std::int64_t>(entry.file_size());
    return size;
}

template <class Work>
double seconds(Work work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// Processor seconds of this process, or of those it waited for.
double processor(__rusage_who who) {
    rusage usage{};
    getrusage(who, &usage);
    const auto of = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Times {
    double first = 0, work = 0, unchanged = 0, check = 0, restore = 0, prune = 0;
    std::int64_t size = 0, pruned = 0;
};

Times ours(const fs::path& source, const fs::path& folder, int files, bool only_first) {
    Times times;
    const auto disk = std::make_shared<blob::FileStore>(folder / "repo", base::system_clock());
    const auto store = std::make_shared<backup::ParityStore>(disk, backup::Parity::thin);  // as shipped
    const auto vault = std::make_shared<blob::FileStore>(folder / "vault", base::system_clock());
    auto repository = backup::Repository::create(store, vault, backup::KeySource::password("a password"), "", {.scratch = folder});
    backup::BackupRequest request{.name = "bench", .sources = {{.name = "", .path = source}}};
    backup::BackupTotals totals;
    const auto run = [&] { totals = repository->backup(request, backup::free_ledger(), exec::no_progress(), {}); };
    const auto before = processor(RUSAGE_SELF);
    times.first = seconds(run);
    times.work = processor(RUSAGE_SELF) - before;
    times.size = size_of(folder / "repo");
    if (only_first) return times;
    times.unchanged = seconds(run);
    times.check = seconds([&] {
        if (!repository->check(backup::CheckDepth::full, exec::no_progress(), {}).problems.empty()) std::puts("damaged");
    });
    times.restore = seconds([&] { repository->restore(totals.snapshot.id, {.target = folder / "out"}, exec::no_progress(), {}); });
    edit(source, files);
    run();
    const auto before_prune = size_of(folder / "repo");
    times.prune = seconds([&] {
        std::vector<SnapshotId> old;
        for (const auto& info : repository->list())
            if (info.id != totals.snapshot.id) old.push_back(info.id);
        backup::forget(*repository, old, {});
        backup::prune(*repository, {.unused_percent = 5}, exec::no_progress(), {});
    });
    times.pruned = before_prune - size_of(folder / "repo");
    return times;
}

void shell(const std::string& command) {
    if (std::system((command + " > /dev/null").c_str()) != 0) std::printf("failed: %s\n", command.c_str());
}

Times restic(const fs::path& source, const fs::path& folder, int files, bool only_first) {
    Times times;
    const auto with = "RESTIC_PASSWORD=a RESTIC_CACHE_DIR=" + (folder / "cache").string() + " restic -q -r " + (folder / "repo").string() + ' ';
    shell(with + "init");
    const auto before = processor(RUSAGE_CHILDREN);
    times.first = seconds([&] { shell(with + "backup " + source.string()); });
    times.work = processor(RUSAGE_CHILDREN) - before;
    times.size = size_of(folder / "repo");
    if (only_first) return times;
    times.unchanged = seconds([&] { shell(with + "backup " + source.string()); });
    times.check = seconds([&] { shell(with + "check --read-data"); });
    times.restore = seconds([&] { shell(with + "restore latest --target " + (folder / "out").string()); });
    edit(source, files);
    shell(with + "backup " + source.string());
    const auto before_prune = size_of(folder / "repo");
    times.prune = seconds([&] { shell(with + "forget --keep-last 1 --prune"); });
    times.pruned = before_prune - size_of(folder / "repo");
    return times;
}

void print(const char* who, const Times& t) {
    std::printf("%-8s first %6.2f s (%5.2f s of processors)", who, t.first, t.work);
    if (t.restore > 0)
        std::printf("   unchanged %5.2f s   full check %5.2f s   restore %5.2f s   forget and prune %5.2f s (%.1f MB)", t.unchanged, t.check,
                    t.restore, t.prune, static_cast<double>(t.pruned) / 1e6);
    std::printf("   stored %.1f MB\n", static_cast<double>(t.size) / 1e6);
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const int runs = argc > 1 ? std::atoi(argv[1]) : 7;
    const int files = argc > 2 ? std::atoi(argv[2]) : 40'000;
    const bool only_first = argc > 3 && std::string_view(argv[3]) == "first";
    tests::TempFolder folder;
    const auto source = folder / "source";
    generate(source, files);
    std::printf("%d files, %.1f MB\n", files, static_cast<double>(size_of(source)) / 1e6);
    for (int run = 0; run < runs; ++run) {
        for (const auto* who : {"ours", "restic"}) {
            const auto place = folder / who;
            fs::create_directories(place);
            print(who, std::string_view(who) == "ours" ? ours(source, place, files, only_first) : restic(source, place, files, only_first));
            fs::remove_all(place);
        }
    }
}
