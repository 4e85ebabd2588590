// Processes that work on one queue together, and processes that die at it.
#include <jobs/queue.hpp>

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <child_process.hpp>
#include <exec/wait.hpp>
#include <scope_maker.hpp>
#include <temp_folder.hpp>
#include <test_store.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using db::testing::ScopeMaker;
using tests::ChildProcess;

constexpr db::TenantStmt take_place{
    "INSERT INTO place_ (tenant_id, n) VALUES (:tenant, 1) ON CONFLICT (tenant_id) DO UPDATE SET n = n + 1"};
constexpr db::TenantStmt free_place{"UPDATE place_ SET n = n - 1 WHERE tenant_id = :tenant"};
constexpr db::TenantStmt take_held{
    "INSERT INTO held_ (tenant_id, n) VALUES (:tenant, :n) ON CONFLICT (tenant_id) DO UPDATE SET n = n + :n"};
constexpr db::TenantStmt free_held{"UPDATE held_ SET n = n - 1 WHERE tenant_id = :tenant"};
constexpr db::TenantStmt note_effect{"INSERT INTO effect_ (tenant_id, job, what) VALUES (:tenant, :job, :what)"};

std::vector<db::Migration> tables() {
    auto all = jobs::migrations();
    all.push_back({"test", 1,
                   db::tenant_table("place", "n INTEGER NOT NULL, CHECK (n >= 0)", "PRIMARY KEY (tenant_id)") +
                       db::tenant_table("held", "n INTEGER NOT NULL, CHECK (n >= 0)", "PRIMARY KEY (tenant_id)") +
                       // No key refuses a second effect of a job: the test counts them.
                       db::tenant_table("effect", "n INTEGER NOT NULL DEFAULT (abs(random())), job BLOB NOT NULL, what TEXT NOT NULL",
                                        "PRIMARY KEY (tenant_id, n)")});
    return all;
}

/// One process's store and queue, over the folder that its relatives use too.
struct Site {
    explicit Site(const std::filesystem::path& folder, Duration lease = 30s)
        : store(db::Database::open(tests::store_in(folder), tables())) {
        jobs::Hooks hooks;
        hooks.scope = [](const TenantId& id) { return std::optional(ScopeMaker::tenant(id)); };
        hooks.started = [](db::Tx& tx, const jobs::JobRow&) { return tx.exec(take_place) == 1; };
        hooks.stopped = [](db::Tx& tx, const jobs::JobRow&) { tx.exec(free_place); };
        hooks.ended = [](db::Tx& tx, const jobs::JobRow& job) { tx.exec(note_effect, job.id, "ended"); };
        queue = std::make_unique<jobs::Queue>(jobs::Options{.clock = base::system_clock(), .log = base::Log::none(),
                                                            .nodes = folder / "run", .workers = 2, .lease = lease, .heartbeat = 100ms, .tick = 20ms},
                                              *store, ScopeMaker::system(), std::move(hooks));
        queue->add_kind("count", {.run = count});
        queue->add_kind("deadly", {.run = [](const jobs::Attempt&) -> jobs::Outcome {
                            ::kill(getpid(), SIGKILL);
                            return {};
                        }});
        // Done as soon as somebody says so; hears no stop, as one that was stopped itself.
        queue->add_kind("gated", {.run = [folder](const jobs::Attempt& attempt) -> jobs::Outcome {
                            if (reports) ChildProcess::report("g", 1);
                            const auto gate = folder / (reports ? "their gate" : "our gate");
                            while (!std::filesystem::exists(gate)) std::this_thread::sleep_for(2ms);
                            const auto id = attempt.job.id;
                            return {.result = reports ? "theirs" : "ours", .settle = [id](db::Tx& tx) { tx.exec(note_effect, id, "settled"); }};
                        }});
        queue->add_kind("stand", {.run = [](const jobs::Attempt& attempt) -> jobs::Outcome {
                            attempt.progress.stage("standing", 1, 10, "steps");
                            attempt.progress.advance(4);
                            ChildProcess::report("s", 1);
                            while (!exec::sleep_for(base::system_clock(), attempt.stop, 1h)) {}
                            throw Cancelled("stopped");
                        }});
    }

    /// Three steps, each kept; the effect belongs to the result.
    static jobs::Outcome count(const jobs::Attempt& attempt) {
        const int done = attempt.job.cursor.empty() ? 0 : std::stoi(attempt.job.cursor);
        for (int step = done + 1; step <= 3; ++step) {
            attempt.save_cursor(std::to_string(step));
            if (reports) ChildProcess::report("c", 1);
        }
        const auto id = attempt.job.id;
        return {.result = "3", .settle = [id](db::Tx& tx) {
                    tx.exec(note_effect, id, "settled");
                    tx.exec(free_held);
                }};
    }

