#include "tenant_plans.hpp"

#include <cstdio>

#include "json.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

std::string limit_text(Resource resource, const std::optional<std::int64_t>& limit) {
    return limit ? amount(resource, *limit) : "unlimited";
}

int show_change(const Context& context, const PlanChange& change) {
    Fields fields{{"Plan", change.plan + ", version " + std::to_string(change.version)},
                  {"Before", change.before + ", version " + std::to_string(change.version_before)},
                  {"State", to_string(change.state)},
                  {"From", clock(change.effective_at)},
                  {"Gains", joined(change.features_gained)},
                  {"Loses", joined(change.features_lost)}};
    for (const auto& impact : change.impacts) {
        auto text = limit_text(impact.resource, impact.before) + " to " + limit_text(impact.resource, impact.after);
        if (impact.over) text += ", less than the " + amount(impact.resource, impact.used) + " in use";
        fields.push_back({to_string(impact.resource), std::move(text)});
    }
    context.out().thing(to_json(change), change.plan, fields);
    return 0;
}

PlanEffect effect_of(const Args& args) {
    if (args.has("--now") && args.has("--at-period-end")) throw UsageError("--now, or --at-period-end; not both");
    if (args.has("--now")) return PlanEffect::at_once;
    return args.has("--at-period-end") ? PlanEffect::at_period_end : PlanEffect::by_rule;
}

int change_plan(Context& context, const Args& args) {
    PlanChangeOptions options{.plan = args.text("--plan"), .effect = effect_of(args)};
    const bool preview = args.has("--preview");
    options.reason = preview ? args.text("--reason") : reason_of(args);
    options.tenant = chosen(context, args);
    auto tenants = context.operators().tenants();
    return show_change(context, preview ? tenants.preview_plan(options) : tenants.change_plan(options));
}

int keep_plan(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = chosen(context, args);
    const Tenant tenant = context.operators().tenants().keep_plan(id, reason);
    context.out().done(to_json(tenant), tenant.name + " keeps " + tenant.plan + ".");
    return 0;
}

int plan_changes(Context& context, const Args& args) {
    const TenantId id = chosen(context, args);
    const auto all = context.operators().tenants().plan_changes(id);
    Table table({"FROM", "PLAN", "BEFORE", "STATE", "REASON"});
    std::vector<std::string> keys;
    for (const auto& change : all) {
        table.row({clock(change.effective_at), change.plan, change.before, to_string(change.state), change.reason});
        keys.push_back(change.plan);
    }
    context.out().list(to_json(all), keys, table, "It has the plan that it began with.");
    return 0;
}

/// In the resource's own unit: "500 GB", "20h", "12"; "unlimited".
std::optional<std::int64_t> limit_of_resource(const Args& args, Resource resource) {
    if (args.text("--to") == "unlimited") return std::nullopt;
    return amount_of(resource, args.text("--to"), "--to");
}

int grant_limit(Context& context, const Args& args) {
    LimitOptions options{.name = args.text("--name"), .resource = resource_named(args.text("--resource"))};
    options.limit = limit_of_resource(args, options.resource);
    options.reason = reason_of(args);
    options.expires_at = args.time("--until");
    options.shadow = args.has("--shadow");
    options.tenant = chosen(context, args);
    const auto limit = context.operators().tenants().grant_limit(options);
    context.out().thing(to_json(limit), limit.name,
                        {{"Limit", limit.name}, {"Of", to_string(limit.resource)}, {"To", limit_text(limit.resource, limit.limit)},
                         {"Refuses", limit.shadow ? "nothing, it only watches" : ""}, {"Granted by", limit.granted_by},
                         {"Reason", limit.reason}, {"Expires", clock(limit.expires_at)}});
    return 0;
}

int revoke_limit(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = chosen(context, args);
    context.operators().tenants().revoke_limit(id, args.text("--name"), reason);
    context.out().done(boost::json::object{{"name", args.text("--name")}}, "Revoked " + args.text("--name") + ".");
    return 0;
}

