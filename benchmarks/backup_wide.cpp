// Question: what does one folder with a million names cost to back up, to back up again, to add to, to check and to restore?
//
//     bench_backup_wide [NAMES]
//
// Each step runs in a process of its own; its memory is the most that process ever had resident (VmHWM), libraries and all.
// Input: NAMES files (1,000,000) of 20 different bytes each in one folder; names of 20 letters. Not synced, disk cache warm.
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <fcntl.h>
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

/// In a process of its own.
template <class Work>
void step(const char* what, const char* goal, const fs::path& root, Work work) {
    std::fflush(stdout);
    const auto before = size_of(root / "repo");
    const auto child = fork();
    if (child == 0) {
        try {
            const auto store = std::make_shared<blob::FileStore>(root / "repo", base::system_clock());
            const auto vault = std::make_shared<blob::FileStore>(root / "vault", base::system_clock());
            const auto key = backup::KeySource::key(base::ByteVector(32, 7));
            backup::RepositoryOptions options;
            options.scratch = root;
            const auto repository = fs::exists(root / "repo/super") ? backup::Repository::open(store, vault, key, options)
                                                                    : backup::Repository::create(store, vault, key, "", options);
            const auto start = bench::seconds();
            work(*repository);
            const auto took = bench::seconds() - start;
            bench::line(what, goal, most_memory(), "MiB", "");
            bench::line("", "", took, "s", "");
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
    const auto folder = base::open_file(root / "source", O_RDONLY | O_DIRECTORY);
    for (int i = 0; i < names; ++i) make_file(folder, name_of(i));
    const auto back_up = [&](backup::Repository& repository) {
        repository.backup({.name = "wide", .sources = {{.name = "", .path = root / "source"}}}, backup::free_ledger(), exec::no_progress(), {});
    };
    step("first backup", "<= 256", root.path(), back_up);
    step("nothing changed", "<= 256", root.path(), back_up);
    make_file(folder, name_of(names / 2) + "-and-one-more");
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
    step("forget and prune", "", root.path(), [&](backup::Repository& repository) {
        const auto all = repository.list();
        backup::forget(repository, {all.back().id}, {});
        backup::prune(repository, {.unused_percent = 5}, exec::no_progress(), {});
    });
}
