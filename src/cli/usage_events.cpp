#include "usage_events.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>

#include <boost/json/parse.hpp>

#include "backups.hpp"
#include "json.hpp"
#include "report.hpp"
#include "tenant_plans.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

namespace json = boost::json;

constexpr std::size_t at_once = 1000;

std::string outside(const std::string& what) { return "“" + clean(what) + "”"; }

std::vector<Label> tags_of(const Args& args) {
    std::vector<Label> tags;
    for (const auto& given : args.all("--tag")) tags.push_back(label(given, "--tag"));
    return tags;
}

std::optional<ProjectId> project_of(Context& context, const Args& args) {
    if (!args.has("--project")) return std::nullopt;
    return project_named(context.session(), args.text("--project"));
}

std::optional<std::int32_t> period_of(const Args& args) {
    if (!args.has("--period")) return std::nullopt;
    return static_cast<std::int32_t>(args.integer("--period", 0, 0, 1'000'000));
}

std::string quantity(const std::string& unit, std::int64_t n) {
    if (n < 0) return "-" + quantity(unit, -n);
    if (unit == "bytes") return size({n});
    if (unit == "ms") return n == 0 ? "0 s" : length(std::chrono::milliseconds(n));
    return count(n) + (unit == "count" ? "" : " " + unit);
}

/// One line of a file of events.
UsageEvent event_of(const std::string& line, std::size_t number) {
    const auto refuse = [&](const std::string& why) { return UsageError("line " + std::to_string(number) + ": " + why); };
    json::error_code error;
    const auto value = json::parse(line, error);
    if (error || !value.is_object()) throw refuse("not a JSON object");
    UsageEvent event;
    const auto text = [&](const json::value& v, std::string_view name) {
        if (!v.is_string()) throw refuse(std::string(name) + " is no text");
        return std::string(v.get_string());
    };
    for (const auto& [key, v] : value.get_object()) {
        const std::string_view name = key;
        if (name == "source") event.source = text(v, name);
        else if (name == "id") event.id = text(v, name);
        else if (name == "meter") event.meter = text(v, name);
        else if (name == "unit") event.unit = text(v, name);
        else if (name == "site") event.site = v.is_null() ? "" : text(v, name);
        else if (name == "project") event.project = v.is_null() ? std::nullopt : std::optional(ProjectId::parse(text(v, name)));
        else if (name == "quantity" && v.is_int64()) event.quantity = v.get_int64();
        else if (name == "occurred_at") {
            const auto at = parse_time(text(v, name));
            if (!at) throw refuse("occurred_at is no UTC time");
            event.occurred_at = *at;
        } else if (name == "tags" && v.is_object()) {
            for (const auto& [tag, its] : v.get_object()) event.tags.push_back({std::string(tag), text(its, tag)});
        } else throw refuse(outside(std::string(name)) + " is not understood");
    }
    return event;
}

/// Counts what became of them; of few also shows each.
struct Recorded {
    std::vector<UsageReceipt> receipts{};
    void add(const std::vector<UsageReceipt>& more) { receipts.insert(receipts.end(), more.begin(), more.end()); }
    std::int64_t of(UsageOutcome outcome) const {
        return std::count_if(receipts.begin(), receipts.end(), [&](const auto& receipt) { return receipt.outcome == outcome; });
    }
};

