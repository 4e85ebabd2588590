#include "context.hpp"
#include "json.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

Ask ask_of(const std::string& text, std::string_view option) {
    const auto equals = text.find('=');
    if (equals == std::string::npos)
        throw UsageError(std::string(option) + " takes RESOURCE=AMOUNT, such as agents=2, not “" + clean(text) + "”");
    const auto resource = resource_named(text.substr(0, equals));
    return {resource, amount_of(resource, text.substr(equals + 1), option)};
}

std::vector<Ask> asks_of(const std::vector<std::string>& texts, std::string_view option) {
    std::vector<Ask> asks;
    for (const auto& text : texts) asks.push_back(ask_of(text, option));
    return asks;
}

std::string said(const std::vector<Ask>& asks) {
    std::string text;
    for (const auto& ask : asks) text += (text.empty() ? "" : ", ") + std::string(to_string(ask.resource)) + " " + amount(ask.resource, ask.amount);
    return text;
}

HoldId hold_named(const Args& args) { return HoldId::parse(args.operand(0)); }

int list(Context& context, const Args&) {
    const auto all = context.session().quotas().holds();
    Table table({"HOLD", "OF", "EXPIRES"});
    std::vector<std::string> keys;
    for (const auto& hold : all) {
        table.row({hold.id.text(), said(hold.asks), hold.expires_at ? clock(*hold.expires_at) : "with its job"});
        keys.push_back(hold.id.text());
    }
    context.out().list(to_json(all), keys, table, "Nothing is held.");
    return 0;
}

int show(Context& context, const HoldId& id) {
    for (const auto& hold : context.session().quotas().holds())
        if (hold.id == id)
            context.out().thing(to_json(hold), id.text(), {{"Hold", id.text()}, {"Of", said(hold.asks)}, {"Expires", clock(hold.expires_at)}});
    return 0;
}

int reserve(Context& context, const Args& args) {
    HoldOptions options{.asks = asks_of(args.operands_from(0), "reserve"), .keep = true};
    if (const auto ttl = args.duration("--for")) options.ttl = *ttl;
    options.idempotency = args.text("--key");
    return show(context, context.session().quotas().reserve(options).id());
}

int extend(Context& context, const Args& args) {
    const auto id = hold_named(args);
    auto hold = context.session().quotas().hold(id);
    for (const auto& more : asks_of(args.operands_from(1), "extend")) hold.extend(more);
    return show(context, id);
}

int commit(Context& context, const Args& args) {
    const auto id = hold_named(args);
    context.session().quotas().hold(id).commit(asks_of(args.operands_from(1), "commit"));
    context.out().done(boost::json::object{{"id", id.text()}}, "Counted; the rest is returned.");
    return 0;
}

int release(Context& context, const Args& args) {
    const auto id = hold_named(args);
    context.session().quotas().hold(id).release();
    context.out().done(boost::json::object{{"id", id.text()}}, "Returned.");
    return 0;
}

int leases(Context& context, const Args&) {
    const auto all = context.session().quotas().leases();
    Table table({"LEASE", "RESOURCE", ">TAKEN", "EXPIRES"});
    std::vector<std::string> keys;
    for (const auto& lease : all) {
        table.row({lease.id.text(), to_string(lease.resource), amount(lease.resource, lease.amount), clock(lease.expires_at)});
        keys.push_back(lease.id.text());
    }
    context.out().list(to_json(all), keys, table, "No process has taken a slice.");
    return 0;
}

int spend(Context& context, const Args& args) {
    const auto what = ask_of(args.operand(0), "spend");
    auto lease = context.session().quotas().lease({.resource = what.resource, .block = 1});
    const bool granted = lease.spend(what.amount);
    lease.close();
    if (!granted)
        throw QuotaExceeded(std::string("there is no room for so much ") + to_string(what.resource), {.resource = to_string(what.resource)});
    context.out().done(boost::json::object{{"resource", to_string(what.resource)}, {"amount", what.amount}}, "Counted.");
    return 0;
}

