#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <base/clock.hpp>
#include <base/log.hpp>
#include <crypto/master_key.hpp>
#include <db/database.hpp>
#include <nvr/camera_rows.hpp>
#include <tenant/events.hpp>

namespace tenon::nvr {

/// What of a camera's footage is being read and must stay.
struct FootageUse {
    std::vector<TimeRange> ranges{};
    std::shared_ptr<void> closed{};  ///< While it lives nobody asks for more.
};

struct RecorderOptions {
    std::shared_ptr<const base::Clock> clock{};
    std::shared_ptr<base::Log> log{};
    std::vector<std::string> networks{};  ///< Where cameras may live; empty: the private ranges.
    /// The scope of a tenant whose cameras may record now; empty: they must not. Called outside of transactions.
    std::function<std::optional<db::TenantScope>(const TenantId&)> scope{};
    /// Where a tenant's recordings lie.
    std::function<std::filesystem::path(const TenantId&)> folder{};
    /// What the clocks of a tenant's place show, counted from Monday 00:00; unset: UTC.
    std::function<Duration(const TenantId&, Time)> week_time{};
    /// What is read of a camera's footage, asked before some of it is removed. Empty: all of it, or it cannot be said now.
    /// Unset: nothing.
    std::function<std::optional<FootageUse>(const db::TenantScope&, const CameraId&)> in_use{};
    std::shared_ptr<HostLookup> lookup{};  ///< Unset: the process's own.
    Duration prune_every = std::chrono::seconds(60);
    std::size_t queue_bytes = 64u << 20;  ///< Footage in memory while the disk is slow.
    Duration open_timeout = std::chrono::seconds(5);
    Duration refused_pause = std::chrono::seconds(60);  ///< After a wrong password: cameras lock accounts.
};

/// Keeps the intents: every camera that is meant to record does so or tries again, through restarts and outages.
///
/// One process records a camera, however many have opened the home; another one takes over when it ends.
///
/// Threads   any member, from any thread, at once.
class Recorder {
public:
    Recorder(RecorderOptions options, db::Database& database, const db::SystemScope& system, tenant::EventHub& events,
             const crypto::MasterKey& master);
    ~Recorder();  ///< stop()
    Recorder(const Recorder&) = delete;
    Recorder& operator=(const Recorder&) = delete;

    void start();
    /// Finishes every segment and joins. Intents stay.
    void stop() noexcept;

    /// An intent has changed: looks again, soon.
    void changed();

    /// What a camera is doing now. Empty: this process does not record it. A camera that cannot
    /// even be begun with is retrying, with the reason.
    [[nodiscard]] std::optional<rows::StatusRow> status(const CameraId& id) const;

    /// Files were put into the tenant's recordings while nobody may record: makes indexes whole and takes the segments in.
    void take_in(const db::TenantScope& scope);

    /// Returns when what may not record any more has stopped. Call it after `RecorderOptions::scope` has turned to none.
    void halt();

    /// Waits until a camera marked for removal is gone, with its footage. False: another process has yet to do it.
    bool wait_removed(const db::TenantScope& scope, const CameraId& id, Duration timeout, const std::stop_token& stop);

    const Networks& networks() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::nvr
