#include "command.hpp"

#include <algorithm>
#include <charconv>
#include <numeric>

#include "text.hpp"

namespace tenon::cli {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t above = row[j];
            row[j] = std::min({above + 1, row[j - 1] + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1)});
            diagonal = above;
        }
    }
    return row.back();
}

std::string did_you_mean(std::string_view given, const std::vector<std::string_view>& known) {
    std::string_view best;
    std::size_t least = 3;
    for (const auto candidate : known) {
        const auto d = given.size() > 2 && candidate.starts_with(given) ? 0 : distance(given, candidate);
        if (d < least) {
            least = d;
            best = candidate;
        }
    }
    return best.empty() ? std::string() : ". Did you mean “" + std::string(best) + "”?";
}

/// The last word of its path; none where the group is the command.
std::string_view verb_of(const Command& command) {
    const auto space = command.path.rfind(' ');
    return space == std::string_view::npos ? std::string_view() : command.path.substr(space + 1);
}

const Option* find_option(const Command* command, std::string_view name) {
    const auto named = [&](const Option& option) { return option.name == name; };
    if (command != nullptr) {
        const auto own = std::find_if(command->options.begin(), command->options.end(), named);
        if (own != command->options.end()) return &*own;
    }
    const auto& global = global_options();
    const auto found = std::find_if(global.begin(), global.end(), named);
    return found == global.end() ? nullptr : &*found;
}

class Parser {
public:
    Parser(const std::vector<std::string>& words, Parsed& out) : words_(words), out_(out) {}

    void run() {
        bool options_end = false;
        while (next_ < words_.size()) {
            const std::string& word = words_[next_++];
            if (!options_end && word == "--") options_end = true;
            else if (!options_end && word.size() > 1 && word[0] == '-') option(word);
            else if (out_.command == nullptr || is_verb_of_group(word)) verb(word);
            else out_.args.operands.push_back(word);
        }
        if (out_.command != nullptr && !out_.help && !out_.version) check();
    }

private:
    void option(const std::string& word) {
        if (word == "-h" || word == "--help") {
            out_.help = true;
            return;
        }
        if (word == "--version") {
            out_.version = true;
            return;
        }
        const auto equals = word.find('=');
        const std::string name = word.substr(0, equals);
        const Option* known = find_option(out_.command, name);
        if (known == nullptr) unknown_option(name);
        auto& values = out_.args.options[std::string(known->name)];
        if (!values.empty() && !known->repeats) throw UsageError(name + " was given twice");
        if (known->value.empty()) {
            if (equals != std::string::npos) throw UsageError(name + " takes no value");
            values.emplace_back();
        } else if (equals != std::string::npos) {
            values.push_back(word.substr(equals + 1));
        } else {
            if (next_ == words_.size()) throw UsageError(name + " needs a value: " + std::string(known->value));
            values.push_back(words_[next_++]);
        }
    }

    [[noreturn]] void unknown_option(const std::string& name) const {
        std::vector<std::string_view> names;
        if (out_.command != nullptr)
            for (const auto& option : out_.command->options) names.push_back(option.name);
        for (const auto& option : global_options()) names.push_back(option.name);
        throw UsageError("there is no option " + name + did_you_mean(name, names));
    }

    /// A group's first command may have no verb of its own: "usage", beside "usage record".
    bool is_verb_of_group(const std::string& word) const {
        const auto& commands = out_.group->commands;
        return verb_of(*out_.command).empty() && out_.command->operands.empty() &&
               std::any_of(commands.begin(), commands.end(), [&](const Command& command) { return verb_of(command) == word; });
    }

    void verb(const std::string& word) {
        if (out_.group == nullptr) {
            if (word == "help") {
                out_.help = true;
                return;
            }
            std::vector<std::string_view> names;
            for (const auto& group : groups()) {
                if (group.name.find(' ') == std::string_view::npos) names.push_back(group.name);
                if (group.name == word) out_.group = &group;
            }
            if (out_.group == nullptr) throw UsageError("there is no verb “" + clean(word) + "”" + did_you_mean(word, names));
            const auto& first = out_.group->commands.front();
            if (verb_of(first).empty()) out_.command = &first;
            return;
        }
        std::vector<std::string_view> names;
        for (const auto& command : out_.group->commands) {
            names.push_back(verb_of(command));
            if (verb_of(command) == word) out_.command = &command;
        }
        if (out_.command != nullptr) return;
        // A group within it: "backup schedule".
        const auto within = std::string(out_.group->name) + " ";
        for (const auto& group : groups()) {
            if (!group.name.starts_with(within)) continue;
            names.push_back(group.name.substr(within.size()));
            if (names.back() != word) continue;
            out_.group = &group;
            return;
        }
        throw UsageError("“" + std::string(out_.group->name) + "” has no verb “" + clean(word) + "”" +
                         did_you_mean(word, names));
    }

