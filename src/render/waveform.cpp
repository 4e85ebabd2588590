#include <render/pictures.hpp>

#include <algorithm>
#include <cmath>

#include <tenon/error.hpp>

#include "legend.hpp"

namespace tenon::render {
namespace {

std::string decibels(double linear) {
    const std::string text = fixed(20 * std::log10(linear), 1);
    return (text.starts_with('-') ? "−" + text.substr(1) : text) + " dBFS";
}

struct Lane {
    double left, top, width, height;
    double middle() const { return top + height / 2; }
    double at(double value) const { return middle() - std::clamp(value, -1.0, 1.0) * (height / 2 - 3); }
};

void draw_scale(Canvas& canvas, const Lane& lane, double unit, const std::string& name) {
    canvas.box(lane.left, lane.top, lane.width, lane.height, ink::panel, 6 * unit);
    canvas.text(name, lane.left - 12 * unit, lane.middle() - 10 * unit, {.size = 14 * unit, .bold = true, .colour = ink::faint, .align = 1});
    for (const int level : {-6, -12}) {
        const double value = std::pow(10, level / 20.0);
        for (const double side : {value, -value}) canvas.line(lane.left, lane.at(side), lane.left + lane.width, lane.at(side), {ink::rule.rgb, 0.7});
        canvas.text(std::to_string(level).replace(0, 1, "−"), lane.left + lane.width + 8 * unit, lane.at(value) - 8 * unit,
                    {.size = 11 * unit, .colour = ink::faint});
    }
    canvas.text("0 dB", lane.left + lane.width + 8 * unit, lane.top - 2 * unit, {.size = 11 * unit, .colour = ink::faint});
    canvas.line(lane.left, lane.middle(), lane.left + lane.width, lane.middle(), ink::rule);
}

/// The band between two curves over the points, `share` of the lane's width wide.
void draw_band(Canvas& canvas, const Lane& lane, const media::Envelope& sound, std::int32_t channel, Ink colour, bool core) {
    const std::int64_t points = sound.points();
    const double step = lane.width / (static_cast<double>(sound.samples) / static_cast<double>(sound.samples_per_point));
    const auto value = [&](const std::vector<float>& values, std::int64_t i) {
        return values[static_cast<std::size_t>(i * sound.channels + channel)];
    };
    Canvas::Points outline;
    const auto edge = [&](std::int64_t i, double at) {
        outline.emplace_back(lane.left + std::min(static_cast<double>(i) * step, lane.width), at);
        outline.emplace_back(lane.left + std::min(static_cast<double>(i + 1) * step, lane.width), at);
    };
    constexpr double hair = 0.5;  // silence is a line, not nothing
    for (std::int64_t i = 0; i < points; ++i) {
        const double high = value(sound.maximum, i);
        edge(i, lane.at(core ? std::min<double>(value(sound.rms, i), high) : high) - hair);
    }
    for (std::int64_t i = points; i-- > 0;) {
        const double low = value(sound.minimum, i);
        const double y = lane.at(core ? std::max<double>(-value(sound.rms, i), low) : low) + hair;
        outline.emplace_back(lane.left + std::min(static_cast<double>(i + 1) * step, lane.width), y);
        outline.emplace_back(lane.left + static_cast<double>(i) * step, y);
    }
    canvas.shape(outline, colour);
}

/// Where the sound touches full scale, so that it is seen at any width.
void draw_clipping(Canvas& canvas, const Lane& lane, const media::Envelope& sound, std::int32_t channel, double unit) {
    constexpr float full = 0.999F;
    const double step = lane.width / (static_cast<double>(sound.samples) / static_cast<double>(sound.samples_per_point));
    for (std::int64_t i = 0; i < sound.points(); ++i) {
        const auto at = static_cast<std::size_t>(i * sound.channels + channel);
        if (sound.maximum[at] < full && sound.minimum[at] > -full) continue;
        canvas.box(lane.left + static_cast<double>(i) * step, lane.top, std::max(step, 1.5 * unit), 4 * unit, ink::alarm);
    }
}

void draw_ruler(Canvas& canvas, double left, double top, double width, Duration span, double unit) {
    const Duration step = ruler_step(span, static_cast<int>(width / (90 * unit)));
    for (Duration at{}; at <= span; at += step) {
        const double x = left + width * static_cast<double>(at.count()) / static_cast<double>(std::max<std::int64_t>(1, span.count()));
        canvas.line(std::round(x) + 0.5, top, std::round(x) + 0.5, top + 6 * unit, ink::faint);
        const bool at_end = x > left + width - 24 * unit;
        canvas.text(moment(at, span), x, top + 8 * unit, {.size = 12 * unit, .colour = ink::faint, .align = at == Duration{} ? 0 : at_end ? 1
                                                                                                                                          : 0.5});
    }
}

}  // namespace

std::vector<std::uint8_t> waveform(const std::filesystem::path& path, const media::Envelope& heard, const WaveformOptions& options,
                                   const std::stop_token& stop) {
    if (options.width < 320 || options.width > 8192) throw InvalidArgument("a waveform is 320 to 8192 pixels wide", {.subject = "width"});
    if (options.height < 160 || options.height > 4096) throw InvalidArgument("a waveform is 160 to 4096 pixels high", {.subject = "height"});
    const media::Input input = media::Input::open(path, {}, stop);
    constexpr double plain_width = 1'600, margin = 24, gutter = 44, ruler = 30, between = 10;
    const double unit = std::clamp(options.width / plain_width, 0.6, 4.0), edge = margin * unit;
    const double left = edge + gutter * unit, width = options.width - 2 * left;
    const media::Envelope sound = heard.coarser(std::max<std::int64_t>(16, std::llround(width)));
    const Duration span = media::to_duration({sound.samples, {1, sound.rate}});
    Canvas canvas(options.width, options.height);
    const double peak = sound.peak();
    draw_header(canvas, edge, options.width - 2 * edge, unit, options.title,
                joined({length_text(span), input.audio() ? sound_text(*input.audio()) : "", peak > 0 ? "peak " + decibels(peak) : "silent"}));

    const double top = edge + header_height * unit;
    const double lanes = options.height - top - ruler * unit - edge + 8 * unit;
    const int count = std::max(1, sound.channels);
    const double high = (lanes - (count - 1) * between * unit) / count;
    for (int channel = 0; channel < count; ++channel) {
        const Lane lane{left, top + channel * (high + between * unit), width, high};
        draw_scale(canvas, lane, unit, count == 1 ? "M" : channel == 0 ? "L"
                                                                       : "R");
        if (sound.points() == 0) continue;
        draw_band(canvas, lane, sound, channel, ink::body, false);
        draw_band(canvas, lane, sound, channel, ink::core, true);
        draw_clipping(canvas, lane, sound, channel, unit);
    }
    draw_ruler(canvas, left, top + lanes + 4 * unit, width, span, unit);
    return canvas.png();
}

}  // namespace tenon::render
