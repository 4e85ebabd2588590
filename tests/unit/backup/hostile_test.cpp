// Repositories that somebody with the keys made to crash, to stall or to fill whoever opens them.
#include "fixture.hpp"

#include <atomic>
#include <chrono>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>

#include <backup/diff.hpp>
#include <backup/prune.hpp>
#include <backup/read.hpp>
#include <backup/repair.hpp>
#include <backup/retention.hpp>
#include <crafted_repository.hpp>

namespace tenon::tests {
namespace {

using namespace backup;
using namespace std::chrono_literals;

/// The most memory that this process had since it was asked last, and has now; KiB.
struct MostMemory {
    static std::int64_t line(const std::string& name) {
        std::ifstream status("/proc/self/status");
        for (std::string word; status >> word;)
            if (word == name) {
                std::int64_t kib = 0;
                status >> kib;
                return kib;
            }
        return 0;
    }
    MostMemory() {
        std::ofstream("/proc/self/clear_refs") << "5";
        before = line("VmRSS:");
    }
    std::int64_t grown_mib() const { return (line("VmHWM:") - before) / 1024; }
    std::int64_t before = 0;
};

class Hostile : public BackupTest {
protected:
    void SetUp() override {
        write(source() / "a/file", "good");
        repository = create();
        good = back_up(*repository).snapshot.id;
    }

    /// What a job meets, at most. Cancelled: what it does may go on for as long as the snapshot says, and ends when it is told to.
    enum class End { done, corrupt, refused, cancelled };
    static const char* text(End end) {
        constexpr const char* texts[] = {"done", "corrupt", "refused", "cancelled"};
        return texts[static_cast<int>(end)];
    }

    /// Each takes little memory and a short time, or ends shortly after it is told to.
    template <class Run>
    End run(const char* what, Run job, std::chrono::milliseconds patience = 30s) {
        const MostMemory memory;
        std::stop_source stop;
        std::atomic<bool> ended = false;
        auto told = std::chrono::steady_clock::time_point::max();
        std::jthread teller([&] {
            const auto until = std::chrono::steady_clock::now() + patience;
            while (!ended && std::chrono::steady_clock::now() < until) std::this_thread::sleep_for(5ms);
            if (ended) return;
            told = std::chrono::steady_clock::now();
            stop.request_stop();
        });
        auto end = End::done;
        try {
            job(stop.get_token());
        } catch (const Corrupt&) {
            end = End::corrupt;
        } catch (const Unsupported&) {
            end = End::refused;
        } catch (const Cancelled&) {
            end = End::cancelled;
        }
        const auto now = std::chrono::steady_clock::now();
        ended = true;
        teller.join();
        if (end == End::cancelled) {
            EXPECT_LT(now - told, 5s) << what;
        }
        EXPECT_LT(memory.grown_mib(), most_memory) << what;
        return end;
    }

