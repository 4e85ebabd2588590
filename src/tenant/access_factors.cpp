#include <algorithm>

#include <crypto/otp.hpp>
#include <tenant/audit.hpp>
#include <tenant/live.hpp>
#include <tenant/passwords.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access::factors {
namespace {

constexpr std::size_t code_bytes = 6, code_letters = 10;

constexpr db::TenantStmt put_pending{"UPDATE account_ SET factor_pending = :sealed WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt find_pending{"SELECT factor_pending FROM account WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt find_factor{"SELECT factor, factor_step FROM account WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt put_factor{
    "UPDATE account_ SET factor = factor_pending, factor_pending = NULL, factor_step = :step WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt put_step{"UPDATE account_ SET factor_step = :step WHERE tenant_id = :tenant AND id = :id AND factor_step < :step"};
constexpr db::TenantStmt drop_factor{
    "UPDATE account_ SET factor = NULL, factor_pending = NULL, factor_step = 0 WHERE tenant_id = :tenant AND id = :id AND factor IS NOT NULL"};
constexpr db::TenantStmt drop_codes{"DELETE FROM recovery_code_ WHERE tenant_id = :tenant AND account = :id"};
constexpr db::TenantStmt insert_code{
    "INSERT INTO recovery_code_ (tenant_id, account, hash, pepper) VALUES (:tenant, :account, :hash, :pepper)"};
constexpr db::TenantStmt find_codes{"SELECT hash, pepper FROM recovery_code WHERE tenant_id = :tenant AND account = :account"};
constexpr db::TenantStmt spend_code{"DELETE FROM recovery_code_ WHERE tenant_id = :tenant AND account = :account AND hash = :hash"};

// A secret moved to another user's row does not open.
std::string label_of(const db::Tx& tx, const UserId& user) { return "user/" + tx.scope().tenant().text() + "/" + user.text() + "/factor"; }

/// As people type it: case, spaces and hyphens do not count.
std::string plain(const std::string& code) {
    std::string out;
    for (const char c : code)
        if (c != ' ' && c != '-') out += c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    return out;
}

/// Uses up a recovery code. False: it is none, or was used.
bool spend(db::Tx& tx, const UserId& user, const KeyHasher& hasher, const std::string& code) {
    std::optional<crypto::Digest> hash;
    for (auto rows = tx.query(find_codes, user); rows.next();) {
        const auto mine = hasher.hash_code(static_cast<int>(rows.i64(1)), user, code);
        if (crypto::equal_constant_time(mine, rows.blob_view(0))) hash = mine;
    }
    return hash && tx.exec(spend_code, user, *hash) == 1;
}

}  // namespace

std::optional<std::int64_t> matching_step(base::ByteView secret, const std::string& code, Time now, std::int64_t last) {
    const auto running = now.time_since_epoch() / step;
    std::optional<std::int64_t> found;
    // All three are computed, whichever fits.
    for (const auto at : {running - 1, running, running + 1}) {
        if (at < 0) continue;
        const auto mine = crypto::one_time_password(secret, static_cast<std::uint64_t>(at));
        if (crypto::equal_constant_time(base::view_of(mine), base::view_of(code)) && at > last) found = at;
    }
    return found;
}

void begin(db::Tx& tx, const Actor& actor, const UserId& user, const crypto::MasterKey& master, base::ByteView secret, Time now) {
    users::get(tx, user);
    tx.exec(put_pending, master.seal(label_of(tx, user), secret), user);
    audit::append(tx, actor, {.time = now, .action = "user.factor_begin", .target = user.text()});
}

void confirm(db::Tx& tx, const Actor& actor, const UserId& user, const crypto::MasterKey& master, const KeyHasher& hasher,
             const std::string& code, const std::vector<std::string>& codes, Time now) {
    users::get(tx, user);
    auto rows = tx.query(find_pending, user);
    rows.next();
    if (rows.is_null(0)) throw Conflict("no second factor was begun", {.subject = user.text()});
    const auto at = matching_step(master.open(label_of(tx, user), rows.blob_view(0)).bytes(), plain(code), now, 0);
    if (!at) throw Unauthenticated("the code is wrong: look whether the clock of the authenticator is right", {.subject = "code"});
    tx.exec(put_factor, *at, user);
    tx.exec(drop_codes, user);
    const int pepper = hasher.current();
    for (const auto& each : codes) tx.exec(insert_code, user, hasher.hash_code(pepper, user, plain(each)), pepper);
    live::access_moved(tx);
    audit::append(tx, actor, {.time = now, .action = "user.factor_confirm", .target = user.text()});
}

bool accept(db::Tx& tx, const UserId& user, const crypto::MasterKey& master, const KeyHasher& hasher, const std::string& code, Time now) {
    auto rows = tx.query(find_factor, user);
    if (!rows.next() || rows.is_null(0)) return false;
    const auto given = plain(code);
    const auto last = rows.i64(1);
    const auto at = matching_step(master.open(label_of(tx, user), rows.blob_view(0)).bytes(), given, now, last);
    if (at) return tx.exec(put_step, *at, user) == 1;
    return given.size() == code_letters && spend(tx, user, hasher, given);
}

void remove(db::Tx& tx, const Actor& actor, const UserId& user, Time now) {
    users::get(tx, user);
    if (tx.exec(drop_factor, user) == 0) throw NotFound("the user has no second factor", {.subject = user.text()});
    tx.exec(drop_codes, user);
    live::access_moved(tx);
    audit::append(tx, actor, {.time = now, .action = "user.factor_remove", .target = user.text()});
}

std::vector<std::string> new_recovery_codes() {
    std::vector<std::string> codes;
    while (codes.size() < code_count) {
        auto text = crypto::to_base32(crypto::random_bytes(code_bytes + 1)).substr(0, code_letters);
        std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
        codes.push_back(text.substr(0, code_letters / 2) + "-" + text.substr(code_letters / 2));
    }
    return codes;
}

}  // namespace tenon::tenant::access::factors
