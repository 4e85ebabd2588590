#include <tenant/api_keys.hpp>

#include <gtest/gtest.h>

#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access {
namespace {

using namespace std::chrono_literals;

class KeyRows : public ::testing::Test {
protected:
    keys::Made create(const TenantId& id, ApiKeyOptions options, const std::optional<UserId>& user = {},
                      const PermissionSet& held = PermissionSet::everything()) {
        if (options.name.empty()) options.name = "k";
        const auto key = home.fresh<KeyId>();
        const KeyText text{.kid = new_kid(), .secret = new_key_secret()};
        return home.write(id, [&](db::Tx& tx) { return keys::create(tx, home.alice, held, user, key, text, "sk", hasher, options, home.now()); });
    }
    keys::Shown show(const std::string& secret, const std::string& address = {}) {
        return home.database->read(home.system, [&](db::SystemReader& r) {
            return keys::recognise(r, hasher, parse_key(secret).value(), address, home.now());
        });
    }
    PermissionSet everywhere(const TenantId& id, const KeyId& key) {
        return home.read(id, [&](db::Reader& r) { return rights_of(r, {.kind = PrincipalKind::key, .key = key}, home.now()); }).everywhere;
    }
    testing::Home home;
    KeyHasher hasher{crypto::MasterKey::from_bytes(base::ByteVector(32, 7))};
};

TEST_F(KeyRows, AreKnownByTheirSecretAlone) {
    const auto made = create(home.a, {.role = Role::editor});
    EXPECT_TRUE(made.secret.starts_with(made.key.shown + "_"));
    EXPECT_EQ(show(made.secret).key, made.key.id);
    EXPECT_EQ(show(made.secret).tenant, home.a);
    auto forged = parse_key(made.secret).value();
    forged.secret[31] ^= 1;
    EXPECT_FALSE(show(write_key("sk", forged)).key);
    EXPECT_FALSE(show(write_key("sk", {.kid = new_kid(), .secret = forged.secret})).tenant) << "no such kid";
    auto other_kind = parse_key(made.secret).value();
    other_kind.kind = TextKind::test;
    EXPECT_FALSE(show(write_key("sk", other_kind)).key) << "a live key is no test key";
    EXPECT_EQ(show(write_key("renamed", parse_key(made.secret).value())).key, made.key.id);
    EXPECT_FALSE(home.database->read(home.system, [&](db::SystemReader& r) {
        return keys::recognise(r, KeyHasher(crypto::MasterKey::from_bytes(base::ByteVector(32, 8))), parse_key(made.secret).value(), "",
            home.now()).key;
    })) << "under another master key";
}

TEST_F(KeyRows, ScopesNarrowARole) {
    const auto made = create(home.a, {.role = Role::editor, .scopes = {"asset:write", "billing:read"}});
    EXPECT_EQ(everywhere(home.a, made.key.id), PermissionSet{Permission::asset_write}) << "a scope adds nothing to the role";
    EXPECT_EQ(made.key.scopes, (std::vector<std::string>{"asset:write", "billing:read"}));
    EXPECT_THROW(create(home.a, {.scopes = {"x:y"}}), InvalidArgument);
    const auto admin = tenant::permissions_of(Role::admin);
    EXPECT_THROW(create(home.a, {.role = Role::owner}, {}, admin), PermissionDenied);
    EXPECT_NO_THROW(create(home.a, {.role = Role::owner, .scopes = {"project:read"}}, {}, admin)) << "narrowed to what he has";
    EXPECT_THROW(everywhere(home.b, made.key.id), Unauthenticated) << "another tenant's";
}

TEST_F(KeyRows, NeverDoMoreThanWhoMadeThem) {
    const auto bert = home.fresh<UserId>();
    const auto change = [&](auto&& fn) { home.write(home.a, [&](db::Tx& tx) { fn(tx); }); };
    change([&](db::Tx& tx) {
        users::create(tx, home.alice, PermissionSet::everything(), bert, {.email = "b@example.org", .name = "Bert", .role = Role::editor},
            home.now());
    });
    const auto made = create(home.a, {.role = Role::editor}, bert, tenant::permissions_of(Role::editor));
    EXPECT_EQ(everywhere(home.a, made.key.id), tenant::permissions_of(Role::editor));
    change([&](db::Tx& tx) { users::update(tx, home.alice, PermissionSet::everything(), {.user = bert, .role = Role::viewer}, home.now()); });
    EXPECT_EQ(everywhere(home.a, made.key.id), tenant::permissions_of(Role::viewer) & tenant::permissions_of(Role::editor));
    change([&](db::Tx& tx) { users::disable(tx, home.alice, PermissionSet::everything(), bert, home.now()); });
    EXPECT_THROW(everywhere(home.a, made.key.id), Unauthenticated);
    change([&](db::Tx& tx) { users::remove(tx, home.alice, PermissionSet::everything(), bert, home.now()); });
    EXPECT_FALSE(show(made.secret).key);
}

TEST_F(KeyRows, RotateWithGrace) {
    const auto made = create(home.a, {});
    const auto rotate = [&](const TenantId& id, Duration grace) {
        const auto secret = new_key_secret();
        return home.write(id, [&](db::Tx& tx) {
            return keys::rotate(tx, home.alice, PermissionSet::everything(), secret, hasher, {.key = made.key.id, .grace = grace}, home.now());
        });
    };
    EXPECT_THROW(rotate(home.b, 1h), NotFound);
    EXPECT_THROW(rotate(home.a, 7 * 24h + 1s), InvalidArgument);
    const auto second = rotate(home.a, 1h);
    EXPECT_EQ(second.key.id, made.key.id);
    EXPECT_EQ(second.key.grace_ends_at, home.now() + 1h);
    EXPECT_EQ(show(made.secret).key, made.key.id);
    EXPECT_EQ(show(second.secret).key, made.key.id);
    home.clock->advance(1h);
    EXPECT_FALSE(show(made.secret).key);
    EXPECT_TRUE(show(second.secret).key);
    const auto third = rotate(home.a, 0s);
    EXPECT_FALSE(show(second.secret).key) << "at once";
    EXPECT_TRUE(show(third.secret).key);
}

TEST_F(KeyRows, EndByTimeAndByRevocation) {
    EXPECT_THROW(create(home.a, {.expires_at = home.now()}), InvalidArgument);
    const auto made = create(home.a, {.expires_at = home.now() + 1h});
    const auto other = create(home.a, {.name = "other"});
    const auto list = [&](ApiKeyFilter filter) {
        return home.read(home.a, [&](db::Reader& r) { return keys::list(r, filter, home.now()); }).size();
    };
    EXPECT_EQ(list({}), 2u);
    home.clock->advance(1h);
    EXPECT_FALSE(show(made.secret).key);
    EXPECT_THROW(everywhere(home.a, made.key.id), Unauthenticated);
    EXPECT_EQ(list({}), 1u);
    EXPECT_EQ(list({.revoked = true}), 2u);
    const auto revoke = [&](const TenantId& id) { return home.write(id, [&](db::Tx& tx) { return keys::revoke(tx, home.alice, other.key.id,
        home.now()); }); };
    EXPECT_THROW(revoke(home.b), NotFound);
    EXPECT_EQ(revoke(home.a).revoked_at, home.now());
    home.clock->advance(1h);
    EXPECT_LT(revoke(home.a).revoked_at, home.now()) << "again does nothing";
    EXPECT_FALSE(show(other.secret).key);
    EXPECT_EQ(list({}), 0u);
    const auto records = home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "key."}); });
    EXPECT_EQ(records.size(), 3u);
    for (const auto& each : records) EXPECT_EQ(each.details.find(made.secret.substr(made.secret.size() - 49)), std::string::npos);
}

