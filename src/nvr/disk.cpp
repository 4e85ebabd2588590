#include "disk.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include <exec/thread.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;

constexpr Duration kGroup = 1s;
constexpr Duration kRetry = 2s;  // after the disk failed …
constexpr Duration kLongestRetry = 60s;
constexpr int kRetryShare = 20;           // … or so many times what the last attempt took: the other cameras have this thread too
constexpr std::int64_t kOverhead = 4096;  // boxes of a fragment, its leaf in the trailer and its line of the index

}  // namespace

class Disk::Line {
public:
    Line(LineOptions options, std::shared_ptr<const base::Clock> clock, std::shared_ptr<base::Log> log)
        : options_(std::move(options)), clock_(std::move(clock)), log_(std::move(log)) {
        writer_.emplace(options_.folder, options_.origin, options_.key, options_.tail);
    }

    void write(Fragment fragment) noexcept {
        try {
            if (paused_ && !may_resume(fragment)) return;
            const auto size = static_cast<std::int64_t>(fragment.bytes()) + kOverhead;
            auto& allowance = *options_.allowance;
            if (allowance.left < size) {
                pause(GapReason::disk_full, allowance.denied ? "the storage quota is used up" : "storage of the quota has not been granted in time");
                return;
            }
            if (!writer_) {
                // After a failure the files are made whole first, so that the index says what they say.
                recovering_since_ = clock_->monotonic();
                const auto tail = recover_camera(options_.folder, options_.origin, options_.key.get(), *log_);
                writer_.emplace(options_.folder, options_.origin, options_.key, tail);
                std::vector<SegmentNote> notes;
                for (const auto& segment : tail.segments) notes.push_back({segment, true});
                options_.owner->noted(std::move(notes));
            }
            writer_->append(std::move(fragment));
            recovering_since_.reset();
            allowance.left -= size;
            if (std::exchange(paused_, false)) options_.owner->resumed();
            tell();
        } catch (const std::exception& error) {
            failed(error);
        }
    }

    void write_back() noexcept {
        if (writer_) writer_->write_back();
    }

    void sync() noexcept {
        if (!writer_) return;
        try {
            writer_->sync();
            tell();
        } catch (const std::exception& error) {
            failed(error);
        }
    }

    void finish() noexcept {
        if (!writer_) return;
        try {
            writer_->finish();
            tell();
        } catch (const std::exception& error) {
            failed(error);
        }
    }

    // Guarded by the disk's mutex: fragments were dropped from the queue, and footage goes on at a key frame.
    bool broken = false;
    bool closed = false;

private:
    bool may_resume(Fragment& fragment) {
        if (!fragment.key || clock_->monotonic() < retry_at_) return false;
        if (options_.allowance->left < static_cast<std::int64_t>(fragment.bytes()) + kOverhead) return false;
        fragment.begins_stretch = true;
        fragment.reason = reason_;
        return true;
    }

    void pause(GapReason reason, const std::string& problem) {
        finish();
        if (std::exchange(paused_, true)) return;
        reason_ = reason;
        options_.owner->paused(reason, problem);
    }

    void failed(const std::exception& error) noexcept {
        log_->failure("nvr", "recording is interrupted", error);
        const auto* known = dynamic_cast<const Error*>(&error);
        const bool full = known && known->code() == Errc::no_space;
        const auto reason = full ? GapReason::disk_full : GapReason::disk_error;
        if (writer_) {
            writer_->give_up(reason);
            tell();
            writer_.reset();
        }
        const auto now = clock_->monotonic();
        const auto took = recovering_since_ ? now - *std::exchange(recovering_since_, std::nullopt) : Duration{};
        retry_at_ = now + std::clamp(took * kRetryShare, kRetry, kLongestRetry);
        if (std::exchange(paused_, true)) return;
        reason_ = reason;
        options_.owner->paused(reason, full ? "the disk is full" : "the disk cannot be written to");
    }

    void tell() {
        auto notes = writer_->take_notes();
        if (!notes.empty()) options_.owner->noted(std::move(notes));
    }

    const LineOptions options_;
    const std::shared_ptr<const base::Clock> clock_;
    const std::shared_ptr<base::Log> log_;
    std::optional<FootageWriter> writer_;
    bool paused_ = false;
    GapReason reason_ = GapReason::none;
    Duration retry_at_{};
    std::optional<Duration> recovering_since_{};  // until what comes first behind a failure is written
};

