#include <nvr/fragment.hpp>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include <media/time.hpp>
#include <tenon/error.hpp>

#include "ticks.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
namespace mp4 = media::mp4;

// With the frame that ends it, how far frames arrive apart and the way to the disk, a kill costs less than a second. A group of
// pictures of one second is two fragments at any length between this and its own.
constexpr std::int64_t kFragment = kSecond * 6 / 10;
constexpr std::int64_t kShortFragment = kSecond * 45 / 100;  // groups of pictures that are shorter lie together: a line of the index each
constexpr std::size_t kMaxFragment = 4u << 20;
constexpr std::size_t kMaxUnit = 8u << 20;  // of one coded picture
constexpr Duration kMaxDrift = 2s;          // media time against arrival
constexpr Duration kSettling = 2s;          // a burst at the start is no jump
constexpr Duration kMaxBurst = 5s;
constexpr Duration kMaxAhead = 500ms;           // of media time, before it is doubted
constexpr Duration kLatePatience = 10s;         // then frames are late because the camera's clock stood still
constexpr std::int64_t kMaxStep = 2 * kSecond;  // between two frames; more is a gap
constexpr std::int64_t kEarlySound = 2;         // seconds of it that wait for a picture to begin with …
constexpr std::int64_t kAheadSound = 10;        // … or for their own
constexpr std::size_t kMostSound = 2'000;       // packets of it that wait
constexpr std::size_t kMaxSound = 16u << 10;    // of one packet
constexpr Duration kKeyPatience = 10s;          // then a stream without key frames is recorded as it is

std::optional<mp4::Codec> codec_of(const std::string& name) {
    if (name == "h264") return mp4::Codec::h264;
    if (name == "hevc" || name == "h265") return mp4::Codec::hevc;
    if (name == "mjpeg") return mp4::Codec::mjpeg;
    if (name == "aac") return mp4::Codec::aac;
    if (name == "pcm_mulaw") return mp4::Codec::mulaw;
    if (name == "pcm_alaw") return mp4::Codec::alaw;
    return {};
}

bool has_nals(mp4::Codec codec) { return codec == mp4::Codec::h264 || codec == mp4::Codec::hevc; }

std::uint16_t narrow(std::int64_t value, const char* what) {
    if (value < 0 || value > 0xffff) throw Unsupported(std::string("A camera's ") + what + " cannot be stored");
    return static_cast<std::uint16_t>(value);
}

}  // namespace

std::size_t Fragment::bytes() const {
    std::size_t sum = 0;
    for (const auto& part : parts) sum += part.data.size();
    return sum;
}

FragmentBuilder::FragmentBuilder(const std::vector<media::StreamInfo>& streams, GapReason reason)
    : pending_reason_(reason) {
    for (const auto& stream : streams) {
        const auto codec = codec_of(stream.codec);
        if (!codec) {
            if (stream.kind == media::StreamKind::video && video_.stream < 0)
                throw Unsupported("The camera's picture comes as " + stream.codec + ", which cannot be recorded");
            continue;
        }
        auto& track = mp4::is_video(*codec) ? video_ : audio_;
        if (track.stream >= 0) continue;
        track.stream = stream.index;
        track.codec = *codec;
        track.time_base = stream.time_base;
        auto& format = track.format;
        format.codec = *codec;
        if (mp4::is_video(*codec)) {
            format.width = narrow(stream.width, "picture width");
            format.height = narrow(stream.height, "picture height");
            format.colour = stream.colour;
            if (stream.sample_aspect.num > 0 && stream.sample_aspect.den > 0) {
                format.aspect_h = static_cast<std::uint32_t>(stream.sample_aspect.num);
                format.aspect_v = static_cast<std::uint32_t>(stream.sample_aspect.den);
            }
            sets_.codec = *codec;
            if (has_nals(*codec)) sets_ = mp4::ParameterSets::parse(*codec, stream.extradata);
        } else {
            const bool usable = stream.sample_rate > 0 && stream.channels > 0 &&
                                (*codec != mp4::Codec::aac || !stream.extradata.empty());
            if (!usable) {
                track = {};
                continue;
            }
            format.timescale = format.sample_rate = static_cast<std::uint32_t>(stream.sample_rate);
            format.channels = narrow(stream.channels, "number of sound channels");
            if (*codec == mp4::Codec::aac) format.config = stream.extradata;
        }
    }
    if (video_.stream < 0) throw Unsupported("The camera sends no picture");
}

