// Killed at any moment of anything: what was committed restores bit for bit, and nobody has to lend a hand.
#include <cstdlib>
#include <csignal>
#include <iostream>
#include <map>
#include <random>
#include <set>
#include <sstream>
#include <thread>

#include <sys/wait.h>
#include <unistd.h>

#include <backup/checkpoint.hpp>
#include <backup/parity_store.hpp>
#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/repair.hpp>
#include <backup/retention.hpp>
#include <new_seed.hpp>

#include "copies_fixture.hpp"
#include "parity.hpp"

namespace tenon::tests {
namespace {

using namespace backup;
namespace fs = std::filesystem;

constexpr int small_files = 16;

/// Over stores as they ship: with parity, and a copy elsewhere.
class Kills : public CopiesTest {
protected:
    void SetUp() override {}
    static int wanted_kills() {
        const auto* text = std::getenv("TENON_KILLS");
        return text ? std::atoi(text) : 50;
    }

    std::shared_ptr<blob::Store> shipped() {
        std::vector<blob::OtherStore> elsewhere{{.name = "a", .open = as_is(files("a"))}};
        many = std::make_shared<blob::ManyStores>(std::make_shared<ParityStore>(store(), Parity::thin), std::move(elsewhere), base::system_clock(),
                                                  patience);
        return many;
    }
    std::unique_ptr<Repository> open() { return Repository::open(shipped(), vault(), key(), options); }
    void create() { (void)Repository::create(shipped(), vault(), key(), "host", options); }
    RekeyRequest rekeying(Repository& repository) {
        RekeyRequest wanted;
        wanted.look_again = std::chrono::milliseconds(1);
        wanted.before_retiring = [this, &repository] { (void)catch_up(repository); };
        return wanted;
    }
    /// A bit of something that can be mended, as a disk changes what lies on it.
    void damage_one(std::mt19937& random) const {
        const auto files = store();
        std::vector<blob::ObjectInfo> all;
        for (const auto& object : blob::list_all(*files, ""))
            if (object.size > 0 && is_protected(object.name) && files->head(parity_name(object.name, object.size), {})) all.push_back(object);
        const auto& one = all[random() % all.size()];
        const auto at = static_cast<std::streamoff>(random() % one.size);
        std::fstream file(repo() / one.name, std::ios::in | std::ios::out | std::ios::binary);
        file.seekg(at);
        const auto was = static_cast<char>(file.get());
        file.seekp(at);
        file.put(static_cast<char>(was ^ (1 << random() % 8)));
    }