int give_back(Context& context, const Args& args) {
    const auto what = ask_of(args.operand(0), "give-back");
    context.session().quotas().give_back(what);
    context.out().done(boost::json::object{{"resource", to_string(what.resource)}, {"amount", what.amount}}, "Given back.");
    return 0;
}

}  // namespace

Group hold_verbs() {
    constexpr Operand hold{"HOLD", "its id"};
    constexpr Operand amounts{"RESOURCE=AMOUNT", "such as agents=2, storage=5GB, render_time=10min", true, true};
    return {.name = "hold",
            .summary = "reserve parts of limits for work of one's own",
            .about = "A hold reserves parts of one or several limits before work begins. What the work took is committed, the rest "
                     "returned. A hold that nobody ends returns everything when its time is up, also if the process that made it is "
                     "gone.",
            .commands = {
                {.path = "hold list",
                 .summary = "list open holds",
                 .about = "Lists what is reserved now, by whoever did: jobs and uploads hold what they may need, too.",
                 .examples = {{"hold list", "And when each returns by itself."}},
                 .run = list,
                 .looks = true},
                {.path = "hold reserve",
                 .summary = "reserve parts of limits, all or none",
                 .about = "Reserves all that is named or, with exit code 16, nothing. What is printed is the hold's id, for commit and "
                          "release. Asking again with the same --key gives the same hold.",
                 .operands = {amounts},
                 .options = {{"--for", "DURATION", "it returns by itself after that; default 10min"},
                             {"--key", "TEXT", "names this ask for ever, so that it can be repeated safely"}},
                 .examples = {{"hold reserve render_time=10min storage=5GB --for 1h", "Before work that may take that much."}},
                 .run = reserve},
                {.path = "hold extend",
                 .summary = "reserve more of what a hold has",
                 .about = "Adds to a hold. If that is refused, the hold stays as it was.",
                 .operands = {hold, amounts},
                 .examples = {{"hold extend hld_01jd8wz3vfkq2m5n7p9r1s3t5v render_time=5min", "The work takes longer."}},
                 .run = extend},
                {.path = "hold commit",
                 .summary = "count what was used and return the rest",
                 .about = "Ends a hold: what is named counts as used, the rest is returned. A resource that is not named was not used.",
                 .operands = {hold, {"RESOURCE=AMOUNT", "what was used; at most what is held", false, true}},
                 .examples = {{"hold commit hld_01jd8wz3vfkq2m5n7p9r1s3t5v render_time=7min", "It took seven minutes."}},
                 .run = commit},
                {.path = "hold release",
                 .summary = "return all of a hold",
                 .about = "Ends a hold and returns everything. Doing it again changes nothing.",
                 .operands = {hold},
                 .examples = {{"hold release hld_01jd8wz3vfkq2m5n7p9r1s3t5v", "The work was not done."}},
                 .run = release},
                {.path = "hold spend",
                 .summary = "count something as used at once",
                 .about = "Counts what a period limits, such as api_calls, model_tokens or bandwidth, without a hold; with exit code 16 "
                          "nothing is counted.",
                 .operands = {{"RESOURCE=AMOUNT", "such as model_tokens=1200"}},
                 .examples = {{"hold spend model_tokens=1200", "After a model has answered."}},
                 .run = spend},
                {.path = "hold leases",
                 .summary = "list slices that processes spend in memory",
                 .about = "Lists what processes have taken of quotas to spend it in memory. What they do not tell of in time counts as used.",
                 .examples = {{"hold leases", "And when each expires unless it is told of."}},
                 .run = leases,
                 .looks = true},
                {.path = "hold give-back",
                 .summary = "count less of sites or agents",
                 .about = "Sites and agents are counted by whoever has them: a hold that is committed counts more, this counts less. What is "
                          "used of the other limits is given back by removing it.",
                 .operands = {{"RESOURCE=AMOUNT", "such as agents=1"}},
                 .examples = {{"hold give-back agents=1", "An agent was retired."}},
                 .run = give_back}}};
}

}  // namespace tenon::cli
