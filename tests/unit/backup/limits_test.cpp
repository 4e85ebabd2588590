// What a job may take of the machine and its network.
#include "copies_fixture.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <mutex>

#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <child_process.hpp>
#include <hook_store.hpp>

#include "buffers.hpp"
#include "pack_writer.hpp"
#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool has_memory_of_its_own = false;  // a sanitizer's shadow is not what a job takes
#else
constexpr bool has_memory_of_its_own = true;
#endif

class Limits : public BackupTest {
protected:
    Limits() { options.clock = base::system_clock(); }

    template <class Work>
    static double seconds(Work work) {
        const auto start = std::chrono::steady_clock::now();
        work();
        return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }
    SnapshotId take(Repository& repository) { return repository.backup(request(), free_ledger(), exec::no_progress(), {}).snapshot.id; }

    static constexpr std::int64_t noise = 1'000'000, pace = 2'000'000;  // half a second of work
    static constexpr double at_least = 0.4;
};

TEST_F(Limits, whatever_reads_the_store_keeps_to_its_pace) {
    write(source() / "noise", crypto::random_bytes(noise));
    const auto repository = create();
    const auto id = take(*repository);
    const auto slow = [&] { return repository->within({.download_per_second = {pace}}); };
    EXPECT_GE(seconds([&] { EXPECT_EQ(all(check(*slow()).problems), ""); }), at_least);
    EXPECT_GE(seconds([&] { EXPECT_EQ(all(check(*slow(), CheckDepth::objects).problems), ""); }), at_least);
    EXPECT_GE(seconds([&] { EXPECT_TRUE(repair(*slow(), {}, exec::no_progress(), {}).check.problems.empty()); }), at_least);
    EXPECT_GE(seconds([&] { (void)restore(*slow(), id, "out"); }), at_least);
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
}

