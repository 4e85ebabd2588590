// Who comes in, by what, and what ends it.

#include "access_fixture.hpp"

#include <fstream>
#include <functional>
#include <iterator>
#include <thread>

#include <jwt_samples.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
namespace samples = tests::jwt_samples;
using tests::AccessTest;
using tests::password;

TEST_F(AccessTest, a_key_does_what_its_role_and_scopes_say) {
    const auto made = owner->api_keys().create({.name = "uploader", .role = Role::editor, .scopes = {"project:read", "project:write"}});
    auto session = by_key(made.secret);
    EXPECT_EQ(session.tenant(), acme.id);
    EXPECT_NO_THROW(session.projects().create({.name = "by a key"}));
    EXPECT_THROW(session.backups().start({.name = "x"}), PermissionDenied);
    EXPECT_THROW(session.users().list(), PermissionDenied);
    const auto who = session.principal();
    EXPECT_EQ(who.kind, PrincipalKind::key);
    EXPECT_EQ(who.key, made.key.id);
    EXPECT_EQ(who.permissions, (std::vector<std::string>{"project:read", "project:write"}));
    EXPECT_TRUE(session.may("project:write"));
    EXPECT_FALSE(session.may("asset:write"));
    EXPECT_THROW((void)session.may("x"), InvalidArgument);
    const auto trail = owner->audit().list({.action = "project.create"});
    EXPECT_EQ(trail.at(0).actor, made.key.id.text());
}

TEST_F(AccessTest, whatever_is_wrong_with_a_key_is_refused_alike) {
    const auto made = owner->api_keys().create({.name = "k", .cidrs = {"192.0.2.0/24"}});
    auto forged = made.secret;
    forged[30] = forged[30] == 'A' ? 'B' : 'A';
    expect_refused([&] { by_key("x"); }, "nonsense");
    expect_refused([&] { by_key(forged, "192.0.2.1"); }, "a wrong checksum");
    expect_refused([&] { by_key(made.secret, "192.0.3.1"); }, "another network");
    expect_refused([&] { by_key(made.secret); }, "no address");
    expect_refused([&] { engine->authenticate({.api_key = made.secret, .tenant = other.id, .address = "192.0.2.1"}); }, "another tenant");
    EXPECT_NO_THROW(engine->authenticate({.api_key = made.secret, .tenant = acme.id, .address = "192.0.2.1"}));
    owner->api_keys().revoke(made.key.id);
    expect_refused([&] { by_key(made.secret, "192.0.2.1"); }, "a revoked key");
    EXPECT_THROW(engine->authenticate({}), InvalidArgument);
    EXPECT_THROW(engine->authenticate({.api_key = "a", .token = "b"}), InvalidArgument);
    EXPECT_GE(owner->audit().list({.action = "key.refuse"}).size(), 2u);
}

TEST_F(AccessTest, what_is_revoked_ends_the_sessions_it_opened) {
    const auto made = owner->api_keys().create({.name = "k"});
    auto session = by_key(made.secret);
    auto projects = session.projects();
    EXPECT_NO_THROW(projects.list());
    owner->api_keys().revoke(made.key.id);
    EXPECT_THROW(projects.list(), Unauthenticated);
    EXPECT_THROW(session.principal(), Unauthenticated);
    EXPECT_NO_THROW(owner->projects().list());
}

TEST_F(AccessTest, it_ends_in_other_engines_of_the_home_too) {
    const auto made = owner->api_keys().create({.name = "k"});
    auto looking = options();
    looking.background = false;
    Engine second(looking);
    auto session = second.authenticate({.api_key = made.secret});
    auto projects = session.projects();
    EXPECT_NO_THROW(projects.list());
    owner->api_keys().revoke(made.key.id);
    bool ended = false;
    for (const auto until = std::chrono::steady_clock::now() + 30s; !ended && std::chrono::steady_clock::now() < until;) {
        try {
            projects.list();
            std::this_thread::sleep_for(20ms);
        } catch (const Unauthenticated&) {
            ended = true;
        }
    }
    EXPECT_TRUE(ended);
}