    /// What lies where in a generation of the source. Each generation changes some of it.
    using Tree = std::map<std::string, std::pair<std::size_t, std::uint64_t>>;  // size and seed
    std::map<int, Tree> trees;
    Tree tree_of(int generation, const std::set<std::string>& subjects) const {
        Tree tree;
        const auto version = [&](int number, int of) { return static_cast<std::uint64_t>(1'000 * number + generation - (generation + number) % of); };
        for (int i = 0; i < small_files; ++i)
            tree["folder" + std::to_string(i % 3) + "/" + std::to_string(i)] = {100 + 300 * static_cast<std::size_t>(i), version(i, 5)};
        tree["long.bin"] = {400'000, version(90, 4)};
        for (const auto& subject : subjects) tree["people/" + subject + "/film.bin"] = {60'000, version(91, 3)};
        return tree;
    }
    static std::string bytes_of(const std::pair<std::size_t, std::uint64_t>& file) {
        std::mt19937_64 random(file.second);
        std::string bytes(file.first, '\0');
        for (auto& byte : bytes) byte = static_cast<char>(random());
        return bytes;
    }
    void lay_out(const Tree& before, const Tree& tree) {
        for (const auto& [path, file] : before)
            if (!tree.contains(path)) fs::remove(source() / path);
        for (const auto& [path, file] : tree) {
            const auto known = before.find(path);
            if (known == before.end() || known->second != file) write(source() / path, bytes_of(file));
        }
    }
    static BackupRequest with_classes(BackupRequest wanted, int generation, const std::set<std::string>& subjects) {
        wanted.name = "generation-" + std::to_string(generation);
        for (const auto& subject : subjects) wanted.classes.push_back({"people/" + subject, subject});
        return wanted;
    }
    static int generation_of(const SnapshotInfo& info) { return std::stoi(info.name.substr(info.name.rfind('-') + 1)); }

    static void say(int pipe, const std::string& line) {
        const auto whole = line + "\n";
        (void)!::write(pipe, whole.data(), whole.size());
    }

    /// One thing after the other until it is killed, each of them said before or behind.
    void work(int pipe, unsigned seed, int generation, std::set<std::string> subjects) {
        std::mt19937 random(seed);
        auto repository = open();
        repository->settle();
        const auto quick = std::chrono::milliseconds(1);
        say(pipe, "begun work");
        for (;;) {
            switch (random() % 10) {
                case 0: {
                    auto wanted = with_classes(request(), generation, subjects);
                    wanted.checkpoint_after = Duration{1};
                    say(pipe, "taken " + repository->backup(wanted, free_ledger(), exec::no_progress(), {}).snapshot.id.text());
                    break;
                }
                case 1: {
                    const auto all = repository->list();
                    if (all.size() < 4) break;
                    say(pipe, "forget " + all.back().id.text());
                    forget(*repository, {all.back().id}, {});
                    break;
                }
                case 2: prune(*repository, {.unused_percent = 0, .look_again = quick, .most_records = 4}, exec::no_progress(), {}); break;
                case 3:
                    if (subjects.empty()) break;
                    say(pipe, "shred " + *subjects.begin());
                    repository->shred(*subjects.begin());
                    subjects.erase(subjects.begin());
                    repository = open();
                    break;
                case 4:
                    say(pipe, "rotate root");
                    repository->rotate_root();
                    repository = open();
                    break;
                case 5:
                    say(pipe, "repair all");
                    damage_one(random);
                    if (const auto left = all(repair(*repository, {}, exec::no_progress(), {}).check.problems); !left.empty())
                        say(pipe, "threw repair: " + left);
                    say(pipe, "mended all");
                    break;
                case 6:
                    say(pipe, "repair by-check");
                    damage_one(random);
                    if (const auto left = all(repository->check(CheckDepth::objects, exec::no_progress(), {}, true).problems); !left.empty())
                        say(pipe, "threw check: " + left);
                    say(pipe, "mended all");
                    break;
                case 7:
                    say(pipe, "copy all");
                    if (const auto left = problems_of(catch_up(*repository)); !left.empty()) say(pipe, "threw catch-up: " + left);
                    break;
                case 8:
                    repository->rotate_data_key();
                    repository = open();
                    [[fallthrough]];
                default:
                    rekey(*repository, rekeying(*repository), exec::no_progress(), {});
                    repository = open();
            }
            take_checkpoint(*repository, {}, {});
        }
    }

    /// What a subject's keys may have taken with them is not asked for.
    std::string wrong_in(Repository& repository, const SnapshotInfo& info, const std::set<std::string>& alive) {
        const auto out = folder / "out";
        fs::remove_all(out);
        repository.restore(info.id, {.target = out}, exec::no_progress(), {});
        std::string wrong;
        for (const auto& [path, file] : trees.at(generation_of(info))) {
            const auto is_erased = path.starts_with("people/") && !alive.contains(path.substr(7, path.find('/', 7) - 7));
            if (is_erased) continue;
            std::ifstream in(out / path, std::ios::binary);
            if (std::string(std::istreambuf_iterator<char>(in), {}) != bytes_of(file)) wrong += info.name + ": " + path + "\n";
        }
        return wrong;
    }
};

TEST_F(Kills, at_random_moments_of_everything_that_writes_need_no_step_by_hand) {
    const auto seed = new_seed();
    std::mt19937 random(seed);
    create();
    std::set<SnapshotId> committed;  // that somebody was told of, and nobody began to forget
    std::set<std::string> subjects;
    std::vector<std::string> known;  // the newest checkpoint that a home would remember
    std::map<std::string, int> moments;
    Tree tree;
    for (int round = 1; round <= wanted_kills() && !HasFailure(); ++round) {
        SCOPED_TRACE("round " + std::to_string(round));
        // A subject whose keys went is gone; a new one comes.
        const auto fresh = "user-" + std::to_string(round);
        if (subjects.size() < 2) {
            open()->add_classes({fresh});
            subjects.insert(fresh);
        }
        trees[round] = tree_of(round, subjects);
        lay_out(tree, trees[round]);
        tree = trees[round];
        clock->advance(std::chrono::hours(1));
        int pipes[2];
        ASSERT_EQ(pipe(pipes), 0);
        const auto child_seed = static_cast<unsigned>(random());
        be_alone();
        const pid_t child = fork();
        if (child == 0) {
            close(pipes[0]);
            try {
                work(pipes[1], child_seed, round, subjects);
            } catch (const std::exception& error) {
                say(pipes[1], std::string("threw ") + error.what());
            }
            _exit(1);
        }
        close(pipes[1]);
        // From when it has something to do; each tenth wherever it is.
        std::string said;
        for (char one; round % 10 != 0 && !said.ends_with('\n') && read(pipes[0], &one, 1) == 1;) said += one;
        std::this_thread::sleep_for(std::chrono::microseconds(random() % (round % 3 == 0 ? 800'000 : 120'000)));
        kill(child, SIGKILL);
        int status = 0;
        ASSERT_EQ(waitpid(child, &status, 0), child);
        for (char part[4096];;) {
            const auto count = read(pipes[0], part, sizeof part);
            if (count <= 0) break;
            said.append(part, static_cast<std::size_t>(count));
        }
        close(pipes[0]);
        std::istringstream lines(said);
        std::string word, rest;
        bool is_damaged = false;
        while (lines >> word && std::getline(lines >> std::ws, rest)) {
            ++moments[word];
            if (word == "threw") ADD_FAILURE() << rest;
            if (word == "taken") committed.insert(SnapshotId::parse(rest));
            if (word == "forget") committed.erase(SnapshotId::parse(rest));
            if (word == "repair") is_damaged = true;
            if (word == "mended") is_damaged = false;
        }

        // Whoever comes next.
        auto repository = open();
        repository->settle();
        const auto left = repository->subjects();
        subjects = {left.begin(), left.end()};
        if (is_damaged) {
            // Killed between the damage and its end.
            const auto mended = repair(*repository, {.reread = false, .known = known}, exec::no_progress(), {});
            ASSERT_TRUE(mended.lost.empty());
        }
        // Which of a ring's two copies was written anew says nothing; the next change makes them alike.
        auto problems = repository->check(CheckDepth::structure, exec::no_progress(), {}, false, known).problems;
        std::erase_if(problems, [](const auto& problem) { return problem.message == "the two copies differ"; });
        ASSERT_EQ(all(problems), "");
        const auto listed = repository->list();
        std::set<SnapshotId> there;
        for (const auto& info : listed) there.insert(info.id);
        for (const auto& id : committed) EXPECT_TRUE(there.contains(id)) << id.text() << " was acknowledged";
        committed = there;
        if (!listed.empty()) {
            ASSERT_EQ(wrong_in(*repository, listed[random() % listed.size()], subjects), "");
        }
        const auto taken = back_up(*repository, with_classes(request(), round, subjects)).snapshot;
        committed.insert(taken.id);
        const PruneRequest all_of_it{.unused_percent = 0, .look_again = std::chrono::milliseconds(1), .most_records = 1};
        if (round % 5 == 0) prune(*repository, all_of_it, exec::no_progress(), {});
        const auto checkpoint = take_checkpoint(*repository, {.known = known}, {});
        ASSERT_TRUE(checkpoint.note) << all(checkpoint.problems);
        known = {checkpoint.note->record};
        while (committed.size() > 8) {
            const auto oldest = *committed.begin();
            forget(*repository, {oldest}, {});
            committed.erase(oldest);
        }
        if (round % 5 == 0) {
            ASSERT_EQ(problems_of(catch_up(*repository)), "");
            auto alone = Repository::open(files("a"), vault(), key(), options);
            ASSERT_EQ(all(check(*alone, CheckDepth::objects).problems), "") << "the copy";
        }
        if (round % 50 != 0 && round != wanted_kills()) continue;
        // All of it, now and then.
        rekey(*repository, rekeying(*repository), exec::no_progress(), {});
        repository = open();
        prune(*repository, {.unused_percent = 0, .most_records = 1}, exec::no_progress(), {});
        ASSERT_EQ(all(check(*repository).problems), "");
        for (const auto& info : repository->list()) ASSERT_EQ(wrong_in(*repository, info, subjects), "");
        EXPECT_TRUE(blob::list_all(*store(), "sess/").empty());
        std::cout << round << " kills so far" << std::endl;
    }
    for (const auto& [word, count] : moments) std::cout << count << " × " << word << ", ";
    std::cout << wanted_kills() << " kills" << std::endl;
}

}  // namespace
}  // namespace tenon::tests
