#include "cameras.hpp"

#include <cstdio>

#include "json.hpp"
#include "jobs.hpp"
#include "progress.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

/// "rtsp://user:secret@…": whoever lists processes would have read it by now, so the habit is refused, not served.
bool holds_password(std::string_view url) {
    const auto scheme = url.find("://");
    if (scheme == std::string_view::npos) return false;
    const auto authority = url.substr(scheme + 3, url.find('/', scheme + 3) - scheme - 3);
    const auto at = authority.rfind('@');
    return at != std::string_view::npos && authority.substr(0, at).find(':') != std::string_view::npos;
}

constexpr Option user_option{"--user", "NAME", "whom the camera knows; asks for the password"};

std::string camera_password(const Context& context, const Args& args) {
    return read_password(context, args, "CAMERA_PASSWORD", "Password of the camera").value();
}

int add(Context& context, const Args& args) {
    if (holds_password(args.operand(1)))
        throw UsageError("a password does not belong on the command line: give --user NAME, and the password when asked");
    CameraOptions options{.name = args.operand(0), .url = args.operand(1), .username = args.text(user_option.name)};
    const Session session = context.session();
    if (!options.username.empty() || args.has(password_file.name))
        options.password = camera_password(context, args);
    if (args.has("--record")) options.recording = Recording::continuous;
    show_camera(context, session.cameras().create(options).info());
    if (options.recording == Recording::continuous)
        context.out().remark("It records while a process has this home open: " + context.command("camera run") + ".");
    return 0;
}

int update(Context& context, const Args& args) {
    CameraUpdate change;
    const auto url = args.text("--url");
    if (holds_password(url))
        throw UsageError("a password does not belong on the command line: give --user NAME, and the password when asked");
    if (args.has("--name")) change.name = args.text("--name");
    if (args.has("--url")) change.url = url;
    if (args.has(user_option.name)) change.username = args.text(user_option.name);
    if (args.has("--no-login")) {
        if (args.has(user_option.name) || args.has("--password") || args.has(password_file.name))
            throw UsageError("--no-login, or a login; not both");
        change.username = change.password = "";
    }
    if (!change.name && !change.url && !change.username && !args.has("--password") && !args.has(password_file.name))
        throw UsageError("what is to change? --name, --url, --user, --password or --no-login");
    Camera camera = chosen_camera(context.session(), args);
    if (args.has(user_option.name) || args.has("--password") || args.has(password_file.name)) change.password = camera_password(context, args);
    show_camera(context, camera.update(change));
    return 0;
}

int list(Context& context, const Args&) {
    const auto all = context.session().cameras().list();
    std::vector<std::string> keys;
    for (const auto& c : all) keys.push_back(c.id.text());
    context.out().list(to_json(all), keys, camera_table(all), "No camera. " + context.command("camera add") + " adds one.");
    return 0;
}

int show(Context& context, const Args& args) {
    show_camera(context, chosen_camera(context.session(), args).info());
    return 0;
}

int record(Context& context, const Args& args) {
    const std::string what = args.operand(1);
    if (what != "on" && what != "off" && what != "schedule") throw UsageError("say on, off or schedule, not “" + clean(what) + "”");
    Camera camera = chosen_camera(context.session(), args);
    show_camera(context, camera.set_recording(what == "on"    ? Recording::continuous
                                              : what == "off" ? Recording::off
                                                              : Recording::schedule));
    return 0;
}

int recordings(Context& context, const Args& args) {
    const RecordingFilter filter{.start = args.time("--start"), .end = args.time("--end")};
    const auto all = chosen_camera(context.session(), args).recordings(filter);
    Table table({"START", "END", ">LENGTH", ">SIZE", ">FRAMES", "GAP BEFORE"});
    std::vector<std::string> keys;
    for (const auto& r : all) {
        table.row({clock(r.start), clock(r.end), length(r.end - r.start), size(r.size), count(r.frames), r.gap_before});
        keys.push_back(stamp(r.start) + " " + stamp(r.end));
    }
    context.out().list(to_json(all), keys, table, "No footage.");
    return 0;
}

