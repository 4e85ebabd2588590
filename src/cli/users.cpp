#include "access.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {

NamedRole role_named(const Session& session, const std::string& typed) {
    for (const auto role : {Role::owner, Role::admin, Role::billing, Role::editor, Role::camera_operator, Role::viewer, Role::auditor, Role::support})
        if (typed == to_string(role)) return {role, {}};
    if (looks_like<RoleId>(typed)) return {{}, RoleId::parse(typed)};
    if (const auto found = session.roles().find_name(typed)) return {{}, found->id};
    throw NotFound("there is no role “" + clean(typed) + "”: neither a built-in one nor one of the tenant's own", {.subject = clean(typed)});
}

std::string role_text(const std::optional<Role>& role, const std::optional<RoleId>& custom) {
    return role ? to_string(*role) : custom ? custom->text() : "";
}

UserId user_named(const Session& session, const std::string& typed) {
    if (looks_like<UserId>(typed)) return UserId::parse(typed);
    const auto found = session.users().find_email(typed);
    if (!found) throw NotFound("there is no user “" + clean(typed) + "”", {.subject = clean(typed)});
    return found->id;
}

void show_secret(const Output& out, const boost::json::object& document, const std::string& secret, Fields fields, std::string_view remark) {
    out.thing(document, secret, fields);
    if (out.people()) out.remark(remark);
}

