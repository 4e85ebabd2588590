#include <array>
#include <charconv>
#include <fstream>
#include <iterator>

#include "context.hpp"
#include "json.hpp"
#include "jobs.hpp"
#include "pictures.hpp"
#include "progress.hpp"
#include "renders.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {

Timeline timeline_from_file(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw NotFound("cannot read the timeline “" + clean(path) + "”", {.subject = clean(path)});
    return Timeline::from_json(text);
}

std::vector<std::string> presets(const Args& args) {
    std::vector<std::string> out;
    for (const auto& given : args.all("--output")) {
        std::size_t begin = 0;
        while (begin <= given.size()) {
            const auto end = std::min(given.find(',', begin), given.size());
            if (end > begin) out.push_back(given.substr(begin, end - begin));
            begin = end + 1;
        }
    }
    if (out.empty()) out.emplace_back("mp4");
    return out;
}

namespace {

using namespace std::chrono_literals;

/// Splits "interview.mp4:1s-4s" at the first mark behind which a range stands, so that names may hold the mark too.
std::pair<std::string, std::optional<Range>> named_range(const std::string& text, char mark) {
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1))
        if (const auto range = parse_range(std::string_view(text).substr(at + 1))) return {text.substr(0, at), range};
    const auto last = text.rfind(mark);
    if (last != std::string::npos && is_backward_range(std::string_view(text).substr(last + 1)))
        throw UsageError("“" + clean(text) + "” ends before it begins");
    return {text, std::nullopt};
}

/// "0.95,0.05,0.1": where an image lies and, if given, how wide it is.
void place(TimelineImage& image, const std::string& text) {
    const std::array<double*, 3> numbers{&image.x, &image.y, &image.width};
    const char* at = text.data();
    const char* const end = at + text.size();
    for (std::size_t i = 0; i < numbers.size(); ++i) {
        const auto read = std::from_chars(at, end, *numbers[i]);
        if (read.ec != std::errc()) break;
        if (read.ptr == end && i > 0) return;
        if (read.ptr == end || *read.ptr != ',') break;
        at = read.ptr + 1;
    }
    throw UsageError("--image-at takes X,Y or X,Y,WIDTH, each from 0 to 1, such as 0.95,0.05,0.1, not “" + clean(text) + "”");
}

TimelineImage image_of(const Session& session, const ProjectId& project, const std::string& given, const Args& args) {
    const auto [name, range] = named_range(given, '@');
    TimelineImage image{.asset = asset_named(session, name, project)};
    if (range) {
        image.start = range->start;
        if (range->end != Duration::zero()) image.duration = range->end - range->start;
    }
    if (args.has("--image-at")) place(image, args.text("--image-at"));
    if (const auto fade = args.duration("--image-fade")) image.fade = *fade;
    return image;
}

Timeline timeline_from_options(const Session& session, const ProjectId& project, const Args& args) {
    const auto clips = args.all("--clip");
    if (clips.empty()) throw UsageError("--clip ASSET[:START-END] or --timeline FILE is missing");
    const auto fade = args.duration("--crossfade");
    Timeline timeline;
    for (const auto& given : clips) {
        const auto [name, range] = named_range(given, ':');
        TimelineClip clip{.asset = asset_named(session, name, project)};
        if (range) {
            clip.start = range->start;
            clip.end = range->end;
        }
        if (fade && !timeline.clips().empty()) clip.transition = crossfade(*fade);
        timeline.append(clip);
    }
    for (const auto& given : args.all("--title")) {
        const auto [text, range] = named_range(given, '@');
        if (range && range->end == Duration::zero()) throw UsageError("a title needs an end, such as Acme@0s-2s");
        timeline.title({.text = text,
                        .start = range ? range->start : Duration::zero(),
                        .duration = range ? range->end - range->start : Duration(3s),
                        .look = args.text("--look", ""),
                        .font = args.text("--font", "")});
    }
    for (const auto& given : args.all("--image")) timeline.image(image_of(session, project, given, args));
    if (args.has("--grade")) timeline.grade(args.text("--grade"));
    if (args.has("--lut")) timeline.lut(asset_named(session, args.text("--lut"), project));
    return timeline;
}

