#include "json_schema.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <string_view>

#include <base/text.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using base::Json;

constexpr std::size_t longest_text = 2000;  // where a schema does not say

constexpr std::string_view keywords[] = {"$schema",  "$id",   "title",         "description", "default",  "type", "properties",
                                         "required", "items", "maxProperties", "minItems",    "maxItems", "enum", "uniqueItems",
                                         "minimum",  "maximum", "minLength",   "maxLength",   "format",   "additionalProperties"};

[[noreturn]] void refuse(const std::string& path, const std::string& why) { throw InvalidArgument(why, {.subject = path}); }

std::string below(const std::string& path, const std::string& name) { return path.empty() ? name : path + "/" + name; }

bool is_type(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_bool();
    if (type == "integer") return value.is_int();
    if (type == "number") return value.is_number();
    throw InternalError("a schema has an unknown type", {.subject = type});
}

bool is_small(char c) { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

template <class Is> bool all(std::string_view text, Is is) { return !text.empty() && std::ranges::all_of(text, is); }

bool is_word(std::string_view text) {
    return all(text, [](char c) { return is_small(c) || is_digit(c) || c == '_'; });
}

bool is_slug(std::string_view text) {
    return all(text, [](char c) { return is_small(c) || is_digit(c) || c == '-'; }) && text.front() != '-' && text.back() != '-';
}

/// "job.succeeded", or "job." for all that begin so.
bool is_event(std::string_view text) {
    return all(text, [](char c) { return is_small(c) || is_digit(c) || c == '_' || c == '.'; }) && is_small(text.front());
}

/// As RFC 5646 shapes them: "de", "pt-BR", "zh-Hant-TW".
bool is_language(std::string_view text) {
    const auto letter = [](char c) { return is_small(c) || (c >= 'A' && c <= 'Z'); };
    const auto first = text.substr(0, text.find('-'));
    if (first.size() < 2 || first.size() > 3 || !all(first, letter)) return false;
    for (auto rest = text.substr(first.size()); !rest.empty();) {
        const auto part = rest.substr(1, rest.find('-', 1) - 1);
        if (part.size() > 8 || !all(part, [&](char c) { return letter(c) || is_digit(c); })) return false;
        rest.remove_prefix(1 + part.size());
    }
    return true;
}

/// "#1a2b3c", with alpha "#1a2b3c80".
bool is_colour(std::string_view text) {
    return (text.size() == 7 || text.size() == 9) && text.front() == '#' && all(text.substr(1), is_hex);
}

/// A page that a browser may be sent to: https, a host, no user, nothing that could end an attribute.
bool is_url(std::string_view text) {
    constexpr std::string_view scheme = "https://";
    if (!text.starts_with(scheme) || text.size() == scheme.size()) return false;
    const auto host = text.substr(scheme.size(), text.find_first_of("/?#", scheme.size()) - scheme.size());
    return !host.empty() && host.find('@') == std::string_view::npos &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '"' || c == '<' || c == '>' || c == '\\'; });
}

bool is_email(std::string_view text) {
    const auto at = text.find('@');
    return at != std::string_view::npos && at > 0 && at + 1 < text.size() && text.find('@', at + 1) == std::string_view::npos &&
           text.find('.', at) != std::string_view::npos &&
           std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '<' || c == '>' || c == ','; });
}

/// "07:30"
bool is_clock(std::string_view text) {
    return text.size() == 5 && text[2] == ':' && is_digit(text[0]) && is_digit(text[1]) && is_digit(text[3]) && is_digit(text[4]) &&
           text.substr(0, 2) <= "23" && text.substr(3) <= "59";
}

/// The value of one CSS variable: no way out of its declaration, nothing that loads or runs.
bool is_css_value(std::string_view text) {
    constexpr std::string_view special = ";{}<>\\\"'@:";
    const auto outside = [&](char c) { return static_cast<unsigned char>(c) < ' ' || special.find(c) != std::string_view::npos; };
    if (text.empty() || std::ranges::any_of(text, outside)) return false;
    std::string lower(text);
    std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    for (const std::string_view loads : {"url(", "image(", "image-set(", "expression(", "/*"})
        if (lower.find(loads) != std::string::npos) return false;
    return true;
}