    void check() const {
        const auto& operands = out_.command->operands;
        const std::size_t given = out_.args.operands.size();
        for (std::size_t i = given; i < operands.size(); ++i)
            if (operands[i].required) throw UsageError(std::string(operands[i].name) + " is missing");
        if (given > operands.size() && (operands.empty() || !operands.back().repeats))
            throw UsageError("“" + clean(out_.args.operands[operands.size()]) + "” is one word too many");
        for (const auto& option : out_.command->options)
            if (option.required && !out_.args.has(option.name))
                throw UsageError(std::string(option.name) + " " + std::string(option.value) + " is missing");
    }

    const std::vector<std::string>& words_;
    std::size_t next_ = 0;
    Parsed& out_;
};

}  // namespace

bool Args::has(std::string_view option) const { return options.find(option) != options.end(); }

std::string Args::text(std::string_view option, std::string_view otherwise) const {
    const auto found = options.find(option);
    return found == options.end() ? std::string(otherwise) : found->second.back();
}

std::vector<std::string> Args::all(std::string_view option) const {
    const auto found = options.find(option);
    return found == options.end() ? std::vector<std::string>() : found->second;
}

std::int64_t Args::integer(std::string_view option, std::int64_t otherwise, std::int64_t least, std::int64_t most) const {
    if (!has(option)) return otherwise;
    const std::string given = text(option);
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(given.data(), given.data() + given.size(), number);
    if (error != std::errc() || end != given.data() + given.size() || number < least || number > most)
        throw UsageError(std::string(option) + " takes a whole number from " + std::to_string(least) + " to " +
                         std::to_string(most) + ", not “" + clean(given) + "”");
    return number;
}

std::optional<Duration> Args::duration(std::string_view option) const {
    if (!has(option)) return std::nullopt;
    const auto value = parse_duration(text(option));
    if (!value)
        throw UsageError(std::string(option) + " takes a length such as 90s, 1:30, 500ms or 2h, not “" +
                         clean(text(option)) + "”");
    return value;
}

std::optional<Bytes> Args::size(std::string_view option) const {
    if (!has(option)) return std::nullopt;
    const auto value = parse_size(text(option));
    if (!value) throw UsageError(std::string(option) + " takes a size such as 500k, 10MB or 1.5GB, not “" + clean(text(option)) + "”");
    return value;
}

std::optional<Time> Args::time(std::string_view option) const {
    if (!has(option)) return std::nullopt;
    const auto value = parse_time(text(option));
    if (!value)
        throw UsageError(std::string(option) + " takes a UTC time such as 2026-05-01T12:30:00Z, now, -10min or +8h, not “" +
                         clean(text(option)) + "”");
    return value;
}

std::string Args::operand(std::size_t index) const {
    return index < operands.size() ? operands[index] : std::string();
}

std::vector<std::string> Args::operands_from(std::size_t index) const {
    if (index >= operands.size()) return {};
    return {operands.begin() + static_cast<std::ptrdiff_t>(index), operands.end()};
}

void parse(const std::vector<std::string>& words, Parsed& parsed) { Parser(words, parsed).run(); }

std::string synopsis(const Command& command) {
    std::string out(command.path);
    for (const auto& operand : command.operands) {
        std::string one(operand.name);
        if (operand.repeats) one += " …";
        out += operand.required ? " " + one : " [" + one + "]";
    }
    for (const auto& option : command.options) {
        if (!option.required) continue;
        out += " " + std::string(option.name) + " " + std::string(option.value);
        if (option.repeats) out += " …";
    }
    const bool more = std::any_of(command.options.begin(), command.options.end(), [](const Option& o) { return !o.required; });
    return more ? out + " [options]" : out;
}

}  // namespace tenon::cli
