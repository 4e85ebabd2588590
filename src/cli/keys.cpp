#include "access.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr Operand key_operand{"KEY", "id or name"};
constexpr std::string_view shown_once = "This is the only time the key is shown: keep it where secrets are kept.";

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

Fields fields(const ApiKey& k) {
    return {{"Key", k.name},
            {"Id", k.id.text()},
            {"Begins with", k.shown},
            {"Role", role_text(k.role, k.custom_role)},
            {"Scopes", joined(k.scopes)},
            {"Networks", joined(k.cidrs)},
            {"Of user", k.user ? k.user->text() : ""},
            {"Last used", clock(k.last_used_at)},
            {"Old secret until", clock(k.grace_ends_at)},
            {"Expires", clock(k.expires_at)},
            {"Revoked", clock(k.revoked_at)},
            {"Created", clock(k.created_at)}};
}

int show_key(const Context& context, const ApiKey& key) {
    context.out().thing(to_json(key), key.id.text(), fields(key));
    return 0;
}

int show_new(const Context& context, const NewApiKey& made) {
    auto all = fields(made.key);
    all.insert(all.begin(), {"Secret", made.secret});
    show_secret(context.out(), to_json(made), made.secret, std::move(all), shown_once);
    return 0;
}

int create(Context& context, const Args& args) {
    auto session = context.session();
    ApiKeyOptions options{.name = args.operand(0), .scopes = args.all("--scope"), .cidrs = args.all("--from")};
    if (args.has("--test")) options.environment = KeyEnvironment::test;
    const auto role = role_named(session, args.text("--as", "viewer"));
    options.role = role.role.value_or(options.role);
    options.custom_role = role.custom;
    options.expires_at = args.time("--expires");
    return show_new(context, session.api_keys().create(options));
}

int list(Context& context, const Args& args) {
    ApiKeyFilter filter{.revoked = args.has("--all")};
    const auto keys = context.session().api_keys();
    const auto all = every<ApiKey>(limit_of(args), [&](const ApiKey* last, std::int32_t n) {
        filter.after = last ? std::optional(last->id) : std::nullopt;
        filter.limit = n;
        return keys.list(filter);
    });
    Table table({"NAME", "BEGINS WITH", "ROLE", "LAST USED", "EXPIRES", "ID"});
    std::vector<std::string> ids;
    for (const auto& k : all) {
        table.row({k.name, k.shown, role_text(k.role, k.custom_role), clock(k.last_used_at), clock(k.expires_at), k.id.text()});
        ids.push_back(k.id.text());
    }
    context.out().list(to_json(all), ids, table, "No key. " + context.command("key create") + " makes one.");
    return 0;
}

int show(Context& context, const Args& args) {
    auto session = context.session();
    return show_key(context, session.api_keys().get(key_named(session, args.operand(0))));
}

int rotate(Context& context, const Args& args) {
    auto session = context.session();
    RotateOptions options{.key = key_named(session, args.operand(0))};
    if (const auto grace = args.duration("--grace")) options.grace = *grace;
    return show_new(context, session.api_keys().rotate(options));
}

int revoke(Context& context, const Args& args) {
    auto session = context.session();
    return show_key(context, session.api_keys().revoke(key_named(session, args.operand(0))));
}

int check(Context& context, const Args& args) {
    const auto secret = read_secret_file(args.text("--key-file", "-"));
    auto session = context.engine().authenticate({.api_key = secret.value(), .address = args.text("--address")});
    const auto who = session.principal();
    context.out().thing(to_json(who), session.tenant().text(),
                        {{"Tenant", session.tenant().text()},
                         {"Key", who.key ? who.key->text() : ""},
                         {"Permissions", joined(who.permissions)},
                         {"Expires", clock(who.expires_at)}});
    return 0;
}

}  // namespace

KeyId key_named(const Session& session, const std::string& typed) {
    if (looks_like<KeyId>(typed)) return KeyId::parse(typed);
    std::vector<KeyId> found;
    for (const auto& key : every<ApiKey>(1'000'000'000, [&](const ApiKey* last, std::int32_t n) {
             return session.api_keys().list({.after = last ? std::optional(last->id) : std::nullopt, .limit = n});
         }))
        if (key.name == typed || key.shown == typed) found.push_back(key.id);
    if (found.size() == 1) return found[0];
    if (found.empty()) throw NotFound("there is no key “" + clean(typed) + "”", {.subject = clean(typed)});
    throw Conflict("several keys are called “" + clean(typed) + "”; name one by its id", {.subject = clean(typed)});
}

Group key_verbs() {
    return {
        .name = "key",
        .summary = "API keys of a tenant: make, rotate, revoke",
        .about = "Programs come in by keys. A key has a role, can be narrowed to scopes and networks, and can never do more than who "
                 "made it. The secret is shown when it is made and at no other time.",
        .commands = {
            {.path = "key create",
             .summary = "make a key",
             .about = "Makes a key and prints its secret. With --quiet that is all it prints, so that it can go into a file.",
             .operands = {{"NAME", "what it is for"}},
             .options = {{"--as", "ROLE", "a built-in role, or one of the tenant's own by name; default viewer"},
                         {"--scope", "PERMISSION", "narrow the role to these; “role permissions” lists them", true},
                         {"--from", "CIDR", "only from this network, such as 192.0.2.0/24", true},
                         {"--expires", "TIME", "UTC, such as 2027-01-01T00:00:00Z"},
                         {"--test", "", "a key for tests: its text says so"}},
             .examples = {{"key create uploader --as editor --scope asset:write --quiet > key.txt", "The secret alone."}},
             .run = create},
            {.path = "key list",
             .summary = "list keys",
             .about = "Lists the keys that work, oldest first, by what their texts begin with. Nothing shows their secrets.",
             .options = {{"--all", "", "also those that were revoked or have expired"}, limit_option},
             .examples = {{"key list --all", "With those that are over."}},
             .run = list,
             .looks = true},
            {.path = "key show",
             .summary = "show one key",
             .about = "Shows a key's role, scopes and networks, and when it was last used, to the minute.",
             .operands = {key_operand},
             .examples = {{"key show uploader --json", "The same for a program."}},
             .run = show,
             .looks = true},
            {.path = "key rotate",
             .summary = "give a key a new secret",
             .about = "Prints a new secret for the same key. The old one works on for --grace, so that nothing has to stop.",
             .operands = {key_operand},
             .options = {{"--grace", "LENGTH", "0s to 7d; default 24h"}},
             .examples = {{"key rotate uploader --grace 0s", "The old secret ends at once."}},
             .run = rotate},
            {.path = "key revoke",
             .summary = "end a key for good",
             .about = "Ends a key and the sessions it opened, within a second in every process of this home.",
             .operands = {key_operand},
             .examples = {{"key revoke uploader", "Cannot be undone: make another one."}},
             .run = revoke},
            {.path = "key check",
             .summary = "say what a key may do",
             .about = "Reads a key from a file or standard input and tells whose it is and what it may do, or that it is not valid.",
             .options = {{"--key-file", "FILE", "read the key from the first line of FILE; - is standard input, the default"},
                         {"--address", "ADDRESS", "as if it came from there"}},
             .examples = {{"key check --key-file key.txt", "Exit code 12 if it is not valid."}},
             .run = check,
             .looks = true}}};
}

}  // namespace tenon::cli
