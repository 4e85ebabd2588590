#include "convert.hpp"

#include <chrono>
#include <cmath>
#include <cstring>

#include <datetime.h>

namespace tenon_python {
namespace {

constexpr std::int64_t second = 1'000'000;
constexpr std::int64_t day = 86'400 * second;

/// Imported once; datetime.h keeps it in a variable of this file.
PyDateTime_CAPI* datetime() {
    if (!PyDateTimeAPI) PyDateTime_IMPORT;
    if (!PyDateTimeAPI) throw py::error_already_set();
    return PyDateTimeAPI;
}

[[noreturn]] void raise(PyObject* kind, const Place& at, const char* why) {
    PyErr_Format(kind, "%s: %s %s", at.owner, at.name, why);
    throw py::error_already_set();
}

/// A timedelta's microseconds; those of its days may not fit.
std::int64_t count_of(py::handle delta, const Place& at) {
    std::int64_t count = 0;
    if (__builtin_mul_overflow(static_cast<std::int64_t>(PyDateTime_DELTA_GET_DAYS(delta.ptr())), day, &count) ||
        __builtin_add_overflow(count,
                               PyDateTime_DELTA_GET_SECONDS(delta.ptr()) * second + PyDateTime_DELTA_GET_MICROSECONDS(delta.ptr()),
                               &count))
        raise(PyExc_OverflowError, at, "is too long");
    return count;
}

py::object import_once(const char* module, const char* name) {
    return py::module_::import(module).attr(name);
}

}  // namespace

void refuse(const Place& at, const char* wanted, py::handle given) {
    PyErr_Format(PyExc_TypeError, "%s: %s must be %s, not %s", at.owner, at.name, wanted, Py_TYPE(given.ptr())->tp_name);
    throw py::error_already_set();
}

bool take_bool(py::handle value, const Place& at) {
    if (!PyBool_Check(value.ptr())) refuse(at, "bool", value);
    return value.ptr() == Py_True;
}

std::int64_t take_integer(py::handle value, std::int64_t least, std::int64_t most, const Place& at) {
    if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr())) refuse(at, "int", value);
    const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (!number) throw py::error_already_set();
    int overflow = 0;
    const std::int64_t taken = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
    if (taken == -1 && PyErr_Occurred()) throw py::error_already_set();
    if (overflow || taken < least || taken > most) raise(PyExc_OverflowError, at, "is out of range");
    return taken;
}

std::uint64_t take_unsigned(py::handle value, const Place& at) {
    if (PyBool_Check(value.ptr()) || !PyIndex_Check(value.ptr())) refuse(at, "int", value);
    const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(value.ptr()));
    if (!number) throw py::error_already_set();
    const std::uint64_t taken = PyLong_AsUnsignedLongLong(number.ptr());
    if (taken == static_cast<std::uint64_t>(-1) && PyErr_Occurred()) throw py::error_already_set();
    return taken;
}

double take_double(py::handle value, const Place& at) {
    if (PyBool_Check(value.ptr()) || !(PyFloat_Check(value.ptr()) || PyIndex_Check(value.ptr()))) refuse(at, "float", value);
    const double taken = PyFloat_AsDouble(value.ptr());
    if (taken == -1.0 && PyErr_Occurred()) throw py::error_already_set();
    return taken;
}

std::string take_text(py::handle value, const Place& at) {
    if (!PyUnicode_Check(value.ptr())) refuse(at, "str", value);
    Py_ssize_t size = 0;
    const char* text = PyUnicode_AsUTF8AndSize(value.ptr(), &size);  // refuses lone surrogates
    if (!text) throw py::error_already_set();
    if (std::memchr(text, 0, static_cast<std::size_t>(size))) raise(PyExc_ValueError, at, "holds a null character");
    return {text, static_cast<std::size_t>(size)};
}

std::filesystem::path take_path(py::handle value, const Place& at) {
    if (value.is_none()) return {};
    if (!PyUnicode_Check(value.ptr()) && !PyBytes_Check(value.ptr()) && !py::hasattr(value, "__fspath__"))
        refuse(at, "str or os.PathLike", value);
    PyObject* encoded = nullptr;
    if (!PyUnicode_FSConverter(value.ptr(), &encoded)) throw py::error_already_set();  // refuses null bytes
    const auto bytes = py::reinterpret_steal<py::object>(encoded);
    return std::string(PyBytes_AS_STRING(bytes.ptr()), static_cast<std::size_t>(PyBytes_GET_SIZE(bytes.ptr())));
}

