// Question: of what the plan asks for and no other benchmark here shows, how much is there?
//
//     bench_backup_goals [ROUNDS [large | small | killed]]
//
// 1. One large file (1 GB of noise) is cut, named, sealed and stored: how many processors does that keep busy? Their time over the wall's, which
//    somebody else's work lessens; and over that of the busiest thread, which it does not: so many processors could be used.
// 2. A second backup of 40,000 files of 1 to 12 KiB of which nothing has changed: processor time a file.
// 3. Those files restored to a disk beside `cp -a` of them, in turns, both with a sync of the file system behind; the large file restored to the
//    same disk and to memory (/dev/shm), and from the former what half an hour gives back.
// 4. A first backup of 24 files of 64 MB that is killed at moments spread over its time, and the run that goes on: how much is read again? The
//    goal is what lies between two checkpoints: 256 MiB or 30 s.
//
// With parity, as shipped; the database apart. Medians of ROUNDS (5).
#include <algorithm>
#include <atomic>
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

#include <csignal>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <backup/parity_store.hpp>
#include <backup/repository.hpp>
#include <base/file.hpp>
#include <blob/file_store.hpp>
#include <temp_folder.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;
namespace fs = std::filesystem;

constexpr std::int64_t large = 1'000'000'000;
constexpr int small_files = 40'000;

