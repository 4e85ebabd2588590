#include <algorithm>

#include <base/text.hpp>
#include <tenant/audit.hpp>
#include <tenant/issuers.hpp>
#include <tenant/jwt.hpp>
#include <tenant/live.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access {
namespace {

constexpr std::int64_t most_issuers = 20;
constexpr std::size_t longest_name = 1000;

#define TENON_ISSUER_COLUMNS "SELECT id, issuer, audience, jwks, created_at, version FROM issuer WHERE tenant_id = :tenant"
constexpr db::TenantStmt issuer_by_id{TENON_ISSUER_COLUMNS " AND id = :id"};
constexpr db::TenantStmt find_name{TENON_ISSUER_COLUMNS " AND issuer = :issuer ORDER BY id"};
constexpr db::TenantStmt all_rows{TENON_ISSUER_COLUMNS " ORDER BY id"};
#undef TENON_ISSUER_COLUMNS
constexpr db::TenantStmt insert_issuer{
    "INSERT INTO issuer_ (tenant_id, id, issuer, audience, jwks, version, created_at) "
    "VALUES (:tenant, :id, :issuer, :audience, :jwks, 1, :created_at)"};
constexpr db::TenantStmt change{"UPDATE issuer_ SET jwks = :jwks, version = version + 1 WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt drop{"DELETE FROM issuer_ WHERE tenant_id = :tenant AND id = :id"};

constexpr db::SystemStmt all_keys{"SELECT n, kid, seed, public, created_at, retired_at FROM token_key ORDER BY n DESC"};
constexpr db::SystemStmt add_key{
    "INSERT INTO token_key (n, kid, seed, public, created_at) VALUES (:n, :kid, :seed, :public, :created_at)"};
constexpr db::SystemStmt retire{"UPDATE token_key SET retired_at = :now WHERE retired_at IS NULL"};
// It still verifies what it signed; nobody is to sign with it any more.
constexpr db::SystemStmt forget_seeds{"UPDATE token_key SET seed = zeroblob(0) WHERE retired_at IS NOT NULL"};

TrustedIssuer issuer_of(const db::Rows& rows) {
    return {.id = rows.id<IssuerId>(0), .issuer = rows.text(1), .audience = rows.text(2), .jwks = rows.text(3), .created_at = rows.time(4)};
}

std::vector<TrustedIssuer> all_of(db::Rows rows) {
    std::vector<TrustedIssuer> list;
    while (rows.next()) list.push_back(issuer_of(rows));
    return list;
}

void check_text(const char* field, const std::string& value) {
    base::check_text(field, value, longest_name);
    if (value.empty() || value.find('\n') != std::string::npos) throw InvalidArgument("must be one line of text", {.subject = field});
}

base::Json details_of(const TrustedIssuer& issuer) {
    auto details = base::Json::object();
    details.set("issuer", issuer.issuer).set("audience", issuer.audience);
    return details;
}

std::string label_of(const std::string& kid) { return "token key/" + kid; }

}  // namespace

namespace issuers {

TrustedIssuer create(db::Tx& tx, const Actor& actor, const IssuerId& id, const IssuerOptions& options, Time now) {
    check_text("issuer", options.issuer);
    check_text("audience", options.audience);
    (void)jwt::KeySet::parse(options.jwks);
    const auto known = list(tx);
    if (std::ssize(known) >= most_issuers) throw Conflict("a tenant has 20 issuers at most", {.subject = "issuers"});
    for (const auto& each : known)
        if (each.issuer == options.issuer && each.audience == options.audience)
            throw Conflict("there is one for this issuer and audience", {.subject = each.id.text()});
    tx.exec(insert_issuer, id, options.issuer, options.audience, options.jwks, now);
    live::access_moved(tx);
    auto issuer = get(tx, id);
    audit::append(tx, actor, {.time = now, .action = "issuer.create", .target = id.text(), .details = details_of(issuer)});
    return issuer;
}

std::optional<TrustedIssuer> find(db::Reader& reader, const IssuerId& id) {
    auto found = all_of(reader.query(issuer_by_id, id));
    return found.empty() ? std::nullopt : std::optional(std::move(found.front()));
}

std::vector<Versioned> of_name(db::Reader& reader, const std::string& issuer) {
    std::vector<Versioned> list;
    for (auto rows = reader.query(find_name, issuer); rows.next();) list.push_back({issuer_of(rows), rows.i64(5)});
    return list;
}

bool holds(db::Reader& reader, const IssuerId& id, std::int64_t version) {
    auto rows = reader.query(issuer_by_id, id);
    return rows.next() && rows.i64(5) == version;
}

TrustedIssuer get(db::Reader& reader, const IssuerId& id) {
    if (auto issuer = find(reader, id)) return *std::move(issuer);
    throw NotFound("there is no such issuer", {.subject = id.text()});
}

std::vector<TrustedIssuer> list(db::Reader& reader) { return all_of(reader.query(all_rows)); }

TrustedIssuer update(db::Tx& tx, const Actor& actor, const IssuerId& id, const std::string& jwks, Time now) {
    (void)jwt::KeySet::parse(jwks);
    get(tx, id);
    tx.exec(change, jwks, id);
    live::access_moved(tx);
    auto issuer = get(tx, id);
    audit::append(tx, actor, {.time = now, .action = "issuer.update", .target = id.text(), .details = details_of(issuer)});
    return issuer;
}

void remove(db::Tx& tx, const Actor& actor, const IssuerId& id, Time now) {
    const auto issuer = get(tx, id);
    tx.exec(drop, id);
    live::access_moved(tx);
    audit::append(tx, actor, {.time = now, .action = "issuer.remove", .target = id.text(), .details = details_of(issuer)});
}

}  // namespace issuers

namespace token_keys {
namespace {

std::vector<Stored> all_of(db::Rows rows) {
    std::vector<Stored> all;
    while (rows.next()) {
        Stored key{.info = {.kid = rows.text(1), .created_at = rows.time(4), .retired_at = rows.maybe_time(5)}, .sealed = rows.blob(2)};
        const auto bytes = rows.blob_view(3);
        if (bytes.size() != key.public_key.size()) throw Corrupt("a stored key has another size", {.subject = key.info.kid});
        std::ranges::copy(bytes, key.public_key.begin());
        all.push_back(std::move(key));
    }
    return all;
}

}  // namespace

std::vector<Stored> live(db::SystemReader& reader, Time now) {
    auto all = all_of(reader.query(all_keys));
    std::erase_if(all, [&](const Stored& key) { return key.info.retired_at && *key.info.retired_at + access_lifetime + jwt::leeway <= now; });
    return all;
}

std::vector<TokenKey> list(db::SystemReader& reader) {
    std::vector<TokenKey> keys;
    for (auto& each : all_of(reader.query(all_keys))) keys.push_back(std::move(each.info));
    return keys;
}

TokenKey add(db::SystemTx& tx, const crypto::MasterKey& master, const crypto::SigningKey& key, Time now) {
    const auto kid = jwt::thumbprint(key.public_key());
    tx.exec(retire, now);
    tx.exec(forget_seeds);
    tx.exec(add_key, db::advance_counter(tx, "token_key"), kid, master.seal(label_of(kid), key.seed()), key.public_key(), now);
    return {.kid = kid, .created_at = now};
}

crypto::SigningKey open(const crypto::MasterKey& master, const Stored& stored) {
    return crypto::SigningKey::from_seed(master.open(label_of(stored.info.kid), stored.sealed).bytes());
}

}  // namespace token_keys
}  // namespace tenon::tenant::access
