#pragma once

#include <filesystem>

#include <jobs/queue.hpp>
#include <nvr/camera_rows.hpp>
#include <nvr/recorder.hpp>
#include <tenon/camera.hpp>

#include "core.hpp"

TENON_BEGIN

/// What stands behind Camera.
struct CameraImpl {
    std::shared_ptr<SessionImpl> session;
    CameraId id;
};

TENON_END

namespace tenon::engine {

constexpr const char* clip_kind = "clip";

/// Cameras, their recorder and their clips.
class Recordings final : public Part {
public:
    explicit Recordings(EngineImpl& engine);

    void prepare() override;
    void start() override;
    void stop() noexcept override { recorder.stop(); }
    void halt(const TenantId&) override { recorder.halt(); }
    void resume(const TenantId&) override { recorder.changed(); }
    void erase(db::Tx& tx) override { nvr::rows::erase(tx); }

private:
    void seal_urls();
    jobs::Outcome export_clip(const jobs::Attempt& attempt);
    void cover_size(const jobs::Attempt& attempt, Bytes size);
    void give_up(db::Tx& tx, const jobs::JobRow& job);
    std::filesystem::path path_of(const jobs::JobRow& job) const;

    EngineImpl& engine_;

public:
    nvr::Recorder recorder;
};

inline Recordings& recordings_of(const EngineImpl& engine) { return static_cast<Recordings&>(*engine.recordings); }

/// A clip as its job keeps it: what was asked for, and what was made. The path is the file's name.
std::string clip_payload(const CameraId& camera, const ClipOptions& options, const TimeRange& footage);
/// What its job reads.
TimeRange footage_of_clip(const base::Json& payload);
std::string clip_result(const Clip& clip);
Clip clip_from(const std::string& result);

/// A camera of the session's tenant. Throws NotFound.
nvr::rows::CameraRow camera_row(const SessionImpl& session, const CameraId& id);
CameraInfo camera_info(const SessionImpl& session, const nvr::rows::CameraRow& row);

}  // namespace tenon::engine
