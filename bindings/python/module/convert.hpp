#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <pybind11/pybind11.h>

#include <tenon/tenon.hpp>

#include "describe.hpp"

/// Values between Python and C++. The classes of ids, enums and structs are written in Python (tenon._values); here their
/// instances are made and read, field by field, as generated descriptions say.
namespace tenon_python {

namespace py = pybind11;
using tenon_bindings::Describe;
using tenon_bindings::is_optional;
using tenon_bindings::is_vector;
using tenon_bindings::Kind;

/// What a value is for, so that an error can name it: "Projects.create(): name".
struct Place {
    const char* owner;
    const char* name;
};

[[noreturn]] void refuse(const Place& at, const char* wanted, py::handle given);

bool take_bool(py::handle value, const Place& at);
std::int64_t take_integer(py::handle value, std::int64_t least, std::int64_t most, const Place& at);
std::uint64_t take_unsigned(py::handle value, const Place& at);
double take_double(py::handle value, const Place& at);
std::string take_text(py::handle value, const Place& at);
std::filesystem::path take_path(py::handle value, const Place& at);
tenon::Time take_time(py::handle value, const Place& at);
tenon::Duration take_duration(py::handle value, const Place& at);
std::vector<tenon::Label> take_labels(py::handle value, const Place& at);
tenon::Buffer take_buffer(py::handle value, const Place& at);
/// A tuple or list of what an iterable gives; text and bytes are none here.
py::object take_sequence(py::handle value, const Place& at);

py::object give_text(const std::string& value);
py::object give_path(const std::filesystem::path& value);
py::object give_time(tenon::Time value);
py::object give_duration(tenon::Duration value);
py::object give_bytes(std::int64_t count);
py::object give_buffer(const tenon::Buffer& value);

/// A class written in Python, by its name; set once by _register and kept for ever.
struct PythonClass {
    PyTypeObject* type = nullptr;
    std::vector<PyObject*> names;    ///< Of a struct: its fields, interned.
    std::vector<PyObject*> members;  ///< Of an enum: by number.

    void find(const char* name, const py::dict& registered);
};

template <class T>
PythonClass& python_class() {
    static PythonClass known;
    return known;
}

template <class T>
concept Struct = requires { requires Describe<T>::kind == Kind::structure; };
template <class T>
concept Id = requires { requires Describe<T>::kind == Kind::id; };
template <class T>
concept Handle = requires { requires Describe<T>::kind == Kind::handle; };

template <class T>
T take(py::handle value, const Place& at);
template <class T>
py::object give(const T& value);

std::string take_id_text(const PythonClass& known, const char* name, py::handle value, const Place& at);
std::int64_t take_member(const PythonClass& known, const char* name, py::handle value, const Place& at);
py::object give_id(const PythonClass& known, const std::string& text);
py::object new_value(const PythonClass& known);
void set_field(py::handle made, PyObject* name, const py::object& value);
py::object get_field(py::handle value, PyObject* name);
void need_instance(const PythonClass& known, const char* name, py::handle value, const Place& at);

/// Reads a struct's fields from an instance of its Python class.
struct FromObject {
    py::handle object;
    const PythonClass& known;
    const char* owner;
    std::size_t at = 0;

    template <class F>
    void operator()(const char* name, F& field) {
        field = take<F>(get_field(object, known.names[at++]), {owner, name});
    }
};

/// Reads a struct's fields from keywords; what is not given keeps its default.
struct FromKeywords {
    py::handle keywords;
    const PythonClass& known;
    const char* owner;
    std::size_t used = 0;
    std::size_t at = 0;

    template <class F>
    void operator()(const char* name, F& field) {
        PyObject* found = PyDict_GetItemWithError(keywords.ptr(), known.names[at++]);
        if (!found) return;
        ++used;
        field = take<F>(found, {owner, name});
    }
};

struct ToObject {
    py::handle made;
    const PythonClass& known;
    std::size_t at = 0;

