#include "ids.hpp"

#include <algorithm>

#include <media/encoder.hpp>

#include "canonical.hpp"

namespace tenon::render {
namespace {

// Counted up whenever the same plan would give other bytes: how pictures are composed, pieces stored, files muxed …
constexpr std::int64_t render_format = 5;
// … and for the integer kernels.
constexpr std::int64_t kernel_version = 1;

Canonical engine() {
    Canonical c;
    c.integer(1, render_format).integer(2, kernel_version).text(3, media::codec_versions());
    return c;
}

Canonical picture_settings(const PlannedOutput& output) {
    const media::VideoEncoding& e = output.encoding;
    Canonical c;
    c.integer(1, e.width).integer(2, e.height).integer(3, e.rate.num).integer(4, e.rate.den).text(5, e.profile)
        .text(6, e.preset).integer(7, e.crf).integer(8, e.gop).integer(9, e.threads).integer(10, e.colour.primaries)
        .integer(11, e.colour.transfer).integer(12, e.colour.matrix).integer(13, e.colour.full_range);
    return c;
}

Canonical rectangle(const media::Rect& rect) {
    Canonical c;
    c.integer(1, rect.x).integer(2, rect.y).integer(3, rect.width).integer(4, rect.height);
    return c;
}

/// One clip as far as a chunk sees it; all times from the chunk's start, so that equal pictures have equal ids wherever
/// in an edit they stand.
Canonical layer(const Plan& plan, const PlannedOutput& output, const PlannedClip& clip, const PlannedChunk& chunk,
                const std::vector<crypto::Digest>& tables) {
    const Source& source = plan.sources[clip.source];
    const Geometry& geometry = output.geometry[clip.source];
    Canonical c;
    c.bytes(1, source.sha256).integer(2, clip.in).integer(3, clip.start - flicks_of_frame(chunk.first, plan.rate))
        .integer(4, clip.first_frame - chunk.first).integer(5, clip.end_frame - chunk.first)
        .integer(6, source.rotation).record(7, rectangle(geometry.from)).record(8, rectangle(geometry.to))
        .integer(9, geometry.colour_first).bytes(10, tables[clip.source])
        .integer(11, source.colour.matrix).integer(12, source.colour.full_range)
        .integer(13, source.rate.num).integer(14, source.rate.den);
    return c;
}

bool meets(std::int64_t first, std::int64_t end, const PlannedChunk& chunk) {
    return first < chunk.first + chunk.count && end > chunk.first;
}

Canonical span(const Plan& plan, const PlannedOutput& output, const PlannedChunk& chunk, const std::vector<crypto::Digest>& tables) {
    Canonical c;
    c.integer(1, chunk.count);
    for (const PlannedClip& clip : plan.clips)
        if (meets(clip.first_frame, clip.end_frame, chunk)) c.record(2, layer(plan, output, clip, chunk, tables));
    for (const PlannedOverlay& overlay : output.overlays)
        if (meets(overlay.first_frame, overlay.end_frame, chunk)) {
            Canonical o;
            o.bytes(1, overlay.digest).integer(2, overlay.first_frame - chunk.first).integer(3, overlay.end_frame - chunk.first)
                .integer(4, overlay.fade).integer(5, overlay.opacity);
            c.record(3, o);
        }
    return c;
}

Canonical sound(const Plan& plan, const Preset& preset) {
    const media::AudioEncoding& encoding = preset.sound;
    Canonical c;
    c.integer(1, encoding.rate).integer(2, encoding.channels).integer(3, encoding.bits_per_second).integer(4, plan.frames)
        .integer(5, plan.rate.num).integer(6, plan.rate.den);
    for (const PlannedClip& clip : plan.clips) {
        const Source& source = plan.sources[clip.source];
        Canonical piece;
        piece.bytes(1, source.sha256).integer(2, source.has_sound).integer(3, clip.in).integer(4, clip.start).integer(5, clip.end);
        c.record(7, piece);
    }
    c.integer(8, preset.loudness);
    return c;
}

crypto::Digest hash(std::string_view kind, std::initializer_list<const Canonical*> parts) {
    crypto::Sha256 sha;
    sha.update(base::view_of(kind));
    for (const Canonical* part : parts) sha.update(part->view());
    return sha.finish();
}

crypto::Digest table_digest(const std::shared_ptr<const media::ColourTable>& table) {
    return table ? crypto::sha256(table->bytes()) : crypto::Digest{};
}

}  // namespace

void number(Plan& plan) {
    std::vector<crypto::Digest> tables;
    for (const auto& table : plan.tables) tables.push_back(table_digest(table));
    const Canonical versions = engine();
    crypto::Sha256 whole;
    whole.update(base::view_of("plan.1"));
    for (PlannedOutput& output : plan.outputs) {
        const Canonical settings = picture_settings(output);
        crypto::Sha256 file;
        file.update(base::view_of("output.1"));
        output.chunks.clear();
        for (const PlannedChunk& chunk : plan.chunks) {
            const Canonical content = span(plan, output, chunk, tables);
            output.chunks.push_back(hash("chunk.1", {&versions, &settings, &content}));
            file.update(output.chunks.back());
        }
        const Canonical mix = sound(plan, output.preset);
        output.sound = hash("audio.1", {&versions, &mix});
        file.update(output.sound).update(settings.view()).update(base::view_of(output.preset.extension));
        output.id = file.finish();
        whole.update(output.id);
    }
    plan.id = whole.finish();
}

}  // namespace tenon::render
