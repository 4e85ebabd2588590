#include <gtest/gtest.h>

#include <feed.hpp>
#include <nvr/fragment.hpp>

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
using test::Feed;

constexpr Duration kSoundBegin = 1000s;

/// Frames of a real camera with sound of 20 ms packets, which arrives up to `early` before its picture.
struct WithSound {
    explicit WithSound(Duration early_by) : early(early_by) {}

    void send(std::size_t first, std::size_t last) {
        for (std::size_t n = first; n < last; ++n) {
            const Duration due{feed.ticks(n) * 100 / 9};
            while (Duration{packets * 20'000} <= due + early) push(sound());
            push(feed.packet(n, kSoundBegin));
        }
    }
    void push(const media::Packet& packet) {
        for (auto& fragment : builder.push(packet, {})) done.push_back(std::move(fragment));
    }
    void end() {
        for (auto& fragment : builder.flush({})) done.push_back(std::move(fragment));
    }
    media::Packet sound() {
        static const base::ByteVector silence(160, 0xff);
        media::Packet packet;
        packet.data = silence;
        packet.stream = 1;
        packet.pts = packet.dts = packets * 160 + shifted;
        packet.arrival = kSoundBegin + Duration{packets * 20'000};
        ++packets;
        return packet;
    }
    static std::vector<media::StreamInfo> streams(const Feed& feed) {
        auto streams = feed.streams();
        media::StreamInfo sound;
        sound.index = 1;
        sound.kind = media::StreamKind::audio;
        sound.codec = "pcm_mulaw";
        sound.time_base = {1, 8'000};
        sound.sample_rate = 8'000;
        sound.channels = 1;
        streams.push_back(sound);
        return streams;
    }

    Feed feed;
    Duration early;
    std::int64_t packets = 0;
    std::int64_t shifted = 0;
    FragmentBuilder builder{streams(feed), GapReason::none};
    std::vector<Fragment> done;
};

/// In microseconds of the stretch.
struct Span {
    std::int64_t start = 0, end = 0;
};
Span sound_of(const Fragment& fragment) {
    const auto& track = fragment.parts.at(1).track;
    std::int64_t end = static_cast<std::int64_t>(track.decode_time);
    for (const auto& sample : track.samples) end += sample.duration;
    return {static_cast<std::int64_t>(track.decode_time) * 125, end * 125};
}
Span picture_of(const Fragment& fragment) { return {fragment.start * 100 / 9, (fragment.start + fragment.duration) * 100 / 9}; }

TEST(Sound, EveryFragmentHasTheSoundOfItsPicturesFromFirstToLast) {
    for (const auto early : {0ms, 70ms, 300ms}) {
        SCOPED_TRACE(early.count());
        WithSound rig(early);
        rig.send(20, 60);  // no key frame yet: what sounds now belongs to nothing
        EXPECT_TRUE(rig.done.empty());
        rig.send(60, 200);
        rig.end();
        ASSERT_GE(rig.done.size(), 5u);
        for (const auto& fragment : rig.done) {
            ASSERT_EQ(fragment.parts.size(), 2u);
            EXPECT_NEAR(static_cast<double>(sound_of(fragment).start), static_cast<double>(picture_of(fragment).start), 21e3);
            const bool last = &fragment == &rig.done.back();
            // Sound that is not early comes after the picture that ends a fragment.
            const auto slack = last && early == 0ms ? 55e3 : 21e3;
            EXPECT_NEAR(static_cast<double>(sound_of(fragment).end), static_cast<double>(picture_of(fragment).end), slack);
            EXPECT_LE(sound_of(fragment).end, picture_of(fragment).end + 11'000);
        }
    }
}

TEST(Sound, ThatOneStampJumpedAheadCostsNothingElse) {
    WithSound rig(70ms);
    rig.send(0, 30);
    rig.shifted = 8'000 * 3'600;
    rig.push(rig.sound());
    rig.shifted = 0;
    rig.send(30, 300);
    rig.end();
    std::int64_t sounds = 0;
    for (const auto& fragment : rig.done)
        for (const auto& sample : fragment.parts.back().track.samples) sounds += fragment.parts.size() == 2 ? sample.duration : 0;
    EXPECT_NEAR(static_cast<double>(sounds) / 8'000, 10, 0.2);
}

TEST(Sound, ThatRunsFarAheadOfItsPicturesIsRecordedAllTheSame) {
    WithSound rig(70ms);
    rig.shifted = 8'000 * 30;
    rig.send(0, 30 * 20);
    rig.end();
    std::int64_t sounds = 0;
    for (const auto& fragment : rig.done)
        if (fragment.parts.size() == 2)
            for (const auto& sample : fragment.parts[1].track.samples) sounds += sample.duration;
    EXPECT_GE(sounds, 8'000 * 8);
}

}  // namespace
}  // namespace tenon::nvr
