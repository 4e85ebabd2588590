#include <tenant/passwords.hpp>

#include <algorithm>

#include <gtest/gtest.h>

#include <crypto/otp.hpp>
#include <tenant/logins.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access {
namespace {

using namespace std::chrono_literals;

class PasswordRows : public ::testing::Test {
protected:
    PasswordRows() {
        anna = home.fresh<UserId>();
        home.write(home.a, [&](db::Tx& tx) {
            users::create(tx, home.alice, PermissionSet::everything(), anna, {.email = "anna@example.org", .name = "Anna",
                .role = Role::owner}, home.now());
            passwords::set(tx, home.alice, anna, "stored", home.now());
        });
    }
    passwords::Try begin(const std::string& email = "Anna@Example.org") {
        return home.write(home.a, [&](db::Tx& tx) { return passwords::begin(tx, email, home.now()); });
    }
    bool succeed(const passwords::Try& attempt) {
        return home.write(home.a, [&](db::Tx& tx) { return passwords::succeed(tx, attempt, home.now()); });
    }
    User user() {
        return home.read(home.a, [&](db::Reader& r) { return users::get(r, anna); });
    }
    testing::Home home;
    crypto::MasterKey master = crypto::MasterKey::from_bytes(base::ByteVector(32, 7));
    KeyHasher hasher{master};
    UserId anna;
};

TEST(Passwords, AreHashedSlowlyAndFitAlone) {
    const auto stored = passwords::hash_password("correct horse battery");
    EXPECT_TRUE(stored.starts_with("$argon2id$v=19$m=65536,t=2,p=1$")) << stored;
    EXPECT_NE(stored, passwords::hash_password("correct horse battery")) << "a salt of its own";
    EXPECT_TRUE(passwords::fits("correct horse battery", stored));
    EXPECT_FALSE(passwords::fits("correct horse batterz", stored));
    EXPECT_FALSE(passwords::fits("", ""));
    EXPECT_THROW((void)passwords::fits("x", "$argon2id$v=19$m=8,t=1,p=1$AAAA$AAAA"), Corrupt) << "a weaker hash is not taken";
    EXPECT_EQ(passwords::parse(stored).hash.size(), 32u);
    EXPECT_THROW(passwords::parse(stored.substr(0, stored.size() - 4)), Corrupt) << "a part of a hash is none";
    EXPECT_THROW(passwords::parse(stored.substr(0, stored.rfind('$'))), Corrupt);
    const User user{.email = "anna@example.org", .name = "Anna Lindgren"};
    for (const auto* bad : {"short", "ANNA@example.org", "anna lindgren", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff"})
        EXPECT_THROW(passwords::check(bad, user), InvalidArgument) << bad;
    EXPECT_THROW(passwords::check(std::string(1025, 'x'), user), InvalidArgument);
    EXPECT_NO_THROW(passwords::check("zehn Zeichen", user));
}

TEST_F(PasswordRows, FailuresInARowPauseLongerAndLonger) {
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(begin().user) << "free: " << i;
    EXPECT_FALSE(user().locked_until);
    EXPECT_TRUE(begin().user);
    EXPECT_EQ(user().locked_until, home.now() + 30s);
    EXPECT_FALSE(begin().user) << "locked: whatever the password";
    home.clock->advance(30s);
    EXPECT_TRUE(begin().user);
    EXPECT_EQ(user().locked_until, home.now() + 60s);
    home.clock->advance(60s);
    const auto right = begin();
    EXPECT_TRUE(succeed(right));
    EXPECT_FALSE(user().locked_until);
    EXPECT_EQ(user().last_login_at, home.now());
    for (int i = 0; i < 4; ++i) EXPECT_TRUE(begin().user) << "it begins anew";
    EXPECT_EQ(passwords::pause_after(4), 0s);
    EXPECT_EQ(passwords::pause_after(100), 1h);
}

TEST_F(PasswordRows, TriesAtOnceAreNoMoreThanTriesInTurn) {
    std::vector<passwords::Try> attempts;
    for (int i = 0; i < 100; ++i) attempts.push_back(begin());  // all before any password is looked at
    EXPECT_EQ(std::ranges::count_if(attempts, [](const auto& each) { return each.user.has_value(); }), 5);
}

TEST_F(PasswordRows, WhoMayNotComeInIsNobody) {
    EXPECT_FALSE(begin("nobody@example.org").user);
    EXPECT_FALSE(home.write(home.b, [&](db::Tx& tx) { return passwords::begin(tx, "anna@example.org", home.now()); }).user) << "another tenant's";
    const auto attempt = begin();
    home.write(home.a, [&](db::Tx& tx) { passwords::set(tx, home.alice, anna, "another", home.now()); });
    EXPECT_FALSE(succeed(attempt)) << "the password was changed meanwhile";
    const auto bert = home.fresh<UserId>();
    home.write(home.a, [&](db::Tx& tx) {
        users::create(tx, home.alice, PermissionSet::everything(), bert, {.email = "bert@example.org", .name = "Bert"}, home.now());
    });
    EXPECT_FALSE(begin("bert@example.org").user) << "invited, without a password";
    home.write(home.a, [&](db::Tx& tx) {
        passwords::set(tx, home.alice, bert, "stored", home.now());
        users::disable(tx, home.alice, PermissionSet::everything(), bert, home.now());
    });
    EXPECT_FALSE(begin("bert@example.org").user) << "disabled";
}

TEST_F(PasswordRows, ARightOneWithoutItsCodeCountsNoFailure) {
    for (int i = 0; i < 50; ++i) {
        const auto attempt = begin();
        ASSERT_TRUE(attempt.user) << i;
        home.write(home.a, [&](db::Tx& tx) { passwords::forgive(tx, attempt); });
    }
    EXPECT_FALSE(user().locked_until);
}

TEST_F(PasswordRows, ATryThatIsTakenBackLateTakesNoOtherFailuresAlong) {
    const auto right = begin();  // its code is missing, which it is told only after the others have guessed
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(begin().user) << i;
    ASSERT_TRUE(user().locked_until);
    home.write(home.a, [&](db::Tx& tx) { passwords::forgive(tx, right); });
    EXPECT_TRUE(user().locked_until);
    EXPECT_FALSE(begin().user);
}

TEST_F(PasswordRows, CodesCountOnce) {
    const auto secret = crypto::from_base32("GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ").value();  // of RFC 6238
    const auto code = [&](std::int64_t steps) {
        return crypto::one_time_password(secret, static_cast<std::uint64_t>(home.now().time_since_epoch() / factors::step + steps));
    };
    const auto accept = [&](const std::string& given) {
        return home.write(home.a, [&](db::Tx& tx) { return factors::accept(tx, anna, master, hasher, given, home.now()); });
    };
    const auto confirm = [&](const std::string& given, const std::vector<std::string>& codes) {
        home.write(home.a, [&](db::Tx& tx) { factors::confirm(tx, home.alice, anna, master, hasher, given, codes, home.now()); });
    };
    const auto codes = factors::new_recovery_codes();
    EXPECT_EQ(codes.size(), 10u);
    EXPECT_EQ(codes[0].size(), 11u);
    EXPECT_THROW(confirm(code(0), codes), Conflict) << "nothing was begun";
    home.write(home.a, [&](db::Tx& tx) { factors::begin(tx, home.alice, anna, master, secret, home.now()); });
    EXPECT_FALSE(user().second_factor);
    EXPECT_FALSE(accept(code(0))) << "not before it was confirmed";
    EXPECT_THROW(confirm(code(5), codes), Unauthenticated);
    confirm(code(0), codes);
    EXPECT_TRUE(user().second_factor);
    EXPECT_TRUE(begin().needs_code);
    EXPECT_FALSE(accept(code(0))) << "it was used to confirm";
    EXPECT_FALSE(accept(code(-1))) << "older than the last one";
    EXPECT_TRUE(accept(code(1))) << "a clock that is ahead";
    EXPECT_FALSE(accept(code(1)));
    home.clock->advance(60s);
    EXPECT_FALSE(accept(code(2)));
    EXPECT_TRUE(accept(code(0)));
    EXPECT_TRUE(accept(codes[3]));
    EXPECT_FALSE(accept(codes[3])) << "once";
    auto typed = codes[4];
    typed.erase(5, 1);
    EXPECT_TRUE(accept(" " + typed)) << "as people type it";
    EXPECT_FALSE(accept(""));
    EXPECT_FALSE(accept("aaaaa-aaaaa"));
    home.write(home.a, [&](db::Tx& tx) { factors::remove(tx, home.alice, anna, home.now()); });
    EXPECT_FALSE(accept(codes[5])) << "they go with it";
    EXPECT_THROW(home.write(home.a, [&](db::Tx& tx) { factors::remove(tx, home.alice, anna, home.now()); }), NotFound);
}

TEST_F(PasswordRows, TicketsAreGoodOnceAndForATime) {
    const auto issue = [&] {
        const KeyText text{.kind = TextKind::ticket, .kid = new_kid(), .secret = new_key_secret()};
        home.write(home.a, [&](db::Tx& tx) { passwords::issue_ticket(tx, home.alice, anna, text, hasher, home.now()); });
        return text;
    };
    const auto find = [&](const KeyText& text) {
        return home.database->read(home.system, [&](db::SystemReader& r) { return passwords::find_ticket(r, hasher, text, home.now()); });
    };
    const auto first = issue();
    EXPECT_EQ(find(first)->user, anna);
    EXPECT_EQ(find(first)->tenant, home.a);
    auto forged = first;
    forged.secret[0] ^= 1;
    EXPECT_FALSE(find(forged));
    const auto second = issue();
    EXPECT_FALSE(find(first)) << "the newer one replaced it";
    const auto use = [&](const KeyText& text) {
        return home.write(home.a, [&](db::Tx& tx) { return passwords::use_ticket(tx, anna, text.kid, home.now()); });
    };
    EXPECT_TRUE(use(second));
    EXPECT_FALSE(use(second));
    const auto third = issue();
    home.clock->advance(1h);
    EXPECT_FALSE(find(third));
    EXPECT_FALSE(use(third));
}

TEST_F(PasswordRows, RefreshTokensAreOneFamily) {
    const auto kid = new_kid();
    const LoginInfo login{.id = home.fresh<LoginId>(), .kind = PrincipalKind::user, .user = anna, .created_at = home.now(), .used_at = home.now(),
                          .expires_at = home.now() + 1h};
    home.write(home.a, [&](db::Tx& tx) { logins::create(tx, home.alice, login, kid, 1); });
    const auto token = logins::refresh_token(hasher, 1, kid, 0);
    EXPECT_EQ(logins::generation_of(hasher, 1, token), 0u);
    EXPECT_EQ(logins::generation_of(hasher, 1, logins::refresh_token(hasher, 1, kid, 77)), 77u);
    EXPECT_FALSE(logins::generation_of(hasher, 2, token)) << "under another pepper";
    for (std::size_t at = 0; at < token.secret.size(); ++at) {
        auto forged = token;
        forged.secret[at] ^= 0x10;
        EXPECT_FALSE(logins::generation_of(hasher, 1, forged)) << at;
    }
    EXPECT_FALSE(logins::generation_of(KeyHasher(crypto::MasterKey::from_bytes(base::ByteVector(32, 8))), 1, token)) << "of another home";
    const auto turn = [&](const TenantId& id, std::uint32_t generation) {
        return home.write(id, [&](db::Tx& tx) { return logins::turn(tx, login.id, generation, 1, home.now()); });
    };
    EXPECT_FALSE(turn(home.b, 0)) << "another tenant's";
    EXPECT_TRUE(turn(home.a, 0));
    EXPECT_FALSE(turn(home.a, 0)) << "each is good for one";
    EXPECT_TRUE(turn(home.a, 1));
    const auto listed = [&](const TenantId& id) {
        return home.read(id, [&](db::Reader& r) { return logins::list(r, {}, home.now()); }).size();
    };
    EXPECT_EQ(listed(home.a), 1u);
    EXPECT_EQ(listed(home.b), 0u);
    home.clock->advance(1h);
    EXPECT_FALSE(turn(home.a, 2)) << "expired";
    EXPECT_EQ(listed(home.a), 0u);
    EXPECT_TRUE(home.database->read(home.system, [&](db::SystemReader& r) { return logins::any_expired(r, home.now()); }));
    home.database->write(home.system, [&](db::SystemTx& tx) { logins::forget_expired(tx, home.now(), 10); });
    EXPECT_FALSE(home.database->read(home.system, [&](db::SystemReader& r) { return logins::any_expired(r, home.now()); }));
}

}  // namespace
}  // namespace tenon::tenant::access