    struct Ends {
        End restore, archive, diff, check, prune, forecast, browse;
    };
    /// Everything that reads a snapshot. Of a check: corrupt where it found something.
    Ends all_of(const SnapshotId& id, bool is_endless = false) {
        const std::chrono::milliseconds streaming = is_endless ? 1s : 30s;
        const std::shared_ptr<const Repository> shared(repository.get(), [](const Repository*) {});
        Ends ends{};
        EXPECT_FALSE(repository->list({}).empty());
        ends.browse = run("browse", [&](const std::stop_token&) { (void)repository->browse(id, ""); });
        ends.restore = run("restore", [&](const std::stop_token& stop) {
            std::filesystem::remove_all(folder / "out");
            (void)repository->restore(id, {.target = folder / "out", .durable = false}, exec::no_progress(), stop);
        });
        ends.forecast = run("forecast", [&](const std::stop_token& stop) {
            (void)forecast(*repository, id, {.target = folder / "new"}, false, 10, Duration::zero(), stop);
        });
        ends.archive = run("archive", [&](const std::stop_token& stop) {
            ArchiveReader reader(shared, {.snapshot = id}, stop);
            while (!reader.next(1 << 20).empty()) {}
        }, streaming);
        ends.diff = run("diff", [&](const std::stop_token& stop) {
            (void)diff(*repository, good, id, "", [](const EntryChange&) {}, stop);
        }, streaming);
        ends.check = run("check", [&](const std::stop_token& stop) {
            if (!repository->check(CheckDepth::full, exec::no_progress(), stop).problems.empty()) throw Corrupt("found");
        });
        (void)run("repair", [&](const std::stop_token& stop) { (void)repair(*repository, {}, exec::no_progress(), stop); });
        ends.prune = run("prune", [&](const std::stop_token& stop) { (void)prune(*repository, {}, exec::no_progress(), stop); });
        // What is good beside it is not harmed.
        EXPECT_EQ(run("good", [&](const std::stop_token&) {
            std::filesystem::remove_all(folder / "good");
            restore(*repository, good, "good");
            EXPECT_EQ(all(differences(source(), folder / "good")), "");
        }), End::done);
        return ends;
    }
    void expect_corrupt(const SnapshotId& id, const std::string& what) {
        const auto ends = all_of(id);
        for (const auto end : {ends.restore, ends.forecast, ends.archive, ends.diff, ends.check}) EXPECT_STREQ(text(end), "corrupt") << what;
    }
    /// A snapshot of one file whose chunk list is of this root.
    SnapshotId of_list(Crafted& made, const Id& list, std::uint64_t size) {
        auto file = Crafted::file("file");
        file.size = size;
        file.list_root = list;
        return made.commit(made.tree({file}), 1, 0);
    }

