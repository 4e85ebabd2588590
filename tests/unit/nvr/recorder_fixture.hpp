#pragma once

#include <functional>
#include <memory>
#include <thread>

#include <gtest/gtest.h>

#include <camera_server.hpp>
#include <crypto/master_key.hpp>
#include <nvr/camera_rows.hpp>
#include <nvr/footage.hpp>
#include <nvr/recorder.hpp>
#include <nvr/recovery.hpp>
#include <nvr/schema.hpp>
#include <tenant/quota.hpp>
#include <tenant_fixture.hpp>

namespace tenon::nvr::test {

using namespace std::chrono_literals;

/// A home with two tenants, and a recorder over it on the machine's own clock.
class Studio {
public:
    Studio() : home(migrations()) { start(); }
    ~Studio() { stop(); }

    void start(std::vector<std::string> networks = {"127.0.0.0/8"}) {
        events = std::make_unique<tenant::EventHub>(*home.database, base::system_clock());
        RecorderOptions options;
        options.clock = base::system_clock();
        options.log = log;
        options.networks = std::move(networks);
        options.scope = [this](const TenantId& id) { return std::optional(home.scope(id)); };
        options.folder = [this](const TenantId& id) { return folder(id); };
        options.open_timeout = 2s;
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

    tenant::testing::Home home;
    crypto::MasterKey master = crypto::MasterKey::from_bytes(base::ByteVector(32, 7));
    std::shared_ptr<base::Log> log = base::Log::to_stderr(base::system_clock(), base::LogLevel::warning);
    std::unique_ptr<tenant::EventHub> events;
    std::unique_ptr<Recorder> recorder;
};

}  // namespace tenon::nvr::test
