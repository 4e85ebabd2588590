#include "mp4_entry.hpp"

#include <media/mp4_read.hpp>

#include <string>

namespace tenon::media::mp4 {
namespace {

constexpr std::uint8_t kObjectAac = 0x40;
constexpr std::uint8_t kObjectJpeg = 0x6c;

void write_length(Writer& w, std::size_t n) {
    if (n >= 0x4000) w.u8(static_cast<std::uint8_t>(0x80 | n >> 14));
    if (n >= 0x80) w.u8(static_cast<std::uint8_t>(0x80 | (n >> 7 & 0x7f)));
    w.u8(static_cast<std::uint8_t>(n & 0x7f));
}

std::size_t length_size(std::size_t n) { return n >= 0x4000 ? 3 : n >= 0x80 ? 2
                                                                            : 1; }

void write_esds(Writer& w, std::uint8_t object, std::uint8_t stream_type, ByteSpan config) {
    const auto specific = config.empty() ? 0 : 1 + length_size(config.size()) + config.size();
    const auto decoder = 13 + specific;
    const auto whole = 3 + 1 + length_size(decoder) + decoder + 3;
    w.begin(fourcc("esds"), 0, 0);
    w.u8(3);
    write_length(w, whole);
    w.u16(0);  // the track is the elementary stream's id
    w.u8(0);
    w.u8(4);
    write_length(w, decoder);
    w.u8(object);
    w.u8(static_cast<std::uint8_t>(stream_type << 2 | 1));
    w.u24(0);
    w.u32(0);
    w.u32(0);
    if (!config.empty()) {
        w.u8(5);
        write_length(w, config.size());
        w.bytes(config);
    }
    w.u8(6);
    w.u8(1);
    w.u8(2);
    w.end();
}

void write_video_entry(Writer& w, FourCC type, const TrackFormat& format) {
    if (format.width == 0 || format.height == 0) throw InvalidArgument("A video track needs a width and a height");
    w.begin(type);
    w.zeros(6);
    w.u16(1);
    w.zeros(16);
    w.u16(format.width);
    w.u16(format.height);
    w.u32(0x48'0000);
    w.u32(0x48'0000);
    w.u32(0);
    w.u16(1);
    w.zeros(32);  // no compressor's name
    w.u16(0x18);
    w.i16(-1);
    if (format.codec == Codec::mjpeg) {
        write_esds(w, kObjectJpeg, 4, {});
    } else {
        if (format.config.empty()) throw InvalidArgument("A video track needs its parameter sets");
        w.begin(format.codec == Codec::h264 ? fourcc("avcC") : fourcc("hvcC"));
        w.bytes(format.config);
        w.end();
    }
    if (format.aspect_h != format.aspect_v) {
        w.begin(fourcc("pasp"));
        w.u32(format.aspect_h);
        w.u32(format.aspect_v);
        w.end();
    }
    if (format.colour != Colour{}) {
        w.begin(fourcc("colr"));
        w.u32(fourcc("nclx"));
        w.u16(format.colour.primaries);
        w.u16(format.colour.transfer);
        w.u16(format.colour.matrix);
        w.u8(format.colour.full_range ? 0x80 : 0);
        w.end();
    }
    w.end();
}

void write_audio_entry(Writer& w, FourCC type, const TrackFormat& format) {
    if (format.channels == 0 || format.sample_rate == 0)
        throw InvalidArgument("An audio track needs channels and a sample rate");
    w.begin(type);
    w.zeros(6);
    w.u16(1);
    w.zeros(8);
    w.u16(format.channels);
    w.u16(16);
    w.u32(0);
    // 16.16 holds no more than 65535; what is higher stands in the configuration only.
    w.u32(format.sample_rate < 0x10000 ? format.sample_rate << 16 : 0);
    if (format.codec == Codec::aac) {
        if (format.config.empty()) throw InvalidArgument("An AAC track needs its configuration");
        write_esds(w, kObjectAac, 5, format.config);
    }
    w.end();
}

struct Descriptor {
    std::uint8_t tag;
    ByteSpan body;
};

Descriptor read_descriptor(Reader& r) {
    const auto tag = r.u8();
    std::size_t length = 0;
    for (int i = 0; i < 4; ++i) {
        const auto byte = r.u8();
        length = length << 7 | (byte & 0x7f);
        if (!(byte & 0x80)) break;
    }
    return {tag, r.bytes(length)};
}

struct Esds {
    std::uint8_t object = 0;
    Buffer config;
};

Esds read_esds(ByteSpan body) {
    Reader r(body);
    r.skip(4);
    const auto stream = read_descriptor(r);
    if (stream.tag != 3) throw Corrupt("An esds box holds no elementary stream");
    Reader es(stream.body);
    es.skip(2);
    const auto flags = es.u8();
    if (flags & 0x80) es.skip(2);
    if (flags & 0x40) es.skip(es.u8());
    if (flags & 0x20) es.skip(2);
    Esds result;
    while (es.left() > 0) {
        const auto part = read_descriptor(es);
        if (part.tag != 4) continue;
        Reader decoder(part.body);
        result.object = decoder.u8();
        decoder.skip(12);
        while (decoder.left() > 0) {
            const auto inner = read_descriptor(decoder);
            if (inner.tag == 5) result.config.assign(inner.body.begin(), inner.body.end());
        }
    }
    return result;
}

void read_video_children(ByteSpan children, TrackFormat& format) {
    for_each_box(children, [&](const BoxView& box) {
        Reader r(box.body);
        if (box.type == fourcc("avcC") || box.type == fourcc("hvcC")) {
            format.config.assign(box.body.begin(), box.body.end());
        } else if (box.type == fourcc("pasp")) {
            format.aspect_h = r.u32();
            format.aspect_v = r.u32();
        } else if (box.type == fourcc("colr") && r.u32() == fourcc("nclx")) {
            format.colour.primaries = static_cast<std::uint8_t>(r.u16());
            format.colour.transfer = static_cast<std::uint8_t>(r.u16());
            format.colour.matrix = static_cast<std::uint8_t>(r.u16());
            format.colour.full_range = (r.u8() & 0x80) != 0;
        } else if (box.type == fourcc("esds")) {
            if (read_esds(box.body).object != kObjectJpeg) throw Unsupported("This kind of mp4v track is not read");
        }
    });
}

}  // namespace

void write_sample_entry(Writer& w, const TrackFormat& format) {
    switch (format.codec) {
    case Codec::h264: return write_video_entry(w, fourcc("avc1"), format);
    case Codec::hevc: return write_video_entry(w, fourcc("hev1"), format);
    case Codec::mjpeg: return write_video_entry(w, fourcc("mp4v"), format);
    case Codec::aac: return write_audio_entry(w, fourcc("mp4a"), format);
    case Codec::mulaw: return write_audio_entry(w, fourcc("ulaw"), format);
    case Codec::alaw: return write_audio_entry(w, fourcc("alaw"), format);
    }
}

TrackFormat read_sample_entry(FourCC type, ByteSpan body, std::uint32_t timescale) {
    TrackFormat format;
    format.timescale = timescale;
    switch (type) {
    case fourcc("avc1"):
    case fourcc("avc3"): format.codec = Codec::h264; break;
    case fourcc("hev1"):
    case fourcc("hvc1"): format.codec = Codec::hevc; break;
    case fourcc("mp4v"): format.codec = Codec::mjpeg; break;
    case fourcc("mp4a"): format.codec = Codec::aac; break;
    case fourcc("ulaw"): format.codec = Codec::mulaw; break;
    case fourcc("alaw"): format.codec = Codec::alaw; break;
    default: throw Unsupported("MP4 tracks of type " + to_text(type) + " are not read");
    }
    Reader r(body);
    r.skip(8);
    if (is_video(format.codec)) {
        r.skip(16);
        format.width = r.u16();
        format.height = r.u16();
        r.skip(50);
        read_video_children(r.rest(), format);
        return format;
    }
    r.skip(8);
    format.channels = r.u16();
    r.skip(6);
    format.sample_rate = r.u32() >> 16;
    if (format.sample_rate == 0) format.sample_rate = timescale;
    if (format.codec == Codec::aac) {
        for_each_box(r.rest(), [&](const BoxView& box) {
            if (box.type != fourcc("esds")) return;
            auto esds = read_esds(box.body);
            if (esds.object != kObjectAac) throw Unsupported("This kind of mp4a track is not read");
            format.config = std::move(esds.config);
        });
    }
    return format;
}

}  // namespace tenon::media::mp4
