#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <blob/store.hpp>
#include <tenon/error.hpp>

namespace tenon::tests {

/// A store that is well, or is not, as its test says at any moment.
class MoodyStore final : public blob::Store {
public:
    enum class Mood {
        well,
        away,        ///< Everything is Unavailable.
        stalling,    ///< Nothing answers until the mood changes.
        full,        ///< What is put is NoSpace.
        denying,     ///< Everything is PermissionDenied.
        forgetful,   ///< Does what it is asked to and then says that it was Unavailable.
        spoiling,    ///< What it delivers has a wrong byte.
        losing,      ///< What it lists is NotFound.
        doubling,    ///< Does what it is asked to twice, and lists everything twice.
    };

    explicit MoodyStore(std::shared_ptr<blob::Store> inner) : inner_(std::move(inner)) {}
    ~MoodyStore() override { be(Mood::well); }

    void be(Mood mood) {
        const std::lock_guard lock(mutex_);
        mood_ = mood;
        changed_.notify_all();
    }
    int puts() const { return puts_; }
    int gets() const { return gets_; }
    blob::Store& inner() { return *inner_; }

    blob::PutInfo put(const blob::Name& name, blob::ByteSource& source, const blob::PutOptions& options, std::stop_token stop) override {
        const auto mood = enter();
        if (mood == Mood::full) throw NoSpace("no space is left", {.subject = name.text()});
        ++puts_;
        if (mood == Mood::doubling && !options.deferred) {
            blob::ByteVector bytes(source.size());
            for (std::size_t at = 0, some = 1; at < bytes.size() && some > 0; at += some) some = source.read(blob::ByteSpan(bytes).subspan(at));
            auto doubled = blob::put_bytes(*inner_, name, bytes, options, stop);
            try {
                doubled = blob::put_bytes(*inner_, name, bytes, options, stop);
            } catch (const Conflict&) {
            }
            return doubled;
        }
        auto info = inner_->put(name, source, options, stop);
        if (mood == Mood::forgetful) fail();
        return info;
    }
    void get(const blob::Name& name, blob::Range range, blob::ByteSink& sink, std::stop_token stop) override {
        const auto mood = enter();
        ++gets_;
        if (mood == Mood::losing) throw NotFound("there is no such object", {.subject = name.text()});
        if (mood != Mood::spoiling) return inner_->get(name, range, sink, stop);
        blob::VectorSink bytes;
        inner_->get(name, range, bytes, stop);
        if (!bytes.bytes.empty()) bytes.bytes[bytes.bytes.size() / 2] ^= 1;
        sink.write(bytes.bytes);
    }
    std::optional<blob::ObjectInfo> head(const blob::Name& name, std::stop_token stop) override {
        enter();
        return inner_->head(name, stop);
    }
    blob::Page list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) override {
        const auto mood = enter();
        auto page = inner_->list(prefix, after, limit, stop);
        if (mood != Mood::doubling) return page;
        blob::Page twice{.objects = {}, .more = page.more};
        for (const auto& object : page.objects) twice.objects.insert(twice.objects.end(), 2, object);
        return twice;
    }
    bool remove(const blob::Name& name, const blob::RemoveOptions& options, std::stop_token stop) override {
        const auto mood = enter();
        const bool removed = inner_->remove(name, options, stop);
        if (mood == Mood::doubling) (void)inner_->remove(name, options, stop);
        if (mood == Mood::forgetful) fail();
        return removed;
    }
    blob::Capabilities capabilities() const override { return inner_->capabilities(); }
    Time server_time(std::stop_token stop) override { return inner_->server_time(stop); }
    void flush(std::stop_token stop) override {
        enter();
        inner_->flush(stop);
    }
    void discard() noexcept override { inner_->discard(); }
    std::unique_ptr<blob::Spool> spool() override { return inner_->spool(); }
    std::unique_ptr<blob::Beacon> beacon(const blob::Name& name, blob::ByteView bytes) override { return inner_->beacon(name, bytes); }
    std::optional<bool> beacon_lives(const blob::Name& name) override { return inner_->beacon_lives(name); }

private:
    [[noreturn]] static void fail() { throw Unavailable("the store is away", {.retryable = true}); }
    Mood enter() {
        std::unique_lock lock(mutex_);
        changed_.wait(lock, [&] { return mood_ != Mood::stalling; });
        if (mood_ == Mood::away) fail();
        if (mood_ == Mood::denying) throw PermissionDenied("the store lets nobody in");
        return mood_;
    }

    const std::shared_ptr<blob::Store> inner_;
    std::mutex mutex_;
    std::condition_variable changed_;
    Mood mood_ = Mood::well;  // guarded by mutex_
    std::atomic<int> puts_{0}, gets_{0};
};

}  // namespace tenon::tests
