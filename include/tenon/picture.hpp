#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <tenon/config.hpp>
#include <tenon/id.hpp>

TENON_BEGIN

struct Internal;
struct SessionImpl;

struct ContactSheetOptions {
    std::optional<AssetId> asset{};        ///< Of this asset …
    std::string exported{};                ///< … or of this export. One of the two is required.
    std::filesystem::path target{};        ///< Required. A PNG file of the host's; one that is there is replaced.
    std::int32_t columns = 4;              ///< 1 to 16.
    std::int32_t rows = 3;                 ///< 1 to 16.
    std::int32_t cell_width = 320;         ///< Pixels, 16 to 4096; the height follows the picture's shape.
};

/// Pictures of what the workspace holds, for people who look rather than read.
class TENON_API Pictures {
public:
    /// columns x rows frames, evenly spread. Throws InvalidArgument, NotFound, Unsupported (no picture), Corrupt, NoSpace.
    void contact_sheet(const ContactSheetOptions& options) const;

private:
    friend struct Internal;
    explicit Pictures(std::shared_ptr<SessionImpl> impl);
    std::shared_ptr<SessionImpl> impl_;
};

TENON_END
