#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <tenon/error.hpp>

namespace tenon::media::mp4 {

using ByteSpan = std::span<const std::uint8_t>;
using Buffer = std::vector<std::uint8_t>;
using Uuid = std::array<std::uint8_t, 16>;

/// The type of a box: four letters, the first one in the highest byte.
using FourCC = std::uint32_t;
consteval FourCC fourcc(const char (&text)[5]) {
    return static_cast<FourCC>(static_cast<std::uint8_t>(text[0])) << 24 |
           static_cast<FourCC>(static_cast<std::uint8_t>(text[1])) << 16 |
           static_cast<FourCC>(static_cast<std::uint8_t>(text[2])) << 8 |
           static_cast<FourCC>(static_cast<std::uint8_t>(text[3]));
}
std::string to_text(FourCC type);

/// Appends big-endian numbers and nested boxes.
class Writer {
public:
    void u8(std::uint8_t v) { out_.push_back(v); }
    void u16(std::uint16_t v) { number(v, 2); }
    void u24(std::uint32_t v) { number(v, 3); }
    void u32(std::uint32_t v) { number(v, 4); }
    void u64(std::uint64_t v) { number(v, 8); }
    void i16(std::int16_t v) { u16(static_cast<std::uint16_t>(v)); }
    void i32(std::int32_t v) { u32(static_cast<std::uint32_t>(v)); }
    void i64(std::int64_t v) { u64(static_cast<std::uint64_t>(v)); }
    void bytes(ByteSpan data) { out_.insert(out_.end(), data.begin(), data.end()); }
    void zeros(std::size_t n) { out_.insert(out_.end(), n, std::uint8_t{0}); }

    /// Begins a box; end() fills in its size.
    void begin(FourCC type) {
        open_.push_back(out_.size());
        u32(0);
        u32(type);
    }
    void begin(FourCC type, std::uint8_t version, std::uint32_t flags) {
        begin(type);
        u8(version);
        u24(flags);
    }
    void begin(const Uuid& uuid) {
        begin(fourcc("uuid"));
        bytes(uuid);
    }
    void end();

    /// Overwrites four bytes written earlier.
    void patch_u32(std::size_t at, std::uint32_t v);
    std::size_t size() const { return out_.size(); }
    const Buffer& data() const { return out_; }
    Buffer take() { return std::move(out_); }

private:
    void number(std::uint64_t v, int bytes) {
        for (int shift = (bytes - 1) * 8; shift >= 0; shift -= 8) out_.push_back(static_cast<std::uint8_t>(v >> shift));
    }
    Buffer out_;
    std::vector<std::size_t> open_;
};

/// Reads big-endian numbers. Whatever would reach past the end throws Corrupt.
class Reader {
public:
    explicit Reader(ByteSpan data) : data_(data) {}
    std::uint8_t u8() { return static_cast<std::uint8_t>(number(1)); }
    std::uint16_t u16() { return static_cast<std::uint16_t>(number(2)); }
    std::uint32_t u24() { return static_cast<std::uint32_t>(number(3)); }
    std::uint32_t u32() { return static_cast<std::uint32_t>(number(4)); }
    std::uint64_t u64() { return number(8); }
    std::int16_t i16() { return static_cast<std::int16_t>(u16()); }
    std::int32_t i32() { return static_cast<std::int32_t>(u32()); }
    std::int64_t i64() { return static_cast<std::int64_t>(u64()); }
    ByteSpan bytes(std::size_t n) {
        need(n);
        const auto part = data_.subspan(at_, n);
        at_ += n;
        return part;
    }
    void skip(std::size_t n) { (void)bytes(n); }
    std::size_t left() const { return data_.size() - at_; }
    ByteSpan rest() { return bytes(left()); }

    /// How many entries of `entry_size` bytes follow, after checking that they all fit.
    std::uint32_t count(std::size_t entry_size) {
        const auto n = u32();
        if (n > left() / entry_size) throw Corrupt("An MP4 table is longer than its box");
        return n;
    }

private:
    void need(std::size_t n) const {
        if (n > left()) throw Corrupt("An MP4 box ends too early");
    }
    std::uint64_t number(int n) {
        need(static_cast<std::size_t>(n));
        std::uint64_t v = 0;
        for (int i = 0; i < n; ++i) v = v << 8 | data_[at_++];
        return v;
    }
    ByteSpan data_;
    std::size_t at_ = 0;
};

}  // namespace tenon::media::mp4
