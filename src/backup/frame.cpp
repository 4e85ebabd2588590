#include <algorithm>
#include <cstring>
#include <numeric>
#include <utility>

#include <zstd.h>

#include <tenon/error.hpp>

#include "container.hpp"

namespace tenon::backup {
namespace {

constexpr std::size_t probe_size = 16 * 1024, probes = 4;
constexpr int max_window_log = 22;

/// Whether some of it compresses at all: a fast look that spares media the slow one. At several places, as files of all kinds lie
/// side by side.
bool worth_trying(ZSTD_CCtx_s* context, ByteView plain) {
    if (plain.size() <= probes * probe_size) return true;
    thread_local ByteVector scratch(ZSTD_compressBound(probe_size));
    std::size_t sum = 0;
    for (std::size_t i = 0; i < probes; ++i) {
        const auto at = (plain.size() - probe_size) * i / (probes - 1);
        const auto size = ZSTD_compressCCtx(context, scratch.data(), scratch.size(), plain.data() + at, probe_size, -1);
        sum += ZSTD_isError(size) ? probe_size : size;
    }
    return probes * probe_size >= sum + sum * 3 / 100;
}

}  // namespace

FramePacker::FramePacker(int level) : context_(ZSTD_createCCtx()), level_(level) {
    if (!context_) throw Unavailable("not enough memory to compress");
}
FramePacker::~FramePacker() { ZSTD_freeCCtx(context_); }
FramePacker::FramePacker(FramePacker&& other) noexcept : context_(std::exchange(other.context_, nullptr)), level_(other.level_) {}

namespace {

/// Pads what lies in `frame` from `begin` on, room for a header ‖ content of `content` bytes, and writes the content's head.
void complete(ByteVector& frame, std::size_t begin, std::size_t content, Codec codec, std::span<const std::uint32_t> lengths, std::size_t plain,
              std::size_t stored, bool full) {
    const auto padded = codec == Codec::raw && full ? (content + 255) / 256 * 256 : padme(content);
    frame.resize(begin + frame_header_size + padded + tag_size);
    auto* at = frame.data() + begin + frame_header_size;
    std::memset(at + content, 0, padded - content);
    at[0] = static_cast<std::uint8_t>(codec);
    at[1] = 0;
    base::store_le(at + 2, static_cast<std::uint16_t>(lengths.size()));
    base::store_le(at + 4, static_cast<std::uint32_t>(plain));
    base::store_le(at + 8, static_cast<std::uint32_t>(stored));
    base::store_le(at + 12, std::uint32_t{0});
    if (!lengths.empty()) std::memcpy(at + content_header_size, lengths.data(), 4 * lengths.size());
}

}  // namespace

void FrameBuilder::add(const Id& id, ByteView chunk) {
    if (bytes.empty()) {
        // What a frame can grow to, with its padding: memory that nothing is written to costs nothing.
        bytes.reserve(room + 2 * frame_target + frame_target / 8);
        bytes.resize(room);
    }
    base::append(bytes, chunk);
    lengths.push_back(static_cast<std::uint32_t>(chunk.size()));
    ids.push_back(id);
}

void FrameBuilder::clear() {
    bytes.clear();
    lengths.clear();
    ids.clear();
}

Codec FramePacker::pack(ByteView plain, std::span<const std::uint32_t> lengths, bool full, ByteVector& frame) const {
    return pack_apart(plain, lengths, full, !plain.empty() && worth_trying(context_, plain), frame);
}

PackedFrame FramePacker::pack(FrameBuilder& frame, ByteVector& scratch) const {
    const auto plain = frame.plain();
    const auto content = content_header_size + 4 * frame.lengths.size() + plain.size();
    const bool compress = worth_trying(context_, plain), full = frame.full();
    PackedFrame packed;
    if (!compress && frame_header_size + content <= frame.bytes.size()) {
        packed.begin = frame.bytes.size() - content - frame_header_size;
        packed.bytes = std::move(frame.bytes);
        complete(packed.bytes, packed.begin, content, packed.codec, frame.lengths, plain.size(), plain.size(), full);
    } else {
        packed.codec = pack_apart(plain, frame.lengths, full, compress, scratch);
        packed.bytes = std::move(scratch);
    }
    return packed;
}

Codec FramePacker::pack_apart(ByteView plain, std::span<const std::uint32_t> lengths, bool full, bool compress, ByteVector& frame) const {
    const auto head = frame_header_size + content_header_size + 4 * lengths.size();
    auto codec = Codec::raw;
    std::size_t stored = plain.size();
    if (compress) {
        frame.resize(head + ZSTD_compressBound(plain.size()));
        const auto size = ZSTD_compressCCtx(context_, frame.data() + head, frame.size() - head, plain.data(), plain.size(), level_);
        if (!ZSTD_isError(size) && size <= plain.size() - plain.size() * 3 / 100) {
            codec = Codec::zstd;
            stored = size;
        }
    }
    frame.resize(head + stored);
    if (codec == Codec::raw) std::copy(plain.begin(), plain.end(), frame.begin() + static_cast<std::ptrdiff_t>(head));
    complete(frame, 0, head - frame_header_size + stored, codec, lengths, plain.size(), stored, full);
    return codec;
}

FrameUnpacker::FrameUnpacker() = default;
FrameUnpacker::~FrameUnpacker() { ZSTD_freeDCtx(context_); }
FrameUnpacker::FrameUnpacker(FrameUnpacker&& other) noexcept
    : context_(std::exchange(other.context_, nullptr)), plain_(std::move(other.plain_)) {}

FrameContent FrameUnpacker::unpack(ByteView content, const std::string& object) {
    auto frame = view(content, object);
    if (frame.codec == Codec::zstd) return {frame.codec, std::move(frame.lengths), std::move(plain_)};
    return {frame.codec, std::move(frame.lengths), {frame.plain.begin(), frame.plain.end()}};
}

FrameView FrameUnpacker::view(ByteView content, const std::string& object) {
    const auto refuse = [&]() { throw Corrupt("a frame's content is malformed", {.subject = object}); };
    if (content.size() < content_header_size) refuse();
    const auto codec = content[0];
    const auto count = base::load_le<std::uint16_t>(&content[2]);
    const auto plain_len = base::load_le<std::uint32_t>(&content[4]);
    const auto stored_len = base::load_le<std::uint32_t>(&content[8]);
    const auto head = content_header_size + 4 * std::size_t{count};
    if (codec > 1 || content[1] != 0 || base::load_le<std::uint32_t>(&content[12]) != 0 || count > max_frame_chunks ||
        plain_len > max_plain || head > content.size() || stored_len > content.size() - head)
        refuse();
    FrameView frame;
    frame.codec = static_cast<Codec>(codec);
    frame.lengths.resize(count);
    if (count > 0) std::memcpy(frame.lengths.data(), &content[content_header_size], 4 * std::size_t{count});
    const auto sum = std::accumulate(frame.lengths.begin(), frame.lengths.end(), std::uint64_t{0});
    if (count > 0 && sum != plain_len) refuse();
    const auto stored = content.subspan(head, stored_len);
    const auto padding = content.subspan(head + stored_len);
    if (std::any_of(padding.begin(), padding.end(), [](auto byte) { return byte != 0; })) refuse();

    if (frame.codec == Codec::raw) {
        if (stored_len != plain_len) refuse();
        frame.plain = stored;
        return frame;
    }
    if (!context_) context_ = ZSTD_createDCtx();  // raw frames need none
    if (!context_) throw Unavailable("not enough memory to decompress");
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, max_window_log);
    plain_.resize(plain_len);
    const auto size = ZSTD_decompressDCtx(context_, plain_.data(), plain_.size(), stored.data(), stored.size());
    if (ZSTD_isError(size) || size != plain_len) refuse();
    frame.plain = plain_;
    return frame;
}

}  // namespace tenon::backup