    static constexpr std::int64_t most_memory = 640;  // MiB: a plan's 96, and what a sanitizer keeps of what was freed
    std::unique_ptr<Repository> repository;
    SnapshotId good;
};

TEST_F(Hostile, a_chain_of_folders_deeper_than_any_path_exhausts_no_stack) {
    for (const int depth : {1000, 20'000}) {
        Crafted made(*repository);
        auto root = made.tree({});
        for (int i = 0; i < depth; ++i) root = made.tree({made.folder("d", root)});
        const auto id = made.commit(root, 0, depth);
        if (depth > 1024) {
            expect_corrupt(id, "too deep");
            continue;
        }
        const auto ends = all_of(id);
        for (const auto end : {ends.restore, ends.forecast, ends.archive, ends.diff, ends.check, ends.prune}) EXPECT_STREQ(text(end), "done");
    }
}

TEST_F(Hostile, folders_that_share_what_is_in_them_expand_to_nothing_that_takes_memory_or_cannot_be_cancelled) {
    for (const bool honest : {false, true}) {
        Crafted made(*repository);
        auto root = made.tree({Crafted::file("file")});
        for (int level = 0; level < 40; ++level) root = made.tree({made.folder("a", root), made.folder("b", root)});
        const auto id = honest ? made.commit(root, std::int64_t{1} << 40, std::int64_t{1} << 41) : made.commit(root, 1, 80);
        const auto ends = all_of(id, honest);
        EXPECT_STREQ(text(ends.check), "done");
        EXPECT_STREQ(text(ends.prune), "done");
        EXPECT_STREQ(text(ends.restore), honest ? "refused" : "corrupt");
        EXPECT_STREQ(text(ends.forecast), honest ? "refused" : "corrupt");
        EXPECT_STREQ(text(ends.archive), honest ? "cancelled" : "corrupt");
        EXPECT_STREQ(text(ends.diff), honest ? "cancelled" : "corrupt");
    }
}

TEST_F(Hostile, a_chunk_list_that_repeats_a_part_is_no_endless_work) {
    {
        Crafted made(*repository);
        auto ref = made.chunk("x");
        for (std::uint64_t level = 0; level < 4; ++level)
            ref = {made.node(Crafted::list_bytes(level, std::vector<ChunkRef>(4096, ref))), ref.length * 4096};
        const auto ends = all_of(of_list(made, ref.id, ref.length), true);
        EXPECT_STREQ(text(ends.check), "done");
        EXPECT_STREQ(text(ends.prune), "done");
        EXPECT_STREQ(text(ends.restore), "refused");
        EXPECT_STREQ(text(ends.forecast), "refused");
        EXPECT_STREQ(text(ends.archive), "cancelled");
    }
    {
        Crafted made(*repository);
        auto ref = made.chunk("x");
        for (std::uint64_t level = 0; level < 4; ++level)
            ref = {made.node(Crafted::list_bytes(level, std::vector<ChunkRef>(4096, ref))), ref.length * 4096};
        const auto id = of_list(made, ref.id, 4096);
        const auto ends = all_of(id);
        for (const auto end : {ends.restore, ends.forecast, ends.check}) EXPECT_STREQ(text(end), "corrupt") << "more than the entry's size";
    }
}

TEST_F(Hostile, what_a_node_says_of_those_below_must_be_so) {
    struct Lie {
        const char* what;
        std::function<Id(Crafted&)> root;
    };
    const auto two = [](Crafted& made) { return made.tree({Crafted::file("a", {made.chunk("12345")}), Crafted::file("b")}); };
    const auto inner = [](Crafted& made, std::uint64_t level, const std::vector<ChildRef>& refs) {
        return made.node(Crafted::inner_bytes(level, refs));
    };
    const Lie lies[] = {
        {"more entries", [&](Crafted& made) { return inner(made, 1, {{"b", two(made), 3, 5}}); }},
        {"fewer entries", [&](Crafted& made) { return inner(made, 1, {{"b", two(made), 1, 5}}); }},
        {"any entries", [&](Crafted& made) { return inner(made, 1, {{"b", two(made), ~std::uint64_t{0}, 5}}); }},
        {"bytes", [&](Crafted& made) { return inner(made, 1, {{"b", two(made), 2, 6}}); }},
        {"last name", [&](Crafted& made) { return inner(made, 1, {{"c", two(made), 2, 5}}); }},
        {"level", [&](Crafted& made) { return inner(made, 2, {{"b", two(made), 2, 5}}); }},
        {"the same twice", [&](Crafted& made) { return inner(made, 1, {{"b", two(made), 2, 5}, {"b", two(made), 2, 5}}); }},
        {"nothing", [&](Crafted& made) { return inner(made, 1, std::vector<ChildRef>(1000, {"", made.tree({}), 0, 0})); }},
        {"nothing of nothing",
         [&](Crafted& made) {
             auto below = made.tree({});
             for (std::uint64_t level = 1; level <= max_level; ++level)
                 below = inner(made, level, std::vector<ChildRef>(1000, {"", below, 0, 0}));
             return below;
         }},
        {"out of order", [&](Crafted& made) { return made.tree({Crafted::file("b"), Crafted::file("a")}); }},
        {"one name twice", [&](Crafted& made) { return made.tree({Crafted::file("a"), Crafted::file("a")}); }},
        {"huge count", [&](Crafted& made) {
             cbor::Writer out;
             out.array(3).uint(1).uint(0).array(std::uint64_t{1} << 60);
             return made.node(out.data());
         }},
        {"a node of more entries than writers make", [&](Crafted& made) {
             std::vector<Entry> entries;
             for (int i = 0; i < 20'000; ++i) entries.push_back(Crafted::file(std::to_string(1'000'000 + i)));
             return made.tree(entries);
         }},
        {"a list as a folder", [&](Crafted& made) { return made.node(Crafted::list_bytes(0, {made.chunk("x")})); }},
        {"a part as a folder", [&](Crafted& made) { return made.chunk("x").id; }},
        {"parts of no bytes", [&](Crafted& made) {
             auto file = Crafted::file("a");
             file.list_root = made.node(Crafted::list_bytes(0, std::vector<ChunkRef>(4096, {made.chunk("x").id, 0})));
             return made.tree({file});
         }},
    };
    for (const auto& lie : lies) {
        SCOPED_TRACE(lie.what);
        Crafted made(*repository);
        const auto root = lie.root(made);
        const auto id = made.commit(root, 1'000'000, 1'000'000);
        const auto ends = all_of(id);
        for (const auto end : {ends.restore, ends.forecast, ends.check}) EXPECT_STREQ(text(end), "corrupt");
        forget(*repository, {id}, {});
    }
}

TEST_F(Hostile, a_folder_that_says_another_size_than_its_files_have_is_told_by_a_check) {
    Crafted made(*repository);
    const auto inner = made.tree({Crafted::file("a", {made.chunk("12345")})});
    const auto ends = all_of(made.commit(made.tree({made.folder("folder", inner, 6)}), 1, 1));
    EXPECT_STREQ(text(ends.check), "corrupt");
    EXPECT_STREQ(text(ends.restore), "done") << "its files are right";
}

TEST_F(Hostile, wide_folders_within_each_other_take_little_memory) {
    Crafted made(*repository);
    auto root = made.tree({});
    for (int depth = 0; depth < 32; ++depth) {
        std::vector<Entry> entries{made.folder("a", root)};
        for (int i = 0; i < 5'000; ++i) entries.push_back(Crafted::file("b" + std::to_string(100'000 + i)));
        root = made.tree(entries);
    }
    const auto ends = all_of(made.commit(root, 200'000, 32));
    EXPECT_STREQ(text(ends.check), "corrupt");
    EXPECT_STREQ(text(ends.restore), "corrupt");
}

TEST_F(Hostile, what_shrinks_to_nothing_when_it_is_compressed_is_refused_where_it_grows) {
    const std::string zeros(1 << 20, '\0');
    const std::uint32_t lengths[] = {1 << 20};
    base::ByteVector frame;
    FramePacker().pack(base::view_of(zeros), lengths, false, frame);
    const auto content = base::ByteVector(frame.begin() + frame_header_size, frame.end() - tag_size);
    EXPECT_EQ(FrameUnpacker().unpack(content, "good").plain.size(), zeros.size());
    for (const std::uint32_t said : {1u, 4096u, (1u << 20) - 1, (1u << 20) + 1, max_plain, max_plain + 1, 0xffffffffu}) {
        auto bad = content;
        base::store_le(&bad[4], said);
        base::store_le(&bad[content_header_size], said);
        EXPECT_THROW(FrameUnpacker().unpack(bad, "bad"), Corrupt) << said;
    }
    const auto key = crypto::random_bytes(32);
    const auto small = seal_small(key, {}, Kind::snapshot, 1, base::ByteVector(100 << 20));
    EXPECT_LT(small.size(), 200'000u);
    const auto header = decode_header(small, "small");
    const MostMemory memory;
    EXPECT_THROW(open_small(small, derive_pack_key(key, header.salt, {}, control_class, Kind::snapshot), {}, header, "small"), Corrupt);
    EXPECT_LT(memory.grown_mib(), most_memory);
}

TEST_F(Hostile, folders_deeper_than_a_snapshot_holds_are_reported_and_the_rest_is_backed_up) {
    const std::string name(250, 'n');
    auto at = ::open(source().c_str(), O_RDONLY | O_DIRECTORY);
    ASSERT_GE(at, 0);
    for (int depth = 0; depth < 20; ++depth) {
        ASSERT_EQ(mkdirat(at, name.c_str(), 0700), 0);
        const auto next = openat(at, name.c_str(), O_RDONLY | O_DIRECTORY);
        ::close(at);
        ASSERT_GE(next, 0);
        at = next;
    }
    ::close(at);
    const auto totals = back_up(*repository);
    ASSERT_EQ(totals.problems.size(), 1u);
    EXPECT_EQ(totals.problems.front().code, Errc::unsupported);
    EXPECT_EQ(totals.problems.front().path.size(), 17 * 251u - 1);
    EXPECT_EQ(totals.snapshot.folders, 1 + 16);
    EXPECT_EQ(all(check(*repository).problems), "");
    EXPECT_EQ(restore(*repository, totals.snapshot.id, "out").folders, 17);
    // Longer than what std::filesystem takes in one call.
    EXPECT_EQ(std::system(("rm -rf '" + source().string() + "'").c_str()), 0);
}

}  // namespace
}  // namespace tenon::tests
