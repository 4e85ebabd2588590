#include <tenant/audit.hpp>

#include <algorithm>
#include <fstream>
#include <map>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <crypto/merkle.hpp>
#include <raw_store.hpp>
#include <tenant/projects.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"

namespace tenon::tenant::audit {
namespace {

using namespace std::chrono_literals;
using base::Json;

class Trail : public ::testing::Test {
protected:
    Entry entry(std::string action, Json details = {}) {
        return {.time = home.now(), .action = std::move(action), .target = "prj_1", .details = std::move(details)};
    }
    void append(const TenantId& id, const Entry& what) {
        home.write(id, [&](db::Tx& tx) { audit::append(tx, home.alice, what); });
    }
    void append(db::Tx& tx, int i) {
        auto details = Json::object();
        details.set("i", i);
        audit::append(tx, {.id = "alice", .reason = i % 2 ? "because" : ""}, entry("thing.do", details));
    }
    /// In one transaction: they share a row.
    void append(const TenantId& id, int count) {
        home.write(id, [&](db::Tx& tx) {
            for (int i = 0; i < count; ++i) append(tx, i);
        });
    }
    /// In one each, with rows of their own.
    void append_alone(const TenantId& id, int count) {
        for (int i = 0; i < count; ++i) home.write(id, [&](db::Tx& tx) { append(tx, i); });
    }
    std::vector<AuditRecord> list(const TenantId& id, const AuditFilter& filter = {}) {
        return home.read(id, [&](db::Reader& r) { return audit::list(r, filter); });
    }
    AuditReport verify(const TenantId& id) { return audit::verify(*home.database, home.scope(id)); }

    testing::Home home;
};

TEST_F(Trail, SaysWhoDidWhatToWhatAndWhy) {
    auto details = Json::object();
    details.set("name", "Spring reel");
    home.write(home.a, [&](db::Tx& tx) {
        audit::append(tx, {.kind = ActorKind::host, .id = "alice", .reason = "tidy", .request_id = "r-1"}, entry("project.create", details));
    });
    const auto records = list(home.a);
    ASSERT_EQ(records.size(), 2u) << "creating the tenant is the first";
    EXPECT_EQ(records[0].action, "tenant.create");
    EXPECT_EQ(records[0].actor, "setup");
    const auto& record = records[1];
    EXPECT_EQ(record.seq, 1);
    EXPECT_EQ(record.at, home.now());
    EXPECT_EQ(record.actor, "alice");
    EXPECT_EQ(record.action, "project.create");
    EXPECT_EQ(record.target, "prj_1");
    EXPECT_EQ(record.outcome, "ok");
    EXPECT_EQ(record.reason, "tidy");
    EXPECT_EQ(record.details, R"({"name":"Spring reel"})");
    EXPECT_EQ(verify(home.a).head, record.hash);
    EXPECT_EQ(verify(home.a).records, 2);
}

TEST_F(Trail, IsOnePerTenantAndOneOfTheOperators) {
    append(home.a, 3);
    EXPECT_EQ(list(home.a).size(), 4u);
    EXPECT_EQ(list(home.b).size(), 1u);
    const auto operators = home.database->read(home.registry->operators_scope(), [](db::Reader& r) { return audit::list(r, {}); });
    ASSERT_EQ(operators.size(), 2u);
    EXPECT_EQ(operators[1].target, home.b.text());
    EXPECT_EQ(operators[1].reason, "tests");
    EXPECT_EQ(audit::verify(*home.database, home.registry->operators_scope()).records, 2);
}

TEST_F(Trail, IsWrittenWithTheChangeOrNotAtAll) {
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) {
        audit::append(tx, home.alice, entry("thing.do"));
        throw Conflict("later");
    }), Conflict);
    EXPECT_EQ(list(home.a).size(), 1u);
    append(home.a, 1);
    EXPECT_EQ(list(home.a)[1].actor, "alice") << "an actor first met in an undone transaction is known";
    EXPECT_EQ(verify(home.a).records, 2);
}

