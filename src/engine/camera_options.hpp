#pragma once

#include <optional>
#include <vector>

#include <nvr/camera_rows.hpp>
#include <nvr/camera_url.hpp>
#include <tenon/camera.hpp>

#include "core.hpp"

/// What people say of a camera when they add or change it.
namespace tenon::engine {

void check_recording(Recording recording, const std::vector<RecordingWindow>& schedule);
void check_retention(const Retention& retention);
void check_update(const CameraUpdate& update);

/// Throws InvalidArgument for a login in the URL and one beside it.
void check_one_login(const nvr::GivenUrl& given, bool beside);

/// Where cameras may not live is refused now; a name that nobody knows yet may be known later, and is checked at every connect.
void check_address(const SessionImpl& session, const nvr::CameraUrl& url);

/// Gives the row what `update` says of the address and the login; `given`: its URL, taken apart. True: something of them.
bool change_address(nvr::rows::CameraRow& row, const CameraUpdate& update, const std::optional<nvr::GivenUrl>& given,
                    const crypto::MasterKey& master);

/// For the audit trail: what became of what was changed, without secrets.
base::Json details_of(const CameraUpdate& update, const nvr::rows::CameraRow& row, bool other_address);

}  // namespace tenon::engine
