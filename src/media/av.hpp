#pragma once

#include <memory>
#include <set>
#include <string>
#include <utility>

extern "C" {
#include <libavcodec/avcodec.h>
#include <libavcodec/bsf.h>
#include <libavformat/avformat.h>
#include <libavutil/frame.h>
#include <libavutil/opt.h>
#include <libswresample/swresample.h>
#include <libswscale/swscale.h>
}

#include <tenon/error.hpp>

// Owners of the library's objects. Nothing in this room holds one by a plain pointer.
namespace tenon::media {

struct AvDelete {
    void operator()(AVFrame* p) const noexcept { av_frame_free(&p); }
    void operator()(AVPacket* p) const noexcept { av_packet_free(&p); }
    void operator()(AVCodecContext* p) const noexcept { avcodec_free_context(&p); }
    void operator()(AVCodecParameters* p) const noexcept { avcodec_parameters_free(&p); }
    void operator()(AVBSFContext* p) const noexcept { av_bsf_free(&p); }
    void operator()(SwsContext* p) const noexcept { sws_freeContext(p); }
    void operator()(SwrContext* p) const noexcept { swr_free(&p); }
    void operator()(AVIOContext* p) const noexcept {
        av_freep(&p->buffer);
        avio_context_free(&p);
    }
};
template <class T> using Av = std::unique_ptr<T, AvDelete>;

/// Options for one call; what the call took is removed.
class AvOptions {
public:
    AvOptions() = default;
    AvOptions(AvOptions&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
    AvOptions(const AvOptions&) = delete;
    ~AvOptions() { av_dict_free(&raw_); }
    AvOptions& set(const char* key, const std::string& value) {
        av_dict_set(&raw_, key, value.c_str(), 0);
        return *this;
    }
    AvOptions& set(const char* key, std::int64_t value) {
        av_dict_set_int(&raw_, key, value, 0);
        return *this;
    }
    AVDictionary** out() { return &raw_; }

private:
    AVDictionary* raw_ = nullptr;
};

/// The one table from the library's error numbers to ours.
Errc errc_of(int av_error) noexcept;

/// The library's words for a number; never holds input of ours.
std::string av_text(int av_error);

[[noreturn]] void throw_av(int av_error, const std::string& what, const std::string& subject);

template <class T> T* checked(T* pointer) {
    if (pointer == nullptr) throw Unavailable("there is not enough memory for this media operation");
    return pointer;
}
inline Av<AVFrame> new_frame() { return Av<AVFrame>(checked(av_frame_alloc())); }
inline Av<AVPacket> new_packet() { return Av<AVPacket>(checked(av_packet_alloc())); }

/// While one lives, what the library would print from this thread is dropped: it can name URLs with passwords, and a
/// library has no business on its host's standard error. Codec contexts, which print from their own threads, are
/// silenced one by one (`log_level_offset`). The host's own use of the library keeps its messages.
class Quiet {
public:
    Quiet() noexcept;
    ~Quiet();
    Quiet(const Quiet&) = delete;
    Quiet& operator=(const Quiet&) = delete;
};

/// Which packets of a decoder held damage that it concealed. `AVFrame::decode_error_flags` says so too, but until FFmpeg 6
/// the flags are lost where decoding threads share pictures: a thread that puts out another's picture (as with B-frames)
/// copied it before its end. What the decoder logs is not lost, and its context tells the packet by `reordered_opaque`.
class Concealed {
public:
    explicit Concealed(AVCodecContext& context);   ///< Takes its `opaque`.
    ~Concealed();
    Concealed(const Concealed&) = delete;
    Concealed& operator=(const Concealed&) = delete;

    void add(std::int64_t packet);    ///< By the log, under its lock.
    bool take(std::int64_t packet);   ///< Whether it held damage; asked once for each picture.

private:
    static constexpr std::size_t most = 64;   // more than pictures can wait to be put out: the rest never will be
    std::set<std::int64_t> packets_;
};

/// A context's `log_level_offset` that keeps it silent; levels are one byte, so no more than this.
inline constexpr int silent = 128;

inline Rational from_av(AVRational r) { return {r.num, r.den}; }
AVRational to_av(Rational r);

}  // namespace tenon::media
