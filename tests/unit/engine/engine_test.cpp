#include "engine_fixture.hpp"

#include <atomic>
#include <fstream>
#include <thread>

#include <threads.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::EngineTest;

TEST_F(EngineTest, handles_outlive_their_engine_and_say_so) {
    auto mine = session(acme);
    auto projects = mine.projects();
    auto setup = operators();
    auto stream = mine.subscribe();
    engine->close();
    engine->close();
    EXPECT_TRUE(engine->is_closed());
    EXPECT_THROW(projects.list(), Closed);
    EXPECT_THROW(mine.quotas().snapshot(), Closed);
    EXPECT_THROW(setup.tenants().list(), Closed);
    EXPECT_THROW((void)stream.next(1s), Closed);
    EXPECT_THROW(engine->open_session({.tenant = acme.id, .actor = "x"}), Closed);
    engine.reset();
    EXPECT_THROW(projects.list(), Closed);
}

TEST_F(EngineTest, closing_wakes_those_who_wait) {
    auto stream = session(acme).subscribe();
    std::thread closer([&] {
        std::this_thread::sleep_for(50ms);
        engine->close();
    });
    EXPECT_THROW((void)stream.next(60s), Closed);
    closer.join();
}

TEST_F(EngineTest, a_closed_session_is_closed_and_others_are_not) {
    auto one = session(acme);
    auto two = session(acme);
    auto projects = one.projects();
    one.close();
    one.close();
    EXPECT_THROW(projects.list(), Closed);
    EXPECT_NO_THROW(two.projects().list());
}

TEST_F(EngineTest, what_was_made_is_there_after_reopening) {
    const auto project = session(acme).projects().create({.name = "Spring reel"});
    engine.reset();
    open();
    EXPECT_EQ(session(acme).projects().get(project.id).name, "Spring reel");
    EXPECT_EQ(used(session(acme), Resource::projects), 1);
}

TEST_F(EngineTest, two_engines_share_one_process_and_two_homes) {
    Engine second(tests::placed({.home = folder.path() / "second"}));
    auto setup = second.open_operator({.actor = "setup", .reason = "test"});
    const auto tenant = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/basic"});
    EXPECT_THROW(engine->open_session({.tenant = tenant.id, .actor = "x"}), NotFound);
    EXPECT_EQ(setup.tenants().list().size(), 1u);
}

TEST_F(EngineTest, options_that_make_no_sense_are_refused) {
    EXPECT_THROW(Engine({}), InvalidArgument);
    EXPECT_THROW(Engine(tests::placed({.home = folder.path() / "x", .workers = -1})), InvalidArgument);
    EXPECT_THROW(engine->open_session({.tenant = acme.id, .actor = ""}), InvalidArgument);
    EXPECT_THROW(engine->open_session({.actor = "x"}), InvalidArgument);
    EXPECT_THROW(engine->open_operator({.actor = "x"}), InvalidArgument);
}

TEST_F(EngineTest, no_thread_of_it_runs_a_handler_of_its_host) {
    engine.reset();
    const auto before = test::threads();
    open();
    std::size_t ours = 0;
    for (const auto& thread : test::threads()) {
        if (before.contains(thread)) continue;
        ++ours;
        std::string name;
        for (const int signal : {SIGINT, SIGTERM, SIGALRM, SIGUSR1, SIGCHLD}) EXPECT_TRUE(test::blocks(thread, signal, name)) << name;
    }
    EXPECT_GE(ours, 5u) << "the store's, the timers', the disk's, the cameras' and one that works";
}

TEST_F(EngineTest, a_foreign_master_key_is_refused) {
    // The home knows which key it was made with: opening it with another would seal new secrets that the old key cannot open.
    engine.reset();
    const auto another = folder.path() / "another.key";
    EXPECT_NO_THROW(Engine(tests::placed({.home = folder.path() / "second", .master_key_file = another})));
    EXPECT_THROW(Engine(tests::placed({.home = folder.path() / "home", .master_key_file = another})), PermissionDenied);
    EXPECT_NO_THROW(open());
}

TEST_F(EngineTest, of_two_keys_that_make_one_home_at_once_one_is_refused) {
    const auto home = folder / "third";
    std::atomic<int> opened = 0;
    const auto open_with = [&](EngineOptions given) {
        given.home = home;
        given.background = false;
        try {
            const Engine made(tests::placed(given));
            ++opened;
        } catch (const PermissionDenied&) {
        } catch (const NotFound&) {  // it came when the home was made already
        }
    };
    {
        const std::jthread slow([&] { open_with({.master_passphrase = "open sesame"}); });  // which takes a while to become a key
        open_with({.master_key_file = folder / "third.key"});
    }
    EXPECT_EQ(opened, 1);
}

