#include "globs.hpp"

#include <fnmatch.h>

#include <backup/repository.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::size_t longest = 4096, most = 10'000;

std::vector<std::string> split(std::string_view text) {
    std::vector<std::string> names;
    while (!text.empty()) {
        const auto end = std::min(text.find('/'), text.size());
        if (end > 0) names.emplace_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return names;
}

bool fits(const std::string& pattern, const std::string& name) { return fnmatch(pattern.c_str(), name.c_str(), 0) == 0; }

/// Each `**` is tried with ever more names; only the last one seen has to be gone back to.
bool fits(const std::vector<std::string>& patterns, const std::vector<std::string>& names) {
    std::size_t p = 0, n = 0;
    std::size_t after = patterns.size() + 1, from = 0;  // behind the last `**`, and where it was last continued
    while (n < names.size()) {
        if (p < patterns.size() && patterns[p] == "**") {
            after = ++p;
            from = n;
        } else if (p < patterns.size() && fits(patterns[p], names[n])) {
            ++p;
            ++n;
        } else if (after <= patterns.size()) {
            p = after;
            n = ++from;
        } else {
            return false;
        }
    }
    while (p < patterns.size() && patterns[p] == "**") ++p;
    return p == patterns.size();
}

}  // namespace

Globs::Globs(const std::vector<std::string>& patterns, std::string_view field) {
    if (patterns.size() > most) throw InvalidArgument("these are too many patterns", {.subject = std::string(field)});
    for (const auto& pattern : patterns) {
        std::string_view text(pattern);
        if (text.size() > longest || text.find('\0') != std::string_view::npos)
            throw InvalidArgument("a pattern is too long or holds a NUL byte", {.subject = std::string(field)});
        Rule rule;
        if ((rule.takes_back = text.starts_with('!'))) text.remove_prefix(1);
        if ((rule.folders_only = text.ends_with('/'))) text.remove_suffix(1);
        rule.anywhere = text.find('/') == std::string_view::npos;
        rule.names = split(text);
        if (rule.names.empty()) throw InvalidArgument("a pattern is empty", {.subject = std::string(field)});
        rules_.push_back(std::move(rule));
    }
}

bool Globs::match(const std::string& path, bool is_folder) const {
    if (rules_.empty()) return false;
    const auto names = split(path);
    if (names.empty()) return false;
    for (auto rule = rules_.rbegin(); rule != rules_.rend(); ++rule) {
        if (rule->folders_only && !is_folder) continue;
        if (rule->anywhere ? fits(rule->names.front(), names.back()) : fits(rule->names, names)) return !rule->takes_back;
    }
    return false;
}

void check_patterns(const std::vector<std::string>& patterns) { (void)Globs(patterns); }

Includes::Includes(const std::vector<std::string>& paths) {
    if (paths.size() > most) throw InvalidArgument("these are too many paths", {.subject = "include"});
    for (const auto& path : paths) {
        if (path.size() > longest || path.find('\0') != std::string::npos)
            throw InvalidArgument("a path is too long or holds a NUL byte", {.subject = "include"});
        std::string clean;
        for (const auto& name : split(path)) {
            if (name == "." || name == "..") throw InvalidArgument("a path goes from folder to folder, never up", {.subject = "include"});
            clean += (clean.empty() ? "" : "/") + name;
        }
        if (clean.empty()) throw InvalidArgument("a path is empty", {.subject = "include"});
        paths_.insert(std::move(clean));
    }
}

bool Includes::match(const std::string& path, bool is_folder) const {
    if (paths_.empty()) return true;
    const std::string_view text(path);
    for (auto end = text.find('/'); end != std::string_view::npos; end = text.find('/', end + 1))
        if (paths_.contains(text.substr(0, end))) return true;
    if (paths_.contains(text)) return true;
    const auto below = paths_.lower_bound(path + "/");
    return is_folder && below != paths_.end() && below->starts_with(path + "/");
}

void check_includes(const std::vector<std::string>& paths) { (void)Includes(paths); }

}  // namespace tenon::backup
