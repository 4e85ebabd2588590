#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <vector>

#include <base/news.hpp>
#include <exec/wait.hpp>
#include <jobs/queue.hpp>
#include <tenon/watch.hpp>

TENON_BEGIN
struct EngineImpl;
TENON_END

namespace tenon::engine {

/// Whether nothing was done in between; what is left is estimated anew at every look.
bool same(const Progress& a, const Progress& b);

/// What one watch knows. Ends are pushed into it by those who make them durable; the rest is looked up by whoever waits in
/// next(), a little at a time, so that an end that comes meanwhile is told before.
///
/// Holds no session and no engine: whoever pushes may be the last to let go of it, on a thread that could not end an engine.
///
/// Threads   any member, from any thread, at once.
class WatchCore : public std::enable_shared_from_this<WatchCore> {
public:
    explicit WatchCore(std::shared_ptr<const base::Clock> clock);

    using SessionRef = std::weak_ptr<const SessionImpl>;

    /// Throw Closed.
    void add_job(const JobId& id, const db::TenantScope& scope, SessionRef session);
    void add_stream(std::int64_t number, const std::shared_ptr<base::Source>& source, SessionRef session);
    void remove_job(const JobId& id);
    void remove_stream(std::int64_t number);

    /// Throws Closed; Cancelled when a stop is asked for first.
    std::vector<Change> next(Duration timeout, const jobs::Queue& queue, const std::stop_token& stop);
    void close() noexcept;

    // What Watches passes on.
    void became(const JobInfo& job) noexcept;
    void touched(const JobId& id) noexcept;
    void may_have_changed() noexcept;
    void session_closed(const SessionRef& session) noexcept;
    void stream_has_news(std::int64_t number) noexcept;

private:
    struct Job {
        db::TenantScope scope;
        std::vector<SessionRef> sessions;  ///< It was added through.
        Change now{};                      ///< As last heard.
        std::uint64_t version = 0;         ///< Grows with what is heard; a look that began before is void.
        bool fresh = true;                 ///< How it stands was not told since it was added.
        bool pending = false;              ///< In `ended` or `changed`.
        bool stale = false;                ///< In `stale_`.
    };
    struct Stream {
        std::weak_ptr<base::Source> source;
        std::shared_ptr<base::Listener> ear;
        SessionRef session;
        bool ask = false;      ///< In `asked_`.
        bool pending = false;  ///< In `streams_pending_`.
        bool last = false;
    };
    using Lock = std::unique_lock<std::mutex>;

    void check_open() const;
    void make_stale(const JobId& id, Job& job);
    void apply(Job& job, const JobInfo& info);
    void end_unseen(const JobId& id, Job& job, Errc why, const char* message);
    void push(const JobId& id, Job& job);
    void ask(std::int64_t number, Stream& stream);
    void tell_stream(std::int64_t number, Stream& stream, bool last);
    std::vector<Change> take();
    void take_streams(std::vector<Change>& changes);

    bool work_waits(Duration now) const;
    Duration until_work(Duration now) const;
    bool look(Lock& lock, const jobs::Queue& queue);
    bool look_at_streams(Lock& lock);
    bool look_at_jobs(Lock& lock, const jobs::Queue& queue);
    bool look_at_progress(Lock& lock, const jobs::Queue& queue);
    void look_at_all();

    const std::shared_ptr<const base::Clock> clock_;
    std::mutex mutex_;
    exec::Condition changed_;
    std::map<JobId, Job> jobs_;                   // all below under mutex_
    std::map<std::int64_t, Stream> streams_;
    std::deque<JobId> ended_, other_;             // pending; some may be gone or told by now
    std::deque<std::int64_t> streams_pending_;
    std::deque<JobId> stale_;                     // to be looked up
    std::deque<std::int64_t> asked_;              // to be asked whether they have news
    std::set<JobId> here_;                        // jobs that run in a process of this machine: their progress is looked at
    std::uint64_t versions_ = 0;
    Duration progress_at_{};                      // when that was
    bool all_stale_ = false;                      // another process changed something
    bool at_all_ = false;                         // looking at all is under way,
    Duration all_took_{};                         // has taken so long,
    Duration all_not_before_{};                   // and does not begin again before this
    Duration not_before_{};                       // the store could not be read: no look before this
    bool looking_ = false;                        // somebody in next() looks
    bool closed_ = false;
};

/// All watches of one engine.
class Watches final : public jobs::Listener {
public:
    void add(const std::shared_ptr<WatchCore>& core);
    void became(const JobInfo& job) noexcept override;
    void touched(const JobId& id) noexcept override;
    void may_have_changed() noexcept override;
    void session_closed(const WatchCore::SessionRef& session) noexcept;

private:
    template <class Tell> void each(Tell&& tell) noexcept;

    std::mutex mutex_;
    std::vector<std::weak_ptr<WatchCore>> all_;  // guarded by mutex_
};

/// Throws Closed.
Watch make_watch(const std::shared_ptr<EngineImpl>& engine);

}  // namespace tenon::engine