void check_format(const std::string& format, const std::string& text, const std::string& path) {
    struct Format {
        std::string_view name;
        bool (*fits)(std::string_view);
        const char* what;
    };
    static constexpr std::array formats{Format{"word", is_word, "a word of a-z, 0-9 and _"},
                                        Format{"slug", is_slug, "a name of a-z, 0-9 and -"},
                                        Format{"event", is_event, "a kind of event, such as job.succeeded"},
                                        Format{"language", is_language, "a language, such as de or pt-BR"},
                                        Format{"colour", is_colour, "a colour, such as #1a2b3c"},
                                        Format{"url", is_url, "an address that begins with https://"},
                                        Format{"email", is_email, "an e-mail address"},
                                        Format{"clock", is_clock, "a time of day, such as 07:30"},
                                        Format{"css_value", is_css_value, "a plain CSS value"}};
    const auto* known = std::ranges::find(formats, std::string_view(format), &Format::name);
    if (known == formats.end()) throw InternalError("a schema has an unknown format", {.subject = format});
    if (!known->fits(text)) refuse(path, std::string("must be ") + known->what);
}

void check_text(const Json& schema, const std::string& text, const std::string& path) {
    const auto most = static_cast<std::size_t>(schema.int_or("maxLength", longest_text));
    base::check_text(path, text, most);
    if (base::utf8_length(text) < static_cast<std::size_t>(schema.int_or("minLength", 0)))
        refuse(path, "needs at least " + std::to_string(schema.int_or("minLength", 0)) + " characters");
    if (const auto* format = schema.find("format")) check_format(format->as_string(), text, path);
}

void check_number(const Json& schema, const Json& value, const std::string& path) {
    if (const auto* least = schema.find("minimum"); least && value.as_double() < least->as_double())
        refuse(path, "must be " + base::to_json(*least) + " or more");
    if (const auto* most = schema.find("maximum"); most && value.as_double() > most->as_double())
        refuse(path, "must be " + base::to_json(*most) + " or less");
}

void check_array(const Json& schema, const Json::Array& array, const std::string& path) {
    const auto size = static_cast<std::int64_t>(array.size());
    if (size < schema.int_or("minItems", 0)) refuse(path, "needs at least " + std::to_string(schema.int_or("minItems", 0)));
    if (const auto* most = schema.find("maxItems"); most && size > most->as_int()) refuse(path, "has at most " + base::to_json(*most));
    if (schema.bool_or("uniqueItems", false))
        for (std::size_t i = 1; i < array.size(); ++i)
            if (std::find(array.begin(), array.begin() + static_cast<std::ptrdiff_t>(i), array[i]) != array.begin() + static_cast<std::ptrdiff_t>(i))
                refuse(below(path, std::to_string(i)), "is there twice");
    if (const auto* items = schema.find("items"))
        for (std::size_t i = 0; i < array.size(); ++i) check_schema(*items, array[i], below(path, std::to_string(i)));
}

void check_object(const Json& schema, const Json& value, const std::string& path) {
    const auto& members = value.as_object();
    if (const auto* most = schema.find("maxProperties"); most && static_cast<std::int64_t>(members.size()) > most->as_int())
        refuse(path, "has at most " + base::to_json(*most) + " members");
    if (const auto* required = schema.find("required"))
        for (const auto& name : required->as_array())
            if (!value.find(name.as_string())) refuse(below(path, name.as_string()), "is missing");
    const auto* known = schema.find("properties");
    const auto* others = schema.find("additionalProperties");
    for (const auto& [name, member] : members) {
        base::check_text(path, name, 200);
        if (const auto* own = known ? known->find(name) : nullptr) check_schema(*own, member, below(path, name));
        else if (others && others->is_bool() && !others->as_bool()) refuse(below(path, name), "there is no such setting");
        else if (others && others->is_object()) check_schema(*others, member, below(path, name));
        else check_schema(Json::object(), member, below(path, name));
    }
}

void check_keywords(const Json& schema) {
    for (const auto& [name, value] : schema.as_object())
        if (std::ranges::find(keywords, std::string_view(name)) == std::end(keywords))
            throw InternalError("a schema has an unknown keyword", {.subject = name});
}

}  // namespace

void check_schema(const Json& schema, const Json& value, const std::string& path) {
    check_keywords(schema);
    if (const auto* type = schema.find("type"); type && !is_type(value, type->as_string()))
        refuse(path, "must be of type " + type->as_string());
    if (const auto* values = schema.find("enum"); values && std::ranges::find(values->as_array(), value) == values->as_array().end())
        refuse(path, "must be one of " + base::to_json(*values));
    if (value.is_string()) check_text(schema, value.as_string(), path);
    if (value.is_number()) check_number(schema, value, path);
    if (value.is_array()) check_array(schema, value.as_array(), path);
    if (value.is_object()) check_object(schema, value, path);
}

}  // namespace tenon::tenant
