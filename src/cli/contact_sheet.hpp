#pragma once

#include <tenon/picture.hpp>

#include "command.hpp"
#include "context.hpp"

namespace tenon::cli {

inline constexpr Option sheet_target{"--target", "FILE", "the PNG file to write", false, true};
inline constexpr Option sheet_grid{"--grid", "COLUMNSxROWS", "how many frames; default 4x3"};

/// Writes the contact sheet of what `options` name, laid out as the options above say.
int make_contact_sheet(const Context& context, const Args& args, const Session& session, ContactSheetOptions options);

}  // namespace tenon::cli
