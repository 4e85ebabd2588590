#include <nvr/footage_writer.hpp>

#include <algorithm>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

#include <base/file.hpp>
#include <media/time.hpp>
#include <tenon/error.hpp>

#include "ticks.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t kSegment = 60 * kSecond;
constexpr std::int64_t kLongest = 120 * kSecond;
constexpr std::int64_t kMaxRate = 500;  // parts per million
constexpr Duration kStep = 200ms;       // of the host's clock
constexpr Duration kLost = 1s;          // an error too large to be steered away
// A stream that begins with a burst, from a camera's memory or because this machine was slow to describe it, is found to
// have begun earlier than its first second said. That is no break of its clock.
constexpr Duration kEarly = 5s;
constexpr std::uint64_t kFirstGuess = 512 << 10;  // bytes per second of a camera that was never seen

std::array<std::uint8_t, 16> boot_id() {
    std::array<std::uint8_t, 16> id{};
    try {
        const auto text = base::read_file("/proc/sys/kernel/random/boot_id", 64);
        std::size_t digits = 0;
        for (const auto c : text) {
            const int value = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                                                                    : -1;
            if (value < 0 || digits >= 32) continue;
            id[digits / 2] = static_cast<std::uint8_t>(id[digits / 2] << 4 | value);
            ++digits;
        }
    } catch (const Error&) {  // a system without it records all the same
    }
    return id;
}

void make_folder(const std::filesystem::path& folder) {
    std::error_code error;
    if (std::filesystem::create_directories(folder, error) && !error) base::sync_folder(folder.parent_path());
    if (error) base::throw_errno("cannot make a folder for recordings", folder.string(), error.value());
}

}  // namespace

FootageWriter::FootageWriter(std::filesystem::path folder, const Origin& origin,
                             std::shared_ptr<const crypto::SigningKey> key, const CameraTail& tail)
    : folder_(std::move(folder)), origin_(origin), key_(std::move(key)), statement_(tail.statement), end_(tail.end), last_run_(tail.run) {
    // Cameras that start together do not end their segments together.
    const auto hash = crypto::crc32c(base::bytes_of(origin.camera));
    phase_ = hash % 60 * static_cast<std::uint64_t>(kSecond);
    day_ = tail.day;
    next_ordinal_ = tail.next_ordinal;
}

Time FootageWriter::wall_at(std::int64_t ticks) const {
    const auto media = micros(ticks - map_ticks_);
    return map_wall_ + media + Duration{media.count() * rate_ / 1'000'000};
}

bool FootageWriter::rotates(const Fragment& fragment) const {
    const auto length = fragment.start - segment_ticks_;
    if (length >= kLongest) return true;
    const auto due = number_ == 0 ? static_cast<std::int64_t>(phase_) : kSegment;
    return fragment.key && (length >= due || stepped_);
}

/// Measures how far the wall clock says the run is off, and lets the next segment run up to 500 ppm faster or slower.
void FootageWriter::steer(const Fragment& fragment) {
    const auto ideal = Time{base_ + micros(fragment.start) + wall_offset_};
    const auto here = wall_at(fragment.start);
    const auto error = ideal - here;
    map_ticks_ = fragment.start;
    map_wall_ = here;
    rate_ = 0;
    if (stepped_) {
        stepped_ = false;
        // Never back into what is recorded already; there it says that its times cannot be trusted.
        untrusted_ = ideal < here;
        if (!untrusted_) map_wall_ = ideal;
        next_reason_ = GapReason::clock_step;
        return;
    }
    if (untrusted_ && error > -kStep) untrusted_ = false;
    if (!untrusted_ && (error > kLost || error < -kEarly)) {
        in_run_ = false;
        next_reason_ = GapReason::timestamp_jump;
        return;
    }
    const auto length = micros(kSegment).count();
    rate_ = std::clamp<std::int64_t>(error.count() * 1'000'000 / length, -kMaxRate, kMaxRate);
}

void FootageWriter::begin_run(const Fragment& fragment) {
    in_run_ = true;
    format_ = fragment.format;
    run_zero_ = fragment.start;
    number_ = 0;
    rate_ = 0;
    stepped_ = false;
    wall_offset_ = fragment.wall_offset;
    base_ = fragment.base;
    map_ticks_ = fragment.start;
    map_wall_ = Time{base_ + micros(fragment.start) + wall_offset_};
    untrusted_ = end_ && map_wall_ < *end_;
    if (untrusted_) map_wall_ = *end_;  // recordings of a camera never overlap
    const auto wanted = static_cast<std::uint64_t>(std::max<std::int64_t>(1, map_wall_.time_since_epoch().count()));
    run_ = last_run_ = std::max(last_run_ + 1, wanted);
}

