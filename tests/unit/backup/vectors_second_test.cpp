// The second repository that is kept as it was written: with all that format 1 has besides what a first backup writes.
#include "vectors_fixture.hpp"

#include <atomic>
#include <chrono>
#include <csignal>
#include <map>
#include <set>

#include <sys/xattr.h>
#include <unistd.h>

#include <backup/checkpoint.hpp>
#include <backup/parity_store.hpp>
#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <backup/retention.hpp>
#include <base/file.hpp>
#include <blob/many_stores.hpp>
#include <crypto/encoding.hpp>
#include <hook_store.hpp>

#include "parity.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

constexpr const char* list_of_access = "system.posix_acl_access";
constexpr const char* list_for_heirs = "system.posix_acl_default";

class SecondVectors : public VectorTest {
protected:
    /// As the kernel takes it: version 2, then tag, rights and id of each.
    static base::ByteVector acl() {
        base::ByteVector bytes;
        base::append_le<std::uint32_t>(bytes, 2);
        const auto add = [&](std::uint16_t tag, std::uint16_t may, std::uint32_t id) {
            base::append_le<std::uint16_t>(bytes, tag);
            base::append_le<std::uint16_t>(bytes, may);
            base::append_le<std::uint32_t>(bytes, id);
        };
        constexpr std::uint32_t nobody = 0xffffffff;
        add(0x01, 7, nobody);
        add(0x02, 6, 1234);
        add(0x04, 5, nobody);
        add(0x10, 7, nobody);
        add(0x20, 0, nobody);
        return bytes;
    }
    static bool set(const std::filesystem::path& path, const char* name, const base::ByteVector& value) {
        return lsetxattr(path.c_str(), name, value.data(), value.size(), 0) == 0;
    }
    /// Empty lists where this file system has none: then nothing is said of them.
    static bool has_lists(const std::filesystem::path& folder) {
        write(folder / "probe", "");
        const bool has = set(folder / "probe", list_of_access, acl());
        std::filesystem::remove(folder / "probe");
        return has;
    }
    static void make_larger_tree(const std::filesystem::path& root) {
        make_tree(root);
        write(root / "larger.bin", bytes_of("larger", 29'300));  // so that the pack is larger than a stripe
        for (int i = 0; i < 12; ++i) write(root / "many" / ("file number " + std::to_string(i)), "x" + std::to_string(i));
        std::filesystem::create_hard_link(root / "letter.txt", root / "also letter.txt");
        ASSERT_EQ(::mkfifo((root / "pipe").c_str(), 0640), 0);
        settle_tree(root);
    }
    /// Lists and attributes come last, as modes change them; time as before.
    static void give_lists(const std::filesystem::path& root) {
        for (const auto* name : {"noise.bin", "folder"}) EXPECT_TRUE(set(root / name, list_of_access, acl())) << name;
        EXPECT_TRUE(set(root / "folder", list_for_heirs, acl()));
        EXPECT_TRUE(set(root / "noise.bin", "user.origin", {'c', 'a', 'm', 0, 'x'}));
        stamp(root);
    }

    static KeySource home_key() { return KeySource::key(counted(0)); }
    static std::string file_text() { return key_file_text(counted(32)); }

    std::filesystem::path copied() const { return folder / "second"; }
    std::shared_ptr<blob::Store> files() const { return std::make_shared<blob::FileStore>(copied() / "repo", clock); }
    std::unique_ptr<Repository> open_copy(const KeySource& key, const std::string& vault_name = "vault") {
        return Repository::open(std::make_shared<ParityStore>(files(), Parity::thin),
                                std::make_shared<blob::FileStore>(copied() / vault_name, base::system_clock()), key, options);
    }
    void copy_vector() {
        std::filesystem::remove_all(copied());
        std::filesystem::copy(vectors() / "second", copied(), std::filesystem::copy_options::recursive);
    }
    /// By name, what there is below a folder.
    static std::map<std::string, base::ByteVector> content(const std::filesystem::path& root) {
        std::map<std::string, base::ByteVector> all;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(root))
            if (entry.is_regular_file()) all[entry.path().lexically_relative(root).string()] = base::read_file(entry.path(), 1 << 20);
        return all;
    }
    static std::string text_of(const std::filesystem::path& path) {
        const auto bytes = base::read_file(path, 1 << 16);
        return {bytes.begin(), bytes.end()};
    }
    void expect_tree(Repository& repository, const std::string& out) {
        std::filesystem::remove_all(folder / "tree");
        make_larger_tree(folder / "tree");
        if (has_lists(folder.path())) give_lists(folder / "tree");
        const auto totals = restore(repository, repository.list().front().id, out);
        EXPECT_EQ(totals.files, 23);
        if (has_lists(folder.path())) {
            EXPECT_EQ(what_differs(folder / "tree", folder / out), "");
        }
    }
    std::string problems(Repository& repository) {
        const auto known = std::vector<std::string>{text_of(vectors() / "second/record"), text_of(vectors() / "second/record-of-old")};
        return all(repository.check(CheckDepth::full, exec::no_progress(), {}, false, known).problems);
    }
    static void expect_each_kind(const std::filesystem::path& root) {
        std::set<std::string> kinds;
        for (const auto& [name, bytes] : content(root)) {
            auto kind = name.substr(0, name.find('/'));
            if (kind == "par" || kind == "gc") kind += name.substr(name.starts_with("par/m/") ? 5 : name.rfind('/'));
            if (name.starts_with("par/packs/")) kind = "par/packs";
            if (name.starts_with("par/m/")) kind = "par/m";
            if (kind == "sess") kind += name.ends_with("/progress") ? "/progress" : "/beacon";
            kinds.insert(kind);
        }
        const std::set<std::string> wanted{"checkpoint", "gc/intent", "gc/lease", "gc/sweep", "gc/wait", "gone", "index", "log", "packs", "par/m",
                                           "par/packs", "past", "sess/beacon", "sess/progress", "snap", "super", "super.1"};
        EXPECT_EQ(kinds, wanted);
    }
};

TEST_F(SecondVectors, are_read_for_ever) {
    copy_vector();
    expect_each_kind(copied() / "repo");
    int number = 0;
    const auto from_file = *KeySource::key_file(base::view_of(file_text()));
    for (const auto* vault_name : {"vault", "vault-turning"})
        for (const auto& key : {home_key().clone(), from_file.clone()}) {
            copy_vector();  // whoever checks keeps a record
            auto repository = open_copy(key, vault_name);
            const auto snapshots = repository->list();
            ASSERT_EQ(snapshots.size(), 2u);
            EXPECT_EQ(snapshots[0].name, "nightly");
            EXPECT_EQ(snapshots[0].held, "");
            EXPECT_EQ(snapshots[1].held, "case 7");
            ASSERT_EQ(snapshots[1].tags.size(), 1u);
            EXPECT_EQ(snapshots[1].tags[0].key, "reel");
            expect_tree(*repository, "out" + std::to_string(++number));
            EXPECT_EQ(problems(*repository), "") << vault_name;
            EXPECT_TRUE(repository->has_old_data_keys());
            EXPECT_EQ(repository->subjects(), std::vector<std::string>{"user-7"});
        }
}

TEST_F(SecondVectors, are_mended_byte_for_byte_from_their_parity) {
    copy_vector();
    int damaged = 0;
    for (const auto& [name, bytes] : content(copied() / "repo")) {
        if (!is_protected(name)) continue;
        auto spoiled = bytes;
        spoiled[spoiled.size() / 2] ^= 0x10;
        base::write_file_atomically(copied() / "repo" / name, spoiled);
        ++damaged;
    }
    EXPECT_GT(damaged, 20);
    auto repository = open_copy(home_key());
    const auto totals = repair(*repository, {.reread = false}, exec::no_progress(), {});
    EXPECT_EQ(all(totals.check.problems), "");
    EXPECT_TRUE(totals.lost.empty());
    const auto now = content(copied() / "repo");
    for (const auto& [name, bytes] : content(vectors() / "second/repo"))
        if (is_protected(name)) {
            EXPECT_TRUE(now.contains(name) && now.at(name) == bytes) << name;
        }
    expect_tree(*repository, "out");
    EXPECT_EQ(problems(*open_copy(home_key())), "");
}

TEST_F(SecondVectors, are_gone_on_with_today_and_in_years) {
    for (const auto later : {std::chrono::hours(0), std::chrono::hours(24 * 1000)}) {
        clock->advance(later);
        copy_vector();
        auto repository = open_copy(home_key());
        std::filesystem::remove_all(source());
        make_larger_tree(source());
        write(source() / "later", "written by whoever reads this");
        ASSERT_TRUE(take_checkpoint(*repository, {}, {}).note);
        const auto taken = back_up(*repository).snapshot.id;
        PruneRequest wanted;
        wanted.unused_percent = 0;
        prune(*repository, wanted, exec::no_progress(), {});
        RekeyRequest anew;
        EXPECT_TRUE(rekey(*repository, anew, exec::no_progress(), {}).is_done);
        repository = open_copy(home_key());
        EXPECT_EQ(problems(*repository), "");
        EXPECT_EQ(repository->list().size(), 3u);
        std::filesystem::remove_all(folder / "later");
        restore(*repository, taken, "later");
        EXPECT_EQ(what_differs(source(), folder / "later"), "");
        // Which of them is older is for the clocks to say.
        int held = 0;
        for (const auto& info : repository->list()) {
            if (info.held.empty()) continue;
            ++held;
            EXPECT_EQ(info.held, "case 7");
            std::filesystem::remove_all(folder / "held");
            EXPECT_EQ(restore(*repository, info.id, "held").files, 23);
        }
        EXPECT_EQ(held, 1);
    }
}

TEST_F(SecondVectors, are_read_by_the_independent_readers) {
    if (!has_cryptography()) GTEST_SKIP() << "needs python3-cryptography";
    make_larger_tree(folder / "tree");
    write(folder / "home.key", counted(0));
    write(folder / "safe.key", file_text());
    const auto repo = (vectors() / "second/repo").string();
    for (const auto* vault_name : {"vault", "vault-turning"})
        for (const auto* key : {"home.key", "safe.key"}) {
            const auto out = std::string(vault_name) + '-' + key;
            const auto how = repo + ' ' + (vectors() / "second" / vault_name).string() + ' ';
            EXPECT_TRUE(runs("read_repo.py", how + (folder / out).string() + " --key-file " + (folder / key).string())) << out;
            // Attributes, access lists and which names are one file are not what it restores.
            auto expected = describe_tree(folder / "tree"), found = describe_tree(folder / out);
            for (auto* lines : {&expected, &found})
                for (const auto* name : {".", "noise.bin", "folder", "letter.txt", "also letter.txt"}) lines->erase(name);
            EXPECT_EQ(expected, found) << out;
            EXPECT_TRUE(runs("read_objects.py", how + "--key-file " + (folder / key).string())) << out;
        }
    // What is said there is looked at: another byte anywhere is told.
    copy_vector();
    const auto command = (copied() / "repo").string() + ' ' + (copied() / "vault").string() + " --key-file " + (folder / "home.key").string();
    for (const auto& [name, bytes] : content(copied() / "repo")) {
        bool is_read = false;
        for (const auto* kind : {"gone/", "gc/", "past/", "checkpoint/", "par/packs"}) is_read = is_read || name.starts_with(kind);
        if (!is_read) continue;
        auto spoiled = bytes;
        spoiled[spoiled.size() / 2] ^= 1;
        base::write_file_atomically(copied() / "repo" / name, spoiled);
        EXPECT_FALSE(runs("read_objects.py", command + " 2> /dev/null")) << name;
        base::write_file_atomically(copied() / "repo" / name, bytes);
    }
}

/// Makes it, once: TENON_VECTORS says where. What is checked in is never made again.
TEST_F(SecondVectors, DISABLED_make) {
    const auto* where = std::getenv("TENON_VECTORS");
    ASSERT_TRUE(where);
    ASSERT_TRUE(has_lists(folder.path())) << "let TMPDIR name a file system with access lists";
    const auto second = std::filesystem::path(where) / "second";
    const auto plain = [&](const std::string& name) { return std::make_shared<blob::FileStore>(second / name, base::system_clock()); };
    const auto own = std::make_shared<ParityStore>(plain("repo"), Parity::thin);
    // What somebody dies of: from that operation on nothing reaches the store.
    const auto dying = [](std::shared_ptr<blob::Store> inner, const std::string& part, int time) {
        auto store = std::make_shared<HookStore>(std::move(inner));
        const auto left = std::make_shared<std::atomic<int>>(time);
        store->before = [=](const std::string& operation, const std::string& name) {
            if (operation == "put" && *left > 0 && name.find(part) != std::string::npos) --*left;
            if (*left == 0) throw Unavailable("killed");
        };
        return store;
    };
    const auto open_over = [&](std::shared_ptr<blob::Store> store) {
        return Repository::open(std::move(store), plain("vault"), home_key(), options);
    };
    options.pack_profile = 1;
    options.clock = clock;
    PruneRequest everything;
    everything.unused_percent = 0;

    // A repository whose data keys were rotated once and for all: chains of the log lie under other names.
    auto repository = Repository::create(own, plain("vault"), home_key(), "home", options);
    write(source() / "passing", "what is forgotten");
    const auto passing = back_up(*repository).snapshot.id;
    repository->rotate_data_key();
    repository = open_over(own);
    ASSERT_TRUE(rekey(*repository, {}, exec::no_progress(), {}).is_done);
    repository = open_over(own);
    // More than 96 checkpoints, which differ in the root key's generation.
    std::string old_record;
    for (int i = 0; i < 97; ++i) {
        repository->rotate_root();
        const auto taken = take_checkpoint(*repository, {}, {});
        ASSERT_TRUE(taken.is_new) << all(taken.problems);
        if (i == 40) old_record = taken.note->record;
    }
    repository->add_slot(*KeySource::key_file(base::view_of(file_text())), "a key file");
    repository->add_classes({"user-7"});

    // With another store names are buried.
    const auto other = std::make_shared<blob::FileStore>(folder / "other", base::system_clock());
    auto many = std::make_shared<blob::ManyStores>(own, std::vector<blob::OtherStore>{{.name = "other", .open = [other] { return other; }}},
                                                         base::system_clock());
    repository = open_over(many);
    ASSERT_TRUE(many->catch_up({}, exec::no_progress(), {}).others.at(0).whole);
    std::filesystem::remove_all(source());
    make_larger_tree(source());
    give_lists(source());
    auto wanted = request();
    wanted.classes = {{"many", "user-7"}};
    const auto held = back_up(*repository, wanted).snapshot.id;
    forget(*repository, {passing}, {});
    prune(*repository, everything, exec::no_progress(), {});

    // Alone again.
    repository = open_over(own);
    many.reset();
    set_tags(*repository, held, {{"reel", "final"}}, {});
    set_hold(*repository, held, "case 7", {});

    // Two collections that were killed.
    for (int i = 0; i < 2; ++i) {
        repository = open_over(own);
        write(source() / "passing", std::string(100, static_cast<char>('a' + i)));
        auto small = request();
        small.name = "small";
        small.include = {"passing"};
        const auto gone = back_up(*repository, small).snapshot.id;
        forget(*repository, {gone}, {});
        EXPECT_THROW(prune(*open_over(dying(own, "/sweep", 1 + i)), everything, exec::no_progress(), {}), Error);
    }
    std::filesystem::remove(source() / "passing");
    stamp(source());

    // A pack that was damaged for a while.
    repository = open_over(own);
    for (const auto& [name, bytes] : content(second / "repo/packs")) {
        auto spoiled = bytes;
        spoiled[spoiled.size() / 2] ^= 1;
        base::write_file_atomically(second / "repo/packs" / name, spoiled);
        EXPECT_FALSE(check(*open_over(own)).problems.empty());
        base::write_file_atomically(second / "repo/packs" / name, bytes);
        EXPECT_EQ(all(check(*open_over(own)).problems), "");
        break;
    }
    // New data keys, and nothing written anew yet.
    repository->rotate_data_key();
    repository = open_over(own);
    back_up(*repository, wanted);
    // A backup that was killed with its process, some batches on its way: it has left a beacon and how far it had come.
    repository.reset();
    auto killed = request();
    killed.checkpoint_after = Duration{1};
    killed.name = "killed";
    killed.include = {"never finished"};
    for (char letter = 'a'; letter < 'g'; ++letter)
        write(source() / "never finished" / std::string(1, letter), std::string(250'000, letter));
    const auto work = [&] {
        const auto fatal = std::make_shared<HookStore>(own);
        fatal->before = [](const std::string& what, const std::string& name) {
            if (what == "put" && name.starts_with("snap/")) kill(getpid(), SIGKILL);
        };
        back_up(*open_over(fatal), killed);
    };
    ASSERT_EQ(elsewhere(work), SIGKILL);
    repository = open_over(own);
    const auto last = take_checkpoint(*repository, {}, {});
    ASSERT_TRUE(last.note) << all(last.problems);
    write(second / "record", last.note->record);
    write(second / "record-of-old", old_record);
    // A rotation of the root key that was killed behind its commit, in a copy of the vault.
    std::filesystem::copy(second / "vault", second / "vault-turning", std::filesystem::copy_options::recursive);
    auto turning = std::make_shared<HookStore>(plain("vault-turning"));
    turning->after = [](const std::string& what, const std::string& name) {
        if (what == "put" && name == "turn/commit") throw Unavailable("killed");
    };
    EXPECT_THROW(Repository::open(own, turning, home_key(), options)->rotate_root(), Unavailable);
    std::filesystem::remove(second / "repo/.swap");  // a lock of who changed the lease
    expect_each_kind(second / "repo");
}

}  // namespace
}  // namespace tenon::tests
