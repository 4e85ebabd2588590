#pragma once

#include <cstdint>
#include <string_view>

#include <base/bytes.hpp>
#include <crypto/hash.hpp>

namespace tenon::render {

/// The bytes that ids are made of: `u16 tag, u32 length, value` in the order of tags, little endian. No field is left
/// out and none holds a floating point number, so equal things have equal bytes.
class Canonical {
public:
    Canonical& integer(std::uint16_t tag, std::int64_t value);
    Canonical& text(std::uint16_t tag, std::string_view value);
    Canonical& bytes(std::uint16_t tag, base::ByteView value);
    Canonical& record(std::uint16_t tag, const Canonical& value) { return bytes(tag, value.bytes_); }

    base::ByteView view() const { return bytes_; }

private:
    base::ByteVector bytes_;
    std::uint16_t last_ = 0;
};

}  // namespace tenon::render
