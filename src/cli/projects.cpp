#include "context.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

int show_project(const Context& context, const Project& p) {
    context.out().thing(to_json(p), p.id.text(),
                        {{"Project", p.name}, {"Id", p.id.text()}, {"Created", clock(p.created_at)}});
    return 0;
}

int create(Context& context, const Args& args) {
    return show_project(context, context.session().projects().create({.name = args.operand(0)}));
}

int list(Context& context, const Args& args) {
    const auto projects = context.session().projects();
    const auto all = every<Project>(limit_of(args), [&](const Project* last, std::int32_t n) {
        return projects.list({.after = last ? std::optional(last->id) : std::nullopt, .limit = n});
    });
    Table table({"NAME", "CREATED", "ID"});
    std::vector<std::string> keys;
    for (const auto& p : all) {
        table.row({p.name, clock(p.created_at), p.id.text()});
        keys.push_back(p.id.text());
    }
    context.out().list(to_json(all), keys, table, "No project. " + context.command("project create") + " makes one.");
    return 0;
}

int rename(Context& context, const Args& args) {
    const Session session = context.session();
    return show_project(context, session.projects().rename(project_named(session, args.operand(0)), args.operand(1)));
}

int remove(Context& context, const Args& args) {
    const Session session = context.session();
    const ProjectId id = project_named(session, args.operand(0));
    const Project project = session.projects().get(id);
    confirm(context, args, "Remove the project " + project.name + " with its assets?");
    session.projects().remove(id);
    context.out().done(to_json(project), "Removed " + project.name + ".");
    return 0;
}

}  // namespace

Group project_verbs() {
    return {.name = "project",
            .summary = "a tenant's projects",
            .about =
                "A project holds the media files of one piece of work and is what renders are made from. Verbs take its "
                "id or, as long as only one has it, its name.",
            .commands = {
                {.path = "project create",
                 .summary = "make a project",
                 .about = "Makes an empty project. Its id is what programs should keep; people may use the name.",
                 .operands = {{"NAME", "need not be unique"}},
                 .examples = {{"project create \"Spring reel\"", "Shows it with its id."},
                              {"project create \"Spring reel\" --quiet", "Prints the id alone, for a script."}},
                 .run = create},
                {.path = "project list",
                 .summary = "list projects",
                 .about = "Lists the tenant's projects, oldest first.",
                 .options = {limit_option},
                 .examples = {{"project list --json", "An array of objects."}},
                 .run = list,
                 .looks = true},
                {.path = "project rename",
                 .summary = "give a project another name",
                 .about = "Gives a project another name. Its id and its files stay.",
                 .operands = {{"PROJECT", "id or name"}, {"NAME", "the new name"}},
                 .examples = {{"project rename \"Spring reel\" \"Summer reel\"", "Nothing else changes."}},
                 .run = rename},
                {.path = "project remove",
                 .summary = "remove a project with its assets",
                 .about = "Removes a project with its assets; what was rendered stays in exports. Refused while a job uses it.",
                 .operands = {{"PROJECT", "id or name"}},
                 .options = {yes},
                 .examples = {{"project remove \"Spring reel\" --yes", "Without being asked."}},
                 .run = remove}}};
}

}  // namespace tenon::cli
