#include <render/preset.hpp>

#include <base/json.hpp>
#include <base/text.hpp>
#include <tenon/error.hpp>

#include "shipped_data.hpp"

namespace tenon::render {
namespace {

using base::Json;

constexpr std::int64_t preset_version = 1;

void expect(const Json& json, const char* field, const char* only) {
    if (json.get_string(field) != only)
        throw InvalidArgument(std::string("only ") + only + " is known here", {.subject = field});
}

/// "keep", or what the sound is brought to.
std::int32_t loudness(const Json& json) {
    if (json.is_string() && json.as_string("loudness") == "keep") return 0;
    const std::int64_t target = json.as_int("loudness");
    check_loudness(target);
    return static_cast<std::int32_t>(target);
}

}  // namespace

void check_loudness(std::int64_t target) {
    constexpr std::int64_t softest = -40, loudest = -5;
    if (target < softest || target > loudest) throw InvalidArgument("loudness lies between -40 and -5 LUFS", {.subject = "loudness"});
}

Preset parse_preset(const std::string& text) {
    const Json json = base::parse_json(text, {}, "preset");
    json.allow_only({"version", "name", "extension", "picture", "sound"});
    if (json.get_int("version") != preset_version) throw InvalidArgument("this version of a preset is not known", {.subject = "version"});
    Preset preset;
    preset.name = json.get_string("name");
    base::check_name("name", preset.name);
    preset.extension = json.get_string("extension");
    if (preset.extension != "mp4" && preset.extension != "mov") throw InvalidArgument("only mp4 and mov are known here", {.subject = "extension"});

    const Json& picture = json.at("picture");
    picture.allow_only({"codec", "profile", "speed", "crf", "gop_ms", "threads", "width", "height", "fit"});
    expect(picture, "codec", "h264");
    preset.profile = picture.get_string("profile");
    preset.speed = picture.get_string("speed");
    preset.crf = in_range(picture, "crf", 0, 51);
    preset.gop = std::chrono::milliseconds(in_range(picture, "gop_ms", 100, 10'000));
    preset.threads = in_range(picture, "threads", 1, 16);
    preset.width = in_range(picture, "width", 16, 8'192);
    preset.height = in_range(picture, "height", 16, 8'192);
    if (preset.width % 2 || preset.height % 2) throw InvalidArgument("pictures have even sides", {.subject = "width"});
    const std::string& fit = picture.get_string("fit");
    if (fit != "fit" && fit != "fill") throw InvalidArgument("fit is fit or fill", {.subject = "fit"});
    preset.fit = fit == "fill" ? Fit::fill : Fit::fit;

    const Json& sound = json.at("sound");
    sound.allow_only({"codec", "bits_per_second", "rate", "channels", "loudness"});
    expect(sound, "codec", "aac");
    preset.sound.bits_per_second = in_range(sound, "bits_per_second", 32'000, 512'000);
    preset.sound.rate = in_range(sound, "rate", 8'000, 96'000);
    preset.sound.channels = in_range(sound, "channels", 1, 2);
    preset.loudness = loudness(sound.at("loudness"));
    return preset;
}

std::vector<std::string> preset_names() {
    std::vector<std::string> names;
    for (const Shipped& shipped : shipped_presets()) names.emplace_back(shipped.name);
    return names;
}

Preset find_preset(const std::string& name) {
    return parse_preset(std::string(shipped_text(shipped_presets(), name, "there is no such output")));
}

}  // namespace tenon::render