void FootageWriter::open_segment(const Fragment& fragment) {
    SegmentHead head;
    head.start = map_wall_ = wall_at(fragment.start);
    map_ticks_ = fragment.start;
    head.number = number_;
    head.run = run_;
    head.origin = origin_;
    head.start_monotonic = base_ + micros(fragment.start);
    static const auto boot = boot_id();
    head.boot = boot;
    head.previous = statement_;
    if (untrusted_) head.flags |= head_clock_untrusted;
    if (!fragment.key) head.flags |= head_no_key;

    const auto day = day_of(head.start);
    const auto folder = folder_ / day_name(day);
    if (!index_ || day != day_) {
        make_folder(folder);
        if (day != day_) next_ordinal_ = 0;
        index_.reset();
        index_ = DayIndex::open(folder, {day, origin_, head.start}, key_.get());
        day_ = day;
    }
    if (next_ordinal_ > 0xffff) throw Unavailable("A camera began more segments in a day than an index can hold");
    const auto rate = bytes_per_second_ ? bytes_per_second_ : kFirstGuess;
    segment_.emplace(folder, head, format_->tracks, rate * 60, key_.get());
    ordinal_ = static_cast<std::uint16_t>(next_ordinal_++);
    segment_ticks_ = fragment.start;
    base_ = fragment.base;
}

void FootageWriter::close_segment() {
    if (!segment_) return;
    if (segment_->empty()) {
        const auto path = segment_->path();
        segment_.reset();
        --next_ordinal_;
        (void)!::unlink(path.c_str());
        return;
    }
    const auto length = std::max<std::int64_t>(1, next_ticks_ - segment_ticks_);
    bytes_per_second_ = segment_->size() * kSecond / static_cast<std::uint64_t>(length);
    sync();
    statement_ = segment_->finish(*end_, key_.get());
    note(true);
    segment_.reset();
    index_->sync();
}

void FootageWriter::append(Fragment fragment) {
    // A step of the host's clock: media time goes on, and the next segment finds its place anew.
    const auto step = fragment.wall_offset - wall_offset_;
    if (in_run_ && (step > kStep || step < -kStep)) stepped_ = true;

    if (in_run_ && (fragment.begins_stretch || fragment.format != format_)) {
        close_segment();
        in_run_ = false;
    }
    wall_offset_ = fragment.wall_offset;
    if (in_run_ && segment_ && rotates(fragment)) {
        base_ = std::min(base_, fragment.base);
        close_segment();
        ++number_;
        steer(fragment);
    }
    const bool run_start = !in_run_;
    auto reason = std::exchange(next_reason_, GapReason::none);
    if (run_start) {
        if (fragment.begins_stretch && reason == GapReason::none) reason = fragment.reason;
        if (!end_) reason = GapReason::none;  // nothing is missing before the first footage ever
        try {
            begin_run(fragment);
            open_segment(fragment);
        } catch (...) {
            in_run_ = false;
            next_reason_ = reason;
            throw;
        }
    } else if (!segment_) {
        try {
            open_segment(fragment);
        } catch (...) {
            in_run_ = false;
            throw;
        }
    }

    IndexRecord record;
    record.start = wall_at(fragment.start);
    record.duration = fragment.duration;
    record.ordinal = ordinal_;
    record.frames = fragment.frames;
    record.reason = reason;
    if (fragment.key) record.flags |= record_key;
    if (run_start) record.flags |= record_run_start | record_discontinuity;
    else if (reason != GapReason::none) record.flags |= record_discontinuity;
    if (fragment.audio) record.flags |= record_audio;
    if (fragment.loss) record.flags |= record_loss;
    if (untrusted_) record.flags |= record_clock_untrusted;

    for (auto& part : fragment.parts) {
        const auto scale = format_->tracks[part.track.id - 1].timescale;
        part.track.decode_time -= media::rescale(run_zero_, {1, kSecond}, {1, scale}, media::Rounding::nearest);
    }
    try {
        unsynced_.push_back(segment_->append(record, index_->seed(), fragment.parts));
    } catch (...) {
        next_reason_ = reason;
        throw;
    }
    next_ticks_ = fragment.start + fragment.duration;
    end_ = std::max(end_.value_or(Time::min()), wall_at(next_ticks_));
    base_ = std::min(base_, fragment.base);
}

void FootageWriter::write_back() noexcept {
    if (segment_) segment_->write_back();
}

void FootageWriter::sync() {
    if (!segment_ || unsynced_.empty()) return;
    segment_->sync();
    index_->append(unsynced_);
    unsynced_.clear();
    note(false);
}

void FootageWriter::note(bool finished) {
    SegmentNote note;
    note.finished = finished;
    note.segment = {day_,
                    ordinal_,
                    {segment_->head().run, segment_->head().number},
                    segment_->head().start,
                    *end_,
                    segment_->size(),
                    segment_->frames(),
                    0};
    if (!notes_.empty() && notes_.back().segment.day == day_ && notes_.back().segment.ordinal == ordinal_)
        notes_.back() = note;
    else notes_.push_back(note);
}

void FootageWriter::finish() {
    close_segment();
    in_run_ = false;
}

void FootageWriter::give_up(GapReason reason) noexcept {
    try {
        close_segment();
    } catch (const std::exception&) {
        // The file stands as a killed process would leave it. Its fragments reach the index when the camera is recovered.
        segment_.reset();
        unsynced_.clear();
        index_.reset();
    }
    in_run_ = false;
    next_reason_ = reason;
}

std::vector<SegmentNote> FootageWriter::take_notes() { return std::exchange(notes_, {}); }

}  // namespace tenon::nvr
