#include <algorithm>
#include <charconv>

#include <base/file.hpp>
#include <base/json.hpp>
#include <base/text.hpp>
#include <tenon/error.hpp>

#include "usage_rows.hpp"

namespace tenon::tenant::usage {
namespace {

using base::Json;

// Rows that one page looks at, whatever it finds, so that no read lasts.
constexpr std::int64_t most_looked_at = 20'000;

constexpr db::TenantStmt page_of{
    "SELECT source, id, meter, qty, occurred_at, received_at, period, late, share, coalesce(corrects_source, ''), coalesce(corrects_id, '') "
    "FROM usage_event WHERE tenant_id = :tenant AND slot >= :first AND slot <= :last AND occurred_at >= :from "
    "AND (occurred_at > :from OR (source, id) > (:source, :id)) AND occurred_at < :end ORDER BY slot, occurred_at, source, id LIMIT :limit"};
constexpr db::TenantStmt dims_body{"SELECT body FROM usage_dims WHERE tenant_id = :tenant AND n = :n"};
constexpr db::TenantStmt shares_between{
    "SELECT meter, dims, sum(qty) FROM usage_share WHERE tenant_id = :tenant AND bucket >= :start AND bucket < :end "
    "AND (meter = :meter OR :meter = '') GROUP BY meter, dims"};
constexpr db::TenantStmt shares_in{
    "SELECT meter, dims, sum(qty) FROM usage_share WHERE tenant_id = :tenant AND period = :period AND bucket >= :start AND bucket < :end "
    "AND (meter = :meter OR :meter = '') GROUP BY meter, dims"};

/// Where a page ended.
struct Cursor {
    Time at{};
    std::string source{}, id{};

