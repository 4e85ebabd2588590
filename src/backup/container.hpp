#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <crypto/cipher.hpp>
#include <tenon/error.hpp>

#include "ring.hpp"
#include "wire.hpp"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace tenon::backup {

/// The plain head of every sealed object.
struct ContainerHeader {
    Kind kind = Kind::data;
    std::uint16_t dek = 0;
    Id16 class_id{};
    Id salt{};
    Id commitment{};
};

ByteVector encode(const ContainerHeader& header);
/// Throws Corrupt (subject: the object and the range), Unsupported.
ContainerHeader decode_header(ByteView raw, const std::string& object);

struct FrameHeader {
    std::uint32_t seq = 0;
    std::uint32_t clen = 0;
    std::uint32_t crc = 0;
};

/// What a frame holds once it is open.
struct FrameContent {
    Codec codec = Codec::raw;
    std::vector<std::uint32_t> lengths;
    ByteVector plain;
};

/// The same, of which the bytes lie in what was opened or in the opener.
struct FrameView {
    Codec codec = Codec::raw;
    std::vector<std::uint32_t> lengths;
    ByteView plain;
};

/// Chunks on their way into a frame. One thread's.
struct FrameBuilder {
    /// In front of the chunks is room for the heads of a frame of up to 64: what does not compress is sealed where it lies.
    static constexpr std::size_t room = frame_header_size + content_header_size + 4 * 64;

    ByteVector bytes;  ///< The room, then the chunks.
    std::vector<std::uint32_t> lengths;
    std::vector<Id> ids;

    bool empty() const { return lengths.empty(); }
    ByteView plain() const { return bytes.empty() ? ByteView() : ByteView(bytes).subspan(room); }
    bool full() const { return plain().size() >= frame_target || lengths.size() >= max_frame_chunks; }
    void add(const Id& id, ByteView chunk);
    void clear();
};

/// A frame's content that waits for its seal, from `begin` on: header room ‖ content ‖ tag room.
struct PackedFrame {
    ByteVector bytes;
    std::size_t begin = 0;
    Codec codec = Codec::raw;

    ByteSpan span() { return ByteSpan(bytes).subspan(begin); }
    std::size_t size() const { return bytes.size() - begin; }
};

/// Turns the plain bytes of a frame into content to seal: compressed where that pays, padded. One thread at a time.
class FramePacker {
public:
    explicit FramePacker(int level = 2);
    ~FramePacker();
    FramePacker(FramePacker&&) noexcept;
    /// `full`: the frame was closed by its size, which keyed cuts alone decide; its raw form needs little padding.
    /// Room for a frame's header lies before the content, room for a tag behind.
    Codec pack(ByteView plain, std::span<const std::uint32_t> lengths, bool full, ByteVector& frame) const;
    /// The same of a builder, whose bytes become the frame where they do not compress; else `scratch` does. What of the two was taken is
    /// left empty.
    PackedFrame pack(FrameBuilder& frame, ByteVector& scratch) const;

private:
    Codec pack_apart(ByteView plain, std::span<const std::uint32_t> lengths, bool full, bool compress, ByteVector& frame) const;

    ZSTD_CCtx_s* context_;
    int level_;
};

/// Opens content. One thread at a time.
class FrameUnpacker {
public:
    FrameUnpacker();
    ~FrameUnpacker();
    FrameUnpacker(FrameUnpacker&&) noexcept;
    /// Throws Corrupt for lengths that do not agree, before anything is allocated by them.
    FrameContent unpack(ByteView content, const std::string& object);
    /// The same without a copy: valid as long as `content` is, and until the next call.
    FrameView view(ByteView content, const std::string& object);

private:
    ZSTD_DCtx_s* context_ = nullptr;  ///< Once it is needed.
    ByteVector plain_;
};

/// Seals and opens the frames of one object. One thread at a time.
class FrameSealer {
public:
    FrameSealer(const PackKey& key, const Id16& repo, const ContainerHeader& header);
    /// `frame`: header room ‖ content ‖ tag room, as FramePacker leaves it; becomes what is stored.
    void seal(std::uint32_t seq, ByteSpan frame);
    /// The content of a stored frame, in place. Throws Corrupt.
    ByteSpan open(ByteSpan frame, std::uint32_t seq, const std::string& object);
    /// The same at the front of `into`, which is as long as the frame, or the frame itself behind its header.
    ByteSpan open(ByteView frame, std::uint32_t seq, const std::string& object, ByteSpan into);

private:
    ByteVector aad(std::uint32_t seq, std::uint32_t clen) const;
    crypto::Aes256Gcm cipher_;
    ByteVector aad_;
};

/// The header of the frame at the front of `raw`: magic and clen are checked, the checksum is the sealer's business.
FrameHeader decode_frame_header(ByteView raw, const std::string& object);

/// An object under a data key that was retired: all that counted had been written anew by then. Whoever put it never said that it
/// was there, and nobody misses it.
struct KeyIsRetired : Corrupt {
    using Corrupt::Corrupt;
};

/// What opens the objects of one repository.
struct Keys {
    Id16 repo{};
    Ring ring;
    /// The newest keys that there are, asked for where an object names one that `ring` does not have: somebody may have rotated since.
    std::function<std::shared_ptr<const Keys>()> newest{};

    /// The key for an object with this header. Throws Corrupt if its commitment shows another key, before any decryption, and
    /// KeyIsRetired.
    PackKey key_for(const ContainerHeader& header, const std::string& object) const;
    /// Of an object: whether it is to be written anew under the key of now, or goes since its class was erased.
    bool is_old(const ContainerHeader& header) const;
    /// This, or newer ones that know the data key. `hold` keeps those. Throws Corrupt, KeyIsRetired.
    const Keys& knowing(const Id16& class_id, std::uint16_t number, const std::string& object, std::shared_ptr<const Keys>& hold) const;
    bool is_retired(const ContainerHeader& header) const;
};

/// A whole small object: control class, frames without chunks.
ByteVector seal_object(const Keys& keys, Kind kind, ByteView payload);
ByteVector open_object(const Keys& keys, Kind kind, ByteView raw, const std::string& object);

/// The same under a key of the caller's.
ByteVector seal_small(ByteView ikm, const Id16& repo, Kind kind, std::uint16_t dek, ByteView payload);
ByteVector open_small(ByteView raw, const PackKey& key, const Id16& repo, const ContainerHeader& header,
                      const std::string& object);

/// "object, bytes 10 to 20": where damage lies.
std::string place(const std::string& object, std::uint64_t offset, std::uint64_t length);

}  // namespace tenon::backup
