#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include <media/colour_table.hpp>
#include <render/cube.hpp>
#include <render/source.hpp>

namespace tenon::render {

/// A look, as share/tenon/grades/<name>.json says it. Works on display-referred R'G'B'.
struct Grade {
    std::array<double, 3> lift{}, gamma{1, 1, 1}, gain{1, 1, 1};
    double contrast = 1, pivot = 0.435, saturation = 1;

    std::array<double, 3> apply(std::array<double, 3> rgb) const;
};

/// Throws InvalidArgument naming the field.
Grade parse_grade(const std::string& json);
/// Empty name: none. Throws NotFound, listing those there are.
std::optional<Grade> find_grade(const std::string& name);

/// The whole chain of one source as one table: its matrix, the grade, the LUT if there is one, BT.709. Null if nothing changes.
std::shared_ptr<const media::ColourTable> colour_chain(const Source& source, const std::optional<Grade>& grade, const Cube* lut = nullptr);

}  // namespace tenon::render
