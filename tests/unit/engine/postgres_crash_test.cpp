// An engine whose database server is killed under load: beside tests/support/postgres.py --durable --mortal.
#include <atomic>
#include <iostream>
#include <random>
#include <set>
#include <thread>

#include <postgres_killer.hpp>

#include "engine_fixture.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;

/// As long as the server is away, calls say so; what else they throw is a fault.
template <class Fn> void until_it_is_there(const Fn& fn) {
    for (const auto end = std::chrono::steady_clock::now() + 120s; std::chrono::steady_clock::now() < end;) try {
            return fn();
        } catch (const Unavailable&) {
            std::this_thread::sleep_for(10ms);
        }
    ADD_FAILURE() << "the server is away for two minutes";
}

TEST(PostgresCrash, an_engine_goes_on_whenever_its_server_comes_back) {
    if (!tests::postgres_server()) GTEST_SKIP() << "no server";
    const char* wanted = std::getenv("TENON_KILLS");
    const int kills = wanted ? std::atoi(wanted) : 4;
    std::mt19937 random(20261122);
    tests::TempFolder folder;
    const tests::PostgresHome home;
    std::optional<Engine> engine(std::in_place, EngineOptions{.home = folder / "home", .postgres = home.address(), .workers = 2});
    auto operators = engine->open_operator({.actor = "setup", .reason = "test"});
    const auto acme = operators.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"}).id;
    operators.tenants().grant_limit({.tenant = acme, .name = "many", .resource = Resource::projects, .limit = 1'000'000, .reason = "test"});
    auto mine = engine->open_session({.tenant = acme, .actor = "tester", .role = Role::owner});
    const auto project = mine.projects().create({.name = "reel"});
    mine.assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4"});

    std::atomic<bool> stop = false;
    std::atomic<int> heard = 0;
    std::set<ProjectId> answered[2];
    std::vector<std::jthread> threads;
    for (auto& made : answered)
        threads.emplace_back([&] {
            while (!stop) try {
                    made.insert(mine.projects().create({.name = "one more"}).id);
                    ++heard;
                } catch (const Unavailable&) {
                    std::this_thread::sleep_for(5ms);
                }
        });
    std::set<JobId> jobs;
    threads.emplace_back([&] {
        while (!stop) try {
                auto job = mine.backups().start({.name = "nightly"});
                jobs.insert(job.id());
                (void)job.join_for(300ms);
            } catch (const Unavailable&) {
                std::this_thread::sleep_for(5ms);
            } catch (const Conflict&) {  // one of it runs
                std::this_thread::sleep_for(20ms);
            }
    });
    for (int i = 0; i < kills; ++i) {
        const auto before = heard.load();
        for (const auto end = std::chrono::steady_clock::now() + 120s; heard < before + 5 && std::chrono::steady_clock::now() < end;)
            std::this_thread::sleep_for(1ms);
        if (heard < before + 5) {
            ADD_FAILURE() << "it does not go on by itself";
            break;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(random() % 400));
        tests::kill_postgres();
        tests::await_postgres();
    }
    stop = true;
    threads.clear();

    for (const auto& id : jobs)
        until_it_is_there([&] { EXPECT_TRUE(mine.jobs().get(id).join_for(60s)) << "a job does not end"; });
    std::size_t projects = 0;
    for (const auto& made : answered) {
        projects += made.size();
        for (const auto& id : made) EXPECT_EQ(mine.projects().get(id).name, "one more") << "answered and gone";
    }
    std::int64_t there = 0;
    for (std::optional<ProjectId> after;;) {
        const auto page = mine.projects().list({.after = after, .limit = 1000});
        there += std::ssize(page);
        if (page.size() < 1000) break;
        after = page.back().id;
    }
    EXPECT_GE(projects, static_cast<std::size_t>(kills) * 5);
    EXPECT_GE(there, static_cast<std::int64_t>(projects));
    EXPECT_EQ(mine.quotas().get(Resource::projects).used, there);
    EXPECT_EQ(mine.quotas().get(Resource::concurrent_jobs).used, 0);
    EXPECT_GT(mine.audit().verify().records, static_cast<std::int64_t>(projects));
    EXPECT_EQ(mine.usage().verify().different, 0);
    engine->close();
    engine.emplace(EngineOptions{.home = folder / "home", .postgres = home.address()});
    EXPECT_EQ(engine->open_session({.tenant = acme, .actor = "tester", .role = Role::owner}).quotas().get(Resource::projects).used, there);
    std::cout << kills << " kills of the server, " << projects << " projects and " << jobs.size() << " jobs answered, "
              << there - static_cast<std::int64_t>(projects) << " more there" << std::endl;
}

}  // namespace
