#include <render/pictures.hpp>

#include <algorithm>
#include <cmath>
#include <map>

#include <crypto/encoding.hpp>
#include <exec/wait.hpp>
#include <media/picture.hpp>
#include <media/stills.hpp>
#include <tenon/error.hpp>

#include "legend.hpp"
#include "svg.hpp"

namespace tenon::render {
namespace {

constexpr double margin = 24, gutter = 84, head = 60, ruler = 30, between = 10, bottom = 20;
constexpr double title_height = 30, bar = 24, strip = 66, foot = 20, sound_height = 64;
constexpr double clip_height = bar + strip + foot;
constexpr std::size_t most_frames = 120;  // of all strips together: a file that opens at once wherever it is looked at

std::string precise(Duration at) { return fixed(static_cast<double>(at.count()) / 1e6, 2) + " s"; }

/// Draws one edit.
class Drawing {
public:
    Drawing(const Timeline& timeline, const Plan& plan, const std::vector<std::filesystem::path>& files,
            const std::vector<std::string>& names, const TimelineImageOptions& options, const std::stop_token& stop)
        : timeline_(timeline), plan_(plan), files_(files), names_(names), options_(options), stop_(stop), left_(margin + gutter),
          width_(options.width - left_ - margin), span_(plan.duration()) {}

    std::string draw() {
        const bool titled = !timeline_.titles().empty();
        const double top = margin + head, titles = top + ruler, clips = titles + (titled ? title_height + between : 0);
        const double sound = clips + clip_height + between, height = sound + sound_height + bottom;
        svg_.open(options_.width, height, options_.title.empty() ? "Timeline" : options_.title);
        svg_.box(0, 0, options_.width, height, ink::ground);
        header();
        marks(top, height - bottom);
        if (titled) {
            lane("Titles", titles, title_height);
            for (const auto& title : timeline_.titles()) draw_title(title, titles);
        }
        lane("Picture", clips, clip_height);
        lane("Sound", sound, sound_height);
        for (std::size_t i = 0; i < plan_.clips.size(); ++i) {
            exec::check_stop(stop_);
            draw_clip(i, clips);
            draw_sound(i, sound);
        }
        for (std::size_t i = 1; i < plan_.clips.size(); ++i) draw_transition(i, clips + bar, strip);
        return svg_.close();
    }

private:
    double at(Duration position) const {
        return left_ + width_ * static_cast<double>(position.count()) / static_cast<double>(std::max<std::int64_t>(1, span_.count()));
    }
    Duration start_of(std::size_t clip) const { return duration_of(plan_.clips[clip].start); }
    Duration end_of(std::size_t clip) const { return duration_of(plan_.clips[clip].end); }
    /// Where a clip's block begins and ends: neighbours that blend into each other meet in the middle.
    double block_start(std::size_t i) const { return at(i > 0 ? (start_of(i) + std::max(start_of(i), end_of(i - 1))) / 2 : start_of(i)); }
    double block_end(std::size_t i) const {
        return at(i + 1 < plan_.clips.size() ? (end_of(i) + std::min(end_of(i), start_of(i + 1))) / 2 : end_of(i));
    }
    std::string range_of(const PlannedClip& clip) const {
        return precise(duration_of(clip.in)) + " – " + precise(duration_of(clip.in + clip.end - clip.start));
    }

    void header() {
        const std::size_t count = plan_.clips.size();
        svg_.text(margin, margin + 14, options_.title.empty() ? "Timeline" : options_.title, {.size = 20, .bold = true});
        svg_.text(margin, margin + 38,
                  joined({length_text(span_), std::to_string(count) + (count == 1 ? " clip" : " clips"), rate_text(plan_.rate),
                          timeline_.grade_name().empty() ? "no grade" : "grade " + timeline_.grade_name()}),
                  {.size = 14, .colour = ink::faint});
    }

    void marks(double top, double end) {
        const Duration step = ruler_step(span_, static_cast<int>(width_ / 84));
        for (Duration time{}; time <= span_; time += step) {
            const double x = at(time);
            svg_.line(x, top + 20, x, end, {ink::rule.rgb, 0.8});
            const double align = time == Duration{} ? 0 : x > left_ + width_ - 22 ? 1
                                                                                  : 0.5;
            svg_.text(x, top + 13, moment(time, span_), {.size = 12, .colour = ink::faint, .align = align});
        }
    }

