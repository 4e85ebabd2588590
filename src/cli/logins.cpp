#include "access.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

#include <fstream>
#include <iterator>

namespace tenon::cli {
namespace {

int show_tokens(const Context& context, const Tokens& tokens) {
    show_secret(context.out(), to_json(tokens), tokens.access_token,
                {{"Access token", tokens.access_token},
                 {"Good until", clock(tokens.access_expires_at)},
                 {"Refresh token", tokens.refresh_token},
                 {"Login ends", clock(tokens.refresh_expires_at)},
                 {"User", tokens.user.text()},
                 {"Login", tokens.login.text()}},
                "Whoever has these tokens is that user.");
    return 0;
}

int start(Context& context, const Args& args) {
    const auto tenant = context.tenant();
    const auto password = read_password(context, args, "USER_PASSWORD", "Password");
    LoginOptions options{.tenant = tenant, .email = args.operand(0), .password = password.value(), .address = args.text("--address")};
    if (args.has("--code-file")) options.code = read_secret_file(args.text("--code-file")).value();
    return show_tokens(context, context.engine().login(options));
}

int refresh(Context& context, const Args& args) {
    return show_tokens(context, context.engine().refresh(read_secret_file(args.text("--token-file", "-")).value()));
}

int end(Context& context, const Args& args) {
    if (args.operand(0).empty()) {
        context.engine().logout(read_secret_file(args.text("--token-file", "-")).value());
    } else {
        context.session().logins().end(LoginId::parse(args.operand(0)));
    }
    context.out().done({{"ended", true}}, "The login has ended.");
    return 0;
}

int list(Context& context, const Args& args) {
    auto session = context.session();
    LoginFilter filter;
    if (args.has("--user")) filter.user = user_named(session, args.text("--user"));
    const auto all = every<LoginInfo>(limit_of(args), [&](const LoginInfo* last, std::int32_t n) {
        filter.after = last ? std::optional(last->id) : std::nullopt;
        filter.limit = n;
        return session.logins().list(filter);
    });
    Table table({"KIND", "WHO", "FROM", "SINCE", "LAST USED", "EXPIRES", "ID"});
    std::vector<std::string> keys;
    for (const auto& l : all) {
        table.row({to_string(l.kind), l.user ? l.user->text() : l.actor + ": " + l.reason, l.address, clock(l.created_at), clock(l.used_at),
                   clock(l.expires_at), l.id.text()});
        keys.push_back(l.id.text());
    }
    context.out().list(to_json(all), keys, table, "Nobody is logged in.");
    return 0;
}

int end_all(Context& context, const Args& args) {
    auto session = context.session();
    const auto ended = session.logins().end_all(user_named(session, args.operand(0)));
    context.out().done({{"ended", ended}}, std::to_string(ended) + (ended == 1 ? " login has ended." : " logins have ended."));
    return 0;
}

int support(Context& context, const Args& args) {
    if (!args.has("--reason")) throw UsageError("--reason TEXT is missing: the tenant sees why support was let in");
    SupportOptions options{.tenant = context.tenant(), .actor = context.actor(), .reason = args.text("--reason")};
    if (const auto length = args.duration("--for")) options.duration = *length;
    const auto who = context.engine().open_support(options).principal();
    context.out().thing(to_json(who), who.login ? who.login->text() : "",
                        {{"Support", who.actor}, {"Login", who.login ? who.login->text() : ""}, {"Until", clock(who.expires_at)}});
    return 0;
}

// ---- issuers ----

std::string whole_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw NotFound("cannot read the file “" + clean(path) + "”", {.subject = clean(path)});
    return {std::istreambuf_iterator<char>(file), {}};
}

int show_issuer(const Context& context, const TrustedIssuer& issuer) {
    context.out().thing(to_json(issuer), issuer.id.text(),
                        {{"Issuer", issuer.issuer}, {"Id", issuer.id.text()}, {"Audience", issuer.audience}, {"Created", clock(issuer.created_at)}});
    return 0;
}

int add_issuer(Context& context, const Args& args) {
    return show_issuer(context, context.session().issuers().create(
                                    {.issuer = args.operand(0), .audience = args.text("--audience"), .jwks = whole_file(args.text("--jwks"))}));
}

int list_issuers(Context& context, const Args&) {
    const auto all = context.session().issuers().list();
    Table table({"ISSUER", "AUDIENCE", "CREATED", "ID"});
    std::vector<std::string> keys;
    for (const auto& each : all) {
        table.row({each.issuer, each.audience, clock(each.created_at), each.id.text()});
        keys.push_back(each.id.text());
    }
    context.out().list(to_json(all), keys, table, "No issuer: users come in by passwords alone.");
    return 0;
}

int show_one_issuer(Context& context, const Args& args) {
    return show_issuer(context, context.session().issuers().get(IssuerId::parse(args.operand(0))));
}

int update_issuer(Context& context, const Args& args) {
    return show_issuer(context, context.session().issuers().update(IssuerId::parse(args.operand(0)), whole_file(args.text("--jwks"))));
}

int remove_issuer(Context& context, const Args& args) {
    auto session = context.session();
    const auto issuer = session.issuers().get(IssuerId::parse(args.operand(0)));
    session.issuers().remove(issuer.id);
    context.out().done(to_json(issuer), "Tokens of " + clean(issuer.issuer) + " let nobody in any more.");
    return 0;
}

// ---- tokens ----

int check(Context& context, const Args& args) {
    const auto token = read_secret_file(args.text("--token-file", "-"));
    AuthenticateOptions options{.token = token.value()};
    if (args.has("--tenant")) options.tenant = context.tenant();
    auto session = context.engine().authenticate(options);
    const auto who = session.principal();
    context.out().thing(to_json(who), session.tenant().text(),
                        {{"Tenant", session.tenant().text()},
                         {"User", who.user ? who.user->text() : ""},
                         {"Role", role_text(who.role, who.custom_role)},
                         {"Expires", clock(who.expires_at)}});
    return 0;
}

int keys(Context& context, const Args&) {
    const auto all = context.operators().token_keys().list();
    Table table({"KID", "CREATED", "RETIRED"});
    std::vector<std::string> ids;
    for (const auto& key : all) {
        table.row({key.kid, clock(key.created_at), clock(key.retired_at)});
        ids.push_back(key.kid);
    }
    context.out().list(to_json(all), ids, table, "No token was signed yet.");
    return 0;
}

int rotate(Context& context, const Args&) {
    const auto key = context.operators().token_keys().rotate();
    context.out().thing(to_json(key), key.kid, {{"Key", key.kid}, {"Created", clock(key.created_at)}});
    return 0;
}

int rotate_pepper(Context& context, const Args&) {
    const auto pepper = context.operators().token_keys().rotate_pepper();
    context.out().done({{"pepper", pepper}}, "Hashes of secrets are made under pepper " + std::to_string(pepper) + " from now on.");
    return 0;
}

int jwks(Context& context, const Args&) {
    context.out().line(context.engine().jwks());
    return 0;
}

constexpr Option token_file{"--token-file", "FILE", "read the token from the first line of FILE; - is standard input, the default"};
constexpr Option jwks_file{"--jwks", "FILE", "his public keys, a JWK set (RFC 7517)", false, true};
constexpr Operand issuer_operand{"ISSUER", "id"};

}  // namespace

