#include <render/plan.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <set>

#include <exec/wait.hpp>
#include <media/colour.hpp>
#include <render/still.hpp>
#include <tenon/error.hpp>

#include "canonical.hpp"
#include "grade.hpp"
#include "ids.hpp"
#include "look.hpp"
#include "piece.hpp"
#include "title.hpp"

namespace tenon::render {
namespace {

constexpr std::int64_t gops_per_chunk = 3;
constexpr Duration longest_edit = std::chrono::hours(24 * 366);  // sums of times stay far from where numbers end
constexpr Duration shortest_chunk = std::chrono::seconds(2);   // a shorter rest joins the chunk before it

std::string item(std::size_t number) { return "clips[" + std::to_string(number) + "]"; }

std::string seconds(Duration duration) {
    const std::int64_t ms = duration.count() / 1'000;
    std::string fraction = std::to_string(ms % 1'000);
    return std::to_string(ms / 1'000) + "." + std::string(3 - fraction.size(), '0') + fraction + " s";
}

/// The range that a clip takes from its source, on the source's frames.
struct Range { Flicks in, out; };

Range range_of(const TimelineClip& clip, const Source& source, std::size_t number) {
    const std::int64_t frames = media::frame_at(source.duration, source.rate);
    const std::int64_t first = media::frame_at(clip.start, source.rate);
    const std::int64_t end = clip.end == Duration{} ? frames : media::frame_at(clip.end, source.rate);
    if (end > frames)
        throw InvalidArgument("clip " + std::to_string(number + 1) + " ends at " + seconds(clip.end) + ", but its asset lasts " +
                                  seconds(source.duration), {.subject = item(number) + ".end"});
    if (first >= end)
        throw InvalidArgument("clip " + std::to_string(number + 1) + " holds no frame of its asset", {.subject = item(number)});
    return {flicks_of_frame(first, source.rate), flicks_of_frame(end, source.rate)};
}

std::vector<PlannedClip> place(const std::vector<TimelineClip>& clips, const Plan& plan, const std::map<AssetId, std::size_t>& by_asset) {
    std::vector<PlannedClip> placed;
    Flicks fade_before = 0;
    for (std::size_t i = 0; i < clips.size(); ++i) {
        const std::size_t source = by_asset.at(clips[i].asset);
        const Range range = range_of(clips[i], plan.sources[source], i);
        const Flicks length = range.out - range.in;
        const Flicks fade = clips[i].transition.kind == TransitionKind::crossfade ? flicks_of(clips[i].transition.duration) : 0;
        if (fade > 0) {
            const Flicks before = placed.back().end - placed.back().start;
            if (fade > length || fade > before - fade_before)
                throw InvalidArgument("the crossfade between clips " + std::to_string(i) + " and " + std::to_string(i + 1) +
                                          " is longer than what they have for it", {.subject = item(i) + ".transition.duration"});
        }
        const Flicks start = placed.empty() ? 0 : placed.back().end - fade;
        if (length > flicks_of(longest_edit) - start) throw InvalidArgument("an edit lasts at most 366 days", {.subject = "timeline"});
        placed.push_back({source, range.in, start, start + length, frame_of(start, plan.rate), frame_of(start + length, plan.rate)});
        fade_before = fade;
    }
    return placed;
}

std::vector<PlannedChunk> split(std::int64_t frames, std::int64_t gop, Rational rate) {
    const std::int64_t length = gops_per_chunk * gop;
    const std::int64_t shortest = media::frame_at(shortest_chunk, rate);
    std::vector<PlannedChunk> chunks;
    for (std::int64_t first = 0; first < frames; first += length) {
        const std::int64_t count = std::min(length, frames - first);
        if (!chunks.empty() && count < shortest) chunks.back().count += count;
        else chunks.push_back({first, count});
    }
    return chunks;
}

std::int32_t even(std::int64_t value) { return static_cast<std::int32_t>(std::max<std::int64_t>(2, (value + 1) / 2 * 2)); }

Geometry arrange(const Source& source, const Preset& preset) {
    std::int64_t width = source.width, height = source.height;
    Rational aspect = source.sample_aspect;
    if (source.rotation % 180 != 0) {
        std::swap(width, height);
        std::swap(aspect.num, aspect.den);
    }
    // Compared as products: wide > tall means that the picture is wider than the output.
    const std::int64_t wide = width * aspect.num * preset.height, tall = height * aspect.den * preset.width;
    Geometry g{.from = {0, 0, static_cast<std::int32_t>(width), static_cast<std::int32_t>(height)},
               .to = {0, 0, preset.width, preset.height}};
    if (preset.fit == Fit::fit) {
        if (wide > tall) g.to.height = std::min(preset.height, even(preset.width * height * aspect.den / (width * aspect.num)));
        else g.to.width = std::min(preset.width, even(preset.height * width * aspect.num / (height * aspect.den)));
        g.to.x = (preset.width - g.to.width) / 4 * 2;
        g.to.y = (preset.height - g.to.height) / 4 * 2;
    } else {
        if (wide > tall) g.from.width = std::min(g.from.width, even(height * aspect.den * preset.width / (aspect.num * preset.height)));
        else g.from.height = std::min(g.from.height, even(width * aspect.num * preset.height / (aspect.den * preset.width)));
        g.from.x = static_cast<std::int32_t>((width - g.from.width) / 4 * 2);
        g.from.y = static_cast<std::int32_t>((height - g.from.height) / 4 * 2);
    }
    g.colour_first = width * height <= std::int64_t{g.to.width} * g.to.height;
    return g;
}

crypto::Digest digest_of(const media::Overlay& overlay) {
    Canonical c;
    const auto bytes = [](const auto& list) {
        return base::ByteView{reinterpret_cast<const std::uint8_t*>(list.data()), list.size()};
    };
    c.integer(1, overlay.x).integer(2, overlay.y).integer(3, overlay.width).integer(4, overlay.height)
        .bytes(5, bytes(overlay.luma)).bytes(6, bytes(overlay.opacity)).bytes(7, bytes(overlay.u)).bytes(8, bytes(overlay.v));
    return crypto::sha256(c.view());
}

/// When something is seen, without what is; empty if it never is.
std::optional<PlannedOverlay> seen(Duration start, Duration end, Duration fade, std::int32_t opacity, const Plan& plan) {
    const std::int64_t first = media::frame_at(start, plan.rate);
    const std::int64_t last = std::min(plan.frames, media::frame_at(end, plan.rate));
    if (first >= last || opacity == 0) return std::nullopt;
    PlannedOverlay overlay{.first_frame = first, .end_frame = last, .opacity = opacity};
    overlay.fade = std::min(media::frame_at(fade, plan.rate), (last - first) / 2);
    return overlay;
}

std::int64_t millionths(double value) { return std::llround(value * 1e6); }

/// Names the item that a failure is about.
template <class Work> auto named(const std::string& list, std::size_t number, Work&& work) {
    try {
        return work();
    } catch (const Error& error) {
        throw_error(error.code(), list + "[" + std::to_string(number) + "]: " + error.what(), {.subject = error.subject()});
    }
}

/// Paints what lies over the pictures of all outputs. It stays in memory for the whole render, so it is bounded, and what is
/// shown alike is painted once. One still at a time is in memory: an edit may name a hundred photographs.
class Painter {
public:
    Painter(Plan& plan, const Materials& materials, const std::stop_token& stop) : plan_(plan), materials_(materials), stop_(stop) {}

    void stills(const std::vector<TimelineImage>& images);
    void titles(const std::vector<TimelineTitle>& titles);

private:
    struct Painted {
        std::shared_ptr<const media::Overlay> overlay{};  // null: nothing to see, or not painted yet
        crypto::Digest digest{};
    };

    void still(const media::VideoFrame& picture, const std::vector<TimelineImage>& images, std::size_t first,
               std::vector<std::vector<std::optional<PlannedOverlay>>>& laid);
    void spend(std::int64_t width, std::int64_t height, const char* list);
    void keep(Painted& painted, media::Overlay overlay);
    static std::string key_of(const TimelineImage& image, const Preset& preset);

    Plan& plan_;
    const Materials& materials_;
    const std::stop_token& stop_;
    std::map<std::string, Painted> painted_;
    std::map<crypto::Digest, std::shared_ptr<const media::Overlay>> known_;
    std::int64_t bytes_ = 0;
};

Placement placement_of(const TimelineImage& image) { return {millionths(image.x), millionths(image.y), millionths(image.width)}; }

std::string key_of(const Preset& preset) { return std::to_string(preset.width) + "x" + std::to_string(preset.height); }

std::string Painter::key_of(const TimelineImage& image, const Preset& preset) {
    const Placement at = placement_of(image);
    std::string key = render::key_of(preset) + " " + image.asset.text();
    for (const std::int64_t value : {at.x, at.y, at.width}) key += " " + std::to_string(value);
    return key;
}

/// Before it is painted: of each pixel luma and opacity, of each four of them both colours and the opacity again.
void Painter::spend(std::int64_t width, std::int64_t height, const char* list) {
    constexpr std::int64_t most = std::int64_t{1} << 30;
    bytes_ += width * height * 2 + width * height / 4 * 3;
    if (bytes_ > most)
        throw Unsupported(
            "the images and titles of this edit take more than 1 GiB when painted: take fewer or smaller ones, or make its "
            "outputs one after the other",
            {.subject = list});
}

void Painter::keep(Painted& painted, media::Overlay overlay) {
    painted.digest = digest_of(overlay);
    auto& known = known_[painted.digest];
    if (!known) known = std::make_shared<const media::Overlay>(std::move(overlay));
    painted.overlay = known;
}

/// All places of one asset.
void Painter::still(const media::VideoFrame& picture, const std::vector<TimelineImage>& images, std::size_t first,
                    std::vector<std::vector<std::optional<PlannedOverlay>>>& laid) {
    constexpr double opaque = 256;
    for (std::size_t output = 0; output < laid.size(); ++output)
        for (std::size_t i = first; i < images.size(); ++i) {
            const TimelineImage& image = images[i];
            if (image.asset != images[first].asset) continue;
            const Preset& preset = plan_.outputs[output].preset;
            const Duration end = image.duration == Duration{} ? plan_.duration() : image.start + image.duration;
            laid[output][i] = seen(image.start, end, image.fade, static_cast<std::int32_t>(std::lround(image.opacity * opaque)), plan_);
            if (!laid[output][i] || !painted_.try_emplace(key_of(image, preset)).second) continue;
            const media::Rect place = place_of_still(picture.width(), picture.height(), placement_of(image), preset.width, preset.height);
            spend(place.width, place.height, "images");
        }
    for (std::size_t output = 0; output < laid.size(); ++output)
        for (std::size_t i = first; i < images.size(); ++i) {
            if (images[i].asset != images[first].asset || !laid[output][i]) continue;
            exec::check_stop(stop_);
            const Preset& preset = plan_.outputs[output].preset;
            Painted& painted = painted_.at(key_of(images[i], preset));
            if (!painted.overlay) keep(painted, place_still(picture, placement_of(images[i]), preset.width, preset.height));
            laid[output][i]->overlay = painted.overlay;
            laid[output][i]->digest = painted.digest;
        }
}

void Painter::stills(const std::vector<TimelineImage>& images) {
    std::vector<std::vector<std::optional<PlannedOverlay>>> laid(plan_.outputs.size(), std::vector<std::optional<PlannedOverlay>>(images.size()));
    std::set<AssetId> done;
    for (std::size_t i = 0; i < images.size(); ++i) {
        exec::check_stop(stop_);
        if (!done.insert(images[i].asset).second) continue;
        if (!materials_.still) throw NotFound("there is no such asset", {.subject = images[i].asset.text()});
        still(materials_.still(images[i].asset), images, i, laid);
    }
    for (std::size_t output = 0; output < laid.size(); ++output)
        for (auto& overlay : laid[output])
            if (overlay) plan_.outputs[output].overlays.push_back(*std::move(overlay));
}

void Painter::titles(const std::vector<TimelineTitle>& titles) {
    for (PlannedOutput& output : plan_.outputs)
        for (std::size_t i = 0; i < titles.size(); ++i) {
            exec::check_stop(stop_);
            const TimelineTitle& title = titles[i];
            const Look look = named("titles", i, [&] { return find_look(title.look); });
            const std::string key = render::key_of(output.preset) + "\n" + title.look + "\n" + title.font + "\n" + title.text;
            const auto [place, fresh] = painted_.try_emplace(key);
            if (fresh) {
                auto overlay = named("titles", i, [&] {
                    return paint_title(title.text, look, title.font, output.preset.width, output.preset.height);
                });
                if (overlay) {
                    spend(overlay->width, overlay->height, "titles");
                    keep(place->second, *std::move(overlay));
                }
            }
            auto shown = place->second.overlay ? seen(title.start, title.start + title.duration, look.fade, 256, plan_) : std::nullopt;
            if (!shown) continue;
            shown->overlay = place->second.overlay;
            shown->digest = place->second.digest;
            output.overlays.push_back(*std::move(shown));
        }
}

/// An output's sound is one piece until its file is whole, and pieces have an end.
void check_length(const Plan& plan, const Preset& preset) {
    constexpr std::int64_t of_packet = 1'024, entry = 20, room = largest_piece / 10 * 9;  // encoders keep to their rate roughly
    const std::int64_t longest = room / (preset.sound.bits_per_second / 8 + preset.sound.rate / of_packet * entry);
    if (plan.duration() > std::chrono::seconds(longest))
        throw Unsupported("with this output an edit lasts at most " + std::to_string(longest / 3'600) + " hours", {.subject = preset.name});
}

PlannedOutput prepare(const Plan& plan, const Preset& preset) {
    check_length(plan, preset);
    PlannedOutput output;
    output.preset = preset;
    output.encoding = {.width = preset.width, .height = preset.height, .rate = plan.rate, .profile = preset.profile,
                       .preset = preset.speed, .crf = preset.crf,
                       .gop = static_cast<std::int32_t>(std::max<std::int64_t>(1, media::frame_at(preset.gop, plan.rate))),
                       .threads = preset.threads};
    for (const Source& source : plan.sources) output.geometry.push_back(arrange(source, preset));
    return output;
}

std::vector<std::string> guesses(const Source& source) {
    std::vector<std::string> notes;
    const std::string asset = source.asset.text();
    if (source.colour_guessed)
        notes.push_back("asset " + asset + " does not say how its colours are coded; taken as " +
                        (source.colour.matrix == media::bt709 ? "BT.709" : "BT.601"));
    if (source.rate_guessed) notes.push_back("asset " + asset + " does not say its frame rate; taken as 25 per second");
    return notes;
}

}  // namespace

std::int32_t PlannedOverlay::strength(std::int64_t number) const {
    const std::int64_t from_edge = std::min(number - first_frame, end_frame - 1 - number);
    if (from_edge >= fade) return opacity;
    return static_cast<std::int32_t>((opacity * (from_edge + 1) + (fade + 1) / 2) / (fade + 1));
}

Plan compile(const Timeline& timeline, const std::vector<std::string>& outputs, const std::vector<Source>& sources,
             std::optional<std::int32_t> loudness, const Materials& materials, const std::stop_token& stop) {
    constexpr std::size_t most_outputs = 16;
    const auto clips = timeline.clips();
    if (clips.empty()) throw InvalidArgument("the timeline is empty", {.subject = "timeline"});
    if (outputs.empty() || outputs.size() > most_outputs) throw InvalidArgument("1 to 16 outputs", {.subject = "outputs"});

    if (loudness.value_or(0) != 0) check_loudness(*loudness);

    Plan plan;
    std::map<AssetId, std::size_t> by_asset;
    const auto grade = find_grade(timeline.grade_name());
    for (std::size_t i = 0; i < clips.size(); ++i) {
        if (by_asset.contains(clips[i].asset)) continue;
        const auto found = std::find_if(sources.begin(), sources.end(), [&](const Source& s) { return s.asset == clips[i].asset; });
        if (found == sources.end()) throw NotFound("there is no such asset", {.subject = clips[i].asset.text()});
        exec::check_stop(stop);
        by_asset.emplace(clips[i].asset, plan.sources.size());
        plan.sources.push_back(*found);
        plan.tables.push_back(colour_chain(*found, grade, materials.lut.get()));
        for (auto& note : guesses(*found)) plan.notes.push_back(std::move(note));
    }
    plan.rate = plan.sources.front().rate;
    plan.clips = place(clips, plan, by_asset);
    plan.frames = plan.clips.back().end_frame;
    if (plan.frames < 1) throw InvalidArgument("the edit is shorter than one frame", {.subject = "timeline"});

    std::int64_t gop = 0;
    for (const std::string& name : outputs) {
        if (std::any_of(plan.outputs.begin(), plan.outputs.end(), [&](const PlannedOutput& o) { return o.preset.name == name; }))
            throw InvalidArgument("an output is asked for twice", {.subject = name});
        Preset preset = find_preset(name);
        preset.loudness = loudness.value_or(preset.loudness);
        plan.outputs.push_back(prepare(plan, preset));
        gop = std::max<std::int64_t>(gop, plan.outputs.back().encoding.gop);
    }
    Painter painter(plan, materials, stop);
    painter.stills(timeline.images());
    painter.titles(timeline.titles());
    plan.chunks = split(plan.frames, gop, plan.rate);
    number(plan);
    return plan;
}

}  // namespace tenon::render
