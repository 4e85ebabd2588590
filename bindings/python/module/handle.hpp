#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "convert.hpp"

namespace tenon_python {

/// Grows in each child of a fork: what was opened before belongs to the parent, whose threads did not come along. The library
/// itself answers calls with Closed there; the module sees to it that nothing of the parent's is destroyed.
inline std::atomic<unsigned> generation{0};

/// Sets Python's error to what the engine threw, with all its fields.
void set_error(const tenon::Error& error);

struct Nothing {};

/// How a call of the engine ended. What it threw is kept: to throw it again would cost as much once more.
template <class Result>
struct Ending {
    std::optional<Result> result{};
    std::optional<tenon::Error> refusal{};
    std::exception_ptr failure{};  ///< What was thrown and is none of the engine's.
};

/// Makes a call that may wait, while other threads run Python.
///
/// The lock is taken back in plain code, not in a destructor: if the interpreter is being taken down, Python ends a daemon
/// thread right there by unwinding it, and unwinding through a destructor would end the process.
template <class Call>
auto attempt(Call&& call) {
    using Result = decltype(call());
    Ending<std::conditional_t<std::is_void_v<Result>, Nothing, Result>> ending;
    PyThreadState* const state = PyEval_SaveThread();
    try {
        if constexpr (std::is_void_v<Result>) {
            call();
            ending.result.emplace();
        } else {
            ending.result.emplace(call());
        }
    } catch (const tenon::Error& error) {
        ending.refusal.emplace(error);
    } catch (...) {
        ending.failure = std::current_exception();
    }
    PyEval_RestoreThread(state);
    return ending;
}

/// Sets Python's error to what a call ended with, and gives nothing. Throws what is none of the engine's.
py::object refused(const std::optional<tenon::Error>& refusal, const std::exception_ptr& failure);
/// The same for callers that go on with a result: throws.
[[noreturn]] void throw_refused(const std::optional<tenon::Error>& refusal, const std::exception_ptr& failure);

/// What a call gives that may wait; throws what it threw.
template <class Call>
auto without_gil(Call&& call) {
    auto ending = attempt(call);
    if (!ending.result) throw_refused(ending.refusal, ending.failure);
    if constexpr (!std::is_void_v<decltype(call())>) return std::move(*ending.result);
}

/// One engine, kept by every handle that came of it. The last one out destroys it, which joins nothing: by then it is closed.
struct Root {
    explicit Root(tenon::Engine opened);

    bool is_ours() const noexcept { return born == generation.load(std::memory_order_relaxed); }

    tenon::Engine engine;
    const unsigned born = generation.load();
    const std::int64_t number;  ///< Of this process's engines, from 1.
};

/// Opens an engine, and remembers it for the end of the interpreter.
std::shared_ptr<Root> open_root(const tenon::EngineOptions& options);
/// Keeps an engine that nobody closed until the interpreter ends.
void keep_until_exit(std::shared_ptr<Root> root);
void close_all();
std::int64_t open_engines();

[[noreturn]] void throw_forked();

template <class H>
inline constexpr bool is_job = std::is_base_of_v<tenon::Job, H>;

/// What a Python object of a handle's class holds. A job's box derives from Job's, as the classes do in Python.
class AnyBox {
public:
    AnyBox(std::shared_ptr<Root> root, std::shared_ptr<void> handle) : root_(std::move(root)), handle_(std::move(handle)) {}
    AnyBox(AnyBox&&) noexcept = default;
    ~AnyBox() {
        // A parent's handle may need a lock that one of its threads held at the fork: the child leaves it alone.
        if (root_ && !root_->is_ours()) {
            new std::shared_ptr<Root>(std::move(root_));
            new std::shared_ptr<void>(std::move(handle_));
        }
    }

    const std::shared_ptr<Root>& root() const noexcept { return root_; }

protected:
    void* held() const noexcept { return handle_.get(); }

private:
    std::shared_ptr<Root> root_;
    std::shared_ptr<void> handle_;
};

template <class H>
class Box : public AnyBox {
public:
    Box(std::shared_ptr<Root> root, H handle) : AnyBox(std::move(root), std::make_shared<H>(std::move(handle))) {}
    H& get() const noexcept { return *static_cast<H*>(held()); }

protected:
    Box(std::shared_ptr<Root> root, std::shared_ptr<void> handle) : AnyBox(std::move(root), std::move(handle)) {}
};

template <class J>
class JobBox : public Box<tenon::Job> {
public:
    JobBox(std::shared_ptr<Root> root, J job) : Box<tenon::Job>(std::move(root), std::shared_ptr<void>(std::make_shared<J>(std::move(job)))) {
        static_assert(sizeof(J) == sizeof(tenon::Job), "a typed job adds members, not data");
    }
    // J begins with its Job, and adds nothing: the pointer to the one is the pointer to the other.
    J& typed() const noexcept { return *static_cast<J*>(this->held()); }
};

template <class H>
struct BoxFor {
    using type = std::conditional_t<is_job<H> && !std::is_same_v<H, tenon::Job>, JobBox<H>, Box<H>>;
};
template <class H>
using BoxOf = typename BoxFor<H>::type;

/// The engine itself: the object whose end, unclosed, is a leak.
class EngineBox {
public:
    explicit EngineBox(std::shared_ptr<Root> root) : root_(std::move(root)) {}
    EngineBox(EngineBox&&) noexcept = default;
    ~EngineBox();