std::vector<std::int32_t> FragmentBuilder::wanted() const {
    std::vector<std::int32_t> streams{video_.stream};
    if (audio_.stream >= 0) streams.push_back(audio_.stream);
    return streams;
}

bool FragmentBuilder::ready() const { return !open_.parts.empty(); }

std::vector<Fragment> FragmentBuilder::push(const media::Packet& packet, Duration wall_offset) {
    wall_offset_ = wall_offset;
    std::vector<Fragment> done;
    if (packet.data.empty()) return done;
    if (packet.data.size() > kMaxUnit) throw Corrupt("A coded picture is larger than 8 MiB");
    if (packet.stream == video_.stream) push_video(packet, done);
    else if (packet.stream == audio_.stream) push_audio(packet);
    return done;
}

std::vector<Fragment> FragmentBuilder::flush(Duration wall_offset) {
    wall_offset_ = wall_offset;
    std::vector<Fragment> done;
    if (ready()) {
        settle_last_frame(last_ + usual_);
        close(done);
    }
    return done;
}

/// Takes in what the packet says about how it must be decoded. True: pictures so far cannot be decoded with it.
bool FragmentBuilder::learn(const media::Packet& packet, const std::vector<mp4::ByteSpan>& nals) {
    if (!has_nals(video_.codec)) return false;
    // Read first and taken in at once: half of them would change what pictures mean without anybody being told.
    auto fresh = mp4::ParameterSets::parse(video_.codec, packet.new_extradata);
    fresh.take(nals);
    bool changed = false;
    for (const auto& set : fresh.sets) changed |= sets_.put(set);
    return changed && format_ != nullptr;
}

void FragmentBuilder::begin_stretch(GapReason reason, std::vector<Fragment>& done) {
    if (ready()) {
        settle_last_frame(last_ + usual_);
        close(done);
    }
    if (reason == GapReason::timestamp_jump) sound_.clear();  // stamped by another clock
    // The first reason is why footage is missing; what else changes until it goes on explains nothing.
    if (!stretch_pending_ || pending_reason_ == GapReason::none) pending_reason_ = reason;
    stretch_pending_ = true;
    waiting_since_.reset();
}

/// Judges a frame by the stamps of the stream itself: they say how it goes on. When it was read says less, since a frame may
/// have waited in this machine or in the parser, which gives the last one away only when the next arrives.
std::optional<GapReason> FragmentBuilder::judge(std::int64_t time, Duration arrival, bool key) {
    const auto step = time - zero_ - last_;
    const auto lateness = arrival - micros(time - zero_) - *stretch_base_;
    const bool settling = arrival - stretch_arrival_ < kSettling;
    if (step > kMaxStep || step <= -kMaxStep) {
        const bool claims_more = lateness < -(settling ? kMaxBurst : kMaxDrift);
        return step < 0 || claims_more ? GapReason::timestamp_jump : GapReason::stalled;
    }
    // A small step back, or one ahead of the time that has passed: the stream's clock was set, as by the first report of its
    // sender. The picture goes on as it did.
    const bool ahead = !settling && step > 2 * usual_ && lateness < -kMaxAhead;
    if (step <= 0 || ahead) {
        if (set_at_ && arrival - *set_at_ < kSettling) return GapReason::timestamp_jump;  // set again and again it is no clock
        set_at_ = arrival;
        zero_ += step - usual_;
        // What is waiting was stamped by the old clock.
        for (auto& sound : sound_) sound.at += media::rescale(step - usual_, {1, kSecond}, {1, audio_.format.timescale}, media::Rounding::nearest);
    }
    if (lateness <= kMaxDrift) {
        late_since_.reset();
    } else if (!late_since_) {
        late_since_ = arrival;
    } else if (key && arrival - *late_since_ > kLatePatience) {
        return GapReason::timestamp_jump;  // all of them are late: the camera's clock stood still
    }
    return {};
}

