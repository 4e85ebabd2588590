#include "cbor.hpp"

#include <limits>

#include <base/text.hpp>
#include <tenon/error.hpp>

namespace tenon::backup::cbor {
namespace {

constexpr int max_depth = 16;

}  // namespace

Writer& Writer::head(unsigned major, std::uint64_t value) {
    const auto first = static_cast<std::uint8_t>(major << 5);
    int size = 0;
    if (value < 24) {
        out_.push_back(static_cast<std::uint8_t>(first | value));
        return *this;
    }
    if (value <= 0xff) size = 1, out_.push_back(first | 24);
    else if (value <= 0xffff) size = 2, out_.push_back(first | 25);
    else if (value <= 0xffffffff) size = 4, out_.push_back(first | 26);
    else size = 8, out_.push_back(first | 27);
    while (size-- > 0) out_.push_back(static_cast<std::uint8_t>(value >> (8 * size)));
    return *this;
}

Writer& Writer::integer(std::int64_t value) {
    return value >= 0 ? head(0, static_cast<std::uint64_t>(value)) : head(1, static_cast<std::uint64_t>(-1 - value));
}

Writer& Writer::bytes(ByteView value) {
    head(2, value.size());
    return raw(value);
}

Writer& Writer::text(std::string_view value) {
    head(3, value.size());
    return raw(base::view_of(value));
}

Writer& Writer::raw(ByteView encoded) {
    base::append(out_, encoded);
    return *this;
}

void Reader::fail() const { throw Corrupt("malformed data", {.subject = std::string(subject_)}); }

ByteView Reader::take(std::uint64_t count) {
    if (count > left_.size()) fail();
    const auto taken = left_.first(count);
    left_ = left_.subspan(count);
    return taken;
}

Reader::Head Reader::head() {
    const auto first = take(1)[0];
    const unsigned major = first >> 5, info = first & 31;
    if (info < 24) return {major, info};
    if (info > 27) fail();
    std::uint64_t value = 0;
    for (const auto byte : take(std::uint64_t{1} << (info - 24))) value = (value << 8) | byte;
    // Only the shortest form: one value, one encoding.
    constexpr std::uint64_t least[] = {24, 0x100, 0x10000, 0x100000000};
    if (value < least[info - 24]) fail();
    return {major, value};
}

std::uint64_t Reader::count(unsigned major, std::uint64_t least_bytes_each) {
    const auto [found, value] = head();
    if (found != major || value > left_.size() / least_bytes_each) fail();
    return value;
}

std::uint64_t Reader::uint() {
    const auto [major, value] = head();
    if (major != 0) fail();
    return value;
}

std::uint64_t Reader::uint_at_most(std::uint64_t limit) {
    const auto value = uint();
    if (value > limit) fail();
    return value;
}

std::int64_t Reader::integer() {
    const auto [major, value] = head();
    if (major > 1 || value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) fail();
    const auto magnitude = static_cast<std::int64_t>(value);
    return major == 0 ? magnitude : -1 - magnitude;
}

ByteView Reader::bytes() {
    const auto [major, value] = head();
    if (major != 2) fail();
    return take(value);
}

std::string_view Reader::text() {
    const auto [major, value] = head();
    if (major != 3) fail();
    const auto text = base::text_of(take(value));
    if (!base::is_utf8(text)) fail();
    return text;
}

ByteView Reader::skip() {
    const auto before = left_;
    skip_item(0);
    return before.first(before.size() - left_.size());
}

void Reader::skip_item(int depth) {
    if (depth > max_depth) fail();
    const auto [major, value] = head();
    if (major == 2 || major == 3) {
        take(value);
    } else if (major == 4 || major == 5) {
        if (value > left_.size()) fail();
        for (auto items = major == 5 ? 2 * value : value; items > 0; --items) skip_item(depth + 1);
    } else if (major > 1) {
        fail();
    }
}

}  // namespace tenon::backup::cbor
