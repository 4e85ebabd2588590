#include <media/time.hpp>

#include <limits>
#include <numeric>

#include <tenon/error.hpp>

namespace tenon::media {
namespace {

__extension__ using Wide = __int128;

Wide floor_div(Wide a, Wide b) {   // b > 0
    const Wide q = a / b;
    return (a % b != 0 && a < 0) ? q - 1 : q;
}

int sign(Wide value) { return value < 0 ? -1 : value > 0 ? 1 : 0; }

}  // namespace

Rational reduced(Rational value) {
    if (value.den == 0) throw InvalidArgument("a fraction needs a denominator that is not zero");
    const std::int64_t divisor = std::gcd(value.num, value.den);
    if (divisor > 1) value = {value.num / divisor, value.den / divisor};
    return value.den < 0 ? Rational{-value.num, -value.den} : value;
}

std::int64_t rescale(std::int64_t value, Rational from, Rational to, Rounding rounding) {
    from = reduced(from);
    to = reduced(to);
    if (to.num <= 0) throw InvalidArgument("a tick must be longer than zero");
    // Both factors are products of two 64-bit numbers; what they share is divided out so that the third fits too.
    Wide up = static_cast<Wide>(from.num) * to.den;
    Wide down = static_cast<Wide>(from.den) * to.num;
    Wide a = up < 0 ? -up : up, b = down;
    while (b != 0) {
        const Wide rest = a % b;
        a = b;
        b = rest;
    }
    if (a > 1) { up /= a; down /= a; }
    constexpr Wide factor_limit = static_cast<Wide>(1) << 63;
    if (up > factor_limit || up < -factor_limit || down > (factor_limit << 62))
        throw InvalidArgument("these two time bases are too far apart");
    const Wide product = static_cast<Wide>(value) * up;
    Wide result = floor_div(product, down);
    const Wide rest = product - result * down;
    if (rounding == Rounding::up && rest != 0) ++result;
    if (rounding == Rounding::nearest && rest > down - rest) ++result;
    if (result > std::numeric_limits<std::int64_t>::max() || result < std::numeric_limits<std::int64_t>::min())
        throw InvalidArgument("a time is out of range");
    return static_cast<std::int64_t>(result);
}

Duration to_duration(MediaTime time, Rounding rounding) {
    return Duration{rescale(time.ticks, time.tick, {1, 1'000'000}, rounding)};
}

MediaTime from_duration(Duration duration, Rational tick, Rounding rounding) {
    return {rescale(duration.count(), {1, 1'000'000}, tick, rounding), tick};
}

std::int64_t frame_at(Duration position, Rational rate) {
    return rescale(position.count(), {1, 1'000'000}, {rate.den, rate.num}, Rounding::nearest);
}

Duration frame_start(std::int64_t number, Rational rate) {
    return Duration{rescale(number, {rate.den, rate.num}, {1, 1'000'000}, Rounding::nearest)};
}

Rational exact_rate(Rational rate) {
    rate = reduced(rate);
    if (rate.num <= 0) return rate;
    // Nearest k with rate ~ k * 1000 / 1001, and how far off in units of 1e-4 of the rate itself.
    const Wide scaled = static_cast<Wide>(rate.num) * 1001;
    const Wide base = static_cast<Wide>(rate.den) * 1000;
    const Wide k = (scaled + base / 2) / base;
    if (k <= 0 || k > 1000) return rate;
    const Wide off = scaled - k * base;
    if ((off < 0 ? -off : off) * 10'000 > scaled) return rate;
    return reduced({static_cast<std::int64_t>(k) * 1000, 1001});
}

int compare(MediaTime a, MediaTime b) {
    const Rational x = reduced(a.tick), y = reduced(b.tick);
    const Wide left = static_cast<Wide>(a.ticks) * x.num, right = static_cast<Wide>(b.ticks) * y.num;
    // Whole parts first: the cross products of 128-bit numbers would not fit.
    const Wide left_whole = floor_div(left, x.den), right_whole = floor_div(right, y.den);
    if (left_whole != right_whole) return left_whole < right_whole ? -1 : 1;
    return sign((left - left_whole * x.den) * y.den - (right - right_whole * y.den) * x.den);
}

int compare(Rational a, Rational b) {
    a = reduced(a);
    b = reduced(b);
    return sign(static_cast<Wide>(a.num) * b.den - static_cast<Wide>(b.num) * a.den);
}

}  // namespace tenon::media
