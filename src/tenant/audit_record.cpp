#include "audit_record.hpp"

#include <algorithm>
#include <array>
#include <charconv>
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

Digest digest_in(const Json& value, std::string_view field) {
    const auto bytes = crypto::from_hex(value.as_string(field));
    Digest digest{};
    if (!bytes || bytes->size() != digest.size()) throw InvalidArgument("not a hash", {.subject = std::string(field)});
    std::ranges::copy(*bytes, digest.begin());
    return digest;
}

std::optional<Digest> maybe_digest(const Json& object, std::string_view field) {
    const auto* value = object.find(field);
    return value ? std::optional(digest_in(*value, field)) : std::nullopt;
}

void check(std::int64_t seq, Time time) {
    if (seq < 0 || seq > largest_number || std::abs(time.time_since_epoch().count()) > largest_number)
        throw InvalidArgument("a number beyond 2^53 has no canonical form", {.subject = "record"});
}

// RFC 8785 by hand: the names are in order, and the values are strings and integers. Every change writes one of these.
template <class Text>
void write(std::string& text, const RecordOf<Text>& record) {
    if (record.seq < 0 || record.seq > largest_number || std::abs(record.time.time_since_epoch().count()) > largest_number)
        throw InvalidArgument("a number beyond 2^53 has no canonical form", {.subject = "record"});
    const auto string = [&text](std::string_view name, std::string_view value) {
        text.append(name);
        base::append_json_string(text, value);
    };
    const auto hash = [&text](std::string_view name, const Digest& value) {
        text.append(name) += '"';
        crypto::append_hex(text, value);
        text += '"';
    };
    const auto number = [&text](std::string_view name, std::int64_t value) {
        std::array<char, 24> digits;
        text.append(name).append(digits.data(), std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr);
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
    number(",\"seq\":", record.seq);
    if (!record.target.empty()) string(",\"target\":", record.target);
    string(",\"tenant\":", record.tenant);
    number(",\"time\":", record.time.time_since_epoch().count());
    number(",\"v\":", version);
    text += '}';
}

/// Reads what write() writes for plain strings, and nothing else: those need no escapes, so that they are what they look like.
/// Hardly any record is of another kind, and the general way takes ten times as long.
class PlainText {
public:
    explicit PlainText(std::string_view text) : rest_(text) {}

    bool skip(std::string_view expected) {
        if (!rest_.starts_with(expected)) return false;
        rest_.remove_prefix(expected.size());
        return true;
    }
    /// With the quotation mark that ends it.
    bool string(std::string& to) {
        const auto end = std::ranges::find_if(rest_, [](unsigned char c) { return c < 0x20 || c >= 0x80 || c == '"' || c == '\\'; });
        if (end == rest_.end() || *end != '"') return false;
        to.assign(rest_.begin(), end);
        rest_.remove_prefix(to.size() + 1);
        return true;
    }
    bool digest(Digest& to) {
        if (rest_.size() <= 2 * to.size() || rest_[2 * to.size()] != '"') return false;
        for (std::size_t i = 0; i < to.size(); ++i) {
            const int high = digit(rest_[2 * i]), low = digit(rest_[2 * i + 1]);
            if (high < 0 || low < 0) return false;
            to[i] = static_cast<std::uint8_t>(high << 4 | low);
        }
        rest_.remove_prefix(2 * to.size() + 1);
        return true;
    }
    bool number(std::int64_t& to) {
        const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), to);
        if (error != std::errc{} || to > largest_number || to < -largest_number) return false;
        std::array<char, 24> again;
        const auto length = static_cast<std::size_t>(std::to_chars(again.data(), again.data() + again.size(), to).ptr - again.data());
        return length == static_cast<std::size_t>(end - rest_.data()) && skip({again.data(), length});
    }
    bool is_at_end() const { return rest_.empty(); }

private:
    static int digit(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                                                            : -1; }
    std::string_view rest_;
};

/// False: it is to be read the general way, which also knows what is wrong with it.
bool read_plain(std::string_view text, Record& record) {
    PlainText in(text);
    std::int64_t time = 0;
    if (!in.skip("{\"action\":\"") || !in.string(record.action)) return false;
    if (!in.skip(",\"actor\":{\"id\":\"") || !in.digest(record.actor)) return false;
    if (!in.skip(",\"kind\":\"") || !in.string(record.actor_kind) || !in.skip("}")) return false;
    if (in.skip(",\"details\":\"") && !in.digest(record.details.emplace())) return false;
    if (!in.skip(",\"outcome\":\"") || !in.string(record.outcome)) return false;
    if (!in.skip(",\"prev\":\"") || !in.digest(record.prev)) return false;
    if (in.skip(",\"reason\":\"") && !in.digest(record.reason.emplace())) return false;
    if (in.skip(",\"request_id\":\"") && (!in.string(record.request_id) || record.request_id.empty())) return false;
    if (!in.skip(",\"seq\":") || !in.number(record.seq) || record.seq < 0) return false;
    if (in.skip(",\"target\":\"") && (!in.string(record.target) || record.target.empty())) return false;
    if (!in.skip(",\"tenant\":\"") || !in.string(record.tenant)) return false;
    if (!in.skip(",\"time\":") || !in.number(time) || !in.skip(",\"v\":1}") || !in.is_at_end()) return false;
    record.time = Time{Duration{time}};
    return true;
}
static_assert(version == 1, "what read_plain expects");

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
    thread_local crypto::Sha256 hash;
    return hash.update(salt).update(base::view_of(value)).finish();
}

std::string log_name(const TenantId& tenant) { return tenant.is_nil() ? "operators" : tenant.text(); }

void check(const NewRecord& record) { check(record.seq, record.time); }

void append_text(std::string& to, const NewRecord& record) { write(to, record); }

Record parse_record(std::string_view text) {
    if (Record plain; read_plain(text, plain)) return plain;
    const auto object = base::parse_json(text, {}, "record");
    object.allow_only({"action", "actor", "details", "outcome", "prev", "reason", "request_id", "seq", "target", "tenant", "time", "v"});
    if (object.get_int("v") != version) throw InvalidArgument("a record of another version", {.subject = "v"});
    const auto& actor = object.at("actor");
    actor.allow_only({"id", "kind"});
    Record record{.tenant = object.get_string("tenant"),
                  .seq = object.get_int("seq"),
                  .prev = digest_in(object.at("prev"), "prev"),
                  .time = Time{Duration{object.get_int("time")}},
                  .actor_kind = actor.get_string("kind"),
                  .actor = digest_in(actor.at("id"), "actor"),
                  .reason = maybe_digest(object, "reason"),
                  .details = maybe_digest(object, "details"),
                  .action = object.get_string("action"),
                  .target = object.string_or("target", ""),
                  .outcome = object.get_string("outcome"),
                  .request_id = object.string_or("request_id", "")};
    std::string again;
    write(again, record);
    if (again != text) throw InvalidArgument("a record in another form", {.subject = "record"});
    return record;
}

}  // namespace tenon::tenant::audit
