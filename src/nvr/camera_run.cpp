#include "camera_run.hpp"

#include <algorithm>
#include <utility>

#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <media/input.hpp>
#include <nvr/fragment.hpp>
#include <tenon/error.hpp>

#include "backoff.hpp"
#include "ticks.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLongestSilence = 5s;
constexpr Duration kShortestSilence = 2s;
constexpr Duration kLockRetry = 1s;
constexpr int kBadPackets = 50;  // in a row: this is no stream

GapReason reason_of(const Error& error) {
    switch (error.code()) {
    case Errc::unauthenticated:
    case Errc::permission_denied: return GapReason::refused;
    case Errc::corrupt: return GapReason::loss;
    case Errc::unsupported: return GapReason::format_change;
    default: return GapReason::offline;
    }
}

}  // namespace

CameraRun::CameraRun(RunContext& context, db::TenantScope scope, const CameraId& id, GapReason first_gap)
    : context_(context),
      scope_(std::move(scope)),
      id_(id),
      folder_(context.options.folder(scope_.tenant()) / id.text()),
      gap_(first_gap),
      thread_(exec::start_thread("camera", [this](const std::stop_token& stop) { run(stop); })) {}

CameraRun::~CameraRun() {
    stop();
    join();
}

void CameraRun::join() noexcept {
    if (thread_.joinable()) thread_.join();
    if (line_) context_.disk.close(line_);
    line_.reset();
}

rows::StatusRow CameraRun::status() const {
    const std::lock_guard lock(mutex_);
    return measured();
}

/// Under the mutex.
rows::StatusRow CameraRun::measured() const {
    auto status = status_;
    meter_.read(context_.options.clock->monotonic(), status.health);
    return status;
}

void CameraRun::set_state(CameraState state, const std::string& problem) {
    const std::lock_guard lock(mutex_);
    if (status_.state == state && status_.problem == problem) return;
    status_.state = state;
    status_.problem = problem;
    status_changed_ = true;
    context_.wake();
}

void CameraRun::tell(const std::string& kind, base::Json data) {
    const std::lock_guard lock(mutex_);
    if (news_.size() < 100) news_.push_back({kind, context_.options.clock->now(), id_.text(), std::move(data)});
    context_.wake();
}

void CameraRun::lost(GapReason reason, const std::string& problem) {
    if (gap_ == GapReason::none) gap_ = reason;
    set_state(CameraState::retrying, problem);
    if (failures_ == 1) {
        base::Json data;
        data.set("reason", to_string(reason)).set("problem", problem);
        tell("camera.offline", std::move(data));
    }
}

/// Footage has arrived: whatever was wrong is over.
void CameraRun::flows() {
    if (failures_ > 0 || !was_online_) {
        tell(std::exchange(was_online_, true) ? "camera.recovered" : "camera.online", base::Json::object());
        failures_ = 0;
    }
    gap_ = GapReason::none;
    std::unique_lock lock(mutex_);
    const bool paused = paused_;
    const auto problem = pause_problem_;
    lock.unlock();
    set_state(paused ? CameraState::retrying : CameraState::recording, paused ? problem : std::string());
}

void CameraRun::noted(std::vector<SegmentNote> notes) {
    const std::lock_guard lock(mutex_);
    for (auto& note : notes) {
        const auto same = [&](const SegmentNote& n) { return n.segment.day == note.segment.day && n.segment.ordinal == note.segment.ordinal; };
        const auto known = std::find_if(notes_.begin(), notes_.end(), same);
        if (known != notes_.end()) *known = note;
        else notes_.push_back(note);
        if (!status_.last_frame_at || *status_.last_frame_at < note.segment.end) status_.last_frame_at = note.segment.end;
    }
}

void CameraRun::paused(GapReason reason, const std::string& problem) {
    {
        const std::lock_guard lock(mutex_);
        paused_ = true;
        pause_problem_ = problem;
    }
    set_state(CameraState::retrying, problem);
    base::Json data;
    data.set("reason", to_string(reason)).set("problem", problem);
    tell("camera.paused", std::move(data));
}

void CameraRun::resumed() {
    {
        const std::lock_guard lock(mutex_);
        paused_ = false;
        pause_problem_.clear();
    }
    set_state(CameraState::recording, {});
    tell("camera.resumed", base::Json::object());
}

