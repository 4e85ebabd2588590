#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <stop_token>
#include <vector>

#include <media/frame_reader.hpp>
#include <media/scaler.hpp>
#include <render/plan.hpp>

#include "piece.hpp"

namespace tenon::render {

/// Makes the pictures of a plan. A frame is decoded once, whatever the number of outputs; frames asked for in order keep
/// the decoders running.
class Composer {
public:
    Composer(const Plan& plan, const std::vector<std::filesystem::path>& files, std::stop_token stop);

    /// Frame `number` of output `output`. Nobody else may write to it: it may be shared with later frames.
    media::VideoFrame frame(std::int64_t number, std::size_t output);

    std::int64_t damaged_packets() const;
    /// What of the sources was damaged within frames `first` to `first + count`, all of which were made. Once for each.
    std::vector<PieceDamage> damage(std::int64_t first, std::int64_t count);

private:
    /// A clip while it is being shown.
    struct Shown {
        media::FrameReader reader;
        media::Scaler scaler{};
        std::int64_t number = -1;                          // frame of the output that `picture` belongs to
        std::optional<media::VideoFrame> picture{};        // upright, colours as decoded
        std::optional<media::VideoFrame> coloured{};       // with its colours changed, at its own size
        struct Canvas { std::int64_t pts; media::VideoFrame frame; };
        std::map<std::size_t, Canvas> canvases{};          // by output: kept while the same picture is shown
    };

    Shown& show(std::size_t clip, std::int64_t number);
    media::VideoFrame upright(Shown& shown, media::VideoFrame picture, const Source& source);
    const media::VideoFrame& coloured(Shown& shown, const PlannedClip& clip);
    media::VideoFrame layer(std::size_t clip, std::int64_t number, std::size_t output);
    void forget_before(std::int64_t number);

    const Plan& plan_;
    const std::vector<std::filesystem::path>& files_;
    std::stop_token stop_;
    std::map<std::size_t, Shown> shown_;
    std::int64_t damaged_ = 0;
    std::map<std::size_t, media::Damages> past_;   // by clip that is shown no more
};

}  // namespace tenon::render
