#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <optional>
#include <string>

#include <tenon/config.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

/// What kind of failure this is. Numbers are stored and sent over wires: they never change.
enum class Errc : std::uint16_t {
    invalid_argument = 1,
    unauthenticated = 2,
    permission_denied = 3,
    not_found = 4,
    conflict = 5,
    quota_exceeded = 6,
    rate_limited = 7,
    unsupported = 8,
    corrupt = 9,
    no_space = 10,
    unavailable = 11,
    cancelled = 12,
    closed = 13,
    internal_error = 14,
};

/// The code's name: "not_found".
TENON_API const char* to_string(Errc code) noexcept;

/// The details of an error beyond its code and message. All optional.
struct ErrorInfo {
    std::string subject{};                  ///< Which snapshot, camera, option or frame.
    std::string resource{};                 ///< The quota or rate that ran out.
    std::optional<std::int64_t> limit{};    ///< Its limit, in the resource's unit.
    std::optional<std::int64_t> used{};     ///< What was used or held when the call was refused.
    std::optional<Time> resets_at{};        ///< When asking again can succeed.
    std::optional<bool> retryable{};        ///< Unset: what the code implies.
};

/// Everything the library throws. One subclass per code.
///
/// Either a call happened or it threw; nothing is left half-made. Messages are for people and hold no secrets.
class TENON_API Error : public std::exception {
public:
    Error(Errc code, std::string message, ErrorInfo info = {});
    Error(const Error&) noexcept;
    Error& operator=(const Error&) noexcept;
    ~Error() override;  // out of line, so that catching works across libraries

    Errc code() const noexcept;
    /// What failed and what to try.
    const char* what() const noexcept override;
    const std::string& subject() const noexcept;
    /// Whether the same call may succeed later without anything else being changed.
    bool retryable() const noexcept;
    const std::string& resource() const noexcept;
    std::optional<std::int64_t> limit() const noexcept;
    std::optional<std::int64_t> used() const noexcept;
    std::optional<Time> resets_at() const noexcept;

private:
    struct Impl;
    std::shared_ptr<const Impl> impl_;
};

#define TENON_ERROR(Name, Code)                                \
    class TENON_API Name : public Error {                      \
    public:                                                    \
        explicit Name(std::string message, ErrorInfo info = {}); \
        Name(const Name&) noexcept;                            \
        Name& operator=(const Name&) noexcept;                 \
        ~Name() override;                                      \
    };

TENON_ERROR(InvalidArgument, invalid_argument)
TENON_ERROR(Unauthenticated, unauthenticated)
TENON_ERROR(PermissionDenied, permission_denied)
TENON_ERROR(NotFound, not_found)
TENON_ERROR(Conflict, conflict)
TENON_ERROR(QuotaExceeded, quota_exceeded)
TENON_ERROR(RateLimited, rate_limited)
TENON_ERROR(Unsupported, unsupported)
TENON_ERROR(Corrupt, corrupt)
TENON_ERROR(NoSpace, no_space)
TENON_ERROR(Unavailable, unavailable)
TENON_ERROR(Cancelled, cancelled)
TENON_ERROR(Closed, closed)
TENON_ERROR(InternalError, internal_error)

/// Throws the subclass that belongs to `code`.
[[noreturn]] TENON_API void throw_error(Errc code, std::string message, ErrorInfo info = {});

TENON_END