TEST_F(EngineTest, a_missing_master_key_is_missed_and_no_other_is_made) {
    engine.reset();
    const auto key = folder / "home/keys/master.key";
    std::filesystem::rename(key, folder / "kept");
    EXPECT_THROW(open(), NotFound);
    EXPECT_FALSE(std::filesystem::exists(key));
    auto unmounted = options();
    unmounted.master_key_file = folder / "unmounted.key";
    EXPECT_THROW(Engine{unmounted}, NotFound);
    EXPECT_FALSE(std::filesystem::exists(unmounted.master_key_file));
    auto passphrase = options();
    passphrase.master_passphrase = "open sesame";
    EXPECT_THROW(Engine{passphrase}, NotFound);
    std::filesystem::rename(folder / "kept", key);
    EXPECT_NO_THROW(open());
}

TEST_F(EngineTest, a_tenants_projects_are_not_found_by_another) {
    auto a = session(acme);
    auto b = session(other);
    const auto project = a.projects().create({.name = "Secret"});
    EXPECT_FALSE(b.projects().find(project.id));
    EXPECT_THROW(b.projects().get(project.id), NotFound);
    EXPECT_THROW(b.projects().rename(project.id, "Mine"), NotFound);
    EXPECT_THROW(b.projects().remove(project.id), NotFound);
    EXPECT_TRUE(b.projects().list().empty());
    EXPECT_EQ(a.projects().get(project.id).name, "Secret");
    EXPECT_EQ(used(a, Resource::projects), 1);
    EXPECT_EQ(used(b, Resource::projects), 0);
}

TEST_F(EngineTest, the_plan_bounds_projects) {
    auto mine = session(acme);
    std::vector<Project> made;
    for (int i = 0; i < 5; ++i) made.push_back(mine.projects().create({.name = "p" + std::to_string(i)}));
    try {
        mine.projects().create({.name = "one too many"});
        FAIL() << "studio/basic has five projects";
    } catch (const QuotaExceeded& error) {
        EXPECT_EQ(error.resource(), "projects");
        EXPECT_EQ(error.limit(), 5);
        EXPECT_EQ(error.used(), 5);
        EXPECT_FALSE(error.retryable());
    }
    EXPECT_EQ(mine.audit().list({.action = "project.create"}).back().outcome, "quota_exceeded");
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(mine.workspace() / "projects"), {}), 5) << "nothing half-made";
    mine.projects().remove(made.front().id);
    EXPECT_NO_THROW(mine.projects().create({.name = "fits again"}));
}

TEST_F(EngineTest, roles_bound_what_a_session_does) {
    auto viewer = session(acme, Role::viewer);
    EXPECT_NO_THROW(viewer.projects().list());
    EXPECT_THROW(viewer.projects().create({.name = "x"}), PermissionDenied);
    EXPECT_THROW(viewer.audit().list(), PermissionDenied);
    EXPECT_THROW(viewer.quotas().snapshot(), PermissionDenied);
    const auto records = session(acme, Role::auditor).audit().list();
    EXPECT_EQ(records.back().outcome, "permission_denied");
    EXPECT_EQ(records.back().actor, "tester");
}

TEST_F(EngineTest, a_suspended_tenant_reads_only_and_comes_back) {
    auto mine = session(acme);
    const auto project = mine.projects().create({.name = "kept"});
    EXPECT_EQ(operators().tenants().suspend(acme.id, "unpaid").state, TenantState::suspended);
    EXPECT_NO_THROW(mine.projects().get(project.id));
    EXPECT_THROW(mine.projects().create({.name = "x"}), PermissionDenied);
    EXPECT_NO_THROW(session(other).projects().create({.name = "others go on"}));
    EXPECT_EQ(operators().tenants().resume(acme.id, "paid").state, TenantState::active);
    EXPECT_NO_THROW(mine.projects().create({.name = "x"}));
}

TEST_F(EngineTest, erasing_leaves_the_trail_and_nothing_else) {
    auto mine = session(acme);
    mine.projects().create({.name = "gone"});
    const auto workspace = mine.workspace();
    auto tenants = operators().tenants();
    EXPECT_EQ(tenants.erase({.tenant = acme.id, .reason = "contract ended"}).state, TenantState::erasing);
    EXPECT_THROW(mine.projects().list(), PermissionDenied);
    EXPECT_THROW(session(acme), PermissionDenied);
    EXPECT_EQ(tenants.resume(acme.id, "changed his mind").state, TenantState::active);
    EXPECT_EQ(mine.projects().list().size(), 1u);

    EXPECT_EQ(tenants.erase({.tenant = acme.id, .reason = "really", .undo_window = 0s}).state, TenantState::erased);
    EXPECT_FALSE(std::filesystem::exists(workspace));
    EXPECT_THROW(session(acme), PermissionDenied);
    EXPECT_EQ(tenants.list().size(), 1u);
    EXPECT_EQ(tenants.list({.state = TenantState::erased}).size(), 1u);
    EXPECT_NO_THROW(operators().audit().verify());
    EXPECT_NO_THROW(session(other).projects().list());
    // The slug is free again.
    EXPECT_NO_THROW(tenants.create({.name = "Acme", .slug = "acme", .plan = "studio/basic"}));
}

