#pragma once

#include <string>
#include <vector>

#include <tenon/camera.hpp>

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

Table camera_table(const std::vector<CameraInfo>& cameras);

/// By the first operand.
extern const Operand camera_operand;
Camera chosen_camera(const Session& session, const Args& args);
void show_camera(const Context& context, const CameraInfo& camera);
/// "mon@08:00-18:00"
std::string window_text(const RecordingWindow& window);

// Verbs of footage.
Command timeline_verb();
Command snapshot_verb();
Command playlist_verb();
Command schedule_verb();
Command keep_verb();
Command protect_verb();
Command unprotect_verb();

/// The verb "camera run".
int run_cameras(Context& context, const Args& args);

}  // namespace tenon::cli
