#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/error.hpp>
#include <tenon/event.hpp>
#include <tenon/id.hpp>
#include <tenon/job.hpp>
#include <tenon/log.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct WatchImpl;

/// What is new of one job or one stream.
struct Change {
    JobId job{};                       ///< Nil: it is about a stream.
    std::int64_t stream = 0;           ///< Its number(): it has news, drain it with next(0s). 0: it is about a job.
    /// Nothing follows, and the watch has forgotten it: the job ended, the stream was closed, or it cannot be seen any more
    /// (see `error`).
    bool last = false;
    JobState state = JobState::ready;  ///< The job's, like all below; as it stood when it was last heard of.
    Progress progress{};
    /// As JobInfo::error. Of a job whose state is not an end, with `last`: why it is not watched any more: closed (the
    /// session it was added through), not_found (its tenant was erased). Of a stream: closed, with `last`.
    std::optional<Errc> error{};
    std::string message{};             ///< What went wrong, for people.
};

/// Many jobs and streams, watched at once: for one thread that completes futures and hands out progress.
///
/// An end is told within a millisecond of being durable, however many jobs are watched; that of a job which another process
/// runs once this one hears of it, a quarter of a second later. Of a job only the newest change is pending, progress at
/// most 20 times a second, and ends go first; an end is never lost.
///
/// Threads   any member, from any thread, at once; each change goes to one caller.
/// Lifetime  may outlive its Engine; calls then throw Closed. Dropping the last copy forgets what it watched and ends nothing.
/// Throws    add, remove and next: Closed after close() or when the engine closes.
class TENON_API Watch {
public:
    /// From now on its changes are told, first of all how it stands: of one that has ended its end, at once. Adding it again
    /// tells again how it stands. Needs the permission that Job::state() needs.
    /// Throws InvalidArgument (of another engine), NotFound (its tenant was erased), PermissionDenied.
    void add(const Job& job);
    /// Told as long as there are events to read: once, and then again after each next() of it that left some, or when more
    /// came. A call of its next(0s) that comes back empty has drained it. Throws InvalidArgument, PermissionDenied.
    void add(const EventStream& stream);
    /// Likewise. Watch the log of another engine in that engine's watch: throws InvalidArgument.
    void add(const LogStream& stream);

    /// Forgets it, and what was pending of it. What was not added is none the less not watched.
    void remove(const Job& job);
    void remove(const EventStream& stream);
    void remove(const LogStream& stream);

    /// Waits until something has changed. Empty: nothing in time. At most 1024 at once; the rest comes with the next call.
    /// 0 or less: what there is now.
    std::vector<Change> next(Duration timeout);

    /// Wakes those who wait in next(); they and later calls get Closed. The jobs go on, the streams stay open.
    void close() noexcept;

private:
    friend struct Internal;
    explicit Watch(std::shared_ptr<WatchImpl> impl);
    std::shared_ptr<WatchImpl> impl_;
};

TENON_END
