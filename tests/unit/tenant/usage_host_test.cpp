// What hosts measure: told once or many times, in order or not, late, corrected, by project, site and tag.

#include <tenant/usage.hpp>

#include <fstream>
#include <map>
#include <random>
#include <set>
#include <sstream>

#include <gtest/gtest.h>

#include <tenant/projects.hpp>
#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::usage {
namespace {

using namespace std::chrono_literals;

class HostUsage : public ::testing::Test {
protected:
    UsageEvent calls(const std::string& id, std::int64_t n) {
        return {.source = "gateway", .id = id, .meter = "api_calls", .quantity = n, .occurred_at = home.now()};
    }
    std::vector<UsageReceipt> record(const TenantId& id, const std::vector<UsageEvent>& events) {
        return home.write(id, [&](db::Tx& tx) { return usage::record(tx, events, home.now()); });
    }
    UsageOutcome record(const UsageEvent& event) { return record(home.a, {event}).at(0).outcome; }
    UsageReceipt correct(const CorrectionOptions& options) { return home.registry->correct_usage(home.setup, options); }
    CorrectionOptions correction(const std::string& id, const std::string& of) {
        CorrectionOptions options{.source = "billing", .id = id, .corrects_source = "gateway", .corrects_id = of, .reason = "counted twice"};
        options.tenant = home.a;
        return options;
    }
    std::int64_t total(const std::string& meter, std::int32_t period) {
        return home.read(home.a, [&](db::Reader& r) {
            for (const auto& month : months(r, 24, home.now()))
                if (month.number == period)
                    for (const auto& sum : month.meters)
                        if (sum.meter == meter) return sum.quantity;
            return std::int64_t{0};
        });
    }
    std::int64_t used(Resource resource) {
        return home.read(home.a, [&](db::Reader& r) { return quota::get(r, resource, home.now()).used; });
    }
    std::int32_t running() {
        return home.read(home.a, [&](db::Reader& r) { return peek_period(r, home.now()).n; });
    }
    UsageCheck verify(bool repair = false) { return verify(home.a, repair); }
    UsageCheck verify(const TenantId& id, bool repair = false) {
        Verifier verifier(*home.database, home.scope(id), repair);
        while (verifier.step()) continue;
        return std::move(verifier).result();
    }
    UsagePage page(const UsageFilter& filter, std::optional<TenantId> id = {}) {
        return home.read(id.value_or(home.a), [&](db::Reader& r) { return events(r, filter); });
    }
    std::map<std::string, std::int64_t> shares(const BreakdownOptions& options) {
        std::map<std::string, std::int64_t> map;
        for (const auto& share : home.read(home.a, [&](db::Reader& r) { return breakdown(r, options); })) map[share.key] += share.quantity;
        return map;
    }
    void damage(const char* sql) {
        home.registry.reset();
        home.database.reset();
        auto tables = home.tables;
        tables.push_back({.room = "damage" + std::to_string(damaged++), .number = 1, .sql = sql});
        home.tables = tables;
        home.open();
    }
    int damaged = 0;
    testing::Home home;
};

TEST_F(HostUsage, CountsOnceHoweverOftenItIsToldAndIsAnsweredAsSuch) {
    EXPECT_EQ(record(calls("one", 3)), UsageOutcome::recorded);
    const auto again = record(home.a, {calls("one", 3), calls("two", 4), calls("two", 4)});
    ASSERT_EQ(again.size(), 3u);
    EXPECT_EQ(again[0].outcome, UsageOutcome::duplicate);
    EXPECT_EQ(again[1].outcome, UsageOutcome::recorded);
    EXPECT_EQ(again[2].outcome, UsageOutcome::duplicate) << "within one call, too";
    EXPECT_EQ(again[2].id, "two");
    EXPECT_EQ(again[0].period, running());
    EXPECT_EQ(total("api_calls", running()), 7);
    EXPECT_EQ(used(Resource::api_calls), 7) << "the quota that the meter feeds";
    EXPECT_EQ(verify().different, 0);
}

TEST_F(HostUsage, OtherContentUnderOneNameIsAConflictThatNamesItAndNothingOfTheCallCounts) {
    record(calls("one", 3));
    const auto refused = [&](UsageEvent event) {
        try {
            record(home.a, {calls("new", 100), event});
            ADD_FAILURE() << "counted";
        } catch (const Conflict& error) {
            EXPECT_EQ(error.subject(), "gateway/one");
        }
    };
    refused(calls("one", 4));
    auto other = calls("one", 3);
    other.occurred_at -= 1us;
    refused(other);
    other = calls("one", 3);
    other.meter = "scans";
    refused(other);
    other = calls("one", 3);
    other.site = "north";
    refused(other);
    other = calls("one", 3);
    other.tags = {{"team", "red"}};
    refused(other);
    EXPECT_EQ(total("api_calls", running()), 3);
    EXPECT_EQ(page({}).records.size(), 1u);
    EXPECT_EQ(verify().different, 0);
}

TEST_F(HostUsage, ComesInUnitsThatStay) {
    auto event = calls("a", 1);
    event.meter = "scans";
    event.unit = "page";
    record(event);
    event.id = "b";
    event.unit.clear();
    EXPECT_EQ(record(event), UsageOutcome::recorded) << "the meter's own";
    event.id = "c";
    event.unit = "sheet";
    EXPECT_THROW(record(event), Conflict);
    EXPECT_EQ(page({.meter = "scans"}).records.at(1).unit, "page");
    event.meter = "api_calls";
    EXPECT_THROW(record(event), Conflict);
    event.meter = "upload_bytes";
    event.unit = "bytes";
    EXPECT_EQ(record(event), UsageOutcome::recorded);
    auto theirs = event;
    theirs.meter = "scans";
    theirs.unit = "box";
    EXPECT_NO_THROW(record(home.b, {theirs})) << "units are the tenant's own";
}

TEST_F(HostUsage, IsChecked) {
    const auto refused = [&](auto change, const char* field) {
        auto event = calls("x", 1);
        change(event);
        try {
            record(event);
            ADD_FAILURE() << field;
        } catch (const InvalidArgument& error) {
            EXPECT_EQ(error.subject(), field);
        }
    };
    refused([](UsageEvent& e) { e.source = "hold"; }, "source");
    refused([](UsageEvent& e) { e.source = ""; }, "source");
    refused([](UsageEvent& e) { e.id = "a\nb"; }, "id");
    refused([](UsageEvent& e) { e.meter = "Api"; }, "meter");
    refused([](UsageEvent& e) { e.meter = "storage"; }, "meter");
    refused([](UsageEvent& e) { e.meter = "rendered_bytes"; }, "meter");
    refused([](UsageEvent& e) { e.quantity = -1; }, "quantity");
    refused([](UsageEvent& e) { e.quantity = (std::int64_t{1} << 53) + 1; }, "quantity");
    refused([](UsageEvent& e) { e.occurred_at = {}; }, "occurred_at");
    refused([](UsageEvent& e) { e.occurred_at += 10min + 1us; }, "occurred_at");
    refused([](UsageEvent& e) { e.site = "a\tb"; }, "site");
    refused([](UsageEvent& e) { e.tags = {{"a b", "x"}}; }, "tags");
    refused([](UsageEvent& e) { e.tags = {{"a", ""}}; }, "tags");
    refused([](UsageEvent& e) { e.tags = {{"a", "x"}, {"a", "y"}}; }, "tags");
    refused([](UsageEvent& e) { e.tags.resize(17, {"a", "x"}); }, "tags");
    refused([](UsageEvent& e) { e.meter = "scans", e.unit = "Sheets of A4"; }, "unit");
    EXPECT_THROW(record(home.a, {}), InvalidArgument);
    EXPECT_THROW(record(home.a, std::vector<UsageEvent>(1001, calls("x", 1))), InvalidArgument);
    auto ahead = calls("ahead", 1);
    ahead.occurred_at += 10min;
    EXPECT_EQ(record(ahead), UsageOutcome::recorded) << "clocks differ a little";
}

TEST_F(HostUsage, GoesToItsPeriodWhileThatIsOpenAndThenToTheOneThatRunsMarkedLate) {
    const auto march = home.now();
    const auto n = running();
    const auto of_march = [&](const std::string& id, std::int64_t quantity) {
        auto event = calls(id, quantity);
        event.occurred_at = march;
        return event;
    };
    record(of_march("in time", 1));
    home.clock->advance(24h * 22 + 11h);  // 1 April, 23:00
    record(calls("april", 1000));
    EXPECT_EQ(record(of_march("a day late", 10)), UsageOutcome::recorded);
    EXPECT_EQ(total("api_calls", n), 11);
    home.clock->advance(25h - 1us);  // 3 April 00:00, but for a microsecond
    EXPECT_EQ(record(of_march("just in time", 100)), UsageOutcome::recorded);
    home.clock->advance(1us);
    const auto late = record(home.a, {of_march("too late", 10'000)}).at(0);
    EXPECT_EQ(late.outcome, UsageOutcome::late);
    EXPECT_EQ(late.period, n + 1);
    EXPECT_EQ(record(of_march("too late", 10'000)), UsageOutcome::duplicate);
    EXPECT_EQ(total("api_calls", n), 111);
    EXPECT_EQ(total("api_calls", n + 1), 11'000);
    EXPECT_EQ(used(Resource::api_calls), 11'000);
    const auto stored = page({.end = march + 1us, .period = n + 1});
    ASSERT_EQ(stored.records.size(), 1u);
    EXPECT_TRUE(stored.records[0].late);
    EXPECT_EQ(stored.records[0].occurred_at, march) << "under its own time";
    EXPECT_EQ(shares({.by = UsageKey::site, .period = n + 1})[""], 11'000);
    EXPECT_EQ(shares({.by = UsageKey::site, .end = march + 15min})[""], 10'111);
    auto before_all = calls("before all", 5);
    before_all.occurred_at = Time(std::chrono::sys_days(std::chrono::year(2020) / 1 / 1));
    EXPECT_EQ(record(before_all), UsageOutcome::late);
    EXPECT_EQ(verify().different, 0);
}

TEST_F(HostUsage, CountsBeyondALimitSinceItHasHappenedAndWarns) {
    record(calls("many", 50'000'000));
    EXPECT_EQ(used(Resource::api_calls), 50'000'000);
    auto render = calls("elsewhere", 36'000'000 - 1);
    render.meter = "render_time";
    record(render);
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) {
        quota::reserve(tx, home.fresh<HoldId>(), {.asks = {{Resource::render_time, 2}}}, home.now());
    }), QuotaExceeded);
    EXPECT_EQ(used(Resource::render_time), 36'000'000 - 1);
}

TEST_F(HostUsage, SumsCannotWrap) {
    std::vector<UsageEvent> events;
    for (int i = 0; i < 600; ++i) events.push_back(calls(std::to_string(i), std::int64_t{1} << 53)), events.back().meter = "atoms";
    EXPECT_THROW(record(home.a, events), InvalidArgument) << "600 times 2^53 is more than 2^62";
    events.resize(500);
    EXPECT_NO_THROW(record(home.a, events));
    for (auto& event : events) event.id += " again";
    EXPECT_THROW(record(home.a, events), InvalidArgument);
    EXPECT_EQ(total("atoms", running()), 500 * (std::int64_t{1} << 53));
    EXPECT_EQ(verify().different, 0);
}

TEST_F(HostUsage, IsForProjectsOfTheTenantAlsoForThoseThatAreGone) {
    const auto create = [&](const TenantId& id, const Actor& actor) {
        const auto project = home.fresh<ProjectId>();
        home.write(id, [&](db::Tx& tx) { return projects::create(tx, actor, project, {.name = "reel"}, home.now()); });
        return project;
    };
    const auto mine = create(home.a, home.alice), theirs = create(home.b, home.alice);
    auto event = calls("one", 5);
    event.project = theirs;
    EXPECT_THROW(record(event), NotFound);
    event.project = ProjectId{};
    EXPECT_THROW(record(event), NotFound);
    event.project = mine;
    record(event);
    home.write(home.a, [&](db::Tx& tx) { projects::remove(tx, home.alice, mine, home.now()); });
    event.id = "late";
    EXPECT_EQ(record(event), UsageOutcome::recorded);
    EXPECT_EQ(shares({.by = UsageKey::project})[mine.text()], 10);
    EXPECT_TRUE(page({}, home.b).records.empty());
    EXPECT_EQ(verify(home.b).events, 0);
}

TEST_F(HostUsage, IsCorrectedByReferenceNeverBelowNothingAndWithReason) {
    record(calls("one", 100));
    auto less = correction("c1", "one");
    less.by = -30;
    EXPECT_EQ(correct(less).outcome, UsageOutcome::recorded);
    EXPECT_EQ(correct(less).outcome, UsageOutcome::duplicate);
    EXPECT_EQ(total("api_calls", running()), 70);
    EXPECT_EQ(used(Resource::api_calls), 70);
    auto other = less;
    other.by = -31;
    EXPECT_THROW(correct(other), Conflict);
    auto too_much = correction("c2", "one");
    too_much.by = -71;
    EXPECT_THROW(correct(too_much), InvalidArgument);
    auto set = correction("c3", "one");
    set.to = 0;
    EXPECT_EQ(correct(set).outcome, UsageOutcome::recorded);
    EXPECT_EQ(correct(set).outcome, UsageOutcome::duplicate) << "although it would change nothing any more";
    EXPECT_EQ(total("api_calls", running()), 0);
    EXPECT_EQ(used(Resource::api_calls), 0);
    auto of_correction = correction("c4", "x");
    of_correction.corrects_source = "billing";
    of_correction.corrects_id = "c1";
    of_correction.by = 1;
    EXPECT_THROW(correct(of_correction), Conflict);
    auto of_nothing = correction("c5", "nothing");
    of_nothing.by = -1;
    EXPECT_THROW(correct(of_nothing), NotFound);
    auto foreign = correction("c6", "one");
    foreign.tenant = home.b;
    foreign.by = -1;
    EXPECT_THROW(correct(foreign), NotFound);
    auto silent = correction("c7", "one");
    silent.by = 1;
    silent.reason.clear();
    EXPECT_THROW(correct(silent), InvalidArgument);
    EXPECT_THROW(record(home.a, {[&] {
        auto event = calls("c1", 5);
        event.source = "billing";
        return event;
    }()}), Conflict) << "a correction's name is taken";
    bool told = false;
    for (const auto& entry : home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "tenant.correct_usage"}); }))
        told = told || (entry.reason == "counted twice" && entry.details.find("gateway/one") != std::string::npos);
    EXPECT_TRUE(told);
    EXPECT_EQ(verify().different, 0);
}

TEST_F(HostUsage, CorrectionsOfAClosedPeriodCountInTheOneThatRunsAndLeaveItsQuota) {
    record(calls("one", 100));
    const auto n = running();
    home.clock->advance(24h * 25);
    record(calls("april", 10));
    auto less = correction("c1", "one");
    less.to = 60;
    const auto receipt = correct(less);
    EXPECT_EQ(receipt.outcome, UsageOutcome::late);
    EXPECT_EQ(receipt.period, n + 1);
    EXPECT_EQ(total("api_calls", n), 100) << "what was billed stays";
    EXPECT_EQ(total("api_calls", n + 1), -30);
    EXPECT_EQ(used(Resource::api_calls), 10);
    EXPECT_EQ(verify().different, 0);
}

TEST_F(HostUsage, CostTagsAreThoseThatHeldWhenItHappened) {
    const auto tag = [&](const CostTags& tags) { home.write(home.a, [&](db::Tx& tx) { set_cost_tags(tx, tags, home.now()); }); };
    tag({.tags = {{"centre", "100"}, {"owner", "acme"}}});
    tag({.site = "north", .tags = {{"centre", "200"}}});
    record(calls("plain", 1));
    auto north = calls("north", 2);
    north.site = "north";
    record(north);
    auto own = calls("own", 4);
    own.site = "north";
    own.tags = {{"centre", "300"}};
    record(own);
    const auto then = home.now();
    home.clock->advance(1h);
    tag({.site = "north", .tags = {{"centre", "999"}}});
    auto later = calls("later", 8);
    later.site = "north";
    record(later);
    auto earlier = calls("earlier", 16);
    earlier.site = "north";
    earlier.occurred_at = then;
    record(earlier);
    using Shares = std::map<std::string, std::int64_t>;
    EXPECT_EQ(shares({.by = UsageKey::tag, .tag = "centre"}), (Shares{{"100", 1}, {"200", 18}, {"300", 4}, {"999", 8}}));
    EXPECT_EQ(shares({.by = UsageKey::tag, .tag = "owner"}), (Shares{{"acme", 31}}));
    EXPECT_EQ(shares({.by = UsageKey::tag, .tag = "none"}), (Shares{{"", 31}}));
    EXPECT_EQ(shares({.by = UsageKey::site, .meter = "api_calls"}), (Shares{{"", 1}, {"north", 30}}));
    EXPECT_EQ(shares({.by = UsageKey::site, .start = then + 1h, .end = then + 2h}), (Shares{{"north", 8}}));
    EXPECT_EQ(record(north), UsageOutcome::duplicate) << "other cost tags since are no other content";
    ASSERT_EQ(home.read(home.a, cost_tags).size(), 2u);
    tag({.tags = {}});
    EXPECT_EQ(home.read(home.a, cost_tags).size(), 1u);
    EXPECT_TRUE(home.read(home.b, cost_tags).empty());
    home.clock->advance(1h);
    record(calls("untagged", 32));
    EXPECT_EQ(shares({.by = UsageKey::tag, .tag = "owner"}), (Shares{{"", 32}, {"acme", 31}}));
    EXPECT_THROW(shares({.by = UsageKey::tag}), InvalidArgument);
    EXPECT_THROW(shares({.by = UsageKey::site, .tag = "x"}), InvalidArgument);
    EXPECT_THROW(shares({.by = UsageKey::site, .start = then + 1us}), InvalidArgument);
    EXPECT_THROW(tag({.project = ProjectId{1, 2}, .site = "north"}), InvalidArgument);
    EXPECT_EQ(verify().different, 0);
}

TEST_F(HostUsage, IsListedPageByPageEachOnce) {
    std::set<std::string> told;
    std::mt19937 random(3);
    for (int i = 0; i < 257; ++i) {
        auto event = calls("e:" + std::to_string(i), i);
        event.occurred_at -= i % 7 == 0 ? Duration{0} : Duration(random() % 4'000'000);  // some at once, some within one second
        event.meter = i % 5 == 0 ? "scans" : "api_calls";
        record(event);
        told.insert(event.id);
    }
    std::set<std::string> found;
    std::pair<Time, std::string> last{};
    UsageFilter filter{.limit = 10};
    int pages = 0;
    do {
        const auto one = page(filter);
        for (const auto& record : one.records) {
            EXPECT_TRUE(found.insert(record.id).second);
            EXPECT_GT(std::pair(record.occurred_at, record.id), last);
            last = {record.occurred_at, record.id};
        }
        filter.after = one.next;
        ++pages;
    } while (!filter.after.empty());
    EXPECT_EQ(found, told);
    EXPECT_EQ(pages, 26);
    EXPECT_EQ(page({.meter = "scans"}).records.size(), 52u);
    EXPECT_TRUE(page({.start = home.now() + 1us}).records.empty());
    const auto from = home.now() - 2'500'000us, to = home.now() - 1'250'000us;  // amid seconds
    std::size_t between = 0;
    for (const auto& record : page({.limit = 1000}).records) between += record.occurred_at >= from && record.occurred_at < to;
    EXPECT_GT(between, 0u);
    EXPECT_EQ(page({.start = from, .end = to, .limit = 1000}).records.size(), between);
    EXPECT_THROW(page({.limit = 0}), InvalidArgument);
    for (const auto* wrong : {"x", "1", "1:", "1:99:a", "1:-1:a", "99999999999999999999:1:a"}) EXPECT_THROW(page({.after = wrong}), InvalidArgument);
}

// What an older version wrote has no seconds yet.
TEST(UsageSteps, EventsOfAnOlderHomeAreListedAndAddedUpAsBefore) {
    const tests::TempFolder folder;
    std::vector<db::Migration> before;
    for (const auto& step : migrations())
        if (step.room != "usage" || step.number < 2) before.push_back(step);
    const auto event = [](const char* id, const char* time) {
        return std::string("INSERT INTO usage_event_ (tenant_id, source, id, meter, qty, occurred_at, received_at, period, dims) "
                           "VALUES (x'0000000000000000000000000000000a', 'gateway', '") +
               id + "', 'made', 1, " + time + ", 1, 1, '');\n";
    };
    const std::string tenant =
        "INSERT INTO plan (name, version, catalogue, title, currency, price_interval, per, trial_days, features, limits, rates, weight, retention, "
        "overage) VALUES ('old', 1, 'old', 'Old', 'EUR', 'month', 'tenant', 0, '[]', '{}', '[]', 1, '{}', '{}');\n"
        "INSERT INTO tenant_ (tenant_id, name, slug, partner, plan, plan_version, state, region, zone, anchor_day, epoch, created_at) "
        "VALUES (x'0000000000000000000000000000000a', 'Old', 'old', x'00000000000000000000000000000000', 'old', 1, 2, 'local', 'UTC', 1, 1, 1);\n";
    const db::Migration old{.room = "old", .number = 1, .sql = tenant + event("late", "1770000001999999") + event("a", "1770000001000000") +
                                                              event("b", "1770000001000000") + event("first", "1769999998000001")};
    before.push_back(old);
    (void)db::Database::open(tests::store_in(folder.path()), before);
    auto now = migrations();
    now.push_back(old);
    const auto store = db::Database::open(tests::store_in(folder.path()), now);
    const auto scope = db::testing::ScopeMaker::tenant(TenantId{.high = 0, .low = 10});
    const auto ids = [&](const UsageFilter& filter) {
        std::string all;
        for (const auto& record : store->read(scope, [&](db::Reader& reader) { return events(reader, filter); }).records) all += record.id + " ";
        return all;
    };
    EXPECT_EQ(ids({}), "first a b late ");
    EXPECT_EQ(ids({.start = Time{Duration{1770000001000001}}}), "late ");
    EXPECT_EQ(ids({.end = Time{Duration{1770000001999999}}}), "first a b ");
    Verifier verifier(*store, scope);
    while (verifier.step()) continue;
    EXPECT_EQ(std::move(verifier).result().events, 4);
}

TEST_F(HostUsage, IsExportedInCsvThatNoSpreadsheetRunsAndInJsonLines) {
    auto event = calls("=HYPERLINK(\"http://x\",\"y\")", 7);
    event.site = "@north, \"left\"";
    event.tags = {{"team", "red"}};
    record(event);
    auto plain = calls("plain", 1);
    plain.occurred_at += 1us;
    record(plain);
    auto minus = correction("-1+2", "plain");
    minus.by = -1;
    correct(minus);
    const auto read_file = [](const std::filesystem::path& path) {
        std::ostringstream text;
        text << std::ifstream(path, std::ios::binary).rdbuf();
        return text.str();
    };
    const auto csv = home.folder / "usage.csv";
    const auto done = export_file(*home.database, home.scope(home.a), {.path = csv});
    EXPECT_EQ(done.records, 3);
    const auto text = read_file(csv);
    EXPECT_EQ(done.size.count, std::ssize(text));
    EXPECT_TRUE(text.starts_with("source,id,meter,unit,quantity,occurred_at,received_at,period,late,project,site,tags,"
                                 "corrects_source,corrects_id\r\n"));
    EXPECT_NE(text.find("\r\ngateway,\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\",api_calls,count,7,2026-03-10T12:00:00.000000Z,"
                        "2026-03-10T12:00:00.000000Z,1,false,,\"'@north, \"\"left\"\"\",\"{\"\"team\"\":\"\"red\"\"}\",,\r\n"),
              std::string::npos) << text;
    EXPECT_NE(text.find("\r\nbilling,\"'-1+2\",api_calls,count,-1,"), std::string::npos) << "a number below 0 stays a number\n" << text;
    EXPECT_THROW(export_file(*home.database, home.scope(home.a), {.path = csv}), Conflict);
    EXPECT_EQ(read_file(csv), text);
    const auto json = home.folder / "usage.jsonl";
    EXPECT_EQ(export_file(*home.database, home.scope(home.a), {.path = json, .format = UsageFormat::json_lines, .meter = "api_calls"}).records, 3);
    std::istringstream lines(read_file(json));
    std::int64_t sum = 0;
    int count = 0;
    for (std::string line; std::getline(lines, line); ++count) sum += base::parse_json(line).get_int("quantity");
    EXPECT_EQ(count, 3);
    EXPECT_EQ(sum, 7);
    EXPECT_EQ(export_file(*home.database, home.scope(home.b), {.path = home.folder / "theirs.csv"}).records, 0);
}

TEST_F(HostUsage, WhatDiffersIsFoundExactlyAndSetRight) {
    for (int i = 0; i < 50; ++i) {
        auto event = calls(std::to_string(i), 10);
        event.occurred_at -= std::chrono::minutes(i);
        event.site = i % 2 ? "north" : "";
        record(event);
    }
    EXPECT_EQ(verify().events, 50);
    EXPECT_EQ(verify().different, 0);
    // One minute, one share and one period are off, one hour is missing, and a quota.
    damage("DROP TRIGGER usage_rollup_update; DROP TRIGGER usage_rollup_delete; DROP TRIGGER usage_share_update; DROP TRIGGER quota_update;"
           "UPDATE usage_rollup_ SET qty = qty + 1 WHERE grain = 1 AND bucket = (SELECT max(bucket) FROM usage_rollup_ WHERE grain = 1);"
           "DELETE FROM usage_rollup_ WHERE grain = 2 AND bucket = (SELECT min(bucket) FROM usage_rollup_ WHERE grain = 2);"
           "UPDATE usage_rollup_ SET qty = 7 WHERE grain = 3;"
           "UPDATE usage_share_ SET qty = qty - 3 WHERE dims > 0 AND bucket = (SELECT max(bucket) FROM usage_share_ WHERE dims > 0);"
           "UPDATE quota_ SET used = used + 5 WHERE resource = 9;");
    const auto found = verify();
    EXPECT_EQ(found.different, 5);
    std::map<std::string, UsageDifference> by;
    for (const auto& difference : found.differences) by[difference.sum] = difference;
    EXPECT_EQ(by["minute"].kept - by["minute"].counted, 1);
    EXPECT_EQ(by["minute"].start, home.now());
    EXPECT_EQ(by["hour"].kept, 0);
    EXPECT_EQ(by["hour"].counted, 490) << "12:00 has one, 11:00 the others";
    EXPECT_EQ(by["period"].kept, 7);
    EXPECT_EQ(by["period"].counted, 500);
    EXPECT_EQ(by["share"].counted - by["share"].kept, 3);
    EXPECT_EQ(by["quota"].kept, 505);
    EXPECT_EQ(by["quota"].counted, 500);
    EXPECT_EQ(by["quota"].meter, "api_calls");
    const auto repaired = home.registry->rebuild_usage(home.setup, home.a, "after a bad disk");
    EXPECT_EQ(repaired.different, 5);
    EXPECT_EQ(verify().different, 1) << "quotas are what holds and leases go by: they are told of, and stay";
    EXPECT_EQ(verify().differences.at(0).sum, "quota");
    EXPECT_EQ(total("api_calls", running()), 500);
}

TEST_F(HostUsage, IsAddedUpAgainEachNightInWhichSomethingIsNew) {
    const auto due = [&] { return home.database->read(home.system, [&](db::SystemReader& r) { return due_for_check(r, home.now()); }); };
    const auto begin = [&] { return home.write(home.a, [&](db::Tx& tx) { return begin_check(tx, home.now()); }); };
    EXPECT_FALSE(due());
    record(calls("one", 1));
    EXPECT_FALSE(due()) << "not before the night";
    home.clock->advance(16h);  // 04:00
    EXPECT_EQ(due(), home.a);
    EXPECT_TRUE(begin());
    EXPECT_FALSE(begin()) << "somebody else does it already";
    EXPECT_FALSE(due());
    home.write(home.a, [&](db::Tx& tx) { end_check(tx, {}, home.now()); });
    home.clock->advance(24h * 3);
    EXPECT_FALSE(due()) << "nothing is new";
    record(calls("two", 1));
    home.clock->advance(24h);
    EXPECT_TRUE(begin());
    record(calls("three", 1));
    const auto check = verify();
    home.write(home.a, [&](db::Tx& tx) { end_check(tx, check, home.now()); });
    home.clock->advance(24h);
    EXPECT_EQ(due(), home.a) << "what came meanwhile";
    EXPECT_TRUE(begin());
    home.clock->advance(7h);
    EXPECT_EQ(due(), home.a) << "who was to do it was killed";
    home.write(home.a, [&](db::Tx& tx) {
        end_check(tx, {.events = 3, .different = 1, .differences = {{.sum = "hour", .meter = "api_calls", .kept = 1, .counted = 2}}}, home.now());
    });
    EXPECT_EQ(home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "usage.difference"}); }).size(), 1u);
}

