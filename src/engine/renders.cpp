#include <tenon/render.hpp>

#include <base/file.hpp>
#include <base/id.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <render/renderer.hpp>
#include <tenant/projects.hpp>
#include <tenant/quota.hpp>
#include <tenant/usage.hpp>

#include "asset_rows.hpp"
#include "core.hpp"
#include "doomed.hpp"
#include "edit.hpp"
#include "export_rows.hpp"

namespace tenon {

namespace quota = tenant::quota;
using base::Json;
using engine::Edit;
using engine::Permission;

namespace {

constexpr const char* kind = "render";

constexpr std::size_t largest_document = 32 << 20;
constexpr std::size_t most_in_batch = 1000;

std::string result_json(const render::Rendered& rendered) {
    Json list = Json::array(), damage = Json::array();
    for (const auto& one : rendered.damage)
        damage.push(Json().set("asset", one.asset.text()).set("sound", one.sound).set("start_us", one.range.start.count())
                        .set("end_us", one.range.end.count()));
    for (const auto& output : rendered.outputs) {
        Json json;
        json.set("preset", output.preset).set("file", output.path.filename().string()).set("bytes", output.size.count)
            .set("sha256", crypto::to_hex(output.sha256)).set("duration_us", output.duration.count()).set("frames", output.frames)
            .set("width", output.width).set("height", output.height);
        if (output.loudness.integrated)
            json.set("loudness", Json().set("lufs", *output.loudness.integrated).set("range_lu", output.loudness.range)
                                     .set("true_peak_dbtp", output.loudness.true_peak_db()));
        if (const auto& q = output.quality; q.measured)
            json.set("quality", Json().set("score", q.score).set("ssim", q.ssim).set("ssim_low", q.ssim_low).set("psnr_db", q.psnr)
                                    .set("frames", q.frames));
        list.push(std::move(json));
    }
    Json json;
    json.set("outputs", std::move(list)).set("render_time_us", rendered.render_time.count()).set("damage", std::move(damage));
    return base::to_json(json);
}

Loudness loudness_of(const Json& output) {
    const Json* json = output.find("loudness");   // results of silent files have none
    if (json == nullptr) return {};
    return {.measured = true, .integrated = json->get_double("lufs"), .range = json->get_double("range_lu"),
            .true_peak = json->get_double("true_peak_dbtp")};
}

Quality quality_of(const Json& output) {
    const Json* json = output.find("quality");   // results of earlier versions have none
    if (json == nullptr) return {};
    return {.measured = true, .score = json->get_double("score"), .ssim = json->get_double("ssim"), .ssim_low = json->get_double("ssim_low"),
            .psnr = json->get_double("psnr_db"), .frames = json->get_int("frames")};
}

RenderResult result_of(const std::string& text, const engine::Workspace& workspace) {
    const Json json = base::parse_json(text, {.max_size = largest_document}, "result");
    RenderResult result{.render_time = Duration{json.get_int("render_time_us")}};
    if (json.find("damage") != nullptr)   // older results have none
        for (const auto& one : json.get_array("damage"))
            result.damage.push_back({.asset = AssetId::parse(one.get_string("asset")), .start = Duration{one.get_int("start_us")},
                                     .end = Duration{one.get_int("end_us")}, .sound = one.get_bool("sound")});
    for (const auto& output : json.get_array("outputs"))
        result.outputs.push_back({.preset = output.get_string("preset"), .path = workspace.exports() / output.get_string("file"),
                                  .size = {output.get_int("bytes")}, .sha256 = output.get_string("sha256"),
                                  .duration = Duration{output.get_int("duration_us")}, .frames = output.get_int("frames"),
                                  .width = static_cast<std::int32_t>(output.get_int("width")),
                                  .height = static_cast<std::int32_t>(output.get_int("height")), .loudness = loudness_of(output),
                                  .quality = quality_of(output)});
    return result;
}

std::vector<std::string> file_names(const Edit& payload, const JobId& job) {
    std::vector<std::string> names;
    for (const auto& output : payload.outputs) {
        const std::string& extension = render::find_preset(output).extension;
        // The plain name belongs to the preset that is called like its ending.
        names.push_back(engine::export_name(payload.name, job, (output == extension ? "." : "." + output + ".") + extension));
    }
    return names;
}

std::int64_t milliseconds(Duration duration) { return (duration.count() + 999) / 1'000; }

/// What the render will need on disk, roughly: an eighth of a bit per pixel, and the sound; twice, since the finished pieces
/// are there until the files are whole. More is asked for when it is known.
std::int64_t expected_bytes(const render::Plan& plan) {
    constexpr std::int64_t pixels_per_byte = 64, container = 64 << 10;
    std::int64_t sum = 0;
    for (const auto& output : plan.outputs)
        sum += plan.frames * output.encoding.width * output.encoding.height / pixels_per_byte + container +
               milliseconds(plan.duration()) * output.preset.sound.bits_per_second / 8'000;
    return 2 * sum;
}

std::int64_t held(const quota::HoldInfo& hold, Resource resource) {
    for (const auto& ask : hold.asks)
        if (ask.resource == resource) return ask.amount;
    return 0;
}

}  // namespace

namespace engine {

Edit edit_of(const RenderOptions& options) { return {options.project, options.timeline, options.outputs, options.name, options.loudness}; }

Prepared prepare_render(const SessionImpl& session, const RenderOptions& options) {
    check_export_name("name", options.name);
    session.read([&](db::Reader& reader) { tenant::projects::get(reader, options.project); });
    const auto find = [&](const AssetId& id) {
        auto asset = session.read([&](db::Reader& reader) { return asset_rows::find(reader, id, session.workspace); });
        if (asset && !session.may(Permission::asset_read, asset->project)) asset.reset();  // in a project that is none of his
        return asset;
    };
    return session.interruptible([&](const std::stop_token& stop) { return prepare(edit_of(options), find, stop); });
}

}  // namespace engine

Renders::Renders(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

RenderJob Renders::start(const RenderOptions& options) {
    const auto pass = impl_->enter(Permission::render_write, options.project);
    jobs::check_schedule(options.schedule, impl_->now());
    const Edit payload = engine::edit_of(options);
    const auto prepared = engine::prepare_render(*impl_, options);
    const std::int64_t render_ms = milliseconds(prepared.plan.render_time()), bytes = expected_bytes(prepared.plan);

    const auto at = impl_->now();
    const auto hold = base::new_id<HoldId>(at);
    const auto granted = impl_->granted();
    const auto started = impl_->change("render.start", options.project.text(), [&](db::Tx& tx) {
        tenant::projects::get(tx, options.project);
        jobs::NewJob request{.kind = kind, .payload = engine::payload_of(payload), .cause = options.project.text(), .hold = hold};
        jobs::schedule(request, options.schedule);
        const auto enqueued = engine::enqueue(*impl_, *granted, tx, request);
        if (!enqueued.is_new) return enqueued;
        const auto job = enqueued.job.text();
        quota::reserve(tx, hold, {.asks = {{Resource::storage, bytes}, {Resource::render_time, render_ms}},
                                  .cause = {.kind = quota::CauseKind::job, .id = job}}, at);
        Json details;
        details.set("project", options.project.text()).set("render_ms", render_ms)
            .set("clips", static_cast<std::int64_t>(prepared.plan.clips.size()));
        impl_->audit(tx, "render.start", job, at, std::move(details));
        return enqueued;
    });
    return Internal::make<RenderJob>(engine::handle_of(impl_, started, kind));
}

std::vector<StartedJob> Renders::start_batch(const RenderBatchOptions& options) {
    const auto pass = impl_->enter_somewhere(Permission::render_write);
    base::check_name("batch", options.batch);
    if (options.renders.empty() || options.renders.size() > most_in_batch)
        throw InvalidArgument("a batch has 1 to 1000 renders", {.subject = "renders"});
    std::vector<StartedJob> started;
    for (auto render : options.renders) {
        render.schedule.batch = options.batch;
        try {
            started.push_back({.job = start(render).id()});
        } catch (const Closed&) {
            throw;
        } catch (const Error& error) {
            started.push_back({.error = error.code(), .message = error.what()});
        }
    }
    return started;
}

std::optional<RenderJob> Renders::find(const JobId& id) const {
    const auto pass = impl_->enter_somewhere(Permission::render_read);
    const auto row = engine::find_job(*impl_, id, kind);
    if (!row) return std::nullopt;
    const auto project = engine::project_of(*row);
    if (!impl_->may(Permission::render_read, project)) return std::nullopt;
    return Internal::make<RenderJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, kind, project}));
}

