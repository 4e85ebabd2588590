#include "canvas.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include <media/picture.hpp>
#include <media/scaler.hpp>
#include <tenon/error.hpp>

#include "pango.hpp"

namespace tenon::render {
namespace {

constexpr double pi = 3.14159265358979323846;
// No emoji font by name: it has digits too, and would be asked for them. Where a text has emoji, one is found.
constexpr const char* typeface = "DejaVu Sans, Noto Sans, sans-serif";

void choose(cairo_t* cairo, Ink colour) {
    constexpr double full = 255;
    cairo_set_source_rgba(cairo, (colour.rgb >> 16 & 255) / full, (colour.rgb >> 8 & 255) / full, (colour.rgb & 255) / full, colour.opacity);
}

void outline(cairo_t* cairo, double x, double y, double width, double height, double radius) {
    const double r = std::min({radius, width / 2, height / 2});
    cairo_new_sub_path(cairo);
    if (r <= 0) return cairo_rectangle(cairo, x, y, width, height);
    cairo_arc(cairo, x + width - r, y + r, r, -pi / 2, 0);
    cairo_arc(cairo, x + width - r, y + height - r, r, 0, pi / 2);
    cairo_arc(cairo, x + r, y + height - r, r, pi / 2, pi);
    cairo_arc(cairo, x + r, y + r, r, pi, 1.5 * pi);
    cairo_close_path(cairo);
}

}  // namespace

struct Canvas::Impl {
    Own<cairo_surface_t> surface;
    Own<cairo_t> cairo;
    Own<PangoFontMap> fonts;  // an own one: the process's default belongs to the host
    Own<PangoContext> context;

    Own<PangoLayout> layout(const std::string& text, const TextStyle& style) const {
        Own<PangoLayout> made(pango_layout_new(context.get()));
        const Own<PangoFontDescription> font(pango_font_description_from_string(typeface));
        if (style.bold) pango_font_description_set_weight(font.get(), PANGO_WEIGHT_BOLD);
        pango_font_description_set_absolute_size(font.get(), style.size * PANGO_SCALE);
        pango_layout_set_font_description(made.get(), font.get());
        pango_layout_set_single_paragraph_mode(made.get(), TRUE);
        if (style.room > 0) {
            pango_layout_set_width(made.get(), static_cast<int>(style.room * PANGO_SCALE));
            pango_layout_set_ellipsize(made.get(), PANGO_ELLIPSIZE_END);
        }
        pango_layout_set_text(made.get(), text.data(), static_cast<int>(text.size()));
        return made;
    }

    static double width(PangoLayout* layout) {
        PangoRectangle logical{};
        pango_layout_get_extents(layout, nullptr, &logical);
        return static_cast<double>(logical.width) / PANGO_SCALE;
    }

