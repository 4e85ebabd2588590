#pragma once

#include <media/input.hpp>
#include <media/stream.hpp>

#include "av.hpp"

namespace tenon::media {

struct CodecParameters {
    Av<AVCodecParameters> raw;
};

StreamInfo describe(AVFormatContext& format, const AVStream& stream, bool live);

/// Throws Unsupported if a header promises more than `limits` allow.
void check_limits(const AVFormatContext& format, const Limits& limits, const std::string& subject);

/// A decoder's context, not yet opened, with the set-up every decoder of ours has.
Av<AVCodecContext> new_decoder(const StreamInfo& stream, int threads, std::int64_t pixels);

}  // namespace tenon::media