TEST_F(EngineTest, a_dropped_hold_comes_back) {
    auto mine = session(acme);
    {
        auto hold = mine.quotas().reserve({.asks = {{Resource::storage, 1000}, {Resource::render_time, 500}}});
        EXPECT_EQ(reserved(mine, Resource::storage), 1000);
        EXPECT_EQ(reserved(mine, Resource::render_time), 500);
        hold.extend({Resource::storage, 24});
        EXPECT_EQ(reserved(mine, Resource::storage), 1024);
    }
    const auto until = std::chrono::steady_clock::now() + 10s;
    while (reserved(mine, Resource::storage) != 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_EQ(reserved(mine, Resource::render_time), 0);
}

TEST_F(EngineTest, several_asks_are_granted_together_or_not_at_all) {
    auto mine = session(acme);
    const auto limit = *mine.quotas().get(Resource::storage).limit;
    EXPECT_FALSE(mine.quotas().try_reserve({.asks = {{Resource::render_time, 1}, {Resource::storage, limit + 1}}}));
    EXPECT_EQ(reserved(mine, Resource::render_time), 0);
    auto hold = mine.quotas().reserve({.asks = {{Resource::storage, limit}}});
    EXPECT_THROW(mine.quotas().reserve({.asks = {{Resource::storage, 1}}}), QuotaExceeded);
    hold.commit({{Resource::storage, 5}});
    EXPECT_EQ(used(mine, Resource::storage), 5);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    hold.commit({{Resource::storage, 5}});
    EXPECT_EQ(used(mine, Resource::storage), 5) << "committing again does nothing";
}

TEST_F(EngineTest, every_change_is_in_a_trail_that_verifies) {
    auto mine = session(acme);
    const auto project = mine.projects().create({.name = "a"});
    mine.projects().rename(project.id, "b");
    mine.projects().remove(project.id);
    std::vector<std::string> actions;
    for (const auto& record : mine.audit().list()) {
        actions.push_back(record.action);
        EXPECT_FALSE(record.actor.empty());
    }
    EXPECT_EQ(std::vector(actions.end() - 3, actions.end()),
              (std::vector<std::string>{"project.create", "project.rename", "project.remove"}));
    EXPECT_EQ(mine.audit().verify().records, static_cast<std::int64_t>(actions.size()));
    EXPECT_GE(operators().audit().verify().records, 3) << "who created the tenants is in the operators' trail";
}

TEST_F(EngineTest, news_reach_their_tenant_only) {
    auto mine = session(acme).subscribe({.kinds = {"project."}});
    auto theirs = session(other).subscribe();
    const auto project = session(acme).projects().create({.name = "a"});
    const auto event = mine.next(10s);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->kind, "project.created");
    EXPECT_EQ(event->subject, project.id.text());
    EXPECT_EQ(event->dropped_before, 0);
    EXPECT_FALSE(theirs.next(0s));
    EXPECT_EQ(session(acme).subscribe({.after = event->id - 1}).next(10s)->id, event->id) << "an earlier event is told again";
}

TEST_F(EngineTest, names_that_would_do_harm_are_refused) {
    auto mine = session(acme);
    const auto long_name = std::string(4096, 'x');
    for (const std::string& name : {std::string(), std::string("a\0b", 3), long_name, std::string("\xff\xfe"), std::string("a\nb")})
        EXPECT_THROW(mine.projects().create({.name = name}), InvalidArgument);
    const auto project = mine.projects().create({.name = "../../etc"});
    EXPECT_TRUE(std::filesystem::exists(mine.workspace() / "projects" / project.id.text())) << "a name is not a path";
    auto tenants = operators().tenants();
    for (const char* slug : {"", "../x", "A", "a b", "-a"})
        EXPECT_THROW(tenants.create({.name = "x", .slug = slug, .plan = "studio/basic"}), InvalidArgument) << slug;
    EXPECT_THROW(tenants.create({.name = "x", .slug = "x", .plan = "studio/none"}), NotFound);
    EXPECT_THROW(tenants.create({.name = "x", .slug = "acme", .plan = "studio/basic"}), Conflict);
}

}  // namespace