TEST_F(AccessTest, a_user_logs_in_renews_and_leaves) {
    const auto anna = user("anna@example.org");
    EXPECT_EQ(anna.state, UserState::active);
    const auto first = login("ANNA@example.org");
    EXPECT_EQ(first.user, anna.id);
    auto session = by_token(first.access_token);
    EXPECT_NO_THROW(session.projects().create({.name = "hers"}));
    EXPECT_EQ(session.principal().login, first.login);
    EXPECT_EQ(session.principal().expires_at, first.access_expires_at);
    EXPECT_EQ(owner->logins().list().size(), 1u);
    EXPECT_EQ(session.logins().list({.user = anna.id}).size(), 1u) << "her own, without any permission";
    EXPECT_THROW(session.logins().list(), PermissionDenied);
    EXPECT_EQ(session.users().get(anna.id).email, "anna@example.org");
    const auto second = engine->refresh(first.refresh_token);
    EXPECT_EQ(second.login, first.login);
    EXPECT_NE(second.access_token, first.access_token);
    EXPECT_NO_THROW(by_token(second.access_token).projects().list());
    engine->logout(second.refresh_token);
    expect_refused([&] { by_token(second.access_token); }, "a token of a login that ended");
    expect_refused([&] { engine->refresh(second.refresh_token); }, "its refresh token");
    EXPECT_THROW(session.projects().list(), Unauthenticated);
    EXPECT_TRUE(owner->logins().list().empty());
}

TEST_F(AccessTest, a_refresh_token_shown_twice_ends_the_family) {
    user("anna@example.org");
    const auto first = login("anna@example.org"), elsewhere = login("anna@example.org");
    const auto second = engine->refresh(first.refresh_token);
    expect_refused([&] { engine->refresh(first.refresh_token); }, "a refresh token that was used");
    expect_refused([&] { engine->refresh(second.refresh_token); }, "the one that followed it");
    expect_refused([&] { by_token(second.access_token); }, "its access token");
    EXPECT_NO_THROW(engine->refresh(elsewhere.refresh_token)) << "another login goes on";
    EXPECT_EQ(owner->audit().list({.action = "login.reuse"}).size(), 1u);
    expect_refused([&] { engine->refresh("x"); }, "nonsense");
    expect_refused([&] { engine->refresh(owner->api_keys().create({.name = "k"}).secret); }, "a key");
}

TEST_F(AccessTest, wrong_passwords_are_refused_alike_and_locked_out) {
    const auto anna = user("anna@example.org");
    owner->users().create({.email = "invited@example.org", .name = "I"});
    expect_refused([&] { login("anna@example.org", "wrong password"); }, "a wrong password");
    expect_refused([&] { login("nobody@example.org"); }, "an unknown user");
    expect_refused([&] { login("invited@example.org"); }, "a user without a password");
    expect_refused([&] { engine->login({.tenant = other.id, .email = "anna@example.org", .password = password}); }, "another tenant's user");
    expect_refused([&] { engine->login({.tenant = {1, 2}, .email = "anna@example.org", .password = password}); }, "no tenant");
    for (int i = 0; i < 4; ++i) expect_refused([&] { login("anna@example.org", "wrong password"); }, "again");
    expect_refused([&] { login("anna@example.org"); }, "the right password while she is locked");
    EXPECT_TRUE(owner->users().get(anna.id).locked_until);
    owner->users().unlock(anna.id);
    EXPECT_NO_THROW(login("anna@example.org"));
    EXPECT_GE(owner->audit().list({.action = "login.refuse"}).size(), 1u);
}

