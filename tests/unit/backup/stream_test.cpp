// Backups whose files the caller writes.
#include <backup/stream.hpp>

#include <atomic>
#include <csignal>
#include <random>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <backup/prune.hpp>
#include <backup/read.hpp>
#include <backup/retention.hpp>
#include <new_seed.hpp>

#include "fixture.hpp"
#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

/// Counts, and refuses beyond a limit.
class CountingLedger final : public Ledger {
public:
    std::int64_t limit = std::int64_t{1} << 60, reserved = 0, committed = 0;
    void reserve(std::int64_t bytes) override {
        if (reserved + committed + bytes > limit) throw QuotaExceeded("no room");
        reserved += bytes;
    }
    void commit(std::int64_t bytes) noexcept override { reserved -= bytes, committed += bytes; }
    void release(std::int64_t bytes) noexcept override { reserved -= bytes; }
};

class StreamedBackup : public BackupTest {
protected:
    std::shared_ptr<Repository> repository = create();
    CountingLedger ledger;

    std::unique_ptr<StreamBackup> start(const std::string& name = "dump", std::stop_token stop = {}) {
        const std::shared_ptr<Repository> own = open();
        return std::make_unique<StreamBackup>(own, StreamRequest{.name = name, .tags = {{"kind", "test"}}}, ledger, stop);
    }
};

