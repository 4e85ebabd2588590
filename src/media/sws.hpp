#pragma once

#include <media/scaler.hpp>

#include "av.hpp"

namespace tenon::media {

/// How one side's numbers are to be read.
struct Side {
    int matrix = 1;      ///< H.273 code point.
    bool full = false;
};

/// The library's scaler with its set-up kept while the geometry stays. Bit exact.
class Sws {
public:
    void run(const AVFrame& source, Rect from, Side source_side, AVFrame& target, Rect to, Side target_side);

private:
    struct Key {
        int source_width, source_height, source_format, target_width, target_height, target_format;
        int source_matrix, target_matrix;
        bool source_full, target_full;
        bool operator==(const Key&) const = default;
    };
    Key key_{};
    Av<SwsContext> context_{};
};

}  // namespace tenon::media
