#include "globs.hpp"

#include <fnmatch.h>

namespace tenon::backup {

bool Globs::match(const std::string& path) const {
    const auto slash = path.rfind('/');
    const auto name = slash == std::string::npos ? path : path.substr(slash + 1);
    for (const auto& pattern : patterns_) {
        const auto& against = pattern.find('/') == std::string::npos ? name : path;
        if (fnmatch(pattern.c_str(), against.c_str(), FNM_PATHNAME) == 0) return true;
    }
    return false;
}

}  // namespace tenon::backup
