#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include <media/mp4_track.hpp>
#include <media/mp4_write.hpp>

namespace tenon::media::mp4 {

/// A box inside memory.
struct BoxView {
    FourCC type = 0;
    Uuid uuid{};  ///< Of a uuid box; its body begins behind it.
    ByteSpan body{};
    std::uint64_t offset = 0;  ///< Of its header, from the start of what was scanned.
    std::uint64_t size = 0;    ///< With its header.
};

/// Visits the boxes that fill `data` exactly. Throws Corrupt where one does not fit.
void for_each_box(ByteSpan data, const std::function<void(const BoxView&)>& visit);

/// The only child of that type; empty if there is none, Corrupt if there are several.
std::optional<BoxView> find_box(ByteSpan data, FourCC type);
/// Throws Corrupt if it is missing.
BoxView need_box(ByteSpan data, FourCC type);

/// A box at the top of a file: where it lies, not what it holds.
struct BoxHead {
    FourCC type = 0;
    Uuid uuid{};
    std::uint64_t offset = 0;
    std::uint32_t header = 0;  ///< Bytes before the content; a uuid counts as header.
    std::uint64_t size = 0;    ///< With its header.
};

/// Bytes that parse_box_head needs at most.
constexpr std::size_t kBoxHeadMax = 32;

/// Reads a box header from `bytes`, the first of `available` bytes that begin at `offset`. Empty: the header or the box
/// reaches past `available`, or its size makes no sense: nothing whole stands here.
std::optional<BoxHead> parse_box_head(ByteSpan bytes, std::uint64_t offset, std::uint64_t available);

/// The boxes of an open file from `from` to `to`, up to the first that is not whole. `end` is where that one begins, or
/// the one after `at_most` boxes.
struct TopBoxes {
    std::vector<BoxHead> boxes{};
    std::uint64_t end = 0;
};
TopBoxes top_boxes(int file, std::uint64_t from, std::uint64_t to, std::size_t at_most = SIZE_MAX);

/// `size` bytes at `offset`. Throws Corrupt if the file is shorter; what errno says otherwise.
Buffer read_at(int file, std::uint64_t offset, std::uint64_t size);

/// What trex says; used where a fragment leaves it out.
struct TrackDefaults {
    std::uint32_t id = 0;
    std::uint32_t duration = 0;
    std::uint32_t size = 0;
    std::uint32_t flags = 0;
};

struct ReadMovie {
    Movie movie{};                          ///< Chunk offsets count from the start of the file.
    std::vector<TrackDefaults> defaults{};  ///< Not empty: the file is fragmented.
    bool fragmented = false;
};

/// `body` is the content of a moov box. Tracks that are neither picture nor sound are left out.
/// Throws Corrupt; Unsupported for codecs this reader does not know.
ReadMovie read_moov(ByteSpan body);

/// The content of a moof box.
struct ReadFragment {
    std::uint32_t sequence = 0;
    struct Part {
        FragmentTrack track{};
        std::uint64_t offset = 0;  ///< Of its first sample, from the start of the moof.
    };
    std::vector<Part> parts{};
};
ReadFragment read_moof(ByteSpan body, const std::vector<TrackDefaults>& defaults);

/// Entry for fuzzing: reads `data` as a file in every way this reader can. Returns 0; anything but returning is a bug.
int fuzz(ByteSpan data);

}  // namespace tenon::media::mp4
