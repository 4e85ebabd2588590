// The home's own store has a bad hour: it errs and is well again, says that it has not done what it has done, does things twice, stalls. Whatever
// is at work then ends well or with an error that says what is wrong, and what there was is sound and goes on.
#include <atomic>
#include <cstdlib>
#include <iostream>
#include <map>
#include <random>
#include <thread>

#include <backup/checkpoint.hpp>
#include <backup/parity_store.hpp>
#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <backup/retention.hpp>
#include <hook_store.hpp>
#include <moody_store.hpp>
#include <new_seed.hpp>

#include "fixture.hpp"

namespace tenon::tests {
namespace {

using namespace backup;
namespace fs = std::filesystem;
using Mood = MoodyStore::Mood;

class HomeStore : public BackupTest {
protected:
    static bool is_long() { return std::getenv("TENON_KILLS") != nullptr; }

    struct Home {
        std::shared_ptr<MoodyStore> files, keys;
        std::shared_ptr<HookStore> objects, vault;
        void be(Mood mood) const {
            files->be(mood);
            if (mood != Mood::doubling) keys->be(mood);
        }
    };
    Home home_at(const fs::path& root) const {
        Home home;
        home.files = std::make_shared<MoodyStore>(std::make_shared<blob::FileStore>(root / "repo", base::system_clock()));
        home.keys = std::make_shared<MoodyStore>(std::make_shared<blob::FileStore>(root / "vault", base::system_clock()));
        home.objects = std::make_shared<HookStore>(home.files);
        home.vault = std::make_shared<HookStore>(home.keys);
        return home;
    }
    std::unique_ptr<Repository> open_on(const Home& home) {
        return Repository::open(std::make_shared<ParityStore>(home.objects, Parity::thin), home.vault, key(), options);
    }

