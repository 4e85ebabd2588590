#pragma once

#include "arguments.hpp"
#include "handle.hpp"

/// Calls that wait for long. They wait in pieces, so that Ctrl-C is heard.
namespace tenon_python {

template <class J>
py::object result_of(py::handle self, py::handle args, py::handle keywords) {
    const Arguments given("result()", args, keywords, {});
    auto& box = box_of<J>(self, "result()");
    auto& job = handle_of<J>(box);
    wait_for_end(job);
    return answer(box.root(), [&] { return job.result(); });
}

template <class H>
py::object next_of(py::handle self, py::handle args, py::handle keywords) {
    const Arguments given("next()", args, keywords, {"timeout"});
    const auto timeout = given.take<tenon::Duration>(0);
    auto& box = box_of<H>(self, "next()");
    return told(box.root(), patiently(timeout, [&](tenon::Duration piece) { return box.get().next(piece); }));
}

}  // namespace tenon_python