void CameraRun::run(const std::stop_token& stop) {
    try {
        failing_since_ = context_.options.clock->monotonic();
        while (!stop.stop_requested() && !prepare(stop)) {}
        while (!stop.stop_requested()) connect(stop);
    } catch (const Cancelled&) {  // asked to stop
    } catch (const std::exception& error) {
        context_.options.log->failure("nvr", "a camera's thread ended", error);
        set_state(CameraState::retrying, "an internal error ended the recording; it goes on when the engine is opened again");
    }
}

/// Takes the camera for this process and makes its folder whole. False: try again.
bool CameraRun::prepare(const std::stop_token& stop) {
    try {
        if (!context_.database.read(scope_, [&](db::Reader& reader) { return rows::find(reader, id_).has_value(); })) {
            (void)exec::sleep_for(context_.options.clock, stop, kLockRetry);  // removed meanwhile: the clerk will stop this
            return false;
        }
        std::filesystem::create_directories(folder_);
        if (!lock_) lock_ = base::FileLock::try_acquire(folder_ / ".recorder");
        if (!lock_) {
            exec::check_stop(stop);
            (void)exec::sleep_for(context_.options.clock, stop, kLockRetry);
            return false;
        }
        owns_ = true;
        const auto site = context_.database.read(scope_, [&](db::Reader& reader) {
            camera_ = rows::find(reader, id_);  // the address is looked up again when it is outdated
            return camera_ ? rows::find_site(reader, camera_->site) : std::nullopt;
        });
        if (!site) {  // removed meanwhile: the clerk will stop this
            (void)exec::sleep_for(context_.options.clock, stop, kLockRetry);
            return false;
        }
        key_ = std::make_shared<const crypto::SigningKey>(rows::signing_key(*site, context_.master));
        const Origin origin{scope_.tenant(), camera_->site, id_};
        auto tail = recover_camera(folder_, origin, key_.get(), *context_.options.log);
        take_up_holds(context_, scope_, id_, tail);
        {
            const std::lock_guard lock(mutex_);
            revision_ = camera_->revision;
        }
        line_ = context_.disk.open({folder_, origin, key_, std::move(tail), allowance_, this});
        top_up();  // before the first byte; from here on it is the clerk's
        prepared_ = true;
        context_.wake();
        return true;
    } catch (const Cancelled&) {
        throw;
    } catch (const std::exception& error) {
        context_.options.log->failure("nvr", "a camera's recordings cannot be opened", error);
        set_state(CameraState::retrying, error.what());
        ++failures_;
        (void)exec::sleep_for(context_.options.clock, stop, backoff(failures_, {}, GapReason::disk_error));
        return false;
    }
}

void CameraRun::connect(const std::stop_token& stop) {
    const auto clock = context_.options.clock;
    set_state(failures_ == 0 ? CameraState::connecting : CameraState::retrying,
              failures_ == 0 ? std::string() : status().problem);
    auto pause = Duration{};
    std::string problem;
    auto reason = GapReason::offline;
    std::stop_source attempt, connection;
    const std::stop_callback ended(stop, [&] { attempt.request_stop(); });
    const std::stop_callback forward(attempt.get_token(), [&] { connection.request_stop(); });
    {
        const std::lock_guard lock(mutex_);
        attempt_ = attempt;
        connection_ = connection;
        last_packet_ = clock->monotonic();
        silence_ = context_.options.open_timeout + kLongestSilence;
        status_.health.reconnects += std::exchange(connected_before_, true);
        silent_ = false;
    }
    try {
        read(address(connection.get_token()), connection.get_token());
        problem = "the camera ended the stream";
    } catch (const Error& error) {
        const std::lock_guard lock(mutex_);
        reason = reason_of(error);
        problem = error.what();
        if (silent_) {
            reason = GapReason::stalled;
            problem = "the camera has stopped sending";
        } else if (error.code() == Errc::unauthenticated) {
            pause = context_.options.refused_pause;
        }
    } catch (const std::exception& error) {
        // Such as a moment without memory: no reason to record no more.
        context_.options.log->failure("nvr", "a camera's connection failed", error);
        problem = "an internal error ended the connection";
    }
    {
        const std::lock_guard lock(mutex_);
        connection_.reset();
    }
    if (stop.stop_requested()) return;
    if (attempt.stop_requested()) {  // for another address or login, which deserves to be tried at once
        if (gap_ == GapReason::none) gap_ = GapReason::switched_off;
        failures_ = 0;
        return;
    }
    if (failures_++ == 0) failing_since_ = clock->monotonic();
    lost(reason, problem);
    if (pause == Duration{}) pause = backoff(failures_, clock->monotonic() - failing_since_, reason);
    (void)exec::sleep_for(clock, attempt.get_token(), pause);
}