namespace {

constexpr Operand user_operand{"USER", "id or email"};
constexpr Operand project_operand{"PROJECT", "id or name"};

Fields fields(const User& u) {
    return {{"User", u.name},
            {"Email", u.email},
            {"Id", u.id.text()},
            {"State", to_string(u.state)},
            {"Role", role_text(u.role, u.custom_role)},
            {"Password", u.has_password ? "set" : "none"},
            {"Second factor", u.second_factor ? "on" : "off"},
            {"Last login", clock(u.last_login_at)},
            {"Locked until", clock(u.locked_until)},
            {"Created", clock(u.created_at)}};
}

int show_user(const Context& context, const User& user) {
    context.out().thing(to_json(user), user.id.text(), fields(user));
    return 0;
}

int create(Context& context, const Args& args) {
    auto session = context.session();
    UserOptions options{.email = args.operand(0), .name = args.text("--name")};
    const auto role = role_named(session, args.text("--as", "viewer"));
    options.role = role.role.value_or(options.role);
    options.custom_role = role.custom;
    return show_user(context, session.users().create(options));
}

int list(Context& context, const Args& args) {
    UserFilter filter{.search = args.text("--search")};
    if (args.has("--state")) {
        for (const auto state : {UserState::invited, UserState::active, UserState::disabled})
            if (args.text("--state") == to_string(state)) filter.state = state;
        if (!filter.state) throw UsageError("--state takes invited, active or disabled");
    }
    const auto users = context.session().users();
    const auto all = every<User>(limit_of(args), [&](const User* last, std::int32_t n) {
        filter.after = last ? std::optional(last->id) : std::nullopt;
        filter.limit = n;
        return users.list(filter);
    });
    Table table({"EMAIL", "NAME", "STATE", "ROLE", "LAST LOGIN", "ID"});
    std::vector<std::string> keys;
    for (const auto& u : all) {
        table.row({u.email, u.name, to_string(u.state), role_text(u.role, u.custom_role), clock(u.last_login_at), u.id.text()});
        keys.push_back(u.id.text());
    }
    context.out().list(to_json(all), keys, table, "No user. " + context.command("user create") + " invites one.");
    return 0;
}

int show(Context& context, const Args& args) {
    auto session = context.session();
    return show_user(context, session.users().get(user_named(session, args.operand(0))));
}

int update(Context& context, const Args& args) {
    auto session = context.session();
    UserUpdateOptions options{.user = user_named(session, args.operand(0))};
    if (args.has("--email")) options.email = args.text("--email");
    if (args.has("--name")) options.name = args.text("--name");
    if (args.has("--as")) {
        const auto role = role_named(session, args.text("--as"));
        options.role = role.role;
        options.custom_role = role.custom;
    }
    return show_user(context, session.users().update(options));
}

int disable(Context& context, const Args& args) {
    auto session = context.session();
    return show_user(context, session.users().disable(user_named(session, args.operand(0))));
}

int enable(Context& context, const Args& args) {
    auto session = context.session();
    return show_user(context, session.users().enable(user_named(session, args.operand(0))));
}

int remove(Context& context, const Args& args) {
    auto session = context.session();
    const auto user = session.users().get(user_named(session, args.operand(0)));
    confirm(context, args, "Remove " + user.email + " with his keys and logins?");
    session.users().remove(user.id);
    context.out().done(to_json(user), "Removed " + clean(user.email) + ".");
    return 0;
}

int grant(Context& context, const Args& args) {
    auto session = context.session();
    ProjectGrant grant{.user = user_named(session, args.operand(0)), .project = project_named(session, args.operand(1))};
    const auto role = role_named(session, args.text("--as"));
    grant.role = role.role;
    grant.custom_role = role.custom;
    session.users().grant(grant);
    context.out().done(to_json(grant), "Granted: " + role_text(grant.role, grant.custom_role) + " in that project.");
    return 0;
}

int revoke(Context& context, const Args& args) {
    auto session = context.session();
    const auto user = user_named(session, args.operand(0));
    session.users().revoke(user, project_named(session, args.operand(1)));
    context.out().done(to_json(session.users().grants(user)), "Nothing is granted there any more.");
    return 0;
}

int grants(Context& context, const Args& args) {
    auto session = context.session();
    const auto all = session.users().grants(user_named(session, args.operand(0)));
    Table table({"PROJECT", "ROLE"});
    std::vector<std::string> keys;
    for (const auto& each : all) {
        table.row({each.project.text(), role_text(each.role, each.custom_role)});
        keys.push_back(each.project.text());
    }
    context.out().list(to_json(all), keys, table, "Nothing is granted in single projects.");
    return 0;
}

int password(Context& context, const Args& args) {
    auto session = context.session();
    const auto user = user_named(session, args.operand(0));
    const auto secret = read_password(context, args, "USER_PASSWORD", "New password", true);
    session.users().set_password({.user = user, .password = secret.value()});
    context.out().done(to_json(session.users().get(user)), "The password is set; logins have ended.");
    return 0;
}

int ticket(Context& context, const Args& args) {
    auto session = context.session();
    const auto made = session.users().issue_ticket(user_named(session, args.operand(0)));
    show_secret(context.out(), to_json(made), made.ticket, {{"Ticket", made.ticket}, {"Good until", clock(made.expires_at)}},
                "Whoever has it chooses the password: send it to nobody else. It is not shown again.");
    return 0;
}

int redeem(Context& context, const Args& args) {
    const auto ticket = read_secret_file(args.text("--ticket-file", "-"));
    const auto secret = read_password(context, args, "USER_PASSWORD", "New password", true);
    context.engine().redeem({.ticket = ticket.value(), .password = secret.value()});
    context.out().done({{"redeemed", true}}, "The password is set.");
    return 0;
}

int unlock(Context& context, const Args& args) {
    auto session = context.session();
    return show_user(context, session.users().unlock(user_named(session, args.operand(0))));
}

int start_factor(Context& context, const Args& args) {
    auto session = context.session();
    const auto made = session.users().start_second_factor(user_named(session, args.operand(0)));
    show_secret(context.out(), to_json(made), made.secret, {{"Secret", made.secret}, {"URI", made.uri}},
                "It counts once " + context.command("user confirm-factor") + " has seen a code of it. It is not shown again.");
    return 0;
}

int confirm_factor(Context& context, const Args& args) {
    auto session = context.session();
    const auto typed = read_secret_file(args.text("--code-file", "-"));
    const auto codes = session.users().confirm_second_factor(user_named(session, args.operand(0)), typed.value());
    Table table({"RECOVERY CODE"});
    for (const auto& code : codes) table.row({code});
    context.out().list(boost::json::array(codes.begin(), codes.end()), codes, table, "");
    return 0;
}

int remove_factor(Context& context, const Args& args) {
    auto session = context.session();
    const auto user = user_named(session, args.operand(0));
    confirm(context, args, "Let " + args.operand(0) + " in by the password alone?");
    session.users().remove_second_factor(user);
    context.out().done(to_json(session.users().get(user)), "The second factor is gone.");
    return 0;
}

// ---- roles ----

CustomRole custom_role(const Session& session, const std::string& typed) {
    if (looks_like<RoleId>(typed)) return session.roles().get(RoleId::parse(typed));
    if (auto found = session.roles().find_name(typed)) return *std::move(found);
    throw NotFound("there is no role “" + clean(typed) + "” of the tenant's own", {.subject = clean(typed)});
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
    return text;
}

int show_role(const Context& context, const CustomRole& role) {
    context.out().thing(to_json(role), role.id.text(),
                        {{"Role", role.name},
                         {"Id", role.id.text()},
                         {"Permissions", joined(role.permissions)},
                         {"Version", std::to_string(role.version)},
                         {"Created", clock(role.created_at)}});
    return 0;
}

int create_role(Context& context, const Args& args) {
    return show_role(context, context.session().roles().create({.name = args.operand(0), .permissions = args.all("--permission")}));
}

int list_roles(Context& context, const Args&) {
    const auto all = context.session().roles().list();
    Table table({"NAME", ">PERMISSIONS", ">VERSION", "ID"});
    std::vector<std::string> keys;
    for (const auto& role : all) {
        table.row({role.name, std::to_string(role.permissions.size()), std::to_string(role.version), role.id.text()});
        keys.push_back(role.id.text());
    }
    context.out().list(to_json(all), keys, table, "No role of the tenant's own. " + context.command("role create") + " makes one.");
    return 0;
}

int show_one_role(Context& context, const Args& args) { return show_role(context, custom_role(context.session(), args.operand(0))); }

int update_role(Context& context, const Args& args) {
    auto session = context.session();
    const auto role = custom_role(session, args.operand(0));
    RoleOptions options{.name = args.text("--name", role.name), .permissions = args.all("--permission")};
    if (!args.has("--permission")) options.permissions = role.permissions;
    return show_role(context, session.roles().update(role.id, options));
}

int remove_role(Context& context, const Args& args) {
    auto session = context.session();
    const auto role = custom_role(session, args.operand(0));
    session.roles().remove(role.id);
    context.out().done(to_json(role), "Removed the role " + clean(role.name) + ".");
    return 0;
}

int permissions(Context& context, const Args& args) {
    const auto roles = context.session().roles();
    std::vector<std::string> names = roles.permissions();
    if (!args.operand(0).empty()) {
        const auto role = role_named(context.session(), args.operand(0));
        names = role.role ? roles.permissions_of(*role.role) : roles.get(*role.custom).permissions;
    }
    Table table({"PERMISSION"});
    for (const auto& name : names) table.row({name});
    context.out().list(boost::json::array(names.begin(), names.end()), names, table, "None.");
    return 0;
}

constexpr Option as_option{"--as", "ROLE", "a built-in role, or one of the tenant's own by name"};
constexpr Option permission_option{"--permission", "NAME", "such as project:read; “role permissions” lists them", true};

}  // namespace

