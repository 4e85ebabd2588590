// Question: how long after a job has ended, durably, does Watch::next() tell it to the one thread that watches all? Input: a
// home with that many jobs that wait and are watched; one after the other ends, at a pace that leaves the machine quiet.
// Measured from the moment the end is durable, on the store's own thread, to the return of next(). The goal: p99 within 1 ms.
//
//     bench_watch [JOBS] [ENDS]
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include <core.hpp>
#include <temp_folder.hpp>
#include "timed.hpp"
#include <watches.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

/// When each job's end was durable.
struct Ends {
    std::mutex mutex;
    std::map<JobId, double> at;  // guarded by mutex
};

}  // namespace

int main(int argc, char** argv) {
    const int jobs = argc > 1 ? std::atoi(argv[1]) : 10'000;
    const int ends = argc > 2 ? std::atoi(argv[2]) : 1'000;
    const tests::TempFolder folder;
    auto engine = std::make_shared<EngineImpl>(EngineOptions{.home = folder.path() / "home", .log_level = LogLevel::off});
    Ends ended;
    engine->queue->add_kind("tick", {.run = [&](const jobs::Attempt& attempt) {
                                const auto id = attempt.job.id;
                                return jobs::Outcome{.settle = [&ended, id](db::Tx& tx) {
                                    tx.on_commit([&ended, id] {
                                        const std::lock_guard lock(ended.mutex);
                                        ended.at[id] = bench::seconds();
                                    });
                                }};
                            }});
    engine->start();
    auto operators = std::make_shared<OperatorImpl>();
    operators->engine = engine;
    operators->actor = {.kind = tenant::ActorKind::operator_session, .id = "bench", .reason = "bench"};
    const auto tenant = Internal::make<OperatorSession>(operators).tenants().create(
        {.name = "t", .slug = "t", .plan = "studio/professional"}).id;
    const auto session =
        std::make_shared<SessionImpl>(engine, engine->scope_of(tenant), tenant::Actor{.id = "bench"}, Role::owner);

    std::vector<JobId> ids;
    auto watch = engine::make_watch(engine);
    const auto later = engine->now() + 24h;
    for (int i = 0; i < jobs; i += 500)
        session->write([&](db::Tx& tx) {
            for (int n = i; n < std::min(jobs, i + 500); ++n)
                ids.push_back(engine->queue->enqueue(tx, {.kind = "tick", .due_at = later}));
        });
    for (const auto& id : ids) watch.add(Internal::make<Job>(std::make_shared<JobImpl>(JobImpl{session, id, "tick"})));
    std::size_t told = 0;
    double begun = bench::seconds();
    while (told < ids.size()) told += watch.next(1s).size();
    std::printf("%d jobs watched by one thread\n", jobs);
    bench::line("how all of them stand", "-", (bench::seconds() - begun) * 1e3, "ms", "from the first next() on");

    std::vector<double> waits;
    std::thread watcher([&] {
        while (static_cast<int>(waits.size()) < ends)
            for (const auto& change : watch.next(10s)) {
                if (!change.last) continue;
                const double now = bench::seconds();
                const std::lock_guard lock(ended.mutex);
                waits.push_back((now - ended.at[change.job]) * 1e6);
            }
    });
    begun = bench::seconds();
    for (int i = 0; i < ends; ++i) {
        session->write([&](db::Tx& tx) { return engine->queue->reschedule(tx, ids[static_cast<std::size_t>(i)], 0, {}); });
        std::this_thread::sleep_for(5ms);
    }
    watcher.join();
    std::ranges::sort(waits);
    std::printf("%zu ends in %.1f s\n", waits.size(), bench::seconds() - begun);
    bench::line("end of a job to next(), p50", "-", waits[waits.size() / 2], "us", "from durable");
    bench::line("end of a job to next(), p99", "<= 1000", waits[waits.size() * 99 / 100], "us", "from durable");
    bench::line("end of a job to next(), worst", "-", waits.back(), "us", "from durable");
    engine->close();
    return waits[waits.size() * 99 / 100] <= 1'000 ? 0 : 1;
}
