#include <fstream>

#include <gtest/gtest.h>

#include <nvr/day_index.hpp>
#include <nvr/segment.hpp>
#include <temp_folder.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr {
namespace {

using tests::TempFolder;

const Origin kFormatOrigin{TenantId{0x1111111111111111, 0x2222222222222222}, SiteId{0x3333333333333333, 0x4444444444444444},
                     CameraId{0x5555555555555555, 0x6666666666666666}};

crypto::SigningKey test_key() {
    base::ByteVector seed(32);
    for (std::size_t i = 0; i < 32; ++i) seed[i] = static_cast<std::uint8_t>(i);
    return crypto::SigningKey::from_seed(seed);
}

std::string hex(ByteView bytes) {
    std::string text;
    for (const auto b : bytes) {
        constexpr char digits[] = "0123456789abcdef";
        text += digits[b >> 4];
        text += digits[b & 15];
    }
    return text;
}

SegmentHead sample_head() {
    SegmentHead head;
    head.flags = head_clock_untrusted | head_no_key;
    head.number = 7;
    head.run = 0x0006'4b00'1122'3344;
    head.origin = kFormatOrigin;
    head.start = Time{Duration{1'790'000'000'123'456}};
    head.start_monotonic = Duration{987'654'321};
    for (std::size_t i = 0; i < 16; ++i) head.boot[i] = static_cast<std::uint8_t>(0xb0 + i);
    head.previous.fill(0xee);
    return head;
}

IndexRecord sample_record() {
    IndexRecord record;
    record.start = Time{Duration{1'790'000'000'123'456}};
    record.duration = 89'999;
    record.offset = 0x01020304;
    record.bytes = 0x00a0b0c0;
    record.ordinal = 1'439;
    record.flags = record_key | record_run_start | record_discontinuity | record_audio;
    record.reason = GapReason::process_down;
    record.frames = 30;
    return record;
}

TEST(SegmentFormat, HeadIsTheseBytes) {
    const auto key = test_key();
    const auto bytes = encode(sample_head(), &key);
    ASSERT_EQ(bytes.size(), kHeadSize);
    EXPECT_EQ(hex(ByteView(bytes).first(128)),
              "01030000"
              "00000007"
              "00064b0011223344"
              "55555555555555556666666666666666"
              "11111111111111112222222222222222"
              "33333333333333334444444444444444"
              "00065bfeda27c240"
              "000000003ade68b1"
              "b0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
              "eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee");
    EXPECT_EQ(hex(ByteView(bytes).subspan(128, 8)), hex(ByteView(crypto::sha256(key.public_key())).first(8)));
    EXPECT_TRUE(verify_head(bytes, key.public_key()));
    const auto read = decode_head(bytes);
    EXPECT_EQ(read.head, sample_head());
    EXPECT_TRUE(read.is_signed);
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        auto flipped = bytes;
        flipped[i] ^= 4;
        EXPECT_FALSE(verify_head(flipped, key.public_key())) << i;
    }
}

TEST(SegmentFormat, WithoutAKeyIdAndSignatureAreZero) {
    const auto bytes = encode(sample_head(), nullptr);
    EXPECT_EQ(hex(ByteView(bytes).subspan(128)), std::string(144, '0'));
    EXPECT_FALSE(decode_head(bytes).is_signed);
}

TEST(SegmentFormat, RecordIsTheseBytes) {
    const auto seed = record_seed(kFormatOrigin.camera, 20'717);
    const auto bytes = encode(sample_record(), seed);
    EXPECT_EQ(hex(ByteView(bytes).first(28)),
              "40c227dafe5b0600"
              "8f5f0100"
              "04030201"
              "c0b0a000"
              "9f05"
              "0f0c"
              "1e00"
              "ff"
              "00");
    EXPECT_EQ(decode_record(bytes, seed), sample_record());
    EXPECT_FALSE(decode_record(bytes, record_seed(kFormatOrigin.camera, 20'718)));
    EXPECT_FALSE(decode_record(bytes, record_seed(CameraId{1, 2}, 20'717)));
    for (std::size_t i = 0; i < bytes.size() * 8; ++i) {
        auto flipped = bytes;
        flipped[i / 8] ^= static_cast<std::uint8_t>(1 << i % 8);
        EXPECT_FALSE(decode_record(flipped, seed)) << i;
    }
}

TEST(SegmentFormat, TrailerIsTheseBytes) {
    const auto key = test_key();
    SegmentTrailer trailer;
    trailer.flags = trailer_recovered;
    trailer.end = Time{Duration{1'790'000'060'000'000}};
    trailer.frames = 1'800;
    trailer.leaves.resize(2);
    trailer.leaves[0].fill(0xaa);
    trailer.leaves[1].fill(0xbb);
    const auto bytes = encode(trailer, &key);
    ASSERT_EQ(bytes.size(), 24u + 64 + 32 + 64);
    EXPECT_EQ(hex(ByteView(bytes).first(24)),
              "01010000"
              "00000002"
              "00065bfeddb96700"
              "0000000000000708");
    base::ByteVector node{1};
    base::append(node, trailer.leaves[0]);
    base::append(node, trailer.leaves[1]);
    EXPECT_EQ(hex(ByteView(bytes).subspan(88, 32)), hex(crypto::sha256(node)));  // RFC 6962

    base::ByteVector signed_text;
    base::append(signed_text, base::view_of("segment.sign.1"));
    base::append(signed_text, ByteView(bytes).subspan(88, 32));
    base::append(signed_text, ByteView(bytes).subspan(4, 4));
    base::append(signed_text, ByteView(bytes).subspan(8, 8));
    base::append(signed_text, ByteView(bytes).subspan(1, 1));
    base::append(signed_text, key_id(key.public_key()));
    EXPECT_EQ(hex(statement(trailer, key_id(key.public_key()))), hex(signed_text));
    EXPECT_TRUE(crypto::verify(key.public_key(), signed_text, ByteView(bytes).subspan(120)));

    EXPECT_EQ(decode_trailer(bytes).trailer.leaves, trailer.leaves);
    EXPECT_THROW((void)decode_trailer(ByteView(bytes).first(bytes.size() - 1)), Corrupt);
    auto huge = bytes;
    huge[4] = 0xff;
    EXPECT_THROW((void)decode_trailer(huge), Corrupt);
}

TEST(SegmentFormat, IndexHeaderIsTheseBytes) {
    const auto key = test_key();
    const IndexHeader header{20'717, kFormatOrigin, Time{Duration{1'790'000'000'000'001}}};
    const auto bytes = encode(header, &key);
    ASSERT_EQ(bytes.size(), kIndexHeaderSize);
    EXPECT_EQ(hex(ByteView(bytes).first(80)),
              "d12cb9d010c1dd64"
              "0100"
              "2000"
              "ed500000"
              "11111111111111112222222222222222"
              "33333333333333334444444444444444"
              "55555555555555556666666666666666"
              "01e025dafe5b0600"
              "905f0100"
              "a0000000");
    EXPECT_EQ(hex(ByteView(bytes).subspan(80, 8)), hex(key_id(key.public_key())));
    EXPECT_EQ(hex(ByteView(bytes).subspan(88, 4)), "00000000");
    EXPECT_EQ(decode_index_header(bytes), header);
    EXPECT_TRUE(verify_index_header(bytes, key.public_key()));
    for (std::size_t i = 0; i < kIndexHeaderSize; ++i) {
        auto flipped = bytes;
        flipped[i] ^= 1;
        EXPECT_FALSE(verify_index_header(flipped, key.public_key())) << i;
        if (i < 96) {
            EXPECT_ANY_THROW((void)decode_index_header(flipped)) << i;
        }
    }
    EXPECT_EQ(hex(ByteView(encode(header, nullptr)).subspan(96)), std::string(128, '0'));
}

TEST(SegmentFormat, NamesAndDaysReadBack) {
    EXPECT_EQ(segment_name(0x64b0011223344, 12), "00064b0011223344-000012.mp4");
    const auto place = parse_segment_name("00064b0011223344-000012.mp4");
    ASSERT_TRUE(place);
    EXPECT_EQ(place->run, 0x64b0011223344u);
    EXPECT_EQ(place->number, 12u);
    for (const auto* bad : {"", "index.bin", "00064b0011223344-12.mp4", "00064B0011223344-000012.mp4",
                            "00064b0011223344-000012.mp4x", "../064b0011223344-000012.mp4"})
        EXPECT_FALSE(parse_segment_name(bad)) << bad;
    EXPECT_EQ(day_name(20'717), "2026-09-21");
    EXPECT_EQ(parse_day("2026-09-21"), 20'717u);
    for (const auto* bad : {"2026-9-21", "2026-02-30", "2026-09-21x", "..", "1969-12-31"}) EXPECT_FALSE(parse_day(bad)) << bad;
    EXPECT_EQ(day_of(Time{std::chrono::days{20'717}} + Duration{-1}), 20'716u);
}

TEST(DayIndex, TornAndDamagedRecordsAreDroppedAndAppendingGoesOn) {
    TempFolder folder;
    const auto key = test_key();
    const IndexHeader header{20'717, kFormatOrigin, {}};
    auto record = sample_record();
    {
        auto index = DayIndex::open(folder.path(), header, &key);
        for (std::uint32_t i = 0; i < 3; ++i) {
            record.offset = i;
            index.append({record});
        }
    }
    const auto path = folder / kIndexName;
    std::filesystem::resize_file(path, kIndexHeaderSize + 3 * kRecordSize - 5);
    {
        std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(kIndexHeaderSize + 3);
        file.put('\x7f');
    }
    auto content = read_index(path);
    EXPECT_EQ(content.bad, 1u);
    EXPECT_EQ(content.torn, kRecordSize - 5);
    ASSERT_EQ(content.records.size(), 1u);
    EXPECT_EQ(content.records[0].offset, 1u);

    auto index = DayIndex::open(folder.path(), header, &key);
    record.offset = 9;
    index.append({record});
    content = read_index(path);
    EXPECT_EQ(content.torn, 0u);
    ASSERT_EQ(content.records.size(), 2u);
    EXPECT_EQ(content.records[1].offset, 9u);
}

TEST(DayIndex, TheLastAmendmentWins) {
    TempFolder folder;
    auto index = DayIndex::open(folder.path(), {20'717, kFormatOrigin, {}}, nullptr);
    auto record = sample_record();
    index.append({record});
    record.flags |= record_amends;
    record.motion = 40;
    index.append({record});
    record.motion = 41;
    index.append({record});
    const auto content = read_index(folder / kIndexName);
    ASSERT_EQ(content.records.size(), 1u);
    EXPECT_EQ(content.records[0].motion, 41);
    EXPECT_EQ(content.records[0].reason, GapReason::process_down);
}

TEST(DayIndex, AnotherCamerasIndexIsRefused) {
    TempFolder folder;
    (void)DayIndex::open(folder.path(), {20'717, kFormatOrigin, {}}, nullptr);
    auto other = kFormatOrigin;
    other.camera = CameraId{9, 9};
    EXPECT_THROW((void)DayIndex::open(folder.path(), {20'717, other, {}}, nullptr), Corrupt);
}

}  // namespace
}  // namespace tenon::nvr
