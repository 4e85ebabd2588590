#include <render/pictures.hpp>

#include <algorithm>
#include <cmath>

#include <exec/wait.hpp>
#include <media/stills.hpp>
#include <tenon/error.hpp>

#include "legend.hpp"

namespace tenon::render {
namespace {

constexpr double plain_width = 1'304;  // a sheet this wide is drawn at its plain size
constexpr double margin = 24, gap = 8, corner = 4;
constexpr double header_from = 360;  // narrower sheets have no room for words …
constexpr double moment_from = 72;   // … and narrower cells none for a time

void draw_moment(Canvas& canvas, const std::string& text, double left, double bottom, double unit) {
    const TextStyle style{.size = 13 * unit, .bold = true};
    const double width = canvas.width_of(text, style), high = 22 * unit, inset = 7 * unit;
    canvas.box(left + 8 * unit, bottom - high - 8 * unit, width + 2 * inset, high, ink::shade, 4 * unit);
    canvas.text(text, left + 8 * unit + inset, bottom - high - 5 * unit, style);
}

}  // namespace

std::vector<std::uint8_t> contact_sheet(const std::filesystem::path& path, const SheetOptions& options, const std::stop_token& stop) {
    constexpr std::int32_t most = 16, narrowest = 16, widest = 4096;
    if (options.columns < 1 || options.columns > most) throw InvalidArgument("a contact sheet has 1 to 16 columns", {.subject = "columns"});
    if (options.rows < 1 || options.rows > most) throw InvalidArgument("a contact sheet has 1 to 16 rows", {.subject = "rows"});
    if (options.cell_width < narrowest || options.cell_width > widest)
        throw InvalidArgument("a cell is 16 to 4096 pixels wide", {.subject = "cell_width"});
    media::FrameReader reader(path, {}, {}, stop);
    const media::Size cell = media::upright_size(reader.stream(), options.cell_width);
    const Duration span = media::picture_span(reader, path, {}, stop);

    const double unit = std::clamp(options.columns * options.cell_width / plain_width, 0.6, 4.0);
    const auto space = static_cast<std::int32_t>(std::lround(gap * unit)), edge = static_cast<std::int32_t>(std::lround(margin * unit));
    const std::int64_t inside = std::int64_t{options.columns} * (cell.width + space) - space;
    const bool words = static_cast<double>(inside) >= header_from * unit;
    const auto top = edge + static_cast<std::int32_t>(words ? header_height * unit : 0);
    Canvas canvas(inside + 2 * edge, top + std::int64_t{options.rows} * (cell.height + space) - space + edge);
    if (words) {
        const media::Input input = media::Input::open(path, {}, stop);
        draw_header(canvas, edge, static_cast<double>(inside), unit, options.title,
                    joined({length_text(span), picture_text(reader.stream()), input.audio() ? sound_text(*input.audio()) : "no sound"}));
    }
    media::Scaler scaler;
    const std::int64_t count = std::int64_t{options.columns} * options.rows;
    for (std::int64_t i = 0; i < count; ++i) {
        exec::check_stop(stop);
        // The middle of each of `count` equal parts, without a product that may have no number.
        const Duration at = span / (2 * count) * (2 * i + 1) + span % (2 * count) * (2 * i + 1) / (2 * count);
        const auto x = edge + static_cast<std::int32_t>(i % options.columns) * (cell.width + space);
        const auto y = top + static_cast<std::int32_t>(i / options.columns) * (cell.height + space);
        canvas.frame(media::still_at(reader, scaler, at, cell), x, y, corner * unit);
        if (cell.width >= moment_from * unit && cell.height >= moment_from * unit / 2)
            draw_moment(canvas, moment(at, span), x, y + cell.height, unit);
    }
    return canvas.png();
}

}  // namespace tenon::render
