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
    std::vector<RecordingWindow> schedule{};
    Retention retention{};
    std::optional<Time> pruned_until{};  ///< Retention has removed footage up to here.
    std::int64_t revision = 0;           ///< Grows whenever its address or login changes.
};

/// What a recorder last said of a camera, for other processes and after its end.
struct StatusRow {
    CameraState state = CameraState::off;
    std::string problem{};
    std::optional<Time> last_frame_at{};
    CameraHealth health{};
};

void insert(db::Tx& tx, const CameraRow& camera);
std::optional<CameraRow> find(db::Reader& reader, const CameraId& id);
std::vector<CameraRow> list(db::Reader& reader);
/// What people may change of it, and its revision. False: there is no such camera.
bool update(db::Tx& tx, const CameraRow& camera);
/// False: there is no such camera.
bool set_recording(db::Tx& tx, const CameraId& id, Recording recording);
bool set_schedule(db::Tx& tx, const CameraId& id, const std::vector<RecordingWindow>& schedule);
bool set_retention(db::Tx& tx, const CameraId& id, const Retention& retention);
bool set_removing(db::Tx& tx, const CameraId& id);
/// The row itself, with its status and segments. Returns the bytes of storage that were charged for its footage.
Bytes remove(db::Tx& tx, const CameraId& id);
void erase(db::Tx& tx);

std::optional<StatusRow> status(db::Reader& reader, const CameraId& id);
void set_status(db::Tx& tx, const CameraId& id, const StatusRow& status);

/// Cameras of an older version, whose row holds the whole URL.
struct OpenUrl {
    TenantId tenant{};
    CameraId camera{};
    std::string url{};
};
std::vector<OpenUrl> open_urls(db::SystemReader& reader);
/// Puts what may be shown in place of the URL, which is sealed beside it.
void seal_url(db::Tx& tx, const CameraId& id, const std::string& url, const crypto::MasterKey& master);

/// Who is to be recorded or removed, in every tenant.
struct Intent {
    TenantId tenant{};
    CameraId camera{};
    bool removing = false;
    Recording recording = Recording::off;
    std::vector<RecordingWindow> schedule{};
    std::int64_t revision = 0;
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

/// The whole of a camera's URL, unsealed. A secret.
std::string whole_url(const CameraRow& camera, const crypto::MasterKey& master);
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
/// Every segment of a camera that a row tells of, oldest first, with what its tenant was charged for it.
struct KeptSegment {
    SegmentInfo segment{};
    std::int64_t charged = 0;
    bool finished = false;
};
std::vector<KeptSegment> segments(db::Reader& reader, const CameraId& camera);
/// When the oldest of them ended.
std::optional<Time> oldest_end(db::Reader& reader, const CameraId& camera);
/// Rows of segments whose files are gone. Returns what was charged for them.
std::int64_t remove_segments(db::Tx& tx, const CameraId& camera, const std::vector<KeptSegment>& gone);
void set_pruned(db::Tx& tx, const CameraId& camera, Time until);
/// Cameras whose footage is not kept for ever.
struct Keeper {
    TenantId tenant{};
    CameraId camera{};
};
std::vector<Keeper> keepers(db::SystemReader& reader);

/// Footage that retention leaves alone.
std::int64_t protect(db::Tx& tx, const CameraId& camera, const Protection& protection);
std::vector<Protection> protections(db::Reader& reader, const CameraId& camera);
bool unprotect(db::Tx& tx, const CameraId& camera, std::int64_t number);

/// Segments that will not change any more, oldest first: for backup. `after`: those that ended later.
std::vector<SegmentRow> closed_segments(db::Reader& reader, std::optional<Time> after = {});

}  // namespace tenon::nvr::rows
