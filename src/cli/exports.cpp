#include "context.hpp"
#include "json.hpp"
#include "pictures.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

int list(Context& context, const Args& args) {
    ExportFilter filter{.after = args.text(after_option.name)};
    if (args.has("--job")) filter.job = JobId::parse(args.text("--job"));
    const auto exports = context.session().exports();
    const auto all = every<ExportedFile>(args.integer("--limit", 100, 1, 1'000'000'000), [&](const ExportedFile* last, std::int32_t n) {
        if (last) filter.after = last->name;
        filter.limit = n;
        return exports.list(filter);
    });
    Table table({"NAME", ">SIZE", "MADE", "JOB"});
    std::vector<std::string> keys;
    for (const auto& f : all) {
        table.row({f.name, size(f.size), clock(f.created_at), f.job.text()});
        keys.push_back(f.path.string());
    }
    context.out().list(to_json(all), keys, table, "No export. Renders and clips make them.");
    return 0;
}

ExportedFile chosen(const Session& session, const Args& args) {
    const std::string name = args.operand(0);
    auto found = session.exports().find(name);
    if (!found) throw NotFound("there is no export “" + clean(name) + "”", {.subject = clean(name)});
    return *std::move(found);
}

int show(Context& context, const Args& args) {
    const ExportedFile f = chosen(context.session(), args);
    context.out().thing(to_json(f), f.path.string(),
                        {{"Export", f.name},
                         {"File", f.path.string()},
                         {"Size", size(f.size)},
                         {"SHA-256", f.sha256},
                         {"Job", f.job.text()},
                         {"Made", clock(f.created_at)}});
    return 0;
}

int frame(Context& context, const Args& args) {
    return make_frame(context, args, context.session(), {.exported = args.operand(0)});
}

int contact_sheet(Context& context, const Args& args) {
    return make_contact_sheet(context, args, context.session(), {.exported = args.operand(0)});
}

int waveform(Context& context, const Args& args) {
    return make_waveform(context, args, context.session(), {.exported = args.operand(0)});
}

int remove(Context& context, const Args& args) {
    const Session session = context.session();
    const ExportedFile file = chosen(session, args);
    confirm(context, args, "Remove the file " + file.name + "?");
    session.exports().remove(file.name);
    context.out().done(to_json(file), "Removed " + file.name + ".");
    return 0;
}

constexpr Operand export_operand{"NAME", "of the file"};

}  // namespace

Group export_verbs() {
    return {.name = "export",
            .summary = "files that renders and clips made",
            .about =
                "What renders and camera clips made lies in the workspace's exports folder. It counts as storage until it is "
                "removed.",
            .commands = {
                {.path = "export list",
                 .summary = "list files",
                 .about = "Lists the files that jobs made, newest first, 100 unless --limit says otherwise.",
                 .options = {{"--job", "JOB", "only those of this job"}, after_option, limit_option},
                 .examples = {{"export list --quiet", "The paths alone, for a script."},
                              {"export list --after render-2m3n4p5q.mp4", "The next hundred."}},
                 .run = list,
                 .looks = true},
                {.path = "export show",
                 .summary = "show one file",
                 .about = "Shows where a file lies, its size and SHA-256 and which job made it.",
                 .operands = {export_operand},
                 .examples = {{"export show render-2m3n4p5q.mp4", "Path, size, SHA-256."}},
                 .run = show,
                 .looks = true},
                {.path = "export frame",
                 .summary = "one frame as a picture",
                 .about = "Writes the frame that a rendered file or a clip shows at a time as a PNG, as “asset frame” does.",
                 .operands = {export_operand},
                 .options = {png_target, frame_at, frame_width},
                 .examples = {{"export frame render-2m3n4p5q.mp4 --at 1s --target poster.png --width 1280", "For a poster."}},
                 .run = frame},
                {.path = "export contact-sheet",
                 .summary = "one picture of many frames",
                 .about = "Writes a PNG with frames spread evenly over a rendered file or a clip.",
                 .operands = {export_operand},
                 .options = {png_target, sheet_grid},
                 .examples = {{"export contact-sheet render-2m3n4p5q.mp4 --target reel.png --grid 6x4", "24 frames."}},
                 .run = contact_sheet},
                {.path = "export waveform",
                 .summary = "its sound as a picture, or as data",
                 .about = "Draws how loud a rendered file or a clip is from its start to its end, or gives it as data, as “asset "
                          "waveform” does.",
                 .operands = {export_operand},
                 .options = {waveform_target, waveform_data, waveform_size, waveform_points},
                 .examples = {{"export waveform render-2m3n4p5q.mp4 --target sound.png", "A picture."}},
                 .run = waveform},
                {.path = "export remove",
                 .summary = "remove a file",
                 .about = "Removes a file that a job made and gives its storage back. Snapshots of the backup that hold it still do.",
                 .operands = {export_operand},
                 .options = {yes},
                 .examples = {{"export remove render-2m3n4p5q.mp4 --yes", "Without being asked."}},
                 .run = remove}}};
}

}  // namespace tenon::cli
