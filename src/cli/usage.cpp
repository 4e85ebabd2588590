#include <chrono>

#include "context.hpp"
#include "json.hpp"
#include "text.hpp"
#include "usage_events.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

std::string share(const Quota& q) {
    if (!q.limit || *q.limit <= 0) return {};
    return percent(100.0 * static_cast<double>(q.used + q.reserved) / static_cast<double>(*q.limit));
}

Table quota_table(const std::vector<Quota>& quotas) {
    Table table({"RESOURCE", ">LIMIT", ">USED", ">RESERVED", ">TAKEN", "RESETS"});
    for (const auto& q : quotas)
        table.row({to_string(q.resource), q.limit ? amount(q.resource, *q.limit) : "unlimited", amount(q.resource, q.used),
                   amount(q.resource, q.reserved), share(q), clock(q.resets_at)});
    return table;
}

std::vector<std::string> names(const std::vector<Quota>& quotas) {
    std::vector<std::string> out;
    for (const auto& q : quotas)
        out.push_back(std::string(to_string(q.resource)) + " " + std::to_string(q.used) + " " +
                      (q.limit ? std::to_string(*q.limit) : "unlimited"));
    return out;
}

std::string metered(const MeterTotal& m) {
    if (m.quantity < 0) return "-" + metered({m.meter, m.unit, -m.quantity});
    if (m.unit == "bytes") return size({m.quantity});
    if (m.unit == "ms") return m.quantity == 0 ? "0 s" : length(std::chrono::milliseconds(m.quantity));
    return count(m.quantity);
}

/// What was used of it at all, or could have been.
bool says_something(const ResourceUsage& r) { return r.peak > 0 || r.limit; }

int months(Context& context, std::int64_t count) {
    const auto all = context.session().usage().months(static_cast<std::int32_t>(count));
    const Output& out = context.out();
    Table table({"MONTH", "RESOURCE", ">USED", ">PEAK", ">LIMIT", ">OF LIMIT"});
    boost::json::array document;
    std::vector<std::string> keys;
    for (const auto& m : all) {
        document.push_back(to_json(m));
        for (const auto& r : m.resources) {
            if (!says_something(r)) continue;
            table.row({clock(m.start), to_string(r.resource), amount(r.resource, r.used), amount(r.resource, r.peak),
                       r.limit ? amount(r.resource, *r.limit) : "unlimited", r.percent ? percent(*r.percent) : ""});
            keys.push_back(stamp(m.start) + " " + to_string(r.resource) + " " + std::to_string(r.used) + " " + std::to_string(r.peak));
        }
        if (!out.people()) continue;
        for (const auto& meter : m.meters) table.row({clock(m.start), meter.meter, metered(meter), "", "", ""});
    }
    out.list(document, keys, table, "Nothing.");
    for (const auto& a : all.front().advice) out.remark(a.text + ".");
    return 0;
}

UsageGrain grain_of(const std::string& text) {
    if (text == "minute") return UsageGrain::minute;
    if (text == "hour") return UsageGrain::hour;
    if (text == "day") return UsageGrain::day;
    throw UsageError("--by takes minute, hour or day, not “" + clean(text) + "”");
}

int series(Context& context, const Args& args) {
    const Time now = std::chrono::floor<Duration>(std::chrono::system_clock::now());
    const auto points = context.session().usage().series({.meter = args.text("--meter"), .grain = grain_of(args.text("--by", "day")),
                                                          .start = args.time("--start").value_or(now - std::chrono::hours(24 * 31)),
                                                          .end = args.time("--end").value_or(now)});
    const bool is_size = args.text("--meter").ends_with("_bytes") || args.text("--meter") == to_string(Resource::bandwidth);
    const std::string unit = is_size ? "bytes" : args.text("--meter").ends_with("_time") ? "ms" : "count";
    Table table({"FROM", ">QUANTITY"});
    boost::json::array document;
    std::vector<std::string> keys;
    for (const auto& point : points) {
        document.push_back(to_json(point));
        table.row({clock(point.start), metered({args.text("--meter"), unit, point.quantity})});
        keys.push_back(stamp(point.start) + " " + std::to_string(point.quantity));
    }
    context.out().list(document, keys, table, "Nothing was used of it.");
    return 0;
}

int usage(Context& context, const Args& args) {
    if (args.has("--months") && args.has("--meter")) throw UsageError("--months or --meter, not both");
    if (!args.has("--meter") && (args.has("--by") || args.has("--start") || args.has("--end")))
        throw UsageError("--by, --start and --end belong to --meter");
    if (args.has("--months")) return months(context, args.integer("--months", 12, 1, 120));
    if (args.has("--meter")) return series(context, args);
    const UsageReport report = context.session().usage().current();
    const Output& out = context.out();
    if (!out.people()) {
        std::vector<std::string> keys;
        for (const auto& m : report.meters) keys.push_back(m.meter + " " + std::to_string(m.quantity) + " " + m.unit);
        out.list(to_json(report), keys, Table({}), "");
        return 0;
    }
    out.line(fields_text({{"Period", clock(report.start) + " to " + clock(report.end)}, {"Plan", report.plan}}));
    Table meters({"METER", ">QUANTITY"});
    for (const auto& m : report.meters) meters.row({m.meter, metered(m)});
    if (!meters.empty()) out.line(meters.text());
    out.list({}, {}, quota_table(report.quotas), "");
    return 0;
}