    std::vector<JobId> add(const db::TenantScope& scope, const std::string& kind, int count, int max_attempts = 3) {
        return store->write(scope, [&](db::Tx& tx) {
            std::vector<JobId> ids;
            for (int i = 0; i < count; ++i) ids.push_back(queue->enqueue(tx, {.kind = kind, .max_attempts = max_attempts}));
            tx.exec(take_held, count);
            return ids;
        });
    }
    jobs::JobRow end_of(const db::TenantScope& scope, const JobId& id) {
        auto row = queue->wait_end(scope, id, 60s, {});
        EXPECT_TRUE(row.has_value()) << "the job does not end";
        return row.value_or(jobs::JobRow{});
    }
    std::int64_t effects(const db::TenantScope& scope, const JobId& id, const std::string& what) {
        static constexpr db::TenantStmt stmt{"SELECT count(*) FROM effect WHERE tenant_id = :tenant AND job = :job AND what = :what"};
        return number(scope, [&](db::Reader& r) { return r.query(stmt, id, what); });
    }
    std::int64_t places(const db::TenantScope& scope) {
        static constexpr db::TenantStmt stmt{"SELECT coalesce(sum(n), 0) FROM place WHERE tenant_id = :tenant"};
        return number(scope, [&](db::Reader& r) { return r.query(stmt); });
    }
    std::int64_t held(const db::TenantScope& scope) {
        static constexpr db::TenantStmt stmt{"SELECT coalesce(sum(n), 0) FROM held WHERE tenant_id = :tenant"};
        return number(scope, [&](db::Reader& r) { return r.query(stmt); });
    }
    template <class Ask> std::int64_t number(const db::TenantScope& scope, const Ask& ask) {
        return store->read(scope, [&](db::Reader& r) {
            auto rows = ask(r);
            return rows.next() ? rows.i64(0) : -1;
        });
    }

    static inline bool reports = false;
    std::unique_ptr<db::Database> store;
    std::unique_ptr<jobs::Queue> queue;
};

TEST(Part, DISABLED_works_until_killed) {
    Site::reports = true;
    Site site(ChildProcess::setting("TEST_FOLDER"));
    site.queue->start();
    ChildProcess::report("+", 1);
    for (;;) pause();
}

// Lives on after it was stopped past its lease, and tries to complete what was its own.
TEST(Part, DISABLED_works_by_short_leases) {
    Site::reports = true;
    Site site(ChildProcess::setting("TEST_FOLDER"), 1s);
    site.queue->start();
    ChildProcess::report("+", 1);
    for (;;) pause();
}

class JobProcesses : public testing::Test {
protected:
    std::unique_ptr<ChildProcess> worker() {
        return std::make_unique<ChildProcess>("Part.DISABLED_works_until_killed",
                                              std::map<std::string, std::string>{{"TEST_FOLDER", folder.path().string()}});
    }

    tests::TempFolder folder;
    const db::TenantScope acme = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
    const db::TenantScope other = ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now()));
};

TEST_F(JobProcesses, killed_again_and_again_every_job_is_completed_exactly_once) {
    Site site(folder.path());
    std::vector<std::pair<db::TenantScope, JobId>> all;
    for (const auto& scope : {acme, other})
        for (const auto& id : site.add(scope, "count", 30, 1000)) all.emplace_back(scope, id);
    for (int round = 0; round < 12; ++round) {
        const auto child = worker();
        child->read(static_cast<std::size_t>(2 + round));  // dies after a few steps, another number each time
        child->kill();
    }
    site.queue->start();
    for (const auto& [scope, id] : all) {
        const auto job = site.end_of(scope, id);
        EXPECT_EQ(job.state, JobState::succeeded);
        EXPECT_EQ(site.effects(scope, id, "settled"), 1);
        EXPECT_EQ(site.effects(scope, id, "ended"), 1);
    }
    EXPECT_EQ(site.places(acme), 0);
    EXPECT_EQ(site.places(other), 0);
}