TEST_F(AccessTest, a_second_factor_is_asked_for_and_its_codes_count_once) {
    const auto anna = user("anna@example.org");
    auto mine = engine->open_session({.tenant = acme.id, .user = anna.id});
    const auto factor = mine.users().start_second_factor(anna.id);
    EXPECT_NE(factor.uri.find("otpauth://totp/Tenon:anna%40example.org?secret=" + factor.secret), std::string::npos) << factor.uri;
    EXPECT_THROW(mine.users().confirm_second_factor(anna.id, "12345"), Unauthenticated);
    const auto now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    const auto codes = mine.users().confirm_second_factor(anna.id, second_factor_code(factor.secret, now));
    ASSERT_EQ(codes.size(), 10u);
    EXPECT_TRUE(owner->users().get(anna.id).second_factor);
    try {
        login("anna@example.org");
        ADD_FAILURE() << "without a code";
    } catch (const Unauthenticated& error) {
        EXPECT_EQ(error.subject(), "code");
    }
    expect_refused([&] { login("anna@example.org", "wrong password"); }, "a wrong password, which says nothing of a code");
    expect_refused([&] { login("anna@example.org", password, "aaaaa-aaaaa"); }, "a wrong code");
    EXPECT_NO_THROW(login("anna@example.org", password, codes[0]));
    expect_refused([&] { login("anna@example.org", password, codes[0]); }, "a code that was used");
    owner->users().remove_second_factor(anna.id);
    EXPECT_NO_THROW(login("anna@example.org"));
}

TEST_F(AccessTest, a_user_changes_his_own_password_with_the_current_one) {
    const auto anna = user("anna@example.org");
    const auto bert = user("bert@example.org", Role::admin);
    auto hers = by_token(login("anna@example.org").access_token);
    EXPECT_THROW(hers.users().set_password({.user = anna.id, .password = "another password"}), Unauthenticated);
    EXPECT_THROW(hers.users().set_password({.user = bert.id, .password = "another password"}), PermissionDenied);
    EXPECT_THROW(hers.users().set_password({.user = anna.id, .password = "short", .current = password}), InvalidArgument);
    hers.users().set_password({.user = anna.id, .password = "another password", .current = password});
    EXPECT_THROW(hers.projects().list(), Unauthenticated) << "her logins have ended";
    expect_refused([&] { login("anna@example.org"); }, "the old password");
    EXPECT_NO_THROW(login("anna@example.org", "another password"));
}

TEST_F(AccessTest, an_admin_does_not_become_an_owner) {
    const auto olga = user("olga@example.org", Role::owner);
    const auto bert = user("bert@example.org", Role::admin);
    auto admin = by_token(login("bert@example.org").access_token);
    EXPECT_THROW(admin.users().update({.user = bert.id, .role = Role::owner}), PermissionDenied);
    EXPECT_THROW(admin.users().set_password({.user = olga.id, .password = "another password"}), PermissionDenied);
    EXPECT_THROW(admin.users().issue_ticket(olga.id), PermissionDenied);
    EXPECT_THROW(admin.users().remove_second_factor(olga.id), PermissionDenied);
    EXPECT_THROW(admin.users().create({.email = "x@example.org", .name = "X", .role = Role::owner}), PermissionDenied);
    EXPECT_THROW(admin.roles().create({.name = "Till", .permissions = {"billing:write"}}), PermissionDenied);
    EXPECT_THROW(admin.api_keys().create({.name = "k", .role = Role::owner}), PermissionDenied);
    EXPECT_NO_THROW(admin.api_keys().create({.name = "k", .role = Role::admin}));
    const auto owners_key = owner->api_keys().create({.name = "k", .role = Role::owner});
    EXPECT_THROW(admin.api_keys().rotate({.key = owners_key.key.id}), PermissionDenied) << "who gets the new secret can do what the key can";
    EXPECT_NO_THROW(admin.users().disable(bert.id));
    EXPECT_THROW(admin.users().list(), Unauthenticated) << "he has shut himself out";
}

