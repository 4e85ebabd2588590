#include <base/json.hpp>

#include <algorithm>

#include <tenon/error.hpp>

namespace tenon::base {
namespace {

[[noreturn]] void refuse(std::string_view field, std::string_view why) {
    const std::string name(field.empty() ? "value" : field);
    throw InvalidArgument(name + std::string(why), {.subject = name});
}

template <class T, class Variant> auto& held(Variant& value, std::string_view field, std::string_view why) {
    if (auto* const found = std::get_if<T>(&value)) return *found;
    refuse(field, why);
}

const Json* given(const Json& object, std::string_view name) {
    const auto* const member = object.find(name);
    return member && !member->is_null() ? member : nullptr;
}

}  // namespace

std::int64_t Json::in_range(bool fits, std::int64_t value) {
    if (!fits) throw InvalidArgument("an integer does not fit 64 bits", {.subject = "json"});
    return value;
}

bool Json::as_bool(std::string_view field) const { return held<bool>(value_, field, " must be true or false"); }
std::int64_t Json::as_int(std::string_view field) const {
    return held<std::int64_t>(value_, field, " must be an integer");
}
double Json::as_double(std::string_view field) const {
    if (is_int()) return static_cast<double>(std::get<std::int64_t>(value_));
    return held<double>(value_, field, " must be a number");
}
const std::string& Json::as_string(std::string_view field) const {
    return held<std::string>(value_, field, " must be a string");
}
const Json::Array& Json::as_array(std::string_view field) const { return held<Array>(value_, field, " must be an array"); }
const Json::Object& Json::as_object(std::string_view field) const {
    return held<Object>(value_, field, " must be an object");
}
Json::Array& Json::as_array(std::string_view field) { return held<Array>(value_, field, " must be an array"); }
Json::Object& Json::as_object(std::string_view field) { return held<Object>(value_, field, " must be an object"); }

const Json* Json::find(std::string_view name) const {
    for (const auto& [key, value] : as_object())
        if (key == name) return &value;
    return nullptr;
}

const Json& Json::at(std::string_view name) const {
    if (const auto* const member = find(name)) return *member;
    refuse(name, " is missing");
}

Json& Json::set(std::string name, Json value) {
    if (is_null()) value_ = Object{};
    auto& members = as_object();
    const auto at = std::ranges::find(members, name, &Object::value_type::first);
    if (at != members.end()) at->second = std::move(value);
    else members.emplace_back(std::move(name), std::move(value));
    return *this;
}

Json& Json::push(Json value) {
    if (is_null()) value_ = Array{};
    as_array().push_back(std::move(value));
    return *this;
}

bool Json::bool_or(std::string_view name, bool otherwise) const {
    const auto* const member = given(*this, name);
    return member ? member->as_bool(name) : otherwise;
}
std::int64_t Json::int_or(std::string_view name, std::int64_t otherwise) const {
    const auto* const member = given(*this, name);
    return member ? member->as_int(name) : otherwise;
}
double Json::double_or(std::string_view name, double otherwise) const {
    const auto* const member = given(*this, name);
    return member ? member->as_double(name) : otherwise;
}
std::string Json::string_or(std::string_view name, std::string otherwise) const {
    const auto* const member = given(*this, name);
    return member ? member->as_string(name) : std::move(otherwise);
}

void Json::allow_only(std::initializer_list<std::string_view> names) const {
    for (const auto& [key, value] : as_object())
        if (std::ranges::find(names, key) == names.end()) refuse(key, " is not a known field");
}

}  // namespace tenon::base
