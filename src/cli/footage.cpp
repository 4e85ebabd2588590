// The verbs of a camera's footage: what there is of it, a picture, a playlist, and how long it is kept.
#include <algorithm>
#include <array>
#include <cstdio>
#include <fstream>

#include "cameras.hpp"
#include "json.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

using namespace std::chrono_literals;

constexpr std::array<std::string_view, 7> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

int day_number(std::string_view name) {
    const auto found = std::find(day_names.begin(), day_names.end(), name);
    if (found == day_names.end()) throw UsageError("days are mon tue wed thu fri sat sun, not “" + clean(name) + "”");
    return static_cast<int>(found - day_names.begin());
}

Duration time_of_day(std::string_view text) {
    int hours = 0, minutes = 0;
    char end = 0;
    if (std::sscanf(std::string(text).c_str(), "%2d:%2d%c", &hours, &minutes, &end) != 2 || hours < 0 || hours > 24 || minutes < 0 || minutes > 59)
        throw UsageError("a time of day is HH:MM, not “" + clean(text) + "”");
    return std::chrono::hours(hours) + std::chrono::minutes(minutes);
}

/// "mon-fri@08:00-18:00": one window for each of the days.
void add_windows(const std::string& text, std::vector<RecordingWindow>& windows) {
    const auto at = text.find('@');
    const auto days = text.substr(0, at);
    const auto hours = at == std::string::npos ? std::string("00:00-24:00") : text.substr(at + 1);
    const auto dash = hours.find('-');
    if (dash == std::string::npos) throw UsageError("a window is DAYS@FROM-TO such as mon-fri@08:00-18:00");
    const auto days_dash = days.find('-');
    const int first = day_number(days.substr(0, days_dash));
    const int last = days_dash == std::string::npos ? first : day_number(days.substr(days_dash + 1));
    for (int day = first;; day = (day + 1) % 7) {
        windows.push_back({static_cast<Weekday>(day + 1), time_of_day(hours.substr(0, dash)), time_of_day(hours.substr(dash + 1))});
        if (day == last) return;
    }
}

Time required(const Args& args, const char* name) { return *args.time(name); }

int timeline(Context& context, const Args& args) {
    const auto spans = chosen_camera(context.session(), args).timeline({required(args, "--start"), required(args, "--end")});
    Table table({"START", "END", ">LENGTH", "WHAT", "REASON"});
    std::vector<std::string> keys;
    for (const auto& s : spans) {
        table.row({clock(s.start), clock(s.end), length(s.end - s.start), to_string(s.kind), s.reason});
        keys.push_back(stamp(s.start) + " " + stamp(s.end) + " " + to_string(s.kind));
    }
    context.out().list(to_json(spans), keys, table, "Nothing is known of this range.");
    return 0;
}

int snapshot(Context& context, const Args& args) {
    const std::filesystem::path target = args.operand(1);
    const auto made = chosen_camera(context.session(), args).snapshot({.at = args.time("--at").value_or(Time{}), .target = target});
    context.out().thing(to_json(made), target.string(),
                        {{"Picture", target.string()},
                         {"Taken", stamp(made.at)},
                         {"Size", std::to_string(made.width) + "x" + std::to_string(made.height) + ", " + size(made.size)}});
    return 0;
}

int playlist(Context& context, const Args& args) {
    const Session session = context.session();
    const Camera camera = chosen_camera(session, args);
    PlaylistOptions options{.start = required(args, "--start"), .end = required(args, "--end"), .uri_prefix = args.text("--prefix")};
    auto made = camera.playlist(options);
    if (!args.has("--prefix")) {  // the files are where they are: a player on this machine finds them
        options.uri_prefix = made.folder.string() + "/";
        made = camera.playlist(options);
    }
    const std::filesystem::path target = args.operand(1);
    std::ofstream file(target, std::ios::binary | std::ios::trunc);
    if (!(file << made.text).flush()) throw NoSpace("the playlist cannot be written", {.subject = target.string()});
    context.out().thing(to_json(made), target.string(),
                        {{"Playlist", target.string()},
                         {"Start", stamp(made.start)},
                         {"End", stamp(made.end)},
                         {"Length", length(made.duration)},
                         {"Files", count(static_cast<std::int64_t>(made.files.size()))},
                         {"Folder", made.folder.string()}});
    return 0;
}

int schedule(Context& context, const Args& args) {
    std::vector<RecordingWindow> windows;
    for (const auto& text : args.operands_from(1)) add_windows(text, windows);
    show_camera(context, chosen_camera(context.session(), args).set_schedule(windows));
    return 0;
}

