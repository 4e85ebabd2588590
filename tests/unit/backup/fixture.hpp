#pragma once

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include <gtest/gtest.h>

#include <backup/checkpoint.hpp>
#include <backup/repository.hpp>
#include <base/clock.hpp>
#include <blob/file_store.hpp>
#include <crypto/secret.hpp>
#include <fault_store.hpp>
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
    /// What a check in another process says.
    std::string told(const std::vector<std::string>& known = {}, backup::CheckDepth depth = backup::CheckDepth::structure) {
        return all(open()->check(depth, exec::no_progress(), {}, false, known).problems);
    }
    void expect_whole(backup::Repository& repository, const std::string& when = "") { EXPECT_EQ(all(check(repository).problems), "") << when; }
    void expect_restores(backup::Repository& repository, const SnapshotId& id, const std::string& when = "") {
        std::filesystem::remove_all(folder / "out");
        restore(repository, id, "out");
        EXPECT_EQ(all(differences(source(), folder / "out")), "") << when;
    }
    backup::CheckpointNote take_note(backup::Repository& repository, const std::vector<std::string>& known = {}) {
        const auto result = backup::take_checkpoint(repository, {.known = known}, {});
        EXPECT_EQ(all(result.problems), "");
        return result.note.value_or(backup::CheckpointNote{});
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
    static std::string bytes_of(const std::filesystem::path& path) {
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    static void flip(const std::filesystem::path& path) { flip(path, std::filesystem::file_size(path) / 2); }
    static void flip(const std::filesystem::path& path, std::uintmax_t where) {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        const auto at = static_cast<std::streamoff>(where);
        const auto byte = file.seekg(at).get();
        file.seekp(at).put(static_cast<char>(byte ^ 1));
    }
    /// The files of the store below that, in order.
    std::vector<std::filesystem::path> objects(const std::string& below) const {
        std::vector<std::filesystem::path> found;
        if (!std::filesystem::exists(repo() / below)) return found;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(repo() / below))
            if (entry.is_regular_file()) found.push_back(entry.path());
        std::sort(found.begin(), found.end());
        return found;
    }
    std::int64_t weight() const {
        std::int64_t total = 0;
        for (const auto& path : objects("")) total += static_cast<std::int64_t>(std::filesystem::file_size(path));
        return total;
    }
    /// In place of what is there.
    static void copy_tree(const std::filesystem::path& from, const std::filesystem::path& to) {
        std::filesystem::remove_all(to);
        std::filesystem::create_directories(to.parent_path());
        std::filesystem::copy(from, to, std::filesystem::copy_options::recursive);
    }
    /// The repository's folders as they are now, to begin from again.
    void keep_state() { copy_tree(repo(), folder / "kept/repo"), copy_tree(vault_folder(), folder / "kept/vault"); }
    void bring_state_back() { copy_tree(folder / "kept/repo", repo()), copy_tree(folder / "kept/vault", vault_folder()); }

    /// Does something in another process. The signal that ended it, 0 where nothing did, -1 where it threw.
    static int elsewhere(const std::function<void()>& work) {
        const pid_t child = fork();
        if (child == 0) {
            try {
                work();
            } catch (...) {
                _exit(2);
            }
            _exit(0);
        }
        int status = 0;
        EXPECT_EQ(waitpid(child, &status, 0), child);
        return WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status) == 0 ? 0 : -1;
    }
    /// Over a store that stops as `faults` say.
    int elsewhere(const Faults& faults, const std::function<void(backup::Repository&)>& work) {
        return elsewhere([&] { work(*backup::Repository::open(std::make_shared<FaultStore>(store(), faults), vault(), key(), options)); });
    }

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
