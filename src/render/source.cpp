#include <render/source.hpp>

#include <filesystem>

#include <media/colour.hpp>
#include <media/probe.hpp>
#include <tenon/error.hpp>

namespace tenon::render {

Source inspect(const AssetId& asset, const std::filesystem::path& path, const crypto::Digest& sha256, std::stop_token stop) {
    constexpr std::uint8_t pq = 16, hlg = 18;
    constexpr Rational slowest{1, 60}, fastest{240, 1}, usual{25, 1};
    const media::Probe found = media::probe(path, {}, std::move(stop));
    if (!found.video) throw Unsupported("the asset has no pictures", {.subject = asset.text()});
    const media::StreamInfo& video = found.streams[static_cast<std::size_t>(*found.video)];
    if (video.colour.transfer == pq || video.colour.transfer == hlg)
        throw Unsupported("the asset's pictures are HDR, which cannot be rendered", {.subject = asset.text()});

    if (video.width < 1 || video.height < 1 || video.sample_aspect.num < 1 || video.sample_aspect.den < 1)
        throw Unsupported("the asset's pictures have no size", {.subject = asset.text()});

    Source source{.asset = asset, .sha256 = sha256, .file_size = static_cast<std::int64_t>(std::filesystem::file_size(path)), .stored_at = {},
                  .width = video.width, .height = video.height, .sample_aspect = video.sample_aspect,
                  .rotation = video.rotation};
    source.colour = media::with_guesses(video.colour, video.width, video.height);
    source.colour_guessed = video.colour.matrix == media::unspecified;
    source.rate = video.rate;
    if (media::compare(source.rate, slowest) < 0 || media::compare(source.rate, fastest) > 0) {
        source.rate = usual;
        source.rate_guessed = true;
    }
    source.duration = video.duration ? media::to_duration(*video.duration) : found.duration.value_or(Duration{});
    source.has_sound = found.audio.has_value();
    return source;
}

}  // namespace tenon::render
