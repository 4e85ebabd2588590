#include "av.hpp"

#include <array>
#include <cerrno>
#include <limits>
#include <mutex>
#include <string_view>

namespace tenon::media {
namespace {

thread_local int quiet_depth = 0;

/// Those a context's `opaque` may point to: in a context of the host's it can be anything.
struct Listeners {
    std::mutex mutex;
    std::set<const Concealed*> all;
};
Listeners& listeners() {
    static auto& one = *new Listeners;   // never destroyed: decoders of static objects may outlive it
    return one;
}

/// Told by the threads of decoders too.
void hear(void* context, const char* format) {
    if (context == nullptr || *static_cast<const AVClass* const*>(context) != avcodec_get_class()) return;
    if (!std::string_view(format).starts_with("concealing")) return;
    const auto& codec = *static_cast<const AVCodecContext*>(context);
    const std::lock_guard lock(listeners().mutex);
    if (auto* one = static_cast<Concealed*>(codec.opaque); listeners().all.contains(one)) one->add(codec.reordered_opaque);
}

void log_unless_quiet(void* context, int level, const char* format, va_list arguments) {
    hear(context, format);
    if (quiet_depth == 0) av_log_default_callback(context, level, format, arguments);
}

}  // namespace

Quiet::Quiet() noexcept {
    static std::once_flag once;
    std::call_once(once, [] { av_log_set_callback(log_unless_quiet); });
    ++quiet_depth;
}
Quiet::~Quiet() { --quiet_depth; }

Concealed::Concealed(AVCodecContext& context) {
    context.opaque = this;
    const std::lock_guard lock(listeners().mutex);
    listeners().all.insert(this);
}

Concealed::~Concealed() {
    const std::lock_guard lock(listeners().mutex);
    listeners().all.erase(this);
}

void Concealed::add(std::int64_t packet) {
    packets_.insert(packet);
    if (packets_.size() > most) packets_.erase(packets_.begin());
}

bool Concealed::take(std::int64_t packet) {
    const std::lock_guard lock(listeners().mutex);
    return packets_.erase(packet) != 0;
}

Errc errc_of(int av_error) noexcept {
    switch (av_error) {
        case AVERROR_INVALIDDATA:
        case AVERROR_EOF:
        case AVERROR(EINVAL):
        case AVERROR(ERANGE):
        case AVERROR(EDOM): return Errc::corrupt;
        case AVERROR_DECODER_NOT_FOUND:
        case AVERROR_DEMUXER_NOT_FOUND:
        case AVERROR_ENCODER_NOT_FOUND:
        case AVERROR_MUXER_NOT_FOUND:
        case AVERROR_FILTER_NOT_FOUND:
        case AVERROR_BSF_NOT_FOUND:
        case AVERROR_PROTOCOL_NOT_FOUND:
        case AVERROR_STREAM_NOT_FOUND:
        case AVERROR_OPTION_NOT_FOUND:
        case AVERROR_PATCHWELCOME:
        case AVERROR_EXPERIMENTAL:
        case AVERROR(ENOSYS): return Errc::unsupported;
        case AVERROR_EXIT: return Errc::cancelled;
        case AVERROR_HTTP_UNAUTHORIZED: return Errc::unauthenticated;
        case AVERROR_HTTP_FORBIDDEN:
        case AVERROR(EACCES):
        case AVERROR(EPERM):
        case AVERROR(EROFS): return Errc::permission_denied;
        case AVERROR_HTTP_NOT_FOUND:
        case AVERROR(ENOENT):
        case AVERROR(ENOTDIR): return Errc::not_found;
        case AVERROR(ENAMETOOLONG):
        case AVERROR(ELOOP): return Errc::invalid_argument;
        case AVERROR(EEXIST): return Errc::conflict;
        case AVERROR(ENOSPC):
        case AVERROR(EDQUOT):
        case AVERROR(EFBIG): return Errc::no_space;
        case AVERROR_BUG:
        case AVERROR_BUG2:
        case AVERROR_BUFFER_TOO_SMALL: return Errc::internal_error;
        default: return Errc::unavailable;   // networks, memory, devices: trying again can help
    }
}

std::string av_text(int av_error) {
    std::array<char, AV_ERROR_MAX_STRING_SIZE> text{};
    av_strerror(av_error, text.data(), text.size());
    return text.data();
}

void throw_av(int av_error, const std::string& what, const std::string& subject) {
    throw_error(errc_of(av_error), what + ": " + av_text(av_error), {.subject = subject});
}

AVRational to_av(Rational r) {
    constexpr std::int64_t most = std::numeric_limits<int>::max();
    if (r.num > most || r.num < -most || r.den > most || r.den <= 0)
        throw InvalidArgument("a fraction is out of range", {.subject = std::to_string(r.num) + "/" + std::to_string(r.den)});
    return {static_cast<int>(r.num), static_cast<int>(r.den)};
}

}  // namespace tenon::media
