// Question: how soon does a job begin that is enqueued while nothing runs; how many jobs a second are enqueued, claimed and finished, each
// by durable transactions of its own; and how fair is the line to tenants of different weights? The work itself is nothing. Figures hold
// for the machine and its load at the time; the folder decides how long a sync takes.
//
//     bench_jobs [FOLDER] [SECONDS]
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <base/id.hpp>
#include <db/database.hpp>
#include <jobs/queue.hpp>
#include <scope_maker.hpp>

#include "timed.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

using bench::line;
using bench::seconds;

struct Site {
    Site(const fs::path& folder, unsigned workers, std::vector<std::int32_t> shares) : weights(std::move(shares)), served(weights.size()) {
        fs::remove_all(folder);
        fs::create_directories(folder);
        store = db::Database::open({.file = folder / "metadata.db", .clock = {}, .readers = 16}, jobs::migrations());
        for (std::size_t i = 0; i < weights.size(); ++i)
            tenants.push_back(db::testing::ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now())));
        jobs::Hooks hooks;
        hooks.scope = [](const TenantId& id) { return std::optional(db::testing::ScopeMaker::tenant(id)); };
        hooks.weight = [this](const TenantId& id) { return weights[index_of(id)]; };
        queue = std::make_unique<jobs::Queue>(jobs::Options{.clock = base::system_clock(), .log = base::Log::none(), .nodes = folder / "run",
                                                            .workers = workers},
                                              *store, db::testing::ScopeMaker::system(), std::move(hooks));
        queue->add_kind("nothing", {.run = [this](const jobs::Attempt& attempt) {
                            begun_at = seconds();
                            ++served[index_of(attempt.job.tenant)];
                            ++done;
                            done.notify_all();
                            return jobs::Outcome{};
                        }});
    }

    std::size_t index_of(const TenantId& id) const {
        return static_cast<std::size_t>(std::ranges::find(tenants, id, &db::TenantScope::tenant) - tenants.begin());
    }
    void add(std::size_t tenant) {
        store->write(tenants[tenant], [&](db::Tx& tx) { queue->enqueue(tx, {.kind = "nothing"}); });
    }
    void await(std::int64_t count) {
        for (auto now = done.load(); now < count; now = done.load()) done.wait(now);
    }

    std::vector<std::int32_t> weights;
    std::vector<std::atomic<std::int64_t>> served;
    std::vector<db::TenantScope> tenants;
    std::atomic<double> begun_at = 0;
    std::atomic<std::int64_t> done = 0;
    std::unique_ptr<db::Database> store;
    std::unique_ptr<jobs::Queue> queue;
};

void start_delay(const fs::path& folder) {
    Site site(folder, 4, {1});
    site.queue->start();
    std::vector<double> waits;
    for (std::int64_t i = 1; i <= 500; ++i) {
        const double asked = seconds();
        site.add(0);
        site.await(i);
        waits.push_back((site.begun_at - asked) * 1e3);
        std::this_thread::sleep_for(1ms);
    }
    std::ranges::sort(waits);
    line("enqueue to start, idle", "-", waits[waits.size() / 2], "ms", "from the call that enqueues to the handler; 4 workers; p50");
    line("  p99", "<= 20 ms", waits[waits.size() * 99 / 100], "ms", "");
}

void throughput(const fs::path& folder, double time) {
    constexpr unsigned callers = 128, workers = 32;
    Site site(folder, workers, std::vector<std::int32_t>(16, 1));
    site.queue->start();
    const double begun = seconds();
    const auto before = site.store->stats();
    const bench::Spent spent{"store"};
    const auto enqueued = bench::rate(callers, time, [&](unsigned caller, std::size_t) { site.add(caller % site.tenants.size()); });
    const auto while_enqueuing = static_cast<double>(site.done) / (seconds() - begun);
    const auto all = static_cast<std::int64_t>(enqueued.per_second * time);
    site.await(all * 99 / 100);
    const double took = seconds() - begun;
    const auto after = site.store->stats();
    line("jobs enqueued, claimed, finished", ">= 10000/s", static_cast<double>(site.done) / took, "/s",
         "128 callers, 16 tenants, 32 workers; a transaction to enqueue, one that ends a job and claims the next; no batch call");
    line("  enqueued meanwhile", "-", enqueued.per_second, "/s", "");
    line("  finished while others were enqueued", "-", while_enqueuing, "/s", "");
    line("  the thread that writes, for each", "-", spent.by_thread(static_cast<double>(site.done)), "us", "processor time");
    line("  all threads, for each", "-", spent.by_all(static_cast<double>(site.done)), "us", "processor time, callers and workers included");
    line("  transactions a commit", "-", static_cast<double>(after.requests - before.requests) / static_cast<double>(after.commits - before.commits),
         "", "");
}

void fairness(const fs::path& folder) {
    Site site(folder, 4, {1, 1, 2, 2, 4, 4, 8, 8});
    constexpr int waiting = 1500;
    for (std::size_t tenant = 0; tenant < site.tenants.size(); ++tenant)
        site.store->write(site.tenants[tenant], [&](db::Tx& tx) {
            for (int i = 0; i < waiting; ++i) site.queue->enqueue(tx, {.kind = "nothing"});
        });
    site.queue->start();
    site.await(3000);  // while everybody still has work: the heaviest are served 800 times each
    double sum = 0, squares = 0;
    for (std::size_t tenant = 0; tenant < site.tenants.size(); ++tenant) {
        const double share = static_cast<double>(site.served[tenant]) / site.weights[tenant];
        sum += share;
        squares += share * share;
    }
    std::printf("%-44s %-12s %12.4f %-6s %s\n", "fairness (Jain)", ">= 0.98", sum * sum / (static_cast<double>(site.tenants.size()) * squares), "",
                "8 tenants of weights 1, 1, 2, 2, 4, 4, 8, 8, all with work; jobs served by weight");
}

}  // namespace

int main(int argc, char** argv) {
    const auto folder = fs::path(argc > 1 ? argv[1] : ".") / "bench-jobs";
    const double time = argc > 2 ? std::stod(argv[2]) : 3;
    std::printf("%-44s %-12s %12s %-6s %s\n", "what", "goal", "figure", "", "method");
    start_delay(folder);
    throughput(folder, time);
    fairness(folder);
    fs::remove_all(folder);
}
