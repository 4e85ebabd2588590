#include "shipped_data.hpp"

#include <tenon/error.hpp>

namespace tenon::render {

std::string_view shipped_text(std::span<const Shipped> files, const std::string& name, const std::string& missing) {
    constexpr std::size_t most_shown = 64;
    std::string known;
    for (const Shipped& shipped : files) {
        if (shipped.name == name) return shipped.text;
        known += (known.empty() ? "" : ", ") + std::string(shipped.name);
    }
    throw NotFound(missing + "; there are " + known, {.subject = name.substr(0, most_shown)});
}

std::int32_t in_range(const base::Json& json, const char* field, std::int64_t least, std::int64_t most) {
    const std::int64_t value = json.get_int(field);
    if (value < least || value > most)
        throw InvalidArgument(std::string(field) + " lies between " + std::to_string(least) + " and " + std::to_string(most),
                              {.subject = field});
    return static_cast<std::int32_t>(value);
}

}  // namespace tenon::render