TEST_F(Limits, whatever_writes_to_the_store_keeps_to_its_pace) {
    write(source() / "noise", crypto::random_bytes(noise));
    write(source() / "more", crypto::random_bytes(noise));
    const auto repository = create();
    const auto slow = [&](Repository& which) { return which.within({.upload_per_second = {pace}}); };
    EXPECT_GE(seconds([&] { (void)take(*slow(*repository)); }), 2 * at_least);
    const auto first = repository->list().front().id;
    std::filesystem::remove(source() / "more");
    const auto second = take(*slow(*repository));
    forget(*repository, {first}, {});
    PruneTotals pruned;
    EXPECT_GE(seconds([&] { pruned = prune(*slow(*repository), {.unused_percent = 0}, exec::no_progress(), {}); }), at_least);
    EXPECT_EQ(pruned.packs_rewritten, 1);
    repository->rotate_data_key();
    const auto newer = open();
    EXPECT_GE(seconds([&] { EXPECT_TRUE(rekey(*slow(*newer), {}, exec::no_progress(), {}).is_done); }), at_least);
    const auto last = open();
    EXPECT_EQ(all(check(*last).problems), "");
    (void)restore(*last, second, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
}

TEST_F(Limits, what_works_beside_it_is_not_held_up) {
    fill_source();
    const auto repository = create();
    const auto id = take(*repository);
    const auto slow = repository->within({.download_per_second = {1}, .upload_per_second = {1}});  // for weeks
    std::stop_source stop;
    std::jthread checking([&] { EXPECT_THROW(slow->check(CheckDepth::full, exec::no_progress(), stop.get_token()), Cancelled); });
    write(source() / "new", "new");
    EXPECT_NE(take(*repository), id);
    EXPECT_EQ(all(check(*repository).problems), "");
    stop.request_stop();
}

TEST_F(Limits, a_stop_is_heard_while_it_waits) {
    write(source() / "noise", crypto::random_bytes(noise));
    const auto repository = create();
    const auto id = take(*repository);
    const auto slow = repository->within({.download_per_second = {1}, .upload_per_second = {1}});
    const auto stopped = [&](auto work) {
        std::stop_source stop;
        std::jthread later([&] {
            std::this_thread::sleep_for(std::chrono::milliseconds(20));
            stop.request_stop();
        });
        EXPECT_THROW(work(stop.get_token()), Cancelled);
    };
    stopped([&](const auto& stop) { (void)slow->check(CheckDepth::full, exec::no_progress(), stop); });
    stopped([&](const auto& stop) { (void)repair(*slow, {}, exec::no_progress(), stop); });
    stopped([&](const auto& stop) { (void)slow->restore(id, {.target = folder / "out"}, exec::no_progress(), stop); });
    stopped([&](const auto& stop) { (void)prune(*slow, {.unused_percent = 0}, exec::no_progress(), stop); });
    write(source() / "noise", crypto::random_bytes(noise));
    stopped([&](const auto& stop) { (void)slow->backup(request(), free_ledger(), exec::no_progress(), stop); });
    EXPECT_EQ(repository->list().size(), 1u);
    EXPECT_EQ(all(check(*open()).problems), "");
}

TEST_F(Limits, no_more_threads_read_than_may) {
    for (int i = 0; i < 6; ++i) {
        write(source() / std::to_string(i), crypto::random_bytes(1'200'000));
        options.pack_profile = 1;
    }
    const auto hooks = std::make_shared<HookStore>(store());
    auto repository = Repository::create(hooks, vault(), key(), "host", options);
    for (int i = 0; i < 6; ++i) {
        write(source() / "more", crypto::random_bytes(1'200'000));
        (void)take(*repository);  // another pack
    }
    std::atomic<int> inside{0}, most{0};
    hooks->before = [&](const std::string& what, const std::string& name) {
        if (what != "get" || !name.starts_with("packs/")) return;
        const auto now = ++inside;
        for (auto before = most.load(); before < now && !most.compare_exchange_weak(before, now);) continue;
    };
    hooks->after = [&](const std::string& what, const std::string& name) {
        if (what == "get" && name.starts_with("packs/")) --inside;
    };
    for (const int threads : {1, 2, 7}) {
        most = 0;
        const auto mine = repository->within({.threads = threads});
        EXPECT_EQ(mine->inside().threads(), static_cast<unsigned>(threads));
        EXPECT_EQ(all(check(*mine).problems), "");
        (void)restore(*mine, repository->list().front().id, "out" + std::to_string(threads));
        EXPECT_LE(most, threads);
        EXPECT_GE(most, 1);
    }
}

TEST_F(Limits, a_writer_of_its_own_and_the_same_index) {
    fill_source();
    const auto repository = create();
    (void)take(*repository);
    const auto index = repository->inside().load_index({});
    const auto mine = repository->within({.threads = 1, .memory = {least_memory}});
    EXPECT_EQ(mine->inside().load_index({}), index) << "held once in memory";
    EXPECT_EQ(mine->objects(), repository->objects()) << "whoever asks for the store gets all of it";
    EXPECT_NE(mine->inside().writer, repository->inside().writer);
    write(source() / "new", "new");
    (void)take(*mine);
    (void)take(*repository);
    EXPECT_EQ(repository->list().size(), 3u);
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(Limits, erasable_folders_and_large_files_with_one_buffer) {
    // Of two classes within one another, with files that are shared between threads.
    write(source() / "people/ada/one.bin", crypto::random_bytes(9'000'000));
    write(source() / "people/two.bin", crypto::random_bytes(9'000'000));
    write(source() / "three.bin", crypto::random_bytes(9'000'000));
    auto repository = create();
    auto wanted = request();
    wanted.classes = {{.path = "people", .subject = "all"}, {.path = "people/ada", .subject = "ada"}};
    (void)repository->add_classes({"all", "ada"});
    repository = open();
    for (const std::int64_t memory : {32, 200}) {
        const auto mine = repository->within({.threads = 4, .memory = {memory << 20}});
        wanted.run = std::to_string(memory);
        wanted.exclude = {"no-" + wanted.run};  // successors of nothing: all is read
        const auto id = mine->backup(wanted, free_ledger(), exec::no_progress(), {}).snapshot.id;
        // Over the source itself: each piece's hash is compared, and what differs would be written.
        EXPECT_EQ(repository->restore(id, {.target = source(), .overwrite = true}, exec::no_progress(), {}).bytes_written, 0);
    }
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST(BuffersTest, are_as_many_as_fit) {
    for (const int threads : {0, 1, 2, 4, 64})
        for (std::int64_t memory = 32; memory <= 4096; memory += 7) {
            const auto buffers = buffers_within({.threads = threads, .memory = {memory << 20}});
            ASSERT_GE(buffers.threads, 1u);
            if (threads > 0) { ASSERT_LE(buffers.threads, static_cast<unsigned>(threads)); }
            // Each thread's reading, its frames on their way, the compressor; what all share.
            const auto each = static_cast<std::int64_t>((buffers.lent + 1) * (buffers.read + (1 << 20))) + (10 << 20);
            ASSERT_LE(each * buffers.threads + static_cast<std::int64_t>(buffers.nodes + buffers.sealed), memory << 20) << memory << " " << threads;
        }
    EXPECT_EQ(buffers_within({.threads = 3}).threads, 3u);
    EXPECT_EQ(buffers_within({.threads = 64, .memory = {std::int64_t{64} << 20}}).threads, 4u) << "memory decides";
}

TEST(BuffersTest, what_cannot_be_is_refused) {
    const auto subject = [](const WorkLimits& limits) {
        try {
            check_limits(limits);
        } catch (const InvalidArgument& error) {
            return error.subject();
        }
        return std::string();
    };
    EXPECT_EQ(subject({}), "");
    EXPECT_EQ(subject({.threads = 64, .memory = {least_memory}, .download_per_second = {1}, .upload_per_second = {1}}), "");
    EXPECT_EQ(subject({.threads = -1}), "threads");
    EXPECT_EQ(subject({.threads = 65}), "threads");
    EXPECT_EQ(subject({.memory = {least_memory - 1}}), "memory");
    EXPECT_EQ(subject({.memory = {-1}}), "memory");
    EXPECT_EQ(subject({.download_per_second = {-1}}), "download_per_second");
    EXPECT_EQ(subject({.upload_per_second = {-1}}), "upload_per_second");
}

/// A store whose spools take nothing until they may.
class StillStore final : public HookStore {
public:
    using HookStore::HookStore;
    std::unique_ptr<blob::Spool> spool() override {
        struct Still final : blob::Spool {
            explicit Still(StillStore& s) : store(s) {}
            void append(base::ByteView bytes) override {
                if (bytes.size() > 1000) {
                    std::unique_lock lock(store.mutex);
                    store.changed.wait(lock, [&] { return store.open; });
                    if (store.fails) throw NoSpace("full");
                }
                size_ += bytes.size();
            }
            std::uint64_t size() const override { return size_; }
            std::size_t read(base::ByteSpan) override { return 0; }
            StillStore& store;
            std::uint64_t size_ = 0;
        };
        return std::make_unique<Still>(*this);
    }
    blob::PutInfo put(const blob::Name&, blob::ByteSource&, const blob::PutOptions&, std::stop_token) override { return {}; }
    void let_go(bool with_a_failure) {
        const std::lock_guard lock(mutex);
        open = true;
        fails = with_a_failure;
        changed.notify_all();
    }
    std::mutex mutex;
    std::condition_variable changed;
    bool open = false, fails = false;
};

class SlowDisk : public BackupTest, public ::testing::WithParamInterface<bool> {};

TEST_P(SlowDisk, holds_up_those_who_fill_memory) {
    const auto repository = create();
    const auto& impl = repository->inside();
    StillStore still(store());
    Meter meter(free_ledger());
    exec::Throttle throttle(0, base::system_clock());
    constexpr std::size_t most_waiting = 2 << 20;
    PackWriter writer(impl.keys, still, meter, throttle, Kind::data, impl.keys.ring.data_class(), std::uint64_t{128} << 20, false, most_waiting);
    const auto bytes = crypto::random_bytes(1 << 20);
    constexpr int each = 20, threads = 3;
    std::atomic<int> begun{0}, failed{0};
    {
        std::vector<std::jthread> crew;
        for (int i = 0; i < threads; ++i)
            crew.emplace_back([&, i] {
                FramePacker packer;
                ByteVector scratch;
                try {
                    for (int n = 0; n < each; ++n) {
                        FrameBuilder frame;
                        Id id{};
                        id[0] = static_cast<std::uint8_t>(i);
                        id[1] = static_cast<std::uint8_t>(n);
                        frame.add(id, bytes);
                        ++begun;
                        writer.add(frame, packer, scratch, {});
                    }
                } catch (const NoSpace&) {
                    ++failed;
                }
            });
        while (begun < threads) std::this_thread::yield();
        std::this_thread::sleep_for(std::chrono::milliseconds(200));
        EXPECT_LE(begun, 2 * threads) << "one waits for the disk, the others for it";
        still.let_go(GetParam());
    }
    if (GetParam()) {
        EXPECT_GE(failed, 1) << "and nobody waits for what never comes";
    } else {
        EXPECT_EQ(begun, each * threads);
        writer.close();
        EXPECT_EQ(writer.take_finished().size(), 1u);
    }
}

INSTANTIATE_TEST_SUITE_P(Of, SlowDisk, ::testing::Values(false, true), [](const auto& disk) { return disk.param ? "a_full_one" : "a_slow_one"; });

/// A pack of which one frame is written and waits to be hashed.
class WaitingFrame : public BackupTest {
protected:
    void add(int number) {
        FrameBuilder frame;
        Id id{};
        id[0] = static_cast<std::uint8_t>(number);
        frame.add(id, crypto::random_bytes(100'000));
        ByteVector scratch;
        writer.add(frame, FramePacker(), scratch, {});
    }
    void expect_nothing_comes_of_it() {
        EXPECT_THROW(writer.close(), Error) << "what failed is told again";
        EXPECT_TRUE(writer.take_finished().empty());
    }
    const std::unique_ptr<Repository> repository = create();
    const backup::Keys& keys = repository->inside().keys;
    StillStore still{store()};
    Meter meter{free_ledger()};
    exec::Throttle throttle{0, base::system_clock()};
    PackWriter writer{keys, still, meter, throttle, Kind::data, keys.ring.data_class(), std::uint64_t{128} << 20};
};

TEST_F(WaitingFrame, a_pack_that_fails_is_none) {
    still.let_go(false);
    add(1);
    still.let_go(true);
    EXPECT_THROW(add(2), NoSpace);
    EXPECT_THROW(add(3), NoSpace);
    int worked = 0;
    writer.hash_beside([&](crypto::HashBeside) -> base::ByteView {
        ++worked;
        return {};
    });
    EXPECT_EQ(worked, 1) << "others' ids are made all the same";
    expect_nothing_comes_of_it();
}

TEST_F(WaitingFrame, who_hashes_it_and_fails_holds_up_nobody) {
    if (!crypto::HmacSha256::hashes_beside()) GTEST_SKIP() << "this processor hashes nothing beside something else";
    still.let_go(false);
    add(1);
    std::jthread other;
    std::atomic<bool> has_failed{false};
    const auto failing = [&](crypto::HashBeside beside) -> base::ByteView {
        EXPECT_FALSE(beside.data.empty());
        other = std::jthread([&] {
            try {
                add(2);
                add(3);
            } catch (const Unavailable&) {
                has_failed = true;
            }
        });
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        throw Unavailable("a key that went away");
    };
    EXPECT_THROW(writer.hash_beside(failing), Unavailable);
    other.join();
    EXPECT_TRUE(has_failed);
    expect_nothing_comes_of_it();
}

// ---- copies ----

class CopyLimits : public CopiesTest {};

TEST_F(CopyLimits, copies_keep_to_their_pace_and_their_turn) {
    const auto repository = create_many();
    (void)back_up(*repository);
    const auto start = std::chrono::steady_clock::now();
    const auto clock_of_all = base::system_clock();
    auto report = catch_up(*repository, {.uploads = std::make_shared<exec::Throttle>(2'000'000, clock_of_all), .at_once = 1});
    EXPECT_GE(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count(), 0.4) << "two stores, 400 kB each";
    EXPECT_EQ(report.whole(), 2) << problems_of(report);
    const auto verified = std::chrono::steady_clock::now();
    report = catch_up(*repository, {.verify = true, .downloads = std::make_shared<exec::Throttle>(2'000'000, clock_of_all)});
    EXPECT_GE(std::chrono::duration<double>(std::chrono::steady_clock::now() - verified).count(), 0.5) << "all three are read";
    EXPECT_EQ(report.whole(), 2) << problems_of(report);
    expect_alone("a", 1);
    expect_alone("b", 1);
}

TEST_F(CopyLimits, a_stop_is_heard_while_they_wait) {
    const auto repository = create_many();
    (void)back_up(*repository);
    blob::CatchUpRequest wanted{.uploads = std::make_shared<exec::Throttle>(1, base::system_clock())};
    std::stop_source stop;
    std::jthread later([&] {
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
        stop.request_stop();
    });
    EXPECT_THROW(dynamic_cast<blob::ManyStores&>(*repository->objects()).catch_up(wanted, exec::no_progress(), stop.get_token()), Cancelled);
    EXPECT_EQ(catch_up(*repository).whole(), 2) << "the next one copies what is missing";
}

// ---- memory ----

/// What the process has of its own: not the pages of files.
std::int64_t own_memory(const char* field) {
    std::int64_t kib = 0;
    if (FILE* status = std::fopen("/proc/self/status", "r")) {
        char line[256];
        while (std::fgets(line, sizeof line, status))
            if (std::strncmp(line, field, std::strlen(field)) == 0) kib = std::strtoll(line + std::strlen(field) + 1, nullptr, 10);
        std::fclose(status);
    }
    return kib * 1024;
}

struct Memory : BackupTest {
    void SetUp() override {
        if (!has_memory_of_its_own) GTEST_SKIP() << "a sanitizer's memory is not a job's";
    }
};

/// Takes what is in $LIMITS_SOURCE through all kinds of work, and says how much more memory each had at most than there was before.
TEST(MemoryPart, DISABLED_works_within_it) {
    const char* source = std::getenv("LIMITS_SOURCE");
    ASSERT_NE(source, nullptr);
    TempFolder folder;
    const auto place = [&](const char* name) { return std::make_shared<blob::FileStore>(folder / name, base::system_clock()); };
    const auto key = KeySource::key(crypto::random_bytes(32));
    const auto repository = Repository::create(place("repo"), place("vault"), key, "host", {.scratch = folder.path()});
    const WorkLimits limits{.threads = 8, .memory = {std::strtoll(std::getenv("LIMITS_MEMORY"), nullptr, 10)}};
    const auto mine = repository->within(limits);
    SnapshotId id;
    const auto measured = [&](auto work) {
        if (FILE* refs = std::fopen("/proc/self/clear_refs", "w")) {
            std::fputs("5", refs);  // the peak begins anew
            std::fclose(refs);
        }
        const auto before = own_memory("VmRSS:");
        work();
        const auto more = own_memory("VmHWM:") - before;
        ChildProcess::report(&more, sizeof more);
    };
    const BackupRequest wanted{.name = "x", .sources = {{.name = "", .path = source}}};
    measured([&] { id = mine->backup(wanted, free_ledger(), exec::no_progress(), {}).snapshot.id; });
    measured([&] { (void)mine->restore(id, {.target = folder / "out"}, exec::no_progress(), {}); });
    measured([&] { (void)mine->check(CheckDepth::full, exec::no_progress(), {}); });
    (void)repository->rotate_data_key();
    const auto newer = Repository::open(place("repo"), place("vault"), key, {.scratch = folder.path()});
    measured([&] { (void)rekey(*newer->within(limits), {}, exec::no_progress(), {}); });
}

TEST_F(Memory, a_limit_is_what_the_work_takes) {
    write(source() / "one.bin", crypto::random_bytes(40'000'000));
    write(source() / "two.bin", crypto::random_bytes(40'000'000));
    std::string text;  // that compresses
    while (text.size() < 10'000'000) text += std::to_string(text.size() * 2654435761u) + " lorem ipsum ";
    write(source() / "three.txt", text);
    for (int i = 0; i < 300; ++i) write(source() / "small" / std::to_string(i), crypto::random_bytes(10'000));
    for (const std::int64_t limit : {std::int64_t{32} << 20, std::int64_t{64} << 20}) {
        ChildProcess child("MemoryPart.DISABLED_works_within_it", {{"LIMITS_SOURCE", source().string()}, {"LIMITS_MEMORY", std::to_string(limit)}});
        for (const char* work : {"backup", "restore", "check", "rekey"}) {
            std::int64_t more = 0;
            const auto said = child.read(sizeof more);
            ASSERT_EQ(said.size(), sizeof more) << work;
            std::memcpy(&more, said.data(), sizeof more);
            EXPECT_GT(more, 0) << work;
            EXPECT_LE(more, limit) << work;
        }
        EXPECT_EQ(child.wait(), 0);
    }
}

}  // namespace
}  // namespace tenon::tests
