// Personal values that must be forgotten: what the records commit to goes, the records stay.

#include <tenant/audit.hpp>

#include <base/text.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "audit_prune.hpp"
#include "audit_store.hpp"
#include "legal_holds.hpp"

namespace tenon::tenant::audit {
namespace {

constexpr std::int64_t read_at_once = 4096;
constexpr std::size_t erased_at_once = 500;
constexpr std::size_t shortest_subject = 3;  // less than that is in every text
constexpr std::size_t longest_subject = 256;

bool is_of_a_word(char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') || byte == '_';
}

/// As whole words: "ann" is not in "channel".
bool mentions(std::string_view text, std::string_view subject) {
    for (auto at = text.find(subject); at != std::string_view::npos; at = text.find(subject, at + 1)) {
        const auto end = at + subject.size();
        const bool joined_before = at > 0 && is_of_a_word(text[at - 1]) && is_of_a_word(subject.front());
        const bool joined_behind = end < text.size() && is_of_a_word(text[end]) && is_of_a_word(subject.back());
        if (!joined_before && !joined_behind) return true;
    }
    return false;
}

/// What is looked for: as it stands in a text, and as it stands in a JSON document.
struct Sought {
    std::string plain{}, escaped{};

    explicit Sought(const std::string& subject) : plain(subject) {
        base::append_json_string(escaped, subject);
        escaped = escaped.substr(1, escaped.size() - 2);
    }
    bool is_in(const Stored& stored) const {
        const auto& [salt, reason, details] = stored.erasable;
        if (!reason && !details) return false;
        if ((reason && mentions(*reason, plain)) || (details && mentions(*details, escaped))) return true;
        return stored.text.find(escaped) != std::string_view::npos && parse_record(stored.text).target == plain;
    }
};

/// The records whose reason and details are to go. What is recorded meanwhile is not looked at.
std::vector<std::int64_t> found(db::Database& database, const db::TenantScope& scope, const std::string& subject) {
    const Sought sought(subject);
    const auto size = database.read(scope, [](db::Reader& reader) { return last_stored(reader) + 1; });
    std::vector<std::int64_t> seqs;
    for (std::int64_t next = database.read(scope, read_pruned).first; next < size; next += read_at_once)
        database.read(scope, [&](db::Reader& reader) {
            StoredRecords stored(reader, next, std::min(size, next + read_at_once));
            while (const auto* at = stored.next())
                if (sought.is_in(*at)) seqs.push_back(at->seq);
        });
    return seqs;
}

void check(const ErasePersonalOptions& options) {
    check_erasure_reason(options.reason);
    if (options.subject.empty() != options.seq.has_value())
        throw InvalidArgument("either a subject or a record", {.subject = options.seq ? "seq" : "subject"});
    if (!options.seq && (options.subject.size() < shortest_subject || options.subject.size() > longest_subject))
        throw InvalidArgument("must be 3 to 256 bytes long", {.subject = "subject"});
}

}  // namespace

void check_erasure_reason(const std::string& reason) {
    if (reason.empty()) throw InvalidArgument("say why: the audit trail keeps it", {.subject = "reason"});
    base::check_text("reason", reason, 1000);
}

ErasedPersonal erase_personal(db::Database& database, const db::TenantScope& scope, const Actor& actor, const ErasePersonalOptions& options,
                              Time now) {
    check(options);
    std::vector<std::int64_t> seqs;
    if (!options.seq) seqs = found(database, scope, options.subject);
    else if (*options.seq < database.read(scope, read_pruned).first || *options.seq > database.read(scope, last_stored))
        throw NotFound("the audit trail has no such record", {.subject = std::to_string(*options.seq)});
    else seqs.push_back(*options.seq);
    auto by = actor;
    by.reason = options.reason;
    ErasedPersonal erased;
    // The name goes last: whoever was killed before finds the rest by it again. At least once, so that the call itself is recorded.
    for (auto rest = std::span<const std::int64_t>(seqs);;) {
        const auto portion = rest.first(std::min(rest.size(), erased_at_once));
        rest = rest.subspan(portion.size());
        const auto done = database.write(scope, [&](db::Tx& tx) {
            legal_holds::refuse(tx, "erased");
            // What this group of writes has recorded already is among them.
            store_records(tx, known_log(tx));
            ErasedPersonal now_erased{.records = erase_values(tx, portion)};
            if (rest.empty() && !options.subject.empty()) now_erased.actor = forget_actor(tx, options.subject);
            auto details = base::Json::object();
            details.set("actor", now_erased.actor).set("records", now_erased.records);
            append(tx, by, {.time = now, .action = "audit.erase_personal", .details = std::move(details)});
            return now_erased;
        });
        erased.records += done.records;
        erased.actor = erased.actor || done.actor;
        if (rest.empty()) return erased;
    }
}

}  // namespace tenon::tenant::audit
