#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/backup.hpp>
#include <tenon/config.hpp>
#include <tenon/error.hpp>
#include <tenon/id.hpp>
#include <tenon/render.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// What becomes of times that nobody saw because no process had the home open. Stored: append, never renumber.
enum class Misfire : std::uint8_t {
    run_once = 1,  ///< One job makes up for all of them, as soon as a process is there.
    skip = 2,      ///< They are passed over.
};

/// The rule's name: "run_once".
TENON_API const char* to_string(Misfire rule) noexcept;

/// Work that comes again: exactly one of `backup`, `check` and `render`. Of a schedule priority, key and batch count.
struct RecurrenceOptions {
    std::string name{};                     ///< Required. Unique among the tenant's, which are at most 100.
    /// Required. As crontab(5): minute, hour, day of the month, month, day of the week. `30 2 * * *`, `*/15 9-17 * * mon-fri`; or
    /// @hourly, @daily, @weekly, @monthly, @yearly. Day of the month and day of the week both limited: either is enough.
    std::string cron{};
    std::string zone{};                     ///< IANA time zone that the fields are read in. Empty: the tenant's, as it is now.
    Misfire misfire = Misfire::run_once;
    std::optional<BackupOptions> backup{};
    std::optional<CheckLevel> check{};      ///< Of the backups.
    /// Checked as Renders::start would; what its assets are when its time comes counts. As JSON at most 1 MiB.
    std::optional<RenderOptions> render{};
};

/// What is to change of a recurrence; what is unset stays.
struct RecurrenceUpdate {
    std::string name{};                     ///< Required.
    std::optional<std::string> cron{};
    std::optional<std::string> zone{};
    std::optional<Misfire> misfire{};
};

struct Recurrence {
    std::string name{};
    std::string kind{};                     ///< Of the jobs: "backup", "check", "render".
    std::optional<ProjectId> project{};     ///< Of a render. Unset: it is about the tenant as a whole.
    std::string cron{};
    std::string zone{};
    Misfire misfire = Misfire::run_once;
    bool paused = false;
    std::optional<Time> next_at{};          ///< When the next job is started. Unset while paused.
    std::optional<Time> last_at{};          ///< The last time whose turn it was, with what came of it:
    std::optional<JobId> last_job{};        ///< the job that was started for it,
    std::optional<Errc> last_error{};       ///< or why none was,
    std::string last_message{};             ///< for people.
    std::int64_t runs = 0;                  ///< Jobs started.
    std::int64_t refused = 0;               ///< Times without a job: the one before still ran, no storage was left …
    Time created_at{};
};

struct UpcomingOptions {
    std::string cron{};                     ///< Required. See RecurrenceOptions.
    std::string zone{};                     ///< Empty: the tenant's.
    std::optional<Time> start{};            ///< Those after this. Unset: now.
    std::int32_t limit = 10;                ///< 1 to 1000.
};

/// The tenant's recurring jobs. Each time has one job, however many processes share the home; one that comes while the job of the
/// time before has not ended is passed over.
///
/// A time that the clocks skip when they are set forward counts as the first instant after the gap. One that they show twice
/// counts once, at its first; both times for expressions of every hour (`*/10 * * * *`).
///
/// To make, change or remove one takes the permission that starting its job takes: of a render, in its project. Those of projects in
/// which one may not read jobs are not there. Its jobs are started by the tenant's own right from then on, whatever becomes of whoever
/// made it.
class TENON_API Recurrences {
public:
    /// Throws InvalidArgument, Conflict (the name is taken, there are 100), what Renders::start does.
    Recurrence create(const RecurrenceOptions& options);
    /// Counted from now on by the new times. Throws NotFound, InvalidArgument.
    Recurrence update(const RecurrenceUpdate& change);
    Recurrence get(const std::string& name) const;
    [[nodiscard]] std::optional<Recurrence> find(const std::string& name) const;
    std::vector<Recurrence> list() const;   ///< By name.
    /// Times pass unused until resume(). Throws NotFound.
    Recurrence pause(const std::string& name);
    Recurrence resume(const std::string& name);
    /// As if one of its times had come: the job is started within a second or two, by a process that has the home open; get() tells
    /// what came of it. Throws NotFound, Conflict (it is paused).
    Recurrence trigger(const std::string& name);
    /// Jobs that it has started go on. Throws NotFound.
    void remove(const std::string& name);
    /// What an expression means. Throws InvalidArgument.
    std::vector<Time> upcoming(const UpcomingOptions& options) const;

private:
    friend struct Internal;
    explicit Recurrences(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
