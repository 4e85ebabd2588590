#pragma once

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>

#include <tenon/camera.hpp>

namespace tenon::nvr {

/// What arrives a second, over the last five whole seconds. Guarded by its owner.
class StreamMeter {
public:
    void add(Duration arrival, std::size_t bytes, bool picture) {
        const auto second = std::chrono::floor<std::chrono::seconds>(arrival).count();
        auto& bucket = buckets_[static_cast<std::size_t>(second) % buckets_.size()];
        if (bucket.second != second) bucket = {second, 0, 0};
        bucket.bytes += static_cast<std::int64_t>(bytes);
        bucket.pictures += picture;
        if (!since_) since_ = second;
    }
    void reset() { *this = {}; }

    void read(Duration now, CameraHealth& health) const {
        const auto second = std::chrono::floor<std::chrono::seconds>(now).count();
        std::int64_t pictures = 0, bytes = 0;
        for (const auto& bucket : buckets_)
            if (bucket.second >= second - kSeconds && bucket.second < second) {
                pictures += bucket.pictures;
                bytes += bucket.bytes;
            }
        const auto measured = since_ ? std::clamp<std::int64_t>(second - *since_, 1, kSeconds) : 1;
        health.frames_per_second = static_cast<double>(pictures) / static_cast<double>(measured);
        health.bits_per_second = bytes * 8 / measured;
    }

private:
    static constexpr std::int64_t kSeconds = 5;
    struct Bucket {
        std::int64_t second = -1, bytes = 0, pictures = 0;
    };
    std::array<Bucket, 8> buckets_{};
    std::optional<std::int64_t> since_{};
};

}  // namespace tenon::nvr
