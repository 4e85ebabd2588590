#include <render/pictures.hpp>

#include <cmath>

#include <media/colour.hpp>
#include <media/stills.hpp>
#include <tenon/error.hpp>

#include "grade.hpp"
#include "legend.hpp"

namespace tenon::render {
namespace {

void draw_panel(Canvas& canvas, const media::VideoFrame& frame, const std::string& name, std::int32_t x, std::int32_t y, double unit) {
    canvas.frame(frame, x, y, 6 * unit);
    const TextStyle style{.size = 14 * unit, .bold = true};
    const double width = canvas.width_of(name, style), high = 26 * unit;
    canvas.box(x + 12 * unit, y + frame.height() - high - 12 * unit, width + 20 * unit, high, ink::shade, 5 * unit);
    canvas.text(name, x + 22 * unit, y + frame.height() - high - 8 * unit, style);
}

}  // namespace

std::vector<std::uint8_t> grade_still(const std::filesystem::path& path, const GradeStillOptions& options, const std::stop_token& stop) {
    constexpr std::int32_t narrowest = 320, widest = 8192;
    constexpr double plain_width = 1'600, margin = 24, between = 16;
    if (options.width < narrowest || options.width > widest)
        throw InvalidArgument("a before-and-after still is 320 to 8192 pixels wide", {.subject = "width"});
    if (options.grade.empty()) throw InvalidArgument("say which grade is to be shown", {.subject = "grade"});
    if (options.at.count() < 0) throw InvalidArgument("a moment of an asset is not before its start", {.subject = "at"});
    const auto grade = find_grade(options.grade);

    const Source source = inspect({}, path, {}, stop);
    media::FrameReader reader(path, {}, {}, stop);
    const double unit = options.width / plain_width;
    const auto edge = static_cast<std::int32_t>(std::lround(margin * unit)), space = static_cast<std::int32_t>(std::lround(between * unit));
    const media::Size size = media::upright_size(reader.stream(), (options.width - 2 * edge - space) / 2);
    media::Scaler scaler;
    media::VideoFrame before = media::still_at(reader, scaler, options.at, size);
    before.set_colour({source.colour.primaries, source.colour.transfer, source.colour.matrix, false});
    media::VideoFrame after = before;
    if (const auto table = colour_chain(source, grade)) {
        after = std::move(after).writable();
        table->apply(after, {0, 0, after.width(), after.height()});
        after.set_colour({media::bt709, media::bt709, media::bt709, false});
    }

    const auto top = edge + static_cast<std::int32_t>(header_height * unit);
    Canvas canvas(options.width, std::int64_t{top} + size.height + edge);
    draw_header(canvas, edge, options.width - 2.0 * edge, unit, options.title,
                joined({"at " + moment(options.at, Duration{}), picture_text(reader.stream())}));
    draw_panel(canvas, before, "Before", edge, top, unit);
    draw_panel(canvas, after, "After  ·  " + options.grade, options.width - edge - size.width, top, unit);
    return canvas.png();
}

}  // namespace tenon::render
