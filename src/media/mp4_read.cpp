#include <media/mp4_read.hpp>

#include <cerrno>
#include <system_error>

#include <unistd.h>

namespace tenon::media::mp4 {
namespace {

std::uint64_t big_endian(ByteSpan bytes) {
    std::uint64_t v = 0;
    for (const auto b : bytes) v = v << 8 | b;
    return v;
}

}  // namespace

std::optional<BoxHead> parse_box_head(ByteSpan bytes, std::uint64_t offset, std::uint64_t available) {
    if (bytes.size() < 8 || available < 8) return {};
    BoxHead head;
    head.offset = offset;
    head.header = 8;
    head.size = big_endian(bytes.first(4));
    head.type = static_cast<FourCC>(big_endian(bytes.subspan(4, 4)));
    if (head.size == 1) {
        if (bytes.size() < 16) return {};
        head.size = big_endian(bytes.subspan(8, 8));
        head.header = 16;
    } else if (head.size == 0) {
        head.size = available;  // to the end of what there is
    }
    if (head.type == fourcc("uuid")) {
        if (bytes.size() < head.header + 16u) return {};
        for (std::size_t i = 0; i < 16; ++i) head.uuid[i] = bytes[head.header + i];
        head.header += 16;
    }
    if (head.size < head.header || head.size > available) return {};
    return head;
}

void for_each_box(ByteSpan data, const std::function<void(const BoxView&)>& visit) {
    std::uint64_t at = 0;
    while (at < data.size()) {
        const auto rest = data.subspan(static_cast<std::size_t>(at));
        const auto head = parse_box_head(rest.first(std::min(rest.size(), kBoxHeadMax)), at, rest.size());
        if (!head) throw Corrupt("An MP4 box does not fit where it stands", {.subject = "byte " + std::to_string(at)});
        const auto body = rest.subspan(head->header, static_cast<std::size_t>(head->size) - head->header);
        visit({head->type, head->uuid, body, at, head->size});
        at += head->size;
    }
}

std::optional<BoxView> find_box(ByteSpan data, FourCC type) {
    std::optional<BoxView> found;
    for_each_box(data, [&](const BoxView& box) {
        if (box.type != type) return;
        if (found) throw Corrupt("An MP4 file has two " + to_text(type) + " boxes where one belongs");
        found = box;
    });
    return found;
}

BoxView need_box(ByteSpan data, FourCC type) {
    const auto box = find_box(data, type);
    if (!box) throw Corrupt("An MP4 file lacks its " + to_text(type) + " box");
    return *box;
}

Buffer read_at(int file, std::uint64_t offset, std::uint64_t size) {
    Buffer bytes;
    constexpr std::uint64_t step = 1 << 20;  // memory follows what is really there, not what a header claims
    while (bytes.size() < size) {
        const auto have = bytes.size();
        const auto want = std::min<std::uint64_t>(step, size - have);
        bytes.resize(have + static_cast<std::size_t>(want));
        const auto n = ::pread(file, bytes.data() + have, static_cast<std::size_t>(want),
                               static_cast<off_t>(offset + have));
        if (n < 0) {
            bytes.resize(have);
            if (errno == EINTR) continue;
            throw Unavailable("Reading failed: " + std::generic_category().message(errno));
        }
        if (n == 0) throw Corrupt("The file ends too early", {.subject = "byte " + std::to_string(offset + have)});
        bytes.resize(have + static_cast<std::size_t>(n));
    }
    return bytes;
}

TopBoxes top_boxes(int file, std::uint64_t from, std::uint64_t to, std::size_t at_most) {
    TopBoxes result;
    result.end = from;
    while (result.end < to && result.boxes.size() < at_most) {
        const auto available = to - result.end;
        const auto bytes = read_at(file, result.end, std::min<std::uint64_t>(available, kBoxHeadMax));
        const auto head = parse_box_head(bytes, result.end, available);
        if (!head) break;
        result.boxes.push_back(*head);
        result.end += head->size;
    }
    return result;
}

}  // namespace tenon::media::mp4
