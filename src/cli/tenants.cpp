#include <cctype>

#include "context.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "tenant_plans.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

Fields fields(const Tenant& t) {
    return {{"Tenant", t.name},
            {"Id", t.id.text()},
            {"Slug", t.slug},
            {"Plan", t.plan + ", version " + std::to_string(t.plan_version)},
            {"State", to_string(t.state)},
            {"Partner", t.partner ? t.partner->text() : ""},
            {"Region", t.region},
            {"Periods", "begin on day " + std::to_string(t.anchor_day) + " at midnight, " + t.zone},
            {"Next plan", t.plan_changes_at ? t.next_plan + ", from " + clock(*t.plan_changes_at) : ""},
            {"Trial ends", t.trial_ends_at ? clock(*t.trial_ends_at) : ""},
            {"Erased", t.erased_at ? clock(*t.erased_at) : ""},
            {"Created", clock(t.created_at)}};
}

int show_tenant(const Context& context, const Tenant& tenant) {
    context.out().thing(to_json(tenant), tenant.id.text(), fields(tenant));
    return 0;
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
    if (args.has("--partner")) options.partner = context.partner(args.text("--partner"));
    options.region = args.text("--region", options.region);
    options.zone = args.text("--zone", options.zone);
    options.anchor_day = static_cast<std::int32_t>(args.integer("--anchor-day", options.anchor_day, 1, 31));
    options.trial = args.has("--trial");
    options.owner_email = args.text("--owner-email");
    options.owner_name = args.text("--owner-name");
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
    std::optional<PartnerId> partner;
    if (args.has("--partner")) partner = args.text("--partner") == "none" ? PartnerId{} : context.partner(args.text("--partner"));
    auto tenants = context.operators().tenants();
    const auto all = every<Tenant>(limit_of(args), [&](const Tenant* last, std::int32_t n) {
        return tenants.list({.state = state,
                             .plan = args.text("--plan"),
                             .partner = partner,
                             .region = args.text("--region"),
                             .text = args.text("--search"),
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

int activate(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = chosen(context, args);
    return show_tenant(context, context.operators().tenants().activate(id, reason));
}

int archive(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = chosen(context, args);
    return show_tenant(context, context.operators().tenants().archive(id, reason));
}

int undo_erase(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const TenantId id = chosen(context, args);
    return show_tenant(context, context.operators().tenants().undo_erase(id, reason));
}

int extend_trial(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const auto by = args.duration("--by");
    const TenantId id = chosen(context, args);
    return show_tenant(context, context.operators().tenants().extend_trial(id, *by, reason));
}

int update(Context& context, const Args& args) {
    TenantUpdate change;
    if (args.has("--name")) change.name = args.text("--name");
    if (args.has("--slug")) change.slug = args.text("--slug");
    if (args.has("--zone")) change.zone = args.text("--zone");
    if (args.has("--anchor-day")) change.anchor_day = static_cast<std::int32_t>(args.integer("--anchor-day", 1, 1, 31));
    if (args.has("--expected")) change.expected = args.integer("--expected", 0, 0, INT64_MAX);
    if (!change.name && !change.slug && !change.zone && !change.anchor_day)
        throw UsageError("what is to change? --name, --slug, --zone or --anchor-day");
    change.tenant = chosen(context, args);
    return show_tenant(context, context.operators().tenants().update(change));
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
    Group group{
        .name = "tenant",
        .summary = "customers of this home: make, list, suspend, erase; their plans and limits",
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
                         {"--partner", "PARTNER", "the partner it belongs to: id or slug"},
                         {"--region", "NAME", "where its data must stay; default local"},
                         {"--zone", "ZONE", "IANA time zone in which its months begin; default UTC"},
                         {"--anchor-day", "DAY", "day of the month on which its periods begin; default 1"},
                         {"--owner-email", "EMAIL", "invite a user with it as the owner; “user ticket” lets him in"},
                         {"--owner-name", "NAME", "that user's name"}},
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
                         {"--partner", "PARTNER", "only those of this partner: id or slug; none: the operator's own"},
                         {"--region", "REGION", "only those whose data must stay there"},
                         {"--search", "TEXT", "only those that have it in their name or slug"},
                         limit_option},
             .examples = {{"tenant list --state suspended", "Who cannot work at the moment."},
                          {"tenant list --search film --partner northwind", "Among a partner's tenants."}},
             .run = list,
             .looks = true},
            {.path = "tenant show",
             .summary = "show one tenant",
             .about = "Shows a tenant's plan, state and periods.",
             .operands = {tenant_operand},
             .examples = {{"tenant show acme --json", "The same for a program."}},
             .run = show,
             .looks = true},
            {.path = "tenant update",
             .summary = "change a tenant's name, slug or calendar",
             .about = "Changes what is given and leaves the rest. A changed zone or anchor day counts from the next period on. With "
                      "--expected nothing is done if somebody else changed the tenant since its version was seen.",
             .operands = {tenant_operand},
             .options = {{"--name", "NAME", "as people read it"},
                         {"--slug", "SLUG", "short name of a-z, 0-9 and -"},
                         {"--zone", "ZONE", "IANA time zone in which its months begin"},
                         {"--anchor-day", "DAY", "day of the month on which its periods begin"},
                         {"--expected", "VERSION", "the version that “tenant show --json” told"}},
             .examples = {{"tenant update acme --name \"Acme Film\" --slug acme-film", "Its id and its files stay."}},
             .run = update},
            {.path = "tenant activate",
             .summary = "make a trial a paying tenant",
             .about = "Ends the trial of a tenant, running or over, by making it active. Its first period still ends when the trial "
                      "would have. Needs --reason.",
             .operands = {tenant_operand},
             .examples = {{"tenant activate acme --reason \"order 7\"", "It may show a brand of its own from now on, if its plan has that."}},
             .run = activate},
            {.path = "tenant extend-trial",
             .summary = "move the end of a trial",
             .about = "Gives a trial more time, also one that is over. Nothing else moves the end of a trial. Needs --reason.",
             .operands = {tenant_operand},
             .options = {{"--by", "LENGTH", "such as 7d, at most 366d", false, true}},
             .examples = {{"tenant extend-trial acme --by 7d --reason \"on holiday\"", "A week more."}},
             .run = extend_trial},
            {.path = "tenant suspend",
             .summary = "stop a tenant's work, keep its data",
             .about = "A suspended tenant can read and export what it has and change nothing: its jobs are cancelled, its "
                      "cameras stop recording. “tenant resume” brings it back. Needs --reason.",
             .operands = {tenant_operand},
             .examples = {{"tenant suspend acme --reason \"invoice 1042 unpaid\"", "Until “tenant resume”."}},
             .run = suspend},
            {.path = "tenant archive",
             .summary = "put a tenant away, keep its data",
             .about = "An archived tenant's data can be looked at and taken out, nothing else: no work, no new backups. “tenant resume” "
                      "brings it back. Needs --reason.",
             .operands = {tenant_operand},
             .examples = {{"tenant archive acme --reason \"season is over\"", "Until “tenant resume”."}},
             .run = archive},
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
             .examples = {{"tenant erase acme --reason \"contract ended\"", "“tenant undo-erase” undoes it for 30 days."},
                          {"tenant erase acme --reason \"GDPR request 7\" --undo-window 0 --yes", "At once; cannot be undone."}},
             .run = erase},
            {.path = "tenant undo-erase",
             .summary = "bring back a tenant that is being erased",
             .about = "As long as the undo window lasts, a tenant that is being erased gets back the state it had before: a suspended one "
                      "is suspended again. Needs --reason.",
             .operands = {tenant_operand},
             .examples = {{"tenant undo-erase acme --reason \"stays after all\"", "“tenant resume” would make it active in any case."}},
             .run = undo_erase},
            {.path = "tenant plans",
             .summary = "list the plans",
             .about = "Lists the plans of every loaded catalogue with their prices and limits. Catalogues are JSON files: "
                      "--plan-file loads another.",
             .examples = {{"tenant plans", "What “tenant create --plan” takes."}},
             .run = plans,
             .makes_home = true,
             .looks = true}}};
    for (auto& command : tenant_plan_commands()) group.commands.push_back(std::move(command));
    return group;
}

}  // namespace tenon::cli
