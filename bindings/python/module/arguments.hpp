#pragma once

#include <initializer_list>
#include <vector>

#include "convert.hpp"

namespace tenon_python {

/// The arguments of one call: by place, by name, or one struct by the names of its fields.
class Arguments {
public:
    /// `whole` says which parameter is a struct whose fields may be given as keywords; -1: none.
    Arguments(const char* call, py::handle args, py::handle keywords, std::initializer_list<const char*> names, int whole = -1);

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

/// What a member does: gives its result or throws, or gives nothing once Python's error is set. `keywords` may be null.
using Method = py::object (*)(py::handle self, py::handle args, py::handle keywords);
using Getter = py::object (*)(py::handle self);
using Free = py::object (*)(py::handle args, py::handle keywords);

// Python's own descriptors, not pybind11's functions: a call costs half as much, and an error that is already set need not be
// thrown through them. Here, and nowhere else, what is thrown becomes Python's error.
PyObject* run(Method method, PyObject* self, PyObject* args, PyObject* keywords);
PyObject* run(Getter read, PyObject* self);
PyObject* run(Free function, PyObject* args, PyObject* keywords);

void add_method(py::handle to, const char* name, PyCFunctionWithKeywords entry, const char* doc);
void add_getter(py::handle to, const char* name, getter entry, const char* doc);
void add_static(py::handle to, const char* name, PyCFunctionWithKeywords entry, const char* doc);

template <Method method>
PyObject* method_entry(PyObject* self, PyObject* args, PyObject* keywords) { return run(method, self, args, keywords); }
template <Getter read>
PyObject* getter_entry(PyObject* self, void*) { return run(read, self); }
template <Free function>
PyObject* static_entry(PyObject*, PyObject* args, PyObject* keywords) { return run(function, args, keywords); }

template <Method method>
void add_method(py::handle to, const char* name, const char* doc) { add_method(to, name, &method_entry<method>, doc); }
template <Getter read>
void add_getter(py::handle to, const char* name, const char* doc) { add_getter(to, name, &getter_entry<read>, doc); }
template <Free function>
void add_static(py::handle to, const char* name, const char* doc) { add_static(to, name, &static_entry<function>, doc); }

}  // namespace tenon_python
