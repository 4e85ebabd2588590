#include <tenon/picture.hpp>

#include <algorithm>
#include <cmath>

#include <base/file.hpp>
#include <base/text.hpp>
#include <media/picture.hpp>
#include <render/pictures.hpp>

#include "asset_rows.hpp"
#include "core.hpp"
#include "edit.hpp"
#include "frames.hpp"
#include "subject.hpp"

namespace tenon {

using engine::named;
using engine::Permission;
using engine::Subject;
using engine::subject_of;

namespace {

void check_range(const char* field, std::int32_t value, std::int32_t least, std::int32_t most) {
    if (value < least || value > most)
        throw InvalidArgument(std::string(field) + " is " + std::to_string(least) + " to " + std::to_string(most), {.subject = field});
}

void check_target(const SessionImpl& session, const std::filesystem::path& target) {
    if (target.empty()) throw InvalidArgument("say where the picture goes", {.subject = "target"});
    session.check_outside(target, "target", false);
}

void write(const std::filesystem::path& target, base::ByteView bytes) { base::write_file_atomically(target, bytes, 0644); }

base::ByteView bytes_of(const std::string& text) { return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}; }

Waveform waveform_of(const media::Envelope& sound) {
    return {.duration = media::to_duration({sound.samples, {1, sound.rate}}), .sample_rate = sound.rate, .channels = sound.channels,
            .samples_per_point = sound.samples_per_point, .peak = sound.peak(),
            .minimum = {sound.minimum.begin(), sound.minimum.end()}, .maximum = {sound.maximum.begin(), sound.maximum.end()},
            .rms = {sound.rms.begin(), sound.rms.end()}};
}

}  // namespace

std::string Waveform::to_json() const {
    constexpr double full_scale = 32'767;
    const auto sample = [full_scale](double value) {
        return std::int64_t{std::lround(std::clamp(value * full_scale, -full_scale - 1, full_scale))};
    };
    base::Json data = base::Json::array();
    for (std::size_t i = 0; i < std::min(minimum.size(), maximum.size()); ++i) data.push(sample(minimum[i])).push(sample(maximum[i]));
    base::Json json;
    json.set("version", 2).set("channels", channels).set("sample_rate", sample_rate).set("samples_per_pixel", samples_per_point);
    json.set("bits", 16).set("length", channels == 0 ? 0 : static_cast<std::int64_t>(minimum.size()) / channels);
    json.set("data", std::move(data));
    return base::to_json(json);
}

Pictures::Pictures(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

void Pictures::contact_sheet(const ContactSheetOptions& options) const {
    const auto pass = impl_->enter_somewhere(options.asset ? Permission::asset_read : Permission::export_read);
    check_range("columns", options.columns, 1, 16);
    check_range("rows", options.rows, 1, 16);
    check_range("cell_width", options.cell_width, 16, 4096);
    const Subject subject = subject_of(*impl_, options.asset, options.exported);
    check_target(*impl_, options.target);
    write(options.target, named(*impl_, subject, [&](const std::stop_token& stop) {
              return render::contact_sheet(subject.path, {.title = subject.name, .columns = options.columns, .rows = options.rows,
                                                         .cell_width = options.cell_width}, stop);
          }));
}

void Pictures::frame(const FrameImageOptions& options) const {
    const auto pass = impl_->enter_somewhere(options.asset ? Permission::asset_read : Permission::export_read);
    const Subject subject = subject_of(*impl_, options.asset, options.exported);
    check_target(*impl_, options.target);
    const FrameOptions one{.at = options.at, .format = PixelFormat::rgb24, .width = options.width};
    write(options.target, media::encode_png(engine::take_frame(*impl_, subject, one).picture));
}

void Pictures::grade_still(const GradeStillOptions& options) const {
    const auto pass = impl_->enter_somewhere(Permission::asset_read);
    const Subject subject = engine::asset_subject(*impl_, options.asset);
    check_target(*impl_, options.target);
    write(options.target, named(*impl_, subject, [&](const std::stop_token& stop) {
              return render::grade_still(subject.path, {.title = subject.name, .grade = options.grade, .at = options.at,
                                                       .width = options.width}, stop);
          }));
}

Waveform Pictures::waveform(const WaveformOptions& options) const {
    const auto pass = impl_->enter_somewhere(options.asset ? Permission::asset_read : Permission::export_read);
    const Subject subject = subject_of(*impl_, options.asset, options.exported);
    check_range("width", options.width, 320, 8192);
    check_range("height", options.height, 160, 4096);
    check_range("points", options.points, 1, 100'000);
    if (!options.target.empty()) check_target(*impl_, options.target);
    if (!options.data_target.empty()) check_target(*impl_, options.data_target);
    return named(*impl_, subject, [&](const std::stop_token& stop) {
        const media::Envelope sound = media::envelope(subject.path, {}, stop);
        if (!options.target.empty()) {
            const render::WaveformOptions drawn{.title = subject.name, .width = options.width, .height = options.height};
            write(options.target, render::waveform(subject.path, sound, drawn, stop));
        }
        Waveform result = waveform_of(sound.coarser(options.points));
        if (!options.data_target.empty()) write(options.data_target, bytes_of(result.to_json()));
        return result;
    });
}

void Pictures::timeline(const TimelineImageOptions& options) const {
    const auto pass = impl_->enter_somewhere(options.render ? Permission::render_read : Permission::asset_read);
    if (options.render.has_value() == !options.timeline.clips().empty())
        throw InvalidArgument("name a timeline with clips or a render, one of the two", {.subject = "timeline"});
    check_target(*impl_, options.target);
    base::check_text("title", options.title, 200);
    engine::Edit edit{.timeline = options.timeline, .outputs = {"mp4"}};
    if (options.render) {
        const auto job = engine::find_job(*impl_, *options.render, "render");
        if (!job || !impl_->may(Permission::render_read, engine::project_of(*job)))
            throw NotFound("there is no such render", {.subject = options.render->text()});
        edit = engine::edit_of(job->payload);
        edit.outputs = {"mp4"};  // what is drawn is the edit, whatever it was made into
    }
    const std::string title = options.title.empty() ? edit.name : options.title;
    const auto find = [&](const AssetId& id) {
        auto asset = impl_->read([&](db::Reader& reader) { return engine::asset_rows::find(reader, id, impl_->workspace); });
        if (asset && !impl_->may(Permission::asset_read, asset->project)) asset.reset();  // in a project that is none of his
        return asset;
    };
    const std::string svg = impl_->interruptible([&](const std::stop_token& stop) {
        const auto prepared = engine::prepare(edit, find, stop);
        return render::timeline_svg(edit.timeline, prepared.plan, prepared.files, prepared.names, {.title = title, .width = options.width}, stop);
    });
    write(options.target, bytes_of(svg));
}

}  // namespace tenon
