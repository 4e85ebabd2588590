// Records that are older than they are to be kept: their content goes, and what proved anything still does.

#include <csignal>
#include <fstream>
#include <map>
#include <sstream>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <crypto/encoding.hpp>
#include <crypto/merkle.hpp>
#include <evidence.hpp>
#include <raw_store.hpp>
#include <tenant/audit_seal.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

#include "audit_store.hpp"

namespace tenon::tenant::audit {
namespace {

using namespace std::chrono_literals;

constexpr auto never = [] { return false; };

/// Three days with records of their own and shared rows, each day signed.
class Pruning : public ::testing::Test {
protected:
    Pruning() {
        for (int day = 0; day < 3; ++day) {
            for (const auto& id : {home.a, home.b}) {
                append(id, 100, day);
                for (int i = 0; i < 5; ++i) append(id, 1, day);
            }
            seal();
            home.clock->advance(24h);
        }
    }
    void append(const TenantId& id, int count, int day) {
        home.write(id, [&](db::Tx& tx) {
            for (int i = 0; i < count; ++i) {
                auto details = base::Json::object();
                details.set("text", "words of day " + std::to_string(day));
                audit::append(tx, {.kind = ActorKind::host, .id = "person " + std::to_string(day), .reason = "because"},
                              {.time = home.now(), .action = "thing.do", .details = std::move(details)});
            }
        });
    }
    void seal() { audit::seal(*home.database, home.system, key, home.now()); }
    bool announce(const TenantId& id, Duration age) {
        return announce_prune(*home.database, home.scope(id), engine_actor("sweep"), home.now() - age, home.now());
    }
    std::int64_t prune(const TenantId& id, Duration age) {
        announce(id, age);
        seal();
        return audit::prune(*home.database, home.scope(id), never);
    }
    std::vector<AuditRecord> records(const TenantId& id) {
        return home.read(id, [](db::Reader& r) { return audit::list(r, {.limit = 10'000}); });
    }
    std::int64_t first(const TenantId& id) { return home.read(id, read_pruned).first; }
    AuditReport verify(const TenantId& id) { return audit::verify(*home.database, home.scope(id)); }
    std::string exported(const TenantId& id) {
        const auto path = home.folder / ("trail" + std::to_string(++files));
        export_file(*home.database, home.system, home.scope(id), path);
        std::ifstream in(path, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    verify::Result judge(const std::string& text, const verify::Earlier& earlier = {}) {
        std::istringstream in(text);
        return verify::check(in, verify::parse_key(key_text(key.public_key())), earlier);
    }
    /// By somebody with the store in his hands.
    void tamper(const std::string& text, bool expect_done = true) {
        home.registry.reset();
        home.database.reset();
        {
            tests::RawStore raw(home.folder.path());
            EXPECT_EQ(raw.run(text), expect_done) << text << raw.problem();
        }
        home.open();
    }
    bool store_holds(const std::string& text) { return tests::RawStore::holds(home.folder.path(), text); }

    testing::Home home;
    crypto::SigningKey key = crypto::SigningKey::generate();
    int files = 0;
};

TEST_F(Pruning, KeepsEveryProofOfWhatIsYounger) {
    std::map<std::int64_t, std::string> hashes;
    for (const auto& record : records(home.a)) hashes[record.seq] = record.hash;
    std::vector<std::vector<std::string>> grown;
    for (std::int64_t old = 1; old <= 316; old += 5) grown.push_back(consistency(*home.database, home.scope(home.a), old, 316));
    const auto before = judge(exported(home.a));

    EXPECT_EQ(prune(home.a, 36h), 211) << "the first two days and the tenant's own creation";
    EXPECT_EQ(first(home.a), 211);
    const auto left = records(home.a);
    EXPECT_EQ(left.front().seq, 211);
    EXPECT_EQ(left.back().action, "audit.prune");
    EXPECT_EQ(left.back().target, "211");
    EXPECT_EQ(left.back().actor, "sweep");
    for (const auto& record : left)
        EXPECT_TRUE(record.seq >= 316 || record.hash == hashes[record.seq]) << record.seq;
    EXPECT_EQ(verify(home.a).records, 317);
    for (std::int64_t seq = 211; seq < 317; ++seq)
        EXPECT_NO_THROW(judge(audit::prove(*home.database, home.system, home.scope(home.a), seq).text)) << seq;
    for (const std::int64_t seq : {0, 100, 210}) EXPECT_THROW(audit::prove(*home.database, home.system, home.scope(home.a), seq), NotFound);
    auto proof = grown.begin();
    for (std::int64_t old = 1; old <= 316; old += 5) EXPECT_EQ(consistency(*home.database, home.scope(home.a), old, 316), *proof++) << old;

    const auto text = exported(home.a);
    EXPECT_TRUE(text.starts_with("audit-export 2\n"));
    const auto after = judge(text, {.note = before.note, .log = before.log, .records = before.records, .root = before.root});
    EXPECT_EQ(after.pruned, 211u);
    EXPECT_EQ(after.records, 317u);

    // Another tenant's are as they were.
    EXPECT_EQ(first(home.b), 0);
    EXPECT_EQ(records(home.b).front().seq, 0);
    EXPECT_TRUE(exported(home.b).starts_with("audit-export 1\n"));
    EXPECT_EQ(verify(home.b).records, 316);
}

TEST_F(Pruning, GoesOnNightAfterNight) {
    EXPECT_EQ(prune(home.a, 60h), 106);
    EXPECT_EQ(prune(home.a, 60h), 0) << "there is nothing more";
    EXPECT_EQ(prune(home.a, 36h), 105);
    home.clock->advance(48h);
    append(home.a, 50, 9);
    EXPECT_EQ(prune(home.a, 12h), 105 + 2) << "and what announced the first two";
    EXPECT_EQ(verify(home.a).records, 317 + 50 + 2);
    EXPECT_EQ(judge(exported(home.a)).pruned, 318u);
}

TEST_F(Pruning, TakesNothingThatNoCheckpointCovers) {
    append(home.a, 10, 4);
    home.clock->advance(100h);
    EXPECT_TRUE(announce(home.a, 1h));
    EXPECT_EQ(home.read(home.a, read_pruned).until, 316);
    tamper("UPDATE audit_retention_ SET until = 326", false);
    tamper("UPDATE audit_retention_ SET until = 300", false);
    tamper("DELETE FROM audit_retention_", false);
    tamper("DELETE FROM audit_pack_ WHERE seq >= 316", false);
}

TEST_F(Pruning, TakesRowsWhole) {
    home.clock->advance(1h);
    append(home.a, 20, 5);
    seal();
    for (int hours = 100; hours >= 0; --hours) prune(home.a, std::chrono::hours(hours));
    EXPECT_NO_THROW(verify(home.a));
    EXPECT_NO_THROW(judge(exported(home.a)));
}

TEST_F(Pruning, LeavesNoWordAndNoNameInTheStore) {
    prune(home.b, 36h);
    EXPECT_TRUE(store_holds("words of day 0")) << "the other's";
    prune(home.a, 36h);
    ASSERT_TRUE(home.database->empty_log());
    for (const auto* word : {"words of day 0", "words of day 1", "person 0", "person 1"}) EXPECT_FALSE(store_holds(word)) << word;
    EXPECT_TRUE(store_holds("words of day 2"));
    EXPECT_TRUE(store_holds("person 2"));
    append(home.a, 1, 0);
    EXPECT_EQ(records(home.a).back().actor, "person 0") << "who was forgotten and comes again is named";
    EXPECT_NO_THROW(verify(home.a));
}

TEST_F(Pruning, IsHeldByALegalHold) {
    announce(home.a, 60h);
    seal();
    home.registry->place_legal_hold(home.setup, {.tenant = home.a, .name = "case-17", .reason = "court"});
    EXPECT_EQ(audit::prune(*home.database, home.scope(home.a), never), 0) << "also what was announced";
    EXPECT_FALSE(announce(home.a, 36h));
    const ErasePersonalOptions person{.subject = "person 2", .reason = "asked"};
    EXPECT_THROW(audit::erase_personal(*home.database, home.scope(home.a), home.alice, person, home.now()), Conflict);
    EXPECT_THROW(home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "gone", .undo_window = 0h}), Conflict);
    EXPECT_TRUE(home.read(home.a, [](db::Reader& r) { return audit::retention(r, {}); }).held);
    EXPECT_EQ(prune(home.b, 60h), 106) << "another tenant's is not held";

    EXPECT_THROW(home.registry->place_legal_hold(home.setup, {.tenant = home.a, .name = "case-17", .reason = "again"}), Conflict);
    EXPECT_THROW(home.registry->lift_legal_hold(home.setup, home.a, "case-18", "none"), NotFound);
    EXPECT_THROW(home.registry->lift_legal_hold(home.setup, home.b, "case-17", "another's"), NotFound);
    EXPECT_EQ(home.registry->legal_holds(home.setup, home.a).at(0).placed_by, "setup");
    home.registry->lift_legal_hold(home.setup, home.a, "case-17", "closed");
    EXPECT_EQ(audit::prune(*home.database, home.scope(home.a), never), 106);
    EXPECT_NO_THROW(verify(home.a));
}

TEST_F(Pruning, AHoldThatCameInTimeKeepsATenantFromBeingErased) {
    home.registry->start_erasure(home.setup, {.tenant = home.a, .reason = "gone", .undo_window = 1h});
    home.registry->place_legal_hold(home.setup, {.tenant = home.a, .name = "case-17", .reason = "court"});
    home.clock->advance(2h);
    EXPECT_TRUE(home.registry->due_for_erasure().empty());
    home.registry->lift_legal_hold(home.setup, home.a, "case-17", "closed");
    EXPECT_EQ(home.registry->due_for_erasure().size(), 1u);
}

TEST_F(Pruning, FollowsTheShorterOfPlanAndOwn) {
    const auto kept = [&](std::optional<std::int32_t> plan) {
        return home.read(home.a, [&](db::Reader& r) { return audit::retention(r, plan); });
    };
    const auto set = [&](std::optional<std::int32_t> days) {
        home.write(home.a, [&](db::Tx& tx) { audit::set_retention(tx, home.alice, {.days = days, .reason = "policy"}, home.now()); });
    };
    EXPECT_EQ(kept({}).days, std::nullopt);
    EXPECT_EQ(kept(90).days, 90);
    set(30);
    EXPECT_EQ(kept(90).days, 30);
    EXPECT_EQ(kept({}).days, 30);
    EXPECT_EQ(kept(7).days, 7);
    EXPECT_EQ(kept(90).own_days, 30);
    EXPECT_EQ(records(home.a).back().details, R"({"days":30,"was":null})");
    set({});
    EXPECT_EQ(kept(90).days, 90);
    EXPECT_THROW(set(0), InvalidArgument);
    EXPECT_THROW(set(36'501), InvalidArgument);
    EXPECT_EQ(home.read(home.b, [&](db::Reader& r) { return audit::retention(r, {}); }).own_days, std::nullopt);
}

TEST_F(Pruning, ThatNoRecordAnnouncedIsFound) {
    prune(home.a, 60h);
    // More of it, as somebody does who wants to be rid of a record.
    const auto id = crypto::to_hex(base::bytes_of(home.a));
    const auto of_a = " WHERE tenant_id = x'" + id + "'";
    tamper("INSERT INTO audit_pruned_ SELECT tenant_id, seq, hashes FROM audit_pack_" + of_a + " AND seq = 106;"
           "UPDATE audit_retention_ SET first = 138, until = 138" + of_a + "; DELETE FROM audit_pack_" + of_a + " AND seq = 106");
    EXPECT_THROW(verify(home.a), Corrupt);
}

TEST_F(Pruning, AnAlteredExportIsFound) {
    prune(home.a, 60h);
    const auto text = exported(home.a);
    EXPECT_NO_THROW(judge(text));
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) lines.push_back(line);
    const auto joined = [](const std::vector<std::string>& all) {
        std::string whole;
        for (const auto& line : all) whole += line + "\n";
        return whole;
    };
    ASSERT_EQ(joined(lines), text);
    for (std::size_t i = 0; i < text.size(); i += 97) {
        auto changed = text;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_THROW(judge(changed), verify::Refused) << i;
    }
    // A record more of which the file has the hash alone.
    auto more = lines;
    ASSERT_EQ(more[3], "pruned 106");
    more[3] = "pruned 107";
    more[4 + 106] = crypto::to_hex(crypto::merkle_leaf(base::view_of(lines[4 + 106])));
    EXPECT_THROW(judge(joined(more)), verify::Refused);
    auto none = lines;
    none[0] = "audit-export 1";
    EXPECT_THROW(judge(joined(none)), verify::Refused);
    auto fewer = lines;
    fewer.erase(fewer.begin() + 50);
    EXPECT_THROW(judge(joined(fewer)), verify::Refused);
}

/// Prunes until it is killed.
[[noreturn]] void prune_until_killed(testing::Home& home, const crypto::SigningKey& key, int told) {
    home.open();
    const auto scope = home.scope(home.a);
    for (int hours = 1000;; --hours) {
        announce_prune(*home.database, scope, engine_actor("sweep"), home.now() - std::chrono::hours(hours), home.now());
        audit::seal(*home.database, home.system, key, home.now());
        char byte = 0;
        if (::write(told, &byte, 1) != 1) _exit(1);
        audit::prune(*home.database, scope, never);
    }
}

TEST(PruneKill, AtAnyMomentLeavesALogThatVerifiesAndIsPrunedOn) {
    testing::Home home;
    const auto key = crypto::SigningKey::generate();
    for (int hour = 0; hour < 60; ++hour) {
        home.write(home.a, [&](db::Tx& tx) {
            for (int i = 0; i < 100 + hour % 7; ++i) audit::append(tx, home.alice, {.time = home.now(), .action = "thing.do"});
        });
        home.clock->advance(1h);
    }
    audit::seal(*home.database, home.system, key, home.now());
    home.clock->advance(940h);
    std::int64_t first = 0;
    for (int round = 0; round < 8; ++round) {
        home.registry.reset();  // the child opens a store of its own
        home.database.reset();
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        const auto child = fork();
        if (child == 0) prune_until_killed(home, key, ends[1]);
        close(ends[1]);
        char byte = 0;
        for (int i = 0; i < 6 * (round + 1) && read(ends[0], &byte, 1) == 1; ++i) continue;
        usleep(static_cast<useconds_t>(round * 700));
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        close(ends[0]);
        home.open();
        const auto scope = home.scope(home.a);
        EXPECT_NO_THROW(audit::verify(*home.database, scope));
        audit::prune(*home.database, scope, never);
        const auto pruned = home.read(home.a, read_pruned);
        EXPECT_EQ(pruned.first, pruned.until);
        EXPECT_GE(pruned.first, first);
        first = pruned.first;
        audit::seal(*home.database, home.system, key, home.now());
        const auto path = home.folder / ("trail" + std::to_string(round));
        export_file(*home.database, home.system, scope, path);
        std::ifstream in(path, std::ios::binary);
        EXPECT_EQ(verify::check(in, verify::parse_key(key_text(key.public_key())), {}).pruned, static_cast<std::uint64_t>(pruned.first));
    }
    EXPECT_GT(first, 1000);
}

}  // namespace
}  // namespace tenon::tenant::audit
