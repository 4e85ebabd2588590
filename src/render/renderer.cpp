#include <render/renderer.hpp>

#include <algorithm>
#include <map>
#include <set>

#include <fcntl.h>

#include <base/file.hpp>
#include <exec/wait.hpp>
#include <media/encoder.hpp>
#include <tenon/error.hpp>

#include "assemble.hpp"
#include "master.hpp"
#include "piece.hpp"
#include "pipeline.hpp"
#include "sound.hpp"

namespace tenon::render {
namespace {

// The sound stage hears a mix once more than it is measured.
constexpr std::int64_t sound_passes = most_measurements + 1;

/// Shares of the whole work, so that what is left is estimated from the speed so far. In time of one core, as measured on
/// plain edits: only their proportions count.
struct Shares {
    explicit Shares(const Plan& plan) {
        constexpr double per_pixel = 18, per_sample = 1'500, per_written_sample = 100, per_measured_sample = 300;   // nanoseconds
        std::set<crypto::Digest> sounds;
        for (const PlannedOutput& output : plan.outputs) {
            const auto samples = static_cast<double>(sound_length(plan, output.preset.sound.rate));
            pictures += per_pixel * static_cast<double>(plan.frames) * output.encoding.width * output.encoding.height;
            files += per_written_sample * samples;
            if (!sounds.insert(output.sound).second) continue;
            sound += per_sample * samples;
            measuring += per_measured_sample * samples;
        }
        const double all = pictures + sound + files + measuring;
        for (double* share : {&pictures, &sound, &files, &measuring}) *share /= all;
    }
    double pictures = 0, sound = 0, files = 0, measuring = 0;
};

/// Whether the file still holds what was imported. One that nobody has touched since is believed.
bool is_same(const Source& source, const std::filesystem::path& path, const std::stop_token& stop) {
    constexpr std::size_t step = 1 << 20;
    const auto file = base::open_file(path, O_RDONLY);
    const std::string subject = path.string();
    if (static_cast<std::int64_t>(base::file_size(file, subject)) != source.file_size) return false;
    if (source.stored_at == base::modified_at(file, subject)) return true;
    crypto::Sha256 hash;
    base::ByteVector bytes(step);
    for (std::uint64_t at = 0;;) {
        exec::check_stop(stop);
        const std::size_t got = base::pread_up_to(file, bytes, at, subject);
        if (got == 0) return hash.finish() == source.sha256;
        hash.update(base::ByteView(bytes).first(got));
        at += got;
    }
}

/// The sources are those that were planned with, or the pieces would not be what their ids say.
void check_sources(const Request& request, const std::stop_token& stop) {
    if (request.sources.size() != request.plan.sources.size() || request.file_names.size() != request.plan.outputs.size())
        throw InternalError("a render needs one file for each source and one name for each output");
    for (std::size_t i = 0; i < request.sources.size(); ++i) {
        const std::string asset = request.plan.sources[i].asset.text();
        try {
            if (!is_same(request.plan.sources[i], request.sources[i], stop))
                throw Conflict("the file of an asset has changed since it was imported", {.subject = asset});
        } catch (const NotFound&) {
            throw NotFound("the file of an asset has vanished", {.subject = asset});
        }
    }
    for (const std::string& name : request.file_names)
        if (name.empty() || name.find('/') != std::string::npos || name == "." || name == "..")
            throw InvalidArgument("an output needs a plain file name", {.subject = name});
}

class Run {
public:
    Run(const Request& request, exec::ProgressSink& progress, std::stop_token stop)
        : request_(request), plan_(request.plan), progress_(progress), stop_(std::move(stop)) {}

