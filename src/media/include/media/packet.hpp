#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <tenon/units.hpp>

namespace tenon::media {

/// One coded frame, or a block of coded sound. Copies share the bytes, which nobody changes.
struct Packet {
    std::shared_ptr<const void> owner{};      ///< Keeps `data` alive.
    std::span<const std::uint8_t> data{};
    std::int32_t stream = 0;                  ///< Index into Input::streams().
    std::optional<std::int64_t> pts{};        ///< In the stream's time base.
    std::optional<std::int64_t> dts{};
    std::int64_t duration = 0;                ///< 0: not known.
    bool key = false;
    bool damaged = false;                     ///< The container or transport says that bytes are missing.
    bool discard = false;                     ///< Decoded for what follows, but cut off by an edit list.
    std::int64_t position = -1;               ///< In the file, bytes; -1: not known.
    std::int32_t skip_start = 0;              ///< Decoded sound samples to drop in front: encoder priming.
    std::int32_t skip_end = 0;                ///< And behind: encoder padding.
    Duration arrival{};                       ///< Monotonic clock; whoever reads live input sets it.
    std::span<const std::uint8_t> new_extradata{};  ///< Not empty: the stream's parameter sets change with this packet.
};

}  // namespace tenon::media