Group login_verbs() {
    return {
        .name = "login",
        .summary = "who is logged in; log in, renew, end; let support in",
        .about = "A user who logs in gets an access token for ten minutes and a refresh token for the next pair, until the login ends after "
                 "30 days. Passwords and tokens are read from files, standard input or a terminal.",
        .commands = {
            {.path = "login start",
             .summary = "log in and print tokens",
             .about = "Checks a user's password and prints a pair of tokens. From the fifth wrong password in a row on each is followed by "
                      "a pause that doubles.",
             .operands = {{"EMAIL", "of the user"}},
             .options = {password_file,
                         {"--code-file", "FILE", "read the code of the second factor from the first line of FILE; - is standard input"},
                         {"--address", "ADDRESS", "where the client comes from; shown with the login"}},
             .examples = {{"login start anna@example.org --password-file secret.txt --json", "Both tokens as JSON."}},
             .run = start},
            {.path = "login refresh",
             .summary = "get the next pair of tokens",
             .about = "Takes a refresh token and prints the next pair. Each is good for one: shown again, it ends the whole login.",
             .options = {token_file},
             .examples = {{"login refresh --token-file refresh.txt --json", "Keep the new one."}},
             .run = refresh},
            {.path = "login end",
             .summary = "end a login",
             .about = "Ends a login by its id, or by its refresh token. Its tokens and sessions end within a second.",
             .operands = {{"LOGIN", "id; default: the login of the refresh token", false}},
             .options = {token_file},
             .examples = {{"login end --token-file refresh.txt", "As a user logs out."}},
             .run = end},
            {.path = "login list",
             .summary = "list who is logged in",
             .about = "Lists logins that have not ended, with support that was let in and why.",
             .options = {{"--user", "USER", "only those of this user: id or email"}, limit_option},
             .examples = {{"login list --user anna@example.org", "Where she is logged in."}},
             .run = list,
             .looks = true},
            {.path = "login end-all",
             .summary = "end every login of a user",
             .about = "Ends every login of one user, in every process of this home, within a second.",
             .operands = {{"USER", "id or email"}},
             .examples = {{"login end-all anna@example.org", "She has to log in again."}},
             .run = end_all},
            {.path = "login support",
             .summary = "let the operator's support in",
             .about = "Opens support access for a limited time. The tenant sees it among its logins and in its audit trail and can end "
                      "it there. Needs --reason.",
             .options = {{"--for", "LENGTH", "1s to 24h; default 1h"}},
             .examples = {{"login support --tenant acme --for 2h --reason \"ticket 4711\"", "The tenant sees the reason."}},
             .run = support}}};
}

