#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <vector>

#include <base/clock.hpp>
#include <nvr/day_index.hpp>
#include <nvr/fragment.hpp>
#include <nvr/recovery.hpp>

namespace tenon::nvr {

/// What became of a segment since it was last told.
struct SegmentNote {
    SegmentInfo segment{};
    bool finished = false;
};

/// Puts one camera's fragments into segments and days, and gives them their place in time. One thread at a time.
///
/// Throws    NoSpace, Unavailable … from append and sync. What was written stays whole; the writer goes on with a new
///           segment when it is given the next key frame.
class FootageWriter {
public:
    FootageWriter(std::filesystem::path folder, const Origin& origin, std::shared_ptr<const crypto::SigningKey> key,
                  const CameraTail& tail);

    /// Fragments of other stretches than the one before begin a run.
    void append(Fragment fragment);

    /// Data to disk first, then the index: what the index says is there.
    void sync();

    /// Starts writing back; cheap, and spreads the work of the next sync().
    void write_back() noexcept;

    /// Ends the segment, as when recording stops. The next fragment begins a run.
    void finish();

    /// After a failed write: leaves the segment for recovery if it cannot be finished, and makes the next fragment begin
    /// a run for this reason.
    void give_up(GapReason reason) noexcept;

    /// News of segments, oldest first; each time only what changed since.
    std::vector<SegmentNote> take_notes();

    std::optional<Time> end() const { return end_; }
    std::uint64_t bytes_per_second() const { return bytes_per_second_; }

private:
    void begin_run(const Fragment& fragment);
    void open_segment(const Fragment& fragment);
    void close_segment();
    void steer(const Fragment& fragment);
    bool rotates(const Fragment& fragment) const;
    Time wall_at(std::int64_t ticks) const;
    void note(bool finished);

    std::filesystem::path folder_;
    Origin origin_;
    std::shared_ptr<const crypto::SigningKey> key_;
    crypto::Digest statement_;
    std::optional<Time> end_;  ///< Of everything recorded so far.
    std::uint64_t last_run_;
    std::uint64_t phase_;  ///< When the first segment of a run ends, in 1/90000 s.

    // The run. Ticks are 1/90000 s from the start of the stretch that the run began in.
    bool in_run_ = false;
    std::uint64_t run_ = 0;
    std::uint32_t number_ = 0;
    std::int64_t run_zero_ = 0;
    std::int64_t next_ticks_ = 0;  ///< Behind the last fragment.
    Duration base_{};              ///< Least arrival minus media time, of the present segment's frames.
    Duration wall_offset_{};
    std::shared_ptr<const StreamFormat> format_;

    // Media time to wall clock: wall = map_wall_ + (ticks - map_ticks_) * (1 + rate_ / 1e6).
    std::int64_t map_ticks_ = 0;
    Time map_wall_{};
    std::int64_t rate_ = 0;  ///< Parts per million, at most 500 either way.
    bool untrusted_ = false;
    bool stepped_ = false;  ///< The host's clock stepped: the next segment maps anew.
    GapReason next_reason_ = GapReason::none;

    std::optional<SegmentFile> segment_;
    std::optional<DayIndex> index_;
    std::uint32_t day_ = 0;
    std::uint32_t next_ordinal_ = 0;
    std::uint16_t ordinal_ = 0;
    std::int64_t segment_ticks_ = 0;
    std::vector<IndexRecord> unsynced_;
    std::vector<SegmentNote> notes_;
    std::uint64_t bytes_per_second_ = 0;
};

}  // namespace tenon::nvr