// Four processes at work, work that keeps coming, and a death every few steps: of whoever's turn it is. Of a hundred one is stopped past
// its lease and goes on.
TEST_F(JobProcesses, killed_under_load_nothing_is_lost_done_twice_or_left_held) {
    const char* wanted = std::getenv("TENON_KILLS");
    const int kills = wanted ? std::atoi(wanted) : 8;
    std::mt19937 random(20261121);
    Site site(folder.path());
    std::vector<std::pair<db::TenantScope, JobId>> all;
    std::vector<std::unique_ptr<ChildProcess>> workers;
    const auto start = [&] {
        return std::make_unique<ChildProcess>("Part.DISABLED_works_by_short_leases",
                                              std::map<std::string, std::string>{{"TEST_FOLDER", folder.path().string()}});
    };
    for (int i = 0; i < 4; ++i) workers.push_back(start());
    std::optional<std::size_t> stopped;
    std::atomic<bool> woken = false;
    std::jthread waker;  // of one that may have been stopped with the store's lock in its hands, for which the others wait
    int stops = 0;
    for (int round = 0; round < kills; ++round) {
        for (const auto& scope : {acme, other})
            for (const auto& id : site.add(scope, "count", 1 + static_cast<int>(random() % 5), 1000)) all.emplace_back(scope, id);
        if (stopped && woken) stopped.reset();
        std::size_t next = random() % workers.size();
        if (next == stopped) next = (next + 1) % workers.size();
        auto& victim = workers[next];
        if (victim->read(1) == "+") std::this_thread::sleep_for(std::chrono::milliseconds(random() % 40));
        if (!stopped && stops * 100 <= round) {
            ::kill(victim->pid(), SIGSTOP);
            stopped = next;
            woken = false;
            waker = std::jthread([&woken, pid = victim->pid()] {
                std::this_thread::sleep_for(1500ms);
                ::kill(pid, SIGCONT);
                woken = true;
            });
            ++stops;
            continue;
        }
        victim->kill();
        victim = start();
    }
    waker.join();
    std::this_thread::sleep_for(100ms);  // it tries to complete what is not its own any more
    for (auto& worker : workers) worker->kill();
    std::cout << kills << " kills, " << stops << " stops past a lease, " << all.size() << " jobs" << std::endl;
    site.queue->start();
    for (const auto& [scope, id] : all) {
        EXPECT_EQ(site.end_of(scope, id).state, JobState::succeeded);
        EXPECT_EQ(site.effects(scope, id, "settled"), 1);
        EXPECT_EQ(site.effects(scope, id, "ended"), 1);
    }
    for (const auto& scope : {acme, other}) {
        EXPECT_EQ(site.places(scope), 0);
        EXPECT_EQ(site.held(scope), 0);
    }
}

TEST_F(JobProcesses, three_processes_share_the_work_and_do_each_job_once) {
    Site site(folder.path());
    std::vector<std::unique_ptr<ChildProcess>> workers;
    for (int i = 0; i < 2; ++i) {
        workers.push_back(worker());
        ASSERT_EQ(workers.back()->read(1), "+");
    }
    site.queue->start();
    const auto ids = site.add(acme, "count", 90);
    const auto foreign = site.add(other, "count", 30);
    for (const auto& id : ids) {
        EXPECT_EQ(site.end_of(acme, id).state, JobState::succeeded);
        EXPECT_EQ(site.effects(acme, id, "settled"), 1);
    }
    for (const auto& id : foreign) EXPECT_EQ(site.end_of(other, id).attempt, 1);
    std::size_t elsewhere = 0;
    for (const auto& child : workers) elsewhere += child->kill_and_drain().size();
    EXPECT_GT(elsewhere, 0u) << "the other processes took part";
    EXPECT_EQ(site.places(acme), 0);
}

TEST_F(JobProcesses, a_job_that_kills_its_process_is_given_up_at_its_limit) {
    JobId id;
    {
        Site site(folder.path());
        id = site.add(acme, "deadly", 1, 3).front();
    }
    for (int i = 0; i < 3; ++i) EXPECT_EQ(worker()->wait(), -1);
    Site site(folder.path());
    EXPECT_EQ(site.queue->find(acme, id)->attempt, 3);
    site.queue->start();
    const auto job = site.end_of(acme, id);
    EXPECT_EQ(job.state, JobState::dead);
    EXPECT_EQ(job.attempt, 3);
    EXPECT_THROW(jobs::throw_failure(job.failure), InternalError);
    EXPECT_EQ(site.effects(acme, id, "ended"), 1);
    EXPECT_EQ(site.places(acme), 0);
}

/// A worker said that it works and that a job stands, which may begin before start() returns.
bool works_and_stands(const std::string& said) { return said == "+s" || said == "s+"; }