std::string score(const Quality& quality) {
    if (!quality.measured) return "–";
    constexpr int hundred = 100;
    const int value = static_cast<int>(quality.score * hundred + 0.5);
    return value >= hundred ? "1.00" : "0." + std::string(value < 10 ? "0" : "") + std::to_string(value);
}

void show_result(const Context& context, const JobInfo& job, const RenderResult& result) {
    boost::json::object document = to_json(job);
    document["result"] = to_json(result);
    Table table({"PRESET", ">LENGTH", ">SIZE", ">FRAMES", "PICTURE", ">QUALITY", "FILE"});
    std::vector<std::string> keys;
    for (const auto& f : result.outputs) {
        table.row({f.preset, length(f.duration), size(f.size), count(f.frames),
                   std::to_string(f.width) + "×" + std::to_string(f.height), score(f.quality), f.path.string()});
        keys.push_back(f.path.string());
    }
    context.out().list(document, keys, table, "");
    for (const auto& d : result.damage)
        context.out().remark(d.asset.text() + " is damaged from " + length(d.start) + " to " + length(d.end) +
                             (d.sound ? ": silent there." : ": the picture before it stays."));
    context.out().remark("Render time used: " + length(result.render_time) + ".");
}

std::int32_t loudness_of(const std::string& text) {
    std::int32_t target = 0;
    const char* const end = text.data() + text.size();
    if (text == "keep") return target;
    if (const auto read = std::from_chars(text.data(), end, target); read.ec != std::errc() || read.ptr != end || target == 0)
        throw UsageError("--loudness takes LUFS such as -16, or keep, not “" + clean(text) + "”");
    return target;
}

void check_one_way(const Args& args) {
    if (!args.has("--timeline")) return;
    for (const char* option : {"--clip", "--crossfade", "--title", "--look", "--font", "--image", "--image-at", "--image-fade", "--grade", "--lut"})
        if (args.has(option)) throw UsageError(std::string("--timeline already says everything that ") + option + " says");
}

int start(Context& context, const Args& args) {
    check_one_way(args);
    const Session session = context.session();
    const ProjectId project = project_named(session, args.text("--project"));
    RenderOptions options{.project = project, .outputs = presets(args)};
    options.timeline = args.has("--timeline") ? timeline_from_file(args.text("--timeline"))
                                              : timeline_from_options(session, project, args);
    options.name = args.text("--name", options.name);
    options.schedule = schedule_of(args);
    if (args.has("--loudness")) options.loudness = loudness_of(args.text("--loudness"));
    if (args.has("--print-timeline")) {
        context.out().line(options.timeline.to_json());
        return 0;
    }
    RenderJob job = session.renders().start(options);
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "render");
    const RenderResult result = job.result();
    show_result(context, job.info(), result);
    return 0;
}

/// The same edit in each project: its own assets of the names given.
int start_batch(Context& context, const Args& args) {
    const Session session = context.session();
    RenderBatchOptions options{.batch = args.operand(0)};
    const auto given = args.all("--project");
    for (const auto& name : given) {
        const ProjectId project = project_named(session, name);
        RenderOptions render{.project = project, .timeline = timeline_from_options(session, project, args), .outputs = presets(args)};
        render.name = args.text("--name", render.name);
        render.schedule = schedule_of(args);
        options.renders.push_back(std::move(render));
    }
    const auto started = session.renders().start_batch(options);
    Table table({"PROJECT", "JOB", "MESSAGE"});
    std::vector<std::string> keys;
    for (std::size_t i = 0; i < started.size(); ++i) {
        keys.push_back(started[i].job.is_nil() ? "" : started[i].job.text());
        table.row({given[i], keys.back().empty() ? "–" : keys.back(), started[i].message});
    }
    context.out().list(to_json(started), keys, table, "");
    context.out().remark(context.command("job batch " + args.operand(0)) + " says how far they are.");
    return 0;
}

