#include "composer.hpp"

#include <algorithm>

#include <media/blend.hpp>
#include <media/colour.hpp>
#include <tenon/error.hpp>

namespace tenon::render {
namespace {

constexpr std::int32_t decoder_threads = 2;

void check_size(const media::VideoFrame& picture, const Source& source) {
    const bool turned = source.rotation % 180 != 0;
    if (picture.width() == (turned ? source.height : source.width) && picture.height() == (turned ? source.width : source.height)) return;
    throw Unsupported("the size of the pictures changes within the asset", {.subject = source.asset.text()});
}

}  // namespace

Composer::Composer(const Plan& plan, const std::vector<std::filesystem::path>& files, std::stop_token stop)
    : plan_(plan), files_(files), stop_(std::move(stop)) {}

std::int64_t Composer::damaged_packets() const {
    std::int64_t sum = damaged_;
    for (const auto& [clip, shown] : shown_) sum += shown.reader.damaged_packets();
    return sum;
}

void Composer::forget_before(std::int64_t number) {
    std::erase_if(shown_, [&](const auto& entry) {
        const bool past = plan_.clips[entry.first].end_frame <= number;
        if (past) {
            damaged_ += entry.second.reader.damaged_packets();
            past_[entry.first] = entry.second.reader.damages();
        }
        return past;
    });
}

std::vector<PieceDamage> Composer::damage(std::int64_t first, std::int64_t count) {
    std::vector<PieceDamage> found;
    const auto look = [&](std::size_t index, const media::Damages& damages) {
        const PlannedClip& clip = plan_.clips[index];
        const std::int64_t from = std::max(first, clip.first_frame), to = std::min(first + count, clip.end_frame);
        if (from >= to) return;
        const Flicks start = std::max<Flicks>(0, flicks_of_frame(from, plan_.rate) - clip.start);
        const Flicks end = std::min(clip.end - clip.start, flicks_of_frame(to, plan_.rate) - clip.start);
        for (const media::Damage& one : media::within(damages, duration_of(clip.in + start), duration_of(clip.in + end)))
            found.push_back({static_cast<std::uint32_t>(clip.source), false, one});
    };
    for (const auto& [index, shown] : shown_) look(index, shown.reader.damages());
    for (const auto& [index, damages] : past_) look(index, damages);
    std::erase_if(past_, [&](const auto& entry) { return plan_.clips[entry.first].end_frame <= first + count; });
    return found;
}

Composer::Shown& Composer::show(std::size_t index, std::int64_t number) {
    const PlannedClip& clip = plan_.clips[index];
    auto found = shown_.find(index);
    if (found == shown_.end())
        found = shown_.emplace(index, Shown{media::FrameReader(files_[clip.source], {}, {.threads = decoder_threads}, stop_)}).first;
    Shown& shown = found->second;
    if (shown.number == number) return shown;

    // A boundary that was rounded down to a frame must not show what lies before the clip's first picture.
    const Flicks position = clip.in + std::max<Flicks>(0, flicks_of_frame(number, plan_.rate) - clip.start);
    const Rational tick = shown.reader.stream().time_base;
    const std::int64_t ticks = media::rescale(flicks_of(shown.reader.origin()) + position, flick, tick, media::Rounding::nearest);
    try {
        const media::VideoFrame next = shown.reader.at(ticks);
        const bool same = shown.picture && shown.picture->pts() == next.pts();
        if (!same) {
            shown.picture = upright(shown, next, plan_.sources[clip.source]);
            shown.coloured.reset();
        }
    } catch (const Corrupt& error) {
        throw Corrupt(std::string("asset ") + plan_.sources[clip.source].asset.text() + " at " +
                          std::to_string(duration_of(position).count() / 1'000) + " ms: " + error.what(),
                      {.subject = plan_.sources[clip.source].asset.text()});
    }
    shown.number = number;
    return shown;
}

media::VideoFrame Composer::upright(Shown& shown, media::VideoFrame picture, const Source& source) {
    const auto pts = picture.pts();
    picture.set_colour(source.colour);
    if (source.rotation != 0) {
        if (picture.format() != media::PixelFormat::yuv420p)
            picture = shown.scaler.convert(picture, picture.width(), picture.height(), media::PixelFormat::yuv420p);
        picture = media::rotated(picture, source.rotation);
    }
    picture.set_pts(pts);
    return picture;
}

const media::VideoFrame& Composer::coloured(Shown& shown, const PlannedClip& clip) {
    if (shown.coloured) return *shown.coloured;
    media::VideoFrame picture = *shown.picture;
    if (picture.format() != media::PixelFormat::yuv420p || picture.colour().full_range)
        picture = shown.scaler.convert(picture, picture.width(), picture.height(), media::PixelFormat::yuv420p);
    media::Colour colour = picture.colour();
    if (const auto& table = plan_.tables[clip.source]) {
        picture = std::move(picture).writable();
        table->apply(picture, {0, 0, picture.width(), picture.height()});
    }
    colour.matrix = media::bt709;
    picture.set_colour(colour);
    shown.coloured = std::move(picture);
    return *shown.coloured;
}

/// What one clip alone would give for a frame of an output.
media::VideoFrame Composer::layer(std::size_t index, std::int64_t number, std::size_t output) {
    const PlannedClip& clip = plan_.clips[index];
    Shown& shown = show(index, number);
    const std::int64_t pts = *shown.picture->pts();
    if (const auto kept = shown.canvases.find(output); kept != shown.canvases.end() && kept->second.pts == pts) return kept->second.frame;

    const PlannedOutput& planned = plan_.outputs[output];
    const Geometry& geometry = planned.geometry[clip.source];
    media::VideoFrame canvas = media::VideoFrame::allocate(planned.encoding.width, planned.encoding.height, media::PixelFormat::yuv420p);
    const media::Rect whole{0, 0, canvas.width(), canvas.height()};
    if (!(geometry.to == whole)) media::fill_black(canvas);
    if (geometry.colour_first) {
        const media::VideoFrame& picture = coloured(shown, clip);
        canvas.set_colour(picture.colour());
        check_size(picture, plan_.sources[clip.source]);
        shown.scaler.scale(picture, geometry.from, canvas, geometry.to);
    } else {
        media::Colour colour = shown.picture->colour();
        colour.full_range = false;
        canvas.set_colour(colour);
        check_size(*shown.picture, plan_.sources[clip.source]);
        shown.scaler.scale(*shown.picture, geometry.from, canvas, geometry.to);
        if (const auto& table = plan_.tables[clip.source]) table->apply(canvas, geometry.to);
    }
    canvas.set_colour(planned.encoding.colour);
    shown.canvases.insert_or_assign(output, Shown::Canvas{pts, canvas});
    return canvas;
}

media::VideoFrame Composer::frame(std::int64_t number, std::size_t output) {
    forget_before(number);
    std::optional<media::VideoFrame> picture;
    std::int64_t shown_until = 0;
    for (std::size_t i = 0; i < plan_.clips.size(); ++i) {
        const PlannedClip& clip = plan_.clips[i];
        if (number < clip.first_frame || number >= clip.end_frame) continue;
        media::VideoFrame next = layer(i, number, output);
        if (picture) {
            // Both are on: the overlap of this clip with the one before it.
            const std::int64_t length = shown_until - clip.first_frame;
            picture = media::blend(*picture, next, media::crossfade_weight(number - clip.first_frame, length));
        } else {
            picture = std::move(next);
        }
        shown_until = clip.end_frame;
    }
    if (!picture) {   // a seam between clips that rounding left without a picture
        const media::VideoEncoding& encoding = plan_.outputs[output].encoding;
        picture = media::VideoFrame::allocate(encoding.width, encoding.height, media::PixelFormat::yuv420p);
        media::fill_black(*picture);
    }
    for (const PlannedOverlay& overlay : plan_.outputs[output].overlays)
        if (number >= overlay.first_frame && number < overlay.end_frame) {
            picture = std::move(*picture).writable();
            media::lay_over(*overlay.overlay, *picture, overlay.strength(number));
        }
    return *std::move(picture);
}

}  // namespace tenon::render
