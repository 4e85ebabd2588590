#include "arguments.hpp"

#include <algorithm>
#include <exception>
#include <new>

#include <cxxabi.h>

#include "handle.hpp"

namespace tenon_python {

Arguments::Arguments(const char* call, py::handle args, py::handle keywords, std::initializer_list<const char*> names, int whole)
    : call_(call),
      keywords_(keywords),
      names_(names),
      given_(names.size()),
      left_(keywords ? static_cast<std::size_t>(PyDict_Size(keywords.ptr())) : 0) {
    const auto count = static_cast<std::size_t>(PyTuple_GET_SIZE(args.ptr()));
    if (count > names_.size()) {
        PyErr_Format(PyExc_TypeError, "%s takes at most %zu positional argument%s (%zu given)", call, names_.size(),
                     names_.size() == 1 ? "" : "s", count);
        throw py::error_already_set();
    }
    for (std::size_t i = 0; i < names_.size(); ++i) {
        if (i < count) given_[i] = PyTuple_GET_ITEM(args.ptr(), static_cast<Py_ssize_t>(i));
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

namespace {

template <class Call>
PyObject* guarded(Call&& call) {
    try {
        return call().release().ptr();
    } catch (py::error_already_set& error) {
        error.restore();
    } catch (const tenon::Error& error) {
        set_error(error);
    } catch (const std::bad_alloc&) {
        PyErr_NoMemory();
    } catch (const std::exception& error) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
    } catch (const abi::__forced_unwind&) {
        throw;  // Python ends this thread: see without_gil
    } catch (...) {
        PyErr_SetString(PyExc_SystemError, "an exception of an unknown kind");
    }
    return nullptr;
}

/// Descriptors keep pointers to what describes them, for as long as there are classes: for ever.
PyMethodDef* described(const char* name, PyCFunctionWithKeywords entry, const char* doc) {
    return new PyMethodDef{name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(entry)), METH_VARARGS | METH_KEYWORDS, doc};
}

void set_attribute(py::handle to, const char* name, PyObject* made) {
    const auto member = py::reinterpret_steal<py::object>(made);
    if (!member || PyObject_SetAttrString(to.ptr(), name, member.ptr()) != 0) throw py::error_already_set();
}

}  // namespace

PyObject* run(Method method, PyObject* self, PyObject* args, PyObject* keywords) {
    return guarded([&] { return method(self, args, keywords); });
}

PyObject* run(Getter read, PyObject* self) {
    return guarded([&] { return read(self); });
}

PyObject* run(Free function, PyObject* args, PyObject* keywords) {
    return guarded([&] { return function(args, keywords); });
}

void add_method(py::handle to, const char* name, PyCFunctionWithKeywords entry, const char* doc) {
    set_attribute(to, name, PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(to.ptr()), described(name, entry, doc)));
}

void add_getter(py::handle to, const char* name, getter entry, const char* doc) {
    auto* const read = new PyGetSetDef{name, entry, nullptr, doc, nullptr};
    set_attribute(to, name, PyDescr_NewGetSet(reinterpret_cast<PyTypeObject*>(to.ptr()), read));
}

void add_static(py::handle to, const char* name, PyCFunctionWithKeywords entry, const char* doc) {
    const auto module = py::reinterpret_steal<py::object>(PyUnicode_FromString("tenon"));
    const auto made = py::reinterpret_steal<py::object>(PyCFunction_NewEx(described(name, entry, doc), nullptr, module.ptr()));
    if (!made) throw py::error_already_set();
    set_attribute(to, name, PyModule_Check(to.ptr()) ? made.inc_ref().ptr() : PyStaticMethod_New(made.ptr()));
}

}  // namespace tenon_python
