#include "fixture.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <random>

#include <new_seed.hpp>

#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

class Damage : public BackupTest {
protected:
    void SetUp() override {
        fill_source();
        auto repository = create();
        back_up(*repository);
        write(source() / "later", "second");
        snapshot = back_up(*repository).snapshot.id;
        for (const auto& object : blob::list_all(*store(), "")) objects.push_back(object.name);
    }
    base::ByteVector read(const std::string& name) { return blob::get_all(*store(), name, 1 << 30); }
    void put(const std::string& name, base::ByteView bytes) { blob::put_bytes(*store(), name, bytes, {.create_only = false}); }

    /// A restore either gives the right bytes or says that it cannot.
    void expect_no_wrong_byte(const std::string& what) {
        const auto out = folder / "out";
        std::filesystem::remove_all(out);
        try {
            auto repository = open();
            restore(*repository, snapshot, "out");
        } catch (const Corrupt&) {
            return;
        } catch (const NotFound&) {
            return;
        }
        EXPECT_EQ(all(differences(source(), out)), "") << what;
    }
    bool is_twin(const std::string& name) { return name == "super" || name == "super.1"; }

    SnapshotId snapshot;
    std::vector<std::string> objects;
};

TEST_F(Damage, a_flipped_bit_anywhere_is_found_and_never_becomes_a_wrong_byte) {
    std::mt19937 random(new_seed());
    auto reader = open();  // opening heals superblocks, which would hide them from this test
    for (const auto& name : objects) {
        const auto good = read(name);
        const bool pack = name.starts_with("packs/");
        const int places = pack ? 24 : 8;
        for (int i = 0; i < places; ++i) {
            // The first and the last bytes, then anywhere.
            const auto at = i == 0 ? 0 : i == 1 ? good.size() - 1 : random() % good.size();
            auto bad = good;
            bad[at] ^= static_cast<std::uint8_t>(1 << (random() % 8));
            put(name, bad);
            const auto report = check(*reader);
            EXPECT_FALSE(report.problems.empty()) << name << " byte " << at;
            if (i < 2) expect_no_wrong_byte(name + " byte " + std::to_string(at));
            put(name, good);
        }
    }
    EXPECT_EQ(all(check(*reader).problems), "");
}

// Once a check has said what is damaged, nothing new may lean on it.
TEST_F(Damage, a_backup_stores_again_what_a_check_found_damaged) {
    for (const auto& name : objects) {
        if (!name.starts_with("packs/")) continue;
        auto bad = read(name);
        bad[bad.size() / 2] ^= 1;
        put(name, bad);
    }
    auto repository = open();
    EXPECT_FALSE(check(*repository, CheckDepth::objects).problems.empty());
    const auto records = blob::list_all(*store(), "log/").size();
    EXPECT_EQ(check(*repository).bytes_written, 0) << "it is known";
    EXPECT_EQ(blob::list_all(*store(), "log/").size(), records);

    const auto after = back_up(*repository);
    EXPECT_EQ(after.files_unchanged, 0);
    restore(*repository, after.snapshot.id, "new");
    EXPECT_EQ(all(differences(source(), folder / "new")), "");
    restore(*repository, snapshot, "old");
    EXPECT_EQ(all(differences(source(), folder / "old")), "") << "what is there once more mends what was taken before";

    auto another = open();
    EXPECT_EQ(back_up(*another).bytes_new, 0) << "once is enough";
    EXPECT_FALSE(check(*another).problems.empty()) << "the damaged packs are still there";
}

// Nobody has checked or restored: the backup itself comes upon the damage, in the folders of the one before.
TEST_F(Damage, a_backup_keeps_the_damage_it_meets_and_does_not_lean_on_it) {
    std::size_t trees = 0;
    for (const auto& name : objects) {
        if (!name.starts_with("packs/") || decode_header(read(name), name).kind != Kind::tree) continue;
        auto bad = read(name);
        bad[container_header_size + 40] ^= 1;  // in its first frame
        put(name, bad);
        ++trees;
    }
    ASSERT_GT(trees, 0u);
    auto repository = open();
    const auto records = blob::list_all(*store(), "log/").size();
    const auto after = back_up(*repository);
    EXPECT_GT(blob::list_all(*store(), "log/").size(), records);
    restore(*repository, after.snapshot.id, "new");
    EXPECT_EQ(all(differences(source(), folder / "new")), "");
    auto another = open();
    EXPECT_EQ(back_up(*another).bytes_new, 0) << "once is enough";
}

