// What ends what: of keys, issuers, roles, codes and hashes, while sessions and tokens are about.

#include "access_fixture.hpp"

#include <jwt_samples.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
namespace samples = tests::jwt_samples;
using tests::AccessTest;
using tests::password;

class RevocationTest : public AccessTest {};

TEST_F(RevocationTest, a_rotation_without_grace_ends_the_sessions_of_the_old_secret) {
    const auto first = owner->api_keys().create({.name = "k"});
    auto before = by_key(first.secret);
    const auto second = owner->api_keys().rotate({.key = first.key.id, .grace = 1h});
    auto after = by_key(second.secret);
    EXPECT_NO_THROW(before.projects().list());
    EXPECT_EQ(before.principal().expires_at, second.key.grace_ends_at);
    EXPECT_FALSE(after.principal().expires_at);
    EXPECT_EQ(by_key(first.secret).principal().expires_at, second.key.grace_ends_at);
    owner->api_keys().rotate({.key = first.key.id, .grace = 0s});
    EXPECT_THROW(before.projects().list(), Unauthenticated);
    EXPECT_THROW(after.projects().list(), Unauthenticated);
}

TEST_F(RevocationTest, a_key_gives_none_that_outlives_it) {
    const auto soon = std::chrono::floor<Duration>(std::chrono::system_clock::now()) + 1h;
    const auto made = owner->api_keys().create({.name = "k", .role = Role::admin, .expires_at = soon});
    const auto lasting = owner->api_keys().create({.name = "lasting", .role = Role::admin});
    auto session = by_key(made.secret);
    EXPECT_THROW(session.api_keys().create({.name = "x"}), PermissionDenied);
    EXPECT_THROW(session.api_keys().create({.name = "x", .expires_at = soon + 1s}), PermissionDenied);
    EXPECT_NO_THROW(session.api_keys().create({.name = "x", .expires_at = soon}));
    EXPECT_THROW(session.api_keys().rotate({.key = lasting.key.id}), PermissionDenied);
    owner->api_keys().rotate({.key = lasting.key.id, .grace = 1h});
    EXPECT_THROW(by_key(lasting.secret).api_keys().rotate({.key = lasting.key.id}), PermissionDenied) << "who has the old secret takes over nothing";
}

TEST_F(RevocationTest, an_issuers_new_keys_end_the_sessions_of_his_tokens) {
    owner->users().create({.email = "Anna@example.org", .name = "Anna", .role = Role::editor});
    const auto issuer = owner->issuers().create({.issuer = samples::issuer, .audience = samples::audience, .jwks = samples::jwks});
    const auto let_in = [&] { return engine->authenticate({.token = samples::es256, .tenant = acme.id}); };
    auto session = let_in();
    EXPECT_NO_THROW(session.projects().list());
    owner->issuers().update(issuer.id, samples::jwks);
    EXPECT_THROW(session.projects().list(), Unauthenticated);
    auto again = let_in();
    EXPECT_NO_THROW(again.projects().list()) << "the token is good under the new keys";
    owner->issuers().remove(issuer.id);
    EXPECT_THROW(again.projects().list(), Unauthenticated);
    expect_refused(let_in, "an issuer that was removed");
}

TEST_F(RevocationTest, a_role_that_is_removed_ends_what_the_host_opened_with_it) {
    const auto reader = owner->roles().create({.name = "Reader", .permissions = {"project:read"}});
    auto session = engine->open_session({.tenant = acme.id, .actor = "studio", .custom_role = reader.id});
    EXPECT_NO_THROW(session.projects().list());
    owner->roles().remove(reader.id);
    EXPECT_THROW(session.projects().list(), NotFound);
}

