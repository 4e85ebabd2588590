#include <base/file.hpp>

#include <cerrno>
#include <system_error>

namespace tenon::base {

Errc errc_of(int error) noexcept {
    switch (error) {
        case ENOENT:
        case ENOTDIR: return Errc::not_found;
        case EACCES:
        case EPERM:
        case EROFS: return Errc::permission_denied;
        case EEXIST:
        case ENOTEMPTY: return Errc::conflict;
        case ENOSPC:
        case EDQUOT:
        case EFBIG: return Errc::no_space;
        case EINVAL:
        case ENAMETOOLONG:
        case ELOOP:
        case EISDIR:
        case EILSEQ: return Errc::invalid_argument;
        case ENOSYS:
        case EOPNOTSUPP:
        case EXDEV:
        case EAFNOSUPPORT: return Errc::unsupported;
        case ECANCELED: return Errc::cancelled;
        // The machine or the other side may recover: asking again makes sense.
        case EIO:
        case EAGAIN:
        case EBUSY:
        case ETXTBSY:
        case ENOMEM:
        case EMFILE:
        case ENFILE:
        case ESTALE:
        case ETIMEDOUT:
        case ECONNREFUSED:
        case ECONNRESET:
        case ECONNABORTED:
        case EPIPE:
        case EHOSTUNREACH:
        case ENETUNREACH:
        case ENETDOWN:
        case ENODEV:
        case ENXIO:
        case EADDRINUSE: return Errc::unavailable;
        default: return Errc::internal_error;
    }
}

void throw_errno(const std::string& what, const std::string& subject, int error) {
    // generic_category's message is strerror_r's: no shared buffer, unlike strerror.
    throw_error(errc_of(error), what + ": " + std::generic_category().message(error), {.subject = subject});
}

void throw_errno(const std::string& what, const std::filesystem::path& subject) {
    throw_errno(what, subject.string(), errno);
}

}  // namespace tenon::base