void FragmentBuilder::push_video(const media::Packet& packet, std::vector<Fragment>& done) {
    std::vector<mp4::ByteSpan> nals;
    bool key = packet.key;
    if (has_nals(video_.codec)) {
        nals = mp4::split_nals(packet.data);
        key = std::any_of(nals.begin(), nals.end(), [&](mp4::ByteSpan nal) {
            return mp4::nal_kind(video_.codec, nal) == mp4::NalKind::key_slice;
        });
        const bool picture = key || std::any_of(nals.begin(), nals.end(), [&](mp4::ByteSpan nal) {
                                 return mp4::nal_kind(video_.codec, nal) == mp4::NalKind::slice;
                             });
        if (learn(packet, nals)) {
            begin_stretch(GapReason::format_change, done);
            format_.reset();
        }
        if (!picture) return;
    } else {
        key = true;
    }

    const auto stamp = packet.dts ? packet.dts : packet.pts;
    if (!stamp) return;  // nothing says when it was: the next one does
    const auto time = media::rescale(*stamp, video_.time_base, {1, kSecond}, media::Rounding::nearest);

    if (!stretch_pending_)
        if (const auto reason = judge(time, packet.arrival, key)) begin_stretch(*reason, done);
    if (stretch_pending_) {
        if (!waiting_since_) waiting_since_ = packet.arrival;
        if (has_nals(video_.codec) && !sets_.complete()) return;
        if (!key && packet.arrival - *waiting_since_ < kKeyPatience) return;
        if (!format_) {
            auto format = std::make_shared<StreamFormat>();
            if (has_nals(video_.codec)) {
                const auto shape = mp4::picture_shape(sets_);
                video_.format.config = sets_.configuration();
                video_.format.width = narrow(shape->width, "picture width");
                video_.format.height = narrow(shape->height, "picture height");
                if (video_.codec == mp4::Codec::h264) {
                    video_.format.aspect_h = shape->aspect_h;
                    video_.format.aspect_v = shape->aspect_v;
                    video_.format.colour = shape->colour;
                }
            }
            format->tracks.push_back(video_.format);
            if (audio_.stream >= 0) format->tracks.push_back(audio_.format);
            format_ = std::move(format);
        }
        zero_ = time;
        stretch_base_ = stretch_arrival_ = packet.arrival;
        late_since_.reset();
        set_at_.reset();
        audio_.end = 0;
        last_key_ = -1;
    }
    const auto at = time - zero_;
    if (ready()) {
        settle_last_frame(at);
        const bool full = at - open_.start >= kFragment || open_.bytes() + packet.data.size() > kMaxFragment;
        // Where every frame is a key, or every other, cutting at each would make thirty fragments a second.
        const bool short_group = !has_delta_ || (open_.key && at - open_.start < kShortFragment);
        if (full || (key && !short_group)) close(done);
    }
    if (!ready()) {
        open_.format = format_;
        open_.parts.push_back({{1, at, {}}, {}});
        open_.parts.front().data.reserve(usual_bytes_ + usual_bytes_ / 8);
        if (audio_.stream >= 0) open_.parts.push_back({{2, 0, {}}, {}});
        open_.start = at;
        open_.key = key;
        open_.begins_stretch = stretch_pending_;
        if (stretch_pending_) open_.reason = std::exchange(pending_reason_, GapReason::none);
        open_.base = packet.arrival - micros(at);
        has_delta_ = false;
    }
    stretch_pending_ = false;

    auto& part = open_.parts[0];
    const auto before = part.data.size();
    if (has_nals(video_.codec)) {
        for (const auto nal : nals) {
            const auto kind = mp4::nal_kind(video_.codec, nal);
            // The sample entry holds the parameter sets, and avc1 allows them nowhere else.
            if (kind == mp4::NalKind::parameter_set || kind == mp4::NalKind::delimiter || kind == mp4::NalKind::filler) continue;
            const auto n = static_cast<std::uint32_t>(nal.size());
            for (int shift = 24; shift >= 0; shift -= 8) part.data.push_back(static_cast<std::uint8_t>(n >> shift));
            base::append(part.data, nal);
        }
    } else {
        base::append(part.data, packet.data);
    }
    mp4::Sample sample;
    sample.size = static_cast<std::uint32_t>(part.data.size() - before);
    sample.key = key;
    sample.duration = usual_;
    if (packet.pts && packet.dts && *packet.pts != *packet.dts)
        sample.composition = static_cast<std::int32_t>(std::clamp<std::int64_t>(
            media::rescale(*packet.pts, video_.time_base, {1, kSecond}, media::Rounding::nearest) - time,
            -10 * kSecond, 10 * kSecond));
    part.track.samples.push_back(sample);

    if (key) {
        if (last_key_ >= 0) key_interval_ = std::max(key_interval_, at - last_key_);
        last_key_ = at;
    } else {
        has_delta_ = true;
    }
    ++open_.frames;
    open_.loss |= packet.damaged;
    open_.arrival = packet.arrival;
    open_.base = std::min(open_.base, packet.arrival - micros(at));
    stretch_base_ = std::min(*stretch_base_, packet.arrival - micros(at));
    last_ = at;
}

