#include "assemble.hpp"

#include <algorithm>
#include <cstdio>
#include <utility>

#include <fcntl.h>

#include <base/file.hpp>
#include <exec/wait.hpp>
#include <media/muxer.hpp>
#include <tenon/error.hpp>

#include "piece.hpp"
#include "sound.hpp"

namespace tenon::render {
namespace {

Piece find(const std::filesystem::path& folder, const crypto::Digest& id) {
    auto piece = Piece::find(folder, id);
    if (!piece) throw Corrupt("a finished piece of the render has vanished", {.subject = piece_path(folder, id).string()});
    return *std::move(piece);
}

}  // namespace

Unnamed::Unnamed(Unnamed&& other) noexcept
    : part_(std::exchange(other.part_, {})), target_(std::move(other.target_)), size_(other.size_), sha256_(other.sha256_),
      samples_(std::move(other.samples_)) {}

Unnamed::~Unnamed() {
    std::error_code ignored;
    if (!part_.empty()) std::filesystem::remove(part_, ignored);
}

void Unnamed::measure(const std::stop_token& stop) {
    constexpr std::size_t buffer_size = 1 << 20;
    const base::Fd fd = base::open_file(part_, O_RDONLY);
    crypto::Sha256 sha;
    base::ByteVector buffer(buffer_size);
    std::uint64_t offset = 0;
    for (std::size_t n = buffer_size; n == buffer_size; offset += n) {
        exec::check_stop(stop);
        n = base::pread_up_to(fd, buffer, offset, part_.native());
        sha.update({buffer.data(), n});
    }
    size_ = {static_cast<std::int64_t>(offset)};
    sha256_ = sha.finish();
}

void Unnamed::name() {
    if (std::rename(part_.c_str(), target_.c_str()) != 0) base::throw_errno("the finished file cannot get its name", target_);
    part_.clear();
}

Unnamed assemble(const Plan& plan, const PlannedOutput& output, const std::filesystem::path& pieces,
                 const std::filesystem::path& target, const std::stop_token& stop) {
    // Beside the pieces, on the same file system: what is in the target's folder is whole, and may be backed up.
    Unnamed file(pieces / (target.filename().string() + ".part"), target);
    std::error_code ignored;
    std::filesystem::remove(file.part(), ignored);  // of a run that was killed

    std::vector<Piece> pictures;
    for (const crypto::Digest& id : output.chunks) {
        exec::check_stop(stop);
        pictures.push_back(find(pieces, id));
        file.add(pictures.back().samples());
        if (pictures.back().extradata() != pictures.front().extradata())
            throw InternalError("pieces of one output were encoded with different settings", {.subject = target.string()});
    }
    Piece sound = find(pieces, output.sound);

    // Pictures are numbered without a gap, so the n-th smallest presentation time is n, and decode times are n - delay.
    std::int64_t delay = 0, number = 0;
    for (std::size_t i = 0; i < pictures.size(); ++i)
        for (const PieceEntry& entry : pictures[i].entries()) delay = std::max(delay, number++ - (plan.chunks[i].first + entry.pts));

    const media::AudioEncoding& encoding = output.preset.sound;
    const std::int64_t samples = sound_length(plan, encoding.rate);
    media::Mp4Muxer muxer(file.part(), {output.encoding, pictures.front().extradata()},
                          media::AudioTrack{encoding, sound.extradata(), sound.priming(), samples},
                          output.preset.extension == "mov" ? media::Container::mov : media::Container::mp4, stop);
    auto next_sound = sound.entries().begin();
    const auto sound_up_to = [&](std::int64_t position) {
        for (; next_sound != sound.entries().end() && next_sound->pts <= position; ++next_sound) muxer.write_audio(sound.read(*next_sound));
    };
    number = 0;
    for (std::size_t i = 0; i < pictures.size(); ++i) {
        for (const PieceEntry& entry : pictures[i].entries()) {
            exec::check_stop(stop);
            media::Packet packet = pictures[i].read(entry);
            packet.pts = plan.chunks[i].first + entry.pts;
            packet.dts = number++ - delay;
            muxer.write_video(packet);
            sound_up_to(sample_of(flicks_of_frame(*packet.dts, plan.rate), encoding.rate));
        }
        pictures[i].rest();
    }
    sound_up_to(samples);
    muxer.finish();
    file.measure(stop);
    return file;
}

}  // namespace tenon::render
