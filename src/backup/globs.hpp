#pragma once

#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::backup {

/// Patterns of what to leave out. `*`, `?` and `[…]` stand for parts of one name, `**` for any number of folders. A pattern
/// with a '/' before its end is about whole paths, any other about names in every folder; one that ends with '/' is about
/// folders alone. Leaving out a folder leaves out what is below it. One that begins with '!' takes back what those before it
/// left out; the last that fits decides.
class Globs {
public:
    /// Throws InvalidArgument (subject: `field`) for patterns that are empty, too long or hold a NUL byte.
    explicit Globs(const std::vector<std::string>& patterns, std::string_view field = "exclude");
    bool empty() const { return rules_.empty(); }
    bool match(const std::string& path, bool is_folder) const;

private:
    struct Rule {
        std::vector<std::string> names;
        bool anywhere = false;
        bool folders_only = false;
        bool takes_back = false;
    };
    std::vector<Rule> rules_;
};

/// Files and folders that alone are wanted, with what is below them. None: everything.
class Includes {
public:
    /// Throws InvalidArgument, subject "include".
    explicit Includes(const std::vector<std::string>& paths);
    bool match(const std::string& path, bool is_folder) const;

private:
    std::set<std::string, std::less<>> paths_;
};

}  // namespace tenon::backup
