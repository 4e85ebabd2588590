#pragma once

#include <cstdint>

#include <db/database.hpp>
#include <nvr/segment.hpp>
#include <tenon/id.hpp>

namespace tenon::nvr::rows {

/// Whether a row tells of this segment, and that it will not change any more.
bool is_closed(db::Reader& reader, const CameraId& camera, std::uint32_t day, const SegmentPlace& place);

}  // namespace tenon::nvr::rows
