#pragma once

#include <string>
#include <vector>

#include <tenon/camera.hpp>

namespace tenon::nvr {

/// Throws InvalidArgument, subject "schedule".
void check_schedule(const std::vector<RecordingWindow>& windows);

/// `week_time`: what the clocks of the place show, counted from Monday 00:00.
[[nodiscard]] bool covers(const std::vector<RecordingWindow>& windows, Duration week_time);

/// As it is stored: JSON, empty for none.
std::string schedule_text(const std::vector<RecordingWindow>& windows);
std::vector<RecordingWindow> schedule_from(const std::string& text);

}  // namespace tenon::nvr
