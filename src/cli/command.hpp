#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/units.hpp>

namespace tenon::cli {

class Context;
class Args;

struct Option {
    std::string_view name;     // "--clip"
    std::string_view value{};  // "DURATION"; empty: a switch
    std::string_view help{};
    bool repeats = false;
    bool required = false;
};

struct Operand {
    std::string_view name;  // "PROJECT"
    std::string_view help{};
    bool required = true;
    bool repeats = false;
};

struct Example {
    std::string_view command;  // Without the program's name.
    std::string_view what;
};

/// One verb as data: the parser, --help and shell completion all read it.
struct Command {
    std::string_view path;     // "project create"
    std::string_view summary;  // One line of a list.
    std::string_view about;    // The paragraph of --help.
    std::vector<Operand> operands{};
    std::vector<Option> options{};
    std::vector<Example> examples{};
    int (*run)(Context&, const Args&) = nullptr;
    bool makes_home = false;  // May be the first command in an empty place.
    bool looks = false;       // Only reads: no work that the home has to do is begun for it.
};

struct Group {
    std::string_view name;
    std::string_view summary;
    std::string_view about;
    std::vector<Command> commands{};
};

const std::vector<Group>& groups();
const std::vector<Option>& global_options();

/// Wrong words on the command line. Exit code 2.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What was given to one verb.
class Args {
public:
    bool has(std::string_view option) const;
    std::string text(std::string_view option, std::string_view otherwise = "") const;
    std::vector<std::string> all(std::string_view option) const;
    std::int64_t integer(std::string_view option, std::int64_t otherwise, std::int64_t least, std::int64_t most) const;
    std::optional<Duration> duration(std::string_view option) const;
    std::optional<Time> time(std::string_view option) const;
    std::optional<Bytes> size(std::string_view option) const;

    std::string operand(std::size_t index) const;  // Empty: not given.
    std::vector<std::string> operands_from(std::size_t index) const;

    std::map<std::string, std::vector<std::string>, std::less<>> options{};
    std::vector<std::string> operands{};
};

struct Parsed {
    const Group* group = nullptr;      // Null: none named.
    const Command* command = nullptr;  // Null: none named, or only a group.
    Args args{};
    bool help = false;
    bool version = false;
};

/// Fills `parsed` as far as it gets, so that an error can say where.
void parse(const std::vector<std::string>& words, Parsed& parsed);

/// The words of a verb as one would type them: "render start --clip ASSET[:START-END] …"
std::string synopsis(const Command& command);

}  // namespace tenon::cli
