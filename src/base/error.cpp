#include <tenon/error.hpp>

#include <array>
#include <utility>

TENON_BEGIN

struct Error::Impl {
    Errc code;
    std::string message;
    ErrorInfo info;
};

namespace {

constexpr std::array<const char*, 15> names{
    "ok",           "invalid_argument", "unauthenticated", "permission_denied", "not_found",
    "conflict",     "quota_exceeded",   "rate_limited",    "unsupported",       "corrupt",
    "no_space",     "unavailable",      "cancelled",       "closed",            "internal_error"};

bool implies_retry(Errc code) {
    return code == Errc::rate_limited || code == Errc::unavailable;
}

}  // namespace

const char* to_string(Errc code) noexcept {
    const auto index = static_cast<std::size_t>(code);
    return index < names.size() ? names[index] : "unknown";
}

Error::Error(Errc code, std::string message, ErrorInfo info)
    : impl_(std::make_shared<const Impl>(Impl{code, std::move(message), std::move(info)})) {}
Error::Error(const Error&) noexcept = default;
Error& Error::operator=(const Error&) noexcept = default;
Error::~Error() = default;

Errc Error::code() const noexcept { return impl_->code; }
const char* Error::what() const noexcept { return impl_->message.c_str(); }
const std::string& Error::subject() const noexcept { return impl_->info.subject; }
bool Error::retryable() const noexcept { return impl_->info.retryable.value_or(implies_retry(impl_->code)); }
const std::string& Error::resource() const noexcept { return impl_->info.resource; }
std::optional<std::int64_t> Error::limit() const noexcept { return impl_->info.limit; }
std::optional<std::int64_t> Error::used() const noexcept { return impl_->info.used; }
std::optional<Time> Error::resets_at() const noexcept { return impl_->info.resets_at; }

#define TENON_DEFINE_ERROR(Name, Code)                                                            \
    Name::Name(std::string message, ErrorInfo info) : Error(Errc::Code, std::move(message), std::move(info)) {} \
    Name::Name(const Name&) noexcept = default;                                                   \
    Name& Name::operator=(const Name&) noexcept = default;                                        \
    Name::~Name() = default;

TENON_DEFINE_ERROR(InvalidArgument, invalid_argument)
TENON_DEFINE_ERROR(Unauthenticated, unauthenticated)
TENON_DEFINE_ERROR(PermissionDenied, permission_denied)
TENON_DEFINE_ERROR(NotFound, not_found)
TENON_DEFINE_ERROR(Conflict, conflict)
TENON_DEFINE_ERROR(QuotaExceeded, quota_exceeded)
TENON_DEFINE_ERROR(RateLimited, rate_limited)
TENON_DEFINE_ERROR(Unsupported, unsupported)
TENON_DEFINE_ERROR(Corrupt, corrupt)
TENON_DEFINE_ERROR(NoSpace, no_space)
TENON_DEFINE_ERROR(Unavailable, unavailable)
TENON_DEFINE_ERROR(Cancelled, cancelled)
TENON_DEFINE_ERROR(Closed, closed)
TENON_DEFINE_ERROR(InternalError, internal_error)

void throw_error(Errc code, std::string message, ErrorInfo info) {
    switch (code) {
        case Errc::invalid_argument: throw InvalidArgument(std::move(message), std::move(info));
        case Errc::unauthenticated: throw Unauthenticated(std::move(message), std::move(info));
        case Errc::permission_denied: throw PermissionDenied(std::move(message), std::move(info));
        case Errc::not_found: throw NotFound(std::move(message), std::move(info));
        case Errc::conflict: throw Conflict(std::move(message), std::move(info));
        case Errc::quota_exceeded: throw QuotaExceeded(std::move(message), std::move(info));
        case Errc::rate_limited: throw RateLimited(std::move(message), std::move(info));
        case Errc::unsupported: throw Unsupported(std::move(message), std::move(info));
        case Errc::corrupt: throw Corrupt(std::move(message), std::move(info));
        case Errc::no_space: throw NoSpace(std::move(message), std::move(info));
        case Errc::unavailable: throw Unavailable(std::move(message), std::move(info));
        case Errc::cancelled: throw Cancelled(std::move(message), std::move(info));
        case Errc::closed: throw Closed(std::move(message), std::move(info));
        case Errc::internal_error: break;
    }
    throw InternalError(std::move(message), std::move(info));
}

TENON_END