/// The edit that the words describe, for drawing it.
Timeline timeline_of(const Session& session, const Args& args) {
    if (args.has("--timeline")) return timeline_from_file(args.text("--timeline"));
    if (!args.has("--project")) throw UsageError("name a render, or --timeline FILE, or --project with --clip");
    return timeline_from_options(session, project_named(session, args.text("--project")), args);
}

int draw(Context& context, const Args& args) {
    const bool job = !args.operand(0).empty();
    if (job && (args.has("--timeline") || args.has("--clip"))) throw UsageError("the render already says what is drawn");
    check_one_way(args);
    const Session session = context.session();
    TimelineImageOptions options{.target = std::filesystem::absolute(args.text("--target")), .title = args.text("--heading")};
    options.width = static_cast<std::int32_t>(args.integer("--width", options.width, 480, 8192));
    if (job) options.render = JobId::parse(args.operand(0));
    else options.timeline = timeline_of(session, args);
    session.pictures().timeline(options);
    return show_picture(context, "Timeline", options.target);
}

int list(Context& context, const Args& args) {
    list_jobs(context, jobs_of(context, args, {.kind = "render"}), "No render. " + context.command("render start") + " makes one.");
    return 0;
}

int show(Context& context, const Args& args) {
    const Session session = context.session();
    auto job = session.renders().find(JobId::parse(args.operand(0)));
    if (!job) throw NotFound("there is no render " + args.operand(0), {.subject = args.operand(0)});
    const JobInfo info = job->info();
    if (info.state == JobState::succeeded) show_result(context, info, job->result());
    else show_job(context, info);
    return 0;
}

constexpr Option project_option{"--project", "PROJECT", "id or name"};
constexpr Option clip_option{"--clip", "ASSET[:START-END]", "what to show next", true};
constexpr Option crossfade_option{"--crossfade", "LENGTH", "blend each clip into the next, such as 500ms"};
constexpr Option title_option{"--title", "TEXT[@START-END]", "text over the picture; default for the first 3 s", true};
constexpr Option look_option{"--look", "NAME", "of titles: caption, centre, corner, lower_third, subtitle; default caption"};
constexpr Option font_option{"--font", "FAMILY", "of titles; must be installed"};
constexpr Option image_option{"--image", "ASSET[@START-END]", "a still over the picture, such as a logo", true};
constexpr Option image_at_option{"--image-at", "X,Y[,WIDTH]", "where: 0,0 upper left, 1,1 lower right; width in parts of the picture's"};
constexpr Option image_fade_option{"--image-fade", "LENGTH", "let images appear and go slowly, such as 300ms"};
constexpr Option lut_option{"--lut", "ASSET", "colours everything by an imported .cube file"};
constexpr Option grade_option{"--grade", "NAME", "colours everything, such as cinematic_warm"};
constexpr Option timeline_option{"--timeline", "FILE", "the whole edit as JSON instead of --clip and so on"};

}  // namespace

