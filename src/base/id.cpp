#include <base/id.hpp>

#include <mutex>
#include <string_view>

#include <sys/random.h>

#include <tenon/error.hpp>
#include <tenon/principal.hpp>

namespace tenon {
namespace {

// Crockford base32: no i, l, o, u, so that an id survives being read aloud.
constexpr std::string_view alphabet = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr int id_digits = 26;  // 130 bits hold 128; the first digit is 0 to 7

std::string encode(std::uint64_t high, std::uint64_t low) {
    std::string text(id_digits, '0');
    unsigned __int128 value = (static_cast<unsigned __int128>(high) << 64) | low;
    for (int i = id_digits; i-- > 0; value >>= 5) text[static_cast<std::size_t>(i)] = alphabet[static_cast<std::size_t>(value & 31)];
    return text;
}

bool decode(std::string_view text, std::uint64_t& high, std::uint64_t& low) {
    if (text.size() != id_digits || text[0] > '7') return false;
    unsigned __int128 value = 0;
    for (const char c : text) {
        const auto digit = alphabet.find(c);
        if (digit == std::string_view::npos) return false;
        value = (value << 5) | digit;
    }
    high = static_cast<std::uint64_t>(value >> 64);
    low = static_cast<std::uint64_t>(value);
    return true;
}

template <class Id> Id parse_id(const std::string& text) {
    const std::string_view prefix = Id::prefix();
    Id id;
    if (!text.starts_with(prefix) || !decode(std::string_view(text).substr(prefix.size()), id.high, id.low))
        throw InvalidArgument("not an id of this kind: expected " + std::string(prefix) + " and 26 characters",
                              {.subject = text.substr(0, 64)});
    return id;
}

}  // namespace

#define TENON_DEFINE_ID(Name, prefix_)                                   \
    const char* Name::prefix() noexcept { return prefix_; }              \
    Name Name::parse(const std::string& text) { return parse_id<Name>(text); } \
    std::string Name::text() const { return prefix_ + encode(high, low); }

TENON_DEFINE_ID(TenantId, "ten_")
TENON_DEFINE_ID(PartnerId, "par_")
TENON_DEFINE_ID(ProjectId, "prj_")
TENON_DEFINE_ID(AssetId, "ast_")
TENON_DEFINE_ID(JobId, "job_")
TENON_DEFINE_ID(HoldId, "hld_")
TENON_DEFINE_ID(SiteId, "sit_")
TENON_DEFINE_ID(CameraId, "cam_")
TENON_DEFINE_ID(SnapshotId, "snp_")
TENON_DEFINE_ID(UserId, "usr_")
TENON_DEFINE_ID(RoleId, "rol_")
TENON_DEFINE_ID(KeyId, "key_")
TENON_DEFINE_ID(LoginId, "lgn_")
TENON_DEFINE_ID(IssuerId, "iss_")

namespace base {

IdBytes id_bytes(std::uint64_t high, std::uint64_t low) {
    IdBytes bytes;
    for (int i = 0; i < 8; ++i) {
        bytes[static_cast<std::size_t>(i)] = static_cast<std::uint8_t>(high >> (56 - 8 * i));
        bytes[static_cast<std::size_t>(i + 8)] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
    }
    return bytes;
}

IdWords id_words(std::span<const std::uint8_t, 16> bytes) {
    IdWords words{0, 0};
    for (std::size_t i = 0; i < 8; ++i) {
        words.high = (words.high << 8) | bytes[i];
        words.low = (words.low << 8) | bytes[i + 8];
    }
    return words;
}

IdWords new_id_words(Time now) {
    static std::mutex mutex;
    static std::uint64_t last_stamp = 0;  // guarded by mutex: milliseconds << 12 | counter
    std::uint64_t random = 0;
    if (getrandom(&random, sizeof random, 0) != sizeof random)
        throw Unavailable("the system's random source did not answer");
    const auto ms = static_cast<std::uint64_t>(now.time_since_epoch().count() / 1000) & 0xffffffffffffULL;
    std::uint64_t stamp = ms << 12;
    {
        const std::lock_guard lock(mutex);
        // A clock that stands still or steps back must not make ids that sort before their elders.
        if (stamp <= last_stamp) stamp = last_stamp + 1;
        last_stamp = stamp;
    }
    return {(stamp >> 12 << 16) | 0x7000 | (stamp & 0xfff), (random >> 2) | 0x8000000000000000ULL};
}

}  // namespace base
}  // namespace tenon