    template <class F>
    void operator()(const char*, const F& field) { set_field(made, known.names[at++], give(field)); }
};

template <class T>
T take(py::handle value, const Place& at) {
    if constexpr (std::is_same_v<T, bool>) {
        return take_bool(value, at);
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
        return take_unsigned(value, at);
    } else if constexpr (std::is_integral_v<T>) {
        return static_cast<T>(take_integer(value, std::numeric_limits<T>::min(), std::numeric_limits<T>::max(), at));
    } else if constexpr (std::is_same_v<T, double>) {
        return take_double(value, at);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return take_text(value, at);
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
        return take_path(value, at);
    } else if constexpr (std::is_same_v<T, tenon::Time>) {
        return take_time(value, at);
    } else if constexpr (std::is_same_v<T, tenon::Duration>) {
        return take_duration(value, at);
    } else if constexpr (std::is_same_v<T, tenon::Bytes>) {
        return {take<std::int64_t>(value, at)};
    } else if constexpr (std::is_same_v<T, std::vector<tenon::Label>>) {
        return take_labels(value, at);
    } else if constexpr (std::is_same_v<T, tenon::Buffer>) {
        return take_buffer(value, at);
    } else if constexpr (is_optional<T>) {
        if (value.is_none()) return std::nullopt;
        return take<typename T::value_type>(value, at);
    } else if constexpr (is_vector<T>) {
        const py::object items = take_sequence(value, at);
        const auto size = PySequence_Fast_GET_SIZE(items.ptr());
        T made;
        made.reserve(static_cast<std::size_t>(size));
        for (Py_ssize_t i = 0; i < size; ++i)
            made.push_back(take<typename T::value_type>(PySequence_Fast_GET_ITEM(items.ptr(), i), at));
        return made;
    } else if constexpr (std::is_enum_v<T>) {
        return static_cast<T>(take_member(python_class<T>(), Describe<T>::name, value, at));
    } else if constexpr (Id<T>) {
        return T::parse(take_id_text(python_class<T>(), Describe<T>::name, value, at));
    } else if constexpr (Struct<T>) {
        if (value.is_none()) return {};
        need_instance(python_class<T>(), Describe<T>::name, value, at);
        T made{};
        Describe<T>::visit(FromObject{value, python_class<T>(), Describe<T>::name}, made);
        return made;
    } else {  // a class of values that lives in C++: Timeline
        if (value.is_none()) return {};
        if (!py::isinstance<T>(value)) refuse(at, Describe<T>::name, value);
        return value.cast<const T&>();
    }
}

template <class T>
py::object give(const T& value) {
    if constexpr (std::is_same_v<T, bool>) {
        return py::bool_(value);
    } else if constexpr (std::is_same_v<T, std::uint64_t>) {
        return py::reinterpret_steal<py::object>(PyLong_FromUnsignedLongLong(value));
    } else if constexpr (std::is_integral_v<T>) {
        return py::reinterpret_steal<py::object>(PyLong_FromLongLong(value));
    } else if constexpr (std::is_same_v<T, double>) {
        return py::float_(value);
    } else if constexpr (std::is_same_v<T, std::string>) {
        return give_text(value);
    } else if constexpr (std::is_same_v<T, std::filesystem::path>) {
        return give_path(value);
    } else if constexpr (std::is_same_v<T, tenon::Time>) {
        return give_time(value);
    } else if constexpr (std::is_same_v<T, tenon::Duration>) {
        return give_duration(value);
    } else if constexpr (std::is_same_v<T, tenon::Bytes>) {
        return give_bytes(value.count);
    } else if constexpr (std::is_same_v<T, tenon::Buffer>) {
        return give_buffer(value);
    } else if constexpr (is_optional<T>) {
        return value ? give(*value) : py::none();
    } else if constexpr (is_vector<T>) {
        py::tuple made(value.size());
        for (std::size_t i = 0; i < value.size(); ++i) PyTuple_SET_ITEM(made.ptr(), static_cast<Py_ssize_t>(i), give(value[i]).release().ptr());
        return made;
    } else if constexpr (std::is_enum_v<T>) {
        return py::reinterpret_borrow<py::object>(python_class<T>().members.at(static_cast<std::size_t>(value)));
    } else if constexpr (Id<T>) {
        return give_id(python_class<T>(), value.text());
    } else if constexpr (Struct<T>) {
        py::object made = new_value(python_class<T>());
        Describe<T>::visit(ToObject{made, python_class<T>()}, value);
        return made;
    } else {
        return py::cast(value);
    }
}

}  // namespace tenon_python