int keep(Context& context, const Args& args) {
    Camera camera = chosen_camera(context.session(), args);
    Retention retention;
    if (args.has("--for")) retention.keep_for = *args.duration("--for");
    if (args.has("--days")) retention.keep_for = std::chrono::hours(24 * args.integer("--days", 0, 1, 36'500));
    if (args.has("--megabytes")) retention.keep_bytes = Bytes{args.integer("--megabytes", 0, 1, 1'000'000'000) * 1'000'000};
    show_camera(context, camera.set_retention(retention));
    return 0;
}

int protect(Context& context, const Args& args) {
    Camera camera = chosen_camera(context.session(), args);
    if (args.has("--start") != args.has("--end")) throw UsageError("give both --start and --end, or neither to list what is protected");
    if (args.has("--start")) (void)camera.protect({required(args, "--start"), required(args, "--end")}, args.text("--reason"));
    const auto all = camera.protections();
    Table table({">NUMBER", "START", "END", "REASON"});
    std::vector<std::string> keys;
    for (const auto& p : all) {
        table.row({std::to_string(p.number), clock(p.start), clock(p.end), p.reason});
        keys.push_back(std::to_string(p.number));
    }
    context.out().list(to_json(all), keys, table, "Nothing of this camera is protected.");
    return 0;
}

int unprotect(Context& context, const Args& args) {
    std::int64_t number = 0;
    try {
        number = std::stoll(args.operand(1));
    } catch (const std::exception&) {
        throw UsageError("a protection is named by its number, as “camera protect CAMERA” lists it");
    }
    chosen_camera(context.session(), args).unprotect(number);
    context.out().done(boost::json::object{{"number", number}}, "Retention may take it again.");
    return 0;
}

const Option start_option{"--start", "TIME", "first moment", false, true};
const Option days_option{"--days", "N", "days"};
const Option for_option{"--for", "LENGTH", "a shorter time, such as 12h"};
const Option megabytes_option{"--megabytes", "N", "weight of all its footage"};
const Option end_option{"--end", "TIME", "last moment", false, true};

}  // namespace

std::string window_text(const RecordingWindow& window) {
    const auto text = [](Duration time) {
        char out[16];
        const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(time).count();
        std::snprintf(out, sizeof out, "%02d:%02d", static_cast<int>(minutes / 60), static_cast<int>(minutes % 60));
        return std::string(out);
    };
    const auto day = std::clamp(static_cast<int>(window.day) - 1, 0, 6);
    return std::string(day_names[static_cast<std::size_t>(day)]) + "@" + text(window.start) + "-" + text(window.end);
}

Command timeline_verb() {
    return {.path = "camera timeline",
            .summary = "show footage and gaps of a range",
            .about =
                "Shows a range of time as footage and gaps that follow one another, each gap with its reason as far as one is "
                "known. What lies in the future is left out.",
            .operands = {camera_operand},
            .options = {start_option, end_option},
            .examples = {{"camera timeline Door --start -1h --end now", "The last hour."}},
            .run = timeline,
            .looks = true};
}

Command snapshot_verb() {
    return {.path = "camera snapshot",
            .summary = "save the picture of a moment",
            .about = "Saves the frame that was shown at a time as a JPEG file. A file that is there is replaced.",
            .operands = {camera_operand, {"FILE", "where the picture goes"}},
            .options = {{"--at", "TIME", "the moment", false, true}},
            .examples = {{"camera snapshot Door door.jpg --at -10s", "Ten seconds ago."}},
            .run = snapshot,
            .looks = true};
}

Command playlist_verb() {
    return {.path = "camera playlist",
            .summary = "write an HLS playlist over footage",
            .about =
                "Writes an HLS playlist that plays the recorded files as they lie on disk, by byte ranges; nothing is copied. "
                "Without --prefix it names them by their paths on this machine. A web server that serves the camera's folder "
                "gets the address of that folder as --prefix.",
            .operands = {camera_operand, {"FILE", "where the playlist goes"}},
            .options = {start_option, end_option, {"--prefix", "TEXT", "put before the names of the files"}},
            .examples = {{"camera playlist Door door.m3u8 --start -10min --end now", "For a player on this machine."},
                         {"camera playlist Door door.m3u8 --start -10min --end now --prefix /footage/door/", "For a web server."}},
            .run = playlist,
            .looks = true};
}

Command schedule_verb() {
    return {.path = "camera schedule",
            .summary = "say when a camera records",
            .about =
                "Replaces the windows in which a camera records that is set to “camera record CAMERA schedule”: DAYS@FROM-TO by "
                "the clocks of the tenant's time zone. A window that ends before it starts ends on the next day.",
            .operands = {camera_operand, {"WINDOW", "such as mon-fri@08:00-18:00", false, true}},
            .examples = {{"camera schedule Door mon-fri@18:00-07:00 sat-sun", "Outside of office hours."},
                         {"camera schedule Door", "None."}},
            .run = schedule};
}

Command keep_verb() {
    return {.path = "camera keep",
            .summary = "say how long footage is kept",
            .about =
                "Sets the retention of a camera: older footage goes by itself, and the oldest when all of it weighs more. Without an "
                "option everything is kept. What is protected, and what a job reads, stays.",
            .operands = {camera_operand},
            .options = {days_option, for_option, megabytes_option},
            .examples = {{"camera keep Door --days 30", "A month."}, {"camera keep Door", "For ever."}},
            .run = keep};
}

Command protect_verb() {
    return {.path = "camera protect",
            .summary = "keep footage from retention",
            .about = "Protects the footage of a range from retention until “camera unprotect”. Without a range it lists what is protected.",
            .operands = {camera_operand},
            .options = {{"--start", "TIME", "first moment"}, {"--end", "TIME", "last moment"}, {"--reason", "TEXT", "for whoever finds it"}},
            .examples = {{"camera protect Door --start -10min --end now --reason \"case 12\"", "The last ten minutes."},
                         {"camera protect Door", "What is protected."}},
            .run = protect};
}

Command unprotect_verb() {
    return {.path = "camera unprotect",
            .summary = "give footage back to retention",
            .about = "Takes a protection back. What is older than the camera keeps goes with the next look at its footage.",
            .operands = {camera_operand, {"NUMBER", "as “camera protect CAMERA” lists it"}},
            .examples = {{"camera unprotect Door 1", "The first one."}},
            .run = unprotect};
}

}  // namespace tenon::cli
