// A disk that loses power, or has no room left: whatever it had not been told to keep may be gone, in any combination,
// and what was committed is there.
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>

#include <backup/checkpoint.hpp>
#include <backup/parity_store.hpp>
#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <backup/retention.hpp>
#include <lossy_disk.hpp>
#include <new_seed.hpp>

#include "copies_fixture.hpp"
#include "parity.hpp"

TENON_LOSSY_DISK

namespace tenon::tests {
namespace {

using namespace backup;
namespace fs = std::filesystem;

bool is_long() { return std::getenv("TENON_KILLS") != nullptr; }

/// Over stores as they ship: with parity, and a copy elsewhere, which loses its power in the same moment.
class PowerCut : public CopiesTest {
protected:
    PowerCut() {
        for (const auto* name : {"repo", "vault", "second"}) fs::create_directories(disk() / name);
        fs::create_directories(folder / "copies");
        for (int i = 0; i < 12; ++i) write(source() / ("folder" + std::to_string(i % 3)) / std::to_string(i), "file " + std::to_string(i));
        write(source() / "long.bin", crypto::random_bytes(150'000));
        write(source() / "people/anna/film.bin", crypto::random_bytes(40'000));
    }
    void SetUp() override {}
    fs::path disk() const { return folder / "disk"; }
    static std::shared_ptr<blob::Store> part(const fs::path& root, const std::string& name) {
        return std::make_shared<blob::FileStore>(root / name, base::system_clock());
    }
    std::shared_ptr<blob::Store> shipped(const fs::path& root) const {
        std::vector<blob::OtherStore> second{{.name = "second", .open = as_is(part(root, "second"))}};
        return std::make_shared<blob::ManyStores>(std::make_shared<ParityStore>(part(root, "repo"), Parity::thin), std::move(second),
                                                  base::system_clock(), patience);
    }
    std::unique_ptr<Repository> open_at(const fs::path& root) { return Repository::open(shipped(root), part(root, "vault"), key(), options); }
    std::unique_ptr<Repository> create_at(const fs::path& root) {
        return Repository::create(shipped(root), part(root, "vault"), key(), "host", options);
    }
    BackupRequest wanted() const {
        auto wanted = request();
        wanted.classes = {{"people/anna", "anna"}};
        return wanted;
    }
    static PruneRequest all_of_it() { return {.unused_percent = 0, .look_again = std::chrono::milliseconds(1), .most_records = 1}; }
    RekeyRequest quick(Repository& repository) {
        RekeyRequest wanted;
        wanted.look_again = std::chrono::milliseconds(1);
        wanted.before_retiring = [this, &repository] { (void)catch_up(repository); };
        return wanted;
    }
    /// A bit of the first that lies there, as it was when somebody read it last.
    void damage(const std::string& prefix) {
        const auto files = part(disk(), "repo");
        const auto name = blob::list_all(*files, prefix).at(0).name;
        auto bytes = blob::get_all(*files, name, 1 << 30);
        bytes[bytes.size() / 2] ^= 1;
        told(Event::damaged);
        blob::put_bytes(*files, name, bytes, {.create_only = false});
    }
    void copy(Repository& repository) {
        ASSERT_EQ(problems_of(catch_up(repository)), "");
    }
    void mend(Repository& repository, bool by_check) {
        const auto left = by_check ? repository.check(CheckDepth::objects, exec::no_progress(), {}, true).problems
                                   : repair(repository, {}, exec::no_progress(), {}).check.problems;
        ASSERT_EQ(all(left), "");
        told(Event::mended);
    }
    void change(int round) {
        write(source() / "long.bin", crypto::random_bytes(120'000));
        write(source() / "folder1/1", "changed " + std::to_string(round));
    }

    /// What somebody was told, once so many steps were made.
    struct Event {
        enum Kind { created, taken, forgetting, shredding, remembered, damaged, mended } kind;
        std::size_t step;
        SnapshotId id{};
        std::string text{};
    };
    std::vector<Event> events;
    void told(Event::Kind kind, const SnapshotId& id = {}, const std::string& text = "") { events.push_back({kind, LossyDisk::steps(), id, text}); }
    SnapshotId take(Repository& repository, const std::string& name) {
        const auto id = back_up(repository, wanted()).snapshot.id;
        told(Event::taken, id, name);
        fs::copy(source(), folder / "copies" / name, fs::copy_options::recursive);
        return id;
    }
    void note(Repository& repository) {
        const auto result = take_checkpoint(repository, {}, {});
        ASSERT_TRUE(result.note) << all(result.problems);
        told(Event::remembered, {}, result.note->record);
    }

    void lay_out(const LossyDisk::State& state, const fs::path& root) {
        fs::remove_all(root);
        const auto below = disk().string().size() + 1;
        for (const auto path : state.folders) fs::create_directories(root / LossyDisk::path(path).substr(below));
        for (const auto& [path, content] : state.files) write(root / LossyDisk::path(path).substr(below), LossyDisk::content(content));
    }
    std::string wrong_in(Repository& repository, const SnapshotId& id, const std::string& copy, bool is_erased) {
        const auto out = folder / "out";
        fs::remove_all(out);
        repository.restore(id, {.target = out}, exec::no_progress(), {});
        std::string wrong;
        for (const auto& entry : fs::recursive_directory_iterator(folder / "copies" / copy)) {
            const auto name = fs::relative(entry.path(), folder / "copies" / copy);
            if (!entry.is_regular_file() || (is_erased && name.string().starts_with("people/"))) continue;
            if (!fs::exists(out / name) || bytes_of(entry.path()) != bytes_of(out / name)) wrong += copy + ": " + name.string() + "\n";
        }
        return wrong;
    }
};

TEST_F(PowerCut, at_any_step_with_anything_lost_that_was_not_synced_leaves_all_that_was_committed) {
    const auto seed = new_seed();
    std::mt19937_64 random(seed);
    LossyDisk lossy(disk().string(), {"repo", "vault", "second"});
    {
        auto repository = create_at(disk());
        told(Event::created);
        repository->add_classes({"anna"});
        repository = open_at(disk());
        // Somebody else compares, and remembers, whenever something has a name that is not durable yet.
        std::atomic<bool> busy = false;
        std::atomic<int> met = 0;
        lossy.seen = [&](const std::string& path) {
            const auto name = fs::relative(path, disk()).string();
            const bool counts = name.starts_with("repo/packs/") || name.starts_with("repo/log/") || name.starts_with("repo/snap/") ||
                                name.starts_with("repo/checkpoint/");
            if (!counts || ++met % 3 != 0 || busy.exchange(true)) return;
            try {
                const auto other = open_at(disk());
                const auto result = take_checkpoint(*other, {}, {});
                EXPECT_TRUE(result.note) << all(result.problems);
                if (const auto firm = checkpoint_to_remember(*other, {})) told(Event::remembered, {}, firm->record);
            } catch (const Error&) {
                // Keys that are being changed right now.
            }
            busy = false;
        };
        take(*repository, "first");
        note(*repository);
        copy(*repository);
        change(1);
        const auto second = take(*repository, "second");
        for (const auto* kind : {"packs/", "log/", "snap/"}) damage(kind);
        mend(*repository, false);
        set_tags(*repository, second, {{"a", "b"}}, {});
        change(2);
        take(*repository, "third");
        note(*repository);
        for (const auto& event : std::vector(events))
            if (event.text == "first") {
                told(Event::forgetting, event.id);
                forget(*repository, {event.id}, {});
            }
        prune(*repository, all_of_it(), exec::no_progress(), {});
        note(*repository);
        copy(*repository);
        for (const auto* kind : {"index/", "checkpoint/"}) damage(kind);
        mend(*repository, true);
        repository->rotate_root();
        repository = open_at(disk());
        repository->rotate_data_key();
        repository = open_at(disk());
        rekey(*repository, quick(*repository), exec::no_progress(), {});
        repository = open_at(disk());
        note(*repository);
        told(Event::shredding);
        repository->shred("anna");
        repository = open_at(disk());
        change(3);
        prune(*repository, all_of_it(), exec::no_progress(), {});
        note(*repository);
        copy(*repository);
        lossy.seen = {};
    }
    lossy.stop();

    const auto steps = LossyDisk::steps();
    const std::size_t most = is_long() ? 48 : 8;
    std::vector<std::pair<std::size_t, LossyDisk::State>> cuts;
    std::set<std::pair<std::size_t, LossyDisk::State>> seen;  // by what had been told till then
    for (std::size_t at = 1; at <= steps; ++at) {
        const auto heard = static_cast<std::size_t>(std::count_if(events.begin(), events.end(), [&](const auto& e) { return e.step <= at; }));
        for (auto& state : LossyDisk::after_a_cut(at, most, [&] { return random(); }))
            if (seen.emplace(heard, state).second) cuts.emplace_back(at, std::move(state));
    }
    const auto all_of_them = cuts.size();
    std::shuffle(cuts.begin(), cuts.end(), random);
    if (!is_long() && cuts.size() > 50) cuts.resize(50);
    const auto root = folder / "cut";
    std::size_t number = 0;
    for (const auto& [at, state] : cuts) {
        const auto where = "cut behind step " + std::to_string(at) + " of " + std::to_string(steps);
        lay_out(state, root);
        std::vector<std::string> known;
        std::map<SnapshotId, std::string> expected;
        bool is_created = false, is_erased = false, is_damaged = false;
        for (const auto& event : events) {
            // What was begun may have happened.
            if (event.step > at) continue;
            if (event.kind == Event::created) is_created = true;
            if (event.kind == Event::taken) expected[event.id] = event.text;
            if (event.kind == Event::forgetting) expected.erase(event.id);
            if (event.kind == Event::shredding) is_erased = true;
            if (event.kind == Event::remembered) known = {event.text};
            if (event.kind == Event::damaged) is_damaged = true;
            if (event.kind == Event::mended) is_damaged = false;
        }
        if (!is_created && !Repository::exists(*part(root, "repo"))) {
            ASSERT_NO_THROW(create_at(root)) << where;
            continue;
        }
        try {
            auto repository = open_at(root);
            repository->settle();
            // What is mended is so for good once somebody was told.
            if (is_damaged) {
                ASSERT_TRUE(repair(*repository, {.reread = false, .known = known}, exec::no_progress(), {}).lost.empty()) << where;
            }
            auto problems = repository->check(CheckDepth::structure, exec::no_progress(), {}, false, known).problems;
            std::erase_if(problems, [](const auto& problem) {
                return problem.message == "the two copies differ" || problem.object == "super.1" || problem.object.starts_with("vault:");
            });
            ASSERT_EQ(all(problems), "") << where;
            for (const auto& [id, copy] : expected) ASSERT_EQ(wrong_in(*repository, id, copy, is_erased), "") << where;
            if (++number % 8 != 0) continue;
            back_up(*repository, request());
            prune(*repository, all_of_it(), exec::no_progress(), {});
            ASSERT_TRUE(take_checkpoint(*repository, {.known = known}, {}).note) << where;
            for (const auto& [id, copy] : expected) ASSERT_EQ(wrong_in(*repository, id, copy, is_erased), "") << where;
            ASSERT_EQ(problems_of(catch_up(*repository)), "") << where;
            auto alone = Repository::open(part(root, "second"), part(root, "vault"), key(), options);
            problems = check(*alone, CheckDepth::objects).problems;
            std::erase_if(problems, [](const auto& problem) { return problem.object.starts_with("vault:"); });
            ASSERT_EQ(all(problems), "") << where << ", the copy";
        } catch (const Error& error) {
            FAIL() << where << ": " << error.what() << ", " << error.subject();
        }
    }
    std::cout << steps << " steps, " << all_of_them << " states, " << cuts.size() << " looked at" << std::endl;
}

TEST_F(PowerCut, a_disk_that_is_full_at_a_random_byte_is_no_space_and_all_is_sound) {
    const auto seed = new_seed();
    std::mt19937_64 random(seed);
    auto repository = create_at(disk());
    std::map<SnapshotId, std::string> taken;
    for (int i = 0; i < 3; ++i) {
        change(i);
        const auto name = std::to_string(i);
        taken[back_up(*repository).snapshot.id] = name;
        fs::copy(source(), folder / "copies" / name, fs::copy_options::recursive);
    }
    repository.reset();
    const auto oldest = taken.begin()->first;
    change(3);
    const auto root = folder / "cut";
    const std::function<void(Repository&)> works[] = {
        [&](Repository& at) { back_up(at); },
        [&](Repository& at) { forget(at, {oldest}, {}); },
        [&](Repository& at) {
            forget(at, {oldest}, {});
            prune(at, all_of_it(), exec::no_progress(), {});
        },
        [&](Repository& at) { at.rotate_root(); },
        [&](Repository& at) {
            at.rotate_data_key();
            const auto again = open_at(root);
            rekey(*again, quick(*again), exec::no_progress(), {});
        },
    };
    const std::int64_t weights[] = {200'000, 1'000, 40'000, 10'000, 450'000};
    int full = 0;
    const int rounds = is_long() ? 200 : 25;
    for (int round = 0; round < rounds && !HasFailure(); ++round) {
        const auto which = static_cast<std::size_t>(round) % std::size(works);
        const auto room = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(weights[which]));
        const auto when = "work " + std::to_string(which) + ", full after " + std::to_string(room) + " bytes";
        fs::remove_all(root);
        fs::copy(disk(), root, fs::copy_options::recursive);
        {
            const SmallDisk small(root.string(), room);
            try {
                auto at = open_at(root);
                works[which](*at);
            } catch (const NoSpace&) {
                ++full;
            } catch (const Error& error) {
                ADD_FAILURE() << when << ": " << error.what() << ", " << error.subject();
            }
        }
        auto next = open_at(root);
        next->settle();
        auto problems = next->check(CheckDepth::objects, exec::no_progress(), {}).problems;
        std::erase_if(problems, [](const auto& problem) { return problem.message == "the two copies differ"; });
        ASSERT_EQ(all(problems), "") << when;
        for (const auto& [id, copy] : taken) {
            if (id == oldest && !next->find(id)) continue;  // it was forgotten
            ASSERT_EQ(wrong_in(*next, id, copy, false), "") << when;
        }
        back_up(*next);
        prune(*next, all_of_it(), exec::no_progress(), {});
        const auto again = open_at(root);
        rekey(*again, quick(*again), exec::no_progress(), {});
        ASSERT_EQ(all(open_at(root)->check(CheckDepth::full, exec::no_progress(), {}).problems), "") << when;
    }
    EXPECT_GT(full, rounds / 10);
    std::cout << full << " of " << rounds << " had no room" << std::endl;
}

}  // namespace
}  // namespace tenon::tests