TEST_F(Damage, a_pack_that_is_whole_again_counts_again) {
    std::map<std::string, base::ByteVector> good;
    for (const auto& name : objects)
        if (name.starts_with("packs/")) good.emplace(name, read(name));
    for (auto [name, bytes] : good) {
        bytes[bytes.size() / 2] ^= 1;
        put(name, bytes);
    }
    auto repository = open();
    EXPECT_GT(check(*repository).bytes_written, 0);
    for (const auto& [name, bytes] : good) put(name, bytes);
    EXPECT_EQ(all(check(*repository, CheckDepth::structure).problems), "");
    EXPECT_EQ(check(*repository, CheckDepth::structure).bytes_written, 0) << "that does not look at them";
    EXPECT_EQ(all(check(*repository, CheckDepth::objects).problems), "");
    const auto after = back_up(*repository);
    EXPECT_EQ(after.bytes_new, 0);
    EXPECT_EQ(after.files_new, 0);
}

TEST_F(Damage, a_backup_after_a_restore_that_failed_restores) {
    std::string largest;
    std::size_t most = 0;
    for (const auto& name : objects)
        if (name.starts_with("packs/") && read(name).size() > most) most = read(largest = name).size();
    auto bad = read(largest);
    bad[500'000] ^= 1;
    put(largest, bad);
    auto repository = open();
    EXPECT_THROW(restore(*repository, snapshot, "failed"), Corrupt);
    const auto after = back_up(*repository);
    restore(*repository, after.snapshot.id, "new");
    EXPECT_EQ(all(differences(source(), folder / "new")), "");
}

TEST_F(Damage, hashes_alone_find_it_too) {
    auto reader = open();
    for (const auto& name : objects) {
        const auto good = read(name);
        auto bad = good;
        bad[good.size() / 2] ^= 1;
        put(name, bad);
        EXPECT_FALSE(check(*reader, CheckDepth::objects).problems.empty()) << name;
        put(name, good);
    }
}

TEST_F(Damage, truncated_and_deleted_objects_are_found) {
    auto reader = open();
    for (const auto& name : objects) {
        const auto good = read(name);
        for (const auto size : {std::size_t{0}, std::size_t{50}, good.size() / 2, good.size() - 1}) {
            put(name, base::ByteView(good).first(size));
            EXPECT_FALSE(check(*reader, name.starts_with("packs/") ? CheckDepth::structure : CheckDepth::full).problems.empty())
                << name << " cut to " << size;
        }
        store()->remove(name, {}, {});
        // Without checkpoints nobody can tell that a chain's last record or a snapshot was there.
        const bool last_record = name.starts_with("log/") && name.ends_with("3");
        if (!name.starts_with("snap/") && !last_record) {
            EXPECT_FALSE(check(*reader, CheckDepth::structure).problems.empty()) << name << " deleted";
        }
        expect_no_wrong_byte(name + " deleted");
        put(name, good);
    }
    EXPECT_EQ(all(check(*reader).problems), "");
}

TEST_F(Damage, objects_under_another_ones_name_are_found) {
    auto reader = open();
    for (std::size_t i = 0; i < objects.size(); ++i)
        for (std::size_t k = i + 1; k < objects.size(); ++k) {
            if (is_twin(objects[i]) && is_twin(objects[k])) continue;
            const auto a = read(objects[i]), b = read(objects[k]);
            put(objects[i], b);
            put(objects[k], a);
            EXPECT_FALSE(check(*reader).problems.empty()) << objects[i] << " and " << objects[k];
            put(objects[i], a);
            put(objects[k], b);
        }
    put("stranger", base::view_of("x"));
    EXPECT_FALSE(check(*reader, CheckDepth::structure).problems.empty());
}

TEST_F(Damage, a_lost_segment_is_read_from_the_packs_themselves) {
    for (const auto& name : objects)
        if (name.starts_with("index/")) store()->remove(name, {}, {});
    auto repository = open();
    restore(*repository, snapshot, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
    EXPECT_FALSE(check(*repository).problems.empty());
}

TEST_F(Damage, a_backup_writes_lost_packs_anew) {
    for (const auto& name : objects)
        if (name.starts_with("packs/")) store()->remove(name, {}, {});
    auto repository = open();
    const auto again = back_up(*repository);
    EXPECT_GT(again.files_new, 100);
    restore(*repository, again.snapshot.id, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
}

TEST_F(Damage, problems_name_object_and_range) {
    for (const auto& name : objects) {
        if (!name.starts_with("packs/")) continue;
        auto bad = read(name);
        bad[200] ^= 1;
        put(name, bad);
        const auto report = check(*open());
        ASSERT_FALSE(report.problems.empty());
        EXPECT_EQ(report.problems.front().object.substr(0, 6), "packs/");
        const bool any = std::any_of(report.problems.begin(), report.problems.end(), [&](const auto& problem) {
            return problem.object == name && problem.offset <= 200 && problem.offset + problem.length > 200;
        });
        EXPECT_TRUE(any) << all(report.problems);
        return;
    }
}

/// A repository that somebody with the key made to escape from the target.
TEST_F(Damage, hostile_trees_cannot_leave_the_target) {
    write(folder / "victim/file", "untouched");
    const auto hostile = [&](std::function<void(Entry&)> change, std::string folder_name = "folder") {
        auto repository = open();
        // The keys of the repository, as the holder of the key has them.
        const auto run = [&](auto& impl) {
            Meter meter(free_ledger());
            LogChain chain;
            Id16 writer{};
            crypto::fill_random(writer);
            Throttle unlimited(0, clock);
            WriteSession session(impl.keys, impl.super, *impl.objects, meter, unlimited, impl.collections, writer, clock, chain, {});
            session.begin([] { return false; });
            session.use_index(impl.load_index({}));
            Lane lane(session, impl.keys.ring.data_class());
            TreeBuilder inner(impl.keys.ring.data().k_cdc.bytes()), outer(impl.keys.ring.data().k_cdc.bytes());
            Entry file;
            file.name = "file";
            file.mode = 0600;
            file.size = 7;
            file.chunks = {lane.chunk(base::view_of("hostile"))};
            change(file);
            inner.add(file, lane);
            Entry entry;
            entry.name = std::move(folder_name);
            entry.kind = EntryKind::folder;
            entry.mode = 0700;
            entry.subtree = inner.finish(lane);
            entry.size = inner.bytes();
            entry.subtree_class = impl.keys.ring.data_class();
            outer.add(entry, lane);
            SnapshotRecord made;
            made.root = outer.finish(lane);
            made.files = made.folders = 1;
            lane.flush();
            session.commit_packs(session.close_packs(), {});
            session.commit_snapshot(made, [](const SnapshotRecord&) { return true; });
            session.end();
            return made.id;
        };
        return run(repository->inside());
    };
    const auto refused = [&](const SnapshotId& id) {
        std::filesystem::remove_all(folder / "out");
        auto repository = open();
        EXPECT_THROW(restore(*repository, id, "out"), Corrupt);
        EXPECT_FALSE(check(*repository).problems.empty());
    };
    for (const std::string name : {"../../victim/file", "..", "/etc/passwd", "a/b"})
        refused(hostile([&](Entry& file) { file.name = name; }));
    refused(hostile([](Entry& file) { file.name = std::string("a\0b", 3); }));
    refused(hostile([](Entry&) {}, ".."));
    refused(hostile([](Entry&) {}, "x/../.."));
    refused(hostile([](Entry& file) { file.size = 1'000'000'000; }));
    refused(hostile([](Entry& file) { file.holes = {{0, 1}, {0, 5}}; }));
    EXPECT_EQ(describe_tree(folder / "victim").at("file"), describe_tree(folder / "victim").at("file"));
    std::ifstream victim(folder / "victim/file");
    std::string text;
    victim >> text;
    EXPECT_EQ(text, "untouched");

    // A link where a folder belongs, put there before the restore.
    const auto id = hostile([](Entry&) {});
    std::filesystem::remove_all(folder / "out");
    std::filesystem::create_directories(folder / "out");
    std::filesystem::create_directory_symlink(folder / "victim", folder / "out/folder");
    auto repository = open();
    EXPECT_THROW(repository->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {}), Conflict);
    std::filesystem::remove(folder / "out/folder");
    std::filesystem::create_directories(folder / "out/folder");
    std::filesystem::create_symlink(folder / "victim/file", folder / "out/folder/file");
    repository->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {});
    EXPECT_TRUE(std::filesystem::is_regular_file(std::filesystem::symlink_status(folder / "out/folder/file")));
    std::ifstream again(folder / "victim/file");
    again >> text;
    EXPECT_EQ(text, "untouched");
}

}  // namespace
}  // namespace tenon::tests