Group user_verbs() {
    return {
        .name = "user",
        .summary = "people of a tenant: invite, list, change; passwords, second factors",
        .about = "Users work for a tenant in a role. Nobody gives what he lacks, nobody changes somebody who may more than he, "
                 "and the last owner stays. Passwords are read from a file, the environment or a terminal, never from the command line.",
        .commands = {
            {.path = "user create",
             .summary = "invite a user",
             .about = "Makes a user, who takes a seat of the plan. He has no password yet: “user ticket” lets him choose one.",
             .operands = {{"EMAIL", "unique within the tenant"}},
             .options = {{"--name", "NAME", "as people read it", false, true}, {as_option.name, as_option.value, "role; default viewer"}},
             .examples = {{"user create anna@example.org --name \"Anna\" --as editor", "“role permissions editor” says what that is."}},
             .run = create},
            {.path = "user list",
             .summary = "list users",
             .about = "Lists the tenant's users, oldest first, with their states and roles.",
             .options = {{"--search", "TEXT", "part of the email or name"},
                         {"--state", "STATE", "only these: invited, active, disabled"},
                         limit_option},
             .examples = {{"user list --search anna", "Whatever the case of the letters."}},
             .run = list,
             .looks = true},
            {.path = "user show",
             .summary = "show one user",
             .about = "Shows a user's role, state and when he was last in.",
             .operands = {user_operand},
             .examples = {{"user show anna@example.org --json", "The same for a program."}},
             .run = show,
             .looks = true},
            {.path = "user update",
             .summary = "change email, name or role",
             .about = "Changes what is given and leaves the rest. A role of the tenant's own is named as a built-in one is.",
             .operands = {user_operand},
             .options = {{"--email", "EMAIL", "unique within the tenant"}, {"--name", "NAME", "as people read it"}, as_option},
             .examples = {{"user update anna@example.org --as admin", "Holds within a second."}},
             .run = update},
            {.path = "user disable",
             .summary = "shut a user out, keep his row",
             .about = "Ends his sessions, logins and keys within a second and frees his seat. “user enable” lets him in again.",
             .operands = {user_operand},
             .examples = {{"user disable anna@example.org", "The last owner cannot be disabled."}},
             .run = disable},
            {.path = "user enable",
             .summary = "let a disabled user in again",
             .about = "Gives a disabled user his seat back. His logins are gone; his password and keys work again.",
             .operands = {user_operand},
             .examples = {{"user enable anna@example.org", "Takes a seat."}},
             .run = enable},
            {.path = "user remove",
             .summary = "remove a user",
             .about = "Removes a user with his keys, logins and grants. What he did stays in the audit trail under his id.",
             .operands = {user_operand},
             .options = {yes},
             .examples = {{"user remove anna@example.org --yes", "Without asking."}},
             .run = remove},
            {.path = "user grant",
             .summary = "let a user do more in one project",
             .about = "Grants a role in one project beside what the user may everywhere, in place of an earlier grant there.",
             .operands = {user_operand, project_operand},
             .options = {{as_option.name, as_option.value, as_option.help, false, true}},
             .examples = {{"user grant anna@example.org \"Spring reel\" --as editor", "Elsewhere nothing changes."}},
             .run = grant},
            {.path = "user revoke",
             .summary = "take back what was granted in a project",
             .about = "Takes back what “user grant” gave in one project. What the user may everywhere stays as it is.",
             .operands = {user_operand, project_operand},
             .examples = {{"user revoke anna@example.org \"Spring reel\"", "Holds within a second."}},
             .run = revoke},
            {.path = "user grants",
             .summary = "list what is granted in single projects",
             .about = "Lists the projects in which the user may more than everywhere else, with the role there.",
             .operands = {user_operand},
             .examples = {{"user grants anna@example.org", "Nothing, for most."}},
             .run = grants,
             .looks = true},
            {.path = "user password",
             .summary = "set a user's password",
             .about = "Sets a password of 10 bytes or more and ends the user's logins. “user ticket” leaves the choice to him.",
             .operands = {user_operand},
             .options = {password_file},
             .examples = {{"user password anna@example.org --password-file secret.txt", "Its first line."}},
             .run = password},
            {.path = "user ticket",
             .summary = "let a user choose a password, once",
             .about = "Prints a ticket with which the user sets his password: for seven days if he is new, else for an hour.",
             .operands = {user_operand},
             .examples = {{"user ticket anna@example.org --quiet > ticket.txt", "Then: user redeem --ticket-file ticket.txt"}},
             .run = ticket},
            {.path = "user redeem",
             .summary = "set a password by a ticket",
             .about = "Sets the password of whoever the ticket was made for, uses the ticket up and makes a new user active.",
             .options = {{"--ticket-file", "FILE", "read the ticket from the first line of FILE; - is standard input, the default"}, password_file},
             .examples = {{"user redeem --ticket-file ticket.txt --password-file secret.txt", "Works once."}},
             .run = redeem},
            {.path = "user unlock",
             .summary = "let a locked user try again",
             .about = "After five wrong passwords in a row each further one is followed by a growing pause. This ends it at once.",
             .operands = {user_operand},
             .examples = {{"user unlock anna@example.org", "The password stays what it was."}},
             .run = unlock},
            {.path = "user start-factor",
             .summary = "begin a second factor",
             .about = "Prints the secret for an authenticator (RFC 6238), as text and as the URI of a QR code.",
             .operands = {user_operand},
             .examples = {{"user start-factor anna@example.org", "Then: user confirm-factor anna@example.org"}},
             .run = start_factor},
            {.path = "user confirm-factor",
             .summary = "end setting up a second factor",
             .about = "Takes a code that the authenticator shows now; logging in needs one from then on. Prints ten recovery codes, "
                      "each of which stands for a code once.",
             .operands = {user_operand},
             .options = {{"--code-file", "FILE", "read the code from the first line of FILE; - is standard input, the default"}},
             .examples = {{"user confirm-factor anna@example.org --code-file code.txt", "Keep what it prints."}},
             .run = confirm_factor},
            {.path = "user remove-factor",
             .summary = "remove a second factor",
             .about = "Removes a second factor with its recovery codes, for a user who lost his authenticator.",
             .operands = {user_operand},
             .options = {yes},
             .examples = {{"user remove-factor anna@example.org --yes", "The password alone lets him in."}},
             .run = remove_factor}}};
}

