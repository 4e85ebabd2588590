// Folders with keys of their own, and what is left when those are destroyed: nothing of these, and all of the rest.
#include "fixture.hpp"

#include <atomic>
#include <functional>

#include <backup/diff.hpp>
#include <backup/prune.hpp>
#include <backup/retention.hpp>
#include <base/json.hpp>
#include <crypto/encoding.hpp>

#include "repository_impl.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

/// Does something when a stage of that name begins, or its work advances, once.
class AtStage final : public exec::ProgressSink {
public:
    AtStage(std::string name, std::function<void()> work) : name_(std::move(name)), work_(std::move(work)) {}
    void stage(std::string_view name, double, std::int64_t, std::string_view) override {
        if (name == name_ && !done_.exchange(true)) work_();
    }
    void total(std::int64_t) override {}
    void advance(std::int64_t) override {}
    bool done() const { return done_; }

private:
    const std::string name_;
    const std::function<void()> work_;
    std::atomic<bool> done_{false};
};

class Erasure : public BackupTest {
protected:
    void SetUp() override {
        const auto data = crypto::random_bytes(700'000);
        for (const auto* person : {"anna", "bert"})
            for (int i = 0; i < 5; ++i)
                write(source() / "people" / person / std::to_string(i), std::string(3000, static_cast<char>('a' + i)) + person);
        write(source() / "people/anna/film.bin", data);
        write(source() / "people/bert/film.bin", data);
        write(source() / "common/film.bin", data);
        write(source() / "people/anna/deeper/secret name", "x");
    }
    static BackupRequest with_people(BackupRequest wanted) {
        wanted.classes = {{"people/anna", "user-1"}, {"people/bert/", "user-2"}};
        return wanted;
    }
    std::unique_ptr<Repository> with_classes() {
        create()->add_classes({"user-1", "user-2"});
        return open();
    }
    static std::vector<std::string> without(std::vector<std::string> lines, const std::string& part) {
        std::erase_if(lines, [&](const auto& line) { return line.starts_with(".:") || line.find(part) != std::string::npos; });
        return lines;
    }
    std::string bytes_of_store() {
        std::string all;
        for (const auto& object : blob::list_all(*store(), "")) all += base::text_of(blob::get_all(*store(), object.name, 1 << 28));
        return all;
    }
};

TEST_F(Erasure, folders_with_keys_of_their_own_restore_like_the_others) {
    auto repository = with_classes();
    const auto first = back_up(*repository, with_people(request()));
    EXPECT_GE(first.bytes_new, 3 * 700'000) << "nothing is shared between two subjects, nor with the rest";
    restore(*repository, first.snapshot.id, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
    EXPECT_EQ(all(check(*repository).problems), "");
    const auto second = back_up(*repository, with_people(request()));
    EXPECT_EQ(second.files_new, 0) << "unchanged files of all classes are taken over";
    EXPECT_EQ(second.bytes_new, 0);
    // Put in place over what is there, of another class too: compared under that class's keys.
    EXPECT_EQ(repository->restore(first.snapshot.id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {}).bytes_written, 0);
    EXPECT_EQ(repository->subjects(), (std::vector<std::string>{"user-1", "user-2"}));
}

TEST_F(Erasure, a_folder_that_changes_its_class_is_stored_anew_under_that) {
    auto repository = with_classes();
    const auto plain = back_up(*repository);
    EXPECT_EQ(plain.bytes_new, back_up(*repository).bytes_new + plain.bytes_new);
    const auto parted = back_up(*repository, with_people(request()));
    EXPECT_EQ(parted.files_new, 13) << "those of two people, and no others";
    repository->shred("user-1");
    repository = open();
    restore(*repository, plain.snapshot.id, "plain");
    EXPECT_EQ(all(differences(source(), folder / "plain")), "") << "what was taken without a class is not erased with it";
}

TEST_F(Erasure, what_was_erased_reads_as_erased_in_every_snapshot_and_the_rest_is_whole) {
    auto repository = with_classes();
    const auto first = back_up(*repository, with_people(request())).snapshot.id;
    write(source() / "people/anna/6", "more of anna");
    const auto second = back_up(*repository, with_people(request())).snapshot.id;
    copy_tree(vault_folder(), folder / "old-vault");
    const auto old_root = repository->inside().root.clone();

    const auto erased = repository->shred("user-1");
    const auto said = base::parse_json(erased.receipt);
    EXPECT_EQ(said.get_string("subject"), "user-1");
    EXPECT_EQ(said.get_int("new_generation"), 2);
    EXPECT_GE(said.get_int("packs"), 2);
    EXPECT_GE(said.get_int("bytes"), 700'000);
    crypto::PublicKey key{};
    const auto raw = crypto::from_base64(erased.public_key).value();
    std::copy(raw.begin(), raw.end(), key.begin());
    EXPECT_TRUE(crypto::verify(key, base::view_of(erased.receipt), crypto::from_base64(erased.signature).value()));
    EXPECT_FALSE(repository->is_current());

    repository = open();
    EXPECT_TRUE(repository->is_current());
    ASSERT_EQ(repository->erased().size(), 1u);
    EXPECT_EQ(repository->erased().front().receipt, erased.receipt);
    EXPECT_EQ(repository->subjects(), std::vector<std::string>{"user-2"});
    EXPECT_THROW(repository->shred("user-1"), NotFound);
    EXPECT_THROW(repository->shred(""), NotFound) << "what has no subject is not erased by having none";
    for (const auto& id : {first, second}) {
        const auto name = "out-" + id.text();
        const auto totals = restore(*repository, id, name);
        ASSERT_EQ(totals.problems.size(), 1u);
        EXPECT_EQ(totals.problems[0].path, "people/anna");
        EXPECT_EQ(all(without(differences(source(), folder / name), "anna")), "");
        EXPECT_FALSE(std::filesystem::exists(folder / name / "people/anna"));
        const auto people = repository->browse(id, "people");
        ASSERT_EQ(people.size(), 2u);
        EXPECT_TRUE(people[0].erased);
        EXPECT_FALSE(people[1].erased);
        EXPECT_THROW(repository->browse(id, "people/anna"), NotFound);
        EXPECT_THROW(repository->browse(id, "people/anna/deeper"), NotFound);
    }
    EXPECT_EQ(all(check(*repository).problems), "");
    EXPECT_NO_THROW(diff(*repository, first, second, "", [](const EntryChange&) {}, {}));

    // The keys of now hold nothing of it, and the old root key opens no ring of now.
    EXPECT_EQ(repository->inside().keys.ring.classes.size(), 3u);
    EXPECT_THROW(open_ring(blob::get_all(*vault(), "ring/2", 1 << 20), old_root, repository->inside().super.repo, "ring/2"), Corrupt);
    EXPECT_FALSE(std::filesystem::exists(vault_folder() / "ring/1"));

    // The same subject begins anew, with other keys.
    EXPECT_TRUE(repository->add_classes({"user-1"}));
    repository = open();
    const auto third = back_up(*repository, with_people(request()));
    EXPECT_GE(third.files_new, 7) << "those of anna";
    restore(*repository, third.snapshot.id, "third");
    EXPECT_EQ(all(differences(source(), folder / "third")), "");
    EXPECT_TRUE(repository->browse(first, "people")[0].erased);
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(Erasure, a_backup_that_was_killed_goes_on_without_what_was_erased_meanwhile) {
    for (int i = 0; i < 80; ++i)
        for (const auto* person : {"anna", "bert"}) write(source() / "people" / person / "many" / std::to_string(i), person + std::to_string(i));
    auto repository = with_classes();
    auto wanted = with_people(request());
    wanted.checkpoint_after = Duration{1};
    clock->advance(std::chrono::hours(1));
    const auto work = [&](Repository& it) { it.backup(wanted, free_ledger(), exec::no_progress(), {}); };
    ASSERT_EQ(elsewhere({.stop_at = 14, .stop = Faults::Stop::kill}, work), SIGKILL);
    repository->shred("user-1");
    repository = open();
    repository->add_classes({"user-1"});
    repository = open();
    const auto totals = back_up(*repository, wanted);
    restore(*repository, totals.snapshot.id, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
    EXPECT_EQ(all(check(*repository).problems), "");
}

TEST_F(Erasure, killed_at_every_operation_it_happened_with_its_receipt_or_not_at_all) {
    auto repository = with_classes();
    const auto id = back_up(*repository, with_people(request())).snapshot.id;
    repository->add_slot(KeySource::host_key(key_bytes), "host");
    copy_tree(vault_folder(), folder / "whole");
    const auto counting = std::make_shared<FaultStore>(vault(), Faults{});
    Repository::open(store(), counting, key(), options)->shred("user-1");
    const int operations = counting->operations();
    EXPECT_GE(operations, 14);
    int kept = 0, gone = 0;
    for (int at = 1; at <= operations; ++at) {
        const auto when = "killed at operation " + std::to_string(at);
        copy_tree(folder / "whole", vault_folder());
        const Faults faults{.stop_at = at, .stop = Faults::Stop::kill, .after = at % 2 == 0};
        const auto shred = [&] { Repository::open(store(), std::make_shared<FaultStore>(vault(), faults), key(), options)->shred("user-1"); };
        ASSERT_EQ(elsewhere(shred), SIGKILL) << when;
        auto next = Repository::open(store(), vault(), KeySource::host_key(key_bytes), options);
        next->settle();
        const bool erased = !next->erased().empty();
        (erased ? gone : kept) += 1;
        EXPECT_EQ(next->subjects().size(), erased ? 1u : 2u) << when;
        EXPECT_EQ(next->browse(id, "people")[0].erased, erased) << when;
        if (erased) {
            EXPECT_EQ(base::parse_json(next->erased().front().receipt).get_string("subject"), "user-1") << when;
            EXPECT_FALSE(std::filesystem::exists(vault_folder() / "ring/1")) << when;
        } else {
            EXPECT_NO_THROW(next->shred("user-1")) << when;
        }
        EXPECT_EQ(all(check(*open()).problems), "") << when;
        std::filesystem::remove_all(folder / "out");
        restore(*open(), id, "out");
        EXPECT_EQ(all(without(differences(source(), folder / "out"), "anna")), "") << when;
    }
    EXPECT_GT(kept, 0);
    EXPECT_GT(gone, 0);
}

TEST_F(Erasure, the_space_of_what_was_erased_comes_back_with_the_next_collection) {
    auto repository = with_classes();
    const auto id = back_up(*repository, with_people(request())).snapshot.id;
    const auto packs_of = [&] {
        std::size_t packs = 0;
        for (const auto& object : blob::list_all(*store(), "packs/")) packs += object.size;
        return packs;
    };
    const auto before = packs_of();
    repository->shred("user-1");
    repository = open();
    prune(*repository, {.unused_percent = 0}, exec::no_progress(), {});
    EXPECT_LT(packs_of(), before - 700'000);
    EXPECT_EQ(all(check(*repository).problems), "");
    EXPECT_EQ(restore(*repository, id, "out").problems.size(), 1u);
    EXPECT_EQ(all(without(differences(source(), folder / "out"), "anna")), "");
    EXPECT_TRUE(repository->browse(id, "people")[0].erased);
}

TEST_F(Erasure, a_class_that_is_erased_in_the_midst_of_a_collection_is_erased_and_the_rest_is_whole) {
    for (const auto* stage : {"wait", "mark", "remove", "rewrite"}) {
        for (const auto& left : {repo(), vault_folder(), folder / "out"}) std::filesystem::remove_all(left);
        auto repository = with_classes();
        // Each pack of the class has something that is not needed any more, so that all of them are written anew.
        write(source() / "people/anna/old", crypto::random_bytes(200'000));
        write(source() / "old", crypto::random_bytes(200'000));
        const auto old = back_up(*repository, with_people(request())).snapshot.id;
        std::filesystem::remove(source() / "people/anna/old");
        std::filesystem::remove(source() / "old");
        const auto id = back_up(*repository, with_people(request())).snapshot.id;
        forget(*repository, {old}, {});
        AtStage at(stage, [&] { EXPECT_NO_THROW(open()->shred("user-1")) << stage; });
        try {
            prune(*repository, {.unused_percent = 0}, at, {});
        } catch (const Error&) {
            // It may have met what it could not read any more.
        }
        EXPECT_TRUE(at.done()) << stage;
        repository = open();
        EXPECT_EQ(repository->erased().size(), 1u) << stage;
        EXPECT_EQ(all(check(*repository).problems), "") << stage;
        EXPECT_EQ(restore(*repository, id, "out").problems.size(), 1u) << stage;
        EXPECT_EQ(all(without(differences(source(), folder / "out"), "anna")), "") << stage;
        prune(*repository, {.unused_percent = 0}, exec::no_progress(), {});
        for (const auto& pack : repository->inside().load_index({})->packs())
            EXPECT_TRUE(repository->inside().keys.ring.classes.contains(pack.header.class_id)) << stage << ": a pack of what was erased is left";
        EXPECT_EQ(all(check(*repository).problems), "") << stage;
        EXPECT_EQ(back_up(*repository, request()).problems.size(), 0u) << stage;
    }
}

// What lies under keys that this process does not know yet is needed all the same.
TEST_F(Erasure, a_collection_leaves_alone_what_another_process_stored_under_new_keys) {
    auto stale = with_classes();
    back_up(*stale, with_people(request()));
    auto fresh = open();
    fresh->add_classes({"user-3"});
    fresh = open();
    auto wanted = request();
    wanted.classes = {{"common", "user-3"}};
    const auto id = back_up(*fresh, wanted).snapshot.id;
    try {
        prune(*stale, {.unused_percent = 0}, exec::no_progress(), {});
    } catch (const Error&) {
        // It may refuse, or collect what it can judge.
    }
    restore(*fresh, id, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
    EXPECT_EQ(all(check(*fresh).problems), "");
}

TEST_F(Erasure, a_class_that_there_is_not_is_named_and_nothing_is_written) {
    auto here = create();
    back_up(*here);
    const auto stored = blob::list_all(*store(), "").size();
    const auto wanted = with_people(request());
    try {
        back_up(*here, wanted);
        ADD_FAILURE() << "there are no such keys";
    } catch (const NotFound& error) {
        EXPECT_EQ(error.subject(), "user-1");
    }
    // Who has it open from before they were added opens it again, and only then.
    open()->add_classes({"user-1", "user-2"});
    EXPECT_THROW(back_up(*here, wanted), KeysChanged);
    EXPECT_THROW(back_up(*here, wanted), KeysChanged);
    EXPECT_EQ(blob::list_all(*store(), "").size(), stored);
    here = open();
    EXPECT_NO_THROW(back_up(*here, wanted));
    here->shred("user-1");
    EXPECT_THROW(back_up(*open(), wanted), NotFound) << "nor those that were destroyed";
    EXPECT_EQ(all(check(*open()).problems), "");
    EXPECT_NO_THROW(back_up(*open())) << "nothing stays taken";
}

TEST_F(Erasure, whoever_has_it_open_learns_of_anothers_change) {
    auto here = with_classes();
    auto there = open();
    EXPECT_TRUE(here->is_current());
    EXPECT_FALSE(there->add_classes({"user-1"}));
    EXPECT_TRUE(there->add_classes({"user-3"}));
    EXPECT_FALSE(here->is_current());
    here = open();
    EXPECT_EQ(here->subjects().size(), 3u);
    here->shred("user-3");
    EXPECT_TRUE(there->add_classes({"user-3"})) << "it does not take the class that it knew for one that there is";
    EXPECT_EQ(open()->subjects().size(), 3u);
    EXPECT_EQ(open()->erased().size(), 1u);
    EXPECT_THROW(there->add_classes({""}), InvalidArgument);
}

}  // namespace
}  // namespace tenon::tests
