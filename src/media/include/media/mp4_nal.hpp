#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include <media/mp4_track.hpp>

namespace tenon::media::mp4 {

/// What a NAL unit of H.264 or H.265 is to a recorder.
enum class NalKind : std::uint8_t { key_slice,
                                    slice,
                                    parameter_set,
                                    delimiter,
                                    end,
                                    filler,
                                    other };
NalKind nal_kind(Codec codec, ByteSpan nal);

/// The NAL units of an access unit, whether start codes (Annex B) or four-byte lengths stand between them. Views into
/// `data`. Throws Corrupt for a length that reaches past the end.
std::vector<ByteSpan> split_nals(ByteSpan data);

/// The parameter sets a decoder needs before the first picture, each once, in the order VPS, SPS, PPS.
struct ParameterSets {
    Codec codec = Codec::h264;
    std::vector<Buffer> sets{};

    /// From avcC, hvcC or Annex B; empty sets if there are none in it. Throws Corrupt.
    static ParameterSets parse(Codec codec, ByteSpan extradata);

    /// Takes a set in, in place of one with the same type and id. True: that changed something. Throws Corrupt for what is
    /// none, or has an id beyond the codec's range: so there are never more than the codec allows.
    bool put(ByteSpan nal);
    /// Takes in those among the NAL units of a picture: all, or none when it throws Corrupt.
    bool take(const std::vector<ByteSpan>& nals);
    bool contains(ByteSpan nal) const;
    /// Whether pictures could be decoded: SPS and PPS, for H.265 a VPS too.
    bool complete() const;
    /// The content of avcC or hvcC. Throws Corrupt for sets that cannot be read.
    Buffer configuration() const;
    friend bool operator==(const ParameterSets&, const ParameterSets&) = default;
};

/// What an SPS says about its pictures.
struct PictureShape {
    std::uint32_t width = 0, height = 0;  ///< Shown, after cropping.
    std::uint32_t aspect_h = 1, aspect_v = 1;
    Colour colour{};
    std::uint8_t chroma_format = 1;
    std::uint8_t luma_depth = 8, chroma_depth = 8;
    friend bool operator==(const PictureShape&, const PictureShape&) = default;
};

/// Of the first SPS among `sets`. Empty if there is none. Throws Corrupt.
std::optional<PictureShape> picture_shape(const ParameterSets& sets);

}  // namespace tenon::media::mp4
