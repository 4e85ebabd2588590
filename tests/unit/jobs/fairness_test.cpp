// Several workers at one line: whose jobs are begun, in which proportion.
#include <jobs/queue.hpp>

#include <algorithm>
#include <map>
#include <mutex>
#include <thread>

#include <gtest/gtest.h>

#include <base/id.hpp>
#include <scope_maker.hpp>
#include <temp_folder.hpp>
#include <test_store.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using db::testing::ScopeMaker;

/// Jain's index of what each got for its weight: 1 is fair, 1/n is all for one.
double jain(const std::vector<double>& shares) {
    double sum = 0, squares = 0;
    for (const auto share : shares) {
        sum += share;
        squares += share * share;
    }
    return sum * sum / (static_cast<double>(shares.size()) * squares);
}

TEST(Fairness, of_many_workers_is_as_the_weights_say) {
    constexpr int waiting = 200, counted = 360;
    const std::vector<std::int32_t> weights{1, 1, 2, 2, 6};
    tests::TempFolder folder;
    const auto store = db::Database::open(tests::store_in(folder.path()), jobs::migrations());
    std::vector<db::TenantScope> tenants;
    std::map<TenantId, std::int32_t> weight_of;
    for (const auto weight : weights) {
        tenants.push_back(ScopeMaker::tenant(base::new_id<TenantId>(base::system_clock()->now())));
        weight_of[tenants.back().tenant()] = weight;
    }
    std::mutex mutex;
    std::condition_variable more;
    std::vector<TenantId> begun;
    jobs::Hooks hooks;
    hooks.scope = [](const TenantId& id) { return std::optional(ScopeMaker::tenant(id)); };
    hooks.weight = [&](const TenantId& id) { return weight_of.at(id); };
    jobs::Queue queue({.clock = base::system_clock(), .log = base::Log::none(), .nodes = folder.path() / "run", .workers = 6}, *store,
                      ScopeMaker::system(), std::move(hooks));
    queue.add_kind("nothing", {.run = [&](const jobs::Attempt& attempt) {
                       const std::lock_guard lock(mutex);
                       begun.push_back(attempt.job.tenant);
                       more.notify_all();
                       return jobs::Outcome{};
                   }});
    for (const auto& tenant : tenants)
        store->write(tenant, [&](db::Tx& tx) {
            for (int i = 0; i < waiting + 100; ++i) queue.enqueue(tx, {.kind = "nothing"});
        });
    queue.start();
    {
        std::unique_lock lock(mutex);
        ASSERT_TRUE(more.wait_for(lock, 120s, [&] { return begun.size() >= counted; }));
        begun.resize(counted);
    }
    queue.close();
    std::vector<double> shares;
    for (const auto& tenant : tenants)
        shares.push_back(static_cast<double>(std::ranges::count(begun, tenant.tenant())) / weight_of[tenant.tenant()]);
    EXPECT_GE(jain(shares), 0.98) << shares[0] << " " << shares[1] << " " << shares[2] << " " << shares[3] << " " << shares[4];
}

}  // namespace
