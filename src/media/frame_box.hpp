#pragma once

#include <media/frame.hpp>

#include "av.hpp"

namespace tenon::media {

struct VideoFrame::Box {
    Av<AVFrame> raw;
};

AVPixelFormat to_av(PixelFormat format);
PixelFormat from_av(AVPixelFormat format);

}  // namespace tenon::media