TEST_F(RevocationTest, who_stole_a_session_does_not_get_rid_of_the_second_factor) {
    const auto anna = user("anna@example.org");
    auto hers = by_token(login("anna@example.org").access_token);
    const auto factor = hers.users().start_second_factor(anna.id);
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    const auto codes = hers.users().confirm_second_factor(anna.id, second_factor_code(factor.secret, now));
    EXPECT_THROW(hers.users().remove_second_factor(anna.id), Unauthenticated);
    EXPECT_THROW(hers.users().start_second_factor(anna.id, "123456x"), Unauthenticated);
    EXPECT_NO_THROW(hers.users().start_second_factor(anna.id, codes[0])) << "it counts once it is confirmed";
    EXPECT_THROW(hers.users().remove_second_factor(anna.id, codes[0]), Unauthenticated) << "it was used";
    for (int i = 0; i < 3; ++i) EXPECT_THROW(hers.users().remove_second_factor(anna.id, "wrong"), Unauthenticated);
    EXPECT_THROW(hers.users().remove_second_factor(anna.id, codes[1]), Unauthenticated) << "guessing is locked out as of a login";
    owner->users().unlock(anna.id);
    EXPECT_NO_THROW(hers.users().remove_second_factor(anna.id, codes[1]));
    EXPECT_THROW(hers.users().remove_second_factor(anna.id), NotFound);
}

TEST_F(RevocationTest, another_pepper_ends_nothing) {
    const auto anna = user("anna@example.org");
    user("bert@example.org");
    const auto key = owner->api_keys().create({.name = "k"});
    const auto old = login("anna@example.org"), used = login("bert@example.org");
    const auto ticket = owner->users().issue_ticket(anna.id);
    auto mine = engine->open_session({.tenant = acme.id, .user = anna.id});
    const auto factor = mine.users().start_second_factor(anna.id);
    const auto codes = mine.users().confirm_second_factor(
        anna.id, second_factor_code(factor.secret, std::chrono::floor<Duration>(std::chrono::system_clock::now())));
    EXPECT_EQ(operators().token_keys().rotate_pepper(), 2);
    EXPECT_NO_THROW(by_key(key.secret).projects().list());
    EXPECT_NO_THROW(by_key(owner->api_keys().create({.name = "new"}).secret).projects().list());
    EXPECT_NO_THROW(login("anna@example.org", password, codes[0]));
    const auto next = engine->refresh(old.refresh_token);
    EXPECT_NO_THROW(by_token(next.access_token));
    EXPECT_NO_THROW(engine->refresh(next.refresh_token));
    EXPECT_EQ(operators().audit().list({.action = "token_key.rotate_pepper"}).size(), 1u);
    open();  // as another start of the home does
    const auto renewed = engine->refresh(used.refresh_token);
    expect_refused([&] { engine->refresh(used.refresh_token); }, "a token of the pepper before, which was used");
    expect_refused([&] { engine->refresh(renewed.refresh_token); }, "the login that it ended");
    EXPECT_NO_THROW(engine->redeem({.ticket = ticket.ticket, .password = "another password"}));
}

TEST_F(RevocationTest, nobody_comes_in_where_the_data_must_not_lie) {
    const auto eu = operators().tenants().create({.name = "Eu", .slug = "eu", .plan = "studio/basic", .region = "eu"});
    auto theirs = session(eu);
    const auto key = theirs.api_keys().create({.name = "k"});
    const auto anna = theirs.users().create({.email = "anna@example.org", .name = "Anna"});
    engine->redeem({.ticket = theirs.users().issue_ticket(anna.id).ticket, .password = password});
    const auto enter = [&] { return engine->login({.tenant = eu.id, .email = "anna@example.org", .password = password}); };
    const auto tokens = enter();
    EXPECT_NO_THROW(by_key(key.secret));
    auto elsewhere = options();
    elsewhere.regions = {"us"};
    engine.emplace(elsewhere);
    EXPECT_THROW(by_key(key.secret), PermissionDenied);
    EXPECT_THROW(by_token(tokens.access_token), PermissionDenied);
    EXPECT_THROW(enter(), PermissionDenied);
    EXPECT_THROW(engine->refresh(tokens.refresh_token), PermissionDenied);
    EXPECT_THROW(engine->open_session({.tenant = eu.id, .user = anna.id}), PermissionDenied);
    EXPECT_THROW(engine->open_support({.tenant = eu.id, .actor = "h", .reason = "r"}), PermissionDenied);
    EXPECT_TRUE(operators().audit().list({.action = "support.open"}).empty());
}

}  // namespace
