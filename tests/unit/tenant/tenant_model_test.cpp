// Random operations on lives, months, holds and leases, compared after each with a reference model of a few lines.
#include <tenant/lease.hpp>

#include <algorithm>
#include <map>
#include <optional>
#include <random>

#include <gtest/gtest.h>

#include <tenant/period.hpp>
#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using namespace std::chrono_literals;

class Dice {
public:
    explicit Dice(unsigned seed) : engine_(seed) {}
    std::int64_t below(std::int64_t n) { return std::uniform_int_distribution<std::int64_t>(0, n - 1)(engine_); }

private:
    std::mt19937 engine_;
};

// ---- lives ----

/// What docs/design/tenant.md says of a tenant's states, and no more.
struct LifeModel {
    TenantState stored = TenantState::active;
    std::optional<Time> trial_end{}, erased_at{};
    bool bought = false;
    TenantState before = TenantState::active;   // an erasure

    TenantState at(Time now) const { return stored == TenantState::trial && *trial_end <= now ? TenantState::suspended : stored; }
    bool due(Time now) const { return stored == TenantState::erasing && *erased_at <= now; }
    bool in_trial(Time now) const { return trial_end && !bought && *trial_end > now; }

    bool activate() {
        if (stored != TenantState::active && stored != TenantState::trial) return false;
        bought = bought || stored == TenantState::trial;
        stored = TenantState::active;
        return true;
    }
    bool extend(Duration by, Time now) {
        if (!trial_end || bought || (stored != TenantState::trial && stored != TenantState::suspended) || *trial_end + by <= now) return false;
        *trial_end += by;
        return true;
    }
    bool suspend() {
        if (stored != TenantState::active && stored != TenantState::trial && stored != TenantState::suspended) return false;
        stored = TenantState::suspended;
        return true;
    }
    bool archive() {
        if (stored == TenantState::erasing) return false;
        stored = TenantState::archived;
        return true;
    }
    bool resume(Time now) {
        if (due(now)) return false;
        stored = in_trial(now) ? TenantState::trial : TenantState::active;
        bought = bought || (trial_end && !in_trial(now));
        erased_at.reset();
        return true;
    }
    bool erase(Duration window, Time now) {
        if (due(now)) return window == Duration::zero();
        if (stored != TenantState::erasing) before = stored;
        stored = TenantState::erasing;
        erased_at = now + window;
        return true;
    }
    bool undo(Time now) {
        if (stored != TenantState::erasing || due(now)) return false;
        stored = before;
        erased_at.reset();
        return true;
    }
};

TEST(TenantModel, LivesAreWhatTheRulesSayUnderRandomOperations) {
    testing::Home home;
    std::map<TenantId, LifeModel> models;
    for (int i = 0; i < 6; ++i) {
        const bool trial = i % 2 == 0;
        const auto slug = "t" + std::to_string(i);
        const auto made = home.registry->create(home.setup, {.name = slug, .slug = slug, .plan = "studio/basic", .trial = trial});
        models[made.id] = {.stored = trial ? TenantState::trial : TenantState::active, .trial_end = made.trial_ends_at};
    }
    Dice dice(20261122);
    std::map<TenantState, int> seen;
    int refused = 0;
    for (int step = 0; step < 400; ++step) {
        const auto chosen = std::next(models.begin(), dice.below(std::ssize(models)));
        const auto& id = chosen->first;
        auto& model = chosen->second;
        const auto now = home.now();
        auto& registry = *home.registry;
        const auto by = std::chrono::hours(1 + dice.below(24 * 10));
        const auto window = dice.below(4) ? Duration(std::chrono::hours(dice.below(24 * 20))) : Duration::zero();
        const auto what = dice.below(9);
        const auto real = [&] {
            switch (what) {
                case 0: registry.activate(home.setup, id, "r"); break;
                case 1: registry.extend_trial(home.setup, id, by, "r"); break;
                case 2: registry.suspend(home.setup, id, "r"); break;
                case 3: registry.archive(home.setup, id, "r"); break;
                case 4: registry.resume(home.setup, id, "r"); break;
                case 5: registry.start_erasure(home.setup, {.tenant = id, .reason = "r", .undo_window = window}); break;
                case 6: registry.undo_erase(home.setup, id, "r"); break;
                default: home.clock->advance(std::chrono::hours(dice.below(40))); break;
            }
        };
        const auto expected = [&] {
            switch (what) {
                case 0: return model.activate();
                case 1: return model.extend(by, now);
                case 2: return model.suspend();
                case 3: return model.archive();
                case 4: return model.resume(now);
                case 5: return model.erase(window, now);
                case 6: return model.undo(now);
                default: return true;
            }
        }();
        bool done = true;
        try {
            real();
        } catch (const Error&) {
            done = false;
            ++refused;
        }
        ASSERT_EQ(done, expected) << "operation " << what << " in step " << step;
        for (const auto& [other, life] : models) {
            const auto standing = home.registry->standing(other);
            const auto state = standing->state_at(home.now());
            ASSERT_EQ(state, life.at(home.now())) << to_string(state) << " after operation " << what << " in step " << step;
            ASSERT_EQ(standing->tenant.trial_ends_at, life.trial_end) << step;
            ASSERT_EQ(standing->tenant.erased_at, life.erased_at) << step;
            ++seen[state];
        }
        const auto due = home.registry->due_for_erasure();
        for (const auto& [other, life] : models)
            ASSERT_EQ(std::ranges::count(due, other), life.due(home.now())) << step;
        // One whose window is over stays as it is: another takes its place, so that all states go on being met.
        if (model.due(home.now()) && dice.below(10) == 0) {
            models.erase(chosen);
            const auto slug = "n" + std::to_string(step);
            const auto made = home.registry->create(home.setup, {.name = slug, .slug = slug, .plan = "studio/basic", .trial = true});
            models[made.id] = {.stored = TenantState::trial, .trial_end = made.trial_ends_at};
        }
    }
    for (const auto state : {TenantState::trial, TenantState::active, TenantState::suspended, TenantState::archived, TenantState::erasing})
        EXPECT_GT(seen[state], 20) << to_string(state);
    EXPECT_GT(refused, 20);
}

