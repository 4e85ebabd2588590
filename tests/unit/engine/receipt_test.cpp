// The receipt that a tenant's erasure ends with, also when it was killed on the way.

#include "engine_fixture.hpp"

#include <fstream>
#include <set>
#include <thread>

#include <child_process.hpp>
#include <crypto/encoding.hpp>
#include <evidence.hpp>
#include <raw_store.hpp>

#include "tenant_tables.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::ChildProcess;

class ReceiptTest : public tests::EngineTest {
protected:
    /// Something of many kinds.
    void fill(const Tenant& tenant, int files) {
        auto mine = session(tenant);
        const auto project = mine.projects().create({.name = "reel"}).id;
        mine.assets().import_file({.project = project, .path = tests::clip_with_sound});
        mine.users().create({.email = "jane@acme.example", .name = "Jane", .role = Role::editor});
        const auto folder = mine.workspace() / "temp";
        std::filesystem::create_directories(folder);
        for (int i = 0; i < files; ++i) std::ofstream(folder / std::to_string(i)) << "some bytes";
    }
    static std::int64_t count(const ErasureReceipt& receipt, const std::string& kind) {
        for (const auto& removed : receipt.removed)
            if (removed.kind == kind) return removed.count;
        return 0;
    }
    verify::Result judge(const ErasureReceipt& receipt, const std::string& text) {
        std::istringstream in(text);
        return verify::check(in, verify::parse_key(receipt.key), {});
    }
};

TEST_F(ReceiptTest, says_what_there_was_and_is_signed) {
    fill(acme, 7);
    fill(other, 1);
    EXPECT_THROW(operators().tenants().erasure_receipt(acme.id), NotFound);
    const auto key = operators().audit().checkpoint().key;
    operators().tenants().erase({.tenant = acme.id, .reason = "left", .undo_window = Duration::zero()});
    const auto receipt = operators().tenants().erasure_receipt(acme.id);
    EXPECT_EQ(receipt.tenant, acme.id);
    EXPECT_EQ(receipt.key, key);
    EXPECT_EQ(count(receipt, "project"), 1);
    EXPECT_EQ(count(receipt, "asset"), 1);
    EXPECT_EQ(count(receipt, "account"), 1);
    EXPECT_GE(count(receipt, "files"), 8);
    EXPECT_GT(count(receipt, "file_bytes"), 100'000);
    EXPECT_GT(count(receipt, "audit_actor"), 0);
    EXPECT_GT(receipt.audit_records, 4);
    EXPECT_EQ(receipt.text.find("jane"), std::string::npos);
    const auto judged = judge(receipt, receipt.text);
    EXPECT_EQ(judged.kind, "receipt");
    EXPECT_EQ(judged.log, acme.id.text());
    EXPECT_EQ(judged.records, static_cast<std::uint64_t>(receipt.audit_records));
    EXPECT_EQ(verify::hex(verify::view(judged.root)), receipt.audit_root);
    for (std::size_t i = 0; i < receipt.text.size(); ++i) {
        auto changed = receipt.text;
        changed[i] = static_cast<char>(changed[i] ^ 1);
        EXPECT_THROW(judge(receipt, changed), verify::Refused) << i;
    }
    EXPECT_THROW(judge(receipt, receipt.text.substr(0, receipt.text.size() - 1)), verify::Refused);
    EXPECT_THROW(judge(receipt, receipt.text + "\n"), verify::Refused);
    EXPECT_THROW(operators().tenants().erasure_receipt(other.id), NotFound);
    EXPECT_EQ(session(other).projects().list().size(), 1u);
    engine.reset();
    open();
    EXPECT_EQ(operators().tenants().erasure_receipt(acme.id).text, receipt.text) << "another start knows it";
}

TEST_F(ReceiptTest, no_row_of_a_counted_kind_is_left_of_an_erased_tenant) {
    fill(acme, 1);
    fill(other, 1);
    operators().tenants().erase({.tenant = acme.id, .reason = "left", .undo_window = Duration::zero()});
    engine.reset();
    tests::RawStore raw(folder / "home");
    raw.bind(crypto::to_hex(base::bytes_of(acme.id)));
    for (const auto& table : engine::tenant_tables()) {
        if (table.fate != engine::Fate::goes) continue;
        const std::string name = table.name;
        if (name == "audit_actor") continue;  // the one who erased is named
        EXPECT_EQ(raw.value("SELECT count(*) FROM " + name + "_ WHERE tenant_id = ?1"), "0") << name;
    }
}

/// Erases until it is killed.
TEST_F(ReceiptTest, DISABLED_another_process) {
    Engine mine(tests::placed({.home = ChildProcess::setting("HOME_FOLDER"), .workers = 1}));
    auto there = mine.open_operator({.actor = "operator", .reason = "test"});
    const char ready = 'r';
    ChildProcess::report(&ready, 1);
    there.tenants().erase({.tenant = TenantId::parse(ChildProcess::setting("TENANT")), .reason = "left", .undo_window = Duration::zero()});
    ChildProcess::report(&ready, 1);
}

TEST_F(ReceiptTest, an_erasure_that_is_killed_at_any_moment_goes_on_to_its_receipt) {
    int cut_short = 0;
    for (int round = 0; round < 8; ++round) {
        const auto name = "round-" + std::to_string(round);
        const auto tenant = operators().tenants().create({.name = name, .slug = name, .plan = "studio/basic"});
        fill(tenant, 400);
        engine.reset();
        {
            ChildProcess child("ReceiptTest.DISABLED_another_process",
                               {{"HOME_FOLDER", (folder.path() / "home").string()}, {"TENANT", tenant.id.text()}});
            ASSERT_EQ(child.read(1), "r");
            std::this_thread::sleep_for(std::chrono::microseconds(round * 2500));
            child.kill();
        }
        open();
        const auto end = std::chrono::steady_clock::now() + 60s;
        cut_short += operators().tenants().get(tenant.id).state == TenantState::erasing;
        while (operators().tenants().get(tenant.id).state != TenantState::erased && std::chrono::steady_clock::now() < end) {
            try {  // so does the sweep
                operators().tenants().erase({.tenant = tenant.id, .reason = "left", .undo_window = Duration::zero()});
            } catch (const Error&) {
            }
        }
        const auto receipt = operators().tenants().erasure_receipt(tenant.id);
        EXPECT_NO_THROW(judge(receipt, receipt.text));
        EXPECT_GE(count(receipt, "files"), 401) << "what there was before the kill";
        EXPECT_EQ(count(receipt, "asset"), 1);
        EXPECT_FALSE(std::filesystem::exists(folder.path() / "home/workspaces" / tenant.id.text()));
    }
    EXPECT_EQ(session(other).projects().list().size(), 0u);
    RecordProperty("cut_short", cut_short);
}

}  // namespace
