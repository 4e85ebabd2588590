#include "matching.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <regex>

#include "dispatch.hpp"

namespace conformance {
namespace {

/// Numbers as they are, Times and Durations by their count.
std::optional<double> number_of(const json::value& value) {
    if (value.is_number()) return value.to_number<double>();
    if (!value.is_string()) return std::nullopt;
    const std::string text(value.as_string());
    if (text.ends_with("us")) return static_cast<double>(parse_duration(text).count());
    if (text.ends_with("Z")) return static_cast<double>(parse_time(text).time_since_epoch().count());
    return std::nullopt;
}

bool is_kind_of(const json::value& value, const std::string& kind) {
    if (kind == "number") return value.is_number();
    if (kind == "int") return value.is_int64() || value.is_uint64();
    if (!value.is_string()) return false;
    const std::string text(value.as_string());
    if (kind == "time") {
        using namespace std::chrono;
        const auto time = parse_time(text);
        return time > sys_days(year(2020) / 1 / 1) && time < system_clock::now() + days(1);
    }
    if (kind == "path") return std::filesystem::exists(text);
    if (kind == "json") return json::parse(text).is_object();
    if (kind == "text") return !text.empty();
    if (kind == "id") return std::regex_match(text, std::regex("[a-z]{3}_(?!0{26})[0-9a-z]{26}"));
    if (kind == "duration") return std::regex_match(text, std::regex("-?[0-9]+us"));
    if (kind == "sha256") return std::regex_match(text, std::regex("[0-9a-f]{64}"));
    throw Difference("no kind " + kind);
}

bool compares(const std::string& how, const json::value& value, const json::value& wanted) {
    const auto left = number_of(value), right = number_of(wanted);
    if (!left || !right) return false;
    if (how == "$gt") return *left > *right;
    if (how == "$ge") return *left >= *right;
    if (how == "$lt") return *left < *right;
    return *left <= *right;
}

std::size_t characters(const json::string& text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

bool has(const json::value& value, const json::value& wanted) {
    if (value.is_string()) return std::string(value.as_string()).find(std::string(wanted.as_string())) != std::string::npos;
    return value.is_array() && std::ranges::any_of(value.as_array(), [&](const auto& each) { return fits(each, wanted); });
}

bool operator_fits(const std::string& name, const json::value& wanted, const json::value& value) {
    if (name == "$kind") return is_kind_of(value, std::string(wanted.as_string()));
    if (name == "$gt" || name == "$ge" || name == "$lt" || name == "$le") return compares(name, value, wanted);
    if (name == "$between") return compares("$ge", value, wanted.at(0)) && compares("$le", value, wanted.at(1));
    if (name == "$size") {
        if (value.is_array()) return fits(json::value(value.as_array().size()), wanted);
        return value.is_string() && fits(json::value(characters(value.as_string())), wanted);
    }
    if (name == "$has") return has(value, wanted);
    if (name == "$all") return value.is_array() && std::ranges::all_of(value.as_array(), [&](const auto& each) { return fits(each, wanted); });
    if (name == "$matches")
        return value.is_string() && std::regex_search(std::string(value.as_string()), std::regex(std::string(wanted.as_string())));
    if (name == "$not") return !fits(value, wanted);
    if (name == "$each") return std::ranges::all_of(wanted.as_array(), [&](const auto& each) { return fits(value, each); });
    if (name == "$any") return !value.is_null();
    throw Difference("no operator " + name);
}

}  // namespace

bool fits(const json::value& value, const json::value& wanted) {
    if (wanted.is_object()) {
        const auto& fields = wanted.as_object();
        if (fields.size() == 1 && fields.begin()->key().starts_with('$'))
            return operator_fits(std::string(fields.begin()->key()), fields.begin()->value(), value);
        return value.is_object() && std::ranges::all_of(fields, [&](const auto& field) {
                   const auto* found = value.as_object().if_contains(field.key());
                   return found && fits(*found, field.value());
               });
    }
    if (wanted.is_array()) {
        if (!value.is_array() || value.as_array().size() != wanted.as_array().size()) return false;
        for (std::size_t i = 0; i < wanted.as_array().size(); ++i)
            if (!fits(value.as_array()[i], wanted.as_array()[i])) return false;
        return true;
    }
    if (wanted.is_number() && value.is_number()) {
        if (wanted.is_double() || value.is_double()) return wanted.to_number<double>() == value.to_number<double>();
        return wanted == value;
    }
    return wanted == value;
}

}  // namespace conformance