TEST_F(KeyRows, OfNetworksAreRefusedFromElsewhere) {
    const auto made = create(home.a, {.cidrs = {"192.0.2.0/24", "2001:db8::/32"}});
    EXPECT_TRUE(show(made.secret, "192.0.2.77").key);
    EXPECT_TRUE(show(made.secret, "2001:db8::1").key);
    for (const auto* from : {"", "192.0.3.1", "2001:db9::1", "192.0.2.77 ", "anywhere"}) EXPECT_FALSE(show(made.secret, from).key) << from;
    for (const auto* bad : {"", "x", "192.0.2.0/33", "192.0.2.0/", "192.0.2.0/-1", "::/129"})
        EXPECT_THROW(create(home.a, {.cidrs = {bad}}), InvalidArgument) << bad;
}

TEST_F(KeyRows, LastUseIsNotedByTheMinute) {
    const auto made = create(home.a, {});
    const auto note = [&] {
        const auto shown = show(made.secret);
        home.write(home.a, [&](db::Tx& tx) { keys::note_use(tx, hasher, shown, parse_key(made.secret).value(), home.now()); });
        return shown.note_use;
    };
    EXPECT_TRUE(note());
    EXPECT_FALSE(show(made.secret).note_use);
    EXPECT_EQ(home.read(home.a, [&](db::Reader& r) { return keys::get(r, made.key.id); }).last_used_at, home.now());
    home.clock->advance(1min);
    EXPECT_TRUE(note());
}

