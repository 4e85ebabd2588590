#include "camera_options.hpp"

#include <base/text.hpp>
#include <nvr/schedule.hpp>

#include "recordings.hpp"

namespace tenon::engine {
namespace {

namespace rows = nvr::rows;

std::uint16_t port_of(const nvr::CameraUrl& url) {
    constexpr std::uint16_t rtsp = 554, rtsps = 322;
    if (url.port != 0) return url.port;
    return url.secure ? rtsps : rtsp;
}

/// Whether a login for the one would go elsewhere, or more openly, if it were sent to the other.
bool leads_elsewhere(const nvr::CameraUrl& before, const nvr::CameraUrl& after) {
    if (before.host != after.host || (before.secure && !after.secure)) return true;
    return before.secure == after.secure && port_of(before) != port_of(after);
}

}  // namespace

void check_recording(Recording recording, const std::vector<RecordingWindow>& schedule) {
    if (recording > Recording::schedule)
        throw InvalidArgument("a camera records continuously, by a schedule or not at all", {.subject = "recording"});
    nvr::check_schedule(schedule);
    if (recording == Recording::schedule && schedule.empty())
        throw InvalidArgument("a camera that records by a schedule needs one", {.subject = "schedule"});
}

void check_retention(const Retention& retention) {
    if (retention.keep_for < Duration{} || retention.keep_bytes.count < 0)
        throw InvalidArgument("footage cannot be kept for less than nothing", {.subject = "retention"});
}

void check_update(const CameraUpdate& update) {
    if (!update.name && !update.url && !update.username && !update.password && !update.recording && update.schedule.empty() && !update.retention)
        throw InvalidArgument("the update changes nothing: say what is to be another", {.subject = "update"});
    if (update.name) base::check_name("name", *update.name);
    if (update.username) base::check_text("username", *update.username, 256);
    if (update.password) base::check_text("password", *update.password, 256);
    if (update.retention) check_retention(*update.retention);
}

void check_one_login(const nvr::GivenUrl& given, bool beside) {
    if (beside && (!given.username.empty() || !given.password.empty()))
        throw InvalidArgument("give the login in the URL or beside it, not both", {.subject = "url"});
}

void check_address(const SessionImpl& session, const nvr::CameraUrl& url) {
    const auto& networks = recordings_of(*session.engine).recorder.networks();
    session.interruptible([&](const std::stop_token& stop) {
        try {
            (void)nvr::checked_address(url, networks, nvr::HostLookup::of_process(), stop);
        } catch (const Unavailable&) {
        }
    });
}

bool change_address(rows::CameraRow& row, const CameraUpdate& update, const std::optional<nvr::GivenUrl>& given, const crypto::MasterKey& master) {
    auto username = update.username;
    auto password = update.password;
    if (given && (!given->username.empty() || !given->password.empty())) {
        username = given->username;
        password = given->password;
    }
    if (given) {
        const auto before = nvr::parse_camera_url(rows::whole_url(row, master)).url;
        if (!password && !row.password.empty() && leads_elsewhere(before, given->url))
            throw InvalidArgument("the address leads elsewhere, where the password is not sent unasked: give it again, or an empty one",
                                  {.subject = "password"});
        row.url = given->url.shown();
        row.sealed_url = master.seal(rows::url_label(row.id), base::view_of(given->url.text()));
    }
    if (username) row.username = *username;
    if (password) {
        row.password.clear();
        if (!password->empty()) row.password = master.seal(rows::password_label(row.id), base::view_of(*password));
    }
    const bool other = given || username || password;
    if (other) ++row.revision;
    return other;
}

base::Json details_of(const CameraUpdate& update, const rows::CameraRow& row, bool other_address) {
    base::Json details;
    if (update.name) details.set("name", row.name);
    if (other_address) details.set("url", row.url).set("login", !row.username.empty() || !row.password.empty());
    if (update.recording) details.set("recording", to_string(row.recording));
    if (!update.schedule.empty()) details.set("schedule", nvr::schedule_text(row.schedule));
    if (update.retention)
        details.set("keep_for_us", std::int64_t{row.retention.keep_for.count()}).set("keep_bytes", row.retention.keep_bytes.count);
    return details;
}

}  // namespace tenon::engine
