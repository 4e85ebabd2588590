// What a watch looks up itself, in the thread that waits in next(): how a job stands that was just added or that another
// process changed, whether a stream has news, how far the jobs are that run here.
#include <algorithm>
#include <utility>

#include "core.hpp"
#include "watches.hpp"

namespace tenon::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t jobs_at_once = 16;            // a fifth of a millisecond: an end that comes meanwhile does not wait longer
constexpr Duration progress_every = 50ms;
constexpr Duration after_failure = 1s;
constexpr Duration never = std::chrono::hours(24);  // until something is heard
constexpr int rest = 9;                             // looking at all takes at most a tenth of the time

}  // namespace

bool WatchCore::work_waits(Duration now) const { return until_work(now) <= Duration::zero(); }

/// How long until there is something to look at, if nothing is heard meanwhile. Nothing while another caller looks: it
/// wakes the others when it is done.
Duration WatchCore::until_work(Duration now) const {
    if (looking_) return never;
    Duration at = now + never;
    if (!asked_.empty()) at = now;
    if (!stale_.empty()) at = std::min(at, not_before_);
    else if (all_stale_) at = std::min(at, std::max(all_not_before_, not_before_));
    if (!here_.empty()) at = std::min(at, progress_at_ + progress_every);
    return at - now;
}

/// Looks at a part of what there is to look at; returns false if there was nothing. One caller at a time, without the lock.
bool WatchCore::look(Lock& lock, const jobs::Queue& queue) {
    if (!work_waits(clock_->monotonic())) return false;
    looking_ = true;
    const auto done = [&] {
        looking_ = false;
        changed_.notify_all();
    };
    try {
        // Some of each, so that none of them keeps another waiting.
        const bool streams = look_at_streams(lock), progress = look_at_progress(lock, queue), rows = look_at_jobs(lock, queue);
        done();
        return streams || progress || rows;
    } catch (...) {
        if (!lock.owns_lock()) lock.lock();
        done();
        throw;
    }
}

bool WatchCore::look_at_streams(Lock& lock) {
    if (asked_.empty()) return false;
    const auto number = asked_.front();
    asked_.pop_front();
    auto entry = streams_.find(number);
    if (entry == streams_.end() || !std::exchange(entry->second.ask, false)) return true;
    const auto ear = entry->second.ear;
    const auto reader = entry->second.source;
    bool news = false, last = false;
    lock.unlock();
    {
        const auto source = reader.lock();
        try {
            last = !source;
            news = source && source->has_news();
        } catch (const Closed&) {
            last = true;
        } catch (const Error&) {
            news = true;  // whoever reads the stream hears what is wrong
        }
    }
    lock.lock();
    entry = streams_.find(number);
    if (entry != streams_.end() && entry->second.ear == ear && (news || last)) tell_stream(number, entry->second, last);
    return true;
}

bool WatchCore::look_at_progress(Lock& lock, const jobs::Queue& queue) {
    const auto now = clock_->monotonic();
    if (here_.empty() || now < progress_at_ + progress_every) return false;
    progress_at_ = now;
    const std::vector<JobId> ids(here_.begin(), here_.end());
    std::vector<std::optional<Progress>> found;
    lock.unlock();
    for (const auto& id : ids) found.push_back(queue.progress_now(id));
    lock.lock();
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto entry = jobs_.find(ids[i]);
        if (!found[i] || entry == jobs_.end()) {
            here_.erase(ids[i]);  // it ends just now, which is told, or goes on elsewhere
            continue;
        }
        Job& job = entry->second;
        if (job.now.last || job.now.state != JobState::running || same(job.now.progress, *found[i])) continue;
        job.now.progress = *std::move(found[i]);
        push(ids[i], job);
    }
    return true;
}

/// Another process changed something: all that is watched may be stale.
void WatchCore::look_at_all() {
    all_stale_ = false;
    at_all_ = true;
    all_took_ = {};
    for (auto& [id, job] : jobs_)
        if (!job.now.last) make_stale(id, job);
}

bool WatchCore::look_at_jobs(Lock& lock, const jobs::Queue& queue) {
    const auto now = clock_->monotonic();
    if (now < not_before_) return false;
    if (stale_.empty() && all_stale_ && now >= all_not_before_) look_at_all();
    if (stale_.empty()) return false;

    // The first in line, and those behind it that belong to the same tenant.
    std::optional<db::TenantScope> scope;
    std::vector<JobId> ids;
    std::vector<std::uint64_t> versions;
    for (; !stale_.empty() && ids.size() < jobs_at_once; stale_.pop_front()) {
        const auto entry = jobs_.find(stale_.front());
        if (entry == jobs_.end() || !entry->second.stale) continue;
        if (scope && scope->tenant() != entry->second.scope.tenant()) break;
        if (!scope) scope.emplace(entry->second.scope);
        entry->second.stale = false;
        ids.push_back(entry->first);
        versions.push_back(entry->second.version);
    }
    if (ids.empty()) return true;

    std::vector<JobInfo> infos;
    bool failed = false;
    lock.unlock();
    try {
        infos = queue.look(*scope, ids);
    } catch (const Closed&) {
        throw;
    } catch (const Error&) {
        failed = true;
    }
    std::vector<bool> here(infos.size());
    for (std::size_t i = 0; i < infos.size(); ++i)
        here[i] = infos[i].state == JobState::running && queue.progress_now(infos[i].id).has_value();
    lock.lock();

    const auto then = clock_->monotonic();
    all_took_ += then - now;
    if (stale_.empty() && std::exchange(at_all_, false)) all_not_before_ = then + rest * all_took_;
    if (failed) not_before_ = then + after_failure;
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const auto entry = jobs_.find(ids[i]);
        if (entry == jobs_.end() || entry->second.now.last) continue;
        Job& job = entry->second;
        if (failed) {
            make_stale(ids[i], job);
            continue;
        }
        if (job.version != versions[i]) continue;  // what was heard meanwhile is newer
        const auto info = std::ranges::find(infos, ids[i], &JobInfo::id);
        if (info == infos.end()) {
            end_unseen(ids[i], job, Errc::not_found, "there is no such job");
            continue;
        }
        if (here[static_cast<std::size_t>(info - infos.begin())]) here_.insert(ids[i]);
        apply(job, *info);
    }
    return true;
}

}  // namespace tenon::engine