    std::string text() const {
        return std::to_string(at.time_since_epoch().count()) + ":" + std::to_string(source.size()) + ":" + source + id;
    }
    static Cursor from(const std::string& text) {
        const auto refuse = [] { return InvalidArgument("take what the page before said is next", {.subject = "after"}); };
        const char *p = text.data(), *const end = p + text.size();
        std::int64_t at = 0, size = 0;
        auto read = std::from_chars(p, end, at);
        if (read.ec != std::errc() || read.ptr == end || *read.ptr != ':') throw refuse();
        read = std::from_chars(read.ptr + 1, end, size);
        if (read.ec != std::errc() || read.ptr == end || *read.ptr != ':' || size < 0 || size > end - read.ptr - 1) throw refuse();
        return {Time{Duration{at}}, std::string(read.ptr + 1, read.ptr + 1 + size), std::string(read.ptr + 1 + size, end)};
    }
};

/// What numbers of dims stand for, each read once.
class Bodies {
public:
    explicit Bodies(db::Reader& reader) : reader_(reader) {}
    const Dims& of(std::int64_t n) {
        const auto [at, is_new] = known_.try_emplace(n);
        if (is_new && n != 0)
            if (auto rows = reader_.query(dims_body, n); rows.next()) at->second = Dims::from(rows.text_view(0));
        return at->second;
    }

private:
    db::Reader& reader_;
    std::map<std::int64_t, Dims> known_;
};

std::vector<Label> labels_of(const std::map<std::string, std::string>& tags) {
    std::vector<Label> list;
    for (const auto& [key, value] : tags) list.push_back({key, value});
    return list;
}

std::string tags_text(const std::vector<Label>& tags) {
    if (tags.empty()) return "";
    auto object = Json::object();
    for (const auto& tag : tags) object.set(tag.key, tag.value);
    return base::to_canonical_json(object);
}

/// A cell of RFC 4180. What a spreadsheet would run as a formula is made text.
void put_cell(std::string& line, std::string_view text) {
    if (!line.empty()) line += ',';
    const bool formula = !text.empty() && std::string_view("=+-@\t\r").find(text.front()) != std::string_view::npos;
    if (!formula && text.find_first_of(",\"\r\n") == std::string_view::npos) {
        line += text;
        return;
    }
    line += '"';
    if (formula) line += '\'';
    for (const char c : text) line.append(c == '"' ? 2 : 1, c);
    line += '"';
}

constexpr std::string_view csv_names =
    "source,id,meter,unit,quantity,occurred_at,received_at,period,late,project,site,tags,corrects_source,corrects_id\r\n";

std::string csv_line(const UsageRecord& record) {
    std::string line;
    put_cell(line, record.source);
    put_cell(line, record.id);
    put_cell(line, record.meter);
    put_cell(line, record.unit);
    line += "," + std::to_string(record.quantity) + "," + base::to_rfc3339(record.occurred_at) + "," + base::to_rfc3339(record.received_at) + "," +
            std::to_string(record.period) + "," + (record.late ? "true" : "false");
    put_cell(line, record.project ? record.project->text() : "");
    put_cell(line, record.site);
    put_cell(line, tags_text(record.tags));
    put_cell(line, record.corrects_source);
    put_cell(line, record.corrects_id);
    return line + "\r\n";
}

std::string json_line(const UsageRecord& record) {
    auto object = Json::object();
    object.set("source", record.source).set("id", record.id).set("meter", record.meter).set("unit", record.unit);
    object.set("quantity", record.quantity).set("occurred_at", base::to_rfc3339(record.occurred_at));
    object.set("received_at", base::to_rfc3339(record.received_at)).set("period", std::int64_t{record.period}).set("late", record.late);
    object.set("project", record.project ? Json(record.project->text()) : Json());
    object.set("site", record.site.empty() ? Json() : Json(record.site));
    auto tags = Json::object();
    for (const auto& tag : record.tags) tags.set(tag.key, tag.value);
    object.set("tags", std::move(tags));
    auto corrects = Json::object();
    corrects.set("source", record.corrects_source).set("id", record.corrects_id);
    object.set("corrects", record.corrects_source.empty() ? Json() : std::move(corrects));
    return base::to_json(object) + "\n";
}

std::int64_t edge_of(const std::optional<Time>& time, std::int64_t otherwise, const char* field) {
    if (!time) return otherwise;
    if (bucket_of(*time, quarter) != time->time_since_epoch().count())
        throw InvalidArgument("must be a quarter of an hour of UTC", {.subject = field});
    return time->time_since_epoch().count();
}

void check_span(const std::optional<Time>& start, const std::optional<Time>& end) {
    if (start && end && *end <= *start) throw InvalidArgument("must be later than start", {.subject = "end"});
}

}  // namespace

UsagePage events(db::Reader& reader, const UsageFilter& filter) {
    if (filter.limit < 1 || filter.limit > 10'000) throw InvalidArgument("must lie between 1 and 10,000", {.subject = "limit"});
    check_span(filter.start, filter.end);
    Cursor from{.at = filter.start.value_or(Time{Duration::min()})};
    if (!filter.after.empty()) from = Cursor::from(filter.after);
    const auto units = units_of(reader);
    Bodies bodies(reader);
    UsagePage page;
    std::int64_t looked_at = 0;
    const auto end = filter.end.value_or(Time::max());
    auto rows = reader.query(page_of, slot_of(from.at), slot_of(end), from.at, from.source, from.id, end, most_looked_at);
    while (rows.next()) {
        ++looked_at;
        const auto period = static_cast<std::int32_t>(rows.i64(6));
        const bool fits = (filter.meter.empty() || rows.text_view(2) == filter.meter) && (!filter.period || *filter.period == period);
        if (fits) {
            const auto& dims = bodies.of(rows.i64(8));
            UsageRecord record{.source = rows.text(0), .id = rows.text(1), .meter = rows.text(2), .unit = {}, .quantity = rows.i64(3),
                               .occurred_at = rows.time(4), .received_at = rows.time(5), .period = period, .late = rows.boolean(7),
                               .project = dims.project, .site = dims.site, .tags = labels_of(dims.tags), .corrects_source = rows.text(9),
                               .corrects_id = rows.text(10)};
            record.unit = unit_in(units, record.meter);
            page.records.push_back(std::move(record));
        }
        if (std::ssize(page.records) == filter.limit || looked_at == most_looked_at) {
            page.next = Cursor{rows.time(4), rows.text(0), rows.text(1)}.text();
            break;
        }
    }
    return page;
}

UsageExport export_file(db::Database& database, const db::TenantScope& scope, const UsageExportOptions& options) {
    if (options.path.empty()) throw InvalidArgument("which file?", {.subject = "path"});
    if (options.format != UsageFormat::csv && options.format != UsageFormat::json_lines)
        throw InvalidArgument("csv or JSON lines", {.subject = "format"});
    const auto exists = [&] { return Conflict("the file exists", {.subject = options.path.string()}); };
    if (std::filesystem::exists(options.path)) throw exists();
    UsageFilter filter{.meter = options.meter, .start = options.start, .end = options.end, .period = options.period};
    check_span(filter.start, filter.end);
    UsageExport done;
    base::NewFile file(options.path, 0666);
    const auto write = [&](std::string_view text) {
        file.write(base::view_of(text));
        done.size.count += std::ssize(text);
    };
    const bool csv = options.format == UsageFormat::csv;
    if (csv) write(csv_names);
    do {
        const auto page = database.read(scope, [&](db::Reader& reader) { return events(reader, filter); });
        std::string text;
        for (const auto& record : page.records) text += csv ? csv_line(record) : json_line(record);
        write(text);
        done.records += std::ssize(page.records);
        filter.after = page.next;
    } while (!filter.after.empty());
    if (!file.finish()) throw exists();
    return done;
}

std::vector<UsageShare> breakdown(db::Reader& reader, const BreakdownOptions& options) {
    if (options.by != UsageKey::project && options.by != UsageKey::site && options.by != UsageKey::tag)
        throw InvalidArgument("by project, site or tag", {.subject = "by"});
    if ((options.by == UsageKey::tag) == options.tag.empty()) throw InvalidArgument("which tag? Needed for tags, and only there", {.subject = "tag"});
    check_span(options.start, options.end);
    const auto start = edge_of(options.start, Duration::min().count(), "start"), end = edge_of(options.end, Duration::max().count(), "end");
    Bodies bodies(reader);
    std::map<std::pair<std::string, std::string>, std::int64_t> sums;  // by meter and key
    auto rows = options.period ? reader.query(shares_in, *options.period, start, end, options.meter)
                               : reader.query(shares_between, start, end, options.meter);
    while (rows.next()) {
        const auto& dims = bodies.of(rows.i64(1));
        std::string key;
        if (options.by == UsageKey::project && dims.project) key = dims.project->text();
        if (options.by == UsageKey::site) key = dims.site;
        if (options.by == UsageKey::tag)
            if (const auto at = dims.tags.find(options.tag); at != dims.tags.end()) key = at->second;
        sums[{rows.text(0), std::move(key)}] += rows.i64(2);
    }
    const auto units = units_of(reader);
    std::vector<UsageShare> shares;
    for (const auto& [name, sum] : sums)
        shares.push_back({.key = name.second, .meter = name.first, .unit = unit_in(units, name.first), .quantity = sum});
    return shares;
}

}  // namespace tenon::tenant::usage
