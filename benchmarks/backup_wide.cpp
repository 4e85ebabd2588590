// Question: what does one folder with a million names cost to back up, to back up again, to add to, to check and to restore? What do two
// million files in many folders cost, and how soon is such a repository opened and listed, a key added and a folder of it erased by its keys?
//
//     bench_backup_wide [NAMES [FOLDERS]]
//
// Each step runs in a process of its own; its memory is the most that process ever had resident (VmHWM), libraries and all.
// Input: NAMES files (1,000,000) of 20 different bytes each in one folder, or in FOLDERS; names of 20 letters. Not synced, disk cache warm.
// Each file is a chunk. The repository is opened by a key, so that no derivation is counted. 2,000,000 files take 8 GB of disk, and again
// when they are restored.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <backup/prune.hpp>
#include <backup/repository.hpp>
#include <backup/retention.hpp>
#include <base/file.hpp>
#include <blob/file_store.hpp>
#include <temp_folder.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;
namespace fs = std::filesystem;

std::string name_of(int number) {
    char name[32];
    std::snprintf(name, sizeof name, "recording-%010d", number);
    return name;
}

void make_file(const base::Fd& folder, const std::string& name) {
    const base::Fd file(openat(folder.get(), name.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
    base::write_all(file, base::view_of(name), "file");
}

std::int64_t size_of(const fs::path& root) {
    std::int64_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        if (entry.is_regular_file()) size += static_cast<std::int64_t>(entry.file_size());
    return size;
}

double most_memory() {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("VmHWM:")) return std::strtod(line.c_str() + 6, nullptr) / 1024;
    return 0;
}

double processor() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

std::unique_ptr<backup::Repository> open_in(const fs::path& root) {
    const auto store = std::make_shared<blob::FileStore>(root / "repo", base::system_clock());
    const auto vault = std::make_shared<blob::FileStore>(root / "vault", base::system_clock());
    const auto key = backup::KeySource::key(base::ByteVector(32, 7));
    backup::RepositoryOptions options;
    options.scratch = root;
    return fs::exists(root / "repo/super") ? backup::Repository::open(store, vault, key, options)
                                           : backup::Repository::create(store, vault, key, "", options);
}

/// In a process of its own, from opening on, in milliseconds.
template <class Work> void opened(const char* what, const char* goal, const fs::path& root, Work work) {
    std::fflush(stdout);
    const auto child = fork();
    if (child == 0) {
        const auto start = bench::seconds(), spent = processor();
        work(*open_in(root));
        bench::line(what, goal, (bench::seconds() - start) * 1e3, "ms", "opened for it");
        bench::line("", "", (processor() - spent) * 1e3, "ms", "of processors");
        std::fflush(stdout);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
}

/// In a process of its own.
template <class Work>
void step(const char* what, const char* goal, const fs::path& root, Work work) {
    std::fflush(stdout);
    const auto before = size_of(root / "repo");
    const auto child = fork();
    if (child == 0) {
        try {
            const auto repository = open_in(root);
            const auto start = bench::seconds(), spent = processor();
            work(*repository);
            const auto took = bench::seconds() - start;
            bench::line(what, goal, most_memory(), "MiB", "");
            bench::line("", "", took, "s", "");
            bench::line("", "", processor() - spent, "s", "of processors");
        } catch (const std::exception& error) {
            std::printf("%s: %s\n", what, error.what());
        }
        std::fflush(stdout);
        _exit(0);
    }
    waitpid(child, nullptr, 0);
    bench::line("", "", static_cast<double>(size_of(root / "repo") - before) / 1e6, "MB", "added to the repository");
}

}  // namespace

int main(int argc, char** argv) {
    const auto names = argc > 1 ? std::atoi(argv[1]) : 1'000'000;
    const tests::TempFolder root;
    fs::create_directories(root / "source");
    fs::create_directories(root / "repo");
    const auto folders = argc > 2 ? std::max(1, std::atoi(argv[2])) : 1;
    const auto folder_of = [&](int number) { return folders > 1 ? root / "source" / std::to_string(number) : root / "source"; };
    for (int f = 0, i = 0; f < folders; ++f) {
        fs::create_directories(folder_of(f));
        const auto folder = base::open_file(folder_of(f), O_RDONLY | O_DIRECTORY);
        for (; static_cast<std::int64_t>(i) * folders < static_cast<std::int64_t>(names) * (f + 1); ++i) make_file(folder, name_of(i));
    }
    // The last folder can be erased by itself.
    backup::BackupRequest request{.name = "wide", .sources = {{.name = "", .path = root / "source"}}};
    if (folders > 1) {
        request.classes = {{std::to_string(folders - 1), "somebody"}};
        open_in(root.path())->add_classes({"somebody"});
    }
    const auto back_up = [&](backup::Repository& repository) { repository.backup(request, backup::free_ledger(), exec::no_progress(), {}); };
    step("first backup", "<= 256", root.path(), back_up);
    step("nothing changed", "<= 256", root.path(), back_up);
    opened("open and list", "<= 50", root.path(), [](backup::Repository& repository) {
        if (repository.list().size() != 2) std::puts("a snapshot is missing");
    });
    make_file(base::open_file(folder_of(folders / 2), O_RDONLY | O_DIRECTORY), name_of(names / 2) + "-and-one-more");
    step("one new name", "<= 256, 1 MB", root.path(), back_up);
    step("check, full", "", root.path(), [&](backup::Repository& repository) {
        if (!repository.check(backup::CheckDepth::full, exec::no_progress(), {}).problems.empty()) std::puts("damaged");
    });
    step("restore", "", root.path(), [&](backup::Repository& repository) {
        repository.restore(repository.list().front().id, {.target = root / "out"}, exec::no_progress(), {});
    });
    step("restore again, all there", "", root.path(), [&](backup::Repository& repository) {
        repository.restore(repository.list().front().id, {.target = root / "out", .overwrite = true}, exec::no_progress(), {});
    });
    opened("another key", "<= 1000", root.path(), [](backup::Repository& repository) {
        repository.add_slot(backup::KeySource::key(base::ByteVector(32, 9)), "second");
    });
    if (folders > 1)
        opened("a folder erased by its keys", "<= 1000", root.path(), [](backup::Repository& repository) { repository.shred("somebody"); });
    step("forget and prune", "", root.path(), [&](backup::Repository& repository) {
        const auto all = repository.list();
        backup::forget(repository, {all.back().id}, {});
        backup::prune(repository, {.unused_percent = 5}, exec::no_progress(), {});
    });
}
