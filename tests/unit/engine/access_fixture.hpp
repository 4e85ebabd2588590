#pragma once

#include <optional>
#include <string>

#include "engine_fixture.hpp"

namespace tenon::tests {

inline constexpr const char* password = "correct horse battery";

class AccessTest : public EngineTest {
protected:
    AccessTest() { owner.emplace(session(acme)); }

    /// A user with a password.
    User user(const std::string& email, Role role = Role::editor, const char* secret = password) {
        auto made = owner->users().create({.email = email, .name = "N. " + email, .role = role});
        engine->redeem({.ticket = owner->users().issue_ticket(made.id).ticket, .password = secret});
        return owner->users().get(made.id);
    }
    Tokens login(const std::string& email, const std::string& secret = password, const std::string& code = {}) {
        return engine->login({.tenant = acme.id, .email = email, .password = secret, .code = code});
    }
    Session by_token(const std::string& token) { return engine->authenticate({.token = token}); }
    Session by_key(const std::string& key, const std::string& address = {}) { return engine->authenticate({.api_key = key, .address = address}); }

    /// Refused in the one shape that says nothing.
    template <class Fn> void expect_refused(Fn fn, const char* what) {
        try {
            fn();
            ADD_FAILURE() << what << " was let in";
        } catch (const Unauthenticated& error) {
            EXPECT_STREQ(error.what(), "the credentials are not valid") << what;
            EXPECT_EQ(error.subject(), "") << what;
        }
    }
    std::optional<Session> owner;
};

}  // namespace tenon::tests