/// Where to connect to now, with the login. A secret.
std::string CameraRun::address(const std::stop_token& stop) {
    {
        std::unique_lock lock(mutex_);
        if (outdated_) {
            lock.unlock();
            auto camera = context_.database.read(scope_, [&](db::Reader& reader) { return rows::find(reader, id_); });
            lock.lock();
            if (camera) {  // without a row it was removed, and the clerk ends this
                camera_ = std::move(camera);
                outdated_ = camera_->revision < revision_;
                revision_ = std::max(revision_, camera_->revision);
            }
        }
    }
    const auto url = parse_camera_url(rows::whole_url(*camera_, context_.master)).url;
    const auto host = checked_address(url, context_.networks, context_.lookup(), stop);
    std::string password;
    if (!camera_->password.empty()) {
        const auto secret = context_.master.open(rows::password_label(id_), camera_->password);
        password = std::string(base::text_of(secret.bytes()));
    }
    {
        const std::lock_guard lock(mutex_);
        last_packet_ = context_.options.clock->monotonic();  // a slow name server is not the camera's silence
    }
    return connect_url(url, host, camera_->username, password);
}

void CameraRun::read(const std::string& url, const std::stop_token& stop) {
    const auto& clock = *context_.options.clock;
    media::LiveOptions live;
    live.open_timeout = context_.options.open_timeout;
    live.read_timeout = kLongestSilence;
    auto input = media::Input::open_live(url, live, stop);
    FragmentBuilder builder(input.streams(), gap_);
    input.select(builder.wanted());
    const auto offset = [&] { return clock.now().time_since_epoch() - clock.monotonic(); };
    const auto deliver = [&](std::vector<Fragment> fragments) {
        for (auto& fragment : fragments) {
            context_.disk.push(line_, std::move(fragment));
            flows();
            if (!allowance_->denied && allowance_->left < allowance_->low) context_.wake();
        }
    };
    const auto picture = builder.wanted().front();
    int bad = 0;
    try {
        while (auto packet = input.next()) {
            packet->arrival = clock.monotonic();
            {
                const std::lock_guard lock(mutex_);
                meter_.add(packet->arrival, packet->data.size(), packet->stream == picture);
                if (packet->stream == picture) {
                    last_packet_ = packet->arrival;
                    status_.health.arrived_at = clock.now();
                    status_.health.key_frame_interval = micros(builder.key_interval());
                }
                const Duration gops = micros(2 * builder.key_interval());
                silence_ = gops > Duration{} ? std::clamp(gops, kShortestSilence, kLongestSilence) : kLongestSilence;
            }
            try {
                deliver(builder.push(*packet, offset()));
                bad = 0;
            } catch (const Corrupt&) {
                if (++bad >= kBadPackets) throw;
            }
        }
    } catch (...) {
        deliver(builder.flush(offset()));
        throw;
    }
    deliver(builder.flush(offset()));
}

void CameraRun::follow(std::int64_t revision) {
    const std::lock_guard lock(mutex_);
    if (!prepared_ || revision <= revision_) return;
    revision_ = revision;
    outdated_ = true;
    attempt_.request_stop();
}

Duration CameraRun::watch() {
    const std::lock_guard lock(mutex_);
    if (!connection_) return kShortestSilence;
    const auto left = silence_ - (context_.options.clock->monotonic() - last_packet_);
    if (left > Duration{}) return left;
    silent_ = true;
    connection_->request_stop();
    return kShortestSilence;
}

}  // namespace tenon::nvr
