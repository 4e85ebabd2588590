#pragma once

#include <condition_variable>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <core.hpp>

#include "engine_fixture.hpp"

namespace tenon::tests {

/// An engine with kinds of jobs that end when a test says so: "hold" waits for release(its payload), "quick" ends at once,
/// "fail" fails.
class WatchTest : public ::testing::Test {
protected:
    WatchTest() { open(4); }
    ~WatchTest() override {
        release_all();
        if (looker) looker->close();
        impl->close();
    }

    void open(std::int32_t workers) {
        impl = make(EngineOptions{.home = folder / "home", .workers = workers});
        auto operators = std::make_shared<OperatorImpl>();
        operators->engine = impl;
        operators->actor = {.kind = tenant::ActorKind::operator_session, .id = "operator", .reason = "test"};
        tenants.emplace(Internal::make<OperatorSession>(operators).tenants());
        acme = tenants->create({.name = "Acme", .slug = "acme", .plan = "studio/professional"}).id;
    }
    std::shared_ptr<EngineImpl> make(const EngineOptions& options) {
        auto made = std::make_shared<EngineImpl>(tests::placed(options));
        made->queue->add_kind("hold", {.run = [this](const jobs::Attempt& attempt) { return hold(attempt); }});
        made->queue->add_kind("quick", {.run = [](const jobs::Attempt&) { return jobs::Outcome{}; }});
        made->queue->add_kind("fail", {.run = [](const jobs::Attempt&) -> jobs::Outcome {
                                           throw InvalidArgument("no good", {.subject = "payload"});
                                       }});
        made->start();
        return made;
    }
    /// Another engine on the same home, as another process would have one, that runs nothing.
    std::shared_ptr<EngineImpl> look_on() {
        looker = make(EngineOptions{.home = folder / "home", .background = false});
        return looker;
    }

    static std::shared_ptr<SessionImpl> session_of(const std::shared_ptr<EngineImpl>& engine, const TenantId& tenant,
                                                   Role role = Role::owner) {
        return std::make_shared<SessionImpl>(engine, engine->scope_of(tenant), tenant::Actor{.id = "tester"}, role);
    }
    static Job job_of(const std::shared_ptr<SessionImpl>& session, const JobId& id) {
        return Internal::make<Job>(std::make_shared<JobImpl>(JobImpl{session, id, "hold"}));
    }
    static Watch watch_of(const std::shared_ptr<EngineImpl>& engine);

    Job start(const std::string& kind, const std::string& payload = {}, std::optional<Time> due = {}) {
        const auto id = mine()->write(
            [&](db::Tx& tx) { return impl->queue->enqueue(tx, {.kind = kind, .payload = payload, .due_at = due}); });
        return job_of(mine(), id);
    }
    const std::shared_ptr<SessionImpl>& mine() {
        if (!session_) session_ = session_of(impl, acme);
        return session_;
    }
    Session session() { return Internal::make<Session>(mine()); }

    void release(const std::string& name) {
        const std::lock_guard lock(mutex_);
        released_.insert(name);
        changed_.notify_all();
    }
    void release_all() { release("*"); }
    void await_begun(const std::string& name) {
        std::unique_lock lock(mutex_);
        ASSERT_TRUE(changed_.wait_for(lock, std::chrono::seconds(60), [&] { return begun_.contains(name); }));
    }

    /// What next() gives until `enough`, a minute at most.
    template <class Enough> static std::vector<Change> changes_until(Watch& watch, Enough enough) {
        std::vector<Change> all;
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
        while (!enough(all)) {
            if (std::chrono::steady_clock::now() > deadline) {
                ADD_FAILURE() << "not in a minute; " << all.size() << " changes";
                break;
            }
            for (auto& change : watch.next(std::chrono::seconds(1))) all.push_back(std::move(change));
        }
        return all;
    }
    /// The one with `last` of this job.
    static Change end_of(Watch& watch, const JobId& id) {
        const auto is_end = [&](const Change& change) { return change.job == id && change.last; };
        const auto all = changes_until(watch, [&](const auto& changes) { return !changes.empty() && is_end(changes.back()); });
        return all.empty() ? Change{} : all.back();
    }

    TempFolder folder;
    std::shared_ptr<EngineImpl> impl, looker;
    std::optional<Tenants> tenants;
    TenantId acme{};

private:
    jobs::Outcome hold(const jobs::Attempt& attempt) {
        attempt.progress.stage("holding", 1, 4, "breaths");
        std::unique_lock lock(mutex_);
        begun_.insert(attempt.job.payload);
        changed_.notify_all();
        for (;;) {
            const bool told = changed_.wait_for(lock, attempt.stop, std::chrono::minutes(5), [&] {
                return released_.contains(attempt.job.payload) || released_.contains("*") || breaths_[attempt.job.payload] > 0;
            });
            if (!told) throw Cancelled("stopped");
            if (auto& breaths = breaths_[attempt.job.payload]; breaths > 0) {
                attempt.progress.advance(std::exchange(breaths, 0));
                continue;
            }
            return {};
        }
    }

    std::mutex mutex_;
    std::condition_variable_any changed_;
    std::set<std::string> released_, begun_;      // guarded by mutex_
    std::map<std::string, std::int64_t> breaths_;  // guarded by mutex_
    std::shared_ptr<SessionImpl> session_;

protected:
    void breathe(const std::string& name) {
        const std::lock_guard lock(mutex_);
        ++breaths_[name];
        changed_.notify_all();
    }
};

}  // namespace tenon::tests
