#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/frame.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct SessionImpl;

/// A media file of a project: film, sound, a still, or a colour table (.cube).
struct Asset {
    AssetId id{};
    ProjectId project{};
    std::string name{};
    std::filesystem::path path{};        ///< Within the workspace. Read only.
    std::filesystem::path thumbnail{};   ///< JPEG; empty if the asset has no picture.
    Bytes size{};
    std::string sha256{};                ///< Hex.
    std::string container{};             ///< "mp4"; "cube": a colour table.
    Duration duration{};
    std::string video_codec{};           ///< "h264"; empty: no picture.
    std::int32_t width = 0;              ///< As shown, in pixels.
    std::int32_t height = 0;
    Rational frame_rate{0, 1};
    std::string audio_codec{};           ///< "aac"; empty: no sound.
    std::int32_t sample_rate = 0;        ///< Hz
    std::int32_t channels = 0;
    Time created_at{};
};

struct ImportOptions {
    ProjectId project{};                 ///< Required.
    std::filesystem::path path{};        ///< Required. Copied; the original stays as it is.
    std::string name{};                  ///< Empty: the file's name.
};

struct AssetFilter {
    std::optional<ProjectId> project{};  ///< Unset: every project.
    std::optional<AssetId> after{};      ///< The last one of the page before.
    std::int32_t limit = 100;            ///< 1 to 1000, oldest first.
};

class TENON_API Assets {
public:
    /// Copies a media file into the workspace, probes it and makes its thumbnail.
    ///
    /// Throws    InvalidArgument, NotFound (file or project), Unsupported (not media), Corrupt, QuotaExceeded (storage),
    ///           NoSpace. Nothing is left of a failed import.
    Asset import_file(const ImportOptions& options);
    Asset get(const AssetId& id) const;
    [[nodiscard]] std::optional<Asset> find(const AssetId& id) const;
    std::vector<Asset> list(const AssetFilter& filter = {}) const;
    void remove(const AssetId& id);

    /// The frame shown at a time, decoded while the call lasts.
    ///
    /// Throws    InvalidArgument naming the field, NotFound, Unsupported (it has no pictures), Corrupt.
    Frame frame(const AssetId& id, const FrameOptions& options = {}) const;
    /// Its frames, one after the other. Throws the same.
    FrameStream frames(const AssetId& id, const FramesOptions& options = {}) const;

private:
    friend struct Internal;
    explicit Assets(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
