#include <filesystem>

#include "context.hpp"
#include "json.hpp"
#include "pictures.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

std::string rate(const Rational& r) {
    if (r.num == 0 || r.den == 0) return {};
    std::string text = std::to_string(static_cast<double>(r.num) / static_cast<double>(r.den));
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " fps";
}

std::string picture(const Asset& a) {
    if (a.video_codec.empty()) return {};
    return a.video_codec + " " + std::to_string(a.width) + "×" + std::to_string(a.height) + " " + rate(a.frame_rate);
}

std::string sound(const Asset& a) {
    if (a.audio_codec.empty()) return {};
    return a.audio_codec + " " + std::to_string(a.sample_rate) + " Hz, " + std::to_string(a.channels) + " ch";
}

int show_asset(const Context& context, const Asset& a) {
    context.out().thing(to_json(a), a.id.text(),
                        {{"Asset", a.name},
                         {"Id", a.id.text()},
                         {"Project", a.project.text()},
                         {"Length", length(a.duration)},
                         {"Picture", picture(a)},
                         {"Sound", sound(a)},
                         {"Size", size(a.size)},
                         {"SHA-256", a.sha256},
                         {"File", a.path.string()},
                         {"Thumbnail", a.thumbnail.string()},
                         {"Imported", clock(a.created_at)}});
    return 0;
}

int import_files(Context& context, const Args& args) {
    const auto files = args.operands_from(0);
    if (files.size() > 1 && args.has("--name")) throw UsageError("--name is for one file; several keep their own names");
    const Session session = context.session();
    const ProjectId project = project_named(session, args.text("--project"));
    std::vector<Asset> imported;
    for (const auto& file : files) {
        context.out().remark("Importing " + file + " …");
        imported.push_back(session.assets().import_file(
            {.project = project, .path = std::filesystem::absolute(file), .name = args.text("--name")}));
    }
    if (imported.size() == 1) return show_asset(context, imported[0]);
    Table table({"NAME", ">LENGTH", ">SIZE", "PICTURE", "SOUND", "ID"});
    std::vector<std::string> keys;
    for (const auto& a : imported) {
        table.row({a.name, length(a.duration), size(a.size), picture(a), sound(a), a.id.text()});
        keys.push_back(a.id.text());
    }
    context.out().list(to_json(imported), keys, table, "");
    return 0;
}

std::optional<ProjectId> project_option(const Session& session, const Args& args) {
    if (!args.has("--project")) return std::nullopt;
    return project_named(session, args.text("--project"));
}

int list(Context& context, const Args& args) {
    const Session session = context.session();
    const auto project = project_option(session, args);
    const auto all = every<Asset>(limit_of(args), [&](const Asset* last, std::int32_t n) {
        return session.assets().list({.project = project, .after = last ? std::optional(last->id) : std::nullopt, .limit = n});
    });
    Table table({"NAME", ">LENGTH", ">SIZE", "PICTURE", "SOUND", "ID"});
    std::vector<std::string> keys;
    for (const auto& a : all) {
        table.row({a.name, length(a.duration), size(a.size), picture(a), sound(a), a.id.text()});
        keys.push_back(a.id.text());
    }
    context.out().list(to_json(all), keys, table, "No asset. " + context.command("asset import") + " brings one in.");
    return 0;
}

AssetId chosen(const Session& session, const Args& args) {
    return asset_named(session, args.operand(0), project_option(session, args));
}

int show(Context& context, const Args& args) {
    const Session session = context.session();
    return show_asset(context, session.assets().get(chosen(session, args)));
}

int frame(Context& context, const Args& args) {
    const Session session = context.session();
    return make_frame(context, args, session, {.asset = chosen(session, args)});
}

int contact_sheet(Context& context, const Args& args) {
    const Session session = context.session();
    return make_contact_sheet(context, args, session, {.asset = chosen(session, args)});
}

int waveform(Context& context, const Args& args) {
    const Session session = context.session();
    return make_waveform(context, args, session, {.asset = chosen(session, args)});
}

int grade_still(Context& context, const Args& args) {
    const Session session = context.session();
    GradeStillOptions options{.asset = chosen(session, args), .grade = args.text("--grade"),
                              .target = std::filesystem::absolute(args.text(png_target.name))};
    options.at = args.duration("--at").value_or(session.assets().get(options.asset).duration / 2);
    options.width = static_cast<std::int32_t>(args.integer("--width", options.width, 320, 8192));
    session.pictures().grade_still(options);
    return show_picture(context, "Before and after", options.target);
}

