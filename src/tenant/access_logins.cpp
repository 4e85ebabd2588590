#include <algorithm>

#include <tenant/audit.hpp>
#include <tenant/live.hpp>
#include <tenant/logins.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access::logins {
namespace {

constexpr std::size_t generation_size = 4;

#define TENON_LOGIN_COLUMNS "SELECT id, kind, account, actor, reason, address, created_at, used_at, expires_at FROM login " \
    "WHERE tenant_id = :tenant"
constexpr db::TenantStmt find_id{TENON_LOGIN_COLUMNS " AND id = :id"};
constexpr db::TenantStmt page{TENON_LOGIN_COLUMNS
                              " AND id > :after AND expires_at > :now AND (:any = 1 OR account = :account) ORDER BY id LIMIT :limit"};
#undef TENON_LOGIN_COLUMNS
constexpr db::TenantStmt insert{
    "INSERT INTO login_ (tenant_id, id, kid, kind, account, actor, reason, address, generation, pepper, created_at, used_at, "
    "expires_at) VALUES (:tenant, :id, :kid, :kind, :account, :actor, :reason, :address, 0, :pepper, :created_at, :created_at, :expires_at)"};
constexpr db::TenantStmt drop{"DELETE FROM login_ WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt drop_users{"DELETE FROM login_ WHERE tenant_id = :tenant AND account = :account"};
constexpr db::TenantStmt next{
    "UPDATE login_ SET generation = generation + 1, pepper = :pepper, used_at = :now "
    "WHERE tenant_id = :tenant AND id = :id AND generation = :generation AND expires_at > :now"};
constexpr db::SystemStmt by_kid{"SELECT tenant_id, id, pepper FROM login_ WHERE kid = :kid"};
constexpr db::SystemStmt expired{"SELECT tenant_id, id FROM login_ WHERE expires_at <= :now ORDER BY expires_at LIMIT :limit"};
constexpr db::SystemStmt drop_expired{"DELETE FROM login_ WHERE tenant_id = :owner AND id = :id"};

LoginInfo login_of(const db::Rows& rows) {
    return {.id = rows.id<LoginId>(0),
            .kind = static_cast<PrincipalKind>(rows.i64(1)),
            .user = rows.maybe_id<UserId>(2),
            .actor = rows.text(3),
            .reason = rows.text(4),
            .address = rows.text(5),
            .created_at = rows.time(6),
            .used_at = rows.time(7),
            .expires_at = rows.time(8)};
}

base::Json details_of(const LoginInfo& login) {
    auto details = base::Json::object();
    details.set("kind", to_string(login.kind));
    if (login.user) details.set("user", login.user->text());
    if (!login.actor.empty()) details.set("actor", login.actor);
    if (!login.address.empty()) details.set("address", login.address);
    return details;
}

KeySecret numbered(std::uint32_t generation) {
    KeySecret secret{};
    for (std::size_t i = 0; i < generation_size; ++i) secret[i] = static_cast<std::uint8_t>(generation >> (24 - 8 * i));
    return secret;
}

}  // namespace

void create(db::Tx& tx, const Actor& actor, const LoginInfo& login, const std::string& kid, int pepper) {
    tx.exec(insert, login.id, kid, login.kind, login.user, login.actor, login.reason, login.address, pepper, login.created_at, login.expires_at);
    audit::append(tx, actor, {.time = login.created_at, .action = "login.start", .target = login.id.text(), .details = details_of(login)});
}

std::optional<LoginInfo> find(db::Reader& reader, const LoginId& id) {
    auto rows = reader.query(find_id, id);
    if (!rows.next()) return std::nullopt;
    return login_of(rows);
}

std::vector<LoginInfo> list(db::Reader& reader, const LoginFilter& filter, Time now) {
    if (filter.limit < 1 || filter.limit > 1000) throw InvalidArgument("must lie between 1 and 1000", {.subject = "limit"});
    std::vector<LoginInfo> list;
    for (auto rows = reader.query(page, filter.after.value_or(LoginId{}), now, filter.user ? 0 : 1, filter.user.value_or(UserId{}), filter.limit);
         rows.next();)
        list.push_back(login_of(rows));
    return list;
}

void end(db::Tx& tx, const Actor& actor, const LoginId& id, Time now, const char* action) {
    const auto login = find(tx, id);
    if (!login) throw NotFound("there is no such login", {.subject = id.text()});
    tx.exec(drop, id);
    live::access_moved(tx);
    audit::append(tx, actor, {.time = now, .action = action, .target = id.text(), .details = details_of(*login)});
}

std::int32_t end_all(db::Tx& tx, const Actor& actor, const UserId& user, Time now) {
    const auto count = static_cast<std::int32_t>(tx.exec(drop_users, user));
    if (count == 0) return 0;
    live::access_moved(tx);
    auto details = base::Json::object();
    details.set("logins", count);
    audit::append(tx, actor, {.time = now, .action = "login.end_all", .target = user.text(), .details = std::move(details)});
    return count;
}

bool any_expired(db::SystemReader& reader, Time now) { return reader.query(expired, now, 1).next(); }

void forget_expired(db::SystemTx& tx, Time now, std::int32_t limit) {
    std::vector<std::pair<TenantId, LoginId>> gone;
    for (auto rows = tx.query(expired, now, limit); rows.next();) gone.emplace_back(rows.id<TenantId>(0), rows.id<LoginId>(1));
    for (const auto& [owner, id] : gone) tx.exec(drop_expired, owner, id);
}

KeyText refresh_token(const KeyHasher& hasher, int pepper, const std::string& kid, std::uint32_t generation) {
    KeyText token{.kind = TextKind::refresh, .kid = kid, .secret = numbered(generation)};
    const auto mac = hasher.hash(pepper, token);
    std::copy_n(mac.begin(), token.secret.size() - generation_size, token.secret.begin() + generation_size);
    return token;
}

std::optional<std::uint32_t> generation_of(const KeyHasher& hasher, int pepper, const KeyText& token) {
    std::uint32_t generation = 0;
    for (std::size_t i = 0; i < generation_size; ++i) generation = generation << 8 | token.secret[i];
    const auto genuine = refresh_token(hasher, pepper, token.kid, generation);
    if (token.kind != TextKind::refresh || !crypto::equal_constant_time(genuine.secret, token.secret)) return std::nullopt;
    return generation;
}

std::optional<Family> find_kid(db::SystemReader& reader, const std::string& kid) {
    auto rows = reader.query(by_kid, kid);
    if (!rows.next()) return std::nullopt;
    return Family{rows.id<TenantId>(0), rows.id<LoginId>(1), static_cast<int>(rows.i64(2))};
}

bool turn(db::Tx& tx, const LoginId& id, std::uint32_t generation, int pepper, Time now) {
    return tx.exec(next, pepper, now, id, generation) == 1;
}

}  // namespace tenon::tenant::access::logins
