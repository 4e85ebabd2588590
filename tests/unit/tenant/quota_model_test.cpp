#include <tenant/quota.hpp>

#include <map>
#include <random>
#include <stdexcept>

#include <gtest/gtest.h>

#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::quota {
namespace {

using namespace std::chrono_literals;

/// The ledger of one tenant in a few lines: what the real one is compared with.
struct Model {
    struct Held {
        std::map<Resource, std::int64_t> amounts{};
        Time expires_at{};
        HoldState state = HoldState::open;
    };
    std::map<Resource, std::int64_t> used{};
    std::map<HoldId, Held> holds{};

    std::int64_t reserved(Resource resource) const {
        std::int64_t sum = 0;
        for (const auto& [id, hold] : holds)
            if (hold.state == HoldState::open && hold.amounts.contains(resource)) sum += hold.amounts.at(resource);
        return sum;
    }
    bool fits(Resource resource, std::int64_t n) const {
        static const std::map<Resource, std::int64_t> limits{
            {Resource::projects, 5}, {Resource::storage, 10'000'000'000}, {Resource::concurrent_jobs, 1}};
        return used.contains(resource) ? used.at(resource) + reserved(resource) + n <= limits.at(resource)
                                       : reserved(resource) + n <= limits.at(resource);
    }
    void lapse(Time now) {
        for (auto& [id, hold] : holds)
            if (hold.state == HoldState::open && hold.expires_at <= now) hold.state = HoldState::expired;
    }
};

constexpr Resource resources[] = {Resource::projects, Resource::storage, Resource::concurrent_jobs};

class Random {
public:
    explicit Random(unsigned seed) : engine_(seed) {}
    std::int64_t below(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(engine_); }
    Resource resource() { return resources[below(3)]; }
    std::int64_t amount(Resource resource) {
        if (resource == Resource::projects) return 1 + below(3);
        return resource == Resource::storage ? 1 + below(4'000'000'000) : 1;
    }

private:
    std::mt19937 engine_;
};

/// One random step on both. A refusal must be one on both sides, too.
class Step {
public:
    Step(testing::Home& home, Random& random, Model& model) : home_(home), random_(random), model_(model) {}

    void run(db::Tx& tx) {
        switch (random_.below(8)) {
            case 0: case 1: case 2: return reserve(tx);
            case 3: return extend(tx);
            case 4: return commit(tx);
            case 5: return release(tx);
            case 6: return charge(tx);
            default: return free(tx);
        }
    }

private:
    void reserve(db::Tx& tx) {
        ReserveOptions options{.ttl = std::chrono::minutes(1 + random_.below(20))};
        Model::Held held{.expires_at = home_.now() + options.ttl};
        for (const auto resource : resources)
            if (random_.below(2)) held.amounts[resource] = random_.amount(resource);
        if (held.amounts.empty()) return;
        for (const auto& [resource, amount] : held.amounts) options.asks.push_back({resource, amount});
        const auto fits = [&] {
            for (const auto& [resource, amount] : held.amounts)
                if (!model_.fits(resource, amount)) return false;
            return true;
        };
        bool expected = fits();
        if (!expected) {
            // Only asks before the first denied one are tried before what has lapsed is returned.
            model_.lapse(home_.now());
            expected = fits();
        }
        const auto id = home_.fresh<HoldId>();
        ASSERT_EQ(quota::try_reserve(tx, id, options, home_.now()).has_value(), expected);
        if (expected) model_.holds[id] = held;
    }
    std::map<HoldId, Model::Held>::iterator any() {
        if (model_.holds.empty()) return model_.holds.end();
        return std::next(model_.holds.begin(), random_.below(static_cast<std::int64_t>(model_.holds.size())));
    }
    void extend(db::Tx& tx) {
        const auto hold = any();
        if (hold == model_.holds.end() || hold->second.state != HoldState::open) return;
        auto& [resource, amount] = *hold->second.amounts.begin();
        const auto more = random_.amount(resource);
        if (!model_.fits(resource, more)) return;
        quota::extend(tx, hold->first, {resource, more}, home_.now());
        amount += more;
    }
    void commit(db::Tx& tx) {
        const auto hold = any();
        if (hold == model_.holds.end()) return;
        if (hold->second.state == HoldState::released || hold->second.state == HoldState::expired) {
            EXPECT_THROW(quota::commit(tx, hold->first, {}, home_.now()), Conflict);
            return;
        }
        std::vector<Ask> actual;
        for (const auto& [resource, amount] : hold->second.amounts)
            if (random_.below(4)) actual.push_back({resource, random_.below(amount + 1)});
        quota::commit(tx, hold->first, actual, home_.now());
        if (hold->second.state != HoldState::open) return;
        for (const auto& ask : actual) model_.used[ask.resource] += ask.amount;
        hold->second.state = HoldState::committed;
    }
    void release(db::Tx& tx) {
        const auto hold = any();
        if (hold == model_.holds.end()) return;
        quota::release(tx, hold->first, home_.now());
        if (hold->second.state == HoldState::open) hold->second.state = HoldState::released;
    }
    void charge(db::Tx& tx) {
        const auto resource = random_.resource();
        const auto n = random_.amount(resource);
        if (!model_.fits(resource, n)) model_.lapse(home_.now());
        if (!model_.fits(resource, n)) {
            EXPECT_THROW(quota::charge(tx, {resource, n}, home_.now()), QuotaExceeded);
            return;
        }
        quota::charge(tx, {resource, n}, home_.now());
        model_.used[resource] += n;
    }
    void free(db::Tx& tx) {
        const auto resource = random_.resource();
        if (model_.used[resource] == 0) return;
        const auto n = 1 + random_.below(model_.used[resource]);
        quota::free(tx, {resource, n}, home_.now());
        model_.used[resource] -= n;
    }

    testing::Home& home_;
    Random& random_;
    Model& model_;
};

struct Abandoned : std::runtime_error {
    Abandoned() : std::runtime_error("abandoned") {}
};

TEST(QuotaModel, AgreesUnderRandomOperationsOfTwoTenants) {
    testing::Home home;
    Random random(20261121);
    Model models[2];
    const TenantId ids[] = {home.a, home.b};
    for (int round = 0; round < 600; ++round) {
        const auto who = random.below(2);
        auto before = models[who];
        const bool abandon = random.below(6) == 0;
        try {
            home.write(ids[who], [&](db::Tx& tx) {
                for (auto steps = 1 + random.below(6); steps > 0; --steps) Step(home, random, models[who]).run(tx);
                if (abandon) throw Abandoned();
            });
        } catch (const Abandoned&) {
            models[who] = before;
        }
        ASSERT_FALSE(HasFatalFailure()) << "round " << round;
        for (int i = 0; i < 2; ++i)
            for (const auto& quota : home.read(ids[i], [&](db::Reader& r) { return quota::snapshot(r, home.now()); })) {
                ASSERT_EQ(quota.used, models[i].used[quota.resource]) << to_string(quota.resource) << " in round " << round;
                ASSERT_EQ(quota.reserved, models[i].reserved(quota.resource)) << to_string(quota.resource) << " in round " << round;
            }
        if (random.below(5) == 0) home.clock->advance(3min);
        if (random.below(50) == 0) {
            quota::expire(*home.database, home.system, [&](const TenantId& id) { return home.scope(id); }, home.now());
            for (auto& model : models) model.lapse(home.now());
        }
    }
}

}  // namespace
}  // namespace tenon::tenant::quota
