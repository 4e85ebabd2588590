#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include <fcntl.h>
#include <gtest/gtest.h>

#include <camera_server.hpp>
#include <crypto/master_key.hpp>
#include <media/decoder.hpp>
#include <media/input.hpp>
#include <nvr/camera_rows.hpp>
#include <nvr/footage.hpp>
#include <nvr/recorder.hpp>
#include <nvr/recovery.hpp>
#include <nvr/schema.hpp>
#include <nvr/segment_file.hpp>
#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

namespace tenon::nvr::test {

using namespace std::chrono_literals;

/// A home with two tenants, and a recorder over it on the machine's own clock.
class Studio {
public:
    /// `open_timeout`: short where nothing but silence can trip it; a busy machine takes its time to connect.
    explicit Studio(Duration patience = 30s) : open_timeout(patience), home(migrations()) { start(); }
    ~Studio() { stop(); }

    void start(std::vector<std::string> networks = {"127.0.0.0/8"}) {
        events = std::make_unique<tenant::EventHub>(*home.database, base::system_clock());
        RecorderOptions options;
        options.clock = base::system_clock();
        options.log = log;
        options.networks = std::move(networks);
        options.scope = [this](const TenantId& id) { return suspended ? std::nullopt : std::optional(home.scope(id)); };
        options.folder = [this](const TenantId& id) {
            if (id == home.b && b_is_away) throw Unavailable("the recordings are away");
            return folder(id);
        };
        options.open_timeout = open_timeout;
        options.refused_pause = refused_pause;
        options.lookup = lookup;
        options.week_time = [this](const TenantId&, Time) { return Duration{week_time}; };
        options.in_use = [this](const db::TenantScope&, const CameraId&) {
            const std::lock_guard lock(mutex);
            return in_use;
        };
        options.prune_every = 100ms;
        recorder = std::make_unique<Recorder>(std::move(options), *home.database, home.system, *events, master);
        recorder->start();
    }
    void stop() {
        if (recorder) recorder->stop();
        recorder.reset();
        if (events) events->close();
        events.reset();
    }

    std::filesystem::path folder(const TenantId& id) const { return home.folder / id.text() / "recordings"; }
    std::filesystem::path folder(const TenantId& id, const CameraId& camera) const { return folder(id) / camera.text(); }

    CameraId add(const TenantId& id, const std::string& url, const std::string& password = {}) {
        const auto now = base::system_clock()->now();
        rows::CameraRow row{.id = base::new_id<CameraId>(now), .name = "Door", .url = url, .recording = Recording::continuous, .created_at = now};
        if (!password.empty()) {
            row.username = "user";
            row.password = master.seal(rows::password_label(row.id), base::view_of(password));
        }
        home.write(id, [&](db::Tx& tx) {
            row.site = rows::open_site(tx, base::new_id<SiteId>(now), master, now).id;
            rows::insert(tx, row);
        });
        recorder->changed();
        return row.id;
    }
    void set(const TenantId& id, const CameraId& camera, Recording recording) {
        home.write(id, [&](db::Tx& tx) { rows::set_recording(tx, camera, recording); });
        recorder->changed();
    }

    crypto::PublicKey public_key(const TenantId& id, const CameraId& camera) {
        return home.read(id, [&](db::Reader& r) { return rows::find_site(r, rows::find(r, camera)->site)->public_key; });
    }
    std::vector<RecordingInfo> list(const TenantId& id, const CameraId& camera) { return list_recordings(folder(id, camera), {}); }
    Duration covered(const TenantId& id, const CameraId& camera) {
        Duration sum{};
        for (const auto& info : list(id, camera)) sum += info.end - info.start;
        return sum;
    }
    Quota storage(const TenantId& id) {
        return home.read(id, [&](db::Reader& r) { return tenant::quota::get(r, Resource::storage, home.now()); });
    }
    void use(std::optional<FootageUse> footage) {
        const std::lock_guard lock(mutex);
        in_use = std::move(footage);
    }
    rows::StatusRow status(const CameraId& camera) { return recorder->status(camera).value_or(rows::StatusRow{}); }