std::vector<JobInfo> Renders::list(std::int32_t limit) const {
    const auto pass = impl_->enter_somewhere(Permission::render_read);
    return engine::list_jobs(*impl_, {.kind = kind, .limit = limit}, Permission::render_read);
}

RenderJob::RenderJob(std::shared_ptr<JobImpl> impl) : Job(std::move(impl)) {}
RenderResult RenderJob::result() { return result_of(engine::job_result(*impl_), impl_->session->workspace); }

namespace engine {
namespace {

/// Lets a render write only what its job's hold covers: more is held before it is written.
class HeldStorage final : public render::Storage {
public:
    HeldStorage(EngineImpl& engine, const jobs::Attempt& attempt) : engine_(engine), attempt_(attempt) {
        // An attempt that was killed may have asked for more than the start did.
        const auto hold = engine.database->read(attempt.scope, [&](db::Reader& reader) { return quota::find(reader, attempt.job.hold.value()); });
        if (!hold) throw NotFound("the hold of a render has vanished", {.subject = attempt.job.id.text()});
        held_ = held(*hold, Resource::storage);
    }

    void cover(std::int64_t bytes) override {
        if (bytes <= held_) return;
        try {
            extend(bytes - held_ + ahead);
        } catch (const QuotaExceeded&) {
            extend(bytes - held_);   // the last bytes of a plan are as good as any
        }
    }

private:
    static constexpr std::int64_t ahead = 4 << 20;   // so that not every piece is a transaction

