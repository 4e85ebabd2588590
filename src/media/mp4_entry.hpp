#pragma once

#include <media/mp4_track.hpp>

namespace tenon::media::mp4 {

/// The sample entry of a format: avc1, hev1, mp4v, mp4a, ulaw or alaw.
void write_sample_entry(Writer& w, const TrackFormat& format);

/// Reads one entry of an stsd. `timescale` is the track's. Throws Corrupt, Unsupported.
TrackFormat read_sample_entry(FourCC type, ByteSpan body, std::uint32_t timescale);

}  // namespace tenon::media::mp4