/// Now that it is known when the next frame begins, the last one stored has a duration.
void FragmentBuilder::settle_last_frame(std::int64_t next) {
    auto& samples = open_.parts[0].track.samples;
    samples.back().duration = static_cast<std::uint32_t>(next - last_);
    usual_ = std::clamp<std::uint32_t>(samples.back().duration, 1, static_cast<std::uint32_t>(kSecond));
}

/// Sound waits until it is known which picture it belongs to: it arrives before its picture, and before the key frame that a
/// stretch begins with. Sound that outlasts its pictures would delay what a player shows next.
void FragmentBuilder::push_audio(const media::Packet& packet) {
    const auto stamp = packet.pts ? packet.pts : packet.dts;
    if (!stamp) return;
    const auto scale = audio_.format.timescale;
    const auto at = media::rescale(*stamp, audio_.time_base, {1, scale}, media::Rounding::nearest);
    std::uint32_t length = 1'024;
    if (audio_.codec != mp4::Codec::aac) length = static_cast<std::uint32_t>(packet.data.size() / audio_.format.channels);
    if (length == 0 || packet.data.size() > kMaxSound) return;
    sound_.push_back({at, length, packet});
    if (ready()) return;
    while (std::abs(at - sound_.front().at) > kEarlySound * scale || sound_.size() > kMostSound) sound_.pop_front();
}

/// The sound of the open fragment's pictures.
void FragmentBuilder::take_sound(std::int64_t picture_end) {
    const auto scale = audio_.format.timescale;
    const auto zero = media::rescale(zero_, {1, kSecond}, {1, scale}, media::Rounding::nearest);
    const auto end = zero + media::rescale(picture_end, {1, kSecond}, {1, scale}, media::Rounding::nearest);
    for (; !sound_.empty(); sound_.pop_front()) {
        const auto& next = sound_.front();
        const auto waiting = sound_.back().at - next.at;
        if (waiting < -kAheadSound * scale) continue;  // one stamp that jumped ahead
        // If all of it runs far ahead of its pictures, that is how the camera sends it.
        const bool due = next.at + next.length / 2 <= end || waiting > kAheadSound * scale || sound_.size() > kMostSound;
        if (!due) return;
        add_sound(next, next.at - zero);
    }
}

void FragmentBuilder::add_sound(const Sound& sound, std::int64_t at) {
    if (at < 0) return;  // before the first picture
    const auto& packet = sound.packet;
    const auto length = sound.length;
    const auto scale = audio_.format.timescale;
    auto& part = open_.parts[1];
    // Clocks of packets wobble by a few samples; only a real hole moves the sound.
    const std::int64_t slack = scale / 20;
    if (at + slack < audio_.end) return;  // the sender's report moved it back: this was recorded already
    if (at < audio_.end + slack && audio_.end > 0) at = audio_.end;
    if (part.track.samples.empty()) {
        part.track.decode_time = at;
    } else if (at > audio_.end) {
        part.track.samples.back().duration += static_cast<std::uint32_t>(at - audio_.end);
    }
    part.track.samples.push_back({static_cast<std::uint32_t>(packet.data.size()), length, 0, true});
    base::append(part.data, packet.data);
    audio_.end = at + length;
    open_.audio = true;
    open_.loss |= packet.damaged;
}

void FragmentBuilder::close(std::vector<Fragment>& done) {
    const auto& samples = open_.parts[0].track.samples;
    std::uint64_t duration = 0;
    for (const auto& sample : samples) duration += sample.duration;
    open_.duration = static_cast<std::uint32_t>(duration);
    if (open_.parts.size() > 1) take_sound(open_.start + open_.duration);
    open_.wall_offset = wall_offset_;
    usual_bytes_ = open_.parts[0].data.size();
    if (open_.parts.size() > 1 && open_.parts[1].track.samples.empty()) open_.parts.pop_back();
    done.push_back(std::exchange(open_, {}));
}

}  // namespace tenon::nvr