int limits(Context& context, const Args& args) {
    const TenantId id = chosen(context, args);
    const auto all = context.operators().tenants().limits(id);
    Table table({"NAME", "RESOURCE", ">LIMIT", "EXPIRES", "IN FORCE", "GRANTED BY", "REASON"});
    std::vector<std::string> keys;
    for (const auto& limit : all) {
        table.row({limit.name, to_string(limit.resource), limit_text(limit.resource, limit.limit), clock(limit.expires_at),
                   limit.in_force ? "yes" : "no", limit.granted_by, limit.reason});
        keys.push_back(limit.name);
    }
    context.out().list(to_json(all), keys, table, "The plan's limits hold.");
    return 0;
}

int receipt(Context& context, const Args& args) {
    const auto made = context.operators().tenants().erasure_receipt(context.tenant(args.operand(0)));
    if (context.out().json()) context.out().thing(to_json(made), made.text, {});
    else std::fputs(made.text.c_str(), stdout);
    return 0;
}

int place_legal_hold(Context& context, const Args& args) {
    LegalHoldOptions options{.name = args.text("--name"), .reason = reason_of(args)};
    options.tenant = chosen(context, args);
    const auto hold = context.operators().tenants().place_legal_hold(options);
    context.out().thing(to_json(hold), hold.name,
                        {{"Legal hold", hold.name}, {"Placed by", hold.placed_by}, {"Placed", clock(hold.placed_at)}, {"Reason", hold.reason}});
    return 0;
}

int lift_legal_hold(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = chosen(context, args);
    context.operators().tenants().lift_legal_hold(id, args.text("--name"), reason);
    context.out().done(boost::json::object{{"name", args.text("--name")}}, "Lifted " + args.text("--name") + ".");
    return 0;
}

int legal_holds(Context& context, const Args& args) {
    const TenantId id = chosen(context, args);
    const auto all = context.operators().tenants().legal_holds(id);
    Table table({"NAME", "PLACED", "PLACED BY", "REASON"});
    std::vector<std::string> keys;
    for (const auto& hold : all) {
        table.row({hold.name, clock(hold.placed_at), hold.placed_by, hold.reason});
        keys.push_back(hold.name);
    }
    context.out().list(to_json(all), keys, table, "It has none.");
    return 0;
}

}  // namespace

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

TenantId chosen(Context& context, const Args& args) {
    return args.operand(0).empty() ? context.tenant() : context.tenant(args.operand(0));
}

std::string reason_of(const Args& args) {
    if (!args.has("--reason")) throw UsageError("--reason TEXT is missing: the audit trail keeps why this was done");
    return args.text("--reason");
}

