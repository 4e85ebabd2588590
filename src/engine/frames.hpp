#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>

#include <media/frame.hpp>
#include <tenon/frame.hpp>

#include "core.hpp"
#include "subject.hpp"

namespace tenon::engine {

/// A decoded picture and when it is shown.
struct Taken {
    media::VideoFrame picture;
    Duration time{};
};

/// Throws what Assets::frame() does.
Taken take_frame(const SessionImpl& session, const Subject& subject, const FrameOptions& options);

Frame make_frame(Taken taken);
FrameStream make_frames(std::shared_ptr<SessionImpl> session, Permission permission, Subject subject, const FramesOptions& options);

}  // namespace tenon::engine