    Rendered all();

private:
    void pictures();
    void sound(const PlannedOutput& output);
    bool has(const crypto::Digest& id);
    void keep(const crypto::Digest& id, base::ByteView extradata, std::int32_t priming, const std::vector<media::Packet>& packets,
              const std::vector<PieceDamage>& damage, const std::vector<Sample>& samples = {});
    void note(const std::vector<PieceDamage>& damage) {
        for (const PieceDamage& one : damage) media::add(damage_[{one.source, one.sound}], one.range);
    }
    void cover(std::int64_t more) {
        if (request_.storage != nullptr) request_.storage->cover(stored_ + more);
    }
    std::int64_t largest(const PlannedOutput& output) const;

    const Request& request_;
    const Plan& plan_;
    exec::ProgressSink& progress_;
    std::stop_token stop_;
    std::map<crypto::Digest, std::int64_t> whole_;   // pieces known to be there and whole, and their bytes
    std::int64_t stored_ = 0;                        // bytes of all of them
    std::map<std::pair<std::uint32_t, bool>, media::Damages> damage_;   // by source, of pictures and of sound
    std::int64_t encoded_ = 0, damaged_ = 0;
};

bool Run::has(const crypto::Digest& id) {
    if (whole_.contains(id)) return true;
    const auto piece = Piece::find(request_.temp, id);
    if (!piece) return false;
    whole_.emplace(id, piece->size());
    stored_ += piece->size();
    note(piece->damage());
    return true;
}

void Run::keep(const crypto::Digest& id, base::ByteView extradata, std::int32_t priming, const std::vector<media::Packet>& packets,
               const std::vector<PieceDamage>& damage, const std::vector<Sample>& samples) {
    const std::int64_t size = Piece::size_of(extradata, packets, damage, samples);
    cover(size);
    Piece::write(request_.temp, id, extradata, priming, packets, damage, samples);
    note(damage);
    whole_.emplace(id, size);
    stored_ += size;
}

/// What the file of an output takes at most: its pieces' tables are larger than the file's own.
std::int64_t Run::largest(const PlannedOutput& output) const {
    constexpr std::int64_t container = 64 << 10;
    std::int64_t size = container + whole_.at(output.sound);
    for (const crypto::Digest& id : output.chunks) size += whole_.at(id);
    return size;
}

/// Has everything composed and encoded that an earlier run has not left.
void Run::pictures() {
    std::vector<Wanted> wanted;
    for (std::size_t chunk = 0; chunk < plan_.chunks.size(); ++chunk) {
        Wanted want{.chunk = chunk};
        for (std::size_t i = 0; i < plan_.outputs.size(); ++i) {
            exec::check_stop(stop_);
            if (has(plan_.outputs[i].chunks[chunk])) progress_.found(plan_.chunks[chunk].count);
            else want.outputs.push_back(i);
        }
        if (!want.outputs.empty()) wanted.push_back(std::move(want));
    }
    if (wanted.empty()) return;
    Pipeline pipeline(plan_, request_.sources, std::move(wanted), request_.yard);
    while (const auto news = pipeline.next(stop_)) {
        progress_.advance(news->pictures);
        if (!news->made) continue;
        const Made& made = *news->made;
        keep(plan_.outputs[made.output].chunks[made.chunk], made.extradata, 0, made.packets, made.damage, made.samples);
        ++encoded_;
    }
    damaged_ = pipeline.damaged_packets();
}

void Run::sound(const PlannedOutput& output) {
    const media::AudioEncoding& encoding = output.preset.sound;
    const std::int64_t length = sound_length(plan_, encoding.rate);
    if (has(output.sound)) {
        progress_.found(sound_passes * length);
        return;
    }
    const Level level = level_for(plan_, request_.sources, encoding, output.preset.loudness, progress_, stop_);
    Master master(plan_, request_.sources, encoding, level, stop_);
    media::AudioEncoder encoder(encoding);
    std::vector<media::Packet> packets;
    const auto drain = [&] {
        while (auto packet = encoder.receive()) packets.push_back(std::move(*packet));
    };
    for (std::int64_t done = 0; done < length;) {
        exec::check_stop(stop_);
        const std::int64_t some = std::min<std::int64_t>(encoding.rate / 4, length - done);
        encoder.send(master.next(some));
        drain();
        done += some;
        progress_.advance(some);
    }
    encoder.finish();
    drain();
    keep(output.sound, encoder.extradata(), encoder.priming(), packets, master.damage());
}

Rendered Run::all() {
    const auto outputs = static_cast<std::int64_t>(plan_.outputs.size());
    const Shares shares(plan_);
    progress_.stage("encode", shares.pictures, plan_.frames * outputs, "frames");
    pictures();

    std::int64_t samples = 0;
    for (const PlannedOutput& output : plan_.outputs) samples += sound_length(plan_, output.preset.sound.rate);
    progress_.stage("sound", shares.sound, sound_passes * samples, "samples");
    for (const PlannedOutput& output : plan_.outputs) sound(output);

    progress_.stage("write", shares.files, outputs, "files");
    Rendered result{.render_time = plan_.render_time(), .chunks_encoded = encoded_, .damaged_packets = damaged_};
    // All are written before the first gets its name: a failure leaves the folder as it was.
    std::vector<Unnamed> files;
    std::int64_t expected = 0;
    for (const PlannedOutput& output : plan_.outputs) expected += largest(output);
    cover(expected);
    for (std::size_t i = 0; i < plan_.outputs.size(); ++i) {
        files.push_back(assemble(plan_, plan_.outputs[i], request_.temp, request_.exports / request_.file_names[i], stop_));
        progress_.advance(1);
    }
    // Measured on the files, so that a resumed render reports what an uninterrupted one does.
    progress_.stage("measure", shares.measuring, samples, "samples");
    std::map<crypto::Digest, media::Loudness> loudness;
    for (std::size_t i = 0; i < files.size(); ++i) {
        const media::AudioEncoding& encoding = plan_.outputs[i].preset.sound;
        const std::int64_t length = sound_length(plan_, encoding.rate);
        std::int64_t heard = 0;
        if (!loudness.contains(plan_.outputs[i].sound))
            loudness[plan_.outputs[i].sound] =
                media::measure_loudness(files[i].part(), encoding.rate, encoding.channels, stop_, [&](std::int64_t some) {
                    // The last block of a codec is longer than what it was given.
                    progress_.advance(std::min(some, length - heard));
                    heard += std::min(some, length - heard);
                });
        progress_.advance(length - heard);
    }
    exec::check_stop(stop_);
    std::int64_t written = 0;
    for (const Unnamed& file : files) written += file.size().count;
    cover(written);
    for (std::size_t i = 0; i < files.size(); ++i) {
        RenderedOutput output{.path = request_.exports / request_.file_names[i], .preset = plan_.outputs[i].preset.name,
                              .size = files[i].size(), .sha256 = files[i].sha256(), .duration = plan_.duration(), .frames = plan_.frames,
                              .width = plan_.outputs[i].encoding.width, .height = plan_.outputs[i].encoding.height,
                              .loudness = loudness.at(plan_.outputs[i].sound),
                              .quality = quality(files[i].samples(), loudness.at(plan_.outputs[i].sound), plan_.outputs[i].preset.loudness)};
        files[i].name();
        result.outputs.push_back(std::move(output));
    }
    base::sync_folder(request_.exports);
    for (const auto& [of, ranges] : damage_)
        for (const media::Damage& range : ranges) result.damage.push_back({plan_.sources.at(of.first).asset, of.second, range});
    return result;
}

}  // namespace

Rendered run(const Request& request, exec::ProgressSink& progress, std::stop_token stop) {
    check_sources(request, stop);
    exec::check_stop(stop);
    std::error_code code;
    std::filesystem::create_directories(request.temp, code);
    if (code) base::throw_errno("cannot make the folder", request.temp.string(), code.value());
    return Run(request, progress, std::move(stop)).all();
}

}  // namespace tenon::render
