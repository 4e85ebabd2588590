#include "legend.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>

#include <media/stills.hpp>

namespace tenon::render {
namespace {

constexpr std::int64_t second = 1'000'000;

template <class... Numbers>
std::string text_of(const char* format, Numbers... numbers) {
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), format, numbers...);
    return text.data();
}

long long whole(std::int64_t value) { return static_cast<long long>(value); }

}  // namespace

std::string fixed(double value, int digits) {
    std::array<char, 64> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, digits);
    return {text.data(), end.ptr};
}

std::string moment(Duration at, Duration span) {
    constexpr std::int64_t tenth = second / 10, precise_below = 120 * second, hour = 3600 * second;
    const bool precise = span.count() < precise_below;
    // Cut, not rounded: a frame at 0:59.99 is not in the second minute.
    const std::int64_t tenths = at.count() / tenth, seconds = tenths / 10;
    if (span.count() >= hour || at.count() >= hour)
        return text_of("%lld:%02lld:%02lld", whole(seconds / 3600), whole(seconds / 60 % 60), whole(seconds % 60));
    if (!precise) return text_of("%lld:%02lld", whole(seconds / 60), whole(seconds % 60));
    return text_of("%lld:%02lld.%lld", whole(seconds / 60), whole(seconds % 60), whole(tenths % 10));
}

std::string length_text(Duration length) {
    if (length.count() >= 60 * second) return moment(length, std::max(length, Duration{120 * second}));
    const std::int64_t tenths = (length.count() + second / 20) / (second / 10);
    return text_of("%lld.%lld s", whole(tenths / 10), whole(tenths % 10));
}

std::string rate_text(Rational rate) {
    if (rate.num <= 0 || rate.den <= 0) return {};
    std::string text = fixed(static_cast<double>(rate.num) / static_cast<double>(rate.den), 3);
    text.erase(text.find_last_not_of('0') + 1);
    if (text.ends_with('.')) text.pop_back();
    return text + " fps";
}

std::string picture_text(const media::StreamInfo& video) {
    const std::int64_t across = video.width * std::max<std::int64_t>(1, video.sample_aspect.num) / std::max<std::int64_t>(1, video.sample_aspect.den);
    const bool turned = video.rotation % 180 != 0;
    return video.codec + " " + std::to_string(turned ? video.height : across) + "×" + std::to_string(turned ? across : video.height) +
           (video.rate.num > 0 ? ", " + rate_text(video.rate) : "");
}

std::string sound_text(const media::StreamInfo& audio) {
    return audio.codec + " " + std::to_string(audio.sample_rate) + " Hz, " + std::to_string(audio.channels) + " ch";
}

std::string joined(std::initializer_list<std::string> parts) {
    std::string text;
    for (const std::string& part : parts)
        if (!part.empty()) text += (text.empty() ? "" : "  ·  ") + part;
    return text;
}

Duration ruler_step(Duration span, int most) {
    constexpr std::array<std::int64_t, 20> steps{100, 200, 500, 1'000, 2'000, 5'000, 10'000, 15'000, 30'000, 60'000,
                                                 120'000, 300'000, 600'000, 900'000, 1'800'000, 3'600'000, 7'200'000, 14'400'000,
                                                 43'200'000, 86'400'000};
    constexpr std::int64_t millisecond = 1'000;
    for (const std::int64_t step : steps)
        if (span.count() / (step * millisecond) < std::max(1, most)) return Duration{step * millisecond};
    return std::max(span, Duration{steps.back() * millisecond});
}

double draw_header(Canvas& canvas, double margin, double width, double unit, const std::string& title, const std::string& details) {
    canvas.text(title, margin, margin - 4 * unit, {.size = 20 * unit, .bold = true, .room = width});
    canvas.text(details, margin, margin + 25 * unit, {.size = 14 * unit, .colour = ink::faint, .room = width});
    return header_height * unit;
}

}  // namespace tenon::render