int record(Context& context, const Args& args) {
    auto usage = context.session().usage();
    Recorded done;
    if (args.has("--from")) {
        std::ifstream file(args.text("--from"));
        if (!file) throw UsageError("--from " + outside(args.text("--from")) + " cannot be read");
        std::vector<UsageEvent> batch;
        std::size_t number = 0;
        const auto flush = [&] {
            if (!batch.empty()) done.add(usage.record(batch));
            batch.clear();
        };
        for (std::string line; std::getline(file, line);) {
            ++number;
            if (line.empty()) continue;
            batch.push_back(event_of(line, number));
            if (batch.size() == at_once) flush();
        }
        flush();
    } else {
        for (const auto* needed : {"--source", "--id", "--meter", "--quantity"})
            if (!args.has(needed)) throw UsageError(std::string(needed) + " is missing, or --from FILE");
        UsageEvent event{.source = args.text("--source"), .id = args.text("--id"), .meter = args.text("--meter"), .unit = args.text("--unit")};
        event.quantity = args.integer("--quantity", 0, 0, std::int64_t{1} << 53);
        event.occurred_at = args.time("--at").value_or(std::chrono::floor<Duration>(std::chrono::system_clock::now()));
        event.project = project_of(context, args);
        event.site = args.text("--site");
        event.tags = tags_of(args);
        done.add(usage.record({event}));
    }
    json::array document;
    std::vector<std::string> keys;
    for (const auto& receipt : done.receipts) {
        document.push_back(to_json(receipt));
        keys.push_back(receipt.source + "/" + receipt.id + " " + to_string(receipt.outcome));
    }
    Table table({">RECORDED", ">LATE", ">DUPLICATE"});
    table.row({count(done.of(UsageOutcome::recorded)), count(done.of(UsageOutcome::late)), count(done.of(UsageOutcome::duplicate))});
    context.out().list(document, keys, table, "");
    return 0;
}

int correct(Context& context, const Args& args) {
    CorrectionOptions options{.source = args.text("--source", "corrections"), .id = args.text("--id")};
    options.corrects_source = args.text("--of-source");
    options.corrects_id = args.text("--of-id");
    constexpr auto most = std::int64_t{1} << 53;
    if (args.has("--by")) options.by = args.integer("--by", 0, -most, most);
    if (args.has("--to")) options.to = args.integer("--to", 0, 0, most);
    if (args.has("--by") == args.has("--to")) throw UsageError("--by or --to, one of the two");
    options.reason = reason_of(args);
    options.tenant = context.tenant();
    const auto receipt = context.operators().tenants().correct_usage(options);
    context.out().thing(to_json(receipt), to_string(receipt.outcome),
                        {{"Correction", receipt.source + "/" + receipt.id}, {"Outcome", to_string(receipt.outcome)},
                         {"Counts in period", std::to_string(receipt.period)}});
    return 0;
}

int list_events(Context& context, const Args& args) {
    UsageFilter filter{.meter = args.text("--meter"), .start = args.time("--start"), .end = args.time("--end"), .period = period_of(args)};
    const auto limit = limit_of(args);
    const auto usage = context.session().usage();
    std::vector<UsageRecord> all;
    do {
        filter.limit = static_cast<std::int32_t>(std::min<std::int64_t>(1000, limit - std::ssize(all)));
        const auto page = usage.events(filter);
        all.insert(all.end(), page.records.begin(), page.records.end());
        filter.after = page.next;
    } while (!filter.after.empty() && std::ssize(all) < limit);
    Table table({"AT", "SOURCE", "ID", "METER", ">QUANTITY", ">PERIOD", "SITE", "TAGS", "CORRECTS"});
    std::vector<std::string> keys;
    for (const auto& r : all) {
        table.row({clock(r.occurred_at), r.source, r.id, r.meter, quantity(r.unit, r.quantity), std::to_string(r.period) + (r.late ? " late" : ""),
                   r.site, tags_text(r.tags), r.corrects_source.empty() ? "" : r.corrects_source + "/" + r.corrects_id});
        keys.push_back(r.source + "/" + r.id);
    }
    context.out().list(to_json(all), keys, table, "Nothing was used.");
    return 0;
}

int export_events(Context& context, const Args& args) {
    UsageExportOptions options{.path = args.operand(0), .meter = args.text("--meter"), .start = args.time("--start"), .end = args.time("--end"),
                               .period = period_of(args)};
    if (args.has("--lines")) options.format = UsageFormat::json_lines;
    const auto done = context.session().usage().export_file(options);
    context.out().thing(json::object{{"path", args.operand(0)}, {"records", done.records}, {"size", done.size.count}}, args.operand(0),
                        {{"File", args.operand(0)}, {"Events", count(done.records)}, {"Size", size(done.size)}});
    return 0;
}

