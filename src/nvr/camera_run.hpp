#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include <base/file.hpp>
#include <nvr/recorder.hpp>
#include <tenant/quota.hpp>

#include "disk.hpp"
#include "stream_meter.hpp"

namespace tenon::nvr {

/// What camera runs share.
struct RunContext {
    HostLookup& lookup() const { return options.lookup ? *options.lookup : HostLookup::of_process(); }

    RecorderOptions options;
    Networks networks;
    db::Database& database;
    tenant::EventHub& events;
    const crypto::MasterKey& master;
    Disk disk;
    std::function<void()> wake;  ///< The clerk has something to book.
};

/// What killed processes held for a camera is settled with what they left on disk.
void take_up_holds(RunContext& context, const db::TenantScope& scope, const CameraId& id, const CameraTail& tail);

/// The same for a camera that nobody records now and that is not to be recorded: first its footage is made whole.
/// `every_day`: files were put there by others; rows of what is not there go. False: another process records it.
bool settle_left_behind(RunContext& context, const db::TenantScope& scope, const CameraId& id, bool every_day = false);

/// Whether there is anything to look for: cheap, for it is asked every minute for every camera.
bool may_prune(db::Reader& reader, const rows::CameraRow& camera, Time now);

/// Removes the footage of a camera that its retention does not keep, but for what is in use. This process holds the camera's lock.
void prune(RunContext& context, const db::TenantScope& scope, const rows::CameraRow& camera, const std::vector<TimeRange>& in_use);

/// One camera being recorded: the thread that reads it, and what the clerk books for it.
class CameraRun final : public LineOwner {
public:
    CameraRun(RunContext& context, db::TenantScope scope, const CameraId& id, GapReason first_gap);
    ~CameraRun();  ///< stop() and join()

    void stop() noexcept { thread_.request_stop(); }
    /// Waits for the thread, then for the disk: afterwards the segment is finished.
    void join() noexcept;

    const db::TenantScope& scope() const { return scope_; }
    const CameraId& id() const { return id_; }
    rows::StatusRow status() const;
    bool owns() const { return owns_; }
    bool prepared() const { return prepared_; }

    /// The clerk's part, on its thread only.
    Duration watch();         ///< Ends a connection that has gone silent; how long until this one can be.
    void follow(std::int64_t revision);  ///< Connects anew if the camera's address or login is a newer one.
    void settle();            ///< Books segments, storage, state and news. Throws what the store throws.
    void release() noexcept;  ///< Gives the rest of what is held back, at the end.

private:
    void run(const std::stop_token& stop);
    bool prepare(const std::stop_token& stop);
    void connect(const std::stop_token& stop);
    void read(const std::string& url, const std::stop_token& stop);
    std::string address(const std::stop_token& stop);

    rows::StatusRow measured() const;
    void set_state(CameraState state, const std::string& problem);
    void tell(const std::string& kind, base::Json data);
    void lost(GapReason reason, const std::string& problem);
    void flows();

    void noted(std::vector<SegmentNote> notes) override;
    void paused(GapReason reason, const std::string& problem) override;
    void resumed() override;

    void top_up();
    void book(const std::vector<SegmentNote>& notes, const std::vector<tenant::News>& news, const std::optional<rows::StatusRow>& status);
    bool extend(std::int64_t bytes);

    RunContext& context_;
    const db::TenantScope scope_;
    const CameraId id_;
    std::filesystem::path folder_;
    std::optional<rows::CameraRow> camera_;
    std::shared_ptr<const crypto::SigningKey> key_;
    std::optional<base::FileLock> lock_;  ///< This process is the one that records it.
    std::shared_ptr<Allowance> allowance_ = std::make_shared<Allowance>();
    std::shared_ptr<Disk::Line> line_;

    // The thread's own.
    GapReason gap_;  ///< Why footage is missing before what comes next.
    bool was_online_ = false;
    bool connected_before_ = false;
    int failures_ = 0;
    Duration failing_since_{};

    mutable std::mutex mutex_;  // guards what follows
    rows::StatusRow status_{CameraState::connecting, {}, {}, {}};
    bool status_changed_ = true;
    bool paused_ = false;
    std::string pause_problem_;
    std::vector<SegmentNote> notes_;
    std::vector<tenant::News> news_;
    std::optional<std::stop_source> connection_;
    std::stop_source attempt_;    ///< The connection, or the pause behind it.
    std::int64_t revision_ = 0;   ///< Of the address that is connected to.
    bool outdated_ = false;       ///< There is a newer one.
    Duration last_packet_{};
    Duration silence_{};   ///< How long it may be silent.
    bool silent_ = false;  ///< It was ended for its silence.
    StreamMeter meter_;

    // The clerk's own, once the thread has prepared them.
    std::atomic<bool> owns_{false};  ///< Holds the lock: its word on the camera counts.
    std::atomic<bool> prepared_{false};
    std::optional<HoldId> hold_;
    std::int64_t held_ = 0;  ///< Of the hold, not spent yet.
    std::int64_t chunk_ = 8 << 20;
    Duration asked_at_{};
    Duration booked_at_{};
    bool ending_ = false;

    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace tenon::nvr
