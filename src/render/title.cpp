#include "title.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <set>
#include <vector>

#include <hb-ot.h>

#include <tenon/error.hpp>

#include "pango.hpp"

namespace tenon::render {
namespace {

constexpr int shadow_rings = 6;

std::int32_t even_down(std::int32_t value) { return value - (value & 1); }
std::int32_t thousandths(std::int64_t part, std::int64_t whole) { return static_cast<std::int32_t>((part * whole + 500) / 1'000); }

bool installed(PangoFontMap* fonts, const std::string& name) {
    PangoFontFamily** families = nullptr;
    int count = 0;
    pango_font_map_list_families(fonts, &families, &count);
    const bool found = std::any_of(families, families + count, [&](PangoFontFamily* family) {
        return g_ascii_strcasecmp(pango_font_family_get_name(family), name.c_str()) == 0;
    });
    g_free(families);
    if (count == 0) throw NotFound("no font is installed; titles need one, such as the package fonts-noto-core", {.subject = "fonts"});
    return found;
}

/// What fontconfig is asked for: the wish, the look's own; it adds what else has a glyph.
std::string family_list(PangoFontMap* fonts, const Look& look, const std::string& font) {
    if (!font.empty() && !installed(fonts, font))
        throw NotFound("the font " + font + " is not installed", {.subject = font});
    std::string list = font.empty() ? "" : font + ",";
    for (const std::string& own : look.fonts) list += own + ",";
    if (font.empty()) (void)installed(fonts, look.fonts.front());   // whether there is any
    // No emoji font by name: it has digits too, and would be asked for them. Where a text has emoji, one is found.
    return list + "sans-serif";
}

/// A title laid out, and what must live as long.
struct Text {
    Own<PangoFontMap> fonts;
    Own<PangoContext> context;
    Own<PangoLayout> layout;
    PangoRectangle ink{}, logical{};
};

void style_lines(PangoLayout* layout, const std::string& text, const Look& look, std::int32_t side, const std::string& families) {
    const Own<PangoAttrList> attributes(pango_attr_list_new());
    const auto add = [&](PangoAttribute* attribute, std::size_t from, std::size_t to) {
        attribute->start_index = static_cast<guint>(from);
        attribute->end_index = static_cast<guint>(to);
        pango_attr_list_insert(attributes.get(), attribute);
    };
    std::size_t number = 0;
    for (std::size_t from = 0; from <= text.size(); ++number) {
        const std::size_t to = std::min(text.find('\n', from), text.size());
        const Look::Line& line = look.lines[std::min(number, look.lines.size() - 1)];
        add(pango_attr_family_new(families.c_str()), from, to);
        add(pango_attr_size_new_absolute(std::max(8, thousandths(line.size, side)) * PANGO_SCALE), from, to + 1);
        add(pango_attr_weight_new(static_cast<PangoWeight>(line.weight)), from, to);
        const auto wide = [](std::uint8_t value) { return static_cast<guint16>(value * 257); };
        add(pango_attr_foreground_new(wide(line.colour.red), wide(line.colour.green), wide(line.colour.blue)), from, to);
        add(pango_attr_foreground_alpha_new(std::max<guint16>(1, wide(line.colour.alpha))), from, to);
        from = to + 1;
    }
    pango_layout_set_attributes(layout, attributes.get());
}

/// Boxes with numbers in them are no title.
void check_glyphs(PangoLayout* layout) {
    if (pango_layout_get_unknown_glyphs_count(layout) == 0) return;
    std::set<unsigned> missing;
    const Own<PangoLayoutIter> at(pango_layout_get_iter(layout));
    do {
        const PangoLayoutRun* run = pango_layout_iter_get_run_readonly(at.get());
        for (int i = 0; run != nullptr && i < run->glyphs->num_glyphs; ++i)
            if (const PangoGlyph glyph = run->glyphs->glyphs[i].glyph; (glyph & PANGO_GLYPH_UNKNOWN_FLAG) != 0 && glyph != PANGO_GLYPH_EMPTY)
                missing.insert(glyph & ~PANGO_GLYPH_UNKNOWN_FLAG);
    } while (pango_layout_iter_next_run(at.get()));
    std::string names;
    constexpr std::size_t enough = 5;
    for (const unsigned character : missing) {
        std::array<char, 16> name{};
        std::snprintf(name.data(), name.size(), "U+%04X", character);
        names += (names.empty() ? "" : ", ") + std::string(name.data());
        if (static_cast<std::size_t>(std::count(names.begin(), names.end(), 'U')) == enough) break;
    }
    throw Unsupported("no installed font has every character of a title: " + names, {.subject = names});
}

Text lay_out(const std::string& text, const Look& look, const std::string& font, std::int32_t width, std::int32_t side) {
    // An own font map: the process's default one belongs to the host.
    Text out{Own<PangoFontMap>(pango_cairo_font_map_new()), nullptr, nullptr};
    out.context.reset(pango_font_map_create_context(out.fonts.get()));
    // Neither the host's locale nor its screen decide how a title looks.
    pango_context_set_language(out.context.get(), pango_language_from_string("und"));
    const Own<cairo_font_options_t> options(cairo_font_options_create());
    cairo_font_options_set_antialias(options.get(), CAIRO_ANTIALIAS_GRAY);
    cairo_font_options_set_hint_style(options.get(), CAIRO_HINT_STYLE_NONE);
    cairo_font_options_set_hint_metrics(options.get(), CAIRO_HINT_METRICS_OFF);
    pango_cairo_context_set_font_options(out.context.get(), options.get());
    out.layout.reset(pango_layout_new(out.context.get()));
    pango_layout_set_width(out.layout.get(), thousandths(look.width, width) * PANGO_SCALE);
    pango_layout_set_wrap(out.layout.get(), PANGO_WRAP_WORD_CHAR);
    pango_layout_set_alignment(out.layout.get(), look.align == Look::Align::centre ? PANGO_ALIGN_CENTER : PANGO_ALIGN_LEFT);
    pango_layout_set_text(out.layout.get(), text.data(), static_cast<int>(text.size()));
    style_lines(out.layout.get(), text, look, side, family_list(out.fonts.get(), look, font));
    check_glyphs(out.layout.get());
    pango_layout_get_pixel_extents(out.layout.get(), &out.ink, &out.logical);
    return out;
}

bool has_own_colours(PangoFont* font) {
    hb_face_t* face = hb_font_get_face(pango_font_get_hb_font(font));
    return hb_ot_color_has_png(face) || hb_ot_color_has_layers(face) || hb_ot_color_has_svg(face);
}

/// The outlines of all letters. Emoji have none: they are pictures, and what would be traced of them lies beside them.
void outline(cairo_t* cairo, PangoLayout* layout, double x, double y) {
    cairo_new_path(cairo);
    const Own<PangoLayoutIter> at(pango_layout_get_iter(layout));
    do {
        const PangoLayoutRun* run = pango_layout_iter_get_run_readonly(at.get());
        if (run == nullptr || has_own_colours(run->item->analysis.font)) continue;
        PangoRectangle extents{};
        pango_layout_iter_get_run_extents(at.get(), nullptr, &extents);
        cairo_move_to(cairo, x + pango_units_to_double(extents.x), y + pango_units_to_double(pango_layout_iter_get_run_baseline(at.get())));
        pango_cairo_glyph_string_path(cairo, run->item->analysis.font, run->glyphs);
    } while (pango_layout_iter_next_run(at.get()));
}

void colour(cairo_t* cairo, const Look::Colour& c, double part = 1) {
    constexpr double most = 255;
    cairo_set_source_rgba(cairo, c.red / most, c.green / most, c.blue / most, c.alpha / most * part);
}

void rounded(cairo_t* cairo, double x, double y, double width, double height, double radius) {
    constexpr double quarter = 1.5707963267948966;
    const double r = std::min({radius, width / 2, height / 2});
    cairo_new_path(cairo);
    cairo_arc(cairo, x + width - r, y + r, r, -quarter, 0);
    cairo_arc(cairo, x + width - r, y + height - r, r, 0, quarter);
    cairo_arc(cairo, x + r, y + height - r, r, quarter, 2 * quarter);
    cairo_arc(cairo, x + r, y + r, r, 2 * quarter, 3 * quarter);
    cairo_close_path(cairo);
}

/// Where everything lies; the letters' extents are in the layout's own coordinates.
struct Box {
    std::int32_t width, height;   // of the bitmap
    double text_x, text_y;        // where the layout begins in it
};

void draw(cairo_t* cairo, const Text& text, const Look& look, const Box& box, double letter, bool rightward) {
    if (look.plate.alpha > 0) {
        const double bar = look.bar.width * letter / 1'000;
        rounded(cairo, 0, 0, box.width, box.height, look.corner * letter / 1'000);
        cairo_save(cairo);
        cairo_clip_preserve(cairo);
        colour(cairo, look.plate);
        cairo_fill(cairo);
        cairo_rectangle(cairo, rightward ? 0 : box.width - bar, 0, bar, box.height);
        cairo_set_operator(cairo, CAIRO_OPERATOR_SOURCE);
        colour(cairo, look.bar.colour);
        if (bar > 0) cairo_fill(cairo);
        cairo_restore(cairo);
    }
    cairo_new_path(cairo);
    cairo_set_line_join(cairo, CAIRO_LINE_JOIN_ROUND);
    if (look.shadow.width > 0) {   // rings that lie over each other: dark at the letters, gone at its width
        outline(cairo, text.layout.get(), box.text_x, box.text_y + letter / 24);
        for (int ring = 1; ring <= shadow_rings; ++ring) {
            colour(cairo, look.shadow.colour, 1.0 / shadow_rings);
            cairo_set_line_width(cairo, 2 * look.shadow.width * letter / 1'000 * ring / shadow_rings);
            cairo_stroke_preserve(cairo);
        }
        cairo_new_path(cairo);
    }
    if (look.edge.width > 0) {
        outline(cairo, text.layout.get(), box.text_x, box.text_y);
        colour(cairo, look.edge.colour);
        cairo_set_line_width(cairo, 2 * look.edge.width * letter / 1'000);
        cairo_stroke(cairo);
    }
    // Not filled as a path: glyphs with colours of their own keep them.
    cairo_move_to(cairo, box.text_x, box.text_y);
    pango_cairo_show_layout(cairo, text.layout.get());
}

}  // namespace

std::optional<media::Overlay> paint_title(const std::string& text, const Look& look, const std::string& font, std::int32_t width,
                                          std::int32_t height) {
    const std::int32_t side = std::min(width, height), letter = std::max(8, thousandths(look.lines.front().size, side));
    const Text laid = lay_out(text, look, font, width, side);
    if (laid.ink.width <= 0 || laid.ink.height <= 0) return std::nullopt;
    const bool rightward = pango_layout_get_direction(laid.layout.get(), 0) != PANGO_DIRECTION_RTL;

    // A plate goes round the lines, so that it does not jump with the letters; without one the ink alone counts.
    const bool plated = look.plate.alpha > 0;
    const PangoRectangle& inside = plated ? laid.logical : laid.ink;
    const std::int32_t around = std::max(look.edge.width, look.shadow.width);
    const std::int32_t pad = plated ? thousandths(look.padding, letter) : thousandths(around, letter) + letter / 24 + 2;
    const std::int32_t pad_y = plated ? pad / 2 : pad, bar = thousandths(look.bar.width, letter);
    Box box{.width = std::min(even_down(width), even_down(inside.width + 2 * pad + bar + 1)),
            .height = std::min(even_down(height), even_down(inside.height + 2 * pad_y + 1)),
            .text_x = static_cast<double>(pad + (rightward ? bar : 0) - inside.x), .text_y = static_cast<double>(pad_y - inside.y)};

    const Own<cairo_surface_t> surface(cairo_image_surface_create(CAIRO_FORMAT_ARGB32, box.width, box.height));
    const Own<cairo_t> cairo(cairo_create(surface.get()));
    draw(cairo.get(), laid, look, box, letter, rightward);
    cairo_surface_flush(surface.get());
    if (cairo_status(cairo.get()) != CAIRO_STATUS_SUCCESS || cairo_surface_status(surface.get()) != CAIRO_STATUS_SUCCESS)
        throw Unavailable("a title cannot be painted", {.subject = text.substr(0, 64)});

    const std::ptrdiff_t stride = cairo_image_surface_get_stride(surface.get());
    const unsigned char* pixels = cairo_image_surface_get_data(surface.get());
    const std::vector<std::uint8_t> copy(pixels, pixels + stride * box.height);
    const std::int32_t start = thousandths(look.x, width), y = thousandths(look.y, height);
    constexpr std::int32_t middle = 500;
    std::int32_t left = start - box.width / 2;
    if (look.align == Look::Align::start) left = rightward ? start : width - start - box.width;
    const std::int32_t top = look.y < middle ? y : look.y > middle ? y - box.height : y - box.height / 2;
    return media::overlay_from_bgra(copy, box.width, box.height, stride, even_down(std::clamp(left, 0, width - box.width)),
                                    even_down(std::clamp(top, 0, height - box.height)));
}

}  // namespace tenon::render
