#include "handle.hpp"

#include <algorithm>
#include <mutex>
#include <vector>

namespace tenon_python {
namespace {

/// Every engine of this process that may still be open. Never destroyed: handles may outlive everything.
struct Engines {
    std::mutex mutex;
    std::int64_t opened = 0;  // guarded by mutex, like all below
    std::vector<std::weak_ptr<Root>> known{};
    std::vector<std::shared_ptr<Root>> left_open{};
};

Engines& engines() {
    static auto* const all = new Engines;
    return *all;
}

std::int64_t next_number() {
    const std::lock_guard lock(engines().mutex);
    return ++engines().opened;
}

}  // namespace

Root::Root(tenon::Engine opened) : engine(std::move(opened)), number(next_number()) {}

std::shared_ptr<Root> open_root(const tenon::EngineOptions& options) {
    auto root = without_gil([&] { return std::make_shared<Root>(tenon::Engine(options)); });
    const std::lock_guard lock(engines().mutex);
    std::erase_if(engines().known, [](const auto& each) { return each.expired(); });
    engines().known.push_back(root);
    return root;
}

void keep_until_exit(std::shared_ptr<Root> root) {
    const std::lock_guard lock(engines().mutex);
    engines().left_open.push_back(std::move(root));
}

void close_all() {
    std::vector<std::shared_ptr<Root>> open;
    {
        const std::lock_guard lock(engines().mutex);
        for (const auto& each : engines().known)
            if (auto root = each.lock(); root && root->is_ours()) open.push_back(std::move(root));
    }
    without_gil([&] {
        for (const auto& each : open) each->engine.close();
    });
    const std::lock_guard lock(engines().mutex);
    std::erase_if(engines().left_open, [](const auto& each) { return each->is_ours(); });
}

std::int64_t open_engines() {
    const std::lock_guard lock(engines().mutex);
    return std::count_if(engines().known.begin(), engines().known.end(), [](const auto& each) {
        const auto root = each.lock();
        return root && root->is_ours() && !root->engine.is_closed();
    });
}

void throw_forked() {
    throw tenon::Closed("this was opened before the process forked; open an engine in the child");
}

EngineBox::~EngineBox() {
    if (!root_) return;
    if (!root_->is_ours()) {
        new std::shared_ptr<Root>(std::move(root_));  // the parent's
        return;
    }
    if (root_->engine.is_closed()) return;
    // Never closed here: that joins threads, and whoever drops the last reference is not prepared to wait.
    keep_until_exit(std::move(root_));
    const py::error_scope kept;
    if (PyErr_WarnEx(PyExc_ResourceWarning, "an Engine was dropped without close(); it stays open until the interpreter ends", 1) != 0)
        PyErr_WriteUnraisable(nullptr);
}

void wait_for_end(tenon::Job& job) {
    while (!without_gil([&] { return job.join_for(std::chrono::milliseconds(100)); }))
        if (PyErr_CheckSignals() != 0) throw py::error_already_set();
}

}  // namespace tenon_python
