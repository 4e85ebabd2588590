#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct FrameImpl;
struct PlaneImpl;
struct FrameStreamImpl;

/// How a frame's samples lie in memory. Rows go from the top down, samples from left to right.
enum class PixelFormat : std::uint8_t {
    yuv420p = 1,    ///< Planes Y, U, V of one byte a sample; U and V have half the width and height, rounded up. Y is 16 to 235.
    yuv420p10 = 2,  ///< The same of two bytes a sample in the machine's order; Y is 64 to 940.
    gray = 3,       ///< One plane: brightness, 0 to 255.
    rgb24 = 4,      ///< One plane of three bytes a pixel: red, green, blue, each 0 to 255.
};

/// The format's name: "yuv420p10".
TENON_API const char* to_string(PixelFormat format) noexcept;

/// One plane of a frame. A handle: a copy shares the memory, which lives as long as any of them, whatever becomes of the
/// frame, its session and its engine.
///
/// Shape     height() rows, stride() bytes apart; each has width() pixels of channels() samples of bytes_per_sample().
/// Threads   any. Nobody writes to a plane: the memory is shared with the decoder, and read only.
class TENON_API Plane {
public:
    std::int32_t width() const noexcept;
    std::int32_t height() const noexcept;
    std::int32_t channels() const noexcept;          ///< 3 for rgb24, else 1.
    std::int32_t bytes_per_sample() const noexcept;  ///< 2 for yuv420p10, else 1.
    std::int64_t stride() const noexcept;            ///< From one row to the next, in bytes; never negative.
    std::int64_t size() const noexcept;              ///< From the first byte to the last of the last row.
    const std::uint8_t* data() const noexcept;       ///< Aligned to 2 bytes or better for two-byte samples.

private:
    friend struct Internal;
    explicit Plane(std::shared_ptr<PlaneImpl> impl);
    std::shared_ptr<PlaneImpl> impl_;
};

/// One picture, as shown: upright, with square pixels, of two fields made one.
///
/// Lifetime  needs neither its session nor its engine once it is there. Its memory goes with the last copy of it and of its
///           planes.
class TENON_API Frame {
public:
    std::int32_t width() const noexcept;
    std::int32_t height() const noexcept;
    PixelFormat format() const noexcept;
    Duration time() const noexcept;                  ///< When it begins to be shown, from the start of what it was taken from.
    std::int32_t planes() const noexcept;            ///< 3 for yuv420p and yuv420p10, else 1.
    /// Throws InvalidArgument unless `index` is 0 to planes() - 1.
    Plane plane(std::int32_t index) const;
    Bytes size() const noexcept;                     ///< Of its samples.

private:
    friend struct Internal;
    explicit Frame(std::shared_ptr<FrameImpl> impl);
    std::shared_ptr<FrameImpl> impl_;
};

struct FrameOptions {
    Duration at{};                        ///< The frame shown at this time is given; past the end: the last frame.
    /// Unset: yuv420p, or yuv420p10 if the source has more than 8 bits a sample. In its own format and size a frame is what
    /// the decoder made, without a copy.
    std::optional<PixelFormat> format{};
    std::int32_t width = 0;               ///< Pixels, 2 to 16384; the height follows the picture's shape. 0: its own size.
};

struct FramesOptions {
    Duration start{};                     ///< The frame shown at this time is the first.
    std::optional<Duration> end{};        ///< Those shown before this. After start. Unset: to the last frame.
    Duration step{};                      ///< The frames shown at start, start + step and so on. 0: every frame, once.
    std::optional<PixelFormat> format{};  ///< See FrameOptions.
    std::int32_t width = 0;               ///< See FrameOptions.
};

/// Frames one after the other, each decoded when it is asked for: a loop holds the memory of a few, however long it runs.
///
/// Threads   any member, from any thread; each frame goes to one caller.
/// Lifetime  may outlive its Engine; next() then throws Closed.
class TENON_API FrameStream {
public:
    /// Empty: the last one was given. Throws Corrupt (nothing can be decoded), Closed after close() or when session or engine
    /// close, PermissionDenied.
    [[nodiscard]] std::optional<Frame> next();
    /// Lets go of the file and the decoder; ends a next() that is under way.
    void close() noexcept;

private:
    friend struct Internal;
    explicit FrameStream(std::shared_ptr<FrameStreamImpl> impl);
    std::shared_ptr<FrameStreamImpl> impl_;
};

TENON_END
