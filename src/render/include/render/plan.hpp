#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include <crypto/hash.hpp>
#include <media/blend.hpp>
#include <media/colour_table.hpp>
#include <media/scaler.hpp>
#include <render/cube.hpp>
#include <render/position.hpp>
#include <render/preset.hpp>
#include <render/source.hpp>
#include <tenon/timeline.hpp>

namespace tenon::render {

/// A clip of the timeline, placed. Neighbours overlap where they crossfade.
struct PlannedClip {
    std::size_t source = 0;             ///< Index into Plan::sources.
    Flicks in = 0;                      ///< In the source, from its origin; on one of its frames.
    Flicks start = 0, end = 0;          ///< In the edit.
    std::int64_t first_frame = 0, end_frame = 0;   ///< Of the output, half open.
};

/// How a source's pictures get into one output.
struct Geometry {
    media::Rect from{};                 ///< Of the upright picture.
    media::Rect to{};                   ///< Of the output.
    bool colour_first = false;          ///< Colours change before scaling: the smaller picture is less work.
};

/// A title or a still over the picture.
struct PlannedOverlay {
    std::int64_t first_frame = 0, end_frame = 0;
    std::int64_t fade = 0;              ///< Frames, at both ends.
    std::int32_t opacity = 256;         ///< Of 256.
    std::shared_ptr<const media::Overlay> overlay{};  ///< Shared by all that show the same.
    crypto::Digest digest{};            ///< Of what is painted: fonts decide it too.

    /// How much of it frame `number` shows, of 256. The first and the last frame show something of it.
    std::int32_t strength(std::int64_t number) const;
};

struct PlannedOutput {
    Preset preset{};
    media::VideoEncoding encoding{};
    std::vector<Geometry> geometry{};             ///< By source.
    std::vector<PlannedOverlay> overlays{};       ///< In the order they are laid: stills, then titles.
    std::vector<crypto::Digest> chunks{};         ///< Their ids, in order.
    crypto::Digest sound{};                       ///< Id of its sound; equal ids are encoded once.
    crypto::Digest id{};
};

struct PlannedChunk {
    std::int64_t first = 0, count = 0;  ///< Frames.
};

/// Everything that is going to be done, decided. The same timeline, sources and presets give the same plan anywhere.
struct Plan {
    Rational rate{25, 1};
    std::int64_t frames = 0;
    std::vector<Source> sources{};
    std::vector<std::shared_ptr<const media::ColourTable>> tables{};   ///< By source; null: colours stay.
    std::vector<PlannedClip> clips{};
    std::vector<PlannedChunk> chunks{};
    std::vector<PlannedOutput> outputs{};
    crypto::Digest id{};
    std::vector<std::string> notes{};   ///< For people: what was guessed.

    Duration duration() const { return media::frame_start(frames, rate); }   ///< Of one output.
    /// What is charged: the duration of all outputs together.
    Duration render_time() const { return duration() * static_cast<std::int64_t>(outputs.size()); }
};

/// What a timeline uses beside its clips.
struct Materials {
    /// Reads the picture of an image. Called once for each asset; the picture is let go before the next is asked for.
    std::function<media::VideoFrame(const AssetId&)> still{};
    std::shared_ptr<const Cube> lut{};
};

/// Pure, but for the fonts that titles are painted with. `sources` holds every asset of the timeline, in any order.
/// `loudness` takes the place of the presets': LUFS, 0 for as mixed.
///
/// Throws    InvalidArgument naming the item, NotFound (preset, grade, look, font, an asset that is not among the sources),
///           Unsupported (a character that no font has, overlays beyond 1 GiB, an edit longer than its sound can be kept), Cancelled;
///           what Materials::still throws.
Plan compile(const Timeline& timeline, const std::vector<std::string>& outputs, const std::vector<Source>& sources,
             std::optional<std::int32_t> loudness = std::nullopt, const Materials& materials = {}, const std::stop_token& stop = {});

}  // namespace tenon::render
