#include "checkpoints.hpp"

#include <chrono>
#include <utility>

#include <exec/thread.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr auto beat_every = std::chrono::seconds(60);

}  // namespace

Checkpoints::Checkpoints(WriteSession& session)
    : session_(session), thread_(exec::start_thread("checkpoints", [this](std::stop_token stop) { run(std::move(stop)); })) {}

Checkpoints::~Checkpoints() {
    thread_.request_stop();
    changed_.notify_all();
}

void Checkpoints::start(std::vector<SealedPack> packs, ByteVector progress) {
    finish();
    const std::lock_guard lock(mutex_);
    packs_ = std::move(packs);
    progress_ = std::move(progress);
    busy_ = true;
    changed_.notify_all();
}

void Checkpoints::finish() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !busy_; });
    if (failure_) std::rethrow_exception(failure_);
}

void Checkpoints::run(std::stop_token stop) {
    std::unique_lock lock(mutex_);
    while (!stop.stop_requested()) {
        if (!changed_.wait_for(lock, stop, beat_every, [&] { return busy_; })) {
            if (stop.stop_requested()) return;
            lock.unlock();
            try {
                session_.beat();
            } catch (const Error&) {
                // A beacon that stands still costs this session its protection in half an hour, and not before.
            }
            lock.lock();
            continue;
        }
        auto packs = std::exchange(packs_, {});
        const auto progress = std::exchange(progress_, {});
        lock.unlock();
        std::exception_ptr failure;
        try {
            session_.commit_packs(std::move(packs), progress);
        } catch (...) {
            failure = std::current_exception();
        }
        lock.lock();
        if (failure && !failure_) failure_ = failure;
        busy_ = false;
        changed_.notify_all();
    }
}

}  // namespace tenon::backup