int remove(Context& context, const Args& args) {
    const Session session = context.session();
    const Asset asset = session.assets().get(chosen(session, args));
    confirm(context, args, "Remove the asset " + asset.name + "?");
    session.assets().remove(asset.id);
    context.out().done(to_json(asset), "Removed " + asset.name + ".");
    return 0;
}

constexpr Operand asset_operand{"ASSET", "id or name"};
constexpr Option in_project{"--project", "PROJECT", "id or name; only what is in this project"};

}  // namespace

Group asset_verbs() {
    return {.name = "asset",
            .summary = "media files of a project",
            .about =
                "An asset is a media file within the workspace: copied in, measured, with a thumbnail. Verbs take its id "
                "or, as long as only one has it, its name.",
            .commands = {
                {.path = "asset import",
                 .summary = "copy media files into a project",
                 .about = "Copies media files into the workspace, finds out what is in them and makes a thumbnail of each. The "
                          "originals stay as they are. What is not media, or would exceed the plan's storage, is refused and "
                          "leaves nothing behind.",
                 .operands = {{"FILE", "what to copy", true, true}},
                 .options = {{"--project", "PROJECT", "id or name", false, true},
                             {"--name", "NAME", "default: the file's name"}},
                 .examples = {{"asset import --project \"Spring reel\" interview.mp4", "Shows length, picture and sound."},
                              {"asset import --project \"Spring reel\" takes/*.mp4 --quiet", "Prints the new ids."}},
                 .run = import_files},
                {.path = "asset list",
                 .summary = "list assets",
                 .about = "Lists the tenant's assets with their length, picture and sound, oldest first.",
                 .options = {in_project, limit_option},
                 .examples = {{"asset list --project \"Spring reel\"", "Of one project only."}},
                 .run = list,
                 .looks = true},
                {.path = "asset show",
                 .summary = "show one asset",
                 .about = "Shows what is in an asset and where it lies.",
                 .operands = {asset_operand},
                 .options = {in_project},
                 .examples = {{"asset show interview.mp4", "Its length, picture, sound and file."}},
                 .run = show,
                 .looks = true},
                {.path = "asset frame",
                 .summary = "one frame as a picture",
                 .about = "Writes the frame that an asset shows at a time as a PNG: upright, with square pixels, in its own size "
                          "unless another width is asked for. Past the end it is the last frame.",
                 .operands = {asset_operand},
                 .options = {png_target, frame_at, frame_width, in_project},
                 .examples = {{"asset frame interview.mp4 --at 2s --target frame.png", "What is shown at two seconds."}},
                 .run = frame},
                {.path = "asset contact-sheet",
                 .summary = "one picture of many frames",
                 .about = "Writes a PNG with frames spread evenly over an asset, to see at a glance what is in it.",
                 .operands = {asset_operand},
                 .options = {png_target, sheet_grid, in_project},
                 .examples = {{"asset contact-sheet interview.mp4 --target interview.png", "Twelve frames."}},
                 .run = contact_sheet},
                {.path = "asset waveform",
                 .summary = "its sound as a picture, or as data",
                 .about = "Draws how loud an asset is from its start to its end, each channel for itself: peaks, and within them "
                          "the mean. Red marks show where it reaches full scale. The same as data goes to a file with --data, "
                          "or to standard output with --json.",
                 .operands = {asset_operand},
                 .options = {waveform_target, waveform_data, waveform_size, waveform_points, in_project},
                 .examples = {{"asset waveform interview.mp4 --target sound.png", "A picture."},
                              {"asset waveform interview.mp4 --data sound.json --points 800", "Data for a player in a web page."}},
                 .run = waveform},
                {.path = "asset grade-still",
                 .summary = "one frame before and after a grade",
                 .about = "Writes a PNG that shows one frame twice: as it is, and in the colours that a render with this grade "
                          "gives it.",
                 .operands = {asset_operand},
                 .options = {{"--grade", "NAME", "such as cinematic_warm", false, true},
                             png_target,
                             {"--at", "TIME", "the frame's time; default the middle"},
                             {"--width", "PIXELS", "of the whole picture; default 1600"},
                             in_project},
                 .examples = {{"asset grade-still interview.mp4 --grade cinematic_warm --at 2s --target look.png", "Both side by side."}},
                 .run = grade_still},
                {.path = "asset remove",
                 .summary = "remove an asset",
                 .about = "Removes an asset from the workspace. Snapshots of the backup that hold it still do.",
                 .operands = {asset_operand},
                 .options = {in_project, yes},
                 .examples = {{"asset remove interview.mp4 --yes", "Without being asked."}},
                 .run = remove}}};
}

}  // namespace tenon::cli
