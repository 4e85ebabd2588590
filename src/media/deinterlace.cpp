#include <media/deinterlace.hpp>

#include <algorithm>
#include <cstdlib>
#include <cstring>

extern "C" {
#include <libavutil/pixdesc.h>
}

#include "frame_box.hpp"

namespace tenon::media {
namespace {

/// One plane. Lines of `field` parity (0: even) stay.
template <class Sample> void weave(const AVFrame& in, AVFrame& out, int plane, int width, int height, int first, int depth) {
    const int tolerance = 8 << (depth - 8);
    const auto line = [&](int y) {
        return reinterpret_cast<const Sample*>(in.data[plane] + static_cast<std::ptrdiff_t>(y) * in.linesize[plane]);
    };
    for (int y = 0; y < height; ++y) {
        auto* to = reinterpret_cast<Sample*>(out.data[plane] + static_cast<std::ptrdiff_t>(y) * out.linesize[plane]);
        const Sample* own = line(y);
        if (y % 2 == first) {
            std::memcpy(to, own, static_cast<std::size_t>(width) * sizeof(Sample));
            continue;
        }
        const Sample *above = line(y > 0 ? y - 1 : y + 1), *below = line(y + 1 < height ? y + 1 : y - 1);
        for (int x = 0; x < width; ++x) {
            const int low = std::min(above[x], below[x]) - tolerance, high = std::max(above[x], below[x]) + tolerance;
            if (own[x] >= low && own[x] <= high) {
                to[x] = own[x];
                continue;
            }
            // The direction in which both lines are most alike.
            int best = std::abs(above[x] - below[x]), value = (above[x] + below[x] + 1) / 2;
            for (int slope = -2; slope <= 2; ++slope) {
                if (slope == 0 || x - 2 < 0 || x + 2 >= width) continue;
                const int apart = std::abs(above[x + slope] - below[x - slope]);
                if (apart >= best) continue;
                best = apart;
                value = (above[x + slope] + below[x - slope] + 1) / 2;
            }
            to[x] = static_cast<Sample>(value);
        }
    }
}

}  // namespace

VideoFrame deinterlaced(VideoFrame frame) {
    const AVFrame& in = *frame.box().raw;
    const AVPixFmtDescriptor* kind = av_pix_fmt_desc_get(static_cast<AVPixelFormat>(in.format));
    constexpr std::uint64_t unfit = AV_PIX_FMT_FLAG_RGB | AV_PIX_FMT_FLAG_PAL | AV_PIX_FMT_FLAG_BITSTREAM | AV_PIX_FMT_FLAG_HWACCEL |
                                    AV_PIX_FMT_FLAG_BE | AV_PIX_FMT_FLAG_FLOAT;
    if (kind == nullptr || (kind->flags & unfit) != 0 || in.height < 4 || in.height <= 1 << kind->log2_chroma_h) return frame;
    for (int c = 0; c < kind->nb_components; ++c)   // one sample after the other, each component in its own plane
        if (kind->comp[c].plane != c || kind->comp[c].step != (kind->comp[c].depth + 7) / 8 || kind->comp[c].shift != 0) return frame;

    auto made = new_frame();
    made->width = in.width;
    made->height = in.height;
    made->format = in.format;
    if (const int code = av_frame_get_buffer(made.get(), 64); code < 0) throw_av(code, "a picture cannot be made", "");
    if (const int code = av_frame_copy_props(made.get(), &in); code < 0) throw_av(code, "a picture cannot be made", "");
    made->interlaced_frame = 0;
    const int first = in.top_field_first != 0 ? 0 : 1;
    for (int c = 0; c < kind->nb_components; ++c) {
        const bool chroma = c == 1 || c == 2;
        const int width = chroma ? AV_CEIL_RSHIFT(in.width, kind->log2_chroma_w) : in.width;
        const int height = chroma ? AV_CEIL_RSHIFT(in.height, kind->log2_chroma_h) : in.height;
        const int depth = kind->comp[c].depth;
        if (depth > 8) weave<std::uint16_t>(in, *made, c, width, height, first, depth);
        else weave<std::uint8_t>(in, *made, c, width, height, first, depth);
    }
    frame.box_ = std::make_shared<VideoFrame::Box>(VideoFrame::Box{std::move(made)});
    return frame;
}

}  // namespace tenon::media