    void extend(std::int64_t more) {
        engine_.database->write(attempt_.scope, [&, at = engine_.now()](db::Tx& tx) {
            quota::extend(tx, attempt_.job.hold.value(), {Resource::storage, more}, at);
        });
        held_ += more;
    }

    EngineImpl& engine_;
    const jobs::Attempt& attempt_;
    std::int64_t held_ = 0;
};

class RenderPart final : public Part {
public:
    explicit RenderPart(EngineImpl& engine) : engine_(engine) {}

    void prepare() override {
        engine_.queue->add_kind(kind, {.run = [this](const jobs::Attempt& attempt) { return run(attempt); },
                                       .give_up = [this](db::Tx& tx, const jobs::JobRow& row) { give_up(tx, row); }});
    }

    void end() noexcept override { yard_.clear(); }

private:
    jobs::Outcome run(const jobs::Attempt& attempt) {
        // It may have waited until a trial was over.
        const auto state = engine_.registry->standing(attempt.job.tenant)->state_at(engine_.now());
        if (!allows(state, Permission::render_write))
            throw PermissionDenied(std::string("the tenant is ") + to_string(state) + ": nothing is rendered", {.subject = attempt.job.id.text()});
        const Edit payload = edit_of(attempt.job.payload);
        const Workspace workspace = engine_.workspace(attempt.job.tenant);
        workspace.make();
        const auto find = [&](const AssetId& id) {
            return engine_.database->read(attempt.scope, [&](db::Reader& reader) { return asset_rows::find(reader, id, workspace); });
        };
        auto prepared = engine::prepare(payload, find, attempt.stop);
        for (const auto& note : prepared.plan.notes) engine_.log->info(kind, note, {{"job", attempt.job.id.text()}});
        HeldStorage storage(engine_, attempt);
        const render::Request request{.plan = std::move(prepared.plan), .sources = std::move(prepared.files),
                                      .temp = temp(workspace, attempt.job.id), .exports = workspace.exports(),
                                      .file_names = file_names(payload, attempt.job.id), .storage = &storage, .yard = &yard_};
        const render::Rendered rendered = render::run(request, attempt.progress, attempt.stop);
        for (const auto& one : rendered.damage)
            engine_.log->warning(kind, one.sound ? "damaged sound is silent" : "damaged pictures were passed over",
                                 {{"job", attempt.job.id.text()}, {"asset", one.asset.text()},
                                  {"start_us", one.range.start.count()}, {"end_us", one.range.end.count()}});
        return {.result = result_json(rendered),
                .settle = [this, rendered, job = attempt.job, at = engine_.now(), folder = request.temp](db::Tx& tx) {
                    settle(tx, job, rendered, at);
                    doom(tx, job, {folder});
                }};
    }

    void settle(db::Tx& tx, const jobs::JobRow& job, const render::Rendered& rendered, Time at) {
        std::int64_t size = 0;
        for (const auto& output : rendered.outputs) {
            const std::string name = output.path.filename().string();
            export_rows::insert(tx, {.name = name, .job = job.id, .size = output.size, .sha256 = crypto::to_hex(output.sha256),
                                     .created_at = at}, project_of(job));
            engine_.events->append(tx, {.kind = "export.created", .at = at, .subject = name});
            size += output.size.count;
        }
        quota::commit(tx, job.hold.value(),
                      {{Resource::storage, size}, {Resource::render_time, milliseconds(rendered.render_time)}}, at, project_of(job));
        tenant::usage::record(
            tx, {.source = kind, .id = job.id.text(), .meter = "rendered_bytes", .quantity = size, .occurred_at = at,
                 .project = project_of(job)}, at);
    }

    void give_up(db::Tx& tx, const jobs::JobRow& job) {
        if (job.hold) quota::release(tx, *job.hold, engine_.now());
        const Workspace workspace = engine_.workspace(job.tenant);
        std::vector<std::filesystem::path> left{temp(workspace, job.id)};
        try {
            for (const auto& name : file_names(edit_of(job.payload), job.id)) left.push_back(workspace.exports() / name);
        } catch (const Error& error) {
            engine_.log->failure(kind, "the files of a render that was given up cannot be named", error);
        }
        doom(tx, job, left);
    }

    static std::filesystem::path temp(const Workspace& workspace, const JobId& job) { return workspace.temp() / job.text(); }

    static void remove(const std::filesystem::path& path) {
        std::error_code ignored;
        std::filesystem::remove_all(path, ignored);
    }

    void doom(db::Tx& tx, const jobs::JobRow& job, const std::vector<std::filesystem::path>& paths) {
        for (const auto& path : paths) doomed::add(tx, path, engine_.workspace(job.tenant));
        engine_.remove_doomed_later(tx, job.tenant);
    }

    EngineImpl& engine_;
    render::Yard yard_;
};

}  // namespace

std::unique_ptr<Part> make_renders(EngineImpl& engine) { return std::make_unique<RenderPart>(engine); }

}  // namespace engine
}  // namespace tenon