TEST_F(JobProcesses, another_process_is_watched_and_told_to_stop) {
    Site site(folder.path());
    const auto id = site.add(acme, "stand", 1).front();
    const auto child = worker();
    ASSERT_PRED1(works_and_stands, child->read(2));
    // Its progress arrives by the row.
    auto job = site.queue->find(acme, id);
    for (int i = 0; i < 1000 && job->progress.done != 4; ++i) {
        EXPECT_FALSE(site.queue->wait_end(acme, id, 10ms, {}));
        job = site.queue->find(acme, id);
    }
    EXPECT_EQ(job->state, JobState::running);
    EXPECT_EQ(job->progress.done, 4);
    EXPECT_EQ(job->progress.stage, "standing");
    EXPECT_TRUE(site.store->write(acme, [&](db::Tx& tx) { return site.queue->cancel(tx, id); }));
    // Nothing runs here: only the other's commit can wake this wait.
    for (int i = 0; i < 1000 && !jobs::has_ended(job->state); ++i)
        if (auto end = site.queue->wait_end(acme, id, 10ms, {})) job = end;
    EXPECT_EQ(job->state, JobState::cancelled);
    EXPECT_EQ(site.places(acme), 0);
}

TEST_F(JobProcesses, a_killed_processs_job_is_taken_back_at_once_not_after_its_lease) {
    Site site(folder.path());
    const auto id = site.add(acme, "stand", 1).front();
    {
        const auto child = worker();
        ASSERT_PRED1(works_and_stands, child->read(2));
    }  // killed; its lease would last 30 s
    ASSERT_EQ(site.queue->find(acme, id)->state, JobState::running);
    EXPECT_TRUE(site.store->write(acme, [&](db::Tx& tx) { return site.queue->cancel(tx, id); }));
    const auto begun = base::system_clock()->monotonic();
    site.queue->start();
    EXPECT_EQ(site.end_of(acme, id).state, JobState::cancelled);
    EXPECT_LT(base::system_clock()->monotonic() - begun, 10s);
    EXPECT_EQ(site.places(acme), 0);
}

TEST_F(JobProcesses, one_stopped_past_its_lease_loses_its_job_and_completes_nothing) {
    ChildProcess child("Part.DISABLED_works_by_short_leases", {{"TEST_FOLDER", folder.path().string()}});
    ASSERT_EQ(child.read(1), "+");
    Site site(folder.path(), 1s);
    const auto id = site.add(acme, "gated", 1).front();
    ASSERT_EQ(child.read(1), "g");
    // Not in the middle of a write: nobody could write then, which is another matter.
    auto impatient = tests::store_in(folder.path());
    impatient.busy_deadline = 500ms;
    const auto probe = db::Database::open(impatient, tables());
    for (bool stopped = false; !stopped;) {
        int status = 0;
        ASSERT_EQ(::kill(child.pid(), SIGSTOP), 0);
        ASSERT_EQ(::waitpid(child.pid(), &status, WUNTRACED), child.pid());
        try {
            probe->write(acme, [](db::Tx& tx) { tx.exec(take_held, 0); });
            stopped = true;
        } catch (const Unavailable&) {
            ASSERT_EQ(::kill(child.pid(), SIGCONT), 0);
            std::this_thread::sleep_for(5ms);
        }
    }
    site.queue->start();  // its file is locked, so only the end of its lease gives the job away
    std::ofstream(folder.path() / "our gate") << "open";
    const auto job = site.end_of(acme, id);
    EXPECT_EQ(job.result, "ours");
    EXPECT_EQ(job.attempt, 2);
    ASSERT_EQ(::kill(child.pid(), SIGCONT), 0);
    std::ofstream(folder.path() / "their gate") << "open";
    // It wakes up, ends what it was at and goes on to work; nothing of the old job is recorded.
    site.queue->close();
    const auto next = site.add(acme, "count", 1).front();
    for (int i = 0; i < 6000 && !jobs::has_ended(site.queue->find(acme, next)->state); ++i) std::this_thread::sleep_for(10ms);
    EXPECT_EQ(site.queue->find(acme, next)->state, JobState::succeeded);
    EXPECT_EQ(site.queue->find(acme, id)->result, "ours");
    EXPECT_EQ(site.effects(acme, id, "settled"), 1);
    EXPECT_EQ(site.effects(acme, id, "ended"), 1);
    EXPECT_EQ(site.places(acme), 0);
}

}  // namespace