double processor(__rusage_who who = RUSAGE_SELF) {
    rusage usage{};
    getrusage(who, &usage);
    const auto of = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

/// Processor time of each thread of this process, as far as it was seen: every 5 ms.
class Threads {
public:
    /// Of all that it saw, over that of the busiest: what so many processors could have been given.
    double spread() {
        thread_.request_stop();
        thread_.join();
        double all = 0, most = 0;
        for (const auto& [number, time] : times_) {
            all += time;
            most = std::max(most, time);
        }
        return most > 0 ? all / most : 0;
    }

private:
    void look() {
        for (const auto& task : fs::directory_iterator("/proc/self/task")) {
            const auto number = task.path().filename().string();
            if (number == std::to_string(own_)) continue;
            double time = 0;
            if (!(std::ifstream(task.path() / "schedstat") >> time)) continue;
            before_.try_emplace(number, is_first_ ? time : 0);
            times_[number] = time - before_[number];
        }
        is_first_ = false;
    }

    std::map<std::string, double> before_, times_;
    bool is_first_ = true;
    pid_t own_ = 0;
    std::jthread thread_{[this](const std::stop_token& stop) {
        own_ = gettid();
        while (!stop.stop_requested()) {
            try {
                look();
            } catch (const fs::filesystem_error&) {
                // A thread has ended meanwhile.
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }};
};

void noise(const fs::path& path, std::int64_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::uint64_t> part(1 << 17);
    std::ofstream out(path, std::ios::binary);
    for (std::int64_t at = 0; at < size; at += static_cast<std::int64_t>(part.size() * 8)) {
        for (auto& word : part) word = random();
        out.write(reinterpret_cast<const char*>(part.data()), static_cast<std::streamsize>(std::min<std::int64_t>(size - at, part.size() * 8)));
    }
}

void small_ones(const fs::path& root) {
    std::mt19937_64 random(5);
    for (int i = 0; i < small_files; ++i) {
        const auto folder = root / std::to_string(i / 100);
        if (i % 100 == 0) fs::create_directories(folder);
        std::string content(1024 + random() % 11'264, ' ');
        for (std::size_t at = 0; at < content.size(); at += 1 + random() % 4) content[at] = static_cast<char>('a' + random() % 26);
        std::ofstream(folder / std::to_string(i), std::ios::binary) << content;
    }
}

std::int64_t size_of(const fs::path& root) {
    std::int64_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        if (entry.is_regular_file()) size += static_cast<std::int64_t>(entry.file_size());
    return size;
}

double median(std::vector<double> of) {
    std::sort(of.begin(), of.end());
    return of[of.size() / 2];
}

void sync(const fs::path& folder) {
    const auto fd = base::open_file(folder, O_RDONLY | O_DIRECTORY);
    syncfs(fd.get());
}

template <class Work> double seconds(Work work) {
    const auto start = bench::seconds();
    work();
    return bench::seconds() - start;
}

struct Place {
    fs::path root;
    std::unique_ptr<backup::Repository> open() const {
        const auto disk = std::make_shared<blob::FileStore>(root / "repo", base::system_clock());
        const auto vault = std::make_shared<blob::FileStore>(root / "vault", base::system_clock());
        const auto store = std::make_shared<backup::ParityStore>(disk, backup::Parity::thin);
        const auto key = backup::KeySource::key(base::ByteVector(32, 7));
        const backup::RepositoryOptions options{.scratch = root};
        fs::create_directories(root);
        return fs::exists(root / "repo/super") ? backup::Repository::open(store, vault, key, options)
                                               : backup::Repository::create(store, vault, key, "", options);
    }
};

backup::BackupTotals back_up(backup::Repository& repository, const fs::path& source, exec::ProgressSink& progress = exec::no_progress()) {
    return repository.backup({.name = "bench", .sources = {{.name = "", .path = source}}}, backup::free_ledger(), progress, {});
}

void restore(backup::Repository& repository, const fs::path& target) {
    repository.restore(repository.list().front().id, {.target = target}, exec::no_progress(), {});
}

void one_large_file(const fs::path& root, int rounds) {
    fs::create_directories(root / "large");
    noise(root / "large/file.bin", large, 1);
    std::vector<double> busy, spread, took, spent;
    for (int round = 0; round < rounds; ++round) {
        fs::remove_all(root / "first");
        const auto repository = Place{root / "first"}.open();
        const auto before = processor();
        Threads threads;
        const auto wall = seconds([&] { back_up(*repository, root / "large"); });
        took.push_back(wall);
        spent.push_back((processor() - before) / (static_cast<double>(large) / 1e9));
        busy.push_back((processor() - before) / wall);
        spread.push_back(threads.spread());
    }
    std::printf("one file of 1 GB, first backup, %u processors\n", std::thread::hardware_concurrency());
    bench::line("  processor time over time", "all cores", median(busy) * 100, "%", "of one processor");
    bench::line("  processor time over the busiest thread's", ">= 200", median(spread) * 100, "%", "whatever else runs");
    bench::line("  rate", "", static_cast<double>(large) / 1e6 / median(took), "MB/s", "");
    bench::line("  processor time", "<= 3", median(spent), "s/GB", "");

    const auto repository = Place{root / "first"}.open();
    std::vector<double> to_disk, to_memory;
    const auto rate = [&](const fs::path& target, std::vector<double>& rates) {
        rates.push_back(static_cast<double>(large) / 1e6 / seconds([&] { restore(*repository, target); }));
        fs::remove_all(target);
    };
    std::string name = "/dev/shm/bench-XXXXXX";
    const bool has_memory = mkdtemp(name.data()) != nullptr;
    const fs::path memory = name;
    for (int round = 0; round < rounds; ++round) {
        rate(root / "out", to_disk);
        if (has_memory) rate(memory / "out", to_memory);
    }
    if (has_memory) fs::remove_all(memory);
    bench::line("  restored to memory", ">= 700", has_memory ? median(to_memory) : 0, "MB/s", "");
    bench::line("  restored to the disk, synced", "", median(to_disk), "MB/s", "");
    bench::line("  in half an hour", ">= 500", median(to_disk) * 1.8, "GB", "of media to this disk");
    fs::remove_all(root / "first");
    fs::remove_all(root / "large");
}

void many_small_files(const fs::path& root, int rounds) {
    small_ones(root / "small");
    const auto repository = Place{root / "many"}.open();
    back_up(*repository, root / "small");
    std::this_thread::sleep_for(std::chrono::milliseconds(50));  // files as young as the scan are read again
    back_up(*repository, root / "small");
    std::vector<double> unchanged, ours, theirs, ratio, ours_spent, theirs_spent;
    for (int round = 0; round < rounds; ++round) {
        const auto before = processor();
        back_up(*repository, root / "small");
        unchanged.push_back((processor() - before) / small_files * 1e6);
    }
    for (int round = 0; round < rounds; ++round) {
        sync(root);
        const auto mine = processor();
        ours.push_back(seconds([&] { restore(*repository, root / "out"); }));
        ours_spent.push_back(processor() - mine);
        fs::remove_all(root / "out");
        sync(root);
        const auto its = processor(RUSAGE_CHILDREN);
        theirs.push_back(seconds([&] {
            if (std::system(("cp -a '" + (root / "small").string() + "' '" + (root / "out").string() + "'").c_str()) != 0) std::puts("cp failed");
            sync(root);
        }));
        theirs_spent.push_back(processor(RUSAGE_CHILDREN) - its);
        fs::remove_all(root / "out");
        ratio.push_back(ours.back() / theirs.back());
    }
    std::printf("%d files of 1 to 12 KiB, %.0f MB\n", small_files, static_cast<double>(size_of(root / "small")) / 1e6);
    bench::line("  nothing changed, processor time", "<= 8", median(unchanged), "us", "a file");
    bench::line("  restored to the disk, synced", "", median(ours), "s", "");
    bench::line("  cp -a, synced", "", median(theirs), "s", "beside it");
    bench::line("  restore beside cp -a, time", "<= 110", median(ratio) * 100, "%", "median of the pairs");
    bench::line("  restore, processor time", "", median(ours_spent), "s", "");
    bench::line("  cp -a, processor time", "", median(theirs_spent), "s", "");
}

/// What the killed one had come to, seen by who killed it.
class Shared final : public exec::ProgressSink {
public:
    void stage(std::string_view, double, std::int64_t, std::string_view) override {}
    void total(std::int64_t) override {}
    void advance(std::int64_t by) override { *done += by; }
    void found(std::int64_t) override {}

    std::atomic<std::int64_t>* done =
        new (mmap(nullptr, sizeof(std::int64_t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) std::atomic<std::int64_t>(0);
};

void killed(const fs::path& root, int rounds) {
    constexpr int files = 24;
    constexpr std::int64_t each = 64'000'000;
    fs::create_directories(root / "media");
    for (int i = 0; i < files; ++i) noise(root / "media" / std::to_string(i), each, static_cast<std::uint64_t>(100 + i));
    std::vector<double> again;
    for (int round = 0; round < rounds; ++round) {
        const Place place{root / "killed"};
        fs::remove_all(place.root);
        (void)place.open();
        Shared before;
        const pid_t child = fork();
        if (child == 0) {
            try {
                back_up(*place.open(), root / "media", before);
            } catch (...) {
            }
            _exit(0);
        }
        // By what it has done, as its time says nothing where others are at work.
        while (*before.done < files * each / (rounds + 1) * (round + 1)) std::this_thread::sleep_for(std::chrono::milliseconds(1));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        if (!place.open()->list().empty()) continue;
        const std::int64_t done = *before.done;
        const auto totals = back_up(*place.open(), root / "media");
        again.push_back(static_cast<double>(done + totals.bytes_read - files * each) / (1 << 20));
        std::printf("    killed at %.0f MiB: %.0f MiB read again\n", static_cast<double>(done) / (1 << 20), again.back());
    }
    fs::remove_all(root / "killed");
    if (again.empty()) return;
    std::printf("a first backup of 1.5 GB of media, killed %zu times\n", again.size());
    bench::line("  read again, at worst", "<= 256", *std::max_element(again.begin(), again.end()), "MiB", "or what 30 s do");
    bench::line("  read again", "", median(again), "MiB", "");
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = std::max(1, argc > 1 ? std::atoi(argv[1]) : 5);
    const std::string_view only = argc > 2 ? argv[2] : "";
    const tests::TempFolder root;
    if (only.empty() || only == "large") one_large_file(root.path(), rounds);
    if (only.empty() || only == "small") many_small_files(root.path(), rounds);
    if (only.empty() || only == "killed") killed(root.path(), 2 * rounds);
}
