#pragma once

#include <algorithm>
#include <string>

namespace tenon::tenant::access {

/// What emails and names are compared by: of a-z alone, because what else folds depends on a language.
inline std::string lower(std::string text) {
    std::ranges::transform(text, text.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return text;
}

}  // namespace tenon::tenant::access
