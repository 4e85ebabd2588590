#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

enum class TransitionKind : std::uint8_t { cut = 0, crossfade = 1 };

/// How a clip follows the one before it.
struct Transition {
    TransitionKind kind = TransitionKind::cut;
    Duration duration{};                  ///< Both clips overlap by it, within their given ranges.
};

/// Both clips overlap by `duration`: picture and sound blend, and the edit is that much shorter.
TENON_API Transition crossfade(Duration duration);

/// A range of an asset, placed after what is there.
struct TimelineClip {
    AssetId asset{};                      ///< Required.
    Duration start{};                     ///< In the asset. Snaps to the nearest source frame.
    Duration end{};                       ///< In the asset, after start; 0: to its end.
    Transition transition{};              ///< From the clip before.
};

/// Text over the picture.
struct TimelineTitle {
    std::string text{};                   ///< Required. UTF-8.
    Duration start{};                     ///< In the edit.
    Duration duration{};                  ///< Required.
    std::string look{};                   ///< caption, centre, corner, lower_third, subtitle. Empty: caption.
    std::string font{};                   ///< Family, such as "Noto Serif"; must be installed. Empty: the look's own.
};

/// A still over the picture, below titles: a logo, a frame. Keeps its transparency and its proportions.
struct TimelineImage {
    AssetId asset{};                      ///< Required. PNG, JPEG, WebP …
    Duration start{};                     ///< In the edit.
    Duration duration{};                  ///< 0: to the end.
    double x = 0.5;                       ///< 0: flush with the left side, 1: with the right one, 0.5: in the middle.
    double y = 0.5;                       ///< 0: flush with the upper side, 1: with the lower one.
    double width = 0;                     ///< In parts of the picture's, 0 to 1; 0: its own pixels, on a picture of 1080 lines.
    double opacity = 1;                   ///< 0 to 1.
    Duration fade{};                      ///< How long it takes to appear, and to go. 0: at once.
};

/// An edit: what is shown when. A value; building it needs no engine.
class TENON_API Timeline {
public:
    void append(const TimelineClip& clip);
    void title(const TimelineTitle& title);
    void image(const TimelineImage& image);
    /// Colours everything: "cinematic_warm". Empty: no grade.
    void grade(const std::string& name);
    /// Colours everything, after the grade, by an asset that is a .cube file. Nil: no LUT.
    void lut(const AssetId& asset);

    std::vector<TimelineClip> clips() const;
    std::vector<TimelineTitle> titles() const;
    std::vector<TimelineImage> images() const;
    std::string grade_name() const;
    AssetId lut_asset() const;

    /// One JSON object with a version; from_json gives an equal timeline back.
    std::string to_json() const;
    /// Throws InvalidArgument naming the field.
    static Timeline from_json(const std::string& json);

private:
    std::vector<TimelineClip> clips_;
    std::vector<TimelineTitle> titles_;
    std::vector<TimelineImage> images_;
    std::string grade_;
    AssetId lut_{};
};

TENON_END