/// What a tenant's usage is, kept by plain arithmetic.
struct Model {
    struct One {
        std::string meter{};
        std::int64_t quantity = 0, stands = 0;
        std::int32_t period = 0;
    };
    std::map<std::string, One> events{};
    std::map<std::pair<std::int32_t, std::string>, std::int64_t> periods{};
    std::map<std::string, std::int64_t> sites{};
    std::map<std::int32_t, std::int64_t> quota{};  // of api_calls
};

TEST_F(HostUsage, IsWhatAModelSaysAfterRandomDuplicatesReorderingsLateOnesAndCorrections) {
    std::mt19937 random(20261122);
    Model model;
    std::map<std::string, UsageEvent> told;
    const char* const meters[] = {"api_calls", "scans", "upload_bytes"};
    const char* const sites[] = {"", "north", "south"};
    int conflicts = 0, late = 0, corrections = 0;
    for (int round = 0; round < 120; ++round) {
        std::vector<UsageEvent> batch;
        bool conflict = false;
        for (int i = 0; i < 30; ++i) {
            if (!told.empty() && random() % 10 < 3) {  // again, as a retry does
                auto again = std::next(told.begin(), static_cast<std::ptrdiff_t>(random() % told.size()))->second;
                if (random() % 400 == 0) again.quantity += 1, conflict = true;
                batch.push_back(again);
                continue;
            }
            auto event = calls(std::to_string(round) + "-" + std::to_string(i), static_cast<std::int64_t>(random() % 1000));
            event.meter = meters[random() % 3];
            event.site = sites[random() % 3];
            // One in ten is out of order by up to forty days.
            if (random() % 10 == 0) event.occurred_at -= std::chrono::minutes(random() % (40 * 24 * 60));
            if (random() % 4 == 0) event.tags = {{"team", std::to_string(random() % 3)}};
            batch.push_back(event);
        }
        std::ranges::shuffle(batch, random);
        try {
            const auto receipts = record(home.a, batch);
            ASSERT_FALSE(conflict);
            for (std::size_t i = 0; i < batch.size(); ++i) {
                const auto& event = batch[i];
                EXPECT_EQ(receipts[i].outcome == UsageOutcome::duplicate, model.events.contains(event.id));
                late += receipts[i].outcome == UsageOutcome::late;
                const Model::One one{event.meter, event.quantity, event.quantity, receipts[i].period};
                if (!model.events.try_emplace(event.id, one).second) continue;
                told[event.id] = event;
                model.periods[{receipts[i].period, event.meter}] += event.quantity;
                model.sites[event.site] += event.quantity;
                if (event.meter == "api_calls") model.quota[receipts[i].period] += event.quantity;
            }
        } catch (const Conflict&) {
            EXPECT_TRUE(conflict);
            ++conflicts;
        }
        for (int i = 0; i < 3; ++i) {
            auto& [id, one] = *std::next(model.events.begin(), static_cast<std::ptrdiff_t>(random() % model.events.size()));
            auto options = correction("c" + std::to_string(round) + "-" + std::to_string(i), id);
            options.by = static_cast<std::int64_t>(random() % 1500) - 1000;
            if (one.stands + *options.by < 0) {
                EXPECT_THROW(correct(options), InvalidArgument);
                continue;
            }
            const auto receipt = correct(options);
            if (random() % 2) {
                EXPECT_EQ(correct(options).outcome, UsageOutcome::duplicate);
            }
            ++corrections;
            one.stands += *options.by;
            model.periods[{receipt.period, one.meter}] += *options.by;
            model.sites[told[id].site] += *options.by;
            if (one.meter == "api_calls" && receipt.outcome == UsageOutcome::recorded) model.quota[receipt.period] += *options.by;
        }
        home.clock->advance(std::chrono::minutes(random() % (24 * 60)));
    }
    EXPECT_GT(conflicts, 0);
    EXPECT_GT(late, 20);
    EXPECT_GT(corrections, 100);
    for (const auto& [key, quantity] : model.periods) EXPECT_EQ(total(key.second, key.first), quantity) << key.first << " " << key.second;
    for (const auto& [site, quantity] : shares({.by = UsageKey::site})) EXPECT_EQ(quantity, model.sites[site]) << site;
    EXPECT_EQ(used(Resource::api_calls), model.quota[running()]);
    const auto check = verify();
    EXPECT_EQ(check.different, 0) << (check.differences.empty() ? "" : check.differences[0].sum + " " + check.differences[0].meter);
    EXPECT_EQ(check.events, std::ssize(model.events) + corrections);
}

}  // namespace
}  // namespace tenon::tenant::usage
