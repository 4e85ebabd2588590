#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>

#include <crypto/hash.hpp>
#include <media/stream.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

namespace tenon::render {

/// What a plan must know of an asset. Everything here decides the bytes of what is rendered.
struct Source {
    AssetId asset{};
    crypto::Digest sha256{};            ///< Of its file.
    std::int64_t file_size = 0;
    std::optional<Time> stored_at{};  ///< The file's time of change as it was stored; a run reads a file of another one first.
    std::int32_t width = 0, height = 0;
    Rational sample_aspect{1, 1};
    std::int32_t rotation = 0;          ///< Clockwise degrees.
    media::Colour colour{};             ///< With guesses where the file says nothing.
    bool colour_guessed = false;
    Rational rate{25, 1};
    bool rate_guessed = false;
    Duration duration{};                ///< Of its pictures.
    bool has_sound = false;
};

/// Looks into the file. Throws what media::probe does; Unsupported if it has no pictures or only in HDR.
Source inspect(const AssetId& asset, const std::filesystem::path& path, const crypto::Digest& sha256,
               std::stop_token stop = {});

}  // namespace tenon::render
