#include <fstream>
#include <iostream>
#include <iterator>

#include "context.hpp"
#include "json.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr Operand kind_operand{"KIND", "preferences, workflows, automation or branding"};
constexpr Option expected_option{"--expected", "VERSION", "do nothing unless this is the version that is there"};

SettingsKind kind_of(const Args& args) {
    for (const auto kind : {SettingsKind::preferences, SettingsKind::workflows, SettingsKind::automation, SettingsKind::branding})
        if (args.operand(0) == to_string(kind)) return kind;
    throw UsageError("KIND is preferences, workflows, automation or branding");
}

std::string read_all(std::istream& in, const std::string& name) {
    std::string text{std::istreambuf_iterator<char>(in), {}};
    if (in.bad()) throw UsageError("cannot read " + name);
    return text;
}

/// The document itself, or "@FILE"; "-" is standard input.
std::string document_of(const Args& args) {
    const std::string given = args.operand(1);
    if (given == "-") return read_all(std::cin, "standard input");
    if (!given.starts_with('@')) return given;
    std::ifstream file(given.substr(1), std::ios::binary);
    if (!file) throw NotFound("cannot read the file", {.subject = clean(given.substr(1))});
    return read_all(file, clean(given.substr(1)));
}

int show_document(const Context& context, const SettingsDocument& document) {
    const std::string version = document.version == 0 ? "never written" : std::to_string(document.version);
    context.out().thing(to_json(document), document.body,
                        {{"Settings", to_string(document.kind)},
                         {"Version", version},
                         {"Changed", clock(document.changed_at)},
                         {"Document", document.body}});
    return 0;
}

int show(Context& context, const Args& args) {
    const auto kind = kind_of(args);
    return show_document(context, context.session().settings().get(kind));
}

SettingsOptions options_of(const Args& args) {
    SettingsOptions options{.kind = kind_of(args), .body = document_of(args)};
    if (args.has(expected_option.name)) options.expected = args.integer(expected_option.name, 0, 0, INT64_MAX);
    return options;
}

int put(Context& context, const Args& args) {
    const auto options = options_of(args);
    return show_document(context, context.session().settings().put(options));
}

int patch(Context& context, const Args& args) {
    const auto options = options_of(args);
    return show_document(context, context.session().settings().patch(options));
}

int schema(Context& context, const Args& args) {
    const auto kind = kind_of(args);
    context.out().line(context.session().settings().schema(kind));
    return 0;
}

int brand(Context& context, const Args&) {
    context.out().line(context.session().settings().brand());
    return 0;
}

}  // namespace

Group settings_verbs() {
    const Operand document{"JSON", "a JSON object; @FILE reads one, - reads standard input"};
    return {
        .name = "settings",
        .summary = "a tenant's preferences, workflows, automation and branding",
        .about = "Settings are JSON documents that are checked before they are kept: what does not fit is refused with its path. Each "
                 "has a version, so that nobody overwrites what somebody else has just changed.",
        .commands = {
            {.path = "settings show",
             .summary = "show a document",
             .about = "Shows a document with its version. One that was never written is empty.",
             .operands = {kind_operand},
             .examples = {{"settings show preferences --json", "The document under “body”."}},
             .run = show,
             .looks = true},
            {.path = "settings put",
             .summary = "write a document",
             .about = "Puts a document in the place of the one that is there.",
             .operands = {kind_operand, document},
             .options = {expected_option},
             .examples = {{"settings put preferences '{\"language\": \"de\", \"outputs\": [\"mp4\"]}'", "All of it."},
                          {"settings put workflows @workflows.json --expected 3", "Only over version 3."}},
             .run = put},
            {.path = "settings patch",
             .summary = "change parts of a document",
             .about = "Changes the members that the given object names and leaves the others; null removes one (RFC 7396).",
             .operands = {kind_operand, document},
             .options = {expected_option},
             .examples = {{"settings patch preferences '{\"grade\": \"cinematic_warm\", \"language\": null}'", "Sets one, removes one."}},
             .run = patch},
            {.path = "settings schema",
             .summary = "show what a document may hold",
             .about = "Prints the JSON Schema of a kind of settings, for whoever builds a form of it.",
             .operands = {kind_operand},
             .examples = {{"settings schema branding", "One JSON document."}},
             .run = schema,
             .looks = true},
            {.path = "settings brand",
             .summary = "show the brand that a tenant's users see",
             .about = "Prints the brand that holds now: the engine's own, over that the partner's, over that the tenant's own if its plan "
                      "has white label and it is in no trial.",
             .examples = {{"settings brand", "One JSON document."}},
             .run = brand,
             .looks = true}}};
}

}  // namespace tenon::cli
