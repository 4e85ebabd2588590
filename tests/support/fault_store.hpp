#pragma once

#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include <blob/store.hpp>
#include <tenon/error.hpp>

namespace tenon::tests {

/// What a FaultStore does wrong. Operations that change the store are counted from 1.
struct Faults {
    enum class Stop { fail, kill, torn };           ///< torn: half of the object appears, then the process dies.
    std::optional<int> stop_at{};                   ///< The operation at which it stops for good.
    Stop stop = Stop::fail;
    bool after = false;                             ///< Stop once the operation has taken effect, not before.
    std::optional<std::int64_t> space{};            ///< NoSpace once this many bytes were put.
    std::function<void(const std::string&, std::uint64_t, blob::ByteSpan)> spoil{};  ///< Changes what get() delivers.
};

/// Wraps a store and fails on purpose.
class FaultStore final : public blob::Store {
public:
    FaultStore(std::shared_ptr<blob::Store> inner, Faults faults) : inner_(std::move(inner)), faults_(std::move(faults)) {}

    int operations() const { return operations_; }
    std::vector<std::string> trace() const {
        const std::lock_guard lock(mutex_);
        return trace_;
    }

    blob::PutInfo put(const blob::Name& name, blob::ByteSource& source, const blob::PutOptions& options,
                      std::stop_token stop) override {
        blob::PutInfo info;
        const auto size = static_cast<std::int64_t>(source.size());
        if (faults_.space && (used_ += size) > *faults_.space) throw NoSpace("no space is left", {.subject = name.text()});
        step("put " + name.text(), [&] { info = inner_->put(name, source, options, stop); },
             [&] {
                 blob::ByteVector half(source.size() / 2);
                 half.resize(source.read(half));
                 blob::put_bytes(*inner_, name, half, {.create_only = options.create_only});
             });
        return info;
    }
    void get(const blob::Name& name, blob::Range range, blob::ByteSink& sink, std::stop_token stop) override {
        if (!faults_.spoil) return inner_->get(name, range, sink, stop);
        blob::VectorSink bytes;
        inner_->get(name, range, bytes, stop);
        faults_.spoil(name.text(), range.offset, bytes.bytes);
        sink.write(bytes.bytes);
    }
    std::optional<blob::ObjectInfo> head(const blob::Name& name, std::stop_token stop) override {
        return inner_->head(name, stop);
    }
    blob::Page list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) override {
        return inner_->list(prefix, after, limit, stop);
    }
    bool remove(const blob::Name& name, const blob::RemoveOptions& options, std::stop_token stop) override {
        bool removed = false;
        step("remove " + name.text(), [&] { removed = inner_->remove(name, options, stop); });
        return removed;
    }
    blob::Capabilities capabilities() const override { return inner_->capabilities(); }
    Time server_time(std::stop_token stop) override { return inner_->server_time(stop); }
    void flush(std::stop_token stop) override {
        step("flush", [&] { inner_->flush(stop); });
    }
    void make_durable(const std::vector<std::string>& names, std::stop_token stop) override { inner_->make_durable(names, stop); }
    void discard() noexcept override { inner_->discard(); }
    std::unique_ptr<blob::Spool> spool() override { return inner_->spool(); }
    std::unique_ptr<blob::Beacon> beacon(const blob::Name& name, blob::ByteView bytes) override {
        std::unique_ptr<blob::Beacon> beacon;
        step("beacon " + name.text(), [&] { beacon = inner_->beacon(name, bytes); });
        return beacon;
    }
    std::optional<bool> beacon_lives(const blob::Name& name) override { return inner_->beacon_lives(name); }

private:
    void die(const std::string& what) {
        if (faults_.stop != Faults::Stop::fail) kill(getpid(), SIGKILL);
        stopped_ = true;
        throw Unavailable("the store stopped at: " + what);
    }

    template <class Do> void step(const std::string& what, Do act) {
        step(what, act, [] {});
    }
    template <class Do, class Tear> void step(const std::string& what, Do act, Tear tear) {
        const int number = ++operations_;
        {
            const std::lock_guard lock(mutex_);
            trace_.push_back(what);
        }
        if (stopped_) throw Unavailable("the store has stopped");
        const bool now = faults_.stop_at && number >= *faults_.stop_at;
        if (now && faults_.stop == Faults::Stop::torn) tear();
        if (now && !faults_.after) die(what);
        act();
        if (now) die(what);
    }

    std::shared_ptr<blob::Store> inner_;
    Faults faults_;
    std::atomic<int> operations_{0};
    std::atomic<std::int64_t> used_{0};
    std::atomic<bool> stopped_{false};
    mutable std::mutex mutex_;
    std::vector<std::string> trace_;  // guarded by mutex_
};

}  // namespace tenon::tests
