#include "context.hpp"
#include "json.hpp"
#include "text.hpp"
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
    if (m.unit == "bytes") return size({m.quantity});
    if (m.unit == "ms") return m.quantity == 0 ? "0 s" : length(std::chrono::milliseconds(m.quantity));
    return count(m.quantity);
}

int usage(Context& context, const Args&) {
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

int quota(Context& context, const Args&) {
    const auto quotas = context.session().quotas().snapshot();
    context.out().list(to_json(quotas), names(quotas), quota_table(quotas), "No limit.");
    return 0;
}

}  // namespace

Group usage_verbs() {
    constexpr std::string_view about =
        "Shows what the tenant has used in the period that is running now, meter by meter, and where its limits stand. A "
        "period begins on the tenant's anchor day at midnight in its own time zone.";
    return {.name = "usage",
            .summary = "what was used in this period",
            .about = about,
            .commands = {{.path = "usage",
                          .summary = "show this period",
                          .about = about,
                          .examples = {{"usage", "For people."}, {"usage --json", "For an invoice."}},
                          .run = usage}}};
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
                          .examples = {{"quota", "All limits of the plan."}},
                          .run = quota}}};
}

}  // namespace tenon::cli
