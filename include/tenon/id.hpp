#pragma once

#include <cstdint>
#include <string>

#include <tenon/config.hpp>

/// Ids are UUIDv7: sixteen bytes that sort by the time they were made. As text they are a prefix that names their kind
/// and 26 characters of lower-case Crockford base32: `prj_01jd8w…`. A default id is nil and names nothing.
#define TENON_ID(Name, prefix_)                                                                  \
    struct TENON_API Name {                                                                      \
        std::uint64_t high = 0; /**< The first eight bytes, big endian. */                       \
        std::uint64_t low = 0;                                                                   \
        static const char* prefix() noexcept;                                                    \
        /** Throws InvalidArgument unless `text` is the text of exactly this kind of id. */      \
        static Name parse(const std::string& text);                                              \
        std::string text() const;                                                                \
        bool is_nil() const noexcept { return high == 0 && low == 0; }                           \
        TENON_ID_COMPARE(Name)                                                                   \
    };

#ifdef SWIG
#define TENON_ID_COMPARE(Name)
#else
#include <compare>
#define TENON_ID_COMPARE(Name) friend constexpr auto operator<=>(const Name&, const Name&) = default;
#endif

TENON_BEGIN

TENON_ID(TenantId, "ten_")
TENON_ID(PartnerId, "par_")
TENON_ID(ProjectId, "prj_")
TENON_ID(AssetId, "ast_")
TENON_ID(JobId, "job_")
TENON_ID(HoldId, "hld_")
TENON_ID(SiteId, "sit_")
TENON_ID(CameraId, "cam_")
TENON_ID(SnapshotId, "snp_")

TENON_END
