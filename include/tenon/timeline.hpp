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
};

/// An edit: what is shown when. A value; building it needs no engine.
class TENON_API Timeline {
public:
    void append(const TimelineClip& clip);
    void title(const TimelineTitle& title);
    /// Colours everything: "cinematic_warm". Empty: no grade.
    void grade(const std::string& name);

    std::vector<TimelineClip> clips() const;
    std::vector<TimelineTitle> titles() const;
    std::string grade_name() const;

    /// One JSON object with a version; from_json gives an equal timeline back.
    std::string to_json() const;
    /// Throws InvalidArgument naming the field.
    static Timeline from_json(const std::string& json);

private:
    std::vector<TimelineClip> clips_;
    std::vector<TimelineTitle> titles_;
    std::string grade_;
};

TENON_END
