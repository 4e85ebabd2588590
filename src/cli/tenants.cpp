#include <cctype>

#include "context.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr Operand tenant_operand{"TENANT", "id or slug; default: the tenant of --tenant", false};

Fields fields(const Tenant& t) {
    return {{"Tenant", t.name},
            {"Id", t.id.text()},
            {"Slug", t.slug},
            {"Plan", t.plan + ", version " + std::to_string(t.plan_version)},
            {"State", to_string(t.state)},
            {"Partner", t.partner ? t.partner->text() : ""},
            {"Region", t.region},
            {"Periods", "begin on day " + std::to_string(t.anchor_day) + " at midnight, " + t.zone},
            {"Trial ends", t.trial_ends_at ? clock(*t.trial_ends_at) : ""},
            {"Erased", t.erased_at ? clock(*t.erased_at) : ""},
            {"Created", clock(t.created_at)}};
}

int show_tenant(const Context& context, const Tenant& tenant) {
    context.out().thing(to_json(tenant), tenant.id.text(), fields(tenant));
    return 0;
}

TenantId chosen(Context& context, const Args& args) {
    return args.operand(0).empty() ? context.tenant() : context.tenant(args.operand(0));
}

/// "Köln & Söhne 2" -> "k-ln-s-hne-2": what is left of a name when only a-z, 0-9 and '-' may stay.
std::string slug_of(const std::string& name) {
    std::string slug;
    for (const unsigned char c : name) {
        const bool plain = c < 0x80 && std::isalnum(c);
        if (plain) slug += static_cast<char>(std::tolower(c));
        else if (!slug.empty() && slug.back() != '-') slug += '-';
    }
    while (slug.ends_with('-')) slug.pop_back();
    if (slug.empty()) throw UsageError("--slug is needed: nothing of the name can be one");
    return slug;
}

int create(Context& context, const Args& args) {
    TenantOptions options{.name = args.operand(0), .plan = args.text("--plan")};
    options.slug = args.has("--slug") ? args.text("--slug") : slug_of(options.name);
    if (args.has("--partner")) options.partner = PartnerId::parse(args.text("--partner"));
    options.region = args.text("--region", options.region);
    options.zone = args.text("--zone", options.zone);
    options.anchor_day = static_cast<std::int32_t>(args.integer("--anchor-day", options.anchor_day, 1, 31));
    options.trial = args.has("--trial");
    return show_tenant(context, context.operators().tenants().create(options));
}

std::optional<TenantState> state_option(const Args& args) {
    if (!args.has("--state")) return std::nullopt;
    for (const auto state : {TenantState::trial, TenantState::active, TenantState::suspended, TenantState::archived,
                             TenantState::erasing, TenantState::erased})
        if (args.text("--state") == to_string(state)) return state;
    throw UsageError("--state takes trial, active, suspended, archived, erasing or erased");
}

int list(Context& context, const Args& args) {
    const auto state = state_option(args);
    auto tenants = context.operators().tenants();
    const auto all = every<Tenant>(limit_of(args), [&](const Tenant* last, std::int32_t n) {
        return tenants.list({.state = state,
                             .plan = args.text("--plan"),
                             .after = last ? std::optional(last->id) : std::nullopt,
                             .limit = n});
    });
    Table table({"SLUG", "NAME", "PLAN", "STATE", "CREATED", "ID"});
    std::vector<std::string> keys;
    for (const auto& t : all) {
        table.row({t.slug, t.name, t.plan, to_string(t.state), clock(t.created_at), t.id.text()});
        keys.push_back(t.id.text());
    }
    context.out().list(to_json(all), keys, table, "No tenant. " + context.command("tenant create") + " makes one.");
    return 0;
}

int show(Context& context, const Args& args) {
    const TenantId id = chosen(context, args);
    return show_tenant(context, context.operators().tenants().get(id));
}

std::string reason_of(const Args& args) {
    if (!args.has("--reason")) throw UsageError("--reason TEXT is missing: the audit trail keeps why this was done");
    return args.text("--reason");
}

int suspend(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = chosen(context, args);
    return show_tenant(context, context.operators().tenants().suspend(id, reason));
}

int resume(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = chosen(context, args);
    return show_tenant(context, context.operators().tenants().resume(id, reason));
}

int erase(Context& context, const Args& args) {
    EraseOptions options{.reason = reason_of(args)};
    options.tenant = context.tenant(args.operand(0));
    if (const auto window = args.duration("--undo-window")) options.undo_window = *window;
    if (options.undo_window == Duration::zero())
        confirm(context, args, "Erase " + args.operand(0) + " with its workspace, backups and keys, now and for ever?");
    return show_tenant(context, context.operators().tenants().erase(options));
}

std::string limits_text(const Plan& plan) {
    std::string text;
    for (const auto& [resource, limit] : plan.limits)
        if (limit) text += (text.empty() ? "" : ", ") + std::string(to_string(resource)) + " " + amount(resource, *limit);
    return text.empty() ? "none" : text;
}

