#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>

#include <media/frame.hpp>

namespace tenon::media {

/// What ITU-R BS.1770-4 and EBU R 128 say of a programme.
struct Loudness {
    std::optional<double> integrated{};  ///< LUFS. Unset: silent, or shorter than one 400 ms window.
    double range = 0;                    ///< LU.
    double true_peak = 0;                ///< Of all channels, linear: 1 is full scale.

    double true_peak_db() const;  ///< dBTP, -120 at least.
};

/// Measures what it is shown.
///
/// Threads   one at a time.
class LoudnessMeter {
public:
    LoudnessMeter(std::int32_t rate, std::int32_t channels);
    LoudnessMeter(LoudnessMeter&&) noexcept;
    LoudnessMeter& operator=(LoudnessMeter&&) noexcept;
    ~LoudnessMeter();

    void add(const AudioBlock& block);
    Loudness result() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// Of a file's first sound, decoded; silence if it has none. `heard` is told how many samples more were measured.
/// Throws what Input::open does, Cancelled.
Loudness measure_loudness(const std::filesystem::path& path, std::int32_t rate, std::int32_t channels, const std::stop_token& stop,
                          const std::function<void(std::int64_t)>& heard = {});

/// Keeps true peaks below a ceiling, on all channels alike: looks 5 ms ahead, so that the gain bends before a peak
/// instead of at it, and recovers within 200 ms. Blocks come out as long as they went in, 'delay()' samples later.
///
/// Threads   one at a time.
class Limiter {
public:
    /// `ceiling` is linear.
    Limiter(std::int32_t rate, std::int32_t channels, double ceiling);
    Limiter(Limiter&&) noexcept;
    Limiter& operator=(Limiter&&) noexcept;
    ~Limiter();

    std::int64_t delay() const;
    void process(AudioBlock& block);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace tenon::media