tenon::Time take_time(py::handle value, const Place& at) {
    datetime();
    if (!PyDateTime_Check(value.ptr())) refuse(at, "an aware datetime", value);
    const py::object offset = value.attr("utcoffset")();
    if (offset.is_none()) raise(PyExc_ValueError, at, "is naive and names no instant: give it a tzinfo, such as timezone.utc");
    const std::chrono::year_month_day date{std::chrono::year(PyDateTime_GET_YEAR(value.ptr())),
                                           std::chrono::month(static_cast<unsigned>(PyDateTime_GET_MONTH(value.ptr()))),
                                           std::chrono::day(static_cast<unsigned>(PyDateTime_GET_DAY(value.ptr())))};
    const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
    const std::int64_t seconds = (PyDateTime_DATE_GET_HOUR(value.ptr()) * 60 + PyDateTime_DATE_GET_MINUTE(value.ptr())) * 60 +
                                 PyDateTime_DATE_GET_SECOND(value.ptr());
    return tenon::Time(
        tenon::Duration(days * day + seconds * second + PyDateTime_DATE_GET_MICROSECOND(value.ptr()) - count_of(offset, at)));
}

tenon::Duration take_duration(py::handle value, const Place& at) {
    datetime();
    if (PyDelta_Check(value.ptr())) return tenon::Duration(count_of(value, at));
    if (PyBool_Check(value.ptr()) || !(PyFloat_Check(value.ptr()) || PyIndex_Check(value.ptr())))
        refuse(at, "a timedelta or seconds as a number", value);
    if (!PyFloat_Check(value.ptr())) {
        constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max() / second;
        return tenon::Duration(take_integer(value, -most, most, at) * second);
    }
    const double seconds = PyFloat_AS_DOUBLE(value.ptr());
    if (!std::isfinite(seconds)) raise(PyExc_ValueError, at, "is no length of time");
    const double exact = seconds * 1e6;
    if (std::abs(exact) >= 9.2e18) raise(PyExc_OverflowError, at, "is too long");
    // 0.29 s is 290,000 µs, although the nearest double is a little less; what is really finer is left away.
    const double near = std::nearbyint(exact);
    return tenon::Duration(static_cast<std::int64_t>(std::abs(exact - near) < 1e-4 ? near : std::floor(exact)));
}

py::object take_sequence(py::handle value, const Place& at) {
    if (PyUnicode_Check(value.ptr()) || PyBytes_Check(value.ptr()) || PyDict_Check(value.ptr())) refuse(at, "a list", value);
    PyObject* items = PySequence_Fast(value.ptr(), "");
    if (!items) {
        if (!PyErr_ExceptionMatches(PyExc_TypeError) || py::hasattr(value, "__iter__")) throw py::error_already_set();
        PyErr_Clear();
        refuse(at, "a list", value);
    }
    return py::reinterpret_steal<py::object>(items);
}

std::vector<tenon::Label> take_labels(py::handle value, const Place& at) {
    std::vector<tenon::Label> labels;
    if (PyDict_Check(value.ptr())) {
        for (const auto& [key, each] : py::reinterpret_borrow<py::dict>(value)) labels.push_back({take_text(key, at), take_text(each, at)});
        return labels;
    }
    const py::object items = take_sequence(value, at);
    for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(items.ptr()); ++i)
        labels.push_back(take<tenon::Label>(PySequence_Fast_GET_ITEM(items.ptr(), i), at));
    return labels;
}

tenon::Buffer take_buffer(py::handle value, const Place& at) {
    if (!PyObject_CheckBuffer(value.ptr())) refuse(at, "bytes or another object with a buffer", value);
    Py_buffer view;
    if (PyObject_GetBuffer(value.ptr(), &view, PyBUF_SIMPLE) != 0) throw py::error_already_set();
    const auto* begin = static_cast<const std::uint8_t*>(view.buf);
    try {
        tenon::Buffer taken(begin, begin + view.len);
        PyBuffer_Release(&view);
        return taken;
    } catch (...) {
        PyBuffer_Release(&view);
        throw;
    }
}