// ---- months, holds and leases ----

/// Midnight of the 31st, or of the month's last day, in UTC: the next one after a time.
Time next_border(Time after) {
    const std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(after)};
    for (auto month = std::chrono::year_month(day.year(), day.month());; month += std::chrono::months(1)) {
        const Time border{std::chrono::sys_days(month / std::chrono::last)};
        if (border > after) return border;
    }
}

/// Of one resource that counts per month; its limit is 1,000.
struct MonthModel {
    struct Held {
        std::int64_t amount = 0;
        int period = 0;
        Time until{};
        std::int64_t turn = 0;
    };
    std::map<HoldId, Held> holds{}, leases{};
    std::map<int, std::int64_t> used{};

    std::int64_t reserved(int period) const {
        std::int64_t sum = 0;
        for (const auto* list : {&holds, &leases})
            for (const auto& [id, held] : *list) sum += held.period == period ? held.amount : 0;
        return sum;
    }
    std::int64_t left(int period) { return 1'000 - used[period] - reserved(period); }
    /// What is held is returned when its time is up; what a process took and said nothing of is used.
    void lapse(Time now) {
        std::erase_if(holds, [&](const auto& each) { return each.second.until <= now; });
        std::erase_if(leases, [&](const auto& each) {
            if (each.second.until > now) return false;
            used[each.second.period] += each.second.amount;
            return true;
        });
    }
};

TEST(TenantModel, MonthsHoldsAndLeasesAgreeUnderRandomOperations) {
    constexpr auto resource = Resource::api_calls;
    constexpr auto ttl = 20min;
    constexpr db::SystemStmt rows_of{"SELECT period, used, reserved FROM quota_ WHERE tenant_id = :id AND resource = :resource ORDER BY period"};
    constexpr db::SystemStmt told{"SELECT coalesce(sum(qty), 0) FROM usage_event_ WHERE tenant_id = :id AND meter = 'api_calls'"};
    int all_refusals = 0;
    for (unsigned seed = 0; seed < 2; ++seed) {
        testing::Home home;
        Dice dice(seed);
        const auto id =
            home.registry->create(home.setup, {.name = "free", .slug = "free", .plan = "business/free", .zone = "UTC", .anchor_day = 31}).id;
        const auto scope_of = [&](const TenantId& tenant) { return home.scope(tenant); };
        MonthModel model;
        int period = 1, refusals = 0, months = 0;  // 0 is a trial's
        Time border = next_border(home.now());
        const auto any = [&](auto& list) { return std::next(list.begin(), dice.below(std::ssize(list))); };
        for (int step = 0; step < 300; ++step) {
            SCOPED_TRACE("seed " + std::to_string(seed) + ", step " + std::to_string(step));
            const auto now = home.now();
            const auto n = 1 + dice.below(400);
            switch (dice.below(9)) {
                case 0: case 1: {
                    const auto hold = home.fresh<HoldId>();
                    const bool fits = n <= model.left(period);
                    const auto got = home.write(id, [&](db::Tx& tx) {
                        return quota::try_reserve(tx, hold, {.asks = {{resource, n}}, .ttl = ttl}, now);
                    });
                    ASSERT_EQ(got.has_value(), fits);
                    if (fits) model.holds[hold] = {.amount = n, .period = period, .until = now + ttl};
                    refusals += !fits;
                    break;
                }
                case 2: {
                    if (model.holds.empty()) break;
                    const auto held = any(model.holds);
                    const auto spent = dice.below(held->second.amount + 1);
                    home.write(id, [&](db::Tx& tx) { quota::commit(tx, held->first, {{resource, spent}}, now); });
                    model.used[held->second.period] += spent;
                    model.holds.erase(held);
                    break;
                }
                case 3: {
                    if (model.holds.empty()) break;
                    const auto held = any(model.holds);
                    home.write(id, [&](db::Tx& tx) { quota::release(tx, held->first, now); });
                    model.holds.erase(held);
                    break;
                }
                case 4: {
                    const auto lease = home.fresh<HoldId>();
                    const auto least = 1 + dice.below(20);
                    const bool fits = std::min(least, n) <= model.left(period);
                    try {
                        const auto slice =
                            home.write(id, [&](db::Tx& tx) { return lease::take(tx, lease, resource, std::max(n, least), least, ttl, now); });
                        ASSERT_GE(slice.amount, least);
                        ASSERT_LE(slice.amount, std::min(std::max(n, least), model.left(period)));
                        ASSERT_EQ(slice.spend_until, border);
                        model.leases[lease] = {.amount = slice.amount, .period = period, .until = now + ttl};
                    } catch (const QuotaExceeded&) {
                        ASSERT_LT(model.left(period), least) << fits;
                        ++refusals;
                    }
                    break;
                }
                case 5: {
                    if (model.leases.empty()) break;
                    auto& [lease, held] = *any(model.leases);
                    const auto spent = dice.below(held.amount + 1);
                    for (int again = 0; again < 2; ++again)  // told twice it counts once
                        home.write(id, [&](db::Tx& tx) { lease::tell(tx, lease, held.turn + 1, spent, ttl, now); });
                    ++held.turn;
                    held.amount -= spent;
                    held.until = now + ttl;
                    model.used[held.period] += spent;
                    break;
                }
                case 6: {
                    if (model.leases.empty()) break;
                    const auto held = any(model.leases);
                    const auto spent = dice.below(held->second.amount + 1);
                    home.write(id, [&](db::Tx& tx) { lease::give_back(tx, held->first, held->second.turn + 1, spent, now); });
                    model.used[held->second.period] += spent;
                    model.leases.erase(held);
                    break;
                }
                default:
                    home.clock->advance(dice.below(4) ? std::chrono::minutes(dice.below(15)) : std::chrono::hours(dice.below(24 * 20)));
                    quota::expire(*home.database, home.system, scope_of, home.now());
                    lease::expire(*home.database, home.system, scope_of, home.now());
                    model.lapse(home.now());
                    for (; border <= home.now(); border = next_border(border)) {
                        ++period;
                        ++months;
                    }
            }
            const auto quota = home.read(id, [&](db::Reader& r) { return quota::get(r, resource, home.now()); });
            ASSERT_EQ(quota.limit, 1'000);
            ASSERT_EQ(quota.used, model.used[period]);
            ASSERT_EQ(quota.reserved, model.reserved(period));
            ASSERT_LE(quota.used + quota.reserved, 1'000);
            ASSERT_EQ(quota.resets_at, border);
            std::int64_t all = 0;
            home.database->read(home.system, [&](db::SystemReader& reader) {
                for (auto rows = reader.query(rows_of, id, resource); rows.next();) {
                    const auto n_th = static_cast<int>(rows.i64(0));
                    ASSERT_EQ(rows.i64(1), model.used[n_th]) << "in month " << n_th;
                    ASSERT_EQ(rows.i64(2), model.reserved(n_th)) << "in month " << n_th;
                }
                auto rows = reader.query(told, id);
                rows.next();
                all = rows.i64(0);
            });
            std::int64_t sum = 0;
            for (const auto& [n_th, used] : model.used) sum += used;
            ASSERT_EQ(all, sum) << "events say what is used";
        }
        EXPECT_GT(months, 2);
        all_refusals += refusals;
    }
    EXPECT_GT(all_refusals, 0);
}

}  // namespace
}  // namespace tenon::tenant