    /// Three snapshots and a class, with a copy of what each should restore.
    void SetUp() override {
        for (int i = 0; i < 9; ++i) write(source() / ("folder" + std::to_string(i % 3)) / std::to_string(i), "file " + std::to_string(i));
        write(source() / "people/anna/film.bin", crypto::random_bytes(40'000));
        const auto home = home_at(folder / "kept");
        auto repository = Repository::create(std::make_shared<ParityStore>(home.objects, Parity::thin), home.vault, key(), "host", options);
        repository->add_classes({"anna"});
        repository = open_on(home);
        for (int i = 0; i < 3; ++i) {
            write(source() / "long.bin", crypto::random_bytes(150'000));
            const auto name = std::to_string(i);
            taken[back_up(*repository, wanted()).snapshot.id] = name;
            fs::create_directories(folder / "copies");
            fs::copy(source(), folder / "copies" / name, fs::copy_options::recursive);
        }
        known = take_checkpoint(*repository, {}, {}).note.value().record;
        write(source() / "long.bin", crypto::random_bytes(150'000));
        works = {
            {"backup", [this](const Home& at) { back_up(*open_on(at), wanted()); }},
            {"forget", [this](const Home& at) { forget(*open_on(at), {oldest()}, {}); }},
            {"prune",
             [this](const Home& at) {
                 const auto mine = open_on(at);
                 forget(*mine, {oldest()}, {});
                 prune(*mine, {.unused_percent = 0, .look_again = std::chrono::milliseconds(1)}, exec::no_progress(), {});
             }},
            {"rotate", [this](const Home& at) { open_on(at)->rotate_root(); }},
            {"rekey",
             [this](const Home& at) {
                 open_on(at)->rotate_data_key();
                 RekeyRequest quick;
                 quick.look_again = std::chrono::milliseconds(1);
                 rekey(*open_on(at), quick, exec::no_progress(), {});
             }},
            {"shred", [this](const Home& at) { open_on(at)->shred("anna"); }},
            {"repair", [this](const Home& at) { repair(*open_on(at), {}, exec::no_progress(), {}); }},
            {"checkpoint", [this](const Home& at) { (void)take_checkpoint(*open_on(at), {}, {}); }},
        };
    }
    BackupRequest wanted() const {
        auto wanted = request();
        wanted.classes = {{"people/anna", "anna"}};
        return wanted;
    }
    SnapshotId oldest() const { return taken.begin()->first; }

    struct Work {
        std::string name;
        std::function<void(const Home&)> run;
    };
    std::string wrong_in(Repository& repository, const SnapshotId& id, bool is_erased) {
        const auto out = folder / "out", copy = folder / "copies" / taken.at(id);
        fs::remove_all(out);
        repository.restore(id, {.target = out}, exec::no_progress(), {});
        std::string wrong;
        for (const auto& entry : fs::recursive_directory_iterator(copy)) {
            const auto name = fs::relative(entry.path(), copy);
            if (!entry.is_regular_file() || (is_erased && name.string().starts_with("people/"))) continue;
            if (!fs::exists(out / name) || bytes_of(entry.path()) != bytes_of(out / name)) wrong += taken.at(id) + ": " + name.string() + "\n";
        }
        return wrong;
    }

    /// The work with that done to its store, and what there is afterwards. True: it ended by an error.
    bool suffer(const Work& work, const std::string& when, const std::function<void(const Home&)>& begin,
                const std::function<void(const Home&)>& end) {
        ++trials;
        const auto root = folder / "now";
        fs::remove_all(root);
        fs::copy(folder / "kept", root, fs::copy_options::recursive);
        bool failed = false;
        {
            const auto home = home_at(root);
            begin(home);
            try {
                work.run(home);
            } catch (const Error& error) {
                failed = true;
                EXPECT_EQ(error.code(), Errc::unavailable) << when << ": " << error.what();
                EXPECT_NE(std::string(error.what()), "") << when;
            }
            end(home);
        }
        errors += failed ? 1 : 0;
        const auto home = home_at(root);
        auto repository = open_on(home);
        repository->settle();
        const auto sound = [&] {
            auto problems = repository->check(CheckDepth::full, exec::no_progress(), {}, false, {known}).problems;
            // Of a ring; the next change makes them alike.
            std::erase_if(problems, [](const auto& problem) { return problem.message == "the two copies differ"; });
            return all(problems);
        };
        EXPECT_EQ(sound(), "") << when;
        const auto has_anna = [&] {
            const auto subjects = repository->subjects();
            return std::find(subjects.begin(), subjects.end(), "anna") != subjects.end();
        };
        const bool is_erased = !has_anna();
        const auto listed = repository->list();
        for (const auto& [id, name] : taken) {
            const bool is_there = std::any_of(listed.begin(), listed.end(), [&](const auto& info) { return info.id == id; });
            if (id == oldest() && !is_there && (work.name == "forget" || work.name == "prune")) continue;
            EXPECT_EQ(wrong_in(*repository, id, is_erased), "") << when;
        }
        // What failed is asked for again, and everything else goes on.
        if (failed && !(is_erased && work.name == "shred") && repository->find(oldest())) {
            EXPECT_NO_THROW(work.run(home)) << when;
            repository = open_on(home);
        }
        back_up(*repository, has_anna() ? wanted() : request());
        prune(*repository, {.unused_percent = 0, .look_again = std::chrono::milliseconds(1)}, exec::no_progress(), {});
        EXPECT_EQ(sound(), "") << when << ", gone on with";
        EXPECT_TRUE(take_checkpoint(*repository, {.known = {known}}, {}).note) << when;
        return failed;
    }
    /// How many operations of both stores the work takes.
    int operations_of(const Work& work) {
        const auto root = folder / "count";
        fs::remove_all(root);
        fs::copy(folder / "kept", root, fs::copy_options::recursive);
        const auto home = home_at(root);
        std::atomic<int> count = 0;
        hook(home, true, [&] { ++count; });
        work.run(home);
        hook(home, true, [] {});
        return count;
    }
    static void hook(const Home& home, bool before, const std::function<void()>& act) {
        const auto run = [act](const std::string&, const std::string&) { act(); };
        for (const auto& store : {home.objects, home.vault}) (before ? store->before : store->after) = run;
    }
    [[noreturn]] static void err() { throw Unavailable("the store does not answer: try again", {.retryable = true}); }

    std::map<SnapshotId, std::string> taken;
    std::string known;
    std::vector<Work> works;
    int trials = 0, errors = 0;
};

TEST_F(HomeStore, that_errs_once_at_any_operation_loses_nothing) {
    const auto seed = new_seed();
    std::mt19937 random(seed);
    for (const auto& work : works) {
        const int all_of_them = operations_of(work);
        // One that counts more or fewer in another run is as good.
        const int step = is_long() ? 1 : std::max(1, all_of_them / 3);
        for (const bool before : {true, false})
            for (int at = is_long() ? 1 : 1 + static_cast<int>(random() % static_cast<unsigned>(step)); at <= all_of_them; at += step) {
                const auto when = work.name + (before ? ", refused" : ", done and refused") + " at operation " + std::to_string(at);
                auto count = std::make_shared<std::atomic<int>>(0);
                suffer(
                    work, when,
                    [&](const Home& home) {
                        hook(home, before, [count, at] {
                            if (++*count == at) err();
                        });
                    },
                    [&](const Home& home) { hook(home, before, [] {}); });
                if (HasFatalFailure()) return;
            }
    }
    EXPECT_GT(errors, 0);
    std::cout << trials << " trials, " << errors << " ended by an error" << std::endl;
}

TEST_F(HomeStore, that_fails_each_nth_operation_loses_nothing) {
    for (const auto& work : works)
        for (const int n : {2, 5, 11}) {
            if (!is_long() && n == 5) continue;
            auto count = std::make_shared<std::atomic<int>>(0);
            suffer(
                work, work.name + ", each operation of " + std::to_string(n),
                [&](const Home& home) {
                    hook(home, n != 5, [count, n] {
                        if (++*count % n == 0) err();
                    });
                },
                [&](const Home& home) { hook(home, n != 5, [] {}); });
        }
    EXPECT_GT(errors, static_cast<int>(works.size()));
    std::cout << trials << " trials, " << errors << " ended by an error" << std::endl;
}

TEST_F(HomeStore, that_does_everything_twice_is_as_good_as_any) {
    for (const auto& work : works)
        EXPECT_FALSE(suffer(
            work, work.name + ", twice", [](const Home& home) { home.be(Mood::doubling); }, [](const Home& home) { home.be(Mood::well); }));
}

TEST_F(HomeStore, that_does_everything_and_says_it_did_not_loses_nothing) {
    for (const auto& work : works)
        suffer(
            work, work.name + ", done and refused", [](const Home& home) { home.be(Mood::forgetful); },
            [](const Home& home) { home.be(Mood::well); });
    EXPECT_GT(errors, 0);
}

TEST_F(HomeStore, that_stalls_is_waited_for) {
    for (const auto& work : works) {
        std::jthread healer;
        EXPECT_FALSE(suffer(
            work, work.name + ", stalled",
            [&](const Home& home) {
                auto met = std::make_shared<std::atomic<int>>(0);
                hook(home, true, [&healer, home, met] {
                    if (++*met != 4) return;
                    home.be(Mood::stalling);
                    healer = std::jthread([home] {
                        std::this_thread::sleep_for(std::chrono::milliseconds(20));
                        home.be(Mood::well);
                    });
                });
            },
            [&](const Home& home) {
                hook(home, true, [] {});
                if (healer.joinable()) healer.join();
                home.be(Mood::well);
            }));
    }
}

TEST_F(HomeStore, that_is_away_for_a_while_is_an_error_and_nothing_is_lost) {
    for (const auto& work : works) {
        // It lasts as long as the work, and is over when somebody comes again.
        suffer(
            work, work.name + ", away",
            [&](const Home& home) {
                auto met = std::make_shared<std::atomic<int>>(0);
                hook(home, true, [home, met] {
                    if (++*met == 6) home.be(Mood::away);
                });
            },
            [&](const Home& home) {
                hook(home, true, [] {});
                home.be(Mood::well);
            });
    }
    EXPECT_GT(errors, 4);
}

/// What is lost and has been stored again is named until a prune has taken it out of the indexes. Who remembers a checkpoint still hears of it.
TEST_F(HomeStore, a_lost_pack_that_nothing_needs_any_more_is_told_until_the_next_prune) {
    auto repository = Repository::create(store(), vault(), key(), "host", options);
    const auto first = back_up(*repository).snapshot.id;
    const auto record = take_checkpoint(*repository, {}, {}).note.value().record;
    for (const auto& pack : blob::list_all(*store(), "packs/")) fs::remove(repo() / pack.name);
    repository = Repository::open(store(), vault(), key(), options);
    const auto lost = [&](const std::vector<std::string>& remembered) {
        return all(repository->check(CheckDepth::full, exec::no_progress(), {}, false, remembered).problems);
    };
    EXPECT_THROW(prune(*repository, {}, exec::no_progress(), {}), Corrupt) << "folders are missing, and so is what they need";
    EXPECT_NE(lost({}).find("this pack is missing"), std::string::npos);
    // The next backup stores all of it again, folders too, since nothing changed.
    const auto second = back_up(*repository).snapshot.id;
    EXPECT_NE(lost({}).find("this pack is missing"), std::string::npos);
    prune(*repository, {}, exec::no_progress(), {});
    EXPECT_EQ(lost({}).find("this pack is missing"), std::string::npos) << lost({});
    EXPECT_NE(lost({record}).find("deleted: checkpoint 1 saw this pack"), std::string::npos);
    ASSERT_TRUE(take_checkpoint(*repository, {.known = {record}, .accept = true}, {}).note);
    EXPECT_EQ(lost({record}), "");
    for (const auto& id : {first, second}) restore(*repository, id, id.text());
    EXPECT_EQ(all(differences(source(), folder / second.text())), "");
}

// ---- two sessions on one store ----

/// A repair stores again what is lost beside a backup on the same store. What the backup has put off until its next flush is not the
/// repair's to drop.
TEST_F(HomeStore, a_repair_that_fails_takes_nothing_from_the_backup_beside_it) {
    const auto hooked = std::make_shared<HookStore>(store());
    auto repository = Repository::create(hooked, vault(), key(), "host", options);
    const auto first = back_up(*repository).snapshot.id;
    fs::remove_all(folder / "copies");
    fs::create_directories(folder / "copies");
    fs::copy(source(), folder / "copies/kept", fs::copy_options::recursive);
    taken = {{first, "kept"}};
    write(source() / "more.bin", crypto::random_bytes(90'000));
    const auto packs = blob::list_all(*store(), "packs/");  // folders lie in the smaller one, and nothing brings these back
    const auto data = *std::max_element(packs.begin(), packs.end(), [](const auto& a, const auto& b) { return a.size < b.size; });
    bool repairing = false;
    int repairs = 0;
    hooked->before = [&](const std::string& what, const std::string& name) {
        if (repairing && what == "put" && name.starts_with("packs/")) err();
    };
    hooked->after = [&](const std::string& what, const std::string& name) {
        if (repairing || what != "put" || !name.starts_with("index/")) return;
        repairing = true;
        ++repairs;
        fs::remove(repo() / data.name);
        EXPECT_THROW((void)repair(*repository, {}, exec::no_progress(), {}), Unavailable);
        repairing = false;
    };
    const auto second = back_up(*repository).snapshot.id;
    hooked->after = [](const std::string&, const std::string&) {};
    EXPECT_EQ(repairs, 1);
    auto next = Repository::open(store(), vault(), key(), options);
    EXPECT_EQ(repair(*next, {}, exec::no_progress(), {}).lost.size(), 0u);
    prune(*next, {}, exec::no_progress(), {});  // the pack that nothing brings back, and nothing needs any more
    EXPECT_EQ(all(check(*next).problems), "");
    fs::copy(source(), folder / "copies/now", fs::copy_options::recursive);
    taken[second] = "now";
    EXPECT_EQ(wrong_in(*next, first, false), "");
    EXPECT_EQ(wrong_in(*next, second, false), "");
}

}  // namespace
}  // namespace tenon::tests