TEST_F(Trail, IsListedByActionAndInPages) {
    append(home.a, entry("project.create"));
    append(home.a, entry("project.remove"));
    append(home.a, entry("projector.start"));
    EXPECT_EQ(list(home.a, {.action = "project."}).size(), 2u);
    EXPECT_EQ(list(home.a, {.action = "project.create"}).size(), 1u);
    EXPECT_EQ(list(home.a, {.action = "project"}).size(), 0u);
    const auto page = list(home.a, {.after = 1, .limit = 1});
    ASSERT_EQ(page.size(), 1u);
    EXPECT_EQ(page[0].seq, 2);
    EXPECT_THROW(list(home.a, {.limit = 0}), InvalidArgument);
    EXPECT_THROW(list(home.a, {.limit = 10'001}), InvalidArgument);
}

TEST_F(Trail, RecordsRefusalsThatMatter) {
    audit::Refusals refusals(*home.database, home.clock);
    const auto refuse = [&](auto error) {
        EXPECT_THROW(audit::attempt(refusals, home.scope(home.a), home.alice, entry("thing.do"), [&] { throw error; }), Error);
    };
    refuse(QuotaExceeded("the plan's limit is reached"));
    refuse(PermissionDenied("the role does not include this"));
    refuse(NotFound("no such thing"));
    const auto records = list(home.a, {.after = 0});
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[0].outcome, "quota_exceeded");
    EXPECT_NE(records[0].details.find("the plan's limit is reached"), std::string::npos);
    EXPECT_EQ(records[1].outcome, "permission_denied");
    EXPECT_EQ(list(home.b).size(), 1u);
}

TEST_F(Trail, RefusalsAlikeAreCountedBeyondTenAMinute) {
    audit::Refusals refusals(*home.database, home.clock);
    const auto refuse = [&](int times, const char* actor = "mallory", const char* action = "thing.do") {
        for (int i = 0; i < times; ++i) refusals.append(home.scope(home.a), {.id = actor}, entry(action), PermissionDenied("no"));
    };
    refuse(1000);
    EXPECT_EQ(list(home.a, {.after = 0}).size(), 10u);
    refuse(1, "alice");
    refuse(1, "mallory", "thing.undo");
    refusals.append(home.scope(home.a), {.id = "mallory"}, entry("thing.do"), QuotaExceeded("too much"));
    refusals.append(home.scope(home.b), {.id = "mallory"}, entry("thing.do"), PermissionDenied("no"));
    EXPECT_EQ(list(home.a, {.after = 0}).size(), 13u) << "other actors, actions, errors and tenants count for themselves";
    EXPECT_EQ(list(home.b, {.after = 0}).size(), 1u);

    home.clock->advance(61s);
    refuse(1);
    auto records = list(home.a, {.after = 0});
    ASSERT_EQ(records.size(), 14u);
    EXPECT_EQ(records.back().details, R"({"message":"no","unrecorded":990})");
    refuse(29);
    home.clock->advance(59s);
    refusals.settle();
    EXPECT_EQ(list(home.a, {.after = 0}).size(), 23u) << "its minute is not over";
    home.clock->advance(2s);
    refusals.settle();
    refusals.settle();
    records = list(home.a, {.after = 0});
    ASSERT_EQ(records.size(), 24u);
    EXPECT_EQ(records.back().actor, "mallory");
    EXPECT_EQ(records.back().action, "thing.do");
    EXPECT_EQ(records.back().outcome, "permission_denied");
    EXPECT_EQ(records.back().details, R"({"message":"no","unrecorded":19})") << "this one and 19 more";
    refuse(11);
    refusals.close();
    EXPECT_EQ(list(home.a, {.after = 0}).size(), 35u);
    EXPECT_EQ(verify(home.a).records, 36);
}

TEST_F(Trail, RefusalsOfManyNamesAreCountedTogether) {
    audit::Refusals refusals(*home.database, home.clock);
    for (int i = 0; i < 400; ++i)
        refusals.append(home.scope(home.a), {.id = "guest " + std::to_string(i)}, entry("thing.do"), PermissionDenied("no"));
    auto records = list(home.a, {.after = 0, .limit = 1000});
    EXPECT_EQ(records.size(), audit::Refusals::most_kinds + 10);
    refusals.close();
    records = list(home.a, {.after = 0, .limit = 1000});
    ASSERT_EQ(records.size(), audit::Refusals::most_kinds + 11);
    EXPECT_EQ(records.back().action, "session.refused");
    EXPECT_EQ(records.back().details, R"({"message":"no","unrecorded":)" + std::to_string(400 - records.size()) + "}");
    EXPECT_NO_THROW(verify(home.a));
    for (int i = 0; i < 20; ++i) refusals.append(home.scope(home.a), {.id = "guest"}, entry("thing.do"), PermissionDenied("no"));
    refusals.forget(home.a);
    refusals.close();
    EXPECT_EQ(list(home.a, {.after = 0, .limit = 1000}).size(), records.size() + 10) << "an erased tenant's are forgotten";
}

TEST_F(Trail, ForgetsAPersonAndStillVerifies) {
    append(home.a, 3);
    append(home.b, 1);
    EXPECT_TRUE(home.write(home.a, [](db::Tx& tx) { return forget_actor(tx, "alice"); }));
    EXPECT_FALSE(home.write(home.a, [](db::Tx& tx) { return forget_actor(tx, "alice"); }));
    EXPECT_EQ(list(home.a)[1].actor, "");
    EXPECT_EQ(list(home.b)[1].actor, "alice");
    append(home.a, 1);
    EXPECT_EQ(list(home.a)[4].actor, "alice");
    EXPECT_EQ(verify(home.a).records, 5);
}

/// Personal values of two tenants, in rows of one record and of many.
class Personal : public Trail {
protected:
    Personal() {
        for (const auto& id : {home.a, home.b}) {
            write(id, {.kind = ActorKind::host, .id = "jane@acme.example", .reason = "asked by Ann Lee"}, "usr_7", "a");
            home.write(id, [&](db::Tx& tx) {
                add(tx, {.kind = ActorKind::host, .id = "bob", .reason = "on the channel"}, "usr_7", "b");
                add(tx, {.kind = ActorKind::host, .id = "bob"}, "prj_1", "jane@acme.example");
                add(tx, {.kind = ActorKind::host, .id = "jane@acme.example", .reason = "kept words"}, "prj_1", "Anna");
                add(tx, {.kind = ActorKind::host, .id = "bob", .reason = "tell \"Ann Lee\""}, "prj_1", "say \"Ann Lee\"");
            });
        }
    }
    void add(db::Tx& tx, const Actor& actor, const std::string& target, const std::string& name) {
        auto details = Json::object();
        details.set("name", name);
        audit::append(tx, actor, {.time = home.now(), .action = "thing.do", .target = target, .details = std::move(details)});
    }
    void write(const TenantId& id, const Actor& actor, const std::string& target, const std::string& name) {
        home.write(id, [&](db::Tx& tx) { add(tx, actor, target, name); });
    }
    ErasedPersonal erase(const ErasePersonalOptions& options) {
        return audit::erase_personal(*home.database, home.scope(home.a), home.alice, options, home.now());
    }
    /// Which of the records 1 to 5 have lost their reason or details.
    std::vector<std::int64_t> erased(const TenantId& id) {
        std::vector<std::int64_t> seqs;
        for (const auto& record : list(id, {.after = 0}))
            if (record.reason_erased || record.details_erased) seqs.push_back(record.seq);
        return seqs;
    }
    bool store_holds(const std::string& text) { return tests::RawStore::holds(home.folder.path(), text); }
};

TEST_F(Personal, OfASubjectIsErasedWhereverItStandsAndNowhereElse) {
    const auto before = list(home.a);
    auto done = erase({.subject = "jane@acme.example", .reason = "asked"});
    EXPECT_EQ(done.records, 1);
    EXPECT_TRUE(done.actor);
    auto records = list(home.a);
    EXPECT_TRUE(records[1].actor_erased);
    EXPECT_EQ(records[1].actor, "");
    EXPECT_EQ(records[1].reason, "asked by Ann Lee") << "what he said stays unless it names him";
    EXPECT_FALSE(records[1].reason_erased);
    EXPECT_FALSE(records[2].actor_erased);
    EXPECT_TRUE(records[3].details_erased);
    EXPECT_FALSE(records[3].reason_erased) << "there was none";
    EXPECT_EQ(records[3].details, "{}");
    EXPECT_TRUE(records[4].actor_erased);
    EXPECT_EQ(records[6].action, "audit.erase_personal");
    EXPECT_EQ(records[6].actor, "alice");
    EXPECT_EQ(records[6].reason, "asked");
    EXPECT_EQ(records[6].details, R"({"actor":true,"records":1})");
    EXPECT_EQ(erased(home.a), (std::vector<std::int64_t>{3}));
    for (std::size_t i = 0; i < before.size(); ++i) EXPECT_EQ(records[i].hash, before[i].hash);
    EXPECT_EQ(verify(home.a).records, 7);
    EXPECT_TRUE(erased(home.b).empty());
    EXPECT_EQ(list(home.b)[1].actor, "jane@acme.example");

    done = erase({.subject = "jane@acme.example", .reason = "asked again"});
    EXPECT_EQ(done.records, 0);
    EXPECT_FALSE(done.actor);
    write(home.a, {.kind = ActorKind::host, .id = "jane@acme.example"}, "", "later");
    EXPECT_EQ(list(home.a).back().actor, "jane@acme.example");
    EXPECT_EQ(list(home.a)[1].actor, "") << "what is recorded later gives nothing back";
    EXPECT_NO_THROW(verify(home.a));
}

TEST_F(Personal, IsFoundByTargetAndAsWholeWords) {
    EXPECT_EQ(erase({.subject = "usr_7", .reason = "asked"}).records, 2);
    EXPECT_EQ(erased(home.a), (std::vector<std::int64_t>{1, 2}));
    EXPECT_EQ(erase({.subject = "Ann", .reason = "asked"}).records, 1) << "not Anna, not the channel";
    EXPECT_EQ(erased(home.a), (std::vector<std::int64_t>{1, 2, 5}));
    EXPECT_EQ(verify(home.a).records, 8);
}

TEST_F(Personal, IsFoundAsJsonWritesIt) {
    EXPECT_EQ(erase({.subject = "say \"Ann Lee\"", .reason = "asked"}).records, 1);
    EXPECT_EQ(erased(home.a), (std::vector<std::int64_t>{5}));
}

TEST_F(Personal, OfOneRecordIsErased) {
    EXPECT_EQ(erase({.seq = 4, .reason = "a slip"}).records, 1);
    const auto record = list(home.a)[4];
    EXPECT_TRUE(record.reason_erased && record.details_erased);
    EXPECT_EQ(record.actor, "jane@acme.example");
    EXPECT_EQ(erase({.seq = 4, .reason = "a slip"}).records, 0);
    EXPECT_EQ(verify(home.a).records, 8);
    EXPECT_THROW(erase({.seq = 8, .reason = "a slip"}), NotFound);
    EXPECT_THROW(erase({.seq = -1, .reason = "a slip"}), NotFound);
    EXPECT_THROW(erase({.reason = "whose?"}), InvalidArgument);
    EXPECT_THROW(erase({.subject = "Ann", .seq = 1, .reason = "both"}), InvalidArgument);
    EXPECT_THROW(erase({.subject = "An", .reason = "short"}), InvalidArgument);
    EXPECT_THROW(erase({.subject = "Ann"}), InvalidArgument);
    EXPECT_EQ(list(home.a).size(), 8u) << "what was refused is not recorded";
}

TEST_F(Personal, LeavesNoByteInTheStore) {
    home.write(home.b, [&](db::Tx& tx) { forget_actor(tx, "jane@acme.example"); });
    audit::erase_personal(*home.database, home.scope(home.b), home.alice, {.subject = "jane@acme.example", .reason = "asked"}, home.now());
    // Many, so that pages were split and rows moved between them.
    for (int round = 0; round < 30; ++round)
        home.write(home.a, [&](db::Tx& tx) {
            for (int i = 0; i < 40; ++i)
                add(tx, {.kind = ActorKind::host, .id = i % 3 ? "bob" : "jane@acme.example", .reason = i % 2 ? "for jane@acme.example" : "words"},
                    "prj_1", std::string(i % 5 * 300, 'x') + (i % 7 ? "" : " jane@acme.example"));
        });
    ASSERT_TRUE(store_holds("jane@acme.example"));
    EXPECT_GT(erase({.subject = "jane@acme.example", .reason = "asked"}).records, 600);
    ASSERT_TRUE(home.database->empty_log());
    EXPECT_FALSE(store_holds("jane@acme.example"));
    EXPECT_TRUE(store_holds("on the channel"));
    EXPECT_NO_THROW(verify(home.a));
}

TEST_F(Trail, IsListedBySpanOfTime) {
    const auto begin = home.now();
    home.clock->advance(1h);
    append(home.a, 40);
    home.clock->advance(1h);
    append_alone(home.a, 3);
    EXPECT_EQ(list(home.a, {.start = begin + 1h}).size(), 43u);
    EXPECT_EQ(list(home.a, {.end = begin + 1h}).size(), 1u);
    EXPECT_EQ(list(home.a, {.start = begin + 1h, .end = begin + 2h}).size(), 40u);
    EXPECT_EQ(list(home.a, {.action = "tenant.", .start = begin + 1h}).size(), 0u);
    EXPECT_EQ(list(home.a, {.after = 20, .limit = 5, .start = begin + 1h}).front().seq, 21);
}

TEST_F(Trail, IsWrittenForPeopleAsLinesAndAsATable) {
    home.write(home.a, [&](db::Tx& tx) {
        auto details = Json::object();
        details.set("name", "a \"b\", c\n");
        audit::append(tx, {.id = "=cmd()", .reason = "a,\"b\"\nc"}, {.time = home.now(), .action = "thing.do", .details = std::move(details)});
    });
    append(home.a, 2500);
    const auto file = [&](const char* name) {
        std::ifstream in(home.folder / name, std::ios::binary);
        return std::string{std::istreambuf_iterator<char>(in), {}};
    };
    const auto scope = home.scope(home.a);
    auto made = audit::export_list(*home.database, scope, {.path = home.folder / "all.jsonl"});
    EXPECT_EQ(made.records, 2502);
    EXPECT_EQ(made.last, 2501);
    const auto lines = file("all.jsonl");
    EXPECT_EQ(made.size.count, std::ssize(lines));
    EXPECT_EQ(made.sha256, crypto::to_hex(crypto::sha256(base::view_of(lines))));
    EXPECT_EQ(std::ranges::count(lines, '\n'), 2502);
    const auto second = lines.substr(lines.find('\n') + 1);
    const auto line = base::parse_json(second.substr(0, second.find('\n')));
    EXPECT_EQ(line.get_string("actor"), "=cmd()");
    EXPECT_EQ(line.at("details").get_string("name"), "a \"b\", c\n");
    EXPECT_EQ(line.get_int("seq"), 1);

    made = audit::export_list(*home.database, scope,
                              {.path = home.folder / "some.csv", .format = AuditFormat::csv, .action = "thing.", .end = home.now() + 1s});
    EXPECT_EQ(made.records, 2501);
    const auto table = file("some.csv");
    EXPECT_TRUE(table.starts_with("seq,at,actor,")) << table.substr(0, 100);
    EXPECT_NE(table.find("\"'=cmd()\",\"thing.do\",\"\",\"ok\",\"a,\"\"b\"\"\nc\""), std::string::npos) << table.substr(0, 600);
    EXPECT_THROW(audit::export_list(*home.database, scope, {.path = home.folder / "some.csv"}), Conflict);
    EXPECT_THROW(audit::export_list(*home.database, scope, {}), InvalidArgument);
    made = audit::export_list(*home.database, scope, {.path = home.folder / "none", .after = 2501});
    EXPECT_EQ(made.records, 0);
    EXPECT_EQ(made.last, -1);
}

TEST_F(Trail, GrowsThroughTwoProcessesWithoutFork) {
    auto other = db::Database::open(tests::store_in(home.folder.path()), home.tables);
    const auto scope = home.scope(home.a);
    std::vector<std::thread> threads;
    for (auto* database : {home.database.get(), other.get()})
        threads.emplace_back([&, database] {
            for (int i = 0; i < 25; ++i)
                database->write(scope, [&](db::Tx& tx) { audit::append(tx, home.alice, entry("thing.do")); });
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(verify(home.a).records, 51);
}

TEST_F(Trail, GoesOnRightWhenANeighbourIsUndone) {
    std::vector<std::thread> threads;
    for (int t = 0; t < 8; ++t)
        threads.emplace_back([&, t] {
            for (int i = 0; i < 20; ++i) {
                const auto write = [&](db::Tx& tx) {
                    audit::append(tx, {.id = "actor " + std::to_string(i % 5 + t)}, entry("thing.do"));
                    if ((i + t) % 4 == 0) throw Conflict("after its record");
                };
                if ((i + t) % 4 == 0) EXPECT_THROW(home.write(home.a, write), Conflict);
                else EXPECT_NO_THROW(home.write(home.a, write));
            }
        });
    for (auto& thread : threads) thread.join();
    EXPECT_EQ(verify(home.a).records, 1 + 8 * 15);
    for (const auto& record : list(home.a, {.after = 0})) EXPECT_NE(record.actor, "");
}

TEST_F(Trail, ARecordThatCannotBeWrittenLeavesTheLogAsItWas) {
    append(home.a, 2);
    home.write(home.a, [&](db::Tx& tx) {
        EXPECT_THROW(audit::append(tx, home.alice, {.time = Time{Duration{INT64_MAX}}, .action = "thing.do"}), InvalidArgument);
        audit::append(tx, home.alice, entry("thing.do"));
    });
    append(home.a, 2);
    EXPECT_EQ(verify(home.a).records, 6);
}

TEST_F(Trail, NamesAnActorAgainAfterHisTenantWasErased) {
    append(home.a, 1);
    const auto scope = home.scope(home.a);
    home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "asked", .undo_window = 24h});
    home.clock->advance(25h);
    const auto standing = home.registry->standing(home.a);
    home.database->write(home.system, [&](db::SystemTx& tx) {
        home.registry->finish_erasure(tx, engine_actor("sweep"), *standing, {}, crypto::SigningKey::generate());
    });
    home.database->write(scope, [&](db::Tx& tx) { audit::append(tx, home.alice, entry("thing.do")); });
    const auto records = home.database->read(scope, [](db::Reader& r) { return audit::list(r, {}); });
    EXPECT_EQ(records.back().actor, "alice");
    EXPECT_EQ(records[1].actor, "");
}

TEST_F(Trail, KeepsTheTreesEdgeForCheckpoints) {
    append(home.a, 12);
    const auto log = home.read(home.a, [](db::Reader& r) { return read_log(r); });
    crypto::MerkleTree tree;
    for (const auto& record : list(home.a)) {
        const auto hash = *crypto::from_hex(record.hash);
        crypto::Digest leaf;
        std::copy(hash.begin(), hash.end(), leaf.begin());
        tree.append(leaf);
    }
    EXPECT_EQ(tree.size(), 13u);
    EXPECT_EQ(log.tree.root(), tree.root());
}

TEST_F(Trail, RecordsOfOneTransactionShareARow) {
    append_alone(home.a, 3);
    for (const int together : {2, 31, 32, 33, 100, 1}) append(home.a, together);
    EXPECT_EQ(verify(home.a).records, 203);
    const auto all = list(home.a, {.limit = 10'000});
    ASSERT_EQ(all.size(), 203u);
    for (std::size_t i = 0; i < all.size(); ++i) {
        EXPECT_EQ(all[i].seq, static_cast<std::int64_t>(i));
        EXPECT_EQ(all[i].actor, i ? "alice" : "setup");
    }
    EXPECT_EQ(all[202].details, R"({"i":0})");
    EXPECT_EQ(all[201].details, R"({"i":99})");
    EXPECT_EQ(all[201].reason, "because");
    EXPECT_EQ(all[200].reason, "");
    for (std::int64_t after = -1; after < 202; after += 13) {
        const auto page = list(home.a, {.after = after, .limit = 13});
        ASSERT_EQ(page.size(), static_cast<std::size_t>(std::min<std::int64_t>(13, 202 - after)));
        for (std::size_t i = 0; i < page.size(); ++i) EXPECT_EQ(page[i].hash, all[static_cast<std::size_t>(after) + 1 + i].hash);
    }
}

TEST_F(Trail, FindsActionsAmongRecordsThatShareARow) {
    home.write(home.a, [&](db::Tx& tx) {
        for (int i = 0; i < 50; ++i)
            for (const char* action : {"project.create", "project.remove", "projector.start", "odd \"name\".do"})
                audit::append(tx, home.alice, entry(action));
    });
    append_alone(home.a, 1);
    EXPECT_EQ(list(home.a, {.action = "project."}).size(), 100u);
    EXPECT_EQ(list(home.a, {.action = "project.create"}).size(), 50u);
    EXPECT_EQ(list(home.a, {.action = "project"}).size(), 0u);
    EXPECT_EQ(list(home.a, {.action = "odd \"name\".do", .limit = 7}).size(), 7u);
    EXPECT_EQ(list(home.a, {.action = "odd \"name\"."}).size(), 50u);
    EXPECT_EQ(list(home.a, {.action = "thing.do"}).size(), 1u);
    EXPECT_EQ(list(home.a, {.action = "project.", .after = 150, .limit = 5}).front().seq, 153);
}

TEST_F(Trail, FollowsAModelThroughRefusalsAndTwoProcesses) {
    auto other = db::Database::open(tests::store_in(home.folder.path()), home.tables);
    std::mt19937 random(11);
    std::map<TenantId, std::vector<std::string>> model;
    for (int i = 0; i < 150; ++i) {
        auto& database = random() % 2 ? *home.database : *other;
        const auto id = random() % 2 ? home.a : home.b;
        const int count = random() % 4 ? 1 + static_cast<int>(random() % 5) : 1 + static_cast<int>(random() % 80);
        const bool refused = random() % 4 == 0;
        const auto write = [&](db::Tx& tx) {
            for (int k = 0; k < count; ++k) audit::append(tx, {.id = "actor " + std::to_string(k % 7)}, entry("thing." + std::to_string(i)));
            if (refused) throw Conflict("after its records");
        };
        if (refused) EXPECT_THROW(database.write(home.scope(id), write), Conflict);
        else database.write(home.scope(id), write);
        if (!refused) model[id].insert(model[id].end(), static_cast<std::size_t>(count), "thing." + std::to_string(i));
    }
    for (const auto& [id, actions] : model) {
        const auto records = list(id, {.after = 0, .limit = 10'000});
        ASSERT_EQ(records.size(), actions.size());
        for (std::size_t i = 0; i < actions.size(); ++i) EXPECT_EQ(records[i].action, actions[i]);
        EXPECT_EQ(verify(id).records, static_cast<std::int64_t>(actions.size()) + 1);
    }
}

TEST_F(Trail, WhatIsErasableOfRecordsThatShareARowIsErasedWithTheirTenant) {
    append(home.a, 40);
    const auto scope = home.scope(home.a);
    home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "asked", .undo_window = 24h});
    home.clock->advance(25h);
    const auto standing = home.registry->standing(home.a);
    home.database->write(home.system, [&](db::SystemTx& tx) {
        auto own = tx.tenant(scope);
        for (int i = 0; i < 3; ++i) append(own, i);  // on their way to the store when the rest of it goes
        home.registry->finish_erasure(tx, engine_actor("sweep"), *standing, {}, crypto::SigningKey::generate());
    });
    const auto records = home.database->read(scope, [](db::Reader& r) { return audit::list(r, {.limit = 1000}); });
    ASSERT_GE(records.size(), 44u);
    for (std::size_t i = 0; i < 44; ++i) {
        EXPECT_EQ(records[i].reason, "");
        EXPECT_EQ(records[i].details, "{}");
        EXPECT_EQ(records[i].actor, "");
    }
    EXPECT_NO_THROW(audit::verify(*home.database, scope));
}

/// Someone with the store in his hands: the library is closed, its triggers are gone.
class Tampered : public Trail {
protected:
    void SetUp() override {
        append_alone(home.a, 40);
        append_alone(home.b, 3);
        record_size = static_cast<int>(std::stoll(value("SELECT length(record) FROM audit_ WHERE tenant_id = ?1 AND seq = 20")));
    }
    void sql(const std::string& text) {
        home.registry.reset();
        home.database.reset();
        {
            tests::RawStore raw(home.folder.path());
            raw.ignore_triggers();
            raw.bind(crypto::to_hex(base::bytes_of(home.a)));
            EXPECT_TRUE(raw.run(text)) << raw.problem() << text;
            const auto found = raw.rows();
            answer = found.empty() ? "" : found.front();
            changes = raw.changes();
        }
        home.open();
    }
    std::string value(const std::string& text) {
        sql(text);
        return answer;
    }
    /// The seq at which verifying stops; -1: it finds nothing.
    std::int64_t found() {
        try {
            verify(home.a);
            return -1;
        } catch (const Corrupt& error) {
            return error.subject() == "end" ? end : std::stoll(error.subject());
        }
    }
    void expect_found(const std::string& change, std::int64_t at) {
        sql(change);
        ASSERT_GT(changes, 0) << change;
        EXPECT_EQ(found(), at) << change;
        EXPECT_NO_THROW(verify(home.b));
    }
    static constexpr std::int64_t end = -2;
    std::string answer;
    std::int64_t changes = 0;
    int record_size = 0;
};

TEST_F(Tampered, AnyByteOfARecordIsFound) {
    std::mt19937 random(3);
    for (int i = 0; i < 60; ++i) {
        const int at = i < 40 ? i * record_size / 40 : static_cast<int>(random() % static_cast<unsigned>(record_size));
        const auto before = value("SELECT hex(substr(record, " + std::to_string(at + 1) + ", 1)) FROM audit_ WHERE tenant_id = ?1 AND seq = 20");
        const auto put = [&](int byte) {
            const std::uint8_t bytes[1] = {static_cast<std::uint8_t>(byte)};
            sql("UPDATE audit_ SET record = substr(record, 1, " + std::to_string(at) + ") || CAST(x'" + crypto::to_hex(bytes) +
                "' AS TEXT) || substr(record, " + std::to_string(at + 2) + ") WHERE tenant_id = ?1 AND seq = 20");
        };
        const int original = std::stoi(before, nullptr, 16);
        put(original ^ (1 << (random() % 6)));
        EXPECT_EQ(found(), 20) << "byte " << at;
        put(original);
        ASSERT_EQ(found(), -1) << "byte " << at;
    }
}

TEST_F(Tampered, ARewrittenRecordIsFoundByTheNext) {
    auto record = value("SELECT record FROM audit_ WHERE tenant_id = ?1 AND seq = 20");
    record.replace(record.find("prj_1"), 5, "prj_2");
    const auto hash = crypto::to_hex(crypto::merkle_leaf(base::view_of(record)));
    expect_found("UPDATE audit_ SET record = '" + record + "', hash = x'" + hash + "' WHERE tenant_id = ?1 AND seq = 20", 21);
}

TEST_F(Tampered, ColumnsAndPrivateValuesAreFound) {
    for (const auto* column : {"time = time + 1", "action = 'thing.dont'", "actor = zeroblob(32)", "hash = zeroblob(32)"}) {
        sql("CREATE TABLE kept AS SELECT * FROM audit_");
        expect_found(std::string("UPDATE audit_ SET ") + column + " WHERE tenant_id = ?1 AND seq = 7", 7);
        sql("DELETE FROM audit_");
        sql("INSERT INTO audit_ SELECT * FROM kept");
        sql("DROP TABLE kept");
        ASSERT_EQ(found(), -1);
    }
}

TEST_F(Tampered, AnotherReasonIsFound) { expect_found("UPDATE audit_private_ SET reason = 'no' WHERE tenant_id = ?1 AND seq = 8", 8); }
TEST_F(Tampered, AnInventedReasonIsFound) { expect_found("UPDATE audit_private_ SET reason = 'no' WHERE tenant_id = ?1 AND seq = 9", 9); }
TEST_F(Tampered, OtherDetailsAreFound) { expect_found("UPDATE audit_private_ SET details = '{\"i\":9}' WHERE tenant_id = ?1 AND seq = 4", 4); }
TEST_F(Tampered, AnotherSaltIsFound) { expect_found("UPDATE audit_private_ SET salt = zeroblob(16) WHERE tenant_id = ?1 AND seq = 4", 4); }
TEST_F(Tampered, AnotherActorIsFound) { expect_found("UPDATE audit_actor_ SET value = 'bob' WHERE tenant_id = ?1 AND value = 'alice'", 1); }
TEST_F(Tampered, ARemovedRecordIsFound) { expect_found("DELETE FROM audit_ WHERE tenant_id = ?1 AND seq = 12", 12); }
TEST_F(Tampered, ACutEndIsFound) { expect_found("DELETE FROM audit_ WHERE tenant_id = ?1 AND seq > 30", 31); }
TEST_F(Tampered, AMovedEndIsFound) { expect_found("UPDATE audit_log_ SET size = 32 WHERE tenant_id = ?1", end); }
TEST_F(Tampered, AnotherHeadIsFound) { expect_found("UPDATE audit_log_ SET head = zeroblob(32) WHERE tenant_id = ?1", 41); }
TEST_F(Tampered, ARecordOfAnotherTenantIsFound) {
    sql("DELETE FROM audit_ WHERE tenant_id = ?1 AND seq = 0");
    expect_found("INSERT INTO audit_ SELECT ?1, seq, time, action, actor, record, hash FROM audit_ WHERE tenant_id <> ?1 AND seq = 0 "
                 "AND record NOT LIKE '%\"operators\"%'",
                 0);
}
TEST_F(Tampered, SwappedRecordsAreFound) {
    sql("UPDATE audit_ SET seq = 1000 WHERE tenant_id = ?1 AND seq = 10");
    sql("UPDATE audit_ SET seq = 10 WHERE tenant_id = ?1 AND seq = 11");
    expect_found("UPDATE audit_ SET seq = 11 WHERE tenant_id = ?1 AND seq = 1000", 10);
}

/// The same where records share rows: seqs 1 to 32, 33 to 40, and one by itself.
class TamperedPack : public Tampered {
protected:
    void SetUp() override {
        append(home.a, 40);
        append_alone(home.a, 1);
        append(home.b, 3);
    }
    std::string blob(const char* column, const char* table) {
        const auto hex = value("SELECT hex(" + std::string(column) + ") FROM " + table + " WHERE tenant_id = ?1 AND seq = 1");
        const auto bytes = crypto::from_hex(hex);
        return bytes ? std::string(bytes->begin(), bytes->end()) : std::string();
    }
    void put(const char* column, const char* table, const std::string& bytes) {
        const auto hex = crypto::to_hex(base::view_of(bytes));
        const bool text = std::string_view(column) == "records";
        sql("UPDATE " + std::string(table) + " SET " + column + " = " + (text ? "CAST(x'" + hex + "' AS TEXT)" : "x'" + hex + "'") +
            " WHERE tenant_id = ?1 AND seq = 1");
    }
};

TEST_F(TamperedPack, AnyByteOfARecordIsFound) {
    const auto before = blob("records", "audit_pack_");
    ASSERT_EQ(std::ranges::count(before, '\n'), 32);
    std::mt19937 random(3);
    for (int i = 0; i < 40; ++i) {
        const auto at = i < 4 ? before.find('\n', i * 100) : random() % before.size();
        auto changed = before;
        changed[at] = static_cast<char>(changed[at] ^ (1 << (random() % 6)));
        if (changed[at] == 0) continue;  // would end the text
        put("records", "audit_pack_", changed);
        EXPECT_EQ(found(), 1 + std::count(before.begin(), before.begin() + static_cast<std::ptrdiff_t>(at), '\n')) << "byte " << at;
    }
    put("records", "audit_pack_", before);
    EXPECT_EQ(found(), -1);
}

TEST_F(TamperedPack, AnyByteOfAHashOrOfWhatIsErasableIsFound) {
    std::mt19937 random(4);
    for (const auto& [column, table] : {std::pair{"hashes", "audit_pack_"}, std::pair{"data", "audit_pack_private_"}}) {
        const auto before = blob(column, table);
        for (int i = 0; i < 20; ++i) {
            auto changed = before;
            const auto at = random() % before.size();
            changed[at] = static_cast<char>(changed[at] ^ (1 << (random() % 8)));
            put(column, table, changed);
            const auto seq = found();
            EXPECT_GE(seq, 1) << column << " byte " << at;
            EXPECT_LE(seq, 33) << column << " byte " << at;
        }
        for (const auto& changed : {before + before.substr(0, 32), before.substr(0, before.size() - 1), before.substr(1), std::string()}) {
            put(column, table, changed);
            EXPECT_GE(found(), 1) << column << " of another length";
        }
        put(column, table, before);
        ASSERT_EQ(found(), -1);
    }
}

TEST_F(TamperedPack, ARowThatIsGoneOrMovedOrDoubledIsFound) {
    sql("CREATE TABLE kept AS SELECT * FROM audit_pack_");
    const auto restore = [&] {
        sql("DELETE FROM audit_pack_");
        sql("INSERT INTO audit_pack_ SELECT * FROM kept");
        ASSERT_EQ(found(), -1);
    };
    expect_found("DELETE FROM audit_pack_ WHERE tenant_id = ?1 AND seq = 1", 1);
    restore();
    expect_found("DELETE FROM audit_pack_ WHERE tenant_id = ?1 AND seq = 33", 33);
    restore();
    expect_found("UPDATE audit_pack_ SET seq = 2 WHERE tenant_id = ?1 AND seq = 1", 1);
    restore();
    expect_found("INSERT INTO audit_pack_ SELECT tenant_id, 41, size, hashes, records FROM audit_pack_ WHERE tenant_id = ?1 AND seq = 33", 42);
    restore();
    for (const auto& [size, seq] : {std::pair{0, 1}, {-1, 1}, {31, 32}, {33, 33}, {1000000, 33}}) {
        expect_found("UPDATE audit_pack_ SET size = " + std::to_string(size) + " WHERE tenant_id = ?1 AND seq = 1", seq);
        restore();
    }
    expect_found("DELETE FROM audit_ WHERE tenant_id = ?1 AND seq = 41", 41);
}

TEST_F(TamperedPack, AnotherActorIsFound) { expect_found("UPDATE audit_actor_ SET value = 'bob' WHERE tenant_id = ?1 AND value = 'alice'", 1); }

}  // namespace
}  // namespace tenon::tenant::audit
