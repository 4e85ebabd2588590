#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include <media/stream.hpp>

namespace tenon::media {

enum class PixelFormat : std::uint8_t { yuv420p, rgba, rgb24, yuv420p10 /* in the machine's byte order */, gray, other };

/// Bytes from one sample of plane 0 to the next, and whether there are planes 1 and 2 of half the width and height.
std::int32_t pixel_bytes(PixelFormat format);
bool is_yuv(PixelFormat format);

/// One plane of a frame. Rows are `stride` bytes apart; `width` and `height` count samples of this plane.
struct Plane {
    std::uint8_t* data = nullptr;   // not owned: the frame's
    std::ptrdiff_t stride = 0;
    std::int32_t width = 0, height = 0;
};

/// A picture. Copies share its memory; `writable()` gives one that nobody else sees.
class VideoFrame {
public:
    /// Memory is not initialised. Rows are aligned to 64 bytes.
    static VideoFrame allocate(std::int32_t width, std::int32_t height, PixelFormat format);

    std::int32_t width() const;
    std::int32_t height() const;
    PixelFormat format() const;
    const Colour& colour() const { return colour_; }
    void set_colour(const Colour& colour) { colour_ = colour; }
    Rational sample_aspect() const { return sample_aspect_; }
    void set_sample_aspect(Rational aspect) { sample_aspect_ = aspect; }
    /// In the time base of the stream it was decoded from. Unset when the file does not say.
    std::optional<std::int64_t> pts() const { return pts_; }
    void set_pts(std::optional<std::int64_t> pts) { pts_ = pts; }
    /// The decoder concealed damage in it.
    bool damaged() const { return damaged_; }

    /// Planes 0 to 2 of yuv420p and yuv420p10; plane 0 of rgba, rgb24 and gray.
    Plane plane(std::int32_t index) const;
    std::int64_t bytes() const;

    /// This frame if nobody shares it, else a copy. Only a writable frame's planes may be written to.
    VideoFrame writable() &&;

    struct Box;   ///< The codec library's frame; opaque outside this room.
    explicit VideoFrame(std::shared_ptr<Box> box);
    const Box& box() const { return *box_; }

private:
    std::shared_ptr<Box> box_;
    Colour colour_{};
    Rational sample_aspect_{1, 1};
    std::optional<std::int64_t> pts_{};
    bool damaged_ = false;
    friend class VideoDecoder;
    friend VideoFrame deinterlaced(VideoFrame frame);
};

/// Sound as this engine mixes it: float, planar, one vector per channel, all of one length.
struct AudioBlock {
    std::int64_t position = 0;                    ///< Of its first sample, in samples of its rate; may be negative.
    std::vector<std::vector<float>> channels{};
    std::int64_t samples() const { return channels.empty() ? 0 : static_cast<std::int64_t>(channels[0].size()); }
};

}  // namespace tenon::media
