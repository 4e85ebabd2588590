#include <tenant/usage.hpp>

#include <algorithm>
#include <iterator>

#include <base/json.hpp>
#include <base/text.hpp>
#include <tenant/quota.hpp>
#include <tenant/registry.hpp>
#include <tenon/error.hpp>

#include "ledger.hpp"
#include "tenant_rows.hpp"
#include "usage_rows.hpp"

namespace tenon::tenant::usage {
namespace {

constexpr std::size_t most_at_once = 1000;
constexpr auto most_ahead = std::chrono::minutes(10);
// Nothing that a host means to bill happened before; a clock that was never set says so.
constexpr Time earliest{std::chrono::sys_days(std::chrono::year(2000) / 1 / 1)};

/// What the engine names its own events by, and what it measures itself.
constexpr std::string_view own_sources[] = {"hold", "lease", "import", "render", "backup"};
constexpr std::string_view own_meters[] = {"backup_bytes", "imported_bytes", "rendered_bytes"};

constexpr db::TenantStmt unit_of_row{"SELECT unit FROM usage_meter WHERE tenant_id = :tenant AND meter = :meter"};
constexpr db::TenantStmt unit_put{"INSERT INTO usage_meter_ (tenant_id, meter, unit) VALUES (:tenant, :meter, :unit)"};
constexpr db::TenantStmt unit_all{"SELECT meter, unit FROM usage_meter WHERE tenant_id = :tenant"};
constexpr db::TenantStmt project_there{"SELECT 1 FROM project WHERE tenant_id = :tenant AND id = :id"};
constexpr db::TenantStmt project_was{"SELECT 1 FROM usage_dims WHERE tenant_id = :tenant AND project = :project LIMIT 1"};

bool is_word(std::string_view text) {
    return !text.empty() && text.size() <= 63 &&
           std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
}

/// Printable ASCII needs no closer look, and is what nearly all are.
void check_event_name(std::string_view field, std::string_view value) {
    const bool plain = !value.empty() && value.size() <= 200 && std::ranges::all_of(value, [](char c) { return c > ' ' && c <= '~'; });
    if (!plain) base::check_name(field, value);
}

void check_event(const Told& told) {
    check_event_name("source", told.source);
    check_event_name("id", told.id);
    if (!is_word(told.meter)) throw InvalidArgument("a meter is 1 to 63 of a-z, 0-9 and '_'", {.subject = "meter"});
    if (told.quantity < 0 || told.quantity > largest_quantity)
        throw InvalidArgument("must lie between 0 and 2^53", {.subject = "quantity"});
}

void check_of_host(const Told& told, Time now) {
    check_event(told);
    if (std::ranges::find(own_sources, told.source) != std::end(own_sources))
        throw InvalidArgument("\"" + std::string(told.source) + "\" is a source of the engine's own", {.subject = "source"});
    if (told.occurred_at < earliest) throw InvalidArgument("when did it happen? Not before the year 2000", {.subject = "occurred_at"});
    if (told.occurred_at > now + most_ahead)
        throw InvalidArgument("lies more than ten minutes ahead of the engine's clock", {.subject = "occurred_at"});
    check_site(told.site);
    if (!told.tags->empty()) check_tags(*told.tags);
}

/// What the meters of one call count in, looked up once each.
struct Meter {
    std::string name{};
    std::string unit{};
    std::optional<Resource> resource{};   ///< Whose quota it feeds.
};

Meter meter_for(db::Tx& tx, const Told& told) {
    Meter meter{.name = std::string(told.meter), .unit = {}, .resource = resource_of(told.meter)};
    if (meter.resource && !is_periodic(*meter.resource))
        throw InvalidArgument(meter.name + " counts what there is: it follows by itself, or from holds", {.subject = "meter"});
    if (std::ranges::find(own_meters, told.meter) != std::end(own_meters))
        throw InvalidArgument(meter.name + " is what the engine measures itself", {.subject = "meter"});
    if (!told.unit.empty() && !is_word(told.unit)) throw InvalidArgument("a unit is 1 to 63 of a-z, 0-9 and '_'", {.subject = "unit"});
    if (meter.resource) {
        meter.unit = unit_of(*meter.resource);
        return meter;
    }
    if (auto rows = tx.query(unit_of_row, told.meter); rows.next()) {
        meter.unit = rows.text(0);
        return meter;
    }
    meter.unit = told.unit.empty() ? std::string(unit_of_meter(told.meter)) : std::string(told.unit);
    tx.exec(unit_put, told.meter, meter.unit);
    return meter;
}

void check_project(db::Reader& reader, const ProjectId& project) {
    // What comes late of a project that was removed meanwhile is not lost.
    if (reader.query(project_there, project).next() || reader.query(project_was, project).next()) return;
    throw NotFound("there is no such project", {.subject = project.text()});
}

std::string name_of(const Told& told) { return std::string(told.source) + "/" + std::string(told.id); }

bool is_same(const Stored& there, const Told& told, const DimsBook::Known& dims) {
    if (there.meter != told.meter || there.quantity != told.quantity || there.occurred_at != told.occurred_at || !there.corrects_source.empty())
        return false;
    return there.said == dims.said && (!there.said.empty() || there.share == dims.share);
}

Told told_of(const Event& event) {
    return {.source = event.source, .id = event.id, .meter = event.meter, .quantity = event.quantity, .occurred_at = event.occurred_at,
            .project = event.project, .tags = &event.dims};
}

bool book_own(db::Tx& tx, Book& book, const Event& event, const Book::Place& place) {
    const auto told = told_of(event);
    check_event(told);
    DimsBook dims(tx);
    const auto& known = dims.of(told);
    if (!book.add(told, place, known.share, known.said)) return false;
    book.close();
    return true;
}

}  // namespace

std::string_view unit_of_meter(std::string_view meter) noexcept {
    if (const auto resource = resource_of(meter)) return unit_of(*resource);
    if (meter.ends_with("_bytes")) return "bytes";
    return meter.ends_with("_time") ? "ms" : "count";
}

std::map<std::string, std::string, std::less<>> units_of(db::Reader& reader) {
    std::map<std::string, std::string, std::less<>> units;
    for (auto rows = reader.query(unit_all); rows.next();) units.emplace(rows.text(0), rows.text(1));
    return units;
}

std::string unit_in(const std::map<std::string, std::string, std::less<>>& units, const std::string& meter) {
    const auto at = units.find(meter);
    return at == units.end() ? std::string(unit_of_meter(meter)) : at->second;
}

bool record_in(db::Tx& tx, std::int32_t period, const Event& event, Time now) {
    Book book(tx, now);
    return book_own(tx, book, event, {.period = period, .late = false});
}

bool record(db::Tx& tx, const Event& event, Time now) {
    Book book(tx, now);
    return book_own(tx, book, event, book.place_of(event.occurred_at));
}

std::vector<UsageReceipt> record(db::Tx& tx, const std::vector<UsageEvent>& events, Time now) {
    if (events.empty() || events.size() > most_at_once) throw InvalidArgument("1 to 1,000 events at once", {.subject = "events"});
    Book book(tx, now);
    DimsBook dims(tx);
    std::vector<Meter> meters;
    std::optional<ProjectId> project;  // looked for already
    std::map<std::pair<Resource, std::int32_t>, std::int64_t> fed;
    std::vector<UsageReceipt> receipts;
    receipts.reserve(events.size());
    for (const auto& event : events) {
        const Told told{.source = event.source, .id = event.id, .meter = event.meter, .unit = event.unit, .quantity = event.quantity,
                        .occurred_at = event.occurred_at, .project = event.project, .site = event.site, .tags = &event.tags};
        check_of_host(told, now);
        auto meter = std::ranges::find(meters, event.meter, &Meter::name);
        if (meter == meters.end()) meters.push_back(meter_for(tx, told)), meter = std::prev(meters.end());
        if (!event.unit.empty() && event.unit != meter->unit)
            throw Conflict(event.meter + " is counted in " + meter->unit, {.subject = name_of(told)});
        if (event.project && event.project != project) check_project(tx, *event.project), project = event.project;
        const auto& known = dims.of(told);
        auto place = book.place_of(event.occurred_at);
        auto outcome = place.late ? UsageOutcome::late : UsageOutcome::recorded;
        if (!book.add(told, place, known.share, known.said)) {
            const auto there = find_event(tx, told.source, told.id);
            if (!there || !is_same(*there, told, known))
                throw Conflict("an event of this source and id was told with other content", {.subject = name_of(told)});
            outcome = UsageOutcome::duplicate;
            place.period = there->period;
        } else if (meter->resource) {
            auto& sum = fed[{*meter->resource, place.period}];
            if (__builtin_add_overflow(sum, event.quantity, &sum)) throw InvalidArgument("too much at once", {.subject = event.meter});
        }
        receipts.push_back({.source = event.source, .id = event.id, .outcome = outcome, .period = place.period});
    }
    book.close();
    for (const auto& [key, sum] : fed) ledger::count(tx, key.first, key.second, sum, now);
    return receipts;
}

UsageReport report(db::Reader& reader, Time now) {
    const auto period = peek_period(reader, now);
    return {.start = period.start, .end = period.end, .plan = as_of(own_row(reader).tenant, now).plan, .meters = meters_of(reader, period.n),
            .quotas = quota::snapshot(reader, now)};
}

}  // namespace tenon::tenant::usage

TENON_BEGIN

const char* to_string(UsageOutcome outcome) noexcept {
    switch (outcome) {
        case UsageOutcome::recorded: return "recorded";
        case UsageOutcome::late: return "late";
        case UsageOutcome::duplicate: return "duplicate";
    }
    return "unknown";
}

TENON_END
