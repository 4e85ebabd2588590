#pragma once

#include <optional>
#include <string>
#include <vector>

#include <db/database.hpp>
#include <tenant/actor.hpp>
#include <tenant/api_keys.hpp>
#include <tenant/key_text.hpp>
#include <tenon/access.hpp>

/// Who is logged in. A login is a family of refresh tokens, each of which gives the next one once; nothing of them is stored, since
/// each is a MAC over the login's kid and its generation.
namespace tenon::tenant::access::logins {

constexpr Duration lifetime = std::chrono::hours(30 * 24);

/// Support has an actor and a reason, a user has his id. `pepper`: that of the first token.
void create(db::Tx& tx, const Actor& actor, const LoginInfo& login, const std::string& kid, int pepper);
[[nodiscard]] std::optional<LoginInfo> find(db::Reader& reader, const LoginId& id);
/// Those that have not expired.
std::vector<LoginInfo> list(db::Reader& reader, const LoginFilter& filter, Time now);
/// Throws NotFound.
void end(db::Tx& tx, const Actor& actor, const LoginId& id, Time now, const char* action = "login.end");
std::int32_t end_all(db::Tx& tx, const Actor& actor, const UserId& user, Time now);
/// Removes the rows of logins that have expired, at most so many at once.
[[nodiscard]] bool any_expired(db::SystemReader& reader, Time now);
void forget_expired(db::SystemTx& tx, Time now, std::int32_t limit);

/// The token of one generation.
KeyText refresh_token(const KeyHasher& hasher, int pepper, const std::string& kid, std::uint32_t generation);
/// Which one a text is. Empty: none of ours under this pepper.
[[nodiscard]] std::optional<std::uint32_t> generation_of(const KeyHasher& hasher, int pepper, const KeyText& token);

struct Family {
    TenantId tenant{};
    LoginId login{};
    int pepper = 1;  ///< Of the token that counts.
};
[[nodiscard]] std::optional<Family> find_kid(db::SystemReader& reader, const std::string& kid);
/// From this generation to the next, whose pepper is given. False: it is no longer the one that counts.
[[nodiscard]] bool turn(db::Tx& tx, const LoginId& id, std::uint32_t generation, int pepper, Time now);

}  // namespace tenon::tenant::access::logins
