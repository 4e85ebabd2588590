#pragma once

#include <filesystem>
#include <memory>
#include <vector>

#include <fcntl.h>

#include <base/file.hpp>
#include <media/mp4_nal.hpp>
#include <media/mp4_read.hpp>
#include <media/packet.hpp>
#include <media/stream.hpp>
#include <nvr/fragment.hpp>

namespace tenon::nvr::test {

namespace mp4 = media::mp4;

/// The packets of a real file, as a camera would send them: Annex B without its parameter sets, over and over, stamped
/// on and on.
class Feed {
public:
    explicit Feed(const std::string& path = TENON_FOOTAGE "/camera.mp4") {
        const auto fd = base::open_file(path, O_RDONLY);
        file_ = std::make_shared<base::ByteVector>(mp4::read_at(fd.get(), 0, base::file_size(fd, path)));
        movie_ = mp4::read_moov(mp4::need_box(*file_, mp4::fourcc("moov")).body).movie;
        const auto& format = movie_.tracks.at(0).formats.at(0);
        video_.index = 0;
        video_.kind = media::StreamKind::video;
        video_.codec = "h264";
        video_.time_base = {1, 90'000};
        video_.width = format.width;
        video_.height = format.height;
        for (const auto& set : mp4::ParameterSets::parse(mp4::Codec::h264, format.config).sets) {
            const std::uint8_t start[] = {0, 0, 0, 1};
            base::append(video_.extradata, start);
            base::append(video_.extradata, set);
        }
        std::int64_t time = 0;
        for (const auto& chunk : movie_.tracks[0].chunks) {
            auto offset = chunk.offset;
            for (const auto& sample : chunk.samples) {
                frames_.push_back({offset, sample.size, time * 90'000 / format.timescale, sample.key});
                offset += sample.size;
                time += sample.duration;
            }
        }
        loop_ = time * 90'000 / format.timescale;
    }

    std::vector<media::StreamInfo> streams() const { return {video_}; }

    /// The n-th frame since the beginning, `late` behind the time it should arrive at.
    media::Packet packet(std::size_t n, Duration begin, Duration late = {}) const {
        const auto& frame = frames_[n % frames_.size()];
        media::Packet packet;
        auto annex_b = std::make_shared<base::ByteVector>(
            base::ByteView(*file_).subspan(frame.offset, frame.size).begin(),
            base::ByteView(*file_).subspan(frame.offset, frame.size).end());
        packet.data = *annex_b;  // lengths of four bytes are as good as start codes
        packet.owner = annex_b;
        packet.key = frame.key;
        packet.pts = packet.dts = ticks(n);
        packet.arrival = begin + Duration{ticks(n) * 100 / 9} + late;
        return packet;
    }

    std::int64_t ticks(std::size_t n) const {
        return static_cast<std::int64_t>(n / frames_.size()) * loop_ + frames_[n % frames_.size()].time;
    }

    /// What a file must hold of that frame: its NAL units but for parameter sets and delimiters, with lengths.
    base::ByteVector stored(std::size_t n) const {
        base::ByteVector out;
        const auto& frame = frames_[n % frames_.size()];
        for (const auto nal : mp4::split_nals(base::ByteView(*file_).subspan(frame.offset, frame.size))) {
            const auto kind = mp4::nal_kind(mp4::Codec::h264, nal);
            if (kind == mp4::NalKind::parameter_set || kind == mp4::NalKind::delimiter || kind == mp4::NalKind::filler) continue;
            for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<std::uint8_t>(nal.size() >> shift));
            base::append(out, nal);
        }
        return out;
    }

private:
    struct Frame {
        std::uint64_t offset;
        std::uint32_t size;
        std::int64_t time;
        bool key;
    };
    std::shared_ptr<base::ByteVector> file_;
    mp4::Movie movie_;
    media::StreamInfo video_;
    std::vector<Frame> frames_;
    std::int64_t loop_ = 0;
};

}  // namespace tenon::nvr::test