TEST_F(AccessTest, a_grant_holds_in_its_project_alone) {
    auto mine = owner->projects().create({.name = "granted"});
    auto hidden = owner->projects().create({.name = "hidden"});
    const auto nothing = owner->roles().create({.name = "Nothing"});
    const auto bert = owner->users().create({.email = "bert@example.org", .name = "Bert", .custom_role = nothing.id});
    auto session = engine->open_session({.tenant = acme.id, .user = bert.id});
    EXPECT_THROW(session.projects().list(), PermissionDenied);
    owner->users().grant({.user = bert.id, .project = mine.id, .role = Role::editor});
    ASSERT_EQ(session.projects().list().size(), 1u);
    EXPECT_EQ(session.projects().list()[0].id, mine.id);
    EXPECT_EQ(session.projects().get(mine.id).name, "granted");
    EXPECT_THROW(session.projects().get(hidden.id), PermissionDenied);
    EXPECT_EQ(session.projects().rename(mine.id, "renamed").name, "renamed");
    EXPECT_THROW(session.projects().rename(hidden.id, "x"), PermissionDenied);
    EXPECT_THROW(session.projects().create({.name = "x"}), PermissionDenied);
    const auto asset = session.assets().import_file({.project = mine.id, .path = tests::footage / "clapper.mp4"});
    const auto secret = owner->assets().import_file({.project = hidden.id, .path = tests::footage / "clapper.mp4"});
    EXPECT_THROW(session.assets().import_file({.project = hidden.id, .path = tests::footage / "clapper.mp4"}), PermissionDenied);
    EXPECT_TRUE(session.assets().find(asset.id));
    EXPECT_FALSE(session.assets().find(secret.id));
    EXPECT_EQ(session.assets().list({.project = mine.id}).size(), 1u);
    EXPECT_THROW(session.assets().list(), PermissionDenied);
    EXPECT_THROW(session.assets().remove(secret.id), NotFound);
    Timeline cut;
    cut.append({.asset = secret.id, .end = 400ms});
    EXPECT_THROW(session.renders().start({.project = mine.id, .timeline = cut, .outputs = {"mp4"}}), NotFound) << "what he may not read is not there";
    Timeline own;
    own.append({.asset = asset.id, .end = 400ms});
    auto job = session.renders().start({.project = mine.id, .timeline = own, .outputs = {"social_square"}});
    EXPECT_EQ(job.result().outputs.size(), 1u);
    EXPECT_TRUE(session.renders().find(job.id()));
    Timeline theirs;
    theirs.append({.asset = secret.id, .end = 400ms});
    auto hidden_job = owner->renders().start({.project = hidden.id, .timeline = theirs, .outputs = {"social_square"}});
    const auto file = std::filesystem::path(job.result().outputs.at(0).path).filename().string();
    const auto hidden_file = std::filesystem::path(hidden_job.result().outputs.at(0).path).filename().string();
    EXPECT_FALSE(session.renders().find(hidden_job.id()));
    EXPECT_FALSE(session.jobs().find(hidden_job.id()));
    ASSERT_EQ(session.renders().list(10).size(), 1u);
    ASSERT_EQ(session.jobs().list({.limit = 1}).size(), 1u) << "the newest of all is none of his";
    EXPECT_EQ(session.jobs().list({.limit = 1})[0].id, job.id());
    EXPECT_EQ(owner->jobs().list().size(), 2u);
    // Exports, frames and pictures of the project are his as well; those of others are not there.
    ASSERT_EQ(session.exports().list().size(), 1u);
    EXPECT_EQ(session.exports().list({.limit = 1})[0].name, file);
    EXPECT_EQ(owner->exports().list().size(), 2u);
    EXPECT_TRUE(session.exports().find(file));
    EXPECT_FALSE(session.exports().find(hidden_file));
    EXPECT_GT(session.assets().frame(asset.id).width(), 0);
    EXPECT_TRUE(session.assets().frames(asset.id).next());
    EXPECT_TRUE(session.exports().frames(file).next());
    EXPECT_THROW(session.assets().frame(secret.id), NotFound);
    EXPECT_THROW(session.exports().frame(hidden_file), NotFound);
    EXPECT_NO_THROW(session.pictures().frame({.asset = asset.id, .target = folder / "his.png"}));
    EXPECT_NO_THROW(session.pictures().timeline({.timeline = own, .target = folder / "his.svg"}));
    EXPECT_THROW(session.pictures().frame({.asset = secret.id, .target = folder / "x.png"}), NotFound);
    EXPECT_THROW(session.pictures().timeline({.timeline = theirs, .target = folder / "x.svg"}), NotFound);
    EXPECT_THROW(session.pictures().timeline({.render = hidden_job.id(), .target = folder / "x.svg"}), NotFound);
    EXPECT_THROW(session.exports().remove(hidden_file), NotFound);
    EXPECT_NO_THROW(session.exports().remove(file));
    EXPECT_TRUE(session.may_in("asset:write", mine.id));
    EXPECT_FALSE(session.may_in("asset:write", hidden.id));
    owner->users().revoke(bert.id, mine.id);
    EXPECT_THROW(session.projects().list(), PermissionDenied);
    EXPECT_THROW(owner->users().revoke(bert.id, mine.id), NotFound);
}

