#include <tenant/registry.hpp>

#include <gtest/gtest.h>

#include <tenant/period.hpp>
#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using namespace std::chrono_literals;

constexpr db::SystemStmt told{"SELECT data FROM event_ WHERE tenant_id = :id AND kind = 'tenant.state' ORDER BY id"};

class Life : public ::testing::Test {
protected:
    TenantId trial(const std::string& slug = "t") {
        return home.registry->create(home.setup, {.name = slug, .slug = slug, .plan = "studio/basic", .trial = true}).id;
    }
    TenantState state(const TenantId& id) {
        const auto cached = home.registry->standing(id)->state_at(home.now());
        EXPECT_EQ(home.registry->find(home.setup, id)->state, cached);
        return cached;
    }
    Tenant extend(const TenantId& id, Duration by) { return home.registry->extend_trial(home.setup, id, by, "more time"); }
    Period period(const TenantId& id) {
        return home.write(id, [&](db::Tx& tx) { return current_period(tx, home.now()); });
    }
    testing::Home home;
};

TEST_F(Life, OfATrialEndsWhereOnlyAnExtensionMovesIt) {
    const auto id = trial();
    const auto end = home.now() + 14 * 24h;
    EXPECT_EQ(extend(id, 24h).trial_ends_at, end + 24h);
    home.clock->advance(15 * 24h - 1us);
    EXPECT_EQ(state(id), TenantState::trial);
    home.clock->advance(1us);
    EXPECT_EQ(state(id), TenantState::suspended);
    EXPECT_THROW(extend(id, Duration::zero()), InvalidArgument);
    EXPECT_THROW(extend(id, 367 * 24h), InvalidArgument);

    home.clock->advance(48h);
    EXPECT_THROW(extend(id, 48h), InvalidArgument) << "it would be over at this moment";
    EXPECT_EQ(state(id), TenantState::suspended);
    EXPECT_EQ(extend(id, 48h + 1us).state, TenantState::trial);
    EXPECT_EQ(state(id), TenantState::trial);
    home.clock->advance(1us);
    EXPECT_EQ(state(id), TenantState::suspended);
    EXPECT_THROW(extend(home.a, 24h), Conflict) << "never was a trial";
}

TEST_F(Life, OfATrialCountsInItsPeriodToTheNewEnd) {
    const auto id = trial();
    EXPECT_EQ(period(id).n, 0);
    const auto end = *extend(id, 24h).trial_ends_at;
    EXPECT_EQ(period(id).end, end);
    home.clock->advance(15 * 24h);
    EXPECT_EQ(period(id).n, 1);
    EXPECT_EQ(period(id).start, end);
    extend(id, 24h);
    EXPECT_EQ(period(id).n, 1) << "what has begun to count stays";
}

TEST_F(Life, OfATrialThatWasBoughtIsNoTrialAgain) {
    const auto id = trial();
    EXPECT_EQ(home.registry->activate(home.setup, id, "order 7").state, TenantState::active);
    EXPECT_EQ(home.registry->activate(home.setup, id, "again").state, TenantState::active);
    home.registry->suspend(home.setup, id, "a pause");
    EXPECT_THROW(home.registry->activate(home.setup, id, "no"), Conflict);
    EXPECT_EQ(home.registry->resume(home.setup, id, "on").state, TenantState::active) << "though the trial would still run";
    EXPECT_THROW(extend(id, 24h), Conflict);
    home.clock->advance(20 * 24h);
    EXPECT_EQ(state(id), TenantState::active);

    const auto late = trial("late");
    home.clock->advance(15 * 24h);
    EXPECT_EQ(home.registry->activate(home.setup, late, "order 8").state, TenantState::active);
}

TEST_F(Life, GoesThroughTheArchiveAndBack) {
    EXPECT_EQ(home.registry->archive(home.setup, home.a, "season over").state, TenantState::archived);
    EXPECT_EQ(home.registry->archive(home.setup, home.a, "again").state, TenantState::archived);
    EXPECT_EQ(state(home.b), TenantState::active);
    EXPECT_THROW(home.registry->suspend(home.setup, home.a, "no"), Conflict);
    EXPECT_EQ(home.registry->resume(home.setup, home.a, "back").state, TenantState::active);
    home.registry->suspend(home.setup, home.a, "unpaid");
    EXPECT_EQ(home.registry->archive(home.setup, home.a, "gone").state, TenantState::archived);
    home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "asked"});
    EXPECT_THROW(home.registry->archive(home.setup, home.a, "no"), Conflict);
    EXPECT_THROW(home.registry->archive(home.setup, home.fresh<TenantId>(), "who"), NotFound);
    EXPECT_THROW(home.registry->archive(home.setup, home.b, ""), InvalidArgument);
}

TEST_F(Life, ThatWasToBeErasedIsWhatItWasBefore) {
    const auto erase = [&](const TenantId& id) { home.registry->start_erasure(home.setup, {.tenant = id, .reason = "asked"}); };
    const auto undo = [&](const TenantId& id) { return home.registry->undo_erase(home.setup, id, "stays").state; };
    EXPECT_THROW(undo(home.a), Conflict);
    erase(home.a);
    erase(home.a);  // again: what it was before stays known
    home.clock->advance(30 * 24h - 1us);
    EXPECT_EQ(undo(home.a), TenantState::active);
    EXPECT_FALSE(home.registry->find(home.setup, home.a)->erased_at);

    home.registry->suspend(home.setup, home.b, "unpaid");
    erase(home.b);
    EXPECT_EQ(undo(home.b), TenantState::suspended);
    home.registry->archive(home.setup, home.b, "away");
    erase(home.b);
    EXPECT_EQ(undo(home.b), TenantState::archived);

    const auto id = trial();
    erase(id);
    EXPECT_EQ(undo(id), TenantState::trial);
    erase(id);
    home.clock->advance(14 * 24h);
    EXPECT_EQ(undo(id), TenantState::suspended) << "the trial ended meanwhile";

    erase(home.a);
    home.clock->advance(30 * 24h);
    EXPECT_THROW(undo(home.a), Conflict) << "the window is over";
    EXPECT_EQ(home.registry->due_for_erasure(), std::vector{home.a});
}

