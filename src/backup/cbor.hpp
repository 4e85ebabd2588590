#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "wire.hpp"

namespace tenon::backup::cbor {

/// Deterministic CBOR (RFC 8949, 4.2): shortest heads, definite lengths. The caller writes map keys in order.
class Writer {
public:
    Writer& uint(std::uint64_t value) { return head(0, value); }
    Writer& integer(std::int64_t value);
    Writer& bytes(ByteView value);
    Writer& text(std::string_view value);
    Writer& array(std::uint64_t count) { return head(4, count); }
    Writer& map(std::uint64_t count) { return head(5, count); }
    Writer& raw(ByteView encoded);  ///< An item that is encoded already.

    const ByteVector& data() const noexcept { return out_; }
    ByteVector take() { return std::move(out_); }
    std::size_t size() const noexcept { return out_.size(); }

private:
    Writer& head(unsigned major, std::uint64_t value);
    ByteVector out_;
};

/// Reads the same, and nothing else: everything that Writer would not write is Corrupt.
class Reader {
public:
    /// `subject`: what is read, for errors.
    Reader(ByteView bytes, std::string_view subject) : left_(bytes), subject_(subject) {}

    std::uint64_t uint();
    std::uint64_t uint_at_most(std::uint64_t limit);
    std::int64_t integer();
    ByteView bytes();
    std::string_view text();
    /// The count is bounded by what is left, so that it can be trusted for an allocation.
    std::uint64_t array() { return count(4, 1); }
    std::uint64_t map() { return count(5, 2); }
    template <std::size_t N> std::array<std::uint8_t, N> fixed() {
        const auto from = bytes();
        if (from.size() != N) fail();
        std::array<std::uint8_t, N> to;
        std::copy(from.begin(), from.end(), to.begin());
        return to;
    }
    void array_of(std::uint64_t count) { if (array() != count) fail(); }
    ByteView skip();  ///< Any one item; its encoding.
    bool done() const noexcept { return left_.empty(); }
    void expect_done() const { if (!done()) fail(); }
    [[noreturn]] void fail() const;

private:
    struct Head { unsigned major; std::uint64_t value; };
    Head head();
    std::uint64_t count(unsigned major, std::uint64_t least_bytes_each);
    ByteView take(std::uint64_t count);
    void skip_item(int depth);

    ByteView left_;
    std::string_view subject_;
};

/// Maps with small integer keys in ascending order: calls `on(key)` for each, which reads the value and returns true, or
/// returns false to have it skipped (a later version's key).
template <class On> void each_key(Reader& reader, On on) {
    std::uint64_t last = 0;
    for (auto left = reader.map(); left > 0; --left) {
        const auto key = reader.uint();
        if (key <= last) reader.fail();
        last = key;
        if (!on(key)) reader.skip();
    }
}

}  // namespace tenon::backup::cbor
