// Segment files and day indices of recordings. The first byte picks the parser.

#include <filesystem>

#include <base/file.hpp>
#include <nvr/day_index.hpp>
#include <nvr/segment.hpp>
#include <nvr/segment_file.hpp>

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.hpp"

namespace tenon::fuzz {
namespace {

using namespace nvr;

constexpr Time when{std::chrono::microseconds(1'700'000'000'000'000)};

/// A folder that goes when the process does.
struct Folder {
    std::filesystem::path path;
    Folder() {
        std::string name = (std::filesystem::temp_directory_path() / "fuzz-footage-XXXXXX").string();
        if (!mkdtemp(name.data())) throw Unavailable("no folder for the seeds", {.subject = name});
        path = name;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
};

const Folder& folder() {
    static const Folder the;
    return the;
}

TrackFormat picture() {
    TrackFormat format;
    format.codec = media::mp4::Codec::h264;
    format.width = 64;
    format.height = 48;
    format.config = {1, 66, 0, 10, 0xff, 0xe1, 0, 4, 0x67, 66, 0, 10, 1, 0, 2, 0x68, 0xce};
    return format;
}

Input segment() {
    SegmentHead head;
    head.start = when;
    const TrackFormat formats[] = {picture()};
    SegmentFile file(folder().path, head, formats, 4096, nullptr);
    for (int n = 0; n < 3; ++n) {
        const FragmentPart parts[] = {{{1, n * 3000, {{20, 3000, 0, true}}}, ByteVector(20, 7)}};
        file.append({.start = when, .duration = 3000, .frames = 1}, 1, parts);
    }
    file.finish(when, nullptr);
    const auto bytes = base::read_file(file.path(), 1 << 20);
    return {bytes.begin(), bytes.end()};
}

Input index() {
    const IndexHeader header{.day = day_of(when), .origin = {}, .created = when};
    replace_index(folder().path, header, {{.start = when, .duration = 3000}, {.start = when, .duration = 6000}}, nullptr);
    const auto bytes = base::read_file(folder().path / kIndexName, 1 << 20);
    return {bytes.begin(), bytes.end()};
}

void scan(base::ByteView bytes) {
    const base::Fd file(memfd_create("segment", MFD_CLOEXEC));
    if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        throw InternalError("a file in memory takes no bytes");
    const auto found = scan_segment(file, "segment");
    (void)compute_leaves(file, found, "segment");
}

void read_whole_index(base::ByteView bytes) {
    const auto path = folder().path / "index";
    base::Fd file(::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
    if (::write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(bytes.size()))
        throw InternalError("the index cannot be written");
    (void)read_index(path);
}

}  // namespace

std::vector<Input> seeds() {
    const auto whole = segment();
    return {seed(0, whole), seed(1, index()), seed(2, ByteVector(kHeadSize)), seed(3, encode(SegmentTrailer{}, nullptr))};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    if (size == 0) return 0;
    const base::ByteView rest(data + 1, size - 1);
    fuzz::reads([&] {
        switch (data[0] % 4) {
        case 0: return fuzz::scan(rest);
        case 1: return fuzz::read_whole_index(rest);
        case 2: return (void)nvr::decode_head(rest);
        default: return (void)nvr::decode_trailer(rest);
        }
    });
    return 0;
}
