#include "grade.hpp"

#include <algorithm>
#include <cmath>

#include <base/json.hpp>
#include <media/colour.hpp>
#include <tenon/error.hpp>

#include "shipped_data.hpp"

namespace tenon::render {
namespace {

using base::Json;
using Rgb = std::array<double, 3>;

constexpr std::int64_t grade_version = 1;
constexpr double thousandth = 0.001;

double number(const Json& value, const char* field, std::int64_t least, std::int64_t most) {
    const std::int64_t n = value.as_int(field);
    if (n < least || n > most) throw InvalidArgument("a number of the grade is out of range", {.subject = field});
    return static_cast<double>(n) * thousandth;
}

Rgb triple(const Json& json, const char* field, std::int64_t least, std::int64_t most) {
    const auto& list = json.get_array(field);
    if (list.size() != 3) throw InvalidArgument("one number each for red, green and blue", {.subject = field});
    return {number(list[0], field, least, most), number(list[1], field, least, most), number(list[2], field, least, most)};
}

}  // namespace

std::array<double, 3> Grade::apply(std::array<double, 3> rgb) const {
    constexpr double red = 0.2126, blue = 0.0722;
    Rgb out{};
    for (std::size_t i = 0; i < 3; ++i) {
        const double lifted = rgb[i] * gain[i] + lift[i] * (1 - rgb[i]);
        const double curved = std::pow(std::clamp(lifted, 0.0, 1.0), 1 / gamma[i]);
        out[i] = (curved - pivot) * contrast + pivot;
    }
    const double luma = red * out[0] + (1 - red - blue) * out[1] + blue * out[2];
    for (double& channel : out) channel = luma + (channel - luma) * saturation;
    return out;
}

Grade parse_grade(const std::string& text) {
    const Json json = base::parse_json(text, {}, "grade");
    json.allow_only({"version", "name", "lift", "gamma", "gain", "contrast", "pivot", "saturation"});
    if (json.get_int("version") != grade_version) throw InvalidArgument("this version of a grade is not known", {.subject = "version"});
    Grade grade;
    grade.lift = triple(json, "lift", -500, 500);
    grade.gamma = triple(json, "gamma", 200, 5'000);
    grade.gain = triple(json, "gain", 0, 4'000);
    grade.contrast = number(json.at("contrast"), "contrast", 0, 4'000);
    grade.pivot = number(json.at("pivot"), "pivot", 0, 1'000);
    grade.saturation = number(json.at("saturation"), "saturation", 0, 4'000);
    return grade;
}

std::optional<Grade> find_grade(const std::string& name) {
    if (name.empty()) return std::nullopt;
    return parse_grade(std::string(shipped_text(shipped_grades(), name, "there is no such grade")));
}

std::shared_ptr<const media::ColourTable> colour_chain(const Source& source, const std::optional<Grade>& grade, const Cube* lut) {
    const std::uint8_t matrix = source.colour.matrix;
    if (matrix == media::bt709 && !grade && lut == nullptr) return nullptr;
    return std::make_shared<const media::ColourTable>([&](const media::ColourTable::Pixel& pixel) {
        const Rgb rgb = media::to_rgb(pixel, matrix);
        if (!grade && lut == nullptr) return media::to_yuv(rgb, media::bt709);
        // What lies outside of the cube keeps its distance: clipping here would be seen as flat patches.
        Rgb inside{}, result{};
        for (std::size_t i = 0; i < 3; ++i) inside[i] = std::clamp(rgb[i], 0.0, 1.0);
        Rgb graded = grade ? grade->apply(inside) : inside;
        if (lut != nullptr) graded = lut->apply(graded);
        for (std::size_t i = 0; i < 3; ++i) result[i] = graded[i] + rgb[i] - inside[i];
        return media::to_yuv(result, media::bt709);
    });
}

}  // namespace tenon::render
