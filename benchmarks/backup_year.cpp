// Question: what does a repository gather in a year, and what does that cost whoever opens it?
//
//     bench_backup_year [DAYS]     30, and 365 for the year, which takes a quarter of an hour
//
// The rooms by themselves, with parity, as they ship: a tenant of a few files that is backed up each hour by a process that comes and goes, keeps a
// day of hours and a month of days, and prunes each night. In $TMPDIR. Objects and bytes below each prefix, and processor time of opening and
// listing and of a backup of nothing new, by a process that has seen nothing yet: the median of five.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <map>
#include <string>
#include <vector>

#include <backup/checkpoint.hpp>
#include <backup/parity_store.hpp>
#include <backup/prune.hpp>
#include <backup/retention.hpp>
#include <base/clock.hpp>
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

template <class Work> double median_of_five(Work work) {
    std::vector<double> all;
    for (int i = 0; i < 5; ++i) {
        const auto start = processor_now();
        work();
        all.push_back(processor_now() - start);
    }
    std::sort(all.begin(), all.end());
    return all[2];
}

}  // namespace

int main(int argc, char** argv) {
    const int days = argc > 1 ? std::atoi(argv[1]) : 30;
    tests::TempFolder folder;
    std::filesystem::create_directories(folder / "source");
    const auto key = crypto::random_bytes(32);
    const auto clock = std::make_shared<base::ManualClock>(base::system_clock()->now());
    backup::RepositoryOptions options;
    options.clock = clock;
    const auto objects = [&] {
        return std::make_shared<backup::ParityStore>(std::make_shared<blob::FileStore>(folder / "repo", clock), backup::Parity::thin);
    };
    const auto vault = [&] { return std::make_shared<blob::FileStore>(folder / "vault", clock); };
    (void)backup::Repository::create(objects(), vault(), backup::KeySource::key(key), "bench", options);
    const auto open = [&] { return backup::Repository::open(objects(), vault(), backup::KeySource::key(key), options); };
    const backup::BackupRequest request{.name = "b", .sources = {{.name = "", .path = folder / "source"}}};
    std::vector<SnapshotId> hours, nights;
    for (int day = 1; day <= days; ++day) {
        for (int hour = 0; hour < 24; ++hour) {
            clock->advance(std::chrono::hours(1));
            for (int i = 0; i < 5; ++i) {
                std::ofstream file(folder / "source" / std::to_string(i), std::ios::binary);
                file << std::string(2000, 'x') << day << hour % (i + 1);
            }
            const auto mine = open();
            hours.push_back(mine->backup(request, backup::free_ledger(), exec::no_progress(), {}).snapshot.id);
            (void)backup::take_checkpoint(*mine, {}, {});
        }
        const auto mine = open();
        std::vector<SnapshotId> gone;
        nights.push_back(hours.back());
        if (nights.size() > 30) {
            gone.push_back(nights.front());
            nights.erase(nights.begin());
        }
        for (; hours.size() > 24; hours.erase(hours.begin()))
            if (std::find(nights.begin(), nights.end(), hours.front()) == nights.end()) gone.push_back(hours.front());
        if (!gone.empty()) backup::forget(*mine, gone, {});
        (void)backup::prune(*mine, {}, exec::no_progress(), {});
        (void)backup::take_checkpoint(*mine, {}, {});
        const bool tells = day == 1 || day == 7 || day % 30 == 0 || day == days;
        if (!tells) continue;
        std::map<std::string, std::pair<std::int64_t, std::int64_t>> weights;
        for (const auto& object : blob::list_all(*objects(), "")) {
            auto prefix = object.name.starts_with("par/") ? "par of " + object.name.substr(object.name.starts_with("par/m/") ? 6 : 4) : object.name;
            auto& [count, bytes] = weights[prefix.substr(0, prefix.find('/'))];
            ++count;
            bytes += static_cast<std::int64_t>(object.size);
        }
        std::printf("day %d\n", day);
        for (const auto& [prefix, weight] : weights)
            std::printf("    %-18s %7lld objects %10lld bytes\n", prefix.c_str(), static_cast<long long>(weight.first),
                        static_cast<long long>(weight.second));
        const auto listed = median_of_five([&] { (void)open()->list(); });
        const auto nothing_new = median_of_five([&] { (void)open()->backup(request, backup::free_ledger(), exec::no_progress(), {}); });
        const auto noted = median_of_five([&] { (void)backup::take_checkpoint(*open(), {}, {}); });
        std::printf("    open and list %.1f ms, backup of nothing new %.1f ms, checkpoint %.1f ms of processor time\n", listed, nothing_new, noted);
        std::fflush(stdout);
    }
    return 0;
}
