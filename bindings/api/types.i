// What both languages know of the public vocabulary before any header is read.

// Opaque: each has typemaps of its own, and a type without one would become a SWIGTYPE_p_… class, which fails the build.
namespace std {
typedef int int32_t;
typedef long long int64_t;
typedef unsigned char uint8_t;
typedef unsigned short uint16_t;
typedef unsigned long long uint64_t;
class string;
template <class T> class optional;
template <class T> class vector;
namespace filesystem { class path; }
}
namespace tenon {
class Time;
class Duration;
class Buffer;
}
%warnfilter(302) tenon::Time;
%warnfilter(302) tenon::Duration;
%warnfilter(302) tenon::Buffer;

// Counts fit into a signed number of 64 bits.
%apply long long { unsigned long long, const unsigned long long& };

// Exceptions are classes of their own in each language; engine handles are made by the engine alone.
%ignore tenon::Error;
%ignore tenon::ErrorInfo;
%ignore tenon::throw_error;
%ignore tenon::InvalidArgument;
%ignore tenon::Unauthenticated;
%ignore tenon::PermissionDenied;
%ignore tenon::NotFound;
%ignore tenon::Conflict;
%ignore tenon::QuotaExceeded;
%ignore tenon::RateLimited;
%ignore tenon::Unsupported;
%ignore tenon::Corrupt;
%ignore tenon::NoSpace;
%ignore tenon::Unavailable;
%ignore tenon::Cancelled;
%ignore tenon::Closed;
%ignore tenon::InternalError;
%ignore tenon::Engine::Engine(Engine&&);
%ignore tenon::Engine::operator=;
