#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <crypto/master_key.hpp>
#include <crypto/sign.hpp>
#include <db/database.hpp>
#include <nvr/camera_url.hpp>
#include <nvr/footage_writer.hpp>
#include <tenon/camera.hpp>

/// What is stored of cameras, sites and segments. Every function works in the caller's transaction.
namespace tenon::nvr::rows {

struct CameraRow {
    CameraId id{};
    SiteId site{};
    std::string name{};
    std::string url{};                       ///< As shown; the whole of it if nothing is sealed.
    std::vector<std::uint8_t> sealed_url{};  ///< All but the login, sealed; empty: a camera of an older version.
    std::string username{};
    std::vector<std::uint8_t> password{};  ///< Sealed; empty: none.
    Recording recording = Recording::off;
    bool removing = false;  ///< Its footage is being removed; nobody sees it any more.
    Time created_at{};
};

/// What a recorder last said of a camera, for other processes and after its end.
struct StatusRow {
    CameraState state = CameraState::off;
    std::string problem{};
    std::optional<Time> last_frame_at{};
};

void insert(db::Tx& tx, const CameraRow& camera);
std::optional<CameraRow> find(db::Reader& reader, const CameraId& id);
std::vector<CameraRow> list(db::Reader& reader);
/// False: there is no such camera.
bool set_recording(db::Tx& tx, const CameraId& id, Recording recording);
bool set_removing(db::Tx& tx, const CameraId& id);
/// The row itself, with its status and segments. Returns the bytes of storage that were charged for its footage.
Bytes remove(db::Tx& tx, const CameraId& id);
void erase(db::Tx& tx);

std::optional<StatusRow> status(db::Reader& reader, const CameraId& id);
void set_status(db::Tx& tx, const CameraId& id, const StatusRow& status);

/// Who is to be recorded or removed, in every tenant.
struct Intent {
    TenantId tenant{};
    CameraId camera{};
    bool removing = false;
};
std::vector<Intent> intents(db::SystemReader& reader);

/// The tenant's site; the first one is made with its signing key. The seed is sealed.
struct SiteRow {
    SiteId id{};
    crypto::PublicKey public_key{};
    std::vector<std::uint8_t> seed{};
};
SiteRow open_site(db::Tx& tx, const SiteId& new_id, const crypto::MasterKey& master, Time now);
std::optional<SiteRow> find_site(db::Reader& reader, const SiteId& id);
crypto::SigningKey signing_key(const SiteRow& site, const crypto::MasterKey& master);

std::string password_label(const CameraId& id);
std::string url_label(const CameraId& id);

/// Writes what a segment has become. Returns how much of it was charged now: what was not before, up to the limit given.
std::int64_t upsert_segment(db::Tx& tx, const CameraId& camera, const SegmentNote& note, std::int64_t charge_at_most);
/// What a camera's segments weigh, and how much of that its tenant was charged.
struct Weight {
    std::int64_t bytes = 0;
    std::int64_t charged = 0;
};
Weight weigh(db::Reader& reader, const CameraId& camera);

struct SegmentRow {
    CameraId camera{};
    SegmentInfo segment{};
};
/// Segments that will not change any more, oldest first: for backup. `after`: those that ended later.
std::vector<SegmentRow> closed_segments(db::Reader& reader, std::optional<Time> after = {});

}  // namespace tenon::nvr::rows