TEST_F(StreamedBackup, what_was_written_comes_back) {
    std::mt19937_64 random(new_seed());
    const auto large = crypto::random_bytes(23'000'000);  // more chunks than an entry holds itself
    const auto before = weight();
    auto stream = start();
    stream->open("dumps/large.bin");
    for (std::size_t at = 0; at < large.size();) {
        const auto part = std::min<std::size_t>(large.size() - at, random() % 500'000);
        stream->write(base::ByteView(large).subspan(at, part));
        at += part;
    }
    stream->open("dumps.txt", 0644);
    stream->write(base::view_of("between names of trees"));
    stream->open("dumps/a/b/empty");
    stream->open("/dumps//same.bin");
    stream->write(large);
    EXPECT_EQ(stream->written(), 2 * std::ssize(large) + 22);
    EXPECT_TRUE(repository->list().empty()) << "not before it is finished";
    const auto totals = stream->finish();
    stream.reset();
    EXPECT_EQ(ledger.reserved, 0);
    EXPECT_EQ(ledger.committed, totals.bytes_stored);
    EXPECT_EQ(weight() - before, totals.bytes_stored);
    EXPECT_LT(totals.bytes_stored, 24'000'000) << "what is there twice is stored once";
    EXPECT_EQ(totals.snapshot.files, 4);
    EXPECT_EQ(totals.snapshot.folders, 3);
    EXPECT_EQ(totals.snapshot.bytes, 2 * std::ssize(large) + 22);

    ASSERT_EQ(repository->list().size(), 1u);
    EXPECT_EQ(repository->list().front().name, "dump");
    EXPECT_EQ(repository->list().front().tags, (std::vector<Label>{{"kind", "test"}}));
    restore(*repository, totals.snapshot.id, "back");
    EXPECT_EQ(base::read_file(folder / "back/dumps/large.bin", 1 << 30), large);
    EXPECT_EQ(base::read_file(folder / "back/dumps/same.bin", 1 << 30), large);
    EXPECT_EQ(base::read_file(folder / "back/dumps.txt", 100).size(), 22u);
    EXPECT_EQ(std::filesystem::file_size(folder / "back/dumps/a/b/empty"), 0u);
    EXPECT_EQ(std::filesystem::status(folder / "back/dumps.txt").permissions(), std::filesystem::perms(0644));
    EXPECT_TRUE(check(*repository).problems.empty()) << all(check(*repository).problems);
}

TEST_F(StreamedBackup, cuts_do_not_depend_on_how_it_is_written) {
    const auto bytes = crypto::random_bytes(12'345'678);
    write(source() / "file", bytes);
    back_up(*repository);
    for (const std::size_t step : {std::size_t{1} << 30, std::size_t{4096}, std::size_t{1'048'577}}) {
        auto stream = start();
        stream->open("file");
        for (std::size_t at = 0; at < bytes.size(); at += step) stream->write(base::ByteView(bytes).subspan(at, std::min(step, bytes.size() - at)));
        EXPECT_EQ(stream->finish().bytes_new, 0) << "the same chunks as a file of the disk";
    }
}

TEST_F(StreamedBackup, refuses_paths_that_cannot_be) {
    auto stream = start();
    EXPECT_THROW(stream->write(base::view_of("x")), InvalidArgument);
    for (const auto* path : {"", "/", "..", "a/../b", "./a"}) EXPECT_THROW(stream->open(path), InvalidArgument) << path;
    EXPECT_THROW(stream->open(std::string(256, 'x')), InvalidArgument);
    EXPECT_THROW(stream->open(std::string("a\0b", 3)), InvalidArgument);
    stream->open("a/b");
    for (const auto* path : {"a", "a/b", "a/b/c"}) EXPECT_THROW(stream->open(path), Conflict) << path << " beside the file that is being written";
    stream->open("c");
    EXPECT_THROW(stream->open("a"), Conflict);
    EXPECT_THROW(stream->open("a/b"), Conflict);
    EXPECT_THROW(stream->open("a/b/c"), Conflict);
    stream->write(base::view_of("goes on"));
    EXPECT_EQ(stream->finish().snapshot.bytes, 7);
}

TEST_F(StreamedBackup, one_that_ends_early_leaves_no_snapshot_and_costs_nothing_held) {
    const auto bytes = crypto::random_bytes(40'000'000);
    {
        auto stream = start();
        stream->open("x");
        stream->write(bytes);
    }
    EXPECT_EQ(ledger.reserved, 0);
    std::stop_source stop;
    {
        auto stream = start("dump", stop.get_token());
        stream->open("x");
        stop.request_stop();
        EXPECT_THROW(stream->write(bytes), Cancelled);
    }
    EXPECT_EQ(ledger.reserved, 0);
    ledger.limit = ledger.committed + 20'000'000;
    {
        auto stream = start();
        stream->open("x");
        EXPECT_THROW(stream->write(bytes), QuotaExceeded);
    }
    EXPECT_EQ(ledger.reserved, 0);
    repository = open();
    EXPECT_TRUE(repository->list().empty());
    EXPECT_TRUE(check(*repository).problems.empty());
    EXPECT_TRUE(blob::list_all(*store(), "sess/").empty());
    ledger.limit = std::int64_t{1} << 60;
    auto stream = start();
    stream->open("x");
    stream->write(bytes);
    stream->finish();
    EXPECT_TRUE(check(*repository).problems.empty());
}

TEST_F(StreamedBackup, others_back_up_beside_it) {
    fill_source();
    auto stream = start();
    stream->open("x");
    stream->write(crypto::random_bytes(5'000'000));
    const auto other = back_up(*repository).snapshot.id;
    auto second = start("another");
    second->open("y");
    stream->write(crypto::random_bytes(5'000'000));
    second->write(crypto::random_bytes(2'000'000));
    stream->finish();
    second->finish();
    EXPECT_EQ(repository->list().size(), 3u);
    restore(*repository, other, "back");
    EXPECT_TRUE(check(*repository).problems.empty()) << all(check(*repository).problems);
}

TEST_F(StreamedBackup, a_prune_waits_for_it) {
    fill_source();
    const auto bytes = crypto::random_bytes(5'000'000);
    write(source() / "x", bytes);
    const auto first = back_up(*repository).snapshot.id;
    auto stream = start();
    stream->open("x");
    stream->write(bytes);  // nothing of it is stored: it leans on the snapshot
    forget(*repository, {first}, {});
    std::atomic<bool> pruned{false};
    std::jthread pruning([&] {
        auto own = open();
        prune(*own, {.unused_percent = 0}, exec::no_progress(), {});
        pruned = true;
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(300));
    EXPECT_FALSE(pruned);
    const auto id = stream->finish().snapshot.id;
    stream.reset();
    pruning.join();
    repository = open();
    EXPECT_EQ(FileView(repository, id, "x", {}).read(0, bytes.size()), bytes);
    EXPECT_TRUE(check(*repository).problems.empty());
}

TEST_F(StreamedBackup, killed_at_any_moment_there_is_no_snapshot_or_a_whole_one) {
    const auto bytes = crypto::random_bytes(30'000'000);
    std::mt19937_64 random(new_seed());
    int snapshots = 0;
    for (int round = 0; round < 25; ++round) {
        const auto child = fork();
        ASSERT_GE(child, 0);
        if (child == 0) {
            try {
                auto stream = start();
                stream->open("x");
                for (std::size_t at = 0; at < bytes.size(); at += 1'000'000) stream->write(base::ByteView(bytes).subspan(at, 1'000'000));
                stream->finish();
            } catch (...) {
                _exit(1);
            }
            _exit(0);
        }
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 250'000));
        kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        repository = open();
        for (const auto& info : repository->list()) {
            EXPECT_EQ(FileView(repository, info.id, "x", {}).read(0, bytes.size()), bytes);
            ++snapshots;
        }
        ASSERT_TRUE(check(*repository, CheckDepth::objects).problems.empty());
        if (!repository->list().empty()) {
            std::vector<SnapshotId> ids;
            for (const auto& info : repository->list()) ids.push_back(info.id);
            forget(*repository, ids, {});
        }
        if (round % 5 == 0) prune(*repository, {.unused_percent = 0}, exec::no_progress(), {});
    }
    RecordProperty("whole snapshots", snapshots);
}

}  // namespace
}  // namespace tenon::tests
