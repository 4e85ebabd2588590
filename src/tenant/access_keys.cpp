#include <algorithm>
#include <array>
#include <charconv>

#include <base/json.hpp>
#include <base/network.hpp>
#include <base/text.hpp>
#include <tenant/api_keys.hpp>
#include <tenant/audit.hpp>
#include <tenant/live.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::access {
namespace {

constexpr Duration use_grain = std::chrono::minutes(1);
constexpr Duration longest_grace = std::chrono::hours(7 * 24);
constexpr std::size_t most_networks = 64;

#define TENON_KEY_COLUMNS "SELECT id, kid, name, prefix, environment, role, role_id, scopes, cidrs, account, created_at, expires_at, last_used_at, " \
    "old_until, revoked_at, turns FROM api_key WHERE tenant_id = :tenant"
constexpr db::TenantStmt key_by_id{TENON_KEY_COLUMNS " AND id = :id"};
constexpr db::TenantStmt page{TENON_KEY_COLUMNS
                              " AND id > :after AND (:all = 1 OR (revoked_at IS NULL AND (expires_at IS NULL OR expires_at > :now))) "
                              "ORDER BY id LIMIT :limit"};
#undef TENON_KEY_COLUMNS
constexpr db::TenantStmt insert_key{
    "INSERT INTO api_key_ (tenant_id, id, kid, name, prefix, environment, hash, pepper, role, role_id, scopes, cidrs, account, creator, "
    "created_at, expires_at) VALUES (:tenant, :id, :kid, :name, :prefix, :environment, :hash, :pepper, :role, :role_id, :scopes, :cidrs, "
    ":account, :creator, :created_at, :expires_at)"};
constexpr db::TenantStmt turn{
    "UPDATE api_key_ SET hash_old = hash, pepper_old = pepper, old_until = :until, hash = :hash, pepper = :pepper, turns = turns + 1 "
    "WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt end{"UPDATE api_key_ SET revoked_at = :now, hash_old = NULL, old_until = NULL WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt used{
    "UPDATE api_key_ SET last_used_at = :now WHERE tenant_id = :tenant AND id = :id AND (last_used_at IS NULL OR last_used_at < :now)"};
constexpr db::TenantStmt move_hash{
    "UPDATE api_key_ SET hash = :hash, pepper = :pepper WHERE tenant_id = :tenant AND id = :id AND turns = :turns AND pepper < :pepper"};
constexpr db::SystemStmt by_kid{
    "SELECT tenant_id, id, hash, pepper, hash_old, pepper_old, old_until, environment, cidrs, expires_at, last_used_at, revoked_at, turns "
    "FROM api_key_ WHERE kid = :kid"};

KeyEnvironment checked(KeyEnvironment environment) {
    if (environment != KeyEnvironment::live && environment != KeyEnvironment::test)
        throw InvalidArgument("a key is for live or test", {.subject = "environment"});
    return environment;
}

TextKind kind_of(KeyEnvironment environment) { return environment == KeyEnvironment::live ? TextKind::live : TextKind::test; }

std::vector<std::string> texts_of(std::string_view json) {
    std::vector<std::string> texts;
    const auto list = base::parse_json(json);
    for (const auto& each : list.as_array()) texts.push_back(each.as_string());
    return texts;
}

std::string json_of(const std::vector<std::string>& texts) {
    auto list = base::Json::array();
    for (const auto& each : texts) list.push(each);
    return base::to_json(list);
}

ApiKey key_of(const db::Rows& rows) {
    ApiKey key{.id = rows.id<KeyId>(0), .name = rows.text(2), .environment = static_cast<KeyEnvironment>(rows.i64(4))};
    key.shown = shown_key(rows.text_view(3), kind_of(key.environment), rows.text_view(1));
    if (const auto role = rows.maybe_i64(5)) key.role = static_cast<Role>(*role);
    key.custom_role = rows.maybe_id<RoleId>(6);
    if (!rows.is_null(7)) key.scopes = names_of(from_stored(rows.blob_view(7)));
    key.cidrs = texts_of(rows.text_view(8));
    key.user = rows.maybe_id<UserId>(9);
    key.created_at = rows.time(10);
    key.expires_at = rows.maybe_time(11);
    key.last_used_at = rows.maybe_time(12);
    key.grace_ends_at = rows.maybe_time(13);
    key.revoked_at = rows.maybe_time(14);
    return key;
}

std::string prefix_of(const ApiKey& key) { return key.shown.substr(0, key.shown.find('_')); }

void record(db::Tx& tx, const Actor& actor, const char* action, const ApiKey& key, Time now) {
    live::access_moved(tx);
    auto details = base::Json::object();
    details.set("name", key.name).set("key", key.shown);
    audit::append(tx, actor, {.time = now, .action = action, .target = key.id.text(), .details = std::move(details)});
}

PermissionSet narrowed(const PermissionSet& role, const std::vector<std::string>& scopes) {
    return scopes.empty() ? role : role & set_of(scopes, "scopes");
}

PermissionSet permissions_of_key(db::Reader& reader, const ApiKey& key) {
    return narrowed(access::permissions_of(reader, {key.role, key.custom_role}), key.scopes);
}

bool is_allowed_from(std::string_view cidrs, const std::string& address) {
    const auto networks = texts_of(cidrs);
    if (networks.empty()) return true;
    const auto from = base::parse_address(address);
    return from && std::ranges::any_of(networks, [&](const auto& text) {
        const auto network = base::Network::parse(text);
        return network && network->contains(*from);
    });
}

}  // namespace

KeyHasher::KeyHasher(const crypto::MasterKey& master) : root_(master.derive("hashes of secrets")) {}

crypto::Digest KeyHasher::under(int pepper, base::ByteView data) const {
    if (pepper < 1) throw Corrupt("a secret was stored under a pepper that cannot be", {.subject = "pepper"});
    auto key = crypto::blake2b_256(root_.bytes(), base::view_of(std::to_string(pepper)));
    const auto digest = crypto::blake2b_256(key, data);
    crypto::wipe(key);
    return digest;
}

crypto::Digest KeyHasher::hash(int pepper, const KeyText& key) const {
    const auto word = to_string(key.kind);
    std::array<std::uint8_t, 8 + kid_size + std::tuple_size_v<KeySecret>> data{};
    if (word.size() > 8 || key.kid.size() != kid_size) throw InternalError("a key's text has another shape");
    std::ranges::copy(word, data.begin());
    std::ranges::copy(key.kid, data.begin() + 8);
    std::ranges::copy(key.secret, data.begin() + 8 + kid_size);
    const auto digest = under(pepper, data);
    crypto::wipe(data);
    return digest;
}

crypto::Digest KeyHasher::hash_code(int pepper, const UserId& user, std::string_view code) const {
    auto data = "code" + user.text();
    data += code;
    return under(pepper, base::view_of(data));
}

namespace peppers {

constexpr std::string_view name = "access.pepper";

int current(db::SystemReader& reader) {
    const auto stored = db::meta(reader, name);
    int number = 1;
    if (stored && (std::from_chars(stored->data(), stored->data() + stored->size(), number).ptr != stored->data() + stored->size() || number < 1))
        throw Corrupt("the number of the pepper is none", {.subject = std::string(name)});
    return number;
}

int rotate(db::SystemTx& tx) {
    const int next = current(tx) + 1;
    db::set_meta(tx, name, std::to_string(next));
    return next;
}

}  // namespace peppers

namespace keys {

Made create(db::Tx& tx, const Actor& actor, const PermissionSet& held, const std::optional<UserId>& user, const KeyId& id,
            const KeyText& text, const std::string& prefix, const KeyHasher& hasher, const ApiKeyOptions& options, Time now) {
    base::check_name("name", options.name);
    const auto kind = kind_of(checked(options.environment));
    if (options.expires_at && *options.expires_at <= now) throw InvalidArgument("must lie in the future", {.subject = "expires_at"});
    if (options.cidrs.size() > most_networks) throw InvalidArgument("a key has 64 networks at most", {.subject = "cidrs"});
    for (const auto& each : options.cidrs)
        if (!base::Network::parse(each)) throw InvalidArgument("networks are written like 192.0.2.0/24", {.subject = "cidrs"});
    const RoleRef role = options.custom_role ? RoleRef{{}, options.custom_role} : RoleRef{options.role, {}};
    check_held(held, narrowed(access::permissions_of(tx, role), options.scopes), "key");
    const KeyText whole{.kind = kind, .kid = text.kid, .secret = text.secret};
    std::optional<base::ByteVector> scopes;
    if (!options.scopes.empty()) scopes = stored(set_of(options.scopes, "scopes"));
    const int pepper = hasher.current();
    tx.exec(insert_key, id, whole.kid, options.name, prefix, options.environment, hasher.hash(pepper, whole), pepper, role.role, role.custom,
            scopes, json_of(options.cidrs), user, actor.id, now, options.expires_at);
    auto key = get(tx, id);
    record(tx, actor, "key.create", key, now);
    return {std::move(key), write_key(prefix, whole)};
}

std::optional<ApiKey> find(db::Reader& reader, const KeyId& id) {
    auto rows = reader.query(key_by_id, id);
    if (!rows.next()) return std::nullopt;
    return key_of(rows);
}

ApiKey get(db::Reader& reader, const KeyId& id) {
    if (auto key = find(reader, id)) return *std::move(key);
    throw NotFound("there is no such key", {.subject = id.text()});
}

std::vector<ApiKey> list(db::Reader& reader, const ApiKeyFilter& filter, Time now) {
    if (filter.limit < 1 || filter.limit > 1000) throw InvalidArgument("must lie between 1 and 1000", {.subject = "limit"});
    std::vector<ApiKey> list;
    for (auto rows = reader.query(page, filter.after.value_or(KeyId{}), filter.revoked ? 1 : 0, now, filter.limit); rows.next();)
        list.push_back(key_of(rows));
    return list;
}

Made rotate(db::Tx& tx, const Actor& actor, const PermissionSet& held, const KeySecret& secret, const KeyHasher& hasher,
            const RotateOptions& options, Time now) {
    if (options.grace < Duration::zero() || options.grace > longest_grace)
        throw InvalidArgument("an old secret works on for 0 to 7 days", {.subject = "grace"});
    auto key = get(tx, options.key);
    if (key.revoked_at) throw Conflict("the key was revoked: make a new one", {.subject = key.id.text()});
    check_held(held, permissions_of_key(tx, key), "key");  // who gets the new secret can do what the key can
    const KeyText text{.kind = kind_of(key.environment), .kid = key.shown.substr(key.shown.size() - kid_size), .secret = secret};
    const int pepper = hasher.current();
    tx.exec(turn, now + options.grace, hasher.hash(pepper, text), pepper, key.id);
    const auto prefix = prefix_of(key);
    key = get(tx, key.id);
    record(tx, actor, "key.rotate", key, now);
    return {std::move(key), write_key(prefix, text)};
}

ApiKey revoke(db::Tx& tx, const Actor& actor, const KeyId& id, Time now) {
    auto key = get(tx, id);
    if (key.revoked_at) return key;
    tx.exec(end, now, id);
    key = get(tx, id);
    record(tx, actor, "key.revoke", key, now);
    return key;
}

Shown recognise(db::SystemReader& reader, const KeyHasher& hasher, const KeyText& text, const std::string& address, Time now) {
    auto rows = reader.query(by_kid, text.kid);
    if (!rows.next()) {
        // The same work where there is no such key: how long it takes tells nothing.
        const auto mine = hasher.hash(hasher.current(), text);
        (void)crypto::equal_constant_time(mine, crypto::Digest{});
        return {};
    }
    Shown shown{.tenant = rows.id<TenantId>(0)};
    const auto fits = [&](int hash, int pepper) {
        const auto mine = hasher.hash(static_cast<int>(rows.i64(pepper)), text);
        return crypto::equal_constant_time(mine, rows.blob_view(hash));
    };
    bool known = fits(2, 3);
    shown.turn = rows.i64(12);
    if (!known && !rows.is_null(4) && rows.maybe_time(6).value_or(Time{}) > now) {
        known = fits(4, 5);
        --shown.turn;
    }
    const bool live = rows.is_null(11) && rows.maybe_time(9).value_or(Time::max()) > now;
    const bool right_kind = text.kind == kind_of(static_cast<KeyEnvironment>(rows.i64(7)));
    if (!known || !live || !right_kind || !is_allowed_from(rows.text_view(8), address)) return shown;
    shown.key = rows.id<KeyId>(1);
    const bool is_old = shown.turn == rows.i64(12) && rows.i64(3) < hasher.current();
    shown.note_use = is_old || rows.maybe_time(10).value_or(Time{}) + use_grain <= now;
    return shown;
}

void note_use(db::Tx& tx, const KeyHasher& hasher, const Shown& shown, const KeyText& text, Time now) {
    tx.exec(used, now, *shown.key);
    const int pepper = hasher.current();
    tx.exec(move_hash, hasher.hash(pepper, text), pepper, *shown.key, shown.turn);
}

Rights rights(db::Reader& reader, const KeyId& id, std::int64_t turn, Time now) {
    auto rows = reader.query(key_by_id, id);
    if (!rows.next()) refuse_ended();
    const auto key = key_of(rows);
    const auto turns = rows.i64(15);
    if (key.revoked_at || (key.expires_at && *key.expires_at <= now)) refuse_ended();
    Rights rights{.role = {key.role, key.custom_role}, .everywhere = permissions_of_key(reader, key), .until = key.expires_at};
    if (turn != turns) {
        if (turn + 1 != turns || key.grace_ends_at.value_or(Time{}) <= now) refuse_ended();
        rights.until = std::min(*key.grace_ends_at, key.expires_at.value_or(Time::max()));
    }
    if (!key.user) return rights;
    const auto owner = rights_of(reader, {.kind = PrincipalKind::user, .user = key.user}, now);
    rights.user = key.user;
    for (const auto& [project, set] : owner.projects) rights.projects.emplace_back(project, set & rights.everywhere);
    rights.everywhere = rights.everywhere & owner.everywhere;
    return rights;
}

}  // namespace keys
}  // namespace tenon::tenant::access
