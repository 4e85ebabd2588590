#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

#include <base/id.hpp>
#include <tenon/units.hpp>

namespace tenon::db {

/// Sixteen bytes with a prefix: every id struct of the public face.
template <class T>
concept Id = requires(T id) {
    { id.high } -> std::convertible_to<std::uint64_t>;
    { id.low } -> std::convertible_to<std::uint64_t>;
    { T::prefix() } -> std::convertible_to<const char*>;
};

/// One argument of a statement. Text and blobs are borrowed for the duration of the call that it is passed to.
///
/// Floating point is missing on purpose: amounts are integers everywhere.
class Value {
public:
    enum class Kind : std::uint8_t { null, integer, text, blob };

    Value(std::nullptr_t) {}
    template <std::integral T> Value(T value) : kind_(Kind::integer), integer_(static_cast<std::int64_t>(value)) {
        static_assert(sizeof(T) <= 8);
    }
    template <class T> requires std::is_enum_v<T>
    Value(T value) : Value(static_cast<std::underlying_type_t<T>>(value)) {}
    template <std::floating_point T> Value(T) = delete;
    Value(std::string_view text) : kind_(Kind::text), data_(text.data()), size_(text.size()) {}
    Value(const std::string& text) : Value(std::string_view(text)) {}
    Value(const char* text) : Value(std::string_view(text)) {}
    Value(std::span<const std::uint8_t> blob) : kind_(Kind::blob), data_(blob.data()), size_(blob.size()) {}
    Value(std::span<const std::byte> blob) : kind_(Kind::blob), data_(blob.data()), size_(blob.size()) {}
    template <class T> requires std::convertible_to<const T&, std::span<const std::uint8_t>> &&
                                (!std::convertible_to<const T&, std::string_view>)
    Value(const T& blob) : Value(std::span<const std::uint8_t>(blob)) {}
    Value(Time time) : Value(time.time_since_epoch().count()) {}   ///< Microseconds since 1970.
    Value(Duration duration) : Value(duration.count()) {}          ///< Microseconds.
    Value(Bytes amount) : Value(amount.count) {}
    template <Id T> Value(const T& id) : kind_(Kind::blob), size_(16), id_(base::bytes_of(id)) {}
    template <class T> Value(const std::optional<T>& value) {
        if (value) *this = Value(*value);
    }

    Kind kind() const noexcept { return kind_; }
    std::int64_t integer() const noexcept { return integer_; }
    std::size_t size() const noexcept { return size_; }
    const void* data() const noexcept { return data_ || size_ == 0 ? data_ : id_.data(); }

private:
    Kind kind_ = Kind::null;
    std::int64_t integer_ = 0;
    const void* data_ = nullptr;  // unset with a size: the bytes are id_
    std::size_t size_ = 0;
    base::IdBytes id_{};
};

}  // namespace tenon::db
