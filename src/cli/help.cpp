#include "help.hpp"

#include <algorithm>

#include <tenon/error.hpp>

#include "text.hpp"

namespace tenon::cli {
namespace {

constexpr std::size_t columns = 96;

using Rows = std::vector<std::pair<std::string, std::string>>;

std::string two_columns(const Rows& rows) {
    std::size_t widest = 0;
    for (const auto& [left, right] : rows) widest = std::max(widest, width(left));
    widest = std::min<std::size_t>(widest, 34);
    std::string out;
    for (const auto& [left, right] : rows) {
        std::string text = wrap(right, columns, widest + 4);
        if (width(left) <= widest) text.replace(0, widest + 4, "  " + pad(left, widest) + "  ");
        else text = "  " + left + "\n" + text;
        out += text;
    }
    return out;
}

std::string section(const std::string& title, const std::string& body) {
    return body.empty() ? std::string() : "\n" + title + "\n" + body;
}

std::string option_rows(const std::vector<Option>& options) {
    Rows rows;
    for (const auto& option : options) {
        std::string left(option.name);
        if (!option.value.empty()) left += " " + std::string(option.value);
        std::string right(option.help);
        if (option.required) right += " (required)";
        if (option.repeats) right += " (may be repeated)";
        rows.emplace_back(left, right);
    }
    return two_columns(rows);
}

std::string exit_codes() {
    Rows rows{{"0", "done"}, {"2", "wrong words on the command line"}};
    for (int n = 1; n <= 14; ++n)
        rows.emplace_back(std::to_string(10 + n), to_string(static_cast<Errc>(n)));
    return two_columns(rows);
}

std::string overview(const Program& program) {
    Rows verbs;
    for (const auto& group : groups()) verbs.emplace_back(std::string(group.name), std::string(group.summary));
    std::string out = program.brand.product + " " + Engine::version() +
                      ": tenants, renders, cameras and backups behind one home folder.\n";
    if (!program.brand.vendor.empty()) out += program.brand.vendor + "\n";
    out += "\nUsage: " + program.name + " VERB … [options]\n";
    out += section("Verbs", two_columns(verbs));
    out += section("Options of every verb", option_rows(global_options()));
    out += section("A first reel",
                   "  " + program.name + " tenant create \"Acme\" --plan studio/professional\n" +
                       "  " + program.name + " project create \"Spring reel\"\n" +
                       "  " + program.name + " asset import --project \"Spring reel\" interview.mp4\n" +
                       "  " + program.name + " render start --project \"Spring reel\" --clip interview.mp4:1s-4s --title Acme\n");
    out += section("Exit codes", exit_codes());
    out += "\n“" + program.name + " VERB --help” explains a verb and shows examples.\n";
    if (!program.brand.url.empty()) out += "Help: " + program.brand.url + "\n";
    return out;
}

Rows verbs_of(const Group& group) {
    Rows verbs;
    for (const auto& command : group.commands) verbs.emplace_back(std::string(command.path), std::string(command.summary));
    return verbs;
}

std::string of_group(const Program& program, const Group& group) {
    return wrap(group.about, columns, 0) + section("Verbs", two_columns(verbs_of(group))) + "\n“" + program.name + " " +
           std::string(group.name) + " VERB --help” explains one of them.\n";
}

std::string of_command(const Program& program, const Group& group, const Command& command) {
    std::string out = "Usage: " + program.name + " " + synopsis(command) + "\n\n" + wrap(command.about, columns, 0);
    Rows operands;
    for (const auto& operand : command.operands)
        operands.emplace_back(std::string(operand.name), std::string(operand.help));
    out += section("What it takes", two_columns(operands));
    out += section("Options", option_rows(command.options));
    std::string examples;
    for (const auto& example : command.examples)
        examples += "  " + program.name + " " + std::string(example.command) + "\n" + wrap(example.what, columns, 6);
    out += section("Examples", examples);
    const bool has_verbs = group.commands.size() > 1 && command.path == group.name;
    if (has_verbs) out += section("Verbs", two_columns(verbs_of(group)));
    return out + "\nOptions of every verb, such as --home, --tenant and --json: “" + program.name + " --help”.\n";
}

}  // namespace

std::string help_text(const Program& program, const Parsed& parsed) {
    std::string text = parsed.command != nullptr ? of_command(program, *parsed.group, *parsed.command)
                       : parsed.group != nullptr ? of_group(program, *parsed.group)
                                                 : overview(program);
    constexpr std::string_view mark = "PREFIX_";  // environment variables follow the program's name
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
        text.replace(at, mark.size(), program.prefix);
    return text;
}

std::string bash_completion(const Program& program) {
    std::string function = "_" + program.name;
    std::replace_if(
        function.begin(), function.end(), [](unsigned char c) { return !std::isalnum(c); }, '_');
    const auto words = [](const std::vector<Option>& options) {
        std::string out;
        for (const auto& option : options) out += " " + std::string(option.name);
        return out;
    };
    std::string verbs;
    std::string cases;
    std::string deeper;  // groups within groups: there a third word is a verb
    for (const auto& group : groups()) {
        const bool within = group.name.find(' ') != std::string_view::npos;
        if (within) deeper += " && $verb != \"" + std::string(group.name) + "\"";
        else verbs += " " + std::string(group.name);
        std::string inner;
        for (const auto& other : groups())
            if (other.name.starts_with(std::string(group.name) + " ")) inner += other.name.substr(group.name.size());
        for (const auto& command : group.commands) {
            const auto space = command.path.rfind(' ');
            if (space != std::string_view::npos) inner += " " + std::string(command.path.substr(space + 1));
            cases += "    \"" + std::string(command.path) + "\") words=\"" + words(command.options) + " $global\" ;;\n";
        }
        if (!inner.empty()) cases += "    \"" + std::string(group.name) + "\") words=\"" + inner + "\" ;;\n";
    }
    return "# Completion of " + program.name + " for bash: eval \"$(" + program.name + " completion bash)\"\n" + function +
           "() {\n"
           "  local word=${COMP_WORDS[COMP_CWORD]} verb= words= i\n"
           "  local global=\"" +
           words(global_options()) +
           "\"\n"
           "  for ((i = 1; i < COMP_CWORD; i++)); do\n"
           "    case ${COMP_WORDS[i]} in -*) ;; *) [[ $verb == *\" \"*" +
           deeper + " ]] || verb=\"${verb:+$verb }${COMP_WORDS[i]}\" ;; esac\n"
           "  done\n"
           "  case $verb in\n"
           "    \"\") words=\"" +
           verbs + " $global\" ;;\n" + cases +
           "  esac\n"
           "  COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
           "  [[ ${#COMPREPLY[@]} -gt 0 || $word == -* ]] || COMPREPLY=($(compgen -f -- \"$word\"))\n"
           "}\n"
           "complete -o filenames -F " +
           function + " " + program.name + "\n";
}

}  // namespace tenon::cli