    void lane(const std::string& name, double top, double height) {
        svg_.text(left_ - 16, top + height / 2 + 4.5, name, {.size = 13, .bold = true, .colour = ink::faint, .align = 1});
    }

    void draw_title(const TimelineTitle& title, double top) {
        const double from = at(std::min(title.start, span_)), to = at(std::min(title.start + title.duration, span_));
        const std::string when = precise(title.start) + " – " + precise(title.start + title.duration);
        svg_.window(from, top, std::max(2.0, to - from), title_height, title.text + "\n" + when);
        svg_.box(0.5, 0.5, std::max(1.0, to - from - 1), title_height - 1, {ink::warm.rgb, 0.92}, 5);
        svg_.text(10, title_height / 2 + 4.5, title.text, {.size = 13, .bold = true, .colour = {0x2a1b0c}});
        svg_.end();
    }

    void draw_clip(std::size_t i, double top) {
        const PlannedClip& clip = plan_.clips[i];
        const double from = block_start(i), to = block_end(i), wide = std::max(1.5, to - from);
        svg_.window(from, top, wide, clip_height, names_[clip.source] + "\n" + range_of(clip) + "\nat " + precise(start_of(i)));
        svg_.box(0.75, 0.5, std::max(0.5, wide - 1.5), clip_height - 1, {0x2a4f74}, 6);
        draw_frames(i, from, wide);
        svg_.text(10, bar / 2 + 4.5, names_[clip.source], {.size = 13, .bold = true});
        svg_.text(10, bar + strip + foot / 2 + 4, range_of(clip), {.size = 11, .colour = {0xc3d8ee}});
        svg_.end();
    }

