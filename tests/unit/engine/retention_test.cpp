// What the engine prunes of audit trails by itself.

#include "engine_fixture.hpp"

#include <fstream>
#include <thread>

#include <core.hpp>
#include <evidence.hpp>
#include <set_clock.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

class RetentionTest : public ::testing::Test {
protected:
    RetentionTest() { open(); }
    ~RetentionTest() override { impl->close(); }
    void open() {
        if (impl) impl->close();
        impl = std::make_shared<EngineImpl>(tests::placed(EngineOptions{.home = folder / "home"}), clock);
        impl->start();
        auto operators = std::make_shared<OperatorImpl>();
        operators->engine = impl;
        operators->actor = {.kind = tenant::ActorKind::operator_session, .id = "operator", .reason = "test"};
        tenants.emplace(Internal::make<OperatorSession>(operators).tenants());
        if (acme) return;
        acme = tenants->create({.name = "Acme", .slug = "acme", .plan = "studio/basic"}).id;
        other = tenants->create({.name = "Other", .slug = "other", .plan = "studio/basic"}).id;
    }
    Audit trail(const TenantId& id) {
        return Internal::make<Session>(std::make_shared<SessionImpl>(impl, impl->scope_of(id), tenant::Actor{.id = "tester"}, Role::owner)).audit();
    }
    bool eventually(const std::function<bool()>& condition) {
        const auto end = std::chrono::steady_clock::now() + 60s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(5ms);
        }
        return true;
    }

    tests::TempFolder folder;
    const std::shared_ptr<tests::SetClock> clock = std::make_shared<tests::SetClock>();
    std::shared_ptr<EngineImpl> impl;
    std::optional<Tenants> tenants;
    std::optional<TenantId> acme, other;
};

TEST_F(RetentionTest, a_trail_is_pruned_once_a_day_and_its_export_still_verifies) {
    EXPECT_EQ(trail(*acme).set_retention({.days = 30, .reason = "policy"}).days, 30);
    const auto before = trail(*acme).checkpoint();
    tenants->place_legal_hold({.tenant = *acme, .name = "case-17", .reason = "court"});
    clock->set(40 * 24h);
    open();
    EXPECT_TRUE(eventually([&] { return trail(*acme).checkpoint().size > before.size; }));
    EXPECT_EQ(trail(*acme).retention().first, 0) << "held";
    tenants->lift_legal_hold(*acme, "case-17", "closed");
    clock->set(41 * 24h);
    open();
    EXPECT_TRUE(eventually([&] { return trail(*acme).retention().first >= before.size; }));
    EXPECT_EQ(trail(*other).retention().first, 0) << "its plan keeps them for ever";
    EXPECT_EQ(trail(*acme).list({.action = "audit.prune"}).size(), 1u);
    EXPECT_NO_THROW(trail(*acme).verify());
    const auto checkpoint = trail(*acme).export_file(folder / "trail.audit");
    std::ifstream in(folder / "trail.audit", std::ios::binary);
    const auto judged = verify::check(in, verify::parse_key(checkpoint.key), {.note = before.note});
    EXPECT_EQ(judged.pruned, static_cast<std::uint64_t>(trail(*acme).retention().first));
    open();
    std::this_thread::sleep_for(200ms);
    EXPECT_EQ(trail(*acme).list({.action = "audit.prune"}).size(), 1u) << "not again on the same day";
}

TEST_F(RetentionTest, only_the_owner_erases_what_the_trail_says) {
    const auto as = [&](Role role) {
        return Internal::make<Session>(std::make_shared<SessionImpl>(impl, impl->scope_of(*acme), tenant::Actor{.id = "tester"}, role)).audit();
    };
    for (const auto role : {Role::admin, Role::auditor, Role::viewer, Role::support}) {
        EXPECT_THROW(as(role).erase_personal({.subject = "operator", .reason = "asked"}), PermissionDenied);
        EXPECT_THROW(as(role).set_retention({.days = 1, .reason = "asked"}), PermissionDenied);
    }
    EXPECT_TRUE(as(Role::owner).erase_personal({.subject = "operator", .reason = "asked"}).actor);
    EXPECT_EQ(trail(*acme).list({.limit = 1}).at(0).actor_erased, true);
    EXPECT_EQ(trail(*other).list({.limit = 1}).at(0).actor, "operator");
    EXPECT_THROW(as(Role::owner).export_list({.path = folder / "home" / "x.csv"}), PermissionDenied) << "not into the home";
    EXPECT_GT(as(Role::auditor).export_list({.path = folder / "x.csv", .format = AuditFormat::csv}).records, 0);
}

}  // namespace
