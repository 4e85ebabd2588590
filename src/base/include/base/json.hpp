#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace tenon::base {

/// A JSON value. Objects keep the order they were written in; a name occurs once.
class Json {
public:
    using Array = std::vector<Json>;
    using Object = std::vector<std::pair<std::string, Json>>;

    Json() noexcept = default;  ///< null
    Json(std::nullptr_t) noexcept {}
    Json(std::same_as<bool> auto value) : value_(value) {}  // nothing else turns into a bool on its way here
    /// Throws InvalidArgument for what 64 signed bits cannot hold.
    template <std::integral T>
        requires(!std::same_as<T, bool>)
    Json(T value) : value_(in_range(std::in_range<std::int64_t>(value), static_cast<std::int64_t>(value))) {}
    Json(double value) : value_(value) {}  ///< Must be finite.
    Json(const char* value) : value_(std::string(value)) {}
    Json(std::string_view value) : value_(std::string(value)) {}
    Json(std::string value) : value_(std::move(value)) {}
    Json(Array value) : value_(std::move(value)) {}
    Json(Object value) : value_(std::move(value)) {}
    static Json array() { return Json(Array{}); }
    static Json object() { return Json(Object{}); }

    bool is_null() const noexcept { return value_.index() == 0; }
    bool is_bool() const noexcept { return value_.index() == 1; }
    bool is_int() const noexcept { return value_.index() == 2; }
    bool is_double() const noexcept { return value_.index() == 3; }
    bool is_number() const noexcept { return is_int() || is_double(); }
    bool is_string() const noexcept { return value_.index() == 4; }
    bool is_array() const noexcept { return value_.index() == 5; }
    bool is_object() const noexcept { return value_.index() == 6; }

    /// Throw InvalidArgument, subject `field`, unless the value is of that kind. as_double takes an integer too.
    bool as_bool(std::string_view field = {}) const;
    std::int64_t as_int(std::string_view field = {}) const;
    double as_double(std::string_view field = {}) const;
    const std::string& as_string(std::string_view field = {}) const;
    const Array& as_array(std::string_view field = {}) const;
    const Object& as_object(std::string_view field = {}) const;
    Array& as_array(std::string_view field = {});
    Object& as_object(std::string_view field = {});

    /// The member of an object, or null: for fields that may be absent.
    const Json* find(std::string_view name) const;
    /// The member of an object. Throws InvalidArgument, subject `name`, when it is not there.
    const Json& at(std::string_view name) const;
    /// Sets a member; a null value becomes an object first.
    Json& set(std::string name, Json value);
    /// Appends an element; a null value becomes an array first.
    Json& push(Json value);

    /// Typed members. The `_or` forms take an absent or null member for the default.
    bool get_bool(std::string_view name) const { return at(name).as_bool(name); }
    std::int64_t get_int(std::string_view name) const { return at(name).as_int(name); }
    double get_double(std::string_view name) const { return at(name).as_double(name); }
    const std::string& get_string(std::string_view name) const { return at(name).as_string(name); }
    const Array& get_array(std::string_view name) const { return at(name).as_array(name); }
    const Object& get_object(std::string_view name) const { return at(name).as_object(name); }
    bool bool_or(std::string_view name, bool otherwise) const;
    std::int64_t int_or(std::string_view name, std::int64_t otherwise) const;
    double double_or(std::string_view name, double otherwise) const;
    std::string string_or(std::string_view name, std::string otherwise) const;

    /// Throws InvalidArgument, naming it, when the object has a member that is not listed.
    void allow_only(std::initializer_list<std::string_view> names) const;

    friend bool operator==(const Json&, const Json&) = default;

private:
    static std::int64_t in_range(bool fits, std::int64_t value);

    std::variant<std::nullptr_t, bool, std::int64_t, double, std::string, Array, Object> value_{nullptr};
};

struct JsonLimits {
    std::size_t max_size = 1024 * 1024;  ///< Bytes of text.
    std::size_t max_depth = 64;
};

/// RFC 8259, strictly: UTF-8, no duplicate names, no trailing text; integers must fit 64 bits.
///
/// Throws    InvalidArgument that says where, subject `field`.
Json parse_json(std::string_view text, const JsonLimits& limits = {}, std::string_view field = "json");

/// Compact, in the order kept.
std::string to_json(const Json& value);

/// RFC 8785: one value, one text; the form that is hashed and signed.
///
/// Throws    InvalidArgument for an integer beyond ±(2⁵³ − 1), which other readers would round.
std::string to_canonical_json(const Json& value);

/// A string as both forms write it, quotes and escapes included. What is no UTF-8 in it becomes U+FFFD: a name from a disk must
/// not make a document that nobody can read.
void append_json_string(std::string& out, std::string_view text);

}  // namespace tenon::base
