#include "title.hpp"

#include <algorithm>
#include <vector>

#include <tenon/error.hpp>

#include "pango.hpp"

namespace tenon::render {
namespace {

constexpr int size_divisor = 14;         // letters are a fourteenth of the picture's height
constexpr int edge_divisor = 12;         // the edge is a twelfth of a letter
constexpr double edge_opacity = 0.55;

std::int32_t even_down(std::int32_t value) { return value - (value & 1); }

}  // namespace

std::optional<media::Overlay> paint_title(const std::string& text, std::int32_t width, std::int32_t height) {
    const int letter = std::max(8, height / size_divisor), edge = std::max(1, letter / edge_divisor);
    // An own font map: the process's default one belongs to the host.
    const Own<PangoFontMap> fonts(pango_cairo_font_map_new());
    const Own<PangoContext> context(pango_font_map_create_context(fonts.get()));
    const Own<PangoLayout> layout(pango_layout_new(context.get()));
    const Own<PangoFontDescription> font(pango_font_description_from_string(typeface));
    pango_font_description_set_weight(font.get(), PANGO_WEIGHT_BOLD);
    pango_font_description_set_absolute_size(font.get(), letter * PANGO_SCALE);
    pango_layout_set_font_description(layout.get(), font.get());
    pango_layout_set_width(layout.get(), width * 4 / 5 * PANGO_SCALE);
    pango_layout_set_wrap(layout.get(), PANGO_WRAP_WORD_CHAR);
    pango_layout_set_alignment(layout.get(), PANGO_ALIGN_CENTER);
    pango_layout_set_text(layout.get(), text.data(), static_cast<int>(text.size()));

    PangoRectangle ink{}, logical{};
    pango_layout_get_pixel_extents(layout.get(), &ink, &logical);
    if (ink.width <= 0 || ink.height <= 0) return std::nullopt;
    const std::int32_t box_width = std::min(width, even_down(ink.width + 2 * edge + 3));
    const std::int32_t box_height = std::min(height, even_down(ink.height + 2 * edge + 3));

    const Own<cairo_surface_t> surface(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, box_width, box_height));
    const Own<cairo_t> cairo(cairo_create(surface.get()));
    cairo_move_to(cairo.get(), edge + 1 - ink.x, edge + 1 - ink.y);
    pango_cairo_layout_path(cairo.get(), layout.get());
    cairo_set_source_rgba(cairo.get(), 0, 0, 0, edge_opacity);
    cairo_set_line_width(cairo.get(), 2.0 * edge);
    cairo_set_line_join(cairo.get(), CAIRO_LINE_JOIN_ROUND);
    cairo_stroke(cairo.get());
    // Not filled as a path: glyphs with colours of their own keep them.
    cairo_move_to(cairo.get(), edge + 1 - ink.x, edge + 1 - ink.y);
    cairo_set_source_rgb(cairo.get(), 1, 1, 1);
    pango_cairo_show_layout(cairo.get(), layout.get());
    cairo_surface_flush(surface.get());
    if (cairo_status(cairo.get()) != CAIRO_STATUS_SUCCESS || cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS)
        throw Unavailable("a title cannot be painted", {.subject = text.substr(0, 64)});

    const std::ptrdiff_t stride = cairo_image_surface_get_stride(surface.get());
    const unsigned char* pixels = cairo_image_surface_get_data(surface.get());
    const std::vector<std::uint8_t> copy(pixels, pixels + stride * box_height);
    const std::int32_t x = even_down((width - box_width) / 2);
    const std::int32_t baseline = height - height / 8;
    const std::int32_t y = even_down(std::clamp(baseline - box_height, 0, height - box_height));
    return media::overlay_from_bgra(copy, box_width, box_height, stride, x, y);
}

}  // namespace tenon::render
