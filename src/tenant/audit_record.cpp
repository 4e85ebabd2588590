#include "audit_record.hpp"

#include <algorithm>

#include <crypto/encoding.hpp>
#include <crypto/secret.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::audit {
namespace {

using base::Json;

constexpr std::int64_t version = 1;

Digest digest_of(const Json& value, std::string_view field) {
    const auto bytes = crypto::from_hex(value.as_string(field));
    Digest digest{};
    if (!bytes || bytes->size() != digest.size()) throw InvalidArgument("not a hash", {.subject = std::string(field)});
    std::ranges::copy(*bytes, digest.begin());
    return digest;
}

std::optional<Digest> maybe_digest(const Json& object, std::string_view field) {
    const auto* value = object.find(field);
    return value ? std::optional(digest_of(*value, field)) : std::nullopt;
}

}  // namespace

Salt new_salt() {
    Salt salt;
    crypto::fill_random(salt);
    return salt;
}

Digest commitment(base::ByteView salt, std::string_view value) {
    return crypto::Sha256().update(salt).update(base::view_of(value)).finish();
}

std::string log_name(const TenantId& tenant) { return tenant.is_nil() ? "operators" : tenant.text(); }

std::string to_text(const Record& record) {
    auto actor = Json::object();
    actor.set("id", crypto::to_hex(record.actor)).set("kind", record.actor_kind);
    auto object = Json::object();
    object.set("action", record.action).set("actor", std::move(actor));
    if (record.details) object.set("details", crypto::to_hex(*record.details));
    object.set("outcome", record.outcome).set("prev", crypto::to_hex(record.prev));
    if (record.reason) object.set("reason", crypto::to_hex(*record.reason));
    if (!record.request_id.empty()) object.set("request_id", record.request_id);
    object.set("seq", record.seq);
    if (!record.target.empty()) object.set("target", record.target);
    object.set("tenant", record.tenant);
    object.set("time", std::int64_t{record.time.time_since_epoch().count()});
    object.set("v", version);
    return base::to_canonical_json(object);
}

Record parse_record(std::string_view text) {
    const auto object = base::parse_json(text, {}, "record");
    object.allow_only({"action", "actor", "details", "outcome", "prev", "reason", "request_id", "seq", "target", "tenant", "time", "v"});
    if (object.get_int("v") != version) throw InvalidArgument("a record of another version", {.subject = "v"});
    const auto& actor = object.at("actor");
    actor.allow_only({"id", "kind"});
    Record record{.tenant = object.get_string("tenant"),
                  .seq = object.get_int("seq"),
                  .prev = digest_of(object.at("prev"), "prev"),
                  .time = Time{Duration{object.get_int("time")}},
                  .actor_kind = actor.get_string("kind"),
                  .actor = digest_of(actor.at("id"), "actor"),
                  .reason = maybe_digest(object, "reason"),
                  .details = maybe_digest(object, "details"),
                  .action = object.get_string("action"),
                  .target = object.string_or("target", ""),
                  .outcome = object.get_string("outcome"),
                  .request_id = object.string_or("request_id", "")};
    if (to_text(record) != text) throw InvalidArgument("a record in another form", {.subject = "record"});
    return record;
}

}  // namespace tenon::tenant::audit
