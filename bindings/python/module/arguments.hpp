#pragma once

#include <initializer_list>
#include <vector>

#include "convert.hpp"

namespace tenon_python {

/// The arguments of one call: by place, by name, or one struct by the names of its fields.
class Arguments {
public:
    /// `whole` says which parameter is a struct whose fields may be given as keywords; -1: none.
    Arguments(const char* call, const py::args& args, const py::kwargs& keywords, std::initializer_list<const char*> names, int whole = -1);

    template <class T>
    T take(int index) const {
        if (!given_[static_cast<std::size_t>(index)]) missing(index);
        return tenon_python::take<T>(given_[static_cast<std::size_t>(index)], {call_, names_[static_cast<std::size_t>(index)]});
    }
    template <class T>
    T take(int index, T otherwise) const {
        return given_[static_cast<std::size_t>(index)] ? take<T>(index) : otherwise;
    }
    /// A struct, whole or by its fields.
    template <class T>
    T fields(int index) const {
        if (given_[static_cast<std::size_t>(index)]) {
            if (left_) unexpected(nullptr);
            return take<T>(index);
        }
        T made{};
        if (!left_) return made;
        FromKeywords reader{keywords_, python_class<T>(), call_};
        Describe<T>::visit(reader, made);
        if (PyErr_Occurred()) throw py::error_already_set();
        if (reader.used != left_) unexpected(&python_class<T>());
        return made;
    }
    /// As it was given; for handles.
    py::handle given(int index) const {
        if (!given_[static_cast<std::size_t>(index)]) missing(index);
        return given_[static_cast<std::size_t>(index)];
    }

private:
    [[noreturn]] void missing(int index) const;
    [[noreturn]] void unexpected(const PythonClass* fields) const;

    const char* call_;
    py::handle keywords_;
    std::vector<const char*> names_;
    std::vector<PyObject*> given_;
    std::size_t left_ = 0;  ///< Keywords that are none of the names.
};

using Method = py::object (*)(py::handle self, py::args args, py::kwargs keywords);
using Getter = py::object (*)(py::handle self);
using Free = py::object (*)(py::args args, py::kwargs keywords);

void add_method(py::handle to, const char* name, Method method, const char* doc);
void add_getter(py::handle to, const char* name, Getter getter, const char* doc);
void add_static(py::handle to, const char* name, Free function, const char* doc);

}  // namespace tenon_python
