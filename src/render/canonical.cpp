#include "canonical.hpp"

#include <cassert>

namespace tenon::render {

Canonical& Canonical::bytes(std::uint16_t tag, base::ByteView value) {
    assert(tag >= last_);   // equal tags are the elements of a list
    last_ = tag;
    base::append_le(bytes_, tag);
    base::append_le(bytes_, static_cast<std::uint32_t>(value.size()));
    base::append(bytes_, value);
    return *this;
}

Canonical& Canonical::integer(std::uint16_t tag, std::int64_t value) {
    std::uint8_t raw[sizeof value];
    base::store_le(raw, value);
    return bytes(tag, raw);
}

Canonical& Canonical::text(std::uint16_t tag, std::string_view value) { return bytes(tag, base::view_of(value)); }

}  // namespace tenon::render
