#include "plan_fields.hpp"

#include <algorithm>
#include <array>
#include <charconv>

#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

struct Unit {
    std::string_view field;   // the unit that the field counts in
    std::string_view symbol;  // as catalogues write it
    std::int64_t factor;
};

// Decimal, as storage is sold: a terabyte of a catalogue is 10¹² bytes.
constexpr std::array units{
    Unit{"bytes", "B", 1},       Unit{"bytes", "kB", 1'000},          Unit{"bytes", "MB", 1'000'000},
    Unit{"bytes", "GB", 1'000'000'000}, Unit{"bytes", "TB", 1'000'000'000'000}, Unit{"bytes", "PB", 1'000'000'000'000'000},
    Unit{"ms", "ms", 1},         Unit{"ms", "s", 1'000},              Unit{"ms", "min", 60'000},
    Unit{"ms", "h", 3'600'000},  Unit{"us", "s", 1'000'000},          Unit{"us", "min", 60'000'000},
    Unit{"us", "h", 3'600'000'000}, Unit{"us", "days", 86'400'000'000}, Unit{"us", "day", 86'400'000'000},
    Unit{"days", "days", 1},     Unit{"days", "day", 1},
};

// What a double holds exactly: amounts pass through JSON of other languages.
constexpr std::int64_t largest = (std::int64_t{1} << 53) - 1;

std::optional<std::int64_t> parse_amount(std::string_view text, std::string_view unit) {
    const auto space = text.find(' ');
    if (space == std::string_view::npos) return std::nullopt;
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + space, number);
    if (error != std::errc{} || end != text.data() + space || number < 0) return std::nullopt;
    for (const auto& u : units)
        if (u.field == unit && u.symbol == text.substr(space + 1))
            return number <= largest / u.factor ? std::optional(number * u.factor) : std::nullopt;
    return std::nullopt;
}

}  // namespace

Fields::Fields(const base::Json& value, std::string file, std::string where, std::initializer_list<std::string_view> allowed)
    : object_(value), file_(std::move(file)), where_(std::move(where)) {
    if (!value.is_object()) refuse({}, "must be an object");
    for (const auto& [name, ignored] : value.as_object())
        if (std::ranges::find(allowed, name) == allowed.end()) refuse(name, "unknown field");
}

std::string Fields::path(std::string_view name) const {
    if (where_.empty()) return std::string(name);
    return name.empty() ? where_ : where_ + ": " + std::string(name);
}

void Fields::refuse(std::string_view name, const std::string& why) const {
    throw InvalidArgument("plan catalogue " + file_ + ": " + path(name) + ": " + why, {.subject = file_});
}

const base::Json& Fields::require(std::string_view name) const {
    const auto* value = object_.find(name);
    if (!value) refuse(name, "missing");
    return *value;
}

std::int64_t Fields::integer(std::string_view name, std::int64_t least, std::int64_t most) const {
    const auto& value = require(name);
    if (!value.is_int()) refuse(name, "must be an integer");
    const auto number = value.as_int();
    if (number < least || number > most)
        refuse(name, "must lie between " + std::to_string(least) + " and " + std::to_string(most));
    return number;
}

std::int64_t Fields::integer_or(std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) const {
    return find(name) ? integer(name, least, most) : otherwise;
}

std::string Fields::text(std::string_view name) const {
    const auto& value = require(name);
    if (!value.is_string() || value.as_string().empty()) refuse(name, "must be a text that is not empty");
    return value.as_string();
}

std::string Fields::text_or(std::string_view name, std::string otherwise) const {
    return find(name) ? text(name) : std::move(otherwise);
}

std::optional<std::int64_t> Fields::amount(std::string_view name, std::string_view unit) const {
    const auto& value = require(name);
    if (value.is_null()) return std::nullopt;
    if (value.is_int()) return integer(name, 0, largest);
    if (value.is_string())
        if (const auto parsed = parse_amount(value.as_string(), unit)) return parsed;
    std::string known;
    for (const auto& u : units)
        if (u.field == unit) known += std::string(known.empty() ? "" : ", ") + std::string(u.symbol);
    refuse(name, "must be null, an integer from 0 in " + std::string(unit) +
                     (known.empty() ? std::string() : ", or an integer, a space and one of " + known));
}

}  // namespace tenon::tenant
