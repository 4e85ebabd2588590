#pragma once

#include <tenon/picture.hpp>

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

inline constexpr Option png_target{"--target", "FILE", "the PNG file to write", false, true};
inline constexpr Option sheet_grid{"--grid", "COLUMNSxROWS", "how many frames; default 4x3"};
inline constexpr Option waveform_target{"--target", "FILE", "the PNG file to write"};
inline constexpr Option waveform_data{"--data", "FILE", "also write the data as JSON that web players such as peaks.js read"};
inline constexpr Option waveform_size{"--size", "WIDTHxHEIGHT", "of the picture; default 1600x400"};
inline constexpr Option waveform_points{"--points", "N", "of the data, at most; default 1000"};

inline constexpr Option frame_at{"--at", "TIME", "the frame's time; default the start"};
inline constexpr Option frame_width{"--width", "PIXELS", "of the picture; default its own"};

/// Writes one frame of what `options` name.
int make_frame(const Context& context, const Args& args, const Session& session, FrameImageOptions options);
/// Writes the contact sheet of what `options` name, laid out as the options above say.
int make_contact_sheet(const Context& context, const Args& args, const Session& session, ContactSheetOptions options);
/// Draws and measures the sound of what `options` name.
int make_waveform(const Context& context, const Args& args, const Session& session, WaveformOptions options);

/// A file that was drawn.
int show_picture(const Context& context, const std::string& what, const std::filesystem::path& path);

}  // namespace tenon::cli