Group role_verbs() {
    return {
        .name = "role",
        .summary = "roles of a tenant's own, and what each role may do",
        .about = "Eight roles are built in. A tenant makes others of single permissions; nobody gives a role what he lacks himself.",
        .commands = {
            {.path = "role create",
             .summary = "make a role",
             .about = "Makes a role of the permissions that are given. Users, grants and keys then take it by its name.",
             .operands = {{"NAME", "unique within the tenant"}},
             .options = {permission_option},
             .examples = {{"role create Cutter --permission project:read --permission render:write", "Then: user update … --as Cutter"}},
             .run = create_role},
            {.path = "role list",
             .summary = "list roles of the tenant's own",
             .about = "Lists the roles that the tenant made. The built-in ones are always there.",
             .examples = {{"role list", "By name."}},
             .run = list_roles,
             .looks = true},
            {.path = "role show",
             .summary = "show one role",
             .about = "Shows the permissions of a role that the tenant made.",
             .operands = {{"ROLE", "id or name"}},
             .examples = {{"role show Cutter", "With its version."}},
             .run = show_one_role,
             .looks = true},
            {.path = "role update",
             .summary = "change a role",
             .about = "Replaces name or permissions. Whoever has the role may do that, and no more, within a second.",
             .operands = {{"ROLE", "id or name"}},
             .options = {{"--name", "NAME", "a new name"}, permission_option},
             .examples = {{"role update Cutter --permission project:read", "Nothing else is left to it."}},
             .run = update_role},
            {.path = "role remove",
             .summary = "remove a role",
             .about = "Removes a role that no user, grant or key has any more.",
             .operands = {{"ROLE", "id or name"}},
             .examples = {{"role remove Cutter", "A conflict while somebody has it."}},
             .run = remove_role},
            {.path = "role permissions",
             .summary = "list permissions",
             .about = "Lists every permission there is, or those of one role, as resource and verb.",
             .operands = {{"ROLE", "built-in or of the tenant's own; default: all permissions", false}},
             .examples = {{"role permissions camera_operator", "What it includes."}},
             .run = permissions,
             .looks = true}}};
}

}  // namespace tenon::cli
