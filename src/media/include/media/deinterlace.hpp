#pragma once

#include <media/frame.hpp>

namespace tenon::media {

/// A frame of two fields as one picture: where the fields disagree, lines of the second are made anew from the first
/// along the edges that run through them; where they agree, nothing is touched. Depends on this frame alone, integer.
/// Pictures that are not planar YCbCr come back as they are.
VideoFrame deinterlaced(VideoFrame frame);

}  // namespace tenon::media