TEST_F(AccessTest, support_is_let_in_for_a_time_that_the_tenant_sees_and_ends) {
    auto support = engine->open_support({.tenant = acme.id, .actor = "helga", .reason = "ticket 4711", .duration = 1h});
    EXPECT_NO_THROW(support.jobs().list());
    EXPECT_THROW(support.projects().list(), PermissionDenied);
    EXPECT_EQ(support.principal().kind, PrincipalKind::support);
    const auto logins = owner->logins().list();
    ASSERT_EQ(logins.size(), 1u);
    EXPECT_EQ(logins[0].kind, PrincipalKind::support);
    EXPECT_EQ(logins[0].actor, "helga");
    EXPECT_EQ(logins[0].reason, "ticket 4711");
    EXPECT_EQ(owner->audit().list({.action = "login.start"}).at(0).reason, "ticket 4711");
    EXPECT_EQ(operators().audit().list({.action = "support.open"}).at(0).target, acme.id.text());
    owner->logins().end(logins[0].id);
    EXPECT_THROW(support.jobs().list(), Unauthenticated);
    EXPECT_THROW(engine->open_support({.tenant = acme.id, .actor = "helga", .reason = "x", .duration = 25h}), InvalidArgument);
    EXPECT_THROW(engine->open_support({.tenant = acme.id, .actor = "helga", .duration = 1h}), InvalidArgument);
    EXPECT_THROW(engine->open_support({.tenant = {1, 2}, .actor = "helga", .reason = "x"}), NotFound);
}

TEST_F(AccessTest, tokens_of_an_issuer_stand_for_the_user_of_their_email) {
    const auto anna = owner->users().create({.email = "Anna@example.org", .name = "Anna", .role = Role::editor});
    const auto let_in = [&](const char* token, const TenantId& tenant) { return engine->authenticate({.token = token, .tenant = tenant}); };
    expect_refused([&] { let_in(samples::es256, acme.id); }, "an issuer nobody trusts");
    const auto issuer = owner->issuers().create({.issuer = samples::issuer, .audience = samples::audience, .jwks = samples::jwks});
    for (const auto* token : {samples::es256, samples::rs256, samples::es256}) {
        auto session = let_in(token, acme.id);
        EXPECT_EQ(session.principal().user, anna.id);
        EXPECT_NO_THROW(session.projects().list());
    }
    expect_refused([&] { engine->authenticate({.token = samples::es256}); }, "a foreign token without its tenant");
    expect_refused([&] { let_in(samples::es256, other.id); }, "another tenant, which does not trust him");
    for (const auto* token : {samples::unverified, samples::none, samples::hmac, samples::crit, samples::jku, samples::jwk, samples::x5u,
                              samples::duplicate, samples::no_exp, samples::no_aud, samples::other_aud, samples::other_issuer, samples::expired})
        expect_refused([&] { let_in(token, acme.id); }, token);
    auto session = let_in(samples::es256, acme.id);
    owner->users().disable(anna.id);
    EXPECT_THROW(session.projects().list(), Unauthenticated);
    expect_refused([&] { let_in(samples::es256, acme.id); }, "a disabled user");
    owner->users().enable(anna.id);
    EXPECT_NO_THROW(let_in(samples::es256, acme.id));
    owner->issuers().remove(issuer.id);
    expect_refused([&] { let_in(samples::es256, acme.id); }, "an issuer that was removed");
    EXPECT_THROW(owner->issuers().create({.issuer = "x", .audience = "y", .jwks = "{}"}), InvalidArgument);
}

