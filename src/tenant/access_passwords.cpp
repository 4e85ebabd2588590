#include <algorithm>

#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <crypto/kdf.hpp>
#include <tenant/audit.hpp>
#include <tenant/live.hpp>
#include <tenant/passwords.hpp>
#include <tenon/error.hpp>

#include "access_text.hpp"

namespace tenon::tenant::access::passwords {
namespace {

constexpr crypto::Argon2Cost cost{.memory_kib = 64 * 1024, .passes = 2, .lanes = 1};
constexpr std::string_view form = "$argon2id$v=19$m=65536,t=2,p=1$";
constexpr std::size_t salt_size = 16, hash_size = 32, shortest = 10, longest = 1024;
constexpr std::int64_t free_failures = 4;
constexpr Duration first_pause = std::chrono::seconds(30), longest_pause = std::chrono::hours(1);
constexpr Duration ticket_of_invited = std::chrono::hours(7 * 24), ticket_of_others = std::chrono::hours(1);

constexpr db::TenantStmt find_email{
    "SELECT id, state, password, factor IS NOT NULL, failures, locked_until FROM account WHERE tenant_id = :tenant AND email_key = :email"};
constexpr db::TenantStmt find_id{
    "SELECT id, state, password, factor IS NOT NULL, failures, locked_until FROM account WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt find_any{"SELECT id FROM account WHERE tenant_id = :tenant ORDER BY id LIMIT 1"};
constexpr db::TenantStmt touch{"UPDATE account_ SET failures = failures WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt count{"UPDATE account_ SET failures = :failures, locked_until = :until WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt take_back{
    "UPDATE account_ SET failures = :failures, locked_until = :until WHERE tenant_id = :tenant AND id = :id AND failures = :counted"};
constexpr db::TenantStmt came_in{
    "UPDATE account_ SET failures = 0, locked_until = NULL, last_login_at = :now "
    "WHERE tenant_id = :tenant AND id = :id AND password = :stored AND state = :active"};
constexpr db::TenantStmt put{
    "UPDATE account_ SET password = :password, state = CASE state WHEN :invited THEN :active ELSE state END, failures = 0, locked_until = NULL "
    "WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt drop_logins{"DELETE FROM login_ WHERE tenant_id = :tenant AND account = :id"};
constexpr db::TenantStmt drop_tickets{"DELETE FROM ticket_ WHERE tenant_id = :tenant AND account = :id"};
constexpr db::TenantStmt put_ticket{
    "INSERT INTO ticket_ (tenant_id, account, kid, hash, pepper, expires_at) VALUES (:tenant, :account, :kid, :hash, :pepper, :expires_at) "
    "ON CONFLICT (tenant_id, account) DO UPDATE SET kid = excluded.kid, hash = excluded.hash, pepper = excluded.pepper, "
    "expires_at = excluded.expires_at"};
constexpr db::TenantStmt spend_ticket{"DELETE FROM ticket_ WHERE tenant_id = :tenant AND account = :account AND kid = :kid AND expires_at > :now"};
constexpr db::SystemStmt ticket_by_kid{"SELECT tenant_id, account, hash, pepper, expires_at FROM ticket_ WHERE kid = :kid"};

/// Nobody's try writes as much as somebody's, so that neither its answer nor its time tells who is here.
Try nobody(db::Tx& tx) {
    std::optional<UserId> any;
    if (auto rows = tx.query(find_any); rows.next()) any = rows.id<UserId>(0);
    if (any) tx.exec(touch, *any);
    return {};
}

Try begin_with(db::Tx& tx, db::Rows rows, Time now) {
    if (!rows.next()) return nobody(tx);
    Try attempt{.user = rows.id<UserId>(0), .stored = rows.maybe_text(2).value_or(""), .needs_code = rows.boolean(3),
                .failures = rows.i64(4), .locked_until = rows.maybe_time(5)};
    const bool may_come = static_cast<UserState>(rows.i64(1)) == UserState::active && !attempt.stored.empty();
    if (!may_come || attempt.locked_until.value_or(Time{}) > now) return nobody(tx);
    const auto pause = pause_after(attempt.failures + 1);
    tx.exec(count, attempt.failures + 1, pause > Duration::zero() ? std::optional(now + pause) : std::nullopt, *attempt.user);
    return attempt;
}

}  // namespace

void check(const std::string& password, const User& user) {
    const auto refuse = [](const char* why) { throw InvalidArgument(why, {.subject = "password"}); };
    if (password.size() < shortest || password.size() > longest || !base::is_utf8(password)) refuse("a password has 10 to 1024 bytes of UTF-8");
    if (lower(password) == lower(user.email) || lower(password) == lower(user.name)) refuse("a password is neither the user's email nor his name");
}

std::string hash_password(std::string_view password) {
    const auto salt = crypto::random_bytes(salt_size);
    const auto hash = crypto::argon2id(base::view_of(password), salt, cost);
    return std::string(form) + crypto::to_base64url(salt) + "$" + crypto::to_base64url(hash.bytes());
}

Stored parse(std::string_view text) {
    const auto refuse = [] { throw Corrupt("a stored password has another form", {.subject = "account"}); };
    if (!text.starts_with(form)) refuse();
    const auto rest = text.substr(form.size());
    const auto split = rest.find('$');
    if (split == std::string_view::npos) refuse();
    auto salt = crypto::from_base64url(rest.substr(0, split)), hash = crypto::from_base64url(rest.substr(split + 1));
    if (!salt || salt->size() != salt_size || !hash || hash->size() != hash_size) refuse();
    return {*std::move(salt), *std::move(hash)};
}

bool fits(std::string_view password, const std::string& stored) {
    // A try of nobody costs what another costs.
    const auto wanted = stored.empty() ? Stored{base::ByteVector(salt_size), base::ByteVector(hash_size)} : parse(stored);
    const auto mine = crypto::argon2id(base::view_of(password), wanted.salt, cost);
    return crypto::equal_constant_time(mine.bytes(), wanted.hash) && !stored.empty();
}

Duration pause_after(std::int64_t failures) noexcept {
    if (failures <= free_failures) return Duration::zero();
    const auto doublings = std::min<std::int64_t>(failures - free_failures - 1, 16);
    return std::min<Duration>(first_pause * (std::int64_t{1} << doublings), longest_pause);
}

Try begin(db::Tx& tx, const std::string& email, Time now) { return begin_with(tx, tx.query(find_email, lower(email)), now); }
Try begin(db::Tx& tx, const UserId& user, Time now) { return begin_with(tx, tx.query(find_id, user), now); }

void forgive(db::Tx& tx, const Try& attempt) {
    // Only if nothing was counted meanwhile: a try that is taken back late would otherwise take others' failures along.
    if (attempt.user) tx.exec(take_back, attempt.failures, attempt.locked_until, *attempt.user, attempt.failures + 1);
}

bool succeed(db::Tx& tx, const Try& attempt, Time now) {
    return attempt.user && tx.exec(came_in, now, *attempt.user, attempt.stored, UserState::active) == 1;
}

void set(db::Tx& tx, const Actor& actor, const UserId& user, const std::string& stored, Time now) {
    users::get(tx, user);
    tx.exec(put, stored, UserState::invited, UserState::active, user);
    tx.exec(drop_logins, user);
    tx.exec(drop_tickets, user);
    live::access_moved(tx);
    audit::append(tx, actor, {.time = now, .action = "user.password", .target = user.text()});
}

User unlock(db::Tx& tx, const Actor& actor, const UserId& user, Time now) {
    users::get(tx, user);
    tx.exec(count, 0, std::optional<Time>(), user);
    audit::append(tx, actor, {.time = now, .action = "user.unlock", .target = user.text()});
    return users::get(tx, user);
}

Time issue_ticket(db::Tx& tx, const Actor& actor, const UserId& id, const KeyText& text, const KeyHasher& hasher, Time now) {
    const auto user = users::get(tx, id);
    if (user.state == UserState::disabled) throw Conflict("the user is disabled: enable him first", {.subject = id.text()});
    const auto ends = now + (user.state == UserState::invited ? ticket_of_invited : ticket_of_others);
    const int pepper = hasher.current();
    tx.exec(put_ticket, id, text.kid, hasher.hash(pepper, text), pepper, ends);
    audit::append(tx, actor, {.time = now, .action = "user.ticket", .target = id.text()});
    return ends;
}

std::optional<TicketOwner> find_ticket(db::SystemReader& reader, const KeyHasher& hasher, const KeyText& text, Time now) {
    auto rows = reader.query(ticket_by_kid, text.kid);
    const bool known = rows.next();
    const auto mine = hasher.hash(known ? static_cast<int>(rows.i64(3)) : hasher.current(), text);
    if (!crypto::equal_constant_time(mine, known ? rows.blob_view(2) : base::ByteView(crypto::Digest{})) || rows.time(4) <= now) return std::nullopt;
    return TicketOwner{rows.id<TenantId>(0), rows.id<UserId>(1)};
}

bool use_ticket(db::Tx& tx, const UserId& user, const std::string& kid, Time now) { return tx.exec(spend_ticket, user, kid, now) == 1; }

}  // namespace tenon::tenant::access::passwords
