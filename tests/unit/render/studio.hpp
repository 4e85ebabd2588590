#pragma once

#include <fcntl.h>

#include <cmath>
#include <string>
#include <vector>

#include <base/file.hpp>
#include <exec/progress.hpp>
#include <media/decoder.hpp>
#include <media/files.hpp>
#include <media/frame_reader.hpp>
#include <media/input.hpp>
#include <media/muxer.hpp>
#include <media/scaler.hpp>
#include <render/renderer.hpp>

namespace tenon::test {

inline crypto::Digest digest_of(const std::filesystem::path& path) {
    return crypto::sha256(base::read_file(path, std::size_t{1} << 30));
}

inline media::VideoFrame flat(std::int32_t width, std::int32_t height, int luma) {
    media::VideoFrame frame = media::VideoFrame::allocate(width, height, media::PixelFormat::yuv420p);
    media::fill_black(frame);
    const media::Plane y = frame.plane(0);
    for (std::int32_t row = 0; row < y.height; ++row)
        std::fill_n(y.data + row * y.stride, y.width, static_cast<std::uint8_t>(luma));
    return frame;
}

/// A slate: black, with one white picture and one click exactly on each whole second. 320 x 180, 25 fps, 48 kHz.
inline void make_slate(const std::filesystem::path& path, int seconds, Rational rate = {25, 1}) {
    constexpr int width = 320, height = 180, samples = 48'000, click = 48, white = 235, black = 16;
    const media::VideoEncoding encoding{.width = width, .height = height, .rate = rate, .crf = 10, .gop = 10};
    media::VideoEncoder encoder(encoding);
    std::vector<media::Packet> pictures, sound;
    const auto drain = [](auto& from, std::vector<media::Packet>& to) {
        while (auto packet = from.receive()) to.push_back(std::move(*packet));
    };
    const std::int64_t frames = media::frame_at(std::chrono::seconds(seconds), rate);
    for (std::int64_t i = 0; i < frames; ++i) {
        const bool second = media::frame_start(i, rate).count() % 1'000'000 == 0;
        encoder.send(flat(width, height, second ? white : black));
        drain(encoder, pictures);
    }
    encoder.finish();
    drain(encoder, pictures);
    std::vector<std::int64_t> order;
    for (const auto& packet : pictures) order.push_back(*packet.pts);
    std::sort(order.begin(), order.end());
    std::int64_t delay = 0;
    for (std::size_t i = 0; i < order.size(); ++i) delay = std::max(delay, order[i] - *pictures[i].pts);
    for (std::size_t i = 0; i < order.size(); ++i) pictures[i].dts = order[i] - delay;

    media::AudioEncoder speaker({});
    media::AudioBlock block{0, std::vector<std::vector<float>>(2, std::vector<float>(static_cast<std::size_t>(seconds) * samples))};
    for (auto& channel : block.channels)
        for (std::size_t s = 0; s < static_cast<std::size_t>(seconds); ++s)
            for (int i = 0; i < click; ++i) channel[s * samples + static_cast<std::size_t>(i)] = i % 2 ? -0.9F : 0.9F;
    speaker.send(block);
    drain(speaker, sound);
    speaker.finish();
    drain(speaker, sound);
    media::Mp4Muxer muxer(path, {encoding, encoder.extradata()},
                          media::AudioTrack{{}, speaker.extradata(), speaker.priming(), block.samples()});
    for (const auto& packet : pictures) muxer.write_video(packet);
    for (const auto& packet : sound) muxer.write_audio(packet);
    muxer.finish();
}

inline int mean_luma(const media::VideoFrame& frame) {
    const media::Plane y = frame.plane(0);
    std::int64_t sum = 0;
    for (std::int32_t row = 0; row < y.height; ++row)
        for (std::int32_t x = 0; x < y.width; ++x) sum += y.data[row * y.stride + x];
    return static_cast<int>(sum / (std::int64_t{y.width} * y.height));
}

/// All sound of a file, first channel, from its time zero.
inline std::vector<float> sound_of(const std::filesystem::path& path) {
    media::Input input = media::Input::open(path, {}, {});
    const media::StreamInfo audio = *input.audio();
    input.select({audio.index});
    media::AudioDecoder decoder(audio, 48'000, 2);
    std::vector<float> sound;
    const auto collect = [&] {
        while (const auto block = decoder.receive()) {
            const auto at = static_cast<std::size_t>(std::max<std::int64_t>(0, block->position));
            sound.resize(std::max(sound.size(), at));
            sound.insert(sound.end(), block->channels[0].begin(), block->channels[0].end());
        }
    };
    while (const auto packet = input.next()) {
        decoder.send(*packet);
        collect();
    }
    decoder.finish();
    collect();
    return sound;
}

/// Where sound begins after silence, in samples.
inline std::vector<std::int64_t> clicks_of(const std::vector<float>& sound) {
    constexpr float loud = 0.25F;
    constexpr std::int64_t apart = 4'800;
    std::vector<std::int64_t> clicks;
    for (std::size_t i = 0; i < sound.size(); ++i)
        if (std::fabs(sound[i]) > loud && (clicks.empty() || static_cast<std::int64_t>(i) - clicks.back() > apart))
            clicks.push_back(static_cast<std::int64_t>(i));
    return clicks;
}

/// Mean structural similarity of two luma planes over 8 x 8 windows.
inline double ssim(const media::VideoFrame& a, const media::VideoFrame& b) {
    constexpr int window = 8;
    constexpr double c1 = 6.5025, c2 = 58.5225;
    const media::Plane p = a.plane(0), q = b.plane(0);
    double sum = 0;
    int count = 0;
    for (int y = 0; y + window <= p.height; y += window)
        for (int x = 0; x + window <= p.width; x += window, ++count) {
            double sa = 0, sb = 0, saa = 0, sbb = 0, sab = 0;
            for (int j = 0; j < window; ++j)
                for (int i = 0; i < window; ++i) {
                    const double m = p.data[(y + j) * p.stride + x + i], n = q.data[(y + j) * q.stride + x + i];
                    sa += m; sb += n; saa += m * m; sbb += n * n; sab += m * n;
                }
            constexpr double n = window * window;
            const double ma = sa / n, mb = sb / n, va = saa / n - ma * ma, vb = sbb / n - mb * mb, cov = sab / n - ma * mb;
            sum += (2 * ma * mb + c1) * (2 * cov + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
        }
    return sum / count;
}

/// A folder with what a render needs.
struct Studio {
    Folder folder;
    std::vector<render::Source> sources{};
    std::vector<std::filesystem::path> files{};

    Studio() { std::filesystem::create_directory(folder / "exports"); }

    AssetId add(const std::filesystem::path& path) {
        const AssetId id{1, sources.size() + 1};
        sources.push_back(render::inspect(id, path, digest_of(path)));
        files.push_back(path);
        return id;
    }

    AssetId slate(int seconds, Rational rate = {25, 1}) {
        const auto path = folder / ("slate" + std::to_string(sources.size()) + ".mp4");
        make_slate(path, seconds, rate);
        return add(path);
    }

    render::Request request(const Timeline& timeline, const std::vector<std::string>& outputs = {"mp4"},
                            const std::string& temp = "temp", std::optional<std::int32_t> loudness = 0) const {
        render::Request request{.plan = render::compile(timeline, outputs, sources, loudness), .temp = folder / temp, .exports = folder / "exports"};
        for (const auto& source : request.plan.sources)
            for (std::size_t i = 0; i < sources.size(); ++i)
                if (sources[i].asset == source.asset) request.sources.push_back(files[i]);
        for (const auto& output : outputs) request.file_names.push_back("reel." + output + "." + render::find_preset(output).extension);
        return request;
    }

    std::size_t exported() const {
        return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder / "exports"), {}));
    }
};

}  // namespace tenon::test
