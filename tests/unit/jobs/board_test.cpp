// What processes of one machine tell each other of their jobs.
#include "board.hpp"

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <jobs/queue.hpp>
#include <scope_maker.hpp>
#include <temp_folder.hpp>
#include <test_store.hpp>

namespace tenon::tests {
namespace {

using namespace std::chrono_literals;
using db::testing::ScopeMaker;
using jobs::Board;

struct BoardTest : testing::Test {
    TempFolder folder;
    Board board{folder.path()};
    const JobId id = base::new_id<JobId>(base::system_clock()->now());
    const Time began{1h};
    const Progress some{.percent = 12.5, .stage = "read é", .done = 3, .total = 24, .unit = "bytes", .eta = 1'500'001us, .per_second = 1234,
                        .files = 7, .files_per_second = 0.125};
    std::size_t files() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder.path()), std::filesystem::directory_iterator()));
    }
};

TEST_F(BoardTest, what_was_written_is_read) {
    EXPECT_FALSE(board.read(id, {}));
    Board::Place place;
    place.write(board, id, began, some);
    for (const auto& said : {board.read(id, {}), board.read(id, began)}) {
        ASSERT_TRUE(said);
        EXPECT_EQ(said->percent, 12.5);
        EXPECT_EQ(said->stage, "read é");
        EXPECT_EQ(said->done, 3);
        EXPECT_EQ(said->total, 24);
        EXPECT_EQ(said->unit, "bytes");
        EXPECT_EQ(said->eta, 1'500'001us);
        EXPECT_EQ(said->per_second, 1234);
        EXPECT_EQ(said->files, 7);
        EXPECT_EQ(said->files_per_second, 0.125);
    }
    EXPECT_FALSE(board.read(id, began + 1us)) << "of another attempt";
    place.leave(board, id);
    EXPECT_FALSE(board.read(id, {}));
    place.write(board, id, began, some);
    EXPECT_FALSE(board.read(id, {})) << "it has ended";
    EXPECT_EQ(files(), 0u);
}

TEST_F(BoardTest, what_is_damaged_says_nothing) {
    Board::Place place;
    place.write(board, id, began, some);
    const auto file = folder.path() / (id.text() + ".progress");
    const auto whole = base::read_file(file, 4096);
    for (std::size_t at = 0; at < whole.size(); at += 7) {
        auto damaged = whole;
        damaged[at] ^= 1;
        base::write_file_atomically(file, damaged);
        EXPECT_FALSE(board.read(id, {})) << at;
    }
    for (const std::size_t length : {0, 3, 16, 100, 1023}) {
        base::write_file_atomically(file, base::ByteView(whole).first(length));
        EXPECT_FALSE(board.read(id, {})) << length;
    }
    place.write(board, id, began, {.stage = std::string(5000, 'x')});  // too long: nothing is written
    place.leave(board, id);
}

TEST_F(BoardTest, nobody_reads_half_of_one_and_half_of_another) {
    std::atomic<bool> over = false;
    std::jthread writer([&] {
        Board::Place place;
        for (std::int64_t i = 0; i < 20'000; ++i)
            place.write(board, id, began, {.stage = std::string(static_cast<std::size_t>(i % 500), 'x'), .done = i % 500, .total = i % 500});
        over = true;
    });
    while (!over) {
        const auto said = board.read(id, began);
        if (!said) continue;
        ASSERT_EQ(said->done, said->total);
        ASSERT_EQ(said->stage.size(), static_cast<std::size_t>(said->done));
    }
}

TEST_F(BoardTest, what_killed_processes_left_goes) {
    Board::Place mine, abandoned;
    const auto other = base::new_id<JobId>(base::system_clock()->now());
    mine.write(board, id, began, some);
    abandoned.write(board, other, began, some);
    std::filesystem::last_write_time(folder.path() / (other.text() + ".progress"), std::filesystem::file_time_type::clock::now() - 1h);
    board.sweep();
    EXPECT_TRUE(board.read(id, began));
    EXPECT_FALSE(board.read(other, began));
}

/// Two queues that share a database and a folder, as two processes do.
TEST(SharedProgress, another_process_sees_rates_and_what_is_left_as_they_change) {
    std::mutex mutex;
    std::condition_variable_any changed;
    int allowed = 0;
    TempFolder folder;
    const auto acme = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
    const auto open = [&] { return db::Database::open(store_in(folder.path()), jobs::migrations()); };
    const auto queue_of = [&](db::Database& store, unsigned workers) {
        jobs::Hooks hooks;
        hooks.scope = [](const TenantId& id) { return std::optional(ScopeMaker::tenant(id)); };
        // Rows are written once a minute: what is seen before comes from the other's file.
        return std::make_unique<jobs::Queue>(jobs::Options{.clock = base::system_clock(), .log = base::Log::none(), .nodes = folder.path() / "run",
                                                           .workers = workers, .tick = 1min},
                                             store, ScopeMaker::system(), std::move(hooks));
    };
    const auto store = open(), theirs = open();
    const auto works = queue_of(*store, 1), looks = queue_of(*theirs, 0);
    const auto run = [&](const jobs::Attempt& attempt) {
        attempt.progress.stage("move", 1, 1000, "bytes");
        for (int i = 1; i <= 10; ++i) {
            std::unique_lock lock(mutex);
            if (!changed.wait(lock, attempt.stop, [&] { return allowed >= i; })) throw Cancelled("stopped");
            attempt.progress.advance(10);
            attempt.progress.files(1);
        }
        return jobs::Outcome{};
    };
    for (auto* queue : {works.get(), looks.get()}) queue->add_kind("move", {.run = run});
    works->start();
    looks->start();
    const auto id = store->write(acme, [&](db::Tx& tx) { return works->enqueue(tx, {.kind = "move"}); });
    for (int i = 1; i <= 9; ++i) {
        {
            const std::lock_guard lock(mutex);
            allowed = i;
            changed.notify_all();
        }
        for (bool seen = false; !seen;) {
            const auto row = looks->find(acme, id);
            ASSERT_TRUE(row);
            seen = row->progress.done == 10 * i && row->progress.files == i;
            if (!seen) std::this_thread::sleep_for(1ms);
        }
    }
    for (bool seen = false; !seen; std::this_thread::sleep_for(1ms)) {
        const auto now = looks->progress_now(id);
        ASSERT_TRUE(now);
        seen = now->per_second > 0 && now->files_per_second > 0 && now->eta && *now->eta > 0us && now->stage == "move" && now->unit == "bytes";
        const auto row = looks->list(acme, {});
        ASSERT_EQ(row.size(), 1u);
        seen = seen && row.front().progress.per_second > 0 && looks->look(acme, {id}).front().progress.eta.has_value();
    }
    {
        const std::lock_guard lock(mutex);
        allowed = 10;
        changed.notify_all();
    }
    const auto ended = works->wait_end(acme, id, 1h, {});
    ASSERT_TRUE(ended);
    EXPECT_EQ(ended->state, JobState::succeeded);
    EXPECT_EQ(ended->progress.files, 10);
    EXPECT_EQ(ended->progress.per_second, 0) << "it is over";
    EXPECT_FALSE(ended->progress.eta);
    EXPECT_FALSE(looks->progress_now(id)) << "and its file is gone";
}

}  // namespace
}  // namespace tenon::tests