int clip(Context& context, const Args& args) {
    ClipOptions options{.start = *args.time("--start"), .end = *args.time("--end")};
    if (args.has("--exact")) options.cut = Cut::exact;
    options.name = args.text("--name", options.name);
    Camera camera = chosen_camera(context.session(), args);
    ClipJob job = camera.export_clip(options);
    if (args.has(detach.name)) return show_started(context, job);
    follow(context, job, "clip");
    const Clip made = job.result();
    context.out().thing(to_json(made), made.path.string(),
                        {{"Clip", made.path.string()},
                         {"Start", stamp(made.start)},
                         {"End", stamp(made.end)},
                         {"Length", length(made.duration)},
                         {"Frames", count(made.frames)},
                         {"Size", size(made.size)},
                         {"SHA-256", made.sha256}});
    return 0;
}

int remove(Context& context, const Args& args) {
    const Session session = context.session();
    const CameraInfo camera = chosen_camera(session, args).info();
    confirm(context, args, "Remove the camera " + camera.name + " with all its footage?");
    session.cameras().remove(camera.id);
    context.out().done(to_json(camera), "Removed " + camera.name + ".");
    return 0;
}

}  // namespace

const Operand camera_operand{"CAMERA", "id or name"};

Camera chosen_camera(const Session& session, const Args& args) {
    return session.cameras().get(camera_named(session, args.operand(0)));
}

void show_camera(const Context& context, const CameraInfo& c) {
    std::string windows, health, kept;
    for (const auto& window : c.schedule) windows += (windows.empty() ? "" : ", ") + window_text(window);
    if (c.health.frames_per_second > 0) {
        char text[80];
        std::snprintf(text, sizeof text, "%.1f frames/s, %.2f Mbit/s", c.health.frames_per_second,
                      static_cast<double>(c.health.bits_per_second) / 1e6);
        health = text;
        if (c.health.key_frame_interval > Duration{}) {
            std::snprintf(text, sizeof text, ", key frame every %.1f s", static_cast<double>(c.health.key_frame_interval.count()) / 1e6);
            health += text;
        }
        if (c.health.reconnects > 0) health += ", reconnected " + count(c.health.reconnects) + " times";
    }
    if (c.retention.keep_for > Duration{}) kept = length(c.retention.keep_for);
    if (c.retention.keep_bytes.count > 0) kept += (kept.empty() ? "" : ", ") + size(c.retention.keep_bytes);
    context.out().thing(to_json(c), c.id.text(),
                        {{"Camera", c.name},
                         {"Id", c.id.text()},
                         {"Address", c.url},
                         {"Recording", to_string(c.recording)},
                         {"Schedule", windows},
                         {"Kept", kept},
                         {"State", to_string(c.state)},
                         {"Problem", c.problem},
                         {"Stream", health},
                         {"Last frame", c.last_frame_at ? clock(*c.last_frame_at) : ""},
                         {"Added", clock(c.created_at)}});
}

Table camera_table(const std::vector<CameraInfo>& cameras) {
    Table table({"NAME", "RECORDING", "STATE", "LAST FRAME", "ADDRESS", "PROBLEM", "ID"});
    for (const auto& c : cameras)
        table.row({c.name, to_string(c.recording), to_string(c.state), clock(c.last_frame_at), c.url, c.problem, c.id.text()});
    return table;
}

