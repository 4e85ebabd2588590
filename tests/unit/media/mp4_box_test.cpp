#include <algorithm>
#include <random>

#include <gtest/gtest.h>

#include <base/file.hpp>
#include <media/mp4_nal.hpp>
#include <media/mp4_read.hpp>
#include <media/mp4_write.hpp>

#include <fcntl.h>

namespace tenon::media::mp4 {
namespace {

TrackFormat picture() {
    TrackFormat f;
    f.codec = Codec::h264;
    f.width = 64;
    f.height = 48;
    f.config = {1, 66, 0, 10, 0xff, 0xe1, 0, 4, 0x67, 66, 0, 10, 1, 0, 2, 0x68, 0xce};
    return f;
}

TrackFormat sound(Codec codec, std::uint32_t rate) {
    TrackFormat f;
    f.codec = codec;
    f.timescale = rate;
    f.sample_rate = rate;
    f.channels = 1;
    if (codec == Codec::aac) f.config = {0x15, 0x88};
    return f;
}

ReadMovie read_back(const Buffer& moov) {
    const auto box = need_box(moov, fourcc("moov"));
    EXPECT_EQ(box.size, moov.size());
    return read_moov(box.body);
}

std::string hex(ByteSpan bytes) {
    std::string text;
    for (const auto b : bytes) {
        constexpr char digits[] = "0123456789abcdef";
        text += digits[b >> 4];
        text += digits[b & 15];
    }
    return text;
}

Buffer whole_file(const std::string& path) {
    const auto fd = base::open_file(path, O_RDONLY);
    return read_at(fd.get(), 0, base::file_size(fd, path));
}

TEST(Mp4Box, FtypIsTheseBytes) {
    constexpr FourCC brands[] = {fourcc("iso6"), fourcc("iso5"), fourcc("mp41")};
    EXPECT_EQ(hex(write_ftyp(brands)),
              "0000001c66747970"
              "69736f36"
              "00000000"
              "69736f36"
              "69736f35"
              "6d703431");
}

TEST(Mp4Box, FragmentIsTheseBytes) {
    const FragmentTrack tracks[] = {{1, 90'000, {{100, 3000, 0, true}, {50, 3000, 0, false}}},
                                    {2, 8'000, {{160, 160, 0, true}}}};
    EXPECT_EQ(hex(write_fragment(7, tracks)),
              "000000bc"
              "6d6f6f66"
              "00000010"
              "6d666864"
              "00000000"
              "00000007"
              "00000058"
              "74726166"
              "00000010"
              "74666864"
              "00020000"
              "00000001"
              "00000014"
              "74666474"
              "01000000"
              "0000000000015f90"
              "0000002c"
              "7472756e"
              "01000701"
              "00000002"
              "000000c4"
              "00000bb8"
              "00000064"
              "02000000"
              "00000bb8"
              "00000032"
              "01010000"
              "0000004c"
              "74726166"
              "00000010"
              "74666864"
              "00020000"
              "00000002"
              "00000014"
              "74666474"
              "01000000"
              "0000000000001f40"
              "00000020"
              "7472756e"
              "01000701"
              "00000001"
              "0000015a"
              "000000a0"
              "000000a0"
              "02000000"
              "0000013e"
              "6d646174");
}

TEST(Mp4Box, InitReadsBackAsItWasWritten) {
    auto wide = picture();
    wide.aspect_h = 4;
    wide.aspect_v = 3;
    wide.colour = {1, 1, 1, true};
    auto motion_jpeg = picture();
    motion_jpeg.codec = Codec::mjpeg;
    motion_jpeg.config.clear();
    const std::vector<TrackFormat> formats{wide, motion_jpeg, sound(Codec::aac, 16'000), sound(Codec::mulaw, 8'000),
                                           sound(Codec::alaw, 8'000)};
    const auto read = read_back(write_init(formats));
    EXPECT_TRUE(read.fragmented);
    ASSERT_EQ(read.movie.tracks.size(), formats.size());
    for (std::size_t i = 0; i < formats.size(); ++i) {
        EXPECT_EQ(read.movie.tracks[i].id, i + 1);
        ASSERT_EQ(read.movie.tracks[i].formats.size(), 1u);
        EXPECT_EQ(read.movie.tracks[i].formats[0], formats[i]) << i;
        EXPECT_EQ(read.defaults[i].id, i + 1);
    }
}

TEST(Mp4Box, FragmentReadsBackAsItWasWritten) {
    const std::vector<FragmentTrack> tracks{{1, 1'234'567, {{10, 3000, 3000, true}, {20, 3000, -3000, false}}},
                                            {2, -160, {{7, 160, 0, true}, {7, 161, 0, true}}}};
    const auto bytes = write_fragment(9, tracks);
    const auto size = read_moof(ByteSpan(bytes).subspan(8, bytes.size() - 16), {});
    ASSERT_EQ(size.parts.size(), 2u);
    EXPECT_EQ(size.sequence, 9u);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(size.parts[i].track.id, tracks[i].id);
        EXPECT_EQ(size.parts[i].track.decode_time, tracks[i].decode_time);
        EXPECT_EQ(size.parts[i].track.samples, tracks[i].samples);
    }
    EXPECT_EQ(size.parts[0].offset, bytes.size());
    EXPECT_EQ(size.parts[1].offset, bytes.size() + 30);
}

TEST(Mp4Box, TablesEditsAndSeveralEntriesReadBack) {
    auto other = picture();
    other.config.back() ^= 1;
    Movie movie;
    movie.tracks.push_back({.id = 1,
                            .formats = {picture(), other},
                            .edits = {{9'000, -1}, {18'000, 3'000}},
                            .chunks = {{0, 0, 0, {{10, 3000, 3000, true}, {11, 3000, 0, false}}},
                                       {100, 6000, 0, {{12, 3003, 0, false}, {13, 3003, 0, true}}},
                                       {200, 12006, 1, {{14, 3000, -5, true}}}}});
    movie.tracks.push_back({.id = 2, .formats = {sound(Codec::mulaw, 8'000)}, .edits = {}, .chunks = {{50, 0, 0, {{160, 160, 0, true}}}}});
    for (const std::uint64_t data : {std::uint64_t{1'000}, std::uint64_t{5} << 32}) {
        const auto read = read_back(write_moov(movie, 77, data));
        ASSERT_EQ(read.movie.tracks.size(), 2u);
        EXPECT_FALSE(read.fragmented);
        const auto& track = read.movie.tracks[0];
        EXPECT_EQ(track.formats, movie.tracks[0].formats);
        EXPECT_EQ(track.edits, movie.tracks[0].edits);
        ASSERT_EQ(track.chunks.size(), 3u);
        for (std::size_t i = 0; i < 3; ++i) {
            EXPECT_EQ(track.chunks[i].offset, movie.tracks[0].chunks[i].offset + 77);
            EXPECT_EQ(track.chunks[i].decode_time, movie.tracks[0].chunks[i].decode_time);
            EXPECT_EQ(track.chunks[i].entry, movie.tracks[0].chunks[i].entry);
            EXPECT_EQ(track.chunks[i].samples, movie.tracks[0].chunks[i].samples);
        }
    }
}

TEST(Mp4Box, OffsetsCountFromTheContentOfMdat) {
    Movie movie;
    movie.tracks.push_back({.id = 1, .formats = {picture()}, .edits = {}, .chunks = {{5, 0, 0, {{10, 3000, 0, true}}}}});
    for (const std::uint64_t data : {std::uint64_t{15}, std::uint64_t{0xffff'ff00}, std::uint64_t{6} << 32}) {
        const auto head = write_progressive_head(movie, data);
        const auto read = read_moov(need_box(ByteSpan(head).first(head.size() - (data > 0xffff'fff0u ? 16 : 8)), fourcc("moov")).body);
        EXPECT_EQ(read.movie.tracks[0].chunks[0].offset, head.size() + 5) << data;
    }
}

// The clip was written by another program: reading its tables and writing them again must lose nothing.
TEST(Mp4Box, AForeignFileReadsAndWritesBack) {
    const auto file = whole_file(TENON_FOOTAGE "/balle-jbart.mp4");
    const auto read = read_moov(need_box(file, fourcc("moov")).body);
    ASSERT_EQ(read.movie.tracks.size(), 2u);
    const auto& video = read.movie.tracks[0];
    EXPECT_EQ(video.formats[0].width, 720);
    EXPECT_EQ(video.formats[0].height, 576);
    std::size_t frames = 0;
    for (const auto& chunk : video.chunks) frames += chunk.samples.size();
    EXPECT_GT(frames, 200u);
    const auto sets = ParameterSets::parse(Codec::h264, video.formats[0].config);
    ASSERT_TRUE(sets.complete());
    EXPECT_EQ(picture_shape(sets)->width, 720u);
    EXPECT_EQ(picture_shape(sets)->height, 576u);

    const auto again = read_back(write_moov(read.movie, 0, file.size()));
    ASSERT_EQ(again.movie.tracks.size(), 2u);
    for (int i = 0; i < 2; ++i) {
        EXPECT_EQ(again.movie.tracks[i].formats, read.movie.tracks[i].formats);
        EXPECT_EQ(again.movie.tracks[i].edits, read.movie.tracks[i].edits);
        ASSERT_EQ(again.movie.tracks[i].chunks.size(), read.movie.tracks[i].chunks.size());
        for (std::size_t c = 0; c < read.movie.tracks[i].chunks.size(); ++c) {
            EXPECT_EQ(again.movie.tracks[i].chunks[c].offset, read.movie.tracks[i].chunks[c].offset);
            EXPECT_EQ(again.movie.tracks[i].chunks[c].samples, read.movie.tracks[i].chunks[c].samples);
        }
    }
}

TEST(Mp4Box, HostileBytesAreRefusedNotRead) {
    auto seed = whole_file(TENON_FOOTAGE "/balle-jbart.mp4");
    const auto moov = need_box(seed, fourcc("moov"));
    Buffer data(moov.body.begin() - 8, moov.body.end());
    const FragmentTrack tracks[] = {{1, 0, {{100, 3000, 1, true}, {50, 3000, 0, false}}}};
    auto fragment = write_fragment(1, tracks);
    fragment.resize(fragment.size() - 8);
    data.insert(data.end(), fragment.begin(), fragment.end());
    const auto init = write_init(std::vector{picture(), sound(Codec::aac, 48'000)});
    data.insert(data.end(), init.begin(), init.end());

    std::mt19937 random(20'240'501);
    for (int round = 0; round < 3'000; ++round) {
        auto mutant = data;
        const auto base = round % 2 ? std::size_t{0} : mutant.size() - init.size() - fragment.size();
        for (auto n = 1 + random() % 8; n > 0; --n) {
            const auto at = base + random() % (mutant.size() - base);
            if (random() % 3 == 0 && at + 4 <= mutant.size()) std::fill_n(mutant.begin() + static_cast<std::ptrdiff_t>(at), 4, std::uint8_t{0xff});
            else mutant[at] = static_cast<std::uint8_t>(random());
        }
        if (round % 5 == 0) mutant.resize(random() % mutant.size());
        EXPECT_EQ(fuzz(mutant), 0);
    }
}

TEST(Mp4Box, ATableThatClaimsBillionsOfSamplesIsCorrupt) {
    const FragmentTrack tracks[] = {{1, 0, {{100, 3000, 0, true}}}};
    auto bytes = write_fragment(1, tracks);
    Buffer moof(bytes.begin() + 8, bytes.end() - 8);
    const auto trun = std::search(moof.begin(), moof.end(), "trun", "trun" + 4) - moof.begin();
    std::fill_n(moof.begin() + trun + 8, 4, std::uint8_t{0xff});
    EXPECT_THROW((void)read_moof(moof, {}), Corrupt);
    moof[static_cast<std::size_t>(trun) + 5] = 0;  // no field of its own for any sample
    moof[static_cast<std::size_t>(trun) + 6] = 0;
    EXPECT_THROW((void)read_moof(moof, {}), Corrupt);
}

TEST(Mp4Box, BoxHeadsThatLieAreNoBoxes) {
    const auto head = [](std::initializer_list<std::uint8_t> b, std::uint64_t available) {
        const Buffer bytes(b);
        return parse_box_head(bytes, 0, available);
    };
    EXPECT_FALSE(head({0, 0, 0, 7, 'f', 'r', 'e', 'e'}, 100));
    EXPECT_FALSE(head({0, 0, 1, 0, 'f', 'r', 'e', 'e'}, 100));
    EXPECT_FALSE(head({0, 0, 0, 1, 'f', 'r', 'e', 'e'}, 100));
    EXPECT_FALSE(head({0, 0, 0, 8, 'u', 'u', 'i', 'd'}, 100));
    EXPECT_FALSE(head({0, 0, 0, 1, 'm', 'd', 'a', 't', 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, 100));
    EXPECT_EQ(head({0, 0, 0, 0, 'm', 'd', 'a', 't'}, 100)->size, 100u);
}

TEST(Mp4Nal, StartCodesAndLengthsGiveTheSameUnits) {
    const Buffer annex_b{0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x68, 3, 0, 0, 0, 1, 0x65, 9, 9, 9};
    const Buffer lengths{0, 0, 0, 3, 0x67, 1, 2, 0, 0, 0, 2, 0x68, 3, 0, 0, 0, 4, 0x65, 9, 9, 9};
    const auto a = split_nals(annex_b), b = split_nals(lengths);
    ASSERT_EQ(a.size(), 3u);
    ASSERT_EQ(b.size(), 3u);
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(std::equal(a[i].begin(), a[i].end(), b[i].begin(), b[i].end()));
    EXPECT_EQ(nal_kind(Codec::h264, a[0]), NalKind::parameter_set);
    EXPECT_EQ(nal_kind(Codec::h264, a[2]), NalKind::key_slice);
    const Buffer torn{0, 0, 0, 9, 0x65, 1};
    EXPECT_THROW((void)split_nals(torn), Corrupt);
}

TEST(Mp4Nal, AUnitOf256BytesIsNoStartCode) {
    Buffer lengths{0, 0, 1, 0};
    lengths.resize(260, 0x41);
    ASSERT_EQ(split_nals(lengths).size(), 1u);
    EXPECT_EQ(split_nals(lengths)[0].size(), 256u);
}

TEST(Mp4Nal, ConfigurationSurvivesTheWayThroughAnnexB) {
    const auto file = whole_file(TENON_FOOTAGE "/camera.mp4");
    const auto config = read_moov(need_box(file, fourcc("moov")).body).movie.tracks[0].formats[0].config;
    const auto sets = ParameterSets::parse(Codec::h264, config);
    Buffer annex_b;
    for (const auto& set : sets.sets) {
        annex_b.insert(annex_b.end(), {0, 0, 0, 1});
        annex_b.insert(annex_b.end(), set.begin(), set.end());
    }
    EXPECT_EQ(ParameterSets::parse(Codec::h264, annex_b), sets);
    EXPECT_EQ(hex(sets.configuration()), hex(config));
}

// From an encoder's 1280x720 stream.
TEST(Mp4Nal, H265SetsBecomeAConfigurationRecord) {
    const auto from_hex = [](std::string_view text) {
        Buffer bytes;
        for (std::size_t i = 0; i + 1 < text.size(); i += 2)
            bytes.push_back(static_cast<std::uint8_t>(std::stoi(std::string(text.substr(i, 2)), nullptr, 16)));
        return bytes;
    };
    ParameterSets sets{Codec::hevc, {}};
    EXPECT_TRUE(sets.put(from_hex("4401c172b46240")));
    EXPECT_TRUE(sets.put(from_hex("40010c01ffff01600000030090000003000003005d959809")));
    EXPECT_FALSE(sets.complete());
    EXPECT_TRUE(sets.put(from_hex("42010101600000030090000003000003005da00280802d165959a4932bc05a020000030002000003001410")));
    EXPECT_FALSE(sets.put(from_hex("42010101600000030090000003000003005da00280802d165959a4932bc05a020000030002000003001410")));
    ASSERT_TRUE(sets.complete());
    const auto shape = picture_shape(sets);
    EXPECT_EQ(shape->width, 1280u);
    EXPECT_EQ(shape->height, 720u);
    const auto record = sets.configuration();
    EXPECT_EQ(record[0], 1);
    EXPECT_EQ(record[1], 1);  // Main
    EXPECT_EQ(ParameterSets::parse(Codec::hevc, record), sets);
}

/// A picture parameter set with this id.
Buffer pps(std::uint32_t id) {
    std::uint64_t bits = id + 1;  // ue(): as many zeros as bits follow the first one
    int length = 0;
    while (bits >> length > 1) ++length;
    bits = (bits << 1 | 1) << (62 - 2 * length);
    Buffer set{0x68};
    for (int shift = 56; shift >= 0; shift -= 8) set.push_back(static_cast<std::uint8_t>(bits >> shift));
    return set;
}

TEST(Mp4Nal, AStreamHasNoMoreParameterSetsThanItsCodecAllows) {
    ParameterSets sets{Codec::h264, {}};
    for (std::uint32_t id = 0; id < 256; ++id) EXPECT_TRUE(sets.put(pps(id)));
    EXPECT_FALSE(sets.put(pps(255)));
    EXPECT_EQ(sets.sets.size(), 256u);
    EXPECT_THROW(sets.put(pps(256)), Corrupt);
    EXPECT_THROW(sets.put(pps(70'000)), Corrupt);

    auto large = pps(3);
    large.resize(0x10000, 0x55);
    EXPECT_THROW(sets.put(large), Corrupt);  // its size does not fit into a configuration record
    EXPECT_EQ(sets.sets.size(), 256u);

    ParameterSets hevc{Codec::hevc, {}};
    EXPECT_TRUE(hevc.put(Buffer{0x44, 1, 0x02, 0x04}));               // 63 …
    EXPECT_THROW(hevc.put(Buffer{0x44, 1, 0x02, 0x08, 0}), Corrupt);  // … and the first id beyond
}

TEST(Mp4Nal, MoreParameterSetsThanAStreamCanHaveAreRefusedAtOnce) {
    std::vector<Buffer> content;
    for (std::uint32_t i = 0; i < 20'000; ++i) content.push_back(pps(i % 256));
    const std::vector<ByteSpan> nals(content.begin(), content.end());
    ParameterSets sets{Codec::h264, {}};
    EXPECT_THROW(sets.take(nals), Corrupt);
    EXPECT_TRUE(sets.sets.empty());

    // All or nothing: what is damaged comes last.
    const auto torn = Buffer{0x68};
    EXPECT_THROW(sets.take({nals[0], nals[1], torn}), Corrupt);
    EXPECT_TRUE(sets.sets.empty());
    EXPECT_TRUE(sets.take({nals[0], nals[1]}));
    EXPECT_EQ(sets.sets.size(), 2u);
}

TEST(Mp4Nal, DamagedParameterSetsAreCorrupt) {
    const auto file = whole_file(TENON_FOOTAGE "/camera.mp4");
    const auto config = read_moov(need_box(file, fourcc("moov")).body).movie.tracks[0].formats[0].config;
    std::mt19937 random(7);
    for (int round = 0; round < 2'000; ++round) {
        auto mutant = config;
        for (auto n = 1 + random() % 4; n > 0; --n) mutant[random() % mutant.size()] = static_cast<std::uint8_t>(random());
        if (round % 3 == 0) mutant.resize(random() % mutant.size());
        for (const auto codec : {Codec::h264, Codec::hevc}) {
            try {
                const auto sets = ParameterSets::parse(codec, mutant);
                (void)picture_shape(sets);
                (void)sets.configuration();
            } catch (const Corrupt&) {
            }
        }
    }
}

}  // namespace
}  // namespace tenon::media::mp4