Group render_verbs() {
    return {.name = "render",
            .summary = "edits made into files",
            .about =
                "A render puts ranges of a project's assets behind each other, with titles and a grade, and encodes the "
                "edit once for every output asked for. The files appear in the workspace's exports folder; their length "
                "is charged to the plan's render time.",
            .commands = {
                {.path = "render start",
                 .summary = "make a reel and wait for it",
                 .about = "Puts the clips behind each other in the order given and renders them. A clip is an asset, whole or a "
                          "range of it: interview.mp4:1s-4s, or interview.mp4:0:20- to its end. Progress is shown until it is "
                          "done; Ctrl-C cancels it, which leaves no file and returns the render time held for it.",
                 .options = {{"--project", "PROJECT", "id or name", false, true},
                             clip_option, crossfade_option, title_option, look_option, font_option,
                             image_option, image_at_option, image_fade_option, grade_option, lut_option, timeline_option,
                             {"--print-timeline", "", "print the edit as JSON and render nothing"},
                             {"--output", "PRESET", "mp4, mov, social_square, social_vertical, 4k; several by commas; default mp4", true},
                             {"--loudness", "LUFS", "what the sound is brought to, such as -16, or keep; default -14"},
                             {"--name", "NAME", "what the files' names begin with; default render"},
                             at_option, priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach},
                 .examples = {{"render start --project \"Spring reel\" --clip interview.mp4", "The whole clip as mp4."},
                              {"render start --project \"Spring reel\" --clip interview.mp4:1s-4s --clip interview.mp4:5s-9s "
                               "--crossfade 500ms --title Acme@0s-2s",
                               "Two ranges that blend into each other, with a title."},
                              {"render start --project \"Spring reel\" --clip interview.mp4 --title Amina@1s-4s --look lower_third "
                               "--image logo.png --image-at 0.96,0.05,0.12",
                               "A lower third, and a logo in the upper right corner."},
                              {"render start --project \"Spring reel\" --timeline cut.json --output mp4,social_square",
                               "An edit from a file, two outputs."}},
                 .run = start},
                {.path = "render batch",
                 .summary = "start the same edit in many projects",
                 .about = "Starts one render for each project, from its own assets of the names given, and does not wait. One that "
                          "cannot be started keeps no other from it. How many run at once the plan says.",
                 .operands = {{"NAME", "the batch's, for “job batch”"}},
                 .options = {{"--project", "PROJECT", "id or name", true, true},
                             clip_option, crossfade_option, title_option, look_option, font_option,
                             image_option, image_at_option, image_fade_option, grade_option, lut_option,
                             {"--output", "PRESET", "several by commas; default mp4", true},
                             {"--name", "NAME", "what the files' names begin with; default render"},
                             at_option, priority_option},
                 .examples = {{"render batch spring --project Reel --project Trailer --clip interview.mp4 --output social_square", "One of each."}},
                 .run = start_batch},
                {.path = "render draw",
                 .summary = "an edit as a picture",
                 .about = "Writes an SVG that shows an edit on its tracks: titles, clips with frames and the ranges they take, "
                          "crossfades, and the sound. The edit is that of a render, or given as for “render start”; nothing is "
                          "rendered.",
                 .operands = {{"JOB", "a render's id", false}},
                 .options = {{"--target", "FILE", "the SVG file to write", false, true},
                             project_option, clip_option, crossfade_option, title_option, grade_option, timeline_option,
                             {"--heading", "TEXT", "written above it; default the render's name"},
                             {"--width", "PIXELS", "default 1600"}},
                 .examples = {{"render draw job_01jd8w3v5e6f7g8h9j0k1m2n3p --target reel.svg", "What that render was made from."},
                              {"render draw --timeline cut.json --target cut.svg", "An edit before it is rendered."}},
                 .run = draw},
                {.path = "render list",
                 .summary = "list renders",
                 .about = "Lists renders, newest first, whatever became of them: 100 unless --limit says otherwise.",
                 .options = {after_option, limit_option},
                 .examples = {{"render list --limit 5", "The last five."}},
                 .run = list,
                 .looks = true},
                {.path = "render show",
                 .summary = "show a render and its files",
                 .about = "Shows how far a render is and, once it has succeeded, the files that it made.",
                 .operands = {{"JOB", "its id"}},
                 .examples = {{"render show job_01jd8w3v5e6f7g8h9j0k1m2n3p --json", "With the SHA-256 of each file."}},
                 .run = show,
                 .looks = true}}};
}

}  // namespace tenon::cli