Group camera_verbs() {
    return {
        .name = "camera",
        .summary = "cameras, their recordings and clips",
        .about =
            "Cameras are recorded as they send, without re-encoding, while a process has the home open: an application, or "
            "“camera run”. That a camera should record is an intent; it survives restarts and lost connections. Times are "
            "UTC: 2026-05-01T12:30:00Z, now, or -10min for ten minutes ago.",
        .commands = {
            {.path = "camera add",
             .summary = "add a camera",
             .about = "Adds a camera by its RTSP address, without a login before the host: passwords are read from a file, from "
                      "$PREFIX_CAMERA_PASSWORD or from a prompt, and kept sealed. So is the address, of which only scheme, host, "
                      "port and path are shown again, with *** for what may be secret. Cameras live in private networks unless "
                      "--camera-network names others; 127.0.0.0/8 must be named for a camera on this machine.",
             .operands = {{"NAME", "as people read it"}, {"URL", "rtsp://…"}},
             .options = {user_option,
                         password_file,
                         {"--record", "", "record from now on"}},
             .examples = {{"camera add Door rtsp://192.168.1.20/stream --user viewer --record", "Asks for the password."}},
             .run = add},
            {.path = "camera list",
             .summary = "list cameras",
             .about = "Lists cameras with what they are meant to do and what they do.",
             .examples = {{"camera list", "All of the tenant's."}},
             .run = list,
             .looks = true},
            {.path = "camera show",
             .summary = "show one camera",
             .about = "Shows one camera, with the reason if it cannot be reached.",
             .operands = {camera_operand},
             .examples = {{"camera show Door", "State, problem, last frame."}},
             .run = show,
             .looks = true},
            {.path = "camera update",
             .summary = "change a camera's name, address or login",
             .about = "Gives a camera another name, address or login; what is not given stays. One that is being recorded is connected "
                      "to anew, and its footage stays. A password goes where it was given for: with an address on another host or "
                      "port it is to be given again. It is read as “camera add” reads it.",
             .operands = {camera_operand},
             .options = {{"--name", "NAME", "as people read it"},
                         {"--url", "URL", "rtsp://…"},
                         user_option,
                         {"--password", "", "ask for a password, without another user"},
                         password_file,
                         {"--no-login", "", "the camera asks for none any more"}},
             .examples = {{"camera update Door --name \"Front door\"", "Its footage and clips stay."},
                          {"camera update Door --url rtsp://192.168.1.21/stream --user viewer", "It moved; asks for the password."},
                          {"camera update Door --password", "The camera has a new one."}},
             .run = update},
            {.path = "camera record",
             .summary = "turn recording on or off",
             .about = "Says whether the camera is to be recorded. It holds until it is said otherwise.",
             .operands = {camera_operand, {"on|off|schedule", "what it is to do"}},
             .examples = {{"camera record Door on", "From now on, whenever the home is open."},
                          {"camera record Door schedule", "In the windows of “camera schedule”."}},
             .run = record},
            {.path = "camera recordings",
             .summary = "list footage",
             .about = "Lists stretches of footage without a gap, oldest first, and why footage is missing before each.",
             .operands = {camera_operand},
             .options = {{"--start", "TIME", "footage that ends after this"}, {"--end", "TIME", "footage that starts before this"}},
             .examples = {{"camera recordings Door --start -1h", "The last hour."}},
             .run = recordings,
             .looks = true},
            {.path = "camera clip",
             .summary = "copy footage into a file",
             .about = "Copies a range of footage into an mp4 file below exports, without re-encoding. It begins at the key frame "
                      "at or before --start unless --exact is given.",
             .operands = {camera_operand},
             .options = {{"--start", "TIME", "first moment", false, true},
                         {"--end", "TIME", "last moment", false, true},
                         {"--exact", "", "show nothing before --start"},
                         {"--name", "NAME", "what the file's name begins with; default clip"},
                         detach},
             .examples = {{"camera clip Door --start 2026-05-01T12:30:00Z --end 2026-05-01T12:31:00Z --name visitor",
                           "One minute."},
                          {"camera clip Door --start -2min --end now", "The last two minutes."}},
             .run = clip},
            timeline_verb(),
            snapshot_verb(),
            playlist_verb(),
            schedule_verb(),
            keep_verb(),
            protect_verb(),
            unprotect_verb(),
            {.path = "camera remove",
             .summary = "remove a camera with its footage",
             .about = "Stops recording and removes the camera with all its footage. Clips stay. A camera with protected "
                      "footage is not removed.",
             .operands = {camera_operand},
             .options = {yes},
             .examples = {{"camera remove Door --yes", "Without being asked."}},
             .run = remove},
            {.path = "camera run",
             .summary = "record until Ctrl-C and show what happens",
             .about = "Keeps the home open, so that every camera that is meant to record does, and shows their state as it "
                      "changes. Ctrl-C ends it cleanly. With --json each change is one line.",
             .options = {{"--for", "LENGTH", "stop after this long, such as 10min"}},
             .examples = {{"camera run", "Until Ctrl-C."}, {"camera run --for 30s", "Half a minute, for a try."}},
             .run = run_cameras}}};
}

}  // namespace tenon::cli