int plans(Context& context, const Args&) {
    const auto all = context.operators().plans().list();
    Table table({"PLAN", ">PER MONTH", ">TRIAL", "LIMITS"});
    std::vector<std::string> keys;
    for (const auto& plan : all) {
        table.row({plan.name, price(plan.price), plan.trial_days == 0 ? "" : std::to_string(plan.trial_days) + " days",
                   limits_text(plan)});
        keys.push_back(plan.name);
    }
    context.out().list(to_json(all), keys, table, "No plan is loaded.");
    return 0;
}

}  // namespace

Group tenant_verbs() {
    return {
        .name = "tenant",
        .summary = "customers of this home: make, list, suspend, erase; their plans",
        .about =
            "A tenant is one customer: a workspace, a plan with its limits, an audit trail, a backup. Nothing of one "
            "tenant can be reached from another. These verbs work across tenants, so each use goes into the operators' "
            "own audit trail, with --actor and --reason.",
        .commands = {
            {.path = "tenant create",
             .summary = "make a tenant",
             .about = "Makes a tenant with an empty workspace on one of the plans that “tenant plans” lists. In an empty place "
                      "this also makes the home. Other verbs then name the tenant by its slug, or not at all while it is the "
                      "only one.",
             .operands = {{"NAME", "as people read it"}},
             .options = {{"--plan", "PLAN", "such as studio/professional", false, true},
                         {"--slug", "SLUG", "short name of a-z, 0-9 and -; default: made from NAME"},
                         {"--trial", "", "begin as a trial of the plan's length"},
                         {"--partner", "ID", "the partner it belongs to"},
                         {"--region", "NAME", "where its data must stay; default local"},
                         {"--zone", "ZONE", "IANA time zone in which its months begin; default UTC"},
                         {"--anchor-day", "DAY", "day of the month on which its periods begin; default 1"}},
             .examples = {{"tenant create \"Acme\" --plan studio/professional", "The slug becomes acme."},
                          {"tenant create \"東京スタジオ\" --slug tokyo --plan studio/basic --zone Asia/Tokyo",
                           "Months begin at midnight in Tokyo."}},
             .run = create,
             .makes_home = true},
            {.path = "tenant list",
             .summary = "list tenants",
             .about = "Lists every tenant but erased ones, oldest first.",
             .options = {{"--state", "STATE", "only these: trial, active, suspended, archived, erasing, erased"},
                         {"--plan", "PLAN", "only those of this plan"},
                         limit_option},
             .examples = {{"tenant list --state suspended", "Who cannot work at the moment."}},
             .run = list,
             .looks = true},
            {.path = "tenant show",
             .summary = "show one tenant",
             .about = "Shows a tenant's plan, state and periods.",
             .operands = {tenant_operand},
             .examples = {{"tenant show acme --json", "The same for a program."}},
             .run = show,
             .looks = true},
            {.path = "tenant suspend",
             .summary = "stop a tenant's work, keep its data",
             .about = "A suspended tenant can read and export what it has and change nothing: its jobs are cancelled, its "
                      "cameras stop recording. “tenant resume” brings it back. Needs --reason.",
             .operands = {tenant_operand},
             .examples = {{"tenant suspend acme --reason \"invoice 1042 unpaid\"", "Until “tenant resume”."}},
             .run = suspend},
            {.path = "tenant resume",
             .summary = "bring a tenant back",
             .about = "Makes a suspended or archived tenant active again, and one that is being erased as long as its undo "
                      "window lasts. Needs --reason.",
             .operands = {tenant_operand},
             .examples = {{"tenant resume acme --reason \"paid\"", "Recordings go on by themselves."}},
             .run = resume},
            {.path = "tenant erase",
             .summary = "remove a tenant and all it has",
             .about = "Closes the tenant to everyone and, after the undo window of 30 days, removes its rows, workspace, "
                      "backups and keys. Only its name and the audit trail remain. Needs --reason.",
             .operands = {{"TENANT", "id or slug"}},
             .options = {{"--undo-window", "LENGTH", "such as 10d; 0 erases at once; default 30d"}, yes},
             .examples = {{"tenant erase acme --reason \"contract ended\"", "“tenant resume” undoes it for 30 days."},
                          {"tenant erase acme --reason \"GDPR request 7\" --undo-window 0 --yes", "At once; cannot be undone."}},
             .run = erase},
            {.path = "tenant plans",
             .summary = "list the plans",
             .about = "Lists the plans of every loaded catalogue with their prices and limits. Catalogues are JSON files: "
                      "--plan-file loads another.",
             .examples = {{"tenant plans", "What “tenant create --plan” takes."}},
             .run = plans,
             .makes_home = true,
             .looks = true}}};
}

}  // namespace tenon::cli
