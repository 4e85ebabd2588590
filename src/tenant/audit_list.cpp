// Records as files for people.

#include <tenant/audit.hpp>

#include <base/file.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant::audit {
namespace {

constexpr std::size_t written_at_once = 64 * 1024;
constexpr std::string_view csv_names =
    "seq,at,actor,action,target,outcome,reason,details,hash,actor_erased,reason_erased,details_erased\r\n";

}  // namespace

void append_json_line(std::string& to, const AuditRecord& record) {
    auto line = base::Json::object();
    line.set("seq", record.seq)
        .set("at", base::to_rfc3339(record.at))
        .set("actor", record.actor)
        .set("action", record.action)
        .set("target", record.target)
        .set("outcome", record.outcome)
        .set("reason", record.reason)
        .set("details", base::parse_json(record.details))
        .set("hash", record.hash);
    auto erased = base::Json::array();
    if (record.actor_erased) erased.push("actor");
    if (record.reason_erased) erased.push("reason");
    if (record.details_erased) erased.push("details");
    line.set("erased", std::move(erased));
    to += base::to_json(line) + "\n";
}

namespace {

/// Spreadsheets take a cell that begins so for a formula, whoever wrote it.
void append_cell(std::string& to, std::string_view text) {
    const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
    to += '"';
    if (formula) to += '\'';
    for (const char c : text) {
        if (c == '"') to += '"';
        to += c;
    }
    to += '"';
}

void append_csv(std::string& to, const AuditRecord& record) {
    to += std::to_string(record.seq) + "," + base::to_rfc3339(record.at);
    for (const auto* text : {&record.actor, &record.action, &record.target, &record.outcome, &record.reason, &record.details, &record.hash}) {
        to += ',';
        append_cell(to, *text);
    }
    for (const bool erased : {record.actor_erased, record.reason_erased, record.details_erased}) to += erased ? ",1" : ",0";
    to += "\r\n";
}

}  // namespace

AuditListing export_list(db::Database& database, const db::TenantScope& scope, const AuditListOptions& options) {
    if (options.path.empty()) throw InvalidArgument("which file?", {.subject = "path"});
    if (options.format != AuditFormat::json_lines && options.format != AuditFormat::csv)
        throw InvalidArgument("there is no such format", {.subject = "format"});
    const auto exists = [&] { return Conflict("the file exists", {.subject = options.path.string()}); };
    if (std::filesystem::exists(options.path)) throw exists();
    base::NewFile file(options.path);  // for its maker alone: it says who did what
    crypto::Sha256 hash;
    AuditListing listing;
    std::string text;
    const auto flush = [&] {
        file.write(base::view_of(text));
        hash.update(base::view_of(text));
        listing.size.count += static_cast<std::int64_t>(text.size());
        text.clear();
    };
    if (options.format == AuditFormat::csv) text = csv_names;
    const AuditFilter filter{.action = options.action, .after = options.after, .start = options.start, .end = options.end};
    each_record(database, scope, filter, [&](const AuditRecord& record) {
        if (options.format == AuditFormat::csv) append_csv(text, record);
        else append_json_line(text, record);
        ++listing.records;
        listing.last = record.seq;
        if (text.size() >= written_at_once) flush();
    });
    flush();
    listing.sha256 = crypto::to_hex(hash.finish());
    if (!file.finish()) throw exists();
    return listing;
}

}  // namespace tenon::tenant::audit