    /// Whether it comes true in time.
    [[nodiscard]] static bool wait(Duration limit, const std::function<bool()>& ready) {
        const auto end = std::chrono::steady_clock::now() + limit;
        while (!ready()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(20ms);
        }
        return true;
    }

    void change(const TenantId& id, const CameraId& camera, const std::function<void(rows::CameraRow&)>& how) {
        home.write(id, [&](db::Tx& tx) {
            auto row = rows::find(tx, camera).value();
            how(row);
            ++row.revision;
            EXPECT_TRUE(rows::update(tx, row));
        });
        recorder->changed();
    }

    const Duration open_timeout;
    Duration refused_pause = 60s;             ///< As the next two, for the next start().
    std::shared_ptr<HostLookup> lookup;       ///< Unset: the machine's.
    std::atomic<Duration::rep> week_time{0};  ///< What the clock on the wall shows, from Monday 00:00.
    std::mutex mutex;
    std::optional<FootageUse> in_use = FootageUse{};  ///< Of all cameras. Under the mutex.
    std::atomic<bool> suspended{false};       ///< Nobody may record.
    std::atomic<bool> b_is_away{false};       ///< Asking for the second tenant's folder fails.
    tenant::testing::Home home;
    crypto::MasterKey master = crypto::MasterKey::from_bytes(base::ByteVector(32, 7));
    std::shared_ptr<base::Log> log = base::Log::to_stderr(base::system_clock(), base::LogLevel::warning);
    std::unique_ptr<tenant::EventHub> events;
    std::unique_ptr<Recorder> recorder;
};

/// Decodes every picture of a film and shows it to `look`; none may be damaged. Returns how many there are.
template <class Look> std::int64_t decode_all(const std::filesystem::path& path, const Look& look) {
    auto input = media::Input::open(path, {}, {});
    media::VideoDecoder decoder(*input.video());
    std::int64_t frames = 0;
    const auto drain = [&] {
        while (const auto frame = decoder.receive()) {
            EXPECT_FALSE(frame->damaged()) << path;
            look(*frame);
            ++frames;
        }
    };
    while (const auto packet = input.next()) {
        if (packet->stream != input.video()->index) continue;
        decoder.send(*packet);
        drain();
    }
    decoder.finish();
    drain();
    return frames;
}

/// Every segment is finished, opens, and its signatures hold; no fragment overlaps the one before.
inline void expect_whole(Studio& studio, const TenantId& tenant, const CameraId& camera) {
    const auto folder = studio.folder(tenant, camera);
    const auto key = studio.public_key(tenant, camera);
    std::vector<IndexRecord> from_files, from_index;
    for (const auto day : days_of(folder)) {
        for (const auto& name : segments_of(folder / day_name(day))) {
            const auto path = folder / day_name(day) / name;
            EXPECT_TRUE(verify_segment(path, key).whole()) << path;
            const auto scan = scan_segment(base::open_file(path, O_RDONLY), name);
            from_files.insert(from_files.end(), scan.records.begin(), scan.records.end());
            auto input = media::Input::open(path, {}, {});
            std::int64_t frames = 0, indexed = 0;
            while (const auto packet = input.next()) frames += packet->stream == input.video()->index;
            for (const auto& record : scan.records) indexed += record.frames;
            EXPECT_EQ(frames, indexed) << path;
        }
        const auto content = read_index(folder / day_name(day) / kIndexName);
        EXPECT_EQ(content.bad + content.torn, 0u);
        from_index.insert(from_index.end(), content.records.begin(), content.records.end());
    }
    for (auto& record : from_index) record.flags &= static_cast<std::uint16_t>(~record_recovered);
    EXPECT_EQ(from_index, from_files);
    for (std::size_t i = 1; i < from_index.size(); ++i) EXPECT_GE(from_index[i].start + 1ms, from_index[i - 1].end());
}

}  // namespace tenon::nvr::test