py::object give_text(const std::string& value) {
    // What is not UTF-8 can only be a file's name of long ago: it is kept as Python keeps such names.
    PyObject* text = PyUnicode_DecodeUTF8(value.data(), static_cast<Py_ssize_t>(value.size()), "surrogateescape");
    if (!text) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(text);
}

py::object give_path(const std::filesystem::path& value) {
    static PyObject* const path = import_once("pathlib", "Path").release().ptr();
    if (value.empty()) return py::none();
    const auto& native = value.native();
    const auto text = py::reinterpret_steal<py::object>(
        PyUnicode_DecodeFSDefaultAndSize(native.data(), static_cast<Py_ssize_t>(native.size())));
    if (!text) throw py::error_already_set();
    return py::handle(path)(text);
}

py::object give_time(tenon::Time value) {
    const auto days = std::chrono::floor<std::chrono::days>(value);
    const std::chrono::year_month_day date(days);
    const std::int64_t rest = (value - days).count();
    const auto* api = datetime();
    // Python's years go from 1 to 9999; others become an OverflowError.
    PyObject* made = api->DateTime_FromDateAndTime(
        static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
        static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(rest / (3600 * second)),
        static_cast<int>(rest / (60 * second) % 60), static_cast<int>(rest / second % 60), static_cast<int>(rest % second),
        PyDateTime_TimeZone_UTC, api->DateTimeType);
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
}

py::object give_duration(tenon::Duration value) {
    datetime();
    const auto days = std::chrono::floor<std::chrono::days>(value);
    const std::int64_t rest = (value - days).count();
    PyObject* made = PyDelta_FromDSU(static_cast<int>(days.count()), static_cast<int>(rest / second), static_cast<int>(rest % second));
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
}

py::object give_bytes(std::int64_t count) {
    PyObject* made = PyObject_CallFunction(reinterpret_cast<PyObject*>(python_class<tenon::Bytes>().type), "L", static_cast<long long>(count));
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
}

py::object give_buffer(const tenon::Buffer& value) {
    PyObject* made = PyBytes_FromStringAndSize(reinterpret_cast<const char*>(value.data()), static_cast<Py_ssize_t>(value.size()));
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
}

void PythonClass::find(const char* name, const py::dict& registered) {
    const auto found = registered[name];
    type = reinterpret_cast<PyTypeObject*>(py::object(found).release().ptr());  // kept for ever
}

std::string take_id_text(const PythonClass& known, const char* name, py::handle value, const Place& at) {
    if (Py_TYPE(value.ptr()) != known.type) refuse(at, name, value);
    static PyObject* const text = PyUnicode_InternFromString("_text");
    return take_text(get_field(value, text), at);
}

std::int64_t take_member(const PythonClass& known, const char* name, py::handle value, const Place& at) {
    if (Py_TYPE(value.ptr()) != known.type) refuse(at, name, value);
    static PyObject* const number = PyUnicode_InternFromString("_value_");
    return take_integer(get_field(value, number), 0, std::numeric_limits<std::int32_t>::max(), at);
}

py::object new_value(const PythonClass& known) {
    static PyObject* const nothing = PyTuple_New(0);
    PyObject* made = PyBaseObject_Type.tp_new(known.type, nothing, nullptr);
    if (!made) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(made);
}

py::object give_id(const PythonClass& known, const std::string& text) {
    static PyObject* const name = PyUnicode_InternFromString("_text");
    py::object made = new_value(known);
    set_field(made, name, give_text(text));
    return made;
}

void set_field(py::handle made, PyObject* name, const py::object& value) {
    if (PyObject_GenericSetAttr(made.ptr(), name, value.ptr()) != 0) throw py::error_already_set();
}

py::object get_field(py::handle value, PyObject* name) {
    PyObject* found = PyObject_GetAttr(value.ptr(), name);
    if (!found) throw py::error_already_set();
    return py::reinterpret_steal<py::object>(found);
}

void need_instance(const PythonClass& known, const char* name, py::handle value, const Place& at) {
    if (!PyObject_TypeCheck(value.ptr(), known.type)) refuse(at, name, value);
}

}  // namespace tenon_python
