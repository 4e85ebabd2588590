#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <media/encoder.hpp>
#include <tenon/units.hpp>

namespace tenon::render {

/// How a picture gets into a frame of another shape: whole with black beside it, or cropped to fill it.
enum class Fit : std::uint8_t { fit, fill };

/// One kind of output, as share/tenon/presets/<name>.json says it.
struct Preset {
    std::string name{};
    std::string extension{};
    std::int32_t width = 0, height = 0;
    Fit fit = Fit::fit;
    std::string profile{};
    std::string speed{};
    std::int32_t crf = 0;
    Duration gop{};
    std::int32_t threads = 0;
    media::AudioEncoding sound{};
    std::int32_t loudness = 0;              ///< LUFS; 0: as mixed.
};

/// Throws InvalidArgument unless it is a loudness, in LUFS, that sound can be brought to.
void check_loudness(std::int64_t target);

/// Throws InvalidArgument naming the field; unknown fields are errors.
Preset parse_preset(const std::string& json);

/// One that was compiled in. Throws NotFound, listing those there are.
Preset find_preset(const std::string& name);
std::vector<std::string> preset_names();

}  // namespace tenon::render
