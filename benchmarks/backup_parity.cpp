// Question: what does parity cost the first backup, and how much does it add to what is stored?
//
//     bench_backup_parity [RUNS] [FILES] [MB]
//
// The room by itself, without the engine's database, in $TMPDIR: FILES (40,000) small files of 1 to 20 KiB, a third words, a third noise,
// the rest mixed; then MB (500) of noise in 4 files, as recordings and exports are. None, thin and full take turns, RUNS (5) times each;
// medians. Then what brings a pack back that has lost 60 KiB.
#include <algorithm>
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
#include <backup/repository.hpp>
#include <blob/file_store.hpp>
#include <crypto/secret.hpp>
#include <temp_folder.hpp>

namespace {

using namespace tenon;
using backup::Parity;
namespace fs = std::filesystem;

void small_files(const fs::path& root, int files) {
    std::mt19937_64 random(20'261'123);
    const std::vector<std::string> words{"camera ", "render ", "tenant ", "quota ", "scene ", "frame ", "0.731 ", "true, ", "{\"x\": ", "\n"};
    for (int i = 0; i < files; ++i) {
        if (i % 100 == 0) fs::create_directories(root / std::to_string(i / 100));
        std::string content;
        const auto size = 1024 + random() % (19 * 1024);
        while (content.size() < size) {
            const bool noise = i % 3 == 0 || (i % 3 == 1 && random() % 2 == 0);
            if (noise)
                for (auto bits = random(), n = std::uint64_t{8}; n > 0; --n, bits >>= 8) content += static_cast<char>(bits);
            else content += words[random() % words.size()];
        }
        std::ofstream(root / std::to_string(i / 100) / std::to_string(i), std::ios::binary) << content;
    }
}

void media(const fs::path& root, int megabytes) {
    fs::create_directories(root);
    for (int i = 0; i < 4; ++i) {
        std::ofstream out(root / ("clip" + std::to_string(i)), std::ios::binary);
        for (int n = 0; n < megabytes / 4; ++n) {
            const auto bytes = crypto::random_bytes(1'000'000);
            out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        }
    }
}

std::int64_t size_of(const fs::path& root) {
    std::int64_t size = 0;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        if (entry.is_regular_file()) size += static_cast<std::int64_t>(entry.file_size());
    return size;
}

double processor() {
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    const auto of = [](const timeval& time) { return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6; };
    return of(usage.ru_utime) + of(usage.ru_stime);
}

struct Cost {
    std::vector<double> real, work;
    std::int64_t size = 0;
};

double median(std::vector<double> all) {
    std::sort(all.begin(), all.end());
    return all[all.size() / 2];
}

void first_backup(const fs::path& source, const fs::path& folder, Parity mode, Cost& cost) {
    const auto disk = std::make_shared<blob::FileStore>(folder / "repo", base::system_clock());
    const auto vault = std::make_shared<blob::FileStore>(folder / "vault", base::system_clock());
    auto repository = backup::Repository::create(std::make_shared<backup::ParityStore>(disk, mode), vault,
                                                 backup::KeySource::key(crypto::random_bytes(32)), "", {});
    const backup::BackupRequest request{.name = "bench", .sources = {{.name = "", .path = source}}};
    const auto start = std::chrono::steady_clock::now();
    const auto before = processor();
    (void)repository->backup(request, backup::free_ledger(), exec::no_progress(), {});
    cost.work.push_back(processor() - before);
    cost.real.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    cost.size = size_of(folder / "repo");
}

void mend_one(const fs::path& source, const fs::path& folder) {
    const auto disk = std::make_shared<blob::FileStore>(folder / "repo", base::system_clock());
    const auto vault = std::make_shared<blob::FileStore>(folder / "vault", base::system_clock());
    const auto store = std::make_shared<backup::ParityStore>(disk, Parity::thin);
    auto repository = backup::Repository::create(store, vault, backup::KeySource::key(crypto::random_bytes(32)), "", {});
    (void)repository->backup({.name = "bench", .sources = {{.name = "", .path = source}}}, backup::free_ledger(), exec::no_progress(), {});
    std::string largest;
    std::uint64_t size = 0;
    for (const auto& object : blob::list_all(*disk, "packs/"))
        if (object.size > size) largest = object.name, size = object.size;
    std::vector<double> real;
    for (int i = 0; i < 7; ++i) {
        fs::permissions(folder / "repo" / largest, fs::perms::owner_all);
        std::fstream file(folder / "repo" / largest, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(static_cast<std::streamoff>(size / 2));
        const std::string zeros(60 << 10, '\0');
        file.write(zeros.data(), static_cast<std::streamsize>(zeros.size()));
        file.close();
        const auto start = std::chrono::steady_clock::now();
        if (!store->mend(largest, {}, {})) std::puts("not mended");
        real.push_back(std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start).count());
    }
    std::printf("a pack of %.1f MB mended in %.0f ms\n", static_cast<double>(size) / 1e6, median(real));
}

}  // namespace

int main(int argc, char** argv) {
    const int runs = argc > 1 ? std::atoi(argv[1]) : 5;
    const int files = argc > 2 ? std::atoi(argv[2]) : 40'000;
    const int megabytes = argc > 3 ? std::atoi(argv[3]) : 500;
    tests::TempFolder folder;
    small_files(folder / "small", files);
    media(folder / "media", megabytes);
    const std::vector<std::pair<const char*, Parity>> modes{{"none", Parity::none}, {"thin", Parity::thin}, {"full", Parity::full}};
    for (const auto* what : {"small", "media"}) {
        std::vector<Cost> costs(modes.size());
        for (int run = 0; run < runs; ++run)
            for (std::size_t i = 0; i < modes.size(); ++i) {
                first_backup(folder / what, folder / "run", modes[i].second, costs[i]);
                fs::remove_all(folder / "run");
            }
        const auto bytes = static_cast<double>(size_of(folder / what));
        std::printf("%s: %.1f MB\n", what, bytes / 1e6);
        for (std::size_t i = 0; i < modes.size(); ++i)
            std::printf("  %-5s %6.2f s   %6.2f s of processors (%.2f a GB)   stored %8.2f MB   %+.2f %%\n", modes[i].first, median(costs[i].real),
                        median(costs[i].work), median(costs[i].work) / bytes * 1e9, static_cast<double>(costs[i].size) / 1e6,
                        100.0 * (static_cast<double>(costs[i].size) / static_cast<double>(costs[0].size) - 1));
    }
    mend_one(folder / "media", folder / "run");
    return 0;
}