TEST_F(Life, TellsTheTenantAndTheTrail) {
    home.registry->suspend(home.setup, home.a, "unpaid");
    home.registry->suspend(home.setup, home.a, "again");
    home.registry->resume(home.setup, home.a, "paid");
    std::vector<std::string> states;
    home.database->read(home.system, [&](db::SystemReader& r) {
        for (auto rows = r.query(told, home.a); rows.next();) states.push_back(base::parse_json(rows.text(0)).get_string("state"));
    });
    EXPECT_EQ(states, (std::vector<std::string>{"suspended", "active"})) << "news, each once";
    const auto records = home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "tenant.suspend"}); });
    ASSERT_EQ(records.size(), 2u) << "every use";
    EXPECT_EQ(records[0].reason, "unpaid");
    EXPECT_EQ(records[0].actor, "setup");
}

TEST_F(Life, LapsedTrialsAreThoseOfTheTimeBetween) {
    const auto one = trial("one");
    home.clock->advance(24h);
    const auto two = trial("two");
    const auto end = home.now() + 14 * 24h;
    EXPECT_EQ(home.registry->lapsed_trials(Time{}, end - 24h), std::vector{one});
    EXPECT_EQ(home.registry->lapsed_trials(end - 24h, end), std::vector{two});
    home.registry->activate(home.setup, two, "bought");
    EXPECT_TRUE(home.registry->lapsed_trials(end - 24h, end).empty());
}

TEST_F(Life, ChangesOfATenantAreNotLost) {
    const auto seen = home.registry->find(home.setup, home.a).value();
    const auto renamed = home.registry->update(home.setup, {.tenant = home.a, .name = "Acme Film", .expected = seen.version});
    EXPECT_EQ(renamed.name, "Acme Film");
    EXPECT_EQ(renamed.slug, "acme");
    EXPECT_GT(renamed.version, seen.version);
    EXPECT_THROW(home.registry->update(home.setup, {.tenant = home.a, .zone = "Asia/Tokyo", .expected = seen.version}), Conflict);
    const auto moved = home.registry->update(home.setup, {.tenant = home.a, .slug = "film", .zone = "Asia/Tokyo", .anchor_day = 31});
    EXPECT_EQ(moved.slug, "film");
    EXPECT_EQ(moved.zone, "Asia/Tokyo");
    EXPECT_EQ(moved.anchor_day, 31);
    home.open();
    EXPECT_EQ(home.registry->find_slug(home.setup, "film")->id, home.a);
    EXPECT_FALSE(home.registry->find_slug(home.setup, "acme"));
    try {
        home.registry->update(home.setup, {.tenant = home.b, .slug = "film"});
        ADD_FAILURE();
    } catch (const Conflict& error) {
        EXPECT_EQ(error.subject(), "film");
    }
    const auto refused = [&](const TenantUpdate& change, const char* field) {
        try {
            home.registry->update(home.setup, change);
            ADD_FAILURE() << field;
        } catch (const InvalidArgument& error) {
            EXPECT_EQ(error.subject(), field);
        }
    };
    refused({.tenant = home.b, .name = ""}, "name");
    refused({.tenant = home.b, .slug = "Upper"}, "slug");
    refused({.tenant = home.b, .zone = "Mars/Olympus"}, "zone");
    refused({.tenant = home.b, .anchor_day = 0}, "anchor_day");
    EXPECT_THROW(home.registry->update(home.setup, {.tenant = home.fresh<TenantId>(), .name = "x"}), NotFound);
}

TEST_F(Life, IsSearchedInNamesSlugsAndRegions) {
    const auto make = [&](const std::string& name, const std::string& slug, const std::string& region) {
        return home.registry->create(home.setup, {.name = name, .slug = slug, .plan = "studio/basic", .region = region}).id;
    };
    const auto koeln = make("KÖLN & Söhne", "cologne", "eu");
    const auto tokyo = make("東京スタジオ", "tokyo", "jp"), moscow = make("ФИЛЬМ", "film", "eu");
    const auto found = [&](const TenantFilter& filter) {
        std::vector<TenantId> ids;
        for (const auto& tenant : home.registry->list(home.setup, filter)) ids.push_back(tenant.id);
        return ids;
    };
    EXPECT_EQ(found({.text = "köln"}), std::vector{koeln});
    EXPECT_EQ(found({.text = "SÖHNE"}), std::vector{koeln});
    EXPECT_EQ(found({.text = "фильм"}), std::vector{moscow});
    EXPECT_EQ(found({.text = "京ス"}), std::vector{tokyo});
    EXPECT_EQ(found({.text = "LOG"}), std::vector{koeln}) << "of the slug";
    EXPECT_EQ(found({.region = "eu"}), (std::vector{koeln, moscow}));
    EXPECT_EQ(found({.region = "eu", .text = "film"}), std::vector{moscow});
    EXPECT_EQ(found({.region = "eu", .after = koeln, .limit = 1}), std::vector{moscow});
    EXPECT_TRUE(found({.text = "nobody"}).empty());
    EXPECT_THROW(found({.text = std::string("a\0b", 3)}), InvalidArgument);
}

}  // namespace
}  // namespace tenon::tenant
