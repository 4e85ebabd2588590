#pragma once

#include <fstream>
#include <memory>
#include <string>

#include <gtest/gtest.h>

#include <backup/repository.hpp>
#include <base/clock.hpp>
#include <blob/file_store.hpp>
#include <crypto/secret.hpp>
#include <file_tree.hpp>
#include <temp_folder.hpp>
#include <tenon/error.hpp>

namespace tenon::tests {

/// A source to back up, a store, a vault, a key, and a clock that can be moved on.
class BackupTest : public ::testing::Test {
protected:
    BackupTest() {
        std::filesystem::create_directories(source());
        // A cheap password slot: what a derivation costs is not what is tested here.
        options.password_cost = {.memory_kib = 19 * 1024, .passes = 2};
        options.clock = clock;
        options.scratch = folder.path();
    }

    std::filesystem::path source() const { return folder / "source"; }
    std::filesystem::path repo() const { return folder / "repo"; }
    std::filesystem::path vault_folder() const { return folder / "vault"; }

    std::shared_ptr<blob::Store> store() const { return std::make_shared<blob::FileStore>(repo(), base::system_clock()); }
    std::shared_ptr<blob::Store> vault() const { return std::make_shared<blob::FileStore>(vault_folder(), base::system_clock()); }
    backup::KeySource key() const { return backup::KeySource::key(key_bytes); }

    std::unique_ptr<backup::Repository> create() {
        return backup::Repository::create(store(), vault(), key(), "host", options);
    }
    std::unique_ptr<backup::Repository> open() { return backup::Repository::open(store(), vault(), key(), options); }

    backup::BackupRequest request() const {
        backup::BackupRequest wanted;
        wanted.name = "nightly";
        wanted.sources = {{.name = "", .path = source()}};
        return wanted;
    }
    /// Every run is an hour after the one before, so that a file's age is never in doubt.
    backup::BackupTotals back_up(backup::Repository& repository) { return back_up(repository, request()); }
    backup::BackupTotals back_up(backup::Repository& repository, const backup::BackupRequest& wanted) {
        clock->advance(std::chrono::hours(1));
        return repository.backup(wanted, backup::free_ledger(), exec::no_progress(), {});
    }
    backup::RestoreTotals restore(backup::Repository& repository, const SnapshotId& id, const std::string& name) {
        return repository.restore(id, {.target = folder / name}, exec::no_progress(), {});
    }
    backup::CheckReport check(backup::Repository& repository, backup::CheckDepth depth = backup::CheckDepth::full) {
        return repository.check(depth, exec::no_progress(), {});
    }
    static std::string all(const std::vector<backup::CheckProblem>& problems) {
        std::string text;
        for (const auto& problem : problems)
            text += problem.object + " @" + std::to_string(problem.offset) + "+" + std::to_string(problem.length) + ": " + problem.message + "\n";
        return text;
    }
    static std::string all(const std::vector<std::string>& lines) {
        std::string text;
        for (const auto& line : lines) text += line + "\n";
        return text;
    }

    static void write(const std::filesystem::path& path, base::ByteView bytes) {
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    }
    static void write(const std::filesystem::path& path, std::string_view text) { write(path, base::view_of(text)); }
    /// Some folders of small files, some long ones, some alike.
    void fill_source() {
        for (int d = 0; d < 6; ++d)
            for (int f = 0; f < 20; ++f)
                write(source() / ("folder" + std::to_string(d)) / ("file" + std::to_string(f)),
                      std::string(static_cast<std::size_t>(100 + 317 * f), static_cast<char>('a' + (d + f) % 26)));
        const auto data = crypto::random_bytes(3'000'000);
        write(source() / "long/one.bin", data);
        write(source() / "long/same.bin", data);
        write(source() / "empty", "");
    }

    TempFolder folder;
    std::shared_ptr<base::ManualClock> clock = std::make_shared<base::ManualClock>(base::system_clock()->now());
    backup::RepositoryOptions options;
    base::ByteVector key_bytes = crypto::random_bytes(32);
};

}  // namespace tenon::tests
