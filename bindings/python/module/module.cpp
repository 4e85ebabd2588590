#include <memory>

#include "arguments.hpp"
#include "classes.hpp"
#include "waiting.hpp"

namespace tenon_python {
namespace {

/// The classes of errors, by code; kept for ever.
std::vector<PyObject*>& error_classes() {
    static auto* const all = new std::vector<PyObject*>;
    return *all;
}

}  // namespace

namespace {

PyObject* interned(const char* name) { return PyUnicode_InternFromString(name); }

/// The work of the class's constructor, without its keywords: what is not set here has its default in the class.
py::object made_of(const tenon::Error& error, PyObject* kind) {
    static PyObject* const message = interned("message");
    static PyObject* const subject = interned("subject");
    static PyObject* const resource = interned("resource");
    static PyObject* const limit = interned("limit");
    static PyObject* const used = interned("used");
    static PyObject* const resets_at = interned("resets_at");
    static PyObject* const retryable = interned("retryable");
    static PyObject* const arguments = interned("args");
    const py::object text = give_text(error.what());
    const py::tuple said = py::make_tuple(text);
    auto* const type = reinterpret_cast<PyTypeObject*>(kind);
    const auto made = py::reinterpret_steal<py::object>(type->tp_new(type, said.ptr(), nullptr));
    if (!made) throw py::error_already_set();
    set_field(made, arguments, said);  // an OSError takes them in its constructor alone
    set_field(made, message, text);
    set_field(made, retryable, py::bool_(error.retryable()));
    if (!error.subject().empty()) set_field(made, subject, give_text(error.subject()));
    if (!error.resource().empty()) set_field(made, resource, give_text(error.resource()));
    if (error.limit()) set_field(made, limit, give(*error.limit()));
    if (error.used()) set_field(made, used, give(*error.used()));
    if (error.resets_at()) set_field(made, resets_at, give(*error.resets_at()));
    return made;
}

}  // namespace

void set_error(const tenon::Error& error) {
    const auto code = static_cast<std::size_t>(error.code());
    const auto& classes = error_classes();
    if (code >= classes.size() || !classes[code]) {
        PyErr_SetString(PyExc_RuntimeError, error.what());
        return;
    }
    try {
        PyErr_SetObject(classes[code], made_of(error, classes[code]).ptr());
    } catch (py::error_already_set& instead) {
        instead.restore();
    }
}

py::object refused(const std::optional<tenon::Error>& refusal, const std::exception_ptr& failure) {
    if (failure) std::rethrow_exception(failure);
    set_error(*refusal);
    return {};
}

void throw_refused(const std::optional<tenon::Error>& refusal, const std::exception_ptr& failure) {
    refused(refusal, failure);
    throw py::error_already_set();
}

namespace {

void translate(std::exception_ptr thrown) {
    try {
        if (thrown) std::rethrow_exception(thrown);
    } catch (const tenon::Error& error) {
        set_error(error);
    }
}

void find_errors(const py::dict& registered) {
    auto& classes = error_classes();
    for (const auto& [name, value] : registered) {
        if (!PyType_Check(value.ptr()) || !PyType_IsSubtype(reinterpret_cast<PyTypeObject*>(value.ptr()),
                                                            reinterpret_cast<PyTypeObject*>(PyExc_Exception)))
            continue;
        if (PyUnicode_CompareWithASCIIString(name.ptr(), "Error") == 0) continue;
        const auto number = value.attr("code").attr("value").cast<std::size_t>();
        if (classes.size() <= number) classes.resize(number + 1);
        classes[number] = value.inc_ref().ptr();
    }
}

py::object Job_join(py::handle self, py::handle args, py::handle keywords) {
    const Arguments given("Job.join()", args, keywords, {});
    auto& job = box_of<tenon::Job>(self, "Job.join()").get();
    wait_for_end(job);
    return answer([&] { job.join(); });
}

py::object Job_join_for(py::handle self, py::handle args, py::handle keywords) {
    const Arguments given("Job.join_for()", args, keywords, {"timeout"});
    const auto timeout = given.take<tenon::Duration>(0);
    auto& job = box_of<tenon::Job>(self, "Job.join_for()").get();
    return told({}, patiently(timeout, [&](tenon::Duration piece) { return job.join_for(piece); }));
}

py::object Plane_data(py::handle self) {
    box_of<tenon::Plane>(self, "Plane.data");
    PyObject* const view = PyMemoryView_FromObject(self.ptr());
    if (!view) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(view);
}

/// Rows of samples, read only: everybody shares the decoder's memory.
py::buffer_info buffer_of(const tenon::Plane& plane) {
    const auto sample = static_cast<py::ssize_t>(plane.bytes_per_sample());
    const auto channels = static_cast<py::ssize_t>(plane.channels());
    std::vector<py::ssize_t> shape{plane.height(), plane.width()};
    std::vector<py::ssize_t> strides{static_cast<py::ssize_t>(plane.stride()), sample * channels};
    if (channels > 1) {
        shape.push_back(channels);
        strides.push_back(sample);
    }
    const auto dimensions = static_cast<py::ssize_t>(shape.size());
    return {const_cast<std::uint8_t*>(plane.data()), sample, sample == 2 ? "H" : "B", dimensions, std::move(shape), std::move(strides),
            true};
}

const std::shared_ptr<Root>& root_of(py::handle handle, const char* call) {
    if (const auto* job = held_in<Box<tenon::Job>>(handle)) return job->root();
    return box_of<tenon::EventStream>(handle, call).root();
}

py::object engine_number(py::handle args, py::handle keywords) {
    const Arguments given("_engine_number()", args, keywords, {"handle"});
    const auto& root = root_of(given.given(0), "_engine_number()");
    if (!root->is_ours()) throw_forked();
    return give(root->number);
}

py::object new_watch(py::handle args, py::handle keywords) {
    const Arguments given("_new_watch()", args, keywords, {"handle"});
    const auto root = root_of(given.given(0), "_new_watch()");
    if (!root->is_ours()) throw_forked();
    return answer(root, [&] { return root->engine.watch(); });
}

std::unique_ptr<EngineBox> new_engine(py::args args, py::kwargs keywords) {
    const Arguments given("Engine()", args, keywords, {"options"}, 0);
    return std::make_unique<EngineBox>(open_root(given.fields<tenon::EngineOptions>(0)));
}

void bind_by_hand(py::module_& module) {
    const py::object job = module.attr("Job");
    add_method<&Job_join>(job, "join", "join()\n\nWaits for the end and raises what ended the job. Ctrl-C leaves the job running.");
    add_method<&Job_join_for>(job, "join_for",
                              "join_for(timeout)\n\nTrue: the job has ended, well or not. Never raises the job's own failure.");
    add_getter<&Plane_data>(module.attr("Plane"), "data", "A read-only view of its rows, which shares its memory.");

    py::reinterpret_borrow<py::class_<EngineBox>>(module.attr("Engine")).def(py::init(&new_engine));
    py::reinterpret_borrow<py::class_<tenon::Timeline>>(module.attr("Timeline")).def(py::init<>());
    py::reinterpret_borrow<py::class_<Box<tenon::Plane>>>(module.attr("Plane")).def_buffer([](Box<tenon::Plane>& box) {
        return buffer_of(box.get());
    });
}

/// Handles come from the engine. Without this `__new__` would give objects that hold nothing.
void forbid_construction(py::module_& module, const py::list& names) {
    const auto is_made_by_hosts = [](const std::string& name) { return name == "Engine" || name == "Timeline"; };
    static PyObject* const method = py::object(py::module_::import("builtins").attr("staticmethod")).release().ptr();
    const py::cpp_function refuse_it([](const py::args& args, const py::kwargs&) -> py::object {
        PyErr_Format(PyExc_TypeError, "%R is made by the engine alone", args.empty() ? Py_None : args[0].ptr());
        throw py::error_already_set();
    });
    for (const auto& name : names) {
        const py::object made = py::getattr(module, name);
        if (PyType_Check(made.ptr()) && !is_made_by_hosts(name.cast<std::string>()))
            made.attr("__new__") = py::handle(method)(refuse_it);
    }
}

py::list public_names(const py::module_& module) {
    py::list names;
    for (const auto& [name, value] : module.attr("__dict__").cast<py::dict>())
        if (!name.cast<std::string>().starts_with('_')) names.append(name);
    return names;
}

}  // namespace
}  // namespace tenon_python

PYBIND11_MODULE(_tenon, module) {
    using namespace tenon_python;
    py::options options;
    options.disable_function_signatures();
    module.doc() = "The compiled part of tenon; see the package.";
    declare_classes(module);
    bind_classes(module);
    bind_by_hand(module);
    const py::list names = public_names(module);
    module.attr("__all__") = names;
    forbid_construction(module, names);
    py::register_exception_translator(&translate);

    module.def("_register", [module](const py::dict& values) mutable {
        bind_values(module, values);
        find_errors(values);
    });
    module.def("_close_all", &close_all);
    module.def("_after_fork", [] { ++generation; });
    module.def("_open_engines", &open_engines);
    add_static<&engine_number>(module, "_engine_number", "");
    add_static<&new_watch>(module, "_new_watch", "");
}
