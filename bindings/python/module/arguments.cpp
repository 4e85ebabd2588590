#include "arguments.hpp"

#include <algorithm>

namespace tenon_python {

Arguments::Arguments(const char* call, const py::args& args, const py::kwargs& keywords, std::initializer_list<const char*> names,
                     int whole)
    : call_(call), keywords_(keywords), names_(names), given_(names.size()), left_(keywords.size()) {
    if (args.size() > names_.size()) {
        PyErr_Format(PyExc_TypeError, "%s takes at most %zu positional argument%s (%zu given)", call, names_.size(),
                     names_.size() == 1 ? "" : "s", args.size());
        throw py::error_already_set();
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (i < args.size()) given_[i] = PyTuple_GET_ITEM(args.ptr(), static_cast<Py_ssize_t>(i));
        if (!left_) continue;
        PyObject* found = PyDict_GetItemString(keywords.ptr(), names_[i]);
        if (!found) continue;
        if (given_[i]) {
            PyErr_Format(PyExc_TypeError, "%s got multiple values for argument '%s'", call, names_[i]);
            throw py::error_already_set();
        }
        given_[i] = found;
        --left_;
    }
    if (left_ && whole < 0) unexpected(nullptr);
}

void Arguments::missing(int index) const {
    PyErr_Format(PyExc_TypeError, "%s missing required argument: '%s'", call_, names_[static_cast<std::size_t>(index)]);
    throw py::error_already_set();
}

void Arguments::unexpected(const PythonClass* fields) const {
    for (const auto& [key, value] : py::reinterpret_borrow<py::dict>(keywords_)) {
        const auto is = [key = key](const char* name) { return PyUnicode_CompareWithASCIIString(key.ptr(), name) == 0; };
        bool known = std::any_of(names_.begin(), names_.end(), is);
        if (fields)
            for (PyObject* name : fields->names) known = known || PyUnicode_Compare(key.ptr(), name) == 0;
        if (!known) {
            PyErr_Format(PyExc_TypeError, "%s got an unexpected keyword argument '%U'", call_, key.ptr());
            throw py::error_already_set();
        }
    }
    PyErr_Format(PyExc_TypeError, "%s got unexpected keyword arguments", call_);
    throw py::error_already_set();
}

void add_method(py::handle to, const char* name, Method method, const char* doc) {
    to.attr(name) = py::cpp_function(method, py::name(name), py::is_method(to), py::doc(doc));
}

void add_getter(py::handle to, const char* name, Getter getter, const char* doc) {
    static PyObject* const property = py::object(py::module_::import("builtins").attr("property")).release().ptr();
    to.attr(name) = py::handle(property)(py::cpp_function(getter, py::name(name), py::is_method(to)), py::none(), py::none(), doc);
}

void add_static(py::handle to, const char* name, Free function, const char* doc) {
    static PyObject* const method = py::object(py::module_::import("builtins").attr("staticmethod")).release().ptr();
    const py::cpp_function made(function, py::name(name), py::doc(doc));
    if (PyModule_Check(to.ptr()))
        to.attr(name) = made;
    else
        to.attr(name) = py::handle(method)(made);
}

}  // namespace tenon_python