Disk::Disk(std::shared_ptr<const base::Clock> clock, std::shared_ptr<base::Log> log, std::size_t queue_bytes)
    : clock_(std::move(clock)), log_(std::move(log)), capacity_(queue_bytes), thread_(exec::start_thread("disk", [this] { run(); })) {}

Disk::~Disk() { stop(); }

std::shared_ptr<Disk::Line> Disk::open(LineOptions options) {
    return std::make_shared<Line>(std::move(options), clock_, log_);
}

void Disk::push(const std::shared_ptr<Line>& line, Fragment fragment) {
    const auto bytes = fragment.bytes();
    const std::lock_guard lock(mutex_);
    if (line->broken) {
        if (!fragment.key) return;
        line->broken = false;
        fragment.begins_stretch = true;
        fragment.reason = GapReason::disk_slow;
    }
    queue_.push_back({line, std::move(fragment), bytes, false});
    queued_ += bytes;
    if (queued_ > capacity_) make_room();
    changed_.notify_all();
}

/// Drops the oldest GOP of the camera whose fragment has waited longest, until the rest fits.
void Disk::make_room() {
    while (queued_ > capacity_) {
        const auto oldest = std::find_if(queue_.begin(), queue_.end(), [](const Item& item) { return !item.end; });
        if (oldest == queue_.end()) return;
        const auto line = oldest->line;
        bool first = true;
        line->broken = true;
        for (auto it = oldest; it != queue_.end();) {
            if (it->line != line || it->end) {
                ++it;
                continue;
            }
            if (!first && it->fragment.key) {
                it->fragment.begins_stretch = true;
                it->fragment.reason = GapReason::disk_slow;
                line->broken = false;
                break;
            }
            first = false;
            queued_ -= it->bytes;
            it = queue_.erase(it);
        }
    }
}

void Disk::close(const std::shared_ptr<Line>& line) {
    std::unique_lock lock(mutex_);
    if (ended_) return;
    queue_.push_back({line, {}, 0, true});
    changed_.notify_all();
    changed_.wait(lock, [&] { return line->closed || ended_; });
}

void Disk::run() {
    auto next_group = std::chrono::steady_clock::now() + kGroup;
    std::unique_lock lock(mutex_);
    for (;;) {
        if (unsynced_ == 0) changed_.wait_until(lock, next_group, [&] { return !queue_.empty() || stopping_; });
        if (queue_.empty() && stopping_) break;
        std::optional<Item> item;
        if (!queue_.empty()) {
            item = std::move(queue_.front());
            queue_.pop_front();
            queued_ -= item->bytes;
        }
        const bool written = queue_.empty();
        lock.unlock();
        if (item) take(*item);
        // What was written in the last second becomes durable, one camera at a time and behind what is queued: cameras that were
        // connected together end their fragments together, and one that waited for a sync would be lost with the process. A
        // queue that is never empty puts syncs off by a second.
        const auto now = std::chrono::steady_clock::now();
        if (unsynced_ > 0) {
            if (written || now >= next_group + kGroup) lines_[--unsynced_]->sync();
            if (unsynced_ == 0) next_group = now + kGroup;
        } else if (now >= next_group) {
            unsynced_ = lines_.size();
            // The disk takes them all at once, and each sync waits for little; one alone is as soon done without.
            if (unsynced_ > 1)
                for (const auto& line : lines_) line->write_back();
            if (unsynced_ == 0) next_group = now + kGroup;
        }
        lock.lock();
        if (item && item->end) {
            item->line->closed = true;
            changed_.notify_all();
        }
    }
    lock.unlock();
    for (const auto& line : lines_) line->finish();
    lines_.clear();
    lock.lock();
    ended_ = true;
    changed_.notify_all();
}

void Disk::take(Item& item) {
    const auto known = std::find(lines_.begin(), lines_.end(), item.line);
    if (!item.end) {
        if (known == lines_.end()) lines_.push_back(item.line);
        item.line->write(std::move(item.fragment));
        return;
    }
    item.line->finish();
    if (known == lines_.end()) return;
    if (static_cast<std::size_t>(known - lines_.begin()) < unsynced_) --unsynced_;
    lines_.erase(known);
}

void Disk::stop() noexcept {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        changed_.notify_all();
    }
    if (thread_.joinable()) thread_.join();
}

}  // namespace tenon::nvr