    const std::shared_ptr<Root>& root() const noexcept { return root_; }
    tenon::Engine& get() const noexcept { return root_->engine; }

private:
    std::shared_ptr<Root> root_;
};
template <>
struct BoxFor<tenon::Engine> { using type = EngineBox; };

/// What a Python object holds, if it is of this class and was made as it should be: `__new__` alone leaves nothing in it.
template <class Held>
Held* held_in(py::handle object) {
    static auto* const type = reinterpret_cast<PyTypeObject*>(py::detail::get_type_handle(typeid(Held), true).ptr());
    if (!PyObject_TypeCheck(object.ptr(), type)) return nullptr;
    auto* const made = reinterpret_cast<py::detail::instance*>(object.ptr());
    if (!made->simple_layout || !made->simple_holder_constructed) return nullptr;
    return static_cast<Held*>(made->simple_value_holder[0]);
}

template <class H>
bool holds(py::handle object) { return held_in<BoxOf<H>>(object) != nullptr; }

template <class H>
BoxOf<H>& box_of(py::handle self, const char* call) {
    auto* const box = held_in<BoxOf<H>>(self);
    if (!box) refuse({call, "the object"}, Describe<H>::name, self);
    return *box;
}

/// Of a class of values that lives in C++: Timeline. Python's lock guards it.
template <class T>
T& value_of(py::handle self, const char* call) {
    auto* const value = held_in<T>(self);
    if (!value) refuse({call, "the object"}, Describe<T>::name, self);
    return *value;
}

template <class H>
H& handle_of(BoxOf<H>& box) {
    if constexpr (is_job<H> && !std::is_same_v<H, tenon::Job>)
        return box.typed();
    else
        return box.get();
}

/// A result for Python; handles in it belong to the engine of the handle that gave them.
template <class T>
py::object give_from(const std::shared_ptr<Root>& root, T&& value) {
    using Plain = std::remove_cvref_t<T>;
    if constexpr (Handle<Plain>) {
        return py::cast(BoxOf<Plain>(root, std::forward<T>(value)));
    } else if constexpr (is_optional<Plain>) {
        if (!value) return py::none();
        return give_from(root, *std::forward<T>(value));
    } else {
        return give(value);
    }
}

/// How a call ended, for Python; empty: its error is set.
template <class Result>
py::object told(const std::shared_ptr<Root>& root, Ending<Result>&& ending) {
    if (!ending.result) return refused(ending.refusal, ending.failure);
    if constexpr (std::is_same_v<Result, Nothing>)
        return py::none();
    else
        return give_from(root, std::move(*ending.result));
}

/// A call that may wait, and its result for Python.
template <class Call>
py::object answer(const std::shared_ptr<Root>& root, Call&& call) { return told(root, attempt(call)); }
/// The same of what belongs to no engine.
template <class Call>
py::object answer(Call&& call) { return told({}, attempt(call)); }

/// Waits in pieces, so that Ctrl-C is heard: `poll(timeout)` gives something true once there is something.
template <class Poll>
auto patiently(tenon::Duration timeout, Poll&& poll) {
    using namespace std::chrono;
    constexpr tenon::Duration piece = milliseconds(100);
    timeout = std::max(timeout, tenon::Duration(0));
    const auto began = steady_clock::now();
    for (;;) {
        const auto left = timeout - duration_cast<tenon::Duration>(steady_clock::now() - began);
        auto ending = attempt([&] { return poll(std::clamp(left, tenon::Duration(0), piece)); });
        if (!ending.result || left <= piece) return ending;
        bool there = false;
        if constexpr (requires { ending.result->empty(); })
            there = !ending.result->empty();
        else
            there = static_cast<bool>(*ending.result);
        if (there) return ending;
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
    }
}

/// Waits for a job's end; Ctrl-C leaves the job running.
void wait_for_end(tenon::Job& job);

}  // namespace tenon_python
