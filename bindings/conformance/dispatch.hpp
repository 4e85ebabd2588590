#pragma once

#include <map>
#include <memory>
#include <set>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/json.hpp>

#include <tenon/tenon.hpp>

#include "describe.hpp"

/// Calls by name and values as JSON, for the conformance cases; the format is in README.md.
namespace conformance {

namespace json = boost::json;
using tenon_bindings::Describe;
using tenon_bindings::is_optional;
using tenon_bindings::is_vector;
using tenon_bindings::Kind;

/// A step did something else than the case says.
struct Difference : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A value under a name. What is no handle and no Timeline is its form alone.
struct Saved {
    std::string kind{};
    std::shared_ptr<void> handle{};
    json::value form{};
};

struct World {
    std::map<std::string, Saved> saved{};
    std::vector<std::string> order{};  ///< In which they were saved.
    std::set<std::string> calls{};     ///< What was covered.
};

std::string time_text(tenon::Time time);
tenon::Time parse_time(const std::string& text);
tenon::Duration parse_duration(const std::string& text);
bool is_default(const json::value& form);
std::string base_of(const std::string& name);
/// What the library's to_string says of an enum's item; empty: it has none.
std::string text_of(const std::string& kind, int number);
json::value plane_rows(const tenon::Plane& plane);
json::string text_of(const tenon::Buffer& bytes);
tenon::Buffer bytes_of(const json::string& text);
struct Result;
/// `high` or `low` of an id.
Result id_part(const Saved& id, const std::string& name);

template <class T>
concept Described = requires { Describe<T>::kind; };
template <class T>
consteval bool is_kind(Kind kind) {
    if constexpr (Described<T>) return Describe<T>::kind == kind;
    return false;
}
template <class T>
concept Held = is_kind<T>(Kind::handle) || is_kind<T>(Kind::value);

template <class T>
json::value to_json(const T& value, World& world);
template <class T>
T from_json(const json::value& form, World& world);

struct FieldsToJson {
    World& world;
    const char* owner;
    json::object& made;
    template <class F>
    void operator()(const char* name, const F& field) {
        auto form = to_json(field, world);
        if (std::is_enum_v<F> || !is_default(form)) world.calls.insert(std::string(owner) + "." + name);
        made[name] = std::move(form);
    }
};

struct FieldsFromJson {
    World& world;
    const char* owner;
    const json::object& given;
    std::size_t used = 0;
    template <class F>
    void operator()(const char* name, F& field) {
        const auto* found = given.if_contains(name);
        if (!found) return;
        ++used;
        World apart;
        if (std::is_enum_v<F> || to_json(field, apart) != *found) world.calls.insert(std::string(owner) + "." + name);
        field = from_json<F>(*found, world);
    }
};

template <class T>
json::value to_json(const T& value, World& world) {
    if constexpr (std::is_same_v<T, bool> || std::is_arithmetic_v<T>) {
        return json::value(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return json::string(value);
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
        return json::string(value.native());
    } else if constexpr (std::is_same_v<T, tenon::Time>) {
        return json::string(time_text(value));
    } else if constexpr (std::is_same_v<T, tenon::Duration>) {
        return json::string(std::to_string(value.count()) + "us");
    } else if constexpr (std::is_same_v<T, tenon::Bytes>) {
        if (value.count != 0) world.calls.insert("Bytes.count");
        return json::value(value.count);
    } else if constexpr (is_optional<T>) {
        return value ? to_json(*value, world) : json::value(nullptr);
    } else if constexpr (std::is_same_v<T, tenon::Buffer>) {
        return text_of(value);
    } else if constexpr (is_vector<T>) {
        json::array made;
        for (const auto& each : value) made.push_back(to_json(each, world));
        return made;
    } else if constexpr (std::is_enum_v<T>) {
        for (const auto& item : Describe<T>::items) {
            if (item.number != static_cast<int>(value)) continue;
            const auto said = text_of(Describe<T>::name, item.number);
            if (!said.empty() && said != item.name) throw Difference(said + " is what to_string says of " + item.name);
            world.calls.insert(std::string(Describe<T>::name) + "." + item.name);
            return json::string(item.name);
        }
        throw Difference(std::string("an unknown item of ") + Describe<T>::name);
    } else if constexpr (is_kind<T>(Kind::id)) {
        return json::string(value.text());
    } else if constexpr (Held<T>) {
        return json::object{{"handle", Describe<T>::name}};
    } else {
        json::object made;
        Describe<T>::visit(FieldsToJson{world, Describe<T>::name, made}, value);
        return made;
    }
}

/// The saved handle or Timeline that a reference stands for: {"$held": name}.
const Saved& held(const json::value& form, World& world);

template <class T>
T from_json(const json::value& form, World& world) {
    if constexpr (std::is_same_v<T, bool>) {
        return form.as_bool();
    } else if constexpr (std::is_arithmetic_v<T>) {
        return form.to_number<T>();
    } else if constexpr (std::is_same_v<T, std::string>) {
        return std::string(form.as_string());
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
        return std::string(form.as_string());
    } else if constexpr (std::is_same_v<T, tenon::Time>) {
        return parse_time(std::string(form.as_string()));
    } else if constexpr (std::is_same_v<T, tenon::Duration>) {
        return parse_duration(std::string(form.as_string()));
    } else if constexpr (std::is_same_v<T, tenon::Bytes>) {
        return {form.to_number<std::int64_t>()};
    } else if constexpr (is_optional<T>) {
        if (form.is_null()) return std::nullopt;
        return from_json<typename T::value_type>(form, world);
    } else if constexpr (std::is_same_v<T, tenon::Buffer>) {
        return bytes_of(form.as_string());
    } else if constexpr (is_vector<T>) {
        T made;
        for (const auto& each : form.as_array()) made.push_back(from_json<typename T::value_type>(each, world));
        return made;
    } else if constexpr (std::is_enum_v<T>) {
        for (const auto& item : Describe<T>::items) {
            if (form.as_string() != item.name) continue;
            world.calls.insert(std::string(Describe<T>::name) + "." + item.name);
            return static_cast<T>(item.number);
        }
        throw Difference(std::string(Describe<T>::name) + " has no " + std::string(form.as_string()));
    } else if constexpr (is_kind<T>(Kind::id)) {
        return T::parse(std::string(form.as_string()));
    } else if constexpr (Held<T>) {
        return *static_cast<T*>(held(form, world).handle.get());
    } else {
        T made{};
        FieldsFromJson reader{world, Describe<T>::name, form.as_object()};
        Describe<T>::visit(reader, made);
        if (reader.used != form.as_object().size()) throw Difference(std::string(Describe<T>::name) + " lacks a field of " + json::serialize(form));
        return made;
    }
}

/// What a call gave.
struct Result {
    json::value form{};
    std::shared_ptr<void> handle{};
    std::string kind{};  ///< Of a handle or Timeline, and of an id or struct with members.
    bool is_void = false;
};

/// The arguments of one call, and what its result becomes.
class Args {
public:
    Args(World& world, const json::array& args, const json::object* options, const Saved* self)
        : world_(world), args_(args), options_(options), self_(self) {}

    int whole = -1;  ///< Which parameter is a struct that `options` gives.

    template <class T>
    T at(int index) const {
        if (options_ && index == whole) return from_json<T>(json::value(*options_), world_);
        const auto place = place_of(index);
        if (place < args_.size()) return from_json<T>(args_[place], world_);
        if constexpr (is_kind<T>(Kind::structure)) return {};
        throw Difference("an argument is missing");
    }
    template <class T>
    T at(int index, T otherwise) const { return place_of(index) < args_.size() ? at<T>(index) : otherwise; }
    template <class H>
    H& handle(int index) const { return *static_cast<H*>(held(args_.at(place_of(index)), world_).handle.get()); }
    /// What the call is made on, if that is a value and not a handle.
    template <class T>
    T value() const { return from_json<T>(self_->form, world_); }

    template <class T>
    Result gives(T&& value) const {
        using Plain = std::remove_cvref_t<T>;
        if constexpr (is_optional<Plain>) {
            if (!value) return {};
            return gives(*std::forward<T>(value));
        } else if constexpr (Held<Plain>) {
            Result made{to_json(value, world_), nullptr, Describe<Plain>::name};
            made.handle = std::make_shared<Plain>(std::forward<T>(value));
            return made;
        } else {
            Result made{to_json(value, world_)};
            if constexpr (is_kind<Plain>(Kind::structure) || is_kind<Plain>(Kind::id)) made.kind = Describe<Plain>::name;
            return made;
        }
    }
    template <class T, class... Given>
    Result makes(Given&&... given) const {
        Result made{json::object{{"handle", Describe<T>::name}}, nullptr, Describe<T>::name};
        made.handle = std::make_shared<T>(std::forward<Given>(given)...);
        return made;
    }
    Result nothing() const { return {.is_void = true}; }
    Result rows(const tenon::Plane& plane) const { return {plane_rows(plane)}; }

private:
    std::size_t place_of(int index) const { return static_cast<std::size_t>(options_ && whole >= 0 && index > whole ? index - 1 : index); }

    World& world_;
    const json::array& args_;
    const json::object* options_;
    const Saved* self_;
};

template <class T>
T& on(void* self) {
    return *static_cast<T*>(self);
}

struct Entry {
    const char* owner;
    const char* name;
    const char* overload;  ///< The class of its first parameter, if that is a handle.
    int whole;             ///< See Args.
    Result (*call)(void* self, Args& args);
};

void add_entries(std::vector<Entry>& all);

}  // namespace conformance