TEST_F(AccessTest, keys_of_tokens_are_rotated_without_ending_anything) {
    user("anna@example.org");
    const auto before = login("anna@example.org");
    EXPECT_NO_THROW(by_token(before.access_token));
    auto keys = operators().token_keys();
    ASSERT_EQ(keys.list().size(), 1u);
    const auto fresh = keys.rotate();
    EXPECT_EQ(keys.list().at(0).kid, fresh.kid);
    EXPECT_TRUE(keys.list().at(1).retired_at);
    EXPECT_NO_THROW(by_token(before.access_token)) << "what the old one signed holds";
    const auto after = engine->refresh(before.refresh_token);
    EXPECT_NO_THROW(by_token(after.access_token));
    const auto published = engine->jwks();
    for (const auto& key : keys.list()) EXPECT_NE(published.find(key.kid), std::string::npos);
    open();  // as another start of the home does
    EXPECT_NO_THROW(by_token(after.access_token));
    auto forged = after.access_token;
    forged[forged.size() - 10] = forged[forged.size() - 10] == 'A' ? 'B' : 'A';
    expect_refused([&] { by_token(forged); }, "a forged signature");
    expect_refused([&] { engine->authenticate({.token = after.access_token, .tenant = other.id}); }, "another tenant");
}

TEST_F(AccessTest, sessions_by_the_hosts_word) {
    const auto anna = owner->users().create({.email = "anna@example.org", .name = "Anna", .role = Role::viewer});
    auto hers = engine->open_session({.tenant = acme.id, .user = anna.id});
    EXPECT_EQ(hers.principal().user, anna.id);
    EXPECT_THROW(hers.projects().create({.name = "x"}), PermissionDenied);
    owner->users().update({.user = anna.id, .role = Role::editor});
    EXPECT_NO_THROW(hers.projects().create({.name = "x"})) << "a change holds in open sessions";
    const auto cutter = owner->roles().create({.name = "Cutter", .permissions = {"project:read"}});
    auto custom = engine->open_session({.tenant = acme.id, .actor = "studio", .custom_role = cutter.id});
    EXPECT_NO_THROW(custom.projects().list());
    EXPECT_THROW(custom.jobs().list(), PermissionDenied);
    EXPECT_THROW(engine->open_session({.tenant = other.id, .user = anna.id}), NotFound);
    EXPECT_THROW(engine->open_session({.tenant = other.id, .actor = "x", .custom_role = cutter.id}), NotFound);
    EXPECT_THROW(engine->open_session({.tenant = acme.id, .actor = "x", .role = static_cast<Role>(77)}), InvalidArgument);
    owner->users().disable(anna.id);
    EXPECT_THROW(engine->open_session({.tenant = acme.id, .user = anna.id}), PermissionDenied);
}