int own_limits(Context& context) {
    const auto all = context.session().quotas().overrides();
    Table table({"NAME", "RESOURCE", ">LIMIT", "EXPIRES", "IN FORCE", "REASON"});
    std::vector<std::string> keys;
    for (const auto& limit : all) {
        table.row({limit.name, to_string(limit.resource), limit.limit ? amount(limit.resource, *limit.limit) : "unlimited",
                   clock(limit.expires_at), limit.in_force ? "yes" : "no", limit.reason});
        keys.push_back(limit.name);
    }
    context.out().list(to_json(all), keys, table, "The plan's limits hold.");
    return 0;
}

int forecast(Context& context) {
    const auto all = context.session().quotas().forecast();
    Table table({"RESOURCE", ">LIMIT", ">USED", ">ADDED", "SINCE", "RUNS OUT", "METHOD"});
    std::vector<std::string> keys;
    for (const auto& f : all) {
        const auto added = f.grown < 0 ? "-" + amount(f.resource, -f.grown) : amount(f.resource, f.grown);
        table.row({to_string(f.resource), amount(f.resource, f.limit), amount(f.resource, f.used), added, clock(f.since),
                   clock(f.exhausts_at), to_string(f.method)});
        keys.push_back(std::string(to_string(f.resource)) + " " + (f.exhausts_at ? stamp(*f.exhausts_at) : "-"));
    }
    context.out().list(to_json(all), keys, table, "No limit.");
    return 0;
}

int beyond(Context& context) {
    const auto all = context.session().quotas().overage();
    Table table({"RESOURCE", "RULE", ">INCLUDED", ">BEYOND", ">COST", "GRACE ENDS"});
    std::vector<std::string> keys;
    for (const auto& o : all) {
        const auto cost = o.rule == OverageRule::charge ? price({(o.cost_micros + 999'999) / 1'000'000, o.currency}) : "";
        table.row({to_string(o.resource), to_string(o.rule), amount(o.resource, o.included), amount(o.resource, o.over), cost,
                   clock(o.grace_ends_at)});
        keys.push_back(std::string(to_string(o.resource)) + " " + std::to_string(o.over) + " " + std::to_string(o.cost_micros));
    }
    context.out().list(to_json(all), keys, table, "Beyond each limit more is refused.");
    return 0;
}

int watched(Context& context) {
    const auto all = context.session().quotas().shadowed();
    Table table({"RESOURCE", ">WOULD HAVE REFUSED", ">AMOUNT", "FIRST", "LAST"});
    std::vector<std::string> keys;
    for (const auto& s : all) {
        table.row({to_string(s.resource), count(s.refusals), amount(s.resource, s.amount), clock(s.first_at), clock(s.last_at)});
        keys.push_back(std::string(to_string(s.resource)) + " " + std::to_string(s.refusals) + " " + std::to_string(s.amount));
    }
    context.out().list(to_json(all), keys, table, "Limits that only watch would have refused nothing in this period.");
    return 0;
}

int quota(Context& context, const Args& args) {
    if (args.has("--own") + args.has("--forecast") + args.has("--beyond") + args.has("--watched") > 1)
        throw UsageError("one of --own, --forecast, --beyond and --watched");
    if (args.has("--own")) return own_limits(context);
    if (args.has("--forecast")) return forecast(context);
    if (args.has("--beyond")) return beyond(context);
    if (args.has("--watched")) return watched(context);
    const auto quotas = context.session().quotas().snapshot();
    context.out().list(to_json(quotas), names(quotas), quota_table(quotas), "No limit.");
    return 0;
}

}  // namespace

Group usage_verbs() {
    constexpr std::string_view about =
        "Shows what the tenant has used in the period that is running now, meter by meter, and where its limits stand. A "
        "period begins on the tenant's anchor day at midnight in its own time zone. --months shows a summary of each: what was "
        "used, how high levels such as storage stood, and what the figures suggest. --meter shows when it was used.";
    Group group{.name = "usage",
            .summary = "what was used",
            .about = about,
            .commands = {{.path = "usage",
                          .summary = "show what was used",
                          .about = about,
                          .options = {{"--months", "N", "a summary of the last N months, the running one first"},
                                      {"--meter", "METER", "one meter over time, such as rendered_bytes"},
                                      {"--by", "STEP", "minute, hour or day (the tenant's own); default day"},
                                      {"--start", "TIME", "steps that begin at or after this; default 31 days ago"},
                                      {"--end", "TIME", "and before this; default now"}},
                          .examples = {{"usage", "For people."},
                                       {"usage --json", "For an invoice."},
                                       {"usage --months 3", "This month and the two before it."},
                                       {"usage --meter rendered_bytes --by hour --start -24h", "Of the last day, hour by hour."}},
                          .run = usage,
                          .looks = true}}};
    for (auto& command : usage_event_commands()) group.commands.push_back(std::move(command));
    return group;
}

Group quota_verbs() {
    constexpr std::string_view about =
        "Shows each limit of the tenant's plan, how much of it is used, how much is reserved by work that is going on, and when "
        "it begins anew. What would exceed a limit is refused before it begins, with exit code 16.";
    return {.name = "quota",
            .summary = "limits and where they stand",
            .about = about,
            .commands = {{.path = "quota",
                          .summary = "show the limits",
                          .about = about,
                          .options = {{"--own", "", "the limits that this tenant has in place of its plan's"},
                                      {"--forecast", "", "when each limit is reached at the pace of this period, and how that is known"},
                                      {"--beyond", "", "what is let through beyond a limit by the plan's rules, and its price"},
                                      {"--watched", "", "what limits that only watch would have refused"}},
                          .examples = {{"quota", "All limits of the plan."},
                                       {"quota --own", "What was granted beyond it, and until when."},
                                       {"quota --forecast", "What runs out before it begins anew."}},
                          .run = quota,
                          .looks = true}}};
}

}  // namespace tenon::cli