TEST_F(KeyRows, MoveToTheNextPepperWhenTheyAreUsed) {
    const auto made = create(home.a, {}), unused = create(home.a, {});
    const auto text = parse_key(made.secret).value();
    home.write(home.a, [&](db::Tx& tx) { keys::note_use(tx, hasher, {.key = made.key.id}, text, home.now()); });
    EXPECT_FALSE(show(made.secret).note_use);
    EXPECT_EQ(home.database->write(home.system, [](db::SystemTx& tx) { return peppers::rotate(tx); }), 2);
    EXPECT_EQ(home.database->read(home.system, [](db::SystemReader& r) { return peppers::current(r); }), 2);
    hasher.use(2);
    const auto shown = show(made.secret);
    EXPECT_EQ(shown.key, made.key.id) << "known under the pepper of before";
    EXPECT_TRUE(shown.note_use);
    home.write(home.a, [&](db::Tx& tx) { keys::note_use(tx, hasher, shown, text, home.now()); });
    EXPECT_FALSE(show(made.secret).note_use);
    EXPECT_EQ(show(made.secret).key, made.key.id);
    EXPECT_EQ(show(unused.secret).key, unused.key.id);
    EXPECT_EQ(show(create(home.a, {}).secret).key.has_value(), true);
    EXPECT_NE(hasher.hash(1, text), hasher.hash(2, text));
    EXPECT_THROW(hasher.hash(0, text), Corrupt);
}

TEST_F(KeyRows, SessionsOfAnOldSecretEndWithItsGrace) {
    const auto made = create(home.a, {.expires_at = home.now() + 24h});
    const auto until = [&](std::int64_t turn) {
        return home.read(home.a, [&](db::Reader& r) {
            return rights_of(r, {.kind = PrincipalKind::key, .key = made.key.id, .key_turn = turn}, home.now()).until;
        });
    };
    const auto rotate = [&](Duration grace) {
        return home.write(home.a, [&](db::Tx& tx) {
            return keys::rotate(tx, home.alice, PermissionSet::everything(), new_key_secret(), hasher,
                                {.key = made.key.id, .grace = grace}, home.now());
        }).secret;
    };
    EXPECT_EQ(show(made.secret).turn, 0);
    EXPECT_EQ(until(0), made.key.expires_at);
    const auto second = rotate(1h);
    EXPECT_EQ(show(made.secret).turn, 0);
    EXPECT_EQ(show(second).turn, 1);
    EXPECT_EQ(until(0), home.now() + 1h);
    EXPECT_EQ(until(1), made.key.expires_at);
    home.clock->advance(1h);
    EXPECT_THROW(until(0), Unauthenticated);
    rotate(0s);
    EXPECT_THROW(until(1), Unauthenticated) << "at once";
    EXPECT_THROW(until(0), Unauthenticated);
    EXPECT_NO_THROW(until(2));
}

}  // namespace
}  // namespace tenon::tenant::access
