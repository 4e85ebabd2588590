#include "audit_record.hpp"

#include <algorithm>
#include <utility>

#include <unistd.h>

#include <crypto/encoding.hpp>
#include <crypto/secret.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::audit {
namespace {

using base::Json;

constexpr std::int64_t version = 1;
constexpr std::int64_t largest_number = (std::int64_t{1} << 53) - 1;  // beyond it other readers round

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

// Random bytes cost a system call however few they are. A forked child must not use the same ones.
Salt new_salt() {
    struct Stock {
        std::array<Salt, 32> salts{};
        std::size_t used = 32;
        pid_t owner = 0;
    };
    thread_local Stock stock;
    if (stock.used == stock.salts.size() || stock.owner != getpid()) {
        crypto::fill_random({stock.salts.front().data(), sizeof stock.salts});
        stock.used = 0;
        stock.owner = getpid();
    }
    return std::exchange(stock.salts[stock.used++], {});
}

Digest commitment(base::ByteView salt, std::string_view value) {
    return crypto::Sha256().update(salt).update(base::view_of(value)).finish();
}

std::string log_name(const TenantId& tenant) { return tenant.is_nil() ? "operators" : tenant.text(); }

// RFC 8785 by hand: the names are in order, and the values are strings and integers. Every change writes one of these.
std::string to_text(const Record& record) {
    if (record.seq < 0 || record.seq > largest_number || std::abs(record.time.time_since_epoch().count()) > largest_number)
        throw InvalidArgument("a number beyond 2^53 has no canonical form", {.subject = "record"});
    std::string text;
    text.reserve(640);
    const auto string = [&text](std::string_view name, std::string_view value) {
        text.append(name);
        base::append_json_string(text, value);
    };
    const auto hash = [&text](std::string_view name, const Digest& value) {
        text.append(name) += '"';
        crypto::append_hex(text, value);
        text += '"';
    };
    string("{\"action\":", record.action);
    hash(",\"actor\":{\"id\":", record.actor);
    string(",\"kind\":", record.actor_kind);
    text += '}';
    if (record.details) hash(",\"details\":", *record.details);
    string(",\"outcome\":", record.outcome);
    hash(",\"prev\":", record.prev);
    if (record.reason) hash(",\"reason\":", *record.reason);
    if (!record.request_id.empty()) string(",\"request_id\":", record.request_id);
    text.append(",\"seq\":").append(std::to_string(record.seq));
    if (!record.target.empty()) string(",\"target\":", record.target);
    string(",\"tenant\":", record.tenant);
    text.append(",\"time\":").append(std::to_string(record.time.time_since_epoch().count()));
    text.append(",\"v\":").append(std::to_string(version)) += '}';
    return text;
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
