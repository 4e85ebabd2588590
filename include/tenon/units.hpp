#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include <tenon/config.hpp>

TENON_BEGIN

/// An instant in UTC, to the microsecond.
using Time = std::chrono::sys_time<std::chrono::microseconds>;

/// A length of time, to the microsecond.
using Duration = std::chrono::microseconds;

/// Bytes as they are: what a file or a stream holds.
using Buffer = std::vector<std::uint8_t>;

/// An amount of data. Exact; never negative in what the library returns.
struct Bytes {
    std::int64_t count = 0;
#ifndef SWIG
    friend constexpr auto operator<=>(const Bytes&, const Bytes&) = default;
    friend constexpr Bytes operator+(Bytes a, Bytes b) { return {a.count + b.count}; }
    friend constexpr Bytes operator-(Bytes a, Bytes b) { return {a.count - b.count}; }
#endif
};

/// An amount of money in the minor unit of its currency (cents for EUR, none for JPY).
struct Money {
    std::int64_t minor = 0;
    std::string currency{};  ///< ISO 4217, upper case.
#ifndef SWIG
    friend bool operator==(const Money&, const Money&) = default;
#endif
};

/// A fraction, such as a frame rate: {30000, 1001}.
struct Rational {
    std::int64_t num = 0;
    std::int64_t den = 1;
#ifndef SWIG
    friend constexpr bool operator==(const Rational&, const Rational&) = default;
#endif
};

/// One entry of a map.
struct Label {
    std::string key{};
    std::string value{};
#ifndef SWIG
    friend bool operator==(const Label&, const Label&) = default;
#endif
};

TENON_END
