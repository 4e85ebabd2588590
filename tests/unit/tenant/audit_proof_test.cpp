#include <tenant/audit_seal.hpp>

#include <csignal>
#include <fstream>
#include <set>
#include <thread>
#include <utility>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <crypto/encoding.hpp>
#include <crypto/merkle.hpp>
#include <raw_store.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

using crypto::Digest;
using crypto::merkle_node;

Digest from_text(const std::string& hex) { return digest_of(crypto::from_hex(hex).value()); }

/// RFC 9162, 2.1.3.2, as a reader of proofs does it.
Digest root_by_path(Digest hash, std::uint64_t index, std::uint64_t size, const std::vector<std::string>& path) {
    auto last = size - 1;
    for (const auto& text : path) {
        const auto other = from_text(text);
        if ((index & 1) || index == last) {
            hash = merkle_node(other, hash);
            while (!(index & 1) && index != 0) index >>= 1, last >>= 1;
        } else {
            hash = merkle_node(hash, other);
        }
        index >>= 1, last >>= 1;
    }
    EXPECT_EQ(last, 0u);
    return hash;
}

class Proofs : public ::testing::Test {
protected:
    void append(const TenantId& id, int count) {
        home.write(id, [&](db::Tx& tx) {
            for (int i = 0; i < count; ++i) audit::append(tx, home.alice, {.time = home.now(), .action = "thing.do"});
        });
    }
    std::int64_t seal() { return audit::seal(*home.database, home.system, key, home.now()); }
    AuditCheckpoint newest(const TenantId& id) { return newest_checkpoint(*home.database, home.system, home.scope(id)); }
    AuditProof prove(const TenantId& id, std::int64_t seq) { return audit::prove(*home.database, home.system, home.scope(id), seq); }
    std::vector<AuditRecord> records(const TenantId& id) {
        return home.read(id, [](db::Reader& r) { return audit::list(r, {.limit = 10'000}); });
    }
    /// Every record is proved into the newest checkpoint.
    void expect_all_proved(const TenantId& id, int step = 1) {
        const auto head = newest(id);
        const auto all = records(id);
        ASSERT_GE(static_cast<std::int64_t>(all.size()), head.size);
        for (std::int64_t seq = 0; seq < head.size; seq += step) {
            const auto proof = prove(id, seq);
            ASSERT_EQ(proof.size, head.size);
            ASSERT_EQ(root_by_path(from_text(all[static_cast<std::size_t>(seq)].hash), static_cast<std::uint64_t>(seq),
                                   static_cast<std::uint64_t>(proof.size), proof.path),
                      from_text(head.root))
                << seq << " of " << head.size;
        }
    }
    void sql(const std::string& text, bool tampers = false) {
        home.registry.reset();
        home.database.reset();
        {
            tests::RawStore raw(home.folder.path());
            if (tampers) raw.ignore_triggers();
            EXPECT_TRUE(raw.run(text)) << raw.problem();
        }
        home.open();
    }
    /// As somebody does who has the store in his hands.
    void tamper(const std::string& text) { sql(text, true); }
    std::string exported(const TenantId& id, const std::string& name) {
        export_file(*home.database, home.system, home.scope(id), home.folder / name);
        std::ifstream in(home.folder / name, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    testing::Home home;
    crypto::SigningKey key = crypto::SigningKey::generate();
};

TEST_F(Proofs, HoldForEveryRecordWhileTheLogGrows) {
    for (const int more : {1, 2, 12, 1, 1, 30, 210, 15, 300}) {
        append(home.a, more);
        seal();
        expect_all_proved(home.a, 7);
    }
    EXPECT_EQ(newest(home.a).size, 573);
    expect_all_proved(home.a);
    EXPECT_THROW(prove(home.a, 573), NotFound);
    EXPECT_THROW(prove(home.a, -1), NotFound);
}

TEST_F(Proofs, ReadAFewTilesOfALongLog) {
    append(home.a, 5000);
    home.read(home.a, [&](db::Reader& reader) {
        auto stored = log_tree(reader);
        int tiles = 0;
        StoredTree counted([&](int level, std::uint64_t first) {
            ++tiles;
            Tile tile;
            for (std::size_t i = 0; i < tile_width; ++i)
                if ((first + i + 1) << level <= 5001) tile[i] = stored.node(level, first + i);
            return tile;
        });
        for (const std::uint64_t seq : {0u, 2047u, 4096u, 5000u}) {
            tiles = 0;
            StoredTree fresh = counted;
            crypto::inclusion_path(5001, seq, fresh.nodes());
            EXPECT_LE(tiles, 8) << seq;
            tiles = 0;
            StoredTree again = counted;
            crypto::consistency_path(5001, seq, again.nodes());
            EXPECT_LE(tiles, 8) << seq;
        }
    });
}

TEST_F(Proofs, ALogThatGrewIsShownToContinue) {
    append(home.a, 40);
    seal();
    const auto before = newest(home.a);
    append(home.a, 77);
    seal();
    const auto path = consistency(*home.database, home.scope(home.a), before.size, newest(home.a).size);
    EXPECT_FALSE(path.empty());
    EXPECT_THROW(consistency(*home.database, home.scope(home.a), 3, 119), InvalidArgument);
    EXPECT_THROW(consistency(*home.database, home.scope(home.a), 5, 4), InvalidArgument);
    EXPECT_TRUE(consistency(*home.database, home.scope(home.a), 118, 118).empty());
}

TEST_F(Proofs, ACheckpointIsTakenOfWhatGrewAlone) {
    EXPECT_EQ(seal(), 3) << "two tenants and the operators";
    EXPECT_EQ(seal(), 0);
    append(home.b, 1);
    EXPECT_EQ(seal(), 1);
    EXPECT_EQ(newest(home.b).size, 2);
    EXPECT_EQ(newest(home.a).size, 1);
}

TEST_F(Proofs, OfAHomeThatIsOlderThanStoredNodesHold) {
    append(home.a, 350);
    seal();
    const auto head = newest(home.a);
    const auto file = exported(home.a, "before.audit");
    sql("DROP VIEW audit_node; DROP TABLE audit_node_; DROP TABLE audit_leaf_node;"
        "DELETE FROM schema_migration WHERE room = 'tenant' AND number = 5;"
        "DELETE FROM schema_object WHERE name IN ('audit_node', 'audit_leaf_node');");
    EXPECT_EQ(newest(home.a).note, head.note);
    EXPECT_EQ(exported(home.a, "after.audit"), file);
    expect_all_proved(home.a, 11);
    append(home.a, 400);
    seal();
    EXPECT_EQ(audit::verify(*home.database, home.scope(home.a)).records, 751);
    expect_all_proved(home.a, 11);
}

TEST_F(Proofs, OfAHomeThatIsOlderThanCheckpointsHold) {
    append(home.a, 50);
    sql("DROP VIEW audit_node; DROP TABLE audit_node_; DROP TABLE audit_leaf_node;"
        "DROP VIEW audit_head; DROP TABLE audit_head_; DROP TABLE audit_leaf; DROP TABLE audit_checkpoint;"
        "DELETE FROM schema_migration WHERE room = 'tenant' AND number IN (4, 5);"
        "DELETE FROM schema_object WHERE name IN ('audit_node', 'audit_leaf_node', 'audit_head', 'audit_leaf', 'audit_checkpoint');");
    EXPECT_EQ(newest(home.a).size, 0);
    EXPECT_EQ(seal(), 3);
    expect_all_proved(home.a);
    EXPECT_EQ(audit::verify(*home.database, home.scope(home.a)).records, 51);
}

TEST_F(Proofs, AnExportAppearsWholeOrNotAtAll) {
    append(home.a, 3);
    seal();
    EXPECT_TRUE(exported(home.a, "trail.audit").ends_with("end\n"));
    EXPECT_THROW(exported(home.a, "trail.audit"), Conflict);
    EXPECT_THROW(export_file(*home.database, home.system, home.scope(home.a), home.folder / "no" / "trail.audit"), Error);
    std::set<std::string> names;
    for (const auto& file : std::filesystem::directory_iterator(home.folder / ".")) names.insert(file.path().filename());
    EXPECT_EQ(names.count("trail.audit"), 1u);
    for (const auto& name : names) EXPECT_EQ(name.find(".tmp"), std::string::npos) << name;
}

TEST_F(Proofs, ALogThatWasWrittenAnewIsFoundByItsCheckpoint) {
    append(home.a, 30);
    seal();
    tamper(
        "DELETE FROM audit_; DELETE FROM audit_private_; DELETE FROM audit_pack_; DELETE FROM audit_pack_private_;"
        "DELETE FROM audit_node_; DELETE FROM audit_log_;");
    append(home.a, 40);
    try {
        audit::verify(*home.database, home.scope(home.a));
        ADD_FAILURE() << "a chain of its own passed for the one that was signed";
    } catch (const Corrupt& error) {
        EXPECT_EQ(error.subject(), "30");
    }
}

TEST_F(Proofs, ALogThatWasCutBehindItsCheckpointIsFoundAndNotSigned) {
    append(home.a, 20);
    sql("CREATE TABLE early AS SELECT * FROM audit_; CREATE TABLE early_pack AS SELECT * FROM audit_pack_;"
        "CREATE TABLE early_log AS SELECT * FROM audit_log_");
    append(home.a, 5);
    seal();
    tamper("DELETE FROM audit_; INSERT INTO audit_ SELECT * FROM early;"
           "DELETE FROM audit_pack_; INSERT INTO audit_pack_ SELECT * FROM early_pack;"
           "DELETE FROM audit_log_; INSERT INTO audit_log_ SELECT * FROM early_log;");
    EXPECT_EQ(records(home.a).size(), 21u);
    EXPECT_THROW(audit::verify(*home.database, home.scope(home.a)), Corrupt);
    append(home.b, 3);
    const auto signed_of_b = newest(home.b).size;
    EXPECT_THROW(seal(), Corrupt);
    EXPECT_EQ(newest(home.b).size, signed_of_b + 3) << "another tenant's log is signed all the same";
}

TEST_F(Proofs, AChangedNodeIsFound) {
    append(home.a, 300);
    tamper("UPDATE audit_node_ SET hash = zeroblob(32) WHERE level = 8");
    EXPECT_THROW(audit::verify(*home.database, home.scope(home.a)), Corrupt);
}

/// Logs so long that they are verified in stretches, of 4,096 records each.
class Stretches : public Proofs {
protected:
    void SetUp() override {
        for (const int more : {2000, 2095, 1, 2000, 2096, 300}) {
            append(home.a, more);
            seal();
        }
    }
    /// The seq at which verifying stops; -1: it finds nothing, -2: the end.
    std::int64_t found() {
        try {
            audit::verify(*home.database, home.scope(home.a));
            return -1;
        } catch (const Corrupt& error) {
            return error.subject() == "end" ? -2 : std::stoll(error.subject());
        }
    }
    void expect_found(const std::string& change, std::int64_t at) {
        tamper(change);
        EXPECT_EQ(found(), at) << change;
    }
};

TEST_F(Stretches, MakeOneLogWithItsCheckpoints) {
    const auto report = audit::verify(*home.database, home.scope(home.a));
    EXPECT_EQ(report.records, 8493);
    EXPECT_EQ(report.head, records(home.a).size() == 8493u ? records(home.a).back().hash : "");
}

TEST_F(Stretches, OfAHomeWhosePacksWereClusteredVerify) {
    sql("DELETE FROM schema_migration WHERE room = 'audit' AND number = 1");
    EXPECT_EQ(found(), -1);
    append(home.a, 40);
    EXPECT_EQ(audit::verify(*home.database, home.scope(home.a)).records, 8533);
}

TEST_F(Stretches, AnotherRootIsFoundWhereItWasSigned) {
    for (const int size : {8193, 6097, 4097, 4096, 2001})
        expect_found("UPDATE audit_head_ SET root = zeroblob(32) WHERE size >= " + std::to_string(size), size - 1);
}

TEST_F(Stretches, AnotherNodeIsFoundInAnyOfThem) {
    expect_found("UPDATE audit_node_ SET hash = zeroblob(32) WHERE level = 4 AND n = 257", 258 * 16 - 1);
    expect_found("UPDATE audit_node_ SET hash = zeroblob(32) WHERE level = 12 AND n = 0", 4095);
    expect_found("UPDATE audit_node_ SET hash = zeroblob(32) WHERE level = 8 AND n = 3", 1023);
}

TEST_F(Stretches, TheFirstOfSeveralDamagesIsSaid) {
    expect_found("DELETE FROM audit_pack_ WHERE seq = (SELECT max(seq) FROM audit_pack_ WHERE seq < 8300)", 8289);
    expect_found("DELETE FROM audit_ WHERE seq = 4096", 4096);
}

TEST_F(Stretches, ARecordWrittenAnewIsFoundByTheNextOne) {
    auto text = std::string();
    home.read(home.a, [&](db::Reader& reader) {
        static constexpr db::TenantStmt of_4096{"SELECT record FROM audit WHERE tenant_id = :tenant AND seq = 4096"};
        auto rows = reader.query(of_4096);
        ASSERT_TRUE(rows.next()) << "it was alone in its transaction";
        text = rows.text(0);
    });
    text.replace(text.find("thing.do"), 8, "thing.no");
    const auto hash = crypto::to_hex(crypto::merkle_leaf(base::view_of(text)));
    expect_found("UPDATE audit_ SET record = '" + text + "', action = 'thing.no', hash = x'" + hash + "' WHERE seq = 4096", 4096);
}

class LongStretches : public Stretches {};

TEST_F(LongStretches, NodesAboveThemAreCompared) {
    for (int i = 0; i < 30; ++i) append(home.a, 2000);
    EXPECT_EQ(found(), -1);
    expect_found("UPDATE audit_node_ SET hash = zeroblob(32) WHERE level = 16", 65535);
}

/// Appends and signs as fast as it can until it is killed.
[[noreturn]] void record_until_killed(testing::Home& home, const crypto::SigningKey& key, int told) {
    home.open();
    const auto scope = home.scope(home.a);
    std::thread([&] {
        for (;;) audit::seal(*home.database, home.system, key, home.now());
    }).detach();
    for (char i = 0;; ++i) {
        home.database->write(scope, [&](db::Tx& tx) { audit::append(tx, home.alice, {.time = home.now(), .action = "thing.do"}); });
        if (::write(told, &i, 1) != 1) _exit(1);
    }
}

TEST(AuditKill, BetweenRecordAndCheckpointLeavesALogThatVerifies) {
    testing::Home home;
    const auto key = crypto::SigningKey::generate();
    std::int64_t answered = 0;
    AuditCheckpoint before;
    for (int round = 0; round < 6; ++round) {
        home.registry.reset();  // the child opens a store of its own
        home.database.reset();
        int ends[2];
        ASSERT_EQ(pipe(ends), 0);
        const auto child = fork();
        if (child == 0) record_until_killed(home, key, ends[1]);
        close(ends[1]);
        char byte = 0;
        for (int i = 0; i < 10 + round * 9 && read(ends[0], &byte, 1) == 1; ++i) ++answered;
        kill(child, SIGKILL);
        waitpid(child, nullptr, 0);
        while (read(ends[0], &byte, 1) == 1) ++answered;
        close(ends[0]);
        home.open();
        const auto scope = home.scope(home.a);
        const auto found = audit::verify(*home.database, scope).records;
        EXPECT_GE(found, answered + 1) << "what was answered is there, and creating the tenant";
        audit::seal(*home.database, home.system, key, home.now());
        const auto head = newest_checkpoint(*home.database, home.system, scope);
        EXPECT_EQ(head.size, found) << "the next checkpoint covers what the kill left unsigned";
        EXPECT_NO_THROW(audit::prove(*home.database, home.system, scope, found - 1));
        EXPECT_NO_THROW(consistency(*home.database, scope, before.size, head.size));
        before = head;
    }
}

}  // namespace
}  // namespace tenon::tenant::audit
