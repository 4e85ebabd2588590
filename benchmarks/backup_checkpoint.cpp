// Question: what does a checkpoint cost a backup that has many others behind it, and the look at the past before each job?
//
//     bench_backup_checkpoint [BACKUPS]
//
// The rooms by themselves: a repository with so many backups of a small file that changes (1,000: about 2,000 packs, 1,000 snapshots and
// indexes), in $TMPDIR. Processor time and time, medians of 15; the process that takes checkpoints has it open, as an engine does.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <string>
#include <vector>

#include <backup/checkpoint.hpp>
#include <backup/retention.hpp>
#include <blob/file_store.hpp>
#include <crypto/secret.hpp>
#include <exec/progress.hpp>
#include <temp_folder.hpp>

namespace {

using namespace tenon;

double processor_now() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) / 1e6;
}

/// `before` is not counted.
template <class Before, class Work> void measure(const char* what, Before before, Work work) {
    std::vector<double> real, processor;
    for (int i = 0; i < 15; ++i) {
        before();
        const auto start = std::chrono::steady_clock::now();
        const auto cpu = processor_now();
        work();
        processor.push_back(processor_now() - cpu);
        real.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::sort(real.begin(), real.end());
    std::sort(processor.begin(), processor.end());
    std::printf("%-34s %7.2f ms of processor time, %7.2f ms\n", what, processor[7], real[7]);
}

}  // namespace

int main(int argc, char** argv) {
    const int backups = argc > 1 ? std::atoi(argv[1]) : 1000;
    tests::TempFolder folder;
    std::filesystem::create_directories(folder / "source");
    const auto key = crypto::random_bytes(32);
    const auto objects = std::make_shared<blob::FileStore>(folder / "repo", base::system_clock());
    const auto repository = backup::Repository::create(objects, std::make_shared<blob::FileStore>(folder / "vault", base::system_clock()),
                                                       backup::KeySource::key(key), "bench", {});
    backup::BackupRequest request{.name = "b", .sources = {{.name = "", .path = folder / "source"}}};
    SnapshotId last{};
    for (int i = 0; i < backups; ++i) {
        std::ofstream(folder / "source" / "file", std::ios::binary) << std::string(2000, 'x') << i;
        last = repository->backup(request, backup::free_ledger(), exec::no_progress(), {}).snapshot.id;
    }
    const auto note = backup::take_checkpoint(*repository, {}, {}).note.value();
    std::printf("%lld snapshots, %lld packs, %lld indexes, %lld logs\n", static_cast<long long>(note.snapshots), static_cast<long long>(note.packs),
                static_cast<long long>(note.segments), static_cast<long long>(note.chains));
    const auto nothing = [] {};
    int round = 0;
    const auto change = [&] { backup::set_tags(*repository, last, {{"round", std::to_string(++round)}}, {}); };
    measure("look at the past", nothing, [&] { (void)backup::compare_past(*repository, {note.record}, {}); });
    measure("checkpoint, nothing new", nothing, [&] { (void)backup::take_checkpoint(*repository, {.known = {note.record}}, {}); });
    measure("checkpoint of a change", change, [&] { (void)backup::take_checkpoint(*repository, {.known = {note.record}}, {}); });
    measure("backup, nothing changed", nothing, [&] { (void)repository->backup(request, backup::free_ledger(), exec::no_progress(), {}); });
    return 0;
}
