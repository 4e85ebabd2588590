// Question: how fast do bytes go through a stream into a snapshot, and out of one without a restore?
//
//     bench_backup_stream [MEGABYTES]
//
// One thread each way, as a host's own: noise (1,024 MB) in pieces of 1 MiB into a repository in $TMPDIR, the same once more (nothing is
// stored), the file read from its beginning to its end, the whole as an archive, and 4 KiB from 1,000 random places. Medians of 3, by the
// clock and by processor time; of the places the median and the worst.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <random>
#include <string>
#include <vector>

#include <backup/read.hpp>
#include <backup/stream.hpp>
#include <blob/file_store.hpp>
#include <crypto/secret.hpp>
#include <temp_folder.hpp>

namespace {

using namespace tenon;

struct Taken {
    double clock = 0, processor = 0;  ///< Seconds.
};

double processor_now() {
    timespec time{};
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

template <class Work> Taken seconds(Work work) {
    const auto start = std::chrono::steady_clock::now();
    const auto processor = processor_now();
    work();
    return {std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), processor_now() - processor};
}

double median(const std::vector<Taken>& times, double Taken::* of) {
    std::vector<double> each;
    for (const auto& time : times) each.push_back(time.*of);
    std::sort(each.begin(), each.end());
    return each[each.size() / 2];
}

void say(const char* what, const std::vector<Taken>& times, double bytes) {
    std::printf("%-28s %6.0f MB/s, %6.0f a second of processor time\n", what, bytes / 1e6 / median(times, &Taken::clock),
                bytes / 1e6 / median(times, &Taken::processor));
}

}  // namespace

int main(int argc, char** argv) {
    constexpr std::size_t piece = 1 << 20;
    const auto pieces = static_cast<std::size_t>((argc > 1 ? std::atoi(argv[1]) : 1024) * 1e6) / piece;
    const auto bytes = static_cast<double>(pieces * piece);
    const auto noise = crypto::random_bytes(64 << 20);
    std::vector<Taken> first, again, read, archived;
    for (int round = 0; round < 3; ++round) {
        tests::TempFolder folder;
        const auto key = backup::KeySource::key(crypto::random_bytes(32));
        const auto objects = std::make_shared<blob::FileStore>(folder / "repo", base::system_clock());
        const auto vault = std::make_shared<blob::FileStore>(folder / "vault", base::system_clock());
        const std::shared_ptr<backup::Repository> repository = backup::Repository::create(objects, vault, key, "bench", {});
        SnapshotId id{};
        const auto write = [&] {
            backup::StreamBackup stream(repository, {.name = "bench"}, backup::free_ledger(), {});
            stream.open("file");
            base::ByteVector changed(piece);
            for (std::size_t i = 0; i < pieces; ++i) {
                const auto from = noise.begin() + static_cast<std::ptrdiff_t>(i % 64 * piece);
                std::copy(from, from + piece, changed.begin());
                for (std::size_t at = 0; at < piece; at += 4096) changed[at] = static_cast<std::uint8_t>(i / 64);  // no chunk like another
                stream.write(changed);
            }
            id = stream.finish().snapshot.id;
        };
        first.push_back(seconds(write));
        again.push_back(seconds(write));
        backup::FileView view(repository, id, "file", {});
        read.push_back(seconds([&] {
            for (std::uint64_t at = 0; at < view.size(); at += 4 * piece) (void)view.read(at, 4 * piece);
        }));
        backup::ArchiveReader archive(repository, {.snapshot = id}, {});
        archived.push_back(seconds([&] {
            while (!archive.next(4 * piece).empty()) {
            }
        }));
        if (round < 2) continue;
        std::mt19937_64 random(1);
        std::vector<double> places;
        for (int i = 0; i < 1000; ++i) places.push_back(seconds([&] { (void)view.read(random() % (view.size() - 4096), 4096); }).processor);
        std::sort(places.begin(), places.end());
        std::printf("%-28s %6.2f ms of processor time, worst %.2f\n", "4 KiB from anywhere", places[500] * 1e3, places.back() * 1e3);
    }
    say("into a snapshot, all new", first, bytes);
    say("into a snapshot, all known", again, bytes);
    say("out of a file", read, bytes);
    say("out of an archive", archived, bytes);
    return 0;
}
