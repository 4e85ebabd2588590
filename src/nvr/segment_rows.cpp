#include <nvr/segment_rows.hpp>

namespace tenon::nvr::rows {

namespace {

constexpr db::TenantStmt find_closed{
    "SELECT 1 FROM segment WHERE tenant_id = :tenant AND camera_id = :camera AND day = :day AND run = :run AND number = :number AND finished = 1"};

}  // namespace

bool is_closed(db::Reader& reader, const CameraId& camera, std::uint32_t day, const SegmentPlace& place) {
    return reader.query(find_closed, camera, std::int64_t{day}, static_cast<std::int64_t>(place.run), std::int64_t{place.number}).next();
}

}  // namespace tenon::nvr::rows
