#include "context.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "tenant_plans.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr Operand partner_operand{"PARTNER", "id or slug"};

std::string share_text(std::int32_t basis_points) { return percent(basis_points / 100.0); }

int show_partner(const Context& context, const Partner& p) {
    context.out().thing(to_json(p), p.id.text(),
                        {{"Partner", p.name}, {"Id", p.id.text()}, {"Slug", p.slug},
                         {"Plans of", p.catalogues.empty() ? "every catalogue" : joined(p.catalogues)},
                         {"Share", share_text(p.share_basis_points)}, {"Branding", p.branding == "{}" ? "" : p.branding},
                         {"Created", clock(p.created_at)}});
    return 0;
}

constexpr std::int64_t whole = 10'000;

int create(Context& context, const Args& args) {
    PartnerOptions options{.name = args.operand(0), .slug = args.text("--slug"), .catalogues = args.all("--catalogue")};
    options.share_basis_points = static_cast<std::int32_t>(args.integer("--share", 0, 0, whole));
    options.branding = args.text("--branding", options.branding);
    return show_partner(context, context.operators().partners().create(options));
}

int list(Context& context, const Args& args) {
    const auto partners = context.operators().partners();
    const auto all = every<Partner>(limit_of(args), [&](const Partner* last, std::int32_t n) {
        return partners.list({.text = args.text("--search"), .after = last ? std::optional(last->id) : std::nullopt, .limit = n});
    });
    Table table({"SLUG", "NAME", "CATALOGUES", ">SHARE", "CREATED", "ID"});
    std::vector<std::string> keys;
    for (const auto& p : all) {
        table.row({p.slug, p.name, p.catalogues.empty() ? "all" : joined(p.catalogues), share_text(p.share_basis_points),
                   clock(p.created_at), p.id.text()});
        keys.push_back(p.id.text());
    }
    context.out().list(to_json(all), keys, table, "No partner. " + context.command("partner create") + " makes one.");
    return 0;
}

int show(Context& context, const Args& args) {
    const PartnerId id = context.partner(args.operand(0));
    return show_partner(context, context.operators().partners().get(id));
}

int update(Context& context, const Args& args) {
    const PartnerId id = context.partner(args.operand(0));
    auto partners = context.operators().partners();
    Partner partner = partners.get(id);
    if (args.has("--name")) partner.name = args.text("--name");
    if (args.has("--slug")) partner.slug = args.text("--slug");
    if (args.has("--catalogue")) partner.catalogues = args.all("--catalogue");
    if (args.has("--all-catalogues")) partner.catalogues.clear();
    if (args.has("--share")) partner.share_basis_points = static_cast<std::int32_t>(args.integer("--share", 0, 0, whole));
    if (args.has("--branding")) partner.branding = args.text("--branding");
    return show_partner(context, partners.update(partner));
}

int remove(Context& context, const Args& args) {
    const std::string reason = reason_of(args);
    const PartnerId id = context.partner(args.operand(0));
    auto partners = context.operators().partners();
    const Partner partner = partners.get(id);
    confirm(context, args, "Remove the partner " + partner.name + "?");
    partners.remove(id, reason);
    context.out().done(to_json(partner), "Removed " + partner.name + ".");
    return 0;
}

}  // namespace

Group partner_verbs() {
    const Option catalogue{"--catalogue", "NAME", "whose plans its tenants may have, such as studio; default every one", true};
    const Option share{"--share", "POINTS", "its part of what its tenants pay, in hundredths of a per cent: 2000 is 20 %"};
    const Option branding{"--branding", "JSON", "what its tenants' users see; “settings schema branding” shows what it may hold"};
    return {
        .name = "partner",
        .summary = "resellers to whom tenants belong",
        .about = "A partner sells to tenants of its own, under its own brand and for a share of what they pay. --as-partner works as "
                 "a partner's operator, who finds its tenants alone.",
        .commands = {
            {.path = "partner create",
             .summary = "make a partner",
             .about = "Makes a partner without tenants. “tenant create --partner” gives it some.",
             .operands = {{"NAME", "as people read it"}},
             .options = {{"--slug", "SLUG", "short name of a-z, 0-9 and -", false, true}, catalogue, share, branding},
             .examples = {{"partner create \"Northwind Media\" --slug northwind --catalogue studio --share 2000", "A fifth is theirs."}},
             .run = create,
             .makes_home = true},
            {.path = "partner list",
             .summary = "list partners",
             .about = "Lists the partners with their catalogues and shares, oldest first.",
             .options = {{"--search", "TEXT", "only those that have it in their name or slug"}, limit_option},
             .examples = {{"partner list --search north", "Upper and lower case alike."}},
             .run = list,
             .looks = true},
            {.path = "partner show",
             .summary = "show one partner",
             .about = "Shows a partner's catalogues, share and branding.",
             .operands = {partner_operand},
             .examples = {{"partner show northwind --json", "The same for a program."}},
             .run = show,
             .looks = true},
            {.path = "partner update",
             .summary = "change a partner",
             .about = "Changes what is given and leaves the rest. Its tenants keep the plans they have. If somebody else changed it "
                      "meanwhile, nothing is done.",
             .operands = {partner_operand},
             .options = {{"--name", "NAME", "as people read it"},
                         {"--slug", "SLUG", "short name of a-z, 0-9 and -"},
                         catalogue,
                         {"--all-catalogues", "", "plans of every catalogue"},
                         share,
                         branding},
             .examples = {{"partner update northwind --branding '{\"product\": \"Northwind Studio\"}'", "Its tenants' users see that name."}},
             .run = update},
            {.path = "partner remove",
             .summary = "remove a partner without tenants",
             .about = "Removes a partner whose tenants, if it had any, are all erased. Needs --reason.",
             .operands = {partner_operand},
             .options = {yes},
             .examples = {{"partner remove northwind --reason \"contract ended\" --yes", "Refused while it has tenants."}},
             .run = remove}}};
}

}  // namespace tenon::cli
