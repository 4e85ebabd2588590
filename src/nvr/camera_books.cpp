// What the clerk books for a camera: segments, the storage they take, its state and its news.
#include <algorithm>
#include <utility>

#include <base/id.hpp>
#include <nvr/recovery.hpp>
#include <tenon/error.hpp>

#include "camera_run.hpp"

namespace tenon::nvr {
namespace {

using namespace std::chrono_literals;
namespace quota = tenant::quota;

constexpr std::int64_t kLeastChunk = 256 << 10;
constexpr Duration kBookEvery = 5s;  // what a segment being written weighs
constexpr Duration kAskAgain = 2s;   // after storage was refused

}  // namespace

void take_up_holds(RunContext& context, const db::TenantScope& scope, const CameraId& id, const CameraTail& tail) {
    const auto now = context.options.clock->now();
    const auto settle = [&](bool beyond_holds) {
        context.database.write(scope, [&](db::Tx& tx) {
            const auto holds = quota::of_cause(tx, quota::CauseKind::camera, id.text());
            const auto held_by = [](const quota::HoldInfo& hold) {
                std::int64_t held = 0;
                for (const auto& ask : hold.asks)
                    if (ask.resource == Resource::storage) held += ask.amount;
                return held;
            };
            std::int64_t held = 0;
            for (const auto& hold : holds) held += held_by(hold);
            std::int64_t owed = 0;
            for (const auto& segment : tail.segments)
                owed += rows::upsert_segment(tx, id, {segment, true}, beyond_holds ? INT64_MAX : held - owed);
            for (const auto& hold : holds) {
                const auto part = std::min(held_by(hold), owed);
                if (part > 0) quota::spend(tx, hold.id, {Resource::storage, part}, now);
                owed -= part;
                quota::release(tx, hold.id, now);
            }
            if (owed > 0) quota::charge(tx, {Resource::storage, owed}, now);
        });
    };
    try {
        settle(true);
    } catch (const QuotaExceeded& error) {
        // Written while nobody could be asked, as when the store was away. It exists; what cannot be charged is not.
        context.options.log->failure("nvr", "footage lies beyond the storage quota", error);
        settle(false);
    }
}

bool settle_left_behind(RunContext& context, const db::TenantScope& scope, const CameraId& id, bool every_day) {
    std::optional<rows::CameraRow> camera;
    std::optional<rows::SiteRow> site;
    context.database.read(scope, [&](db::Reader& reader) {
        camera = rows::find(reader, id);
        if (camera) site = rows::find_site(reader, camera->site);
    });
    if (!site) return true;  // removed meanwhile, and its holds with it
    const auto folder = context.options.folder(scope.tenant()) / id.text();
    std::filesystem::create_directories(folder);
    const auto lock = base::FileLock::try_acquire(folder / ".recorder");
    if (!lock) return false;
    const auto key = rows::signing_key(*site, context.master);
    take_up_holds(context, scope, id, recover_camera(folder, {scope.tenant(), camera->site, id}, &key, *context.options.log, every_day));
    if (!every_day) return true;
    auto gone = context.database.read(scope, [&](db::Reader& reader) { return rows::segments(reader, id); });
    std::erase_if(gone, [&](const rows::KeptSegment& kept) { return std::filesystem::exists(path_of(folder, kept.segment)); });
    context.database.write(scope, [&](db::Tx& tx) {
        if (const auto charged = rows::remove_segments(tx, id, gone); charged > 0)
            quota::free(tx, {Resource::storage, charged}, context.options.clock->now());
    });
    return true;
}

/// Asks for more storage and counts it as usable. False: refused.
bool CameraRun::extend(std::int64_t bytes) {
    const auto now = context_.options.clock->now();
    const Ask ask{Resource::storage, bytes};
    const auto fresh = base::new_id<HoldId>(now);
    try {
        const auto hold = context_.database.write(scope_, [&](db::Tx& tx) {
            if (hold_) {
                quota::extend(tx, *hold_, ask, now);
                return *hold_;
            }
            quota::reserve(tx, fresh, {.asks = {ask}, .cause = {quota::CauseKind::camera, id_.text(), 0}}, now);
            return fresh;
        });
        hold_ = hold;
    } catch (const QuotaExceeded&) {
        return false;
    }
    held_ += bytes;
    allowance_->left += bytes;
    return true;
}

void CameraRun::top_up() {
    auto& allowance = *allowance_;
    allowance.low = chunk_ / 2;
    if (allowance.left > allowance.low) return;
    const auto now = context_.options.clock->monotonic();
    if (allowance.denied && now - asked_at_ < kAskAgain) return;
    asked_at_ = now;
    for (auto more = chunk_; more >= kLeastChunk; more /= 4) {
        if (!extend(more)) continue;
        allowance.denied = false;
        return;
    }
    if (!allowance.denied)
        context_.database.write(scope_, [&, at = context_.options.clock->now()](db::Tx& tx) {
            quota::note_refusal(tx, to_string(Resource::storage), at);
        });
    allowance.denied = true;
}

void CameraRun::book(const std::vector<SegmentNote>& notes, const std::vector<tenant::News>& news,
                     const std::optional<rows::StatusRow>& status) {
    const auto spent = context_.database.write(scope_, [&](db::Tx& tx) {
        std::int64_t sum = 0;
        if (!rows::find(tx, id_)) return sum;  // removed meanwhile
        for (const auto& note : notes) sum += rows::upsert_segment(tx, id_, note, held_ - sum);
        if (sum > 0) quota::spend(tx, *hold_, {Resource::storage, sum}, context_.options.clock->now());
        if (status) rows::set_status(tx, id_, *status);
        for (const auto& item : news) context_.events.append(tx, item);
        return sum;
    });
    if (spent > 0) held_ -= spent;  // nothing is before prepared_: see settle()
}

void CameraRun::settle() {
    std::vector<SegmentNote> notes;
    std::vector<tenant::News> news;
    std::optional<rows::StatusRow> status;
    if (!owns_) return;  // another process records it, and books it
    {
        const std::lock_guard lock(mutex_);
        // A row is made when a segment begins and ends, and now and then between: not for every second of every camera.
        const auto now = context_.options.clock->monotonic();
        const bool due = ending_ || now - booked_at_ >= kBookEvery || !news_.empty() || status_changed_ ||
                         std::any_of(notes_.begin(), notes_.end(), [](const SegmentNote& note) { return note.finished; });
        // What is held is the thread's until it has prepared everything, or is joined: until then the camera has state and news only.
        if (due && (prepared_ || ending_)) {
            notes.swap(notes_);
            booked_at_ = now;
        }
        news.swap(news_);
        if (std::exchange(status_changed_, false) || !notes.empty()) status = measured();
    }
    try {
        for (const auto& note : notes) {
            const auto length = std::chrono::duration_cast<std::chrono::seconds>(note.segment.end - note.segment.start).count();
            if (length >= 10) chunk_ = std::max<std::int64_t>(8 << 20, static_cast<std::int64_t>(note.segment.bytes) / length * 60);
        }
        if (!notes.empty() || !news.empty() || status) book(notes, news, status);
    } catch (...) {
        // The store will be there again; until then everything is kept, the newest word on each segment winning.
        const std::lock_guard lock(mutex_);
        for (const auto& newer : notes_) {
            const auto same = [&](const SegmentNote& n) { return n.segment.day == newer.segment.day && n.segment.ordinal == newer.segment.ordinal; };
            std::erase_if(notes, same);
        }
        notes_.insert(notes_.begin(), notes.begin(), notes.end());
        news_.insert(news_.begin(), news.begin(), news.end());
        status_changed_ |= status.has_value();
        throw;
    }
    if (prepared_ && !ending_) top_up();
}

void CameraRun::release() noexcept {
    ending_ = true;
    try {
        {
            const std::lock_guard lock(mutex_);
            status_.state = CameraState::off;
            status_.problem.clear();
            status_changed_ = true;
        }
        settle();
        if (const auto hold = std::exchange(hold_, {}))
            context_.database.write(scope_, [&](db::Tx& tx) { quota::release(tx, *hold, context_.options.clock->now()); });
    } catch (const std::exception& error) {
        context_.options.log->failure("nvr", "a camera's last words are booked when it is opened again", error);
    }
}

}  // namespace tenon::nvr