int shares(Context& context, const Args& args) {
    if (args.has("--by-site") + args.has("--by-tag") > 1) throw UsageError("--by-site or --by-tag, not both");
    BreakdownOptions options{.tag = args.text("--by-tag"), .meter = args.text("--meter"), .start = args.time("--start"), .end = args.time("--end"),
                             .period = period_of(args)};
    options.by = args.has("--by-tag") ? UsageKey::tag : args.has("--by-site") ? UsageKey::site : UsageKey::project;
    const auto all = context.session().usage().breakdown(options);
    Table table({"METER", options.by == UsageKey::tag ? "VALUE" : options.by == UsageKey::site ? "SITE" : "PROJECT", ">QUANTITY"});
    std::vector<std::string> keys;
    for (const auto& share : all) {
        table.row({share.meter, share.key.empty() ? "-" : share.key, quantity(share.unit, share.quantity)});
        keys.push_back(share.meter + " " + (share.key.empty() ? "-" : share.key) + " " + std::to_string(share.quantity));
    }
    context.out().list(to_json(all), keys, table, "Nothing was used.");
    return 0;
}

std::string whose(const CostTags& tags) {
    if (tags.project) return tags.project->text();
    return tags.site.empty() ? "the tenant" : "site " + tags.site;
}

int set_tags(Context& context, const Args& args) {
    const CostTags tags{.project = project_of(context, args), .site = args.text("--site"), .tags = tags_of(args)};
    if (tags.tags.empty() != args.has("--none")) throw UsageError("--tag KEY=VALUE, or --none to take them away");
    context.session().usage().set_cost_tags(tags);
    context.out().done(to_json(tags), tags.tags.empty() ? "No tags for " + whose(tags) + " from now on."
                                                        : "What happens from now on for " + whose(tags) + " gets " + tags_text(tags.tags) + ".");
    return 0;
}

int list_tags(Context& context, const Args&) {
    const auto all = context.session().usage().all_cost_tags();
    Table table({"OF", "TAGS"});
    std::vector<std::string> keys;
    for (const auto& tags : all) {
        table.row({whose(tags), tags_text(tags.tags)});
        keys.push_back(tags.project ? tags.project->text() : tags.site);
    }
    context.out().list(to_json(all), keys, table, "No cost tags.");
    return 0;
}

int show_check(Context& context, const UsageCheck& check, std::string_view done) {
    Table table({"SUM", "METER", "FROM", ">KEPT", ">FROM EVENTS"});
    std::vector<std::string> keys;
    for (const auto& d : check.differences) {
        table.row({d.sum, d.meter, clock(d.start), count(d.kept), count(d.counted)});
        keys.push_back(d.sum + " " + d.meter + " " + stamp(d.start) + " " + std::to_string(d.kept) + " " + std::to_string(d.counted));
    }
    const auto none = count(check.events) + " events add up to every sum.";
    context.out().list(to_json(check), keys, table, none);
    if (check.different > 0) context.out().remark(count(check.different) + " " + std::string(done));
    return 0;
}

int verify(Context& context, const Args&) {
    const auto check = context.session().usage().verify();
    show_check(context, check, "sums differ from the events: " + context.command("usage rebuild") + " sets them right.");
    return check.different == 0 ? 0 : exit_code(Errc::corrupt);
}

int rebuild(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = context.tenant();
    return show_check(context, context.operators().tenants().rebuild_usage(id, reason), "sums differed; all but quotas are set right.");
}

constexpr Option meter{"--meter", "METER", "this one only, such as api_calls"};
constexpr Option start{"--start", "TIME", "what happened at or after this"};
constexpr Option end{"--end", "TIME", "and before this"};
constexpr Option period{"--period", "N", "what counts in this month: “number” of “usage --months --json”"};
constexpr Option project{"--project", "PROJECT", "what it was for: id or name"};
constexpr Option site{"--site", "SITE", "where: a name of your own"};
constexpr Option tag{"--tag", "KEY=VALUE", "such as team=red", true};

}  // namespace

