#pragma once

#include <string>
#include <string_view>

namespace tenon::tenant {

/// Text as it is searched in: letters of the Latin, Greek and Cyrillic scripts in their small form. `text` must be UTF-8.
std::string folded(std::string_view text);

/// Part of a name, upper and lower case alike.
class Search {
public:
    /// Throws InvalidArgument, subject `field`.
    Search(std::string_view field, std::string_view text);
    /// Empty text finds everything.
    bool finds(std::string_view in) const { return wanted_.empty() || folded(in).find(wanted_) != std::string::npos; }

private:
    std::string wanted_;
};

}  // namespace tenon::tenant
