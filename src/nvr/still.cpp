#include <algorithm>

#include <fcntl.h>

#include <base/file.hpp>
#include <media/decoder.hpp>
#include <media/input.hpp>
#include <media/mp4_read.hpp>
#include <media/picture.hpp>
#include <media/time.hpp>
#include <nvr/footage.hpp>
#include <tenon/error.hpp>

#include "footage_files.hpp"
#include "footage_index.hpp"
#include "ticks.hpp"

namespace tenon::nvr {
namespace {

namespace mp4 = media::mp4;

/// When the first picture of a fragment is decoded, counted from the start of its run.
std::int64_t decode_time(const std::filesystem::path& path, const IndexRecord& record) {
    const auto file = base::open_file(path, O_RDONLY);
    const auto at = std::uint64_t{record.offset} + kRecordBox;
    const auto box = mp4::parse_box_head(mp4::read_at(file.get(), at, 8), at, record.bytes - kRecordBox);
    if (!box || box->type != mp4::fourcc("moof"))
        throw Corrupt("a recording does not hold what its index says", {.subject = path.filename().string()});
    const auto fragment = mp4::read_moof(mp4::read_at(file.get(), at + 8, box->size - 8), {});
    if (fragment.parts.empty()) throw Corrupt("a recording has a fragment without a picture", {.subject = path.filename().string()});
    return fragment.parts[0].track.decode_time;
}

}  // namespace

Still take_still(const std::filesystem::path& folder, Time at, std::int32_t quality) {
    const DayFootage* day = nullptr;
    const IndexRecord *shown = nullptr, *key = nullptr;
    const auto days = footage_between(folder, with_lead(at), at);
    for (const auto& one : days)
        for (const auto& record : one.records) {
            if (record.start > at || record.end() <= at) continue;
            day = &one;
            shown = &record;
        }
    if (!shown) throw NotFound("there is no footage at this time");
    for (const auto& record : day->records)
        if (record.ordinal == shown->ordinal && record.flags & record_key && record.offset <= shown->offset) key = &record;
    if (!key) key = shown;  // its file begins without one: decoded as far as it goes

    const auto path = DayFiles(day->folder).find(shown->ordinal);
    const auto from = decode_time(path, *key), first = decode_time(path, *shown);
    const auto wanted = first + (at - shown->start).count() * 9 / 100;
    auto input = media::Input::open(path, {}, {});
    const auto* video = input.video();
    if (!video) throw Corrupt("a recording has no picture", {.subject = path.filename().string()});
    input.select({video->index});
    media::VideoDecoder decoder(*video);
    const auto ticks = [&](std::int64_t stamp) { return media::rescale(stamp, video->time_base, {1, kSecond}, media::Rounding::nearest); };
    std::optional<media::VideoFrame> best;
    std::int64_t best_at = 0;
    const auto drain = [&] {
        while (auto frame = decoder.receive()) {
            const auto when = frame->pts() ? ticks(*frame->pts()) : best_at;
            if (best && (when > wanted || when < best_at)) continue;
            best = std::move(frame);
            best_at = when;
        }
    };
    while (const auto packet = input.next()) {
        const auto stamp = packet->dts ? packet->dts : packet->pts;
        if (packet->stream != video->index || !stamp || ticks(*stamp) + 1 < from) continue;
        if (ticks(*stamp) > wanted + 1) break;
        decoder.send(*packet);
        drain();
    }
    decoder.finish();
    drain();
    if (!best) throw Corrupt("the picture of this time cannot be decoded", {.subject = path.filename().string()});
    Still still;
    still.jpeg = media::encode_jpeg(*best, quality);
    const auto taken = shown->start + Duration{(best_at - first) * 100 / 9};
    still.info = {taken, best->width(), best->height(), {static_cast<std::int64_t>(still.jpeg.size())}};
    return still;
}

}  // namespace tenon::nvr
