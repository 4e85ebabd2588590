#pragma once

#include <memory>

#include <pango/pangocairo.h>

namespace tenon::render {

struct ReleasePango {
    void operator()(cairo_surface_t* p) const noexcept { cairo_surface_destroy(p); }
    void operator()(cairo_t* p) const noexcept { cairo_destroy(p); }
    void operator()(cairo_font_options_t* p) const noexcept { cairo_font_options_destroy(p); }
    void operator()(PangoFontMap* p) const noexcept { g_object_unref(p); }
    void operator()(PangoContext* p) const noexcept { g_object_unref(p); }
    void operator()(PangoLayout* p) const noexcept { g_object_unref(p); }
    void operator()(PangoLayoutIter* p) const noexcept { pango_layout_iter_free(p); }
    void operator()(PangoAttrList* p) const noexcept { pango_attr_list_unref(p); }
    void operator()(PangoFontDescription* p) const noexcept { pango_font_description_free(p); }
};
/// An object of Pango's or Cairo's and its only owner.
template <class T> using Own = std::unique_ptr<T, ReleasePango>;

}  // namespace tenon::render
