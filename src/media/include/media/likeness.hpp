#pragma once

#include <media/frame.hpp>

namespace tenon::media {

/// How much one picture's luma is like another's of the same size.
struct Likeness {
    double ssim = 1;         ///< Mean structural similarity over 8 x 8 windows, every 4 pixels. 1: the same.
    double psnr = 99;        ///< dB, 99 at most.
    double blockiness = 1;   ///< Steps on the 8 x 8 grid against steps elsewhere, over the same of the original.
};

/// Throws InvalidArgument unless both have one size of at least 16 x 16.
Likeness compare(const Plane& original, const Plane& copy);

}  // namespace tenon::media