TEST_F(AccessTest, another_tenants_people_and_keys_do_not_exist) {
    auto theirs = session(other);
    const auto their_user = theirs.users().create({.email = "t@example.org", .name = "T"});
    const auto their_role = theirs.roles().create({.name = "R"});
    const auto their_key = theirs.api_keys().create({.name = "k"}).key;
    const auto their_issuer = theirs.issuers().create({.issuer = samples::issuer, .audience = "a", .jwks = samples::jwks});
    auto support = engine->open_support({.tenant = other.id, .actor = "h", .reason = "r"});
    const auto their_login = theirs.logins().list().at(0).id;
    const auto project = owner->projects().create({.name = "p"});
    const std::vector<std::pair<const char*, std::function<void()>>> refused = {
        {"Users::get", [&] { owner->users().get(their_user.id); }},
        {"Users::update", [&] { owner->users().update({.user = their_user.id, .name = "x"}); }},
        {"Users::disable", [&] { owner->users().disable(their_user.id); }},
        {"Users::enable", [&] { owner->users().enable(their_user.id); }},
        {"Users::remove", [&] { owner->users().remove(their_user.id); }},
        {"Users::grant", [&] { owner->users().grant({.user = their_user.id, .project = project.id, .role = Role::viewer}); }},
        {"Users::revoke", [&] { owner->users().revoke(their_user.id, project.id); }},
        {"Users::grants", [&] { owner->users().grants(their_user.id); }},
        {"Users::set_password", [&] { owner->users().set_password({.user = their_user.id, .password = password}); }},
        {"Users::issue_ticket", [&] { owner->users().issue_ticket(their_user.id); }},
        {"Users::unlock", [&] { owner->users().unlock(their_user.id); }},
        {"Users::start_second_factor", [&] { owner->users().start_second_factor(their_user.id); }},
        {"Users::confirm_second_factor", [&] { owner->users().confirm_second_factor(their_user.id, "123456"); }},
        {"Users::remove_second_factor", [&] { owner->users().remove_second_factor(their_user.id); }},
        {"UserOptions.custom_role", [&] { owner->users().create({.email = "x@example.org", .name = "X", .custom_role = their_role.id}); }},
        {"Roles::get", [&] { owner->roles().get(their_role.id); }},
        {"Roles::update", [&] { owner->roles().update(their_role.id, {.name = "x"}); }},
        {"Roles::remove", [&] { owner->roles().remove(their_role.id); }},
        {"ApiKeys::get", [&] { owner->api_keys().get(their_key.id); }},
        {"ApiKeys::rotate", [&] { owner->api_keys().rotate({.key = their_key.id}); }},
        {"ApiKeys::revoke", [&] { owner->api_keys().revoke(their_key.id); }},
        {"Logins::end", [&] { owner->logins().end(their_login); }},
        {"Logins::end_all", [&] { owner->logins().end_all(their_user.id); }},
        {"Issuers::get", [&] { owner->issuers().get(their_issuer.id); }},
        {"Issuers::update", [&] { owner->issuers().update(their_issuer.id, samples::jwks); }},
        {"Issuers::remove", [&] { owner->issuers().remove(their_issuer.id); }},
    };
    const auto trail = theirs.audit().verify().head;
    for (const auto& [what, call] : refused) {
        try {
            call();
            ADD_FAILURE() << what << " took another tenant's id";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), Errc::not_found) << what << ": " << error.what();
        }
    }
    EXPECT_FALSE(owner->users().find(their_user.id));
    EXPECT_FALSE(owner->users().find_email("t@example.org"));
    EXPECT_FALSE(owner->roles().find(their_role.id));
    EXPECT_FALSE(owner->roles().find_name("R"));
    EXPECT_FALSE(owner->api_keys().find(their_key.id));
    EXPECT_FALSE(owner->issuers().find(their_issuer.id));
    EXPECT_TRUE(owner->logins().list({.user = their_user.id}).empty());
    EXPECT_EQ(theirs.audit().verify().head, trail) << "not even their trail hears of it";
    EXPECT_NO_THROW(support.jobs().list());
}

TEST_F(AccessTest, an_erased_tenant_takes_its_people_along) {
    user("anna@example.org");
    const auto key = owner->api_keys().create({.name = "k"});
    const auto tokens = login("anna@example.org");
    operators().tenants().erase({.tenant = acme.id, .reason = "left", .undo_window = 0s});
    expect_refused([&] { by_key(key.secret); }, "a key");
    expect_refused([&] { engine->refresh(tokens.refresh_token); }, "a refresh token");
    expect_refused([&] { login("anna@example.org"); }, "a user");
}

TEST_F(AccessTest, secrets_stand_nowhere) {
    user("anna@example.org");
    const auto key = owner->api_keys().create({.name = "k"});
    const auto tokens = login("anna@example.org");
    const auto ticket = owner->users().issue_ticket(owner->users().find_email("anna@example.org")->id);
    const auto tail = [](const std::string& text) { return text.substr(text.size() - 40); };
    const std::vector<std::string> canaries = {password, tail(key.secret), tail(tokens.refresh_token), tail(tokens.access_token),
        tail(ticket.ticket)};
    expect_refused([&] { login("anna@example.org", "a canary of passwords"); }, "a wrong password");
    const auto export_path = folder / "trail";
    owner->audit().export_file(export_path);
    engine->close();
    std::size_t files = 0;
    std::vector<std::filesystem::path> where{export_path};
    for (const auto& entry : std::filesystem::recursive_directory_iterator(options().home))
        if (entry.is_regular_file()) where.push_back(entry.path());
    for (const auto& path : where) {
        std::ifstream in(path, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        ++files;
        for (const auto& canary : canaries) EXPECT_EQ(text.find(canary), std::string::npos) << path;
        EXPECT_EQ(text.find("a canary of passwords"), std::string::npos) << path;
    }
    EXPECT_GT(files, 3u);
}

}  // namespace
