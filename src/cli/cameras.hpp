#pragma once

#include <vector>

#include <tenon/camera.hpp>

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

Table camera_table(const std::vector<CameraInfo>& cameras);

/// The verb "camera run".
int run_cameras(Context& context, const Args& args);

}  // namespace tenon::cli