    void check() const {
        if (cairo_status(cairo.get()) != CAIRO_STATUS_SUCCESS || cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS)
            throw Unavailable("there is not enough memory to draw a picture");
    }
};

Canvas::Canvas(std::int64_t width, std::int64_t height, Ink ground) : impl_(new Impl) {
    constexpr std::int64_t longest = 16'384, most = std::int64_t{1} << 26;
    if (width < 1 || height < 1 || width > longest || height > longest || width * height > most)
        throw InvalidArgument("the picture would be " + std::to_string(width) + " x " + std::to_string(height) +
                                  " pixels; at most 16384 on a side and 67 million in all can be drawn",
                              {.subject = "target"});
    impl_->surface.reset(cairo_image_surface_create(CAIRO_FORMAT_RGB24, static_cast<int>(width), static_cast<int>(height)));
    impl_->cairo.reset(cairo_create(impl_->surface.get()));
    impl_->fonts.reset(pango_cairo_font_map_new());
    impl_->context.reset(pango_font_map_create_context(impl_->fonts.get()));
    impl_->check();
    choose(impl_->cairo.get(), ground);
    cairo_paint(impl_->cairo.get());
}
Canvas::Canvas(Canvas&&) noexcept = default;
Canvas::~Canvas() = default;

void Canvas::box(double x, double y, double width, double height, Ink colour, double radius) {
    outline(impl_->cairo.get(), x, y, width, height, radius);
    choose(impl_->cairo.get(), colour);
    cairo_fill(impl_->cairo.get());
}

void Canvas::line(double x1, double y1, double x2, double y2, Ink colour, double width) {
    cairo_new_path(impl_->cairo.get());
    cairo_move_to(impl_->cairo.get(), x1, y1);
    cairo_line_to(impl_->cairo.get(), x2, y2);
    choose(impl_->cairo.get(), colour);
    cairo_set_line_width(impl_->cairo.get(), width);
    cairo_stroke(impl_->cairo.get());
}

void Canvas::shape(const Points& points, Ink colour) {
    cairo_new_path(impl_->cairo.get());
    for (const auto& [x, y] : points) cairo_line_to(impl_->cairo.get(), x, y);
    cairo_close_path(impl_->cairo.get());
    choose(impl_->cairo.get(), colour);
    cairo_fill(impl_->cairo.get());
}

double Canvas::text(const std::string& text, double x, double y, const TextStyle& style) {
    const auto layout = impl_->layout(text, style);
    const double width = Impl::width(layout.get());
    cairo_move_to(impl_->cairo.get(), std::round(x - width * style.align), std::round(y));
    choose(impl_->cairo.get(), style.colour);
    pango_cairo_show_layout(impl_->cairo.get(), layout.get());
    return width;
}

double Canvas::width_of(const std::string& text, const TextStyle& style) const { return Impl::width(impl_->layout(text, style).get()); }

void Canvas::frame(const media::VideoFrame& frame, std::int32_t x, std::int32_t y, double radius) {
    media::Scaler scaler;
    const media::VideoFrame rgb = scaler.convert(frame, frame.width(), frame.height(), media::PixelFormat::rgb24);
    const Own<cairo_surface_t> picture(cairo_image_surface_create(CAIRO_FORMAT_RGB24, rgb.width(), rgb.height()));
    if (cairo_surface_status(picture.get()) != CAIRO_STATUS_SUCCESS) throw Unavailable("there is not enough memory to draw a picture");
    const media::Plane in = rgb.plane(0);
    for (std::int32_t row = 0; row < rgb.height(); ++row) {
        const std::uint8_t* from = in.data + row * in.stride;
        unsigned char* to = cairo_image_surface_get_data(picture.get()) + std::ptrdiff_t{row} * cairo_image_surface_get_stride(picture.get());
        for (std::int32_t i = 0; i < rgb.width(); ++i, from += 3, to += 4) {
            const std::uint32_t pixel = std::uint32_t{from[0]} << 16 | std::uint32_t{from[1]} << 8 | from[2];
            std::memcpy(to, &pixel, sizeof pixel);
        }
    }
    cairo_surface_mark_dirty(picture.get());
    outline(impl_->cairo.get(), x, y, rgb.width(), rgb.height(), radius);
    cairo_set_source_surface(impl_->cairo.get(), picture.get(), x, y);
    cairo_fill(impl_->cairo.get());
}

std::vector<std::uint8_t> Canvas::png() const {
    cairo_surface_flush(impl_->surface.get());
    impl_->check();
    const int width = cairo_image_surface_get_width(impl_->surface.get()), height = cairo_image_surface_get_height(impl_->surface.get());
    const media::VideoFrame rgb = media::VideoFrame::allocate(width, height, media::PixelFormat::rgb24);
    const media::Plane out = rgb.plane(0);
    for (int row = 0; row < height; ++row) {
        const unsigned char* from =
            cairo_image_surface_get_data(impl_->surface.get()) + std::ptrdiff_t{row} * cairo_image_surface_get_stride(impl_->surface.get());
        std::uint8_t* to = out.data + row * out.stride;
        for (int i = 0; i < width; ++i, from += 4, to += 3) {
            std::uint32_t pixel = 0;
            std::memcpy(&pixel, from, sizeof pixel);
            to[0] = static_cast<std::uint8_t>(pixel >> 16);
            to[1] = static_cast<std::uint8_t>(pixel >> 8);
            to[2] = static_cast<std::uint8_t>(pixel);
        }
    }
    return media::encode_png(rgb);
}

}  // namespace tenon::render
