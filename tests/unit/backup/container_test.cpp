#include <gtest/gtest.h>

#include "container.hpp"

#include <crypto/secret.hpp>
#include <tenon/error.hpp>

#include "cbor.hpp"
#include "tree.hpp"

namespace {

using namespace tenon;
using namespace tenon::backup;

Keys some_keys() {
    Keys keys;
    crypto::fill_random(keys.repo);
    keys.ring = make_ring(Time{});
    return keys;
}

TEST(Padme, grows_little_and_hides_the_low_bits) {
    EXPECT_EQ(padme(0), 0u);
    EXPECT_EQ(padme(1), 1u);
    EXPECT_EQ(padme(9), 10u);
    EXPECT_EQ(padme(1000), 1024u);
    EXPECT_EQ(padme((1 << 20) + 1), (1u << 20) + (1u << 15));
    std::uint64_t before = 0;
    for (std::uint64_t length = 16; length < 3'000'000; length += 77) {
        const auto padded = padme(length);
        EXPECT_GE(padded, length);
        EXPECT_LE(padded, length + length * 12 / 100);
        EXPECT_GE(padded, before);
        EXPECT_EQ(padme(padded), padded);
        before = padded;
    }
}

TEST(Container, small_objects_open_to_what_was_sealed) {
    const auto keys = some_keys();
    for (const std::size_t size : {0, 1, 100, 70'000, 3 << 20}) {
        auto payload = crypto::random_bytes(size);
        if (size == 70'000) payload.assign(size, 'x');
        const auto object = seal_object(keys, Kind::snapshot, payload);
        EXPECT_EQ(open_object(keys, Kind::snapshot, object, "o"), payload);
        EXPECT_THROW(open_object(keys, Kind::log, object, "o"), Corrupt) << "another kind";
        EXPECT_THROW(open_object(some_keys(), Kind::snapshot, object, "o"), Corrupt) << "another repository";
        EXPECT_NE(seal_object(keys, Kind::snapshot, payload), object) << "every object has a salt of its own";
    }
}

TEST(Container, every_flipped_bit_is_found) {
    const auto keys = some_keys();
    const auto object = seal_object(keys, Kind::index, crypto::random_bytes(300));
    for (std::size_t at = 0; at < object.size(); ++at)
        for (int bit = 0; bit < 8; ++bit) {
            auto spoiled = object;
            spoiled[at] ^= static_cast<std::uint8_t>(1 << bit);
            EXPECT_THROW(open_object(keys, Kind::index, spoiled, "o"), Error) << at << '.' << bit;
        }
}

TEST(Container, every_cut_and_every_extra_byte_is_found) {
    const auto keys = some_keys();
    const auto object = seal_object(keys, Kind::index, crypto::random_bytes(2 << 20));
    for (std::size_t size = 0; size < object.size(); size += size < 300 ? 1 : 7919)
        EXPECT_THROW(open_object(keys, Kind::index, ByteView(object).first(size), "o"), Corrupt) << size;
    // Exactly at the border of two frames.
    const auto first = container_header_size + frame_header_size + base::load_le<std::uint32_t>(&object[container_header_size + 12]);
    EXPECT_THROW(open_object(keys, Kind::index, ByteView(object).first(first), "o"), Corrupt);
    auto longer = object;
    longer.push_back(0);
    EXPECT_THROW(open_object(keys, Kind::index, longer, "o"), Corrupt);
    auto doubled = object;
    base::append(doubled, ByteView(object).subspan(container_header_size));
    EXPECT_THROW(open_object(keys, Kind::index, doubled, "o"), Corrupt);
}

TEST(Frame, compresses_what_compresses_and_leaves_the_rest) {
    const FramePacker packer;
    FrameUnpacker unpacker;
    ByteVector frame;
    const auto content = [&] { return ByteView(frame).subspan(frame_header_size, frame.size() - frame_header_size - tag_size); };
    const ByteVector text(1 << 20, 'a');
    const std::uint32_t lengths[] = {1000, (1 << 20) - 1000};
    EXPECT_EQ(packer.pack(text, lengths, true, frame), Codec::zstd);
    EXPECT_LT(frame.size(), 1000u);
    auto opened = unpacker.unpack(content(), "f");
    EXPECT_EQ(opened.plain, text);
    EXPECT_EQ(opened.lengths, (std::vector<std::uint32_t>{1000, (1 << 20) - 1000}));

    const auto noise = crypto::random_bytes(1 << 20);
    EXPECT_EQ(packer.pack(noise, lengths, true, frame), Codec::raw);
    EXPECT_EQ(content().size() % 256, 0u);
    EXPECT_LT(content().size(), noise.size() + 300);
    EXPECT_EQ(unpacker.unpack(content(), "f").plain, noise);
    packer.pack(noise, lengths, false, frame);
    EXPECT_EQ(content().size(), padme(content_header_size + 8 + noise.size()));
}

TEST(Frame, of_a_builder_is_the_same_wherever_it_is_made) {
    const FramePacker packer;
    FrameUnpacker unpacker;
    for (const bool noise : {true, false})
        for (const std::size_t count : {1, 2, 63, 64, 65, 500}) {
            FrameBuilder builder;
            ByteVector scratch, apart;
            for (std::size_t i = 0; i < count; ++i) {
                const auto size = 200'000 / count + i;
                builder.add({}, noise ? crypto::random_bytes(size) : ByteVector(size, 'a'));
            }
            const ByteVector plain(builder.plain().begin(), builder.plain().end());
            const auto lengths = builder.lengths;
            const auto codec = packer.pack(plain, lengths, builder.full(), apart);
            auto packed = packer.pack(builder, scratch);
            EXPECT_EQ(packed.codec, codec);
            const auto content = [](ByteView frame) { return ByteVector(frame.begin() + frame_header_size, frame.end() - tag_size); };
            EXPECT_EQ(content(packed.span()), content(apart)) << count;
            EXPECT_EQ(unpacker.unpack(content(packed.span()), "f").plain, plain);
            EXPECT_EQ(builder.bytes.empty(), noise && count <= 64) << count;
        }
}

TEST(Frame, lengths_are_checked_before_anything_is_allocated) {
    const FramePacker packer;
    FrameUnpacker unpacker;
    ByteVector frame;
    const ByteVector text(5000, 'a');
    const std::uint32_t lengths[] = {5000};
    packer.pack(text, lengths, false, frame);
    const ByteVector good(frame.begin() + frame_header_size, frame.end() - tag_size);
    const auto spoiled = [&](std::size_t at, std::uint32_t value, int size) {
        auto bad = good;
        for (int i = 0; i < size; ++i) bad[at + static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(value >> (8 * i));
        return bad;
    };
    EXPECT_EQ(unpacker.unpack(good, "f").plain, text);
    EXPECT_THROW(unpacker.unpack(spoiled(0, 2, 1), "f"), Corrupt);             // codec
    EXPECT_THROW(unpacker.unpack(spoiled(1, 1, 1), "f"), Corrupt);             // reserved
    EXPECT_THROW(unpacker.unpack(spoiled(2, 0xffff, 2), "f"), Corrupt);        // chunk count
    EXPECT_THROW(unpacker.unpack(spoiled(4, 0xffffffff, 4), "f"), Corrupt);    // a bomb
    EXPECT_THROW(unpacker.unpack(spoiled(4, 4999, 4), "f"), Corrupt);
    EXPECT_THROW(unpacker.unpack(spoiled(8, 0x7fffffff, 4), "f"), Corrupt);
    EXPECT_THROW(unpacker.unpack(spoiled(12, 1, 4), "f"), Corrupt);
    EXPECT_THROW(unpacker.unpack(spoiled(16, 5001, 4), "f"), Corrupt);
    EXPECT_THROW(unpacker.unpack(spoiled(good.size() - 1, 1, 1), "f"), Corrupt);  // padding
}

TEST(Cbor, writes_the_shortest_form_and_reads_nothing_else) {
    cbor::Writer out;
    out.map(2).uint(1).integer(-300).uint(2).array(2).text("ü").bytes(ByteVector{1, 2});
    cbor::Reader in(out.data(), "c");
    EXPECT_EQ(in.map(), 2u);
    EXPECT_EQ(in.uint(), 1u);
    EXPECT_EQ(in.integer(), -300);
    EXPECT_EQ(in.uint(), 2u);
    EXPECT_EQ(in.array(), 2u);
    EXPECT_EQ(in.text(), "ü");
    EXPECT_EQ(in.bytes().size(), 2u);
    in.expect_done();
    const auto refuse = [](ByteVector bytes, auto read) {
        cbor::Reader reader(bytes, "c");
        EXPECT_THROW(read(reader), Corrupt);
    };
    refuse({0x18, 0x05}, [](auto& r) { r.uint(); });                                // not the shortest
    refuse({0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, [](auto& r) { r.array(); });  // more than there is
    refuse({0x5f}, [](auto& r) { r.bytes(); });                                     // indefinite
    refuse({0x61, 0xff}, [](auto& r) { r.text(); });                                // not UTF-8
    refuse({0x42, 0x01}, [](auto& r) { r.bytes(); });                               // cut short
    refuse(ByteVector(1000, 0x81), [](auto& r) { r.skip(); });                      // too deep
    refuse({0xa2, 0x02, 0x00, 0x01, 0x00}, [](auto& r) { cbor::each_key(r, [](auto) { return false; }); });  // out of order
}

TEST(Entry, names_that_lead_elsewhere_are_refused) {
    const auto with_name = [](std::string name) {
        Entry entry;
        entry.name = std::move(name);
        cbor::Writer out;
        encode(entry, out);
        return out.take();
    };
    const auto read = [](const ByteVector& bytes) {
        cbor::Reader reader(bytes, "entry");
        return decode_entry(reader);
    };
    EXPECT_EQ(read(with_name("plain")).name, "plain");
    for (const std::string name : {"", ".", "..", "a/b", "/etc/passwd", "../x"}) EXPECT_THROW(read(with_name(name)), Corrupt) << name;
    EXPECT_THROW(read(with_name(std::string("a\0b", 3))), Corrupt);
    EXPECT_THROW(read(with_name(std::string(5000, 'a'))), Corrupt);
}

}  // namespace
