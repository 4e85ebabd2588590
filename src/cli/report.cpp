#include "report.hpp"

#include <array>
#include <cstdio>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "json.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

/// The verb that lists the kind of thing that a message says is missing. Empty: the message names none.
std::string lister(const Program& program, std::string_view message) {
    struct Kind {
        std::string_view named, verb;
    };
    constexpr std::array kinds{Kind{"the snapshot has no such file or folder", "backup browse"}, Kind{"this was erased", "backup erasures"},
                               Kind{"backed up under this subject", "backup subjects"}, Kind{"asset", "asset list"},
                               Kind{"project", "project list"}, Kind{"snapshot", "backup list"},
                               Kind{"camera", "camera list"}, Kind{"tenant", "tenant list"}, Kind{"plan", "tenant plans"},
                               Kind{"export", "export list"}, Kind{"render", "render list"}, Kind{"job", "job list"},
                               Kind{"key", "backup keys"}, Kind{"footage", "camera recordings"}};
    if (message.find("“" + program.name + " ") != std::string_view::npos) return {};  // it says so itself
    std::size_t first = std::string_view::npos;
    std::string_view verb;
    for (const auto& kind : kinds) {
        const auto at = message.find(kind.named);
        if (at >= first) continue;
        first = at;
        verb = kind.verb;
    }
    return verb.empty() ? std::string() : "“" + program.name + " " + std::string(verb) + "” shows what there is.";
}

std::string of_quota(const Program& program, const Error& error) {
    std::string text = "“" + program.name + " quota” shows where every limit stands";
    if (error.resets_at()) text += "; this one begins anew at " + clock(*error.resets_at());
    else if (error.resource() == "storage" || error.resource() == "projects" || error.resource() == "cameras")
        text += "; remove what is no longer needed";
    return text + ", or move the tenant to a larger plan.";
}

}  // namespace

std::string next_step(const Program& program, const Command* command, const Error& error) {
    const std::string help = command == nullptr ? program.name + " --help" : program.name + " " + std::string(command->path) + " --help";
    switch (error.code()) {
    case Errc::invalid_argument: return "“" + help + "” says what it takes.";
    case Errc::unauthenticated: return "Check who you are: --actor and --role.";
    case Errc::permission_denied:
        if (std::string_view(error.what()).find("network") != std::string_view::npos)
            return "--camera-network or $" + program.prefix + "CAMERA_NETWORKS names networks that cameras may live in.";
        if (std::string_view(error.what()).find("the role") == std::string_view::npos &&
            std::string_view(error.what()).find("the tenant is") == std::string_view::npos)
            return {};  // a key, a password, the operating system: no role helps
        return "Another --role may do this; “" + program.name + " tenant show” tells the tenant's state and plan.";
    case Errc::not_found: return lister(program, error.what());
    case Errc::conflict: return {};
    case Errc::quota_exceeded: return of_quota(program, error);
    case Errc::rate_limited:
        return error.resets_at() ? "Try again after " + clock(*error.resets_at()) + "." : "Try again a little later.";
    case Errc::unsupported: return {};
    case Errc::corrupt: return "“" + program.name + " backup check” tells whether a backup is whole, “" + program.name +
                               " backup restore” brings files back.";
    case Errc::no_space: return "Free some space on the disk that holds the home, then do the same again.";
    case Errc::unavailable:
        if (std::string_view(error.what()).find("store of this repository is away or lost") != std::string_view::npos)
            return "Where its disk is there and the repository is not, “" + program.name + " backup sync --heal” brings it back from other stores.";
        return "Try again; if it stays so, look at the log in the home's logs folder.";
    case Errc::cancelled: return {};
    case Errc::closed: return "Do the same again.";
    case Errc::internal_error: return "This is a defect: please report it with the log in the home's logs folder.";
    }
    return {};
}

int report(const Program& program, const Command* command, bool json, const Error& error) {
    const std::string next = next_step(program, command, error);
    if (json) {
        std::fprintf(stderr, "%s\n", boost::json::serialize(to_json(error, next)).c_str());
        return exit_code(error.code());
    }
    const std::string message = clean(error.what()), subject = clean(error.subject());
    const bool named = subject.empty() || message.find(subject) != std::string::npos;
    std::fprintf(stderr, "%s: %s (%s%s%s)\n", program.name.c_str(), message.c_str(), to_string(error.code()), named ? "" : ": ",
                 named ? "" : subject.c_str());
    if (!next.empty()) std::fprintf(stderr, "%s\n", next.c_str());
    if (error.code() == Errc::internal_error && !program.brand.url.empty())
        std::fprintf(stderr, "%s\n", clean(program.brand.url).c_str());
    return exit_code(error.code());
}

int report_usage(const Program& program, const Parsed& parsed, bool json, const std::string& message) {
    std::string help = program.name;
    if (parsed.command != nullptr) help += " " + std::string(parsed.command->path);
    else if (parsed.group != nullptr) help += " " + std::string(parsed.group->name);
    const std::string next = "“" + help + " --help” tells more.";
    if (json) {
        const boost::json::object document{{"code", "usage"}, {"number", 0}, {"message", message}, {"hint", next}};
        std::fprintf(stderr, "%s\n", boost::json::serialize(document).c_str());
    } else {
        std::fprintf(stderr, "%s: %s\n", program.name.c_str(), message.c_str());
        if (parsed.command != nullptr) std::fprintf(stderr, "Usage: %s %s\n", program.name.c_str(), synopsis(*parsed.command).c_str());
        std::fprintf(stderr, "%s\n", next.c_str());
    }
    return exit_usage;
}

}  // namespace tenon::cli