    /// Frames of the clip side by side, each at the place of its time, as many as there is room for.
    void draw_frames(std::size_t i, double from, double wide) {
        constexpr double least = 24;
        constexpr int sharpness = 2, quality = 80;
        if (wide < least || frames_ >= most_frames) return;
        const PlannedClip& clip = plan_.clips[i];
        media::FrameReader& reader = reader_of(clip.source);
        const media::Size shape = media::upright_size(reader.stream(), 1'024);
        const double tile = std::clamp(strip * shape.width / shape.height, 12.0, 400.0);
        const media::Size size{std::max(2, static_cast<std::int32_t>(std::lround(tile * sharpness)) / 2 * 2),
                               static_cast<std::int32_t>(strip) * sharpness};
        for (double x = 0; x < wide && frames_ < most_frames; x += tile, ++frames_) {
            exec::check_stop(stop_);
            const double into = std::clamp((from + x + tile / 2 - at(start_of(i))) / width_, 0.0, 1.0) * static_cast<double>(span_.count());
            const Duration last = end_of(i) - start_of(i) - Duration{1};
            const Duration time = duration_of(clip.in) + std::min(Duration{static_cast<std::int64_t>(into)}, std::max(Duration{}, last));
            const auto jpeg = media::encode_jpeg(media::still_at(reader, scaler_, time, size), quality);
            svg_.jpeg(x + 0.75, bar, std::min(tile, wide - x - 0.75), strip, tile, crypto::to_base64(jpeg));
        }
    }

    media::FrameReader& reader_of(std::size_t source) {
        const auto found = readers_.find(source);
        if (found != readers_.end()) return found->second;
        constexpr std::size_t most_open = 8;
        if (readers_.size() >= most_open) readers_.clear();
        return readers_.emplace(source, media::FrameReader(files_[source], {}, {}, stop_)).first->second;
    }

    void draw_sound(std::size_t i, double top) {
        const PlannedClip& clip = plan_.clips[i];
        const double from = at(start_of(i)), wide = std::max(1.0, at(end_of(i)) - from), block = block_start(i);
        svg_.box(block + 0.75, top, std::max(0.5, block_end(i) - block - 1.5), sound_height, ink::panel, 6);
        if (!plan_.sources[clip.source].has_sound) {
            svg_.window(block, top, std::max(1.0, block_end(i) - block), sound_height, "no sound");
            svg_.text(10, sound_height / 2 + 4, "no sound", {.size = 11, .colour = ink::faint});
            svg_.end();
            return;
        }
        const Duration in = duration_of(clip.in), length = end_of(i) - start_of(i);
        const auto points = static_cast<std::int32_t>(std::clamp(wide, 1.0, 8'192.0));
        const media::Envelope sound =
            media::envelope(files_[clip.source], {.start = in, .end = in + length, .points = points, .channels = 1}, stop_);
        if (sound.points() == 0) return;
        const double middle = top + sound_height / 2, high = sound_height / 2 - 3;
        const double step = static_cast<double>(sound.samples_per_point) / sound.rate / (static_cast<double>(span_.count()) / 1e6) * width_;
        Svg::Points outline;
        constexpr double hair = 0.4;
        const auto edge = [&](std::int64_t point, float value, double sign) {
            const double x = std::min(from + (static_cast<double>(point) + 0.5) * step, from + wide);
            outline.emplace_back(x, middle - high * std::clamp(static_cast<double>(value), -1.0, 1.0) * gain(i, x) + sign * hair);
        };
        for (std::int64_t p = 0; p < sound.points(); ++p) edge(p, sound.maximum[static_cast<std::size_t>(p)], -1);
        for (std::int64_t p = sound.points(); p-- > 0;) edge(p, sound.minimum[static_cast<std::size_t>(p)], 1);
        svg_.shape(outline, {ink::core.rgb, 0.85});
    }

    /// How loud a clip is at a place of the drawing: equal power where it blends with its neighbours.
    double gain(std::size_t i, double x) const {
        const auto part = [](double value) { return std::sqrt(std::clamp(value, 0.0, 1.0)); };
        double value = 1;
        if (i > 0 && end_of(i - 1) > start_of(i)) value *= part((x - at(start_of(i))) / (at(end_of(i - 1)) - at(start_of(i))));
        if (i + 1 < plan_.clips.size() && end_of(i) > start_of(i + 1)) value *= part((at(end_of(i)) - x) / (at(end_of(i)) - at(start_of(i + 1))));
        return value;
    }

    void draw_transition(std::size_t i, double top, double height) {
        const Duration length = end_of(i - 1) - start_of(i);
        if (length.count() <= 0) return;
        const double from = at(start_of(i)), wide = std::max(1.0, at(end_of(i - 1)) - from);
        svg_.window(from, top, wide, height, "crossfade, " + precise(length));
        svg_.box(0, 0, wide, height, {ink::ground.rgb, 0.55});
        svg_.line(0, height, wide, 0, ink::warm, 1.75);
        svg_.line(0, 0, wide, height, ink::warm, 1.75);
        svg_.frame(0.5, 0.5, std::max(0.5, wide - 1), height - 1, {ink::warm.rgb, 0.7});
        svg_.end();
    }

    const Timeline& timeline_;
    const Plan& plan_;
    const std::vector<std::filesystem::path>& files_;
    const std::vector<std::string>& names_;
    const TimelineImageOptions& options_;
    const std::stop_token& stop_;
    const double left_, width_;
    const Duration span_;
    Svg svg_;
    media::Scaler scaler_;
    std::map<std::size_t, media::FrameReader> readers_;  // by source
    std::size_t frames_ = 0;
};

}  // namespace

std::string timeline_svg(const Timeline& timeline, const Plan& plan, const std::vector<std::filesystem::path>& files,
                         const std::vector<std::string>& names, const TimelineImageOptions& options, const std::stop_token& stop) {
    if (options.width < 480 || options.width > 8192)
        throw InvalidArgument("the picture of a timeline is 480 to 8192 pixels wide", {.subject = "width"});
    if (files.size() != plan.sources.size() || names.size() != plan.sources.size())
        throw InternalError("a timeline is drawn with one file and one name for each source");
    return Drawing(timeline, plan, files, names, options, stop).draw();
}

}  // namespace tenon::render
