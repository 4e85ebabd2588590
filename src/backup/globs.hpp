#pragma once

#include <string>
#include <vector>

namespace tenon::backup {

/// Patterns of what to leave out: `*`, `?` and `[…]` do not match '/'. One without '/' is matched with the last name of a
/// path, one with '/' with the whole path; leaving out a folder leaves out what is below it.
class Globs {
public:
    explicit Globs(std::vector<std::string> patterns) : patterns_(std::move(patterns)) {}
    bool match(const std::string& path) const;

private:
    std::vector<std::string> patterns_;
};

}  // namespace tenon::backup