Group issuer_verbs() {
    return {
        .name = "issuer",
        .summary = "identity providers whose tokens let users in",
        .about = "A token of an issuer stands for the user whose verified email it names. Nothing is fetched: hand over the public keys that "
                 "he publishes.",
        .commands = {
            {.path = "issuer add",
             .summary = "trust an issuer",
             .about = "Trusts the tokens of an issuer for one audience: RS256, ES256 and EdDSA, checked with the keys that are given.",
             .operands = {{"ISSUER", "what iss must be, letter by letter"}},
             .options = {{"--audience", "TEXT", "what aud must hold", false, true}, jwks_file},
             .examples = {{"issuer add https://login.example.org --audience studio --jwks jwks.json", "The keys as he publishes them."}},
             .run = add_issuer},
            {.path = "issuer list",
             .summary = "list issuers",
             .about = "Lists the issuers that the tenant trusts, with their audiences.",
             .examples = {{"issuer list", "Oldest first."}},
             .run = list_issuers,
             .looks = true},
            {.path = "issuer show",
             .summary = "show one issuer",
             .about = "Shows an issuer that the tenant trusts; --json with its keys.",
             .operands = {issuer_operand},
             .examples = {{"issuer show iss_01jd8wz3vfkq2m5n7p9r1s3t5v --json", "With its keys."}},
             .run = show_one_issuer,
             .looks = true},
            {.path = "issuer update",
             .summary = "replace an issuer's keys",
             .about = "Replaces the keys of an issuer. Tokens of keys that are gone let nobody in any more, within a second.",
             .operands = {issuer_operand},
             .options = {jwks_file},
             .examples = {{"issuer update iss_01jd8wz3vfkq2m5n7p9r1s3t5v --jwks jwks.json", "When he rotates."}},
             .run = update_issuer},
            {.path = "issuer remove",
             .summary = "trust an issuer no more",
             .about = "Removes an issuer. Its tokens let nobody in any more, and sessions they opened end within a second.",
             .operands = {issuer_operand},
             .examples = {{"issuer remove iss_01jd8wz3vfkq2m5n7p9r1s3t5v", "Users stay."}},
             .run = remove_issuer}}};
}

Group token_verbs() {
    return {
        .name = "token",
        .summary = "access tokens: check one, the keys that sign them",
        .about = "Access tokens are JWTs (EdDSA). Others check them with the keys that “token jwks” prints.",
        .commands = {
            {.path = "token check",
             .summary = "say whose a token is",
             .about = "Reads an access token, or one of a tenant's issuers with --tenant, and tells whose it is, or that it is not valid.",
             .options = {token_file},
             .examples = {{"token check --token-file access.txt", "Exit code 12 if it is not valid."}},
             .run = check,
             .looks = true},
            {.path = "token keys",
             .summary = "list the keys that sign tokens",
             .about = "Lists the keys of this home that sign access tokens, newest first. Work across tenants: it is audited.",
             .examples = {{"token keys", "The first one signs."}},
             .run = keys,
             .looks = true},
            {.path = "token rotate",
             .summary = "sign with a new key",
             .about = "Makes a new key that signs from now on. The one before still verifies what it signed until that has expired.",
             .examples = {{"token rotate --reason \"every quarter\"", "“token jwks” then shows both for a while."}},
             .run = rotate},
            {.path = "token rotate-pepper",
             .summary = "hash secrets under another key",
             .about = "Has hashes of keys, tickets and recovery codes made under another pepper from now on. Nothing ends: keys move at "
                      "their next use, logins when they are renewed.",
             .examples = {{"token rotate-pepper --reason \"a memory dump went astray\"", "Work across tenants: it is audited."}},
             .run = rotate_pepper},
            {.path = "token jwks",
             .summary = "print the public keys of tokens",
             .about = "Prints the public keys as a JWK set (RFC 7517), for whoever checks tokens himself.",
             .examples = {{"token jwks > jwks.json", "Serve it below /.well-known."}},
             .run = jwks,
             .looks = true}}};
}

}  // namespace tenon::cli