std::vector<Command> usage_event_commands() {
    return {
        {.path = "usage record",
         .summary = "count what was measured elsewhere",
         .about = "Counts an event that a host measured, or a file of them. Source and id name it for ever: told again it counts once. A meter "
                  "named like a resource that counts per period, such as api_calls, counts in that quota too.",
         .options = {{"--source", "NAME", "who measured"},
                     {"--id", "ID", "unique within the source"},
                     {"--meter", "METER", "a-z, 0-9 and _"},
                     {"--quantity", "N", "0 or more, in the meter's unit"},
                     {"--unit", "UNIT", "of a new meter; default bytes for …_bytes, ms for …_time, else count"},
                     {"--at", "TIME", "when it happened; default now"},
                     project, site, tag,
                     {"--from", "FILE", "events as JSON, one a line, by the names above, “at” being occurred_at; tags an object"}},
         .examples = {{"usage record --source gateway --id req-17 --meter api_calls --quantity 1 --site north --tag team=red", "One event."},
                      {"usage record --from events.jsonl", "Many, a thousand a transaction."}},
         .run = record},
        {.path = "usage correct",
         .summary = "correct an event",
         .about = "Corrects an event by another one, by an amount or to one. It counts in the month of the first as long as that is open, else "
                  "in the running one. Work of an operator; needs --reason.",
         .options = {{"--id", "ID", "of the correction; told again it counts once", false, true},
                     {"--source", "NAME", "of the correction; default corrections"},
                     {"--of-source", "NAME", "of the event that is wrong", false, true},
                     {"--of-id", "ID", "of the event that is wrong", false, true},
                     {"--by", "N", "what is added, mostly below 0"},
                     {"--to", "N", "or what it should have been"}},
         .examples = {{"usage correct --id c-1 --of-source gateway --of-id req-17 --to 0 --reason \"a test of ours\"",
                       "It counts nothing any more."}},
         .run = correct},
        {.path = "usage events",
         .summary = "list events",
         .about = "Lists what was used, event by event, by the time at which it happened, with what it was for and its corrections.",
         .options = {meter, start, end, period, limit_option},
         .examples = {{"usage events --meter api_calls --start -1h", "Of the last hour."}},
         .run = list_events,
         .looks = true},
        {.path = "usage export",
         .summary = "write events to a file",
         .about = "Writes events to a new file, as CSV for spreadsheets, in which no text is taken for a formula, or as JSON, one object a line.",
         .operands = {{"FILE", "a new file"}},
         .options = {{"--lines", "", "JSON, one object a line"}, meter, start, end, period},
         .examples = {{"usage export march.csv --start 2026-03-01T00:00:00Z --end 2026-04-01T00:00:00Z", "What happened in March."}},
         .run = export_events,
         .looks = true},
        {.path = "usage breakdown",
         .summary = "show who used how much",
         .about = "Shows how much each project used of each meter, or each site, or each value of a tag: for chargeback. Times are quarters of "
                  "an hour of UTC.",
         .options = {{"--by-site", "", "by site"}, {"--by-tag", "TAG", "by the values of this tag"}, meter, start, end, period},
         .examples = {{"usage breakdown", "By project, of all time."},
                      {"usage breakdown --by-tag team --period 3", "What each team used in a month."}},
         .run = shares,
         .looks = true},
        {.path = "usage tag",
         .summary = "set cost tags",
         .about = "Sets the tags that what happens from now on gets: of the tenant, of a project or of a site. An event's own tag counts before its "
                  "site's, that before its project's, that before the tenant's.",
         .options = {project, site, tag, {"--none", "", "take them away"}},
         .examples = {{"usage tag --site north --tag centre=4711", "Of one site."}, {"usage tag --none", "The tenant has none any more."}},
         .run = set_tags},
        {.path = "usage tags",
         .summary = "list cost tags",
         .about = "Lists the cost tags that hold now, of the tenant, of its projects and of its sites.",
         .examples = {{"usage tags --json", "For a chargeback of your own."}},
         .run = list_tags,
         .looks = true},
        {.path = "usage verify",
         .summary = "add up all events again",
         .about = "Adds up all events again and compares that with every sum that is kept, by minute, hour and month, by project, site and tags, and "
                  "with quotas. Exit code 19 if any differs. The engine does the same each night.",
         .examples = {{"usage verify", "Says what differs, exactly."}},
         .run = verify,
         .looks = true},
        {.path = "usage rebuild",
         .summary = "set sums right from the events",
         .about = "Adds up all events again and sets every sum right that differs, but quotas. Shows what differed. Work of an operator; needs "
                  "--reason.",
         .examples = {{"usage rebuild --reason \"after a bad disk\"", "Events are never changed."}},
         .run = rebuild}};
}

}  // namespace tenon::cli
