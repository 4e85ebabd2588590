#include <algorithm>
#include <utility>

#include <tenon/error.hpp>

#include "core.hpp"
#include "watches.hpp"

namespace tenon::engine {
namespace {

constexpr std::size_t most_at_once = 1024;

class Ear final : public base::Listener {
public:
    Ear(std::weak_ptr<WatchCore> core, std::int64_t number) : core_(std::move(core)), number_(number) {}
    void news() noexcept override {
        if (const auto core = core_.lock()) core->stream_has_news(number_);
    }

private:
    const std::weak_ptr<WatchCore> core_;
    const std::int64_t number_;
};

bool same(const WatchCore::SessionRef& a, const WatchCore::SessionRef& b) { return !a.owner_before(b) && !b.owner_before(a); }

}  // namespace

bool same(const Progress& a, const Progress& b) {
    return a.percent == b.percent && a.done == b.done && a.total == b.total && a.stage == b.stage && a.unit == b.unit;
}

WatchCore::WatchCore(std::shared_ptr<const base::Clock> clock) : clock_(std::move(clock)), changed_(mutex_, clock_) {}

void WatchCore::check_open() const {
    if (closed_) throw Closed("the watch is closed");
}

// ---- what is watched ----

void WatchCore::add_job(const JobId& id, const db::TenantScope& scope, SessionRef session) {
    const std::lock_guard lock(mutex_);
    check_open();
    auto entry = jobs_.find(id);
    if (entry == jobs_.end()) entry = jobs_.emplace(id, Job{.scope = scope, .sessions = {}}).first;
    Job& job = entry->second;
    if (std::ranges::none_of(job.sessions, [&](const auto& one) { return same(one, session); })) job.sessions.push_back(std::move(session));
    if (job.now.last) return;  // its end is pending
    job.now.job = id;
    job.fresh = true;
    make_stale(id, job);
}

void WatchCore::add_stream(std::int64_t number, const std::shared_ptr<base::Source>& source, SessionRef session) {
    std::shared_ptr<base::Listener> ear;
    {
        const std::lock_guard lock(mutex_);
        check_open();
        auto& stream = streams_[number];
        if (!stream.ear) {
            stream = {.source = source, .ear = std::make_shared<Ear>(weak_from_this(), number), .session = std::move(session)};
            ear = stream.ear;
        }
        if (!stream.last) ask(number, stream);
    }
    if (ear) source->listen(ear);  // not under the lock: the source tells its listeners under its own
}

void WatchCore::remove_job(const JobId& id) {
    const std::lock_guard lock(mutex_);
    check_open();
    jobs_.erase(id);
    here_.erase(id);
}

void WatchCore::remove_stream(std::int64_t number) {
    const std::lock_guard lock(mutex_);
    check_open();
    streams_.erase(number);
}

void WatchCore::close() noexcept {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    changed_.notify_all();
}

// ---- what is heard ----

void WatchCore::make_stale(const JobId& id, Job& job) {
    job.version = ++versions_;
    if (std::exchange(job.stale, true)) return;
    stale_.push_back(id);
    changed_.notify_all();
}

void WatchCore::push(const JobId& id, Job& job) {
    job.fresh = false;
    // An end goes into its own line even when an earlier change is pending in the other.
    if (!job.now.last && std::exchange(job.pending, true)) return;
    job.pending = true;
    (job.now.last ? ended_ : other_).push_back(id);
    changed_.notify_all();
}

void WatchCore::apply(Job& job, const JobInfo& info) {
    Change& now = job.now;
    const bool news = job.fresh || now.state != info.state || !same(now.progress, info.progress) || now.error != info.error;
    now.state = info.state;
    now.progress = info.progress;
    now.error = info.error;
    now.message = info.message;
    now.last = jobs::has_ended(info.state);
    if (now.last || info.state != JobState::running) here_.erase(info.id);
    if (news || now.last) push(info.id, job);
}

void WatchCore::end_unseen(const JobId& id, Job& job, Errc why, const char* message) {
    here_.erase(id);
    job.now.last = true;
    job.now.error = why;
    job.now.message = message;
    push(id, job);
}

void WatchCore::became(const JobInfo& info) noexcept {
    const std::lock_guard lock(mutex_);
    const auto entry = jobs_.find(info.id);
    if (entry == jobs_.end() || entry->second.now.last) return;
    entry->second.version = ++versions_;
    if (info.state == JobState::running) here_.insert(info.id);
    apply(entry->second, info);
}

void WatchCore::touched(const JobId& id) noexcept {
    const std::lock_guard lock(mutex_);
    const auto entry = jobs_.find(id);
    if (entry != jobs_.end() && !entry->second.now.last) make_stale(id, entry->second);
}

void WatchCore::may_have_changed() noexcept {
    const std::lock_guard lock(mutex_);
    if (jobs_.empty() || std::exchange(all_stale_, true)) return;
    changed_.notify_all();
}

void WatchCore::session_closed(const SessionRef& session) noexcept {
    const std::lock_guard lock(mutex_);
    for (auto& [id, job] : jobs_) {
        if (std::erase_if(job.sessions, [&](const auto& one) { return same(one, session); }) == 0) continue;
        if (job.sessions.empty() && !job.now.last) end_unseen(id, job, Errc::closed, "the session was closed");
    }
    for (auto& [number, stream] : streams_)
        if (same(stream.session, session)) tell_stream(number, stream, true);
}

void WatchCore::ask(std::int64_t number, Stream& stream) {
    if (std::exchange(stream.ask, true)) return;
    asked_.push_back(number);
    changed_.notify_all();
}

void WatchCore::stream_has_news(std::int64_t number) noexcept {
    const std::lock_guard lock(mutex_);
    const auto entry = streams_.find(number);
    if (entry != streams_.end() && !entry->second.last) ask(number, entry->second);
}

void WatchCore::tell_stream(std::int64_t number, Stream& stream, bool last) {
    stream.last = stream.last || last;
    if (std::exchange(stream.pending, true)) return;
    streams_pending_.push_back(number);
    changed_.notify_all();
}

// ---- what is told ----

std::vector<Change> WatchCore::take() {
    std::vector<Change> changes;
    for (; !ended_.empty() && changes.size() < most_at_once; ended_.pop_front()) {
        const auto entry = jobs_.find(ended_.front());
        if (entry == jobs_.end() || !entry->second.now.last) continue;
        changes.push_back(std::move(entry->second.now));
        jobs_.erase(entry);
    }
    take_streams(changes);
    for (; !other_.empty() && changes.size() < most_at_once; other_.pop_front()) {
        const auto entry = jobs_.find(other_.front());
        if (entry == jobs_.end() || entry->second.now.last || !std::exchange(entry->second.pending, false)) continue;
        changes.push_back(entry->second.now);
    }
    return changes;
}

void WatchCore::take_streams(std::vector<Change>& changes) {
    for (; !streams_pending_.empty() && changes.size() < most_at_once; streams_pending_.pop_front()) {
        const auto number = streams_pending_.front();
        const auto entry = streams_.find(number);
        if (entry == streams_.end() || !std::exchange(entry->second.pending, false)) continue;
        Change change{.stream = number, .last = entry->second.last};
        if (change.last) {
            change.error = Errc::closed;
            change.message = "the stream is closed";
            streams_.erase(entry);
        }
        changes.push_back(std::move(change));
    }
}

std::vector<Change> WatchCore::next(Duration timeout, const jobs::Queue& queue, const std::stop_token& stop) {
    std::unique_lock lock(mutex_);
    const auto deadline = clock_->monotonic() + std::clamp<Duration>(timeout, Duration::zero(), std::chrono::hours(24 * 365));
    for (;;) {
        exec::check_stop(stop);
        check_open();
        auto changes = take();
        if (!changes.empty()) return changes;
        if (look(lock, queue)) continue;
        const auto now = clock_->monotonic();
        const auto left = std::min(deadline - now, until_work(now));
        if (deadline <= now) return {};
        const auto ready = [&] {
            return closed_ || !ended_.empty() || !other_.empty() || !streams_pending_.empty() || work_waits(clock_->monotonic());
        };
        static_cast<void>(changed_.wait_for(lock, stop, left, ready));
    }
}

}  // namespace tenon::engine