std::vector<Command> tenant_plan_commands() {
    constexpr Option name{"--name", "NAME", "what the limit is called: a-z, 0-9 and -", false, true};
    return {
        {.path = "tenant change-plan",
         .summary = "give a tenant another plan",
         .about = "A plan that costs less begins with the next period, any other one at once, unless --now or --at-period-end says "
                  "otherwise. Nothing is removed that a smaller plan has no room for: what is beyond a limit stays, and more is refused "
                  "until it is below. Needs --reason, but not with --preview, which changes nothing.",
         .operands = {tenant_operand},
         .options = {{"--plan", "PLAN", "one that “tenant plans” lists", false, true},
                     {"--now", "", "at once"},
                     {"--at-period-end", "", "when the running period is over"},
                     {"--preview", "", "only show what would happen"}},
         .examples = {{"tenant change-plan acme --plan studio/basic --preview", "Which limits shrink, and what is beyond them."},
                      {"tenant change-plan acme --plan studio/professional --reason \"order 8\"", "At once."}},
         .run = change_plan},
        {.path = "tenant keep-plan",
         .summary = "withdraw a planned change of plan",
         .about = "Takes back the change of plan that was to come with the next period. Needs --reason.",
         .operands = {tenant_operand},
         .examples = {{"tenant keep-plan acme --reason \"called back\"", "It keeps what it has."}},
         .run = keep_plan},
        {.path = "tenant plan-changes",
         .summary = "list a tenant's changes of plan",
         .about = "Lists every change of plan that was made, planned or withdrawn, newest first.",
         .operands = {tenant_operand},
         .examples = {{"tenant plan-changes acme --json", "For whoever bills."}},
         .run = plan_changes,
         .looks = true},
        {.path = "tenant limits",
         .summary = "list a tenant's own limits",
         .about = "Lists the limits that a tenant has in place of its plan's, with who granted them, why, and until when.",
         .operands = {tenant_operand},
         .examples = {{"tenant limits acme", "Those that have expired too."}},
         .run = limits,
         .looks = true},
        {.path = "tenant grant-limit",
         .summary = "give a tenant a limit of its own",
         .about = "Sets a limit of one tenant, larger or smaller than its plan's, at once. Of several for one resource the last one "
                  "granted holds; when it expires, the one before does, and then the plan. One of the same name is replaced. Needs "
                  "--reason.",
         .operands = {tenant_operand},
         .options = {name,
                     {"--resource", "RESOURCE", "such as storage, projects or render_time", false, true},
                     {"--to", "AMOUNT", "such as 500GB, 20h or 12; or unlimited", false, true},
                     {"--until", "TIME", "when it expires; default: until it is revoked"},
                     {"--shadow", "", "try it out: refuse nothing, count what would have been (“quota --watched”)"}},
         .examples = {{"tenant grant-limit acme --name campaign --resource storage --to 500GB --until 2099-01-01T00:00:00Z --reason \"order 9\"",
                       "Then the plan's limit holds again."}},
         .run = grant_limit},
        {.path = "tenant revoke-limit",
         .summary = "take a limit of its own from a tenant",
         .about = "Removes a limit that was granted: the one granted before it, or the plan's, holds again at once. Needs --reason.",
         .operands = {tenant_operand},
         .options = {name},
         .examples = {{"tenant revoke-limit acme --name campaign --reason \"campaign is over\"", "Nothing of the tenant's is removed."}},
         .run = revoke_limit},
        {.path = "tenant receipt",
         .summary = "print the receipt of a tenant's erasure",
         .about = "Prints the signed receipt that an erasure ends with: what there was of each kind, how long the audit trail is and its "
                  "root. “verify” checks it with the public key alone.",
         .operands = {{"TENANT", "id; its slug is gone"}},
         .examples = {{"tenant receipt ten_01kb6e5v3kf8aact1bqv4a2yjw", "Then: verify --key KEY FILE"}},
         .run = receipt,
         .looks = true},
        {.path = "tenant place-legal-hold",
         .summary = "keep a tenant's data from being destroyed",
         .about = "As long as a tenant has a legal hold, no record of its audit trail is pruned, no personal value in it erased, and the "
                  "tenant itself is not erased. Needs --reason.",
         .operands = {tenant_operand},
         .options = {name},
         .examples = {{"tenant place-legal-hold acme --name case-17 --reason \"order of the court\"", "Until it is lifted."}},
         .run = place_legal_hold},
        {.path = "tenant lift-legal-hold",
         .summary = "take a legal hold off a tenant",
         .about = "What was to be pruned or erased meanwhile is, unless there is another one. Needs --reason.",
         .operands = {tenant_operand},
         .options = {name},
         .examples = {{"tenant lift-legal-hold acme --name case-17 --reason \"case is closed\"", "It goes on within a day."}},
         .run = lift_legal_hold},
        {.path = "tenant legal-holds",
         .summary = "list a tenant's legal holds",
         .about = "Lists what keeps a tenant's data from being destroyed, with who placed it and why.",
         .operands = {tenant_operand},
         .examples = {{"tenant legal-holds acme", "By name."}},
         .run = legal_holds,
         .looks = true}};
}

}  // namespace tenon::cli
