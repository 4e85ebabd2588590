#pragma once

#include <string>

#include <media/stream.hpp>
#include <tenon/units.hpp>

#include "canvas.hpp"

namespace tenon::render {

/// A number with so many digits behind the point, whatever the host's locale.
std::string fixed(double value, int digits);
/// A moment for people, as exact as a picture of `span` needs: "0:07.3", "12:03", "1:02:03".
std::string moment(Duration at, Duration span);
/// "12.3 s", "4:05", "1:02:03"
std::string length_text(Duration length);
/// "25 fps", "29.97 fps"; empty if it is not known.
std::string rate_text(Rational rate);
/// "h264 1920×1080, 25 fps", upright and with square pixels.
std::string picture_text(const media::StreamInfo& video);
/// "aac 48000 Hz, 2 ch"
std::string sound_text(const media::StreamInfo& audio);
/// The parts that say something, with dots between.
std::string joined(std::initializer_list<std::string> parts);

/// How far apart the marks of a ruler are that spans `span` and has room for `most` of them.
Duration ruler_step(Duration span, int most);

/// Title and details at the top of a picture that is drawn `unit` times its plain size. Returns the height taken.
double draw_header(Canvas& canvas, double margin, double width, double unit, const std::string& title, const std::string& details);
inline constexpr double header_height = 60;   // at unit 1

}  // namespace tenon::render
