// Backups whose files the host writes.
#include <tenon/backup_writing.hpp>

#include <algorithm>
#include <optional>
#include <utility>

#include <backup/stream.hpp>
#include <base/id.hpp>
#include <base/json.hpp>
#include <base/text.hpp>
#include <tenant/quota.hpp>
#include <tenant/usage.hpp>

#include "core.hpp"
#include "repositories.hpp"
#include "repository_charge.hpp"

TENON_BEGIN

namespace {

namespace holds = tenant::quota;

/// Holds a stream's storage by a hold that ends by itself some minutes after its process, and is renewed while that lives.
class StreamLedger final : public backup::Ledger {
public:
    explicit StreamLedger(const SessionImpl& session) : engine_(*session.engine), scope_(session.scope) {}
    ~StreamLedger() override { settle(); }
    StreamLedger(const StreamLedger&) = delete;
    StreamLedger& operator=(const StreamLedger&) = delete;

    /// Nothing more is asked for.
    void settle() noexcept {
        const auto ended = std::exchange(hold_, {});
        if (ended.is_nil()) return;
        try {
            engine_.database->write(scope_, [&](db::Tx& tx) { holds::release(tx, ended, engine_.now()); });
        } catch (const std::exception&) {
            // It ends by itself.
        }
    }

    void reserve(std::int64_t bytes) override {
        const auto more = bytes - spare_;
        if (more > 0) {
            ask(more);
            held_ += more;
        }
        spare_ = std::max<std::int64_t>(0, -more);
    }

    void commit(std::int64_t bytes) noexcept override {
        const auto take = [&](bool from_hold) {
            engine_.database->write(scope_, [&](db::Tx& tx) {
                if (from_hold) holds::spend(tx, hold_, {Resource::storage, bytes}, engine_.now());
                else holds::charge(tx, {Resource::storage, bytes}, engine_.now());
                engine::repository_charge::add(tx, bytes);
            });
        };
        try {
            try {
                take(true);
            } catch (const Conflict&) {
                take(false);  // the host has paused for longer than the hold
            }
        } catch (const std::exception& error) {
            engine_.log->failure("backup", "a pack is not charged before the repository is weighed", error);
        }
        held_ -= bytes;
    }

    void release(std::int64_t bytes) noexcept override { spare_ += bytes; }

private:
    static constexpr Duration lives = std::chrono::minutes(10);
    static constexpr Duration renewed_after = std::chrono::minutes(3);

    void ask(std::int64_t more) {
        const auto now = engine_.now();
        if (!hold_.is_nil() && now - since_ < renewed_after) {
            try {
                engine_.database->write(scope_, [&](db::Tx& tx) { holds::extend(tx, hold_, {Resource::storage, more}, now); });
                return;
            } catch (const Conflict&) {
                // It has ended: another one takes its place.
            }
        }
        const auto next = base::new_id<HoldId>(now);
        engine_.database->write(scope_, [&](db::Tx& tx) {
            if (!hold_.is_nil()) holds::release(tx, hold_, now);
            holds::reserve(tx, next, {.asks = {{Resource::storage, held_ + more}}, .ttl = lives}, now);
        });
        hold_ = next;
        since_ = now;
    }

    EngineImpl& engine_;
    const db::TenantScope& scope_;
    HoldId hold_{};
    Time since_{};
    std::int64_t held_ = 0;   ///< Asked for and not committed, the spare part too.
    std::int64_t spare_ = 0;  ///< Held and not needed: the next pack's.
};

}  // namespace

struct BackupStreamImpl {
    BackupStreamImpl(std::shared_ptr<SessionImpl> s, const BackupStreamOptions& options) : session(std::move(s)), ledger(*session) {
        constexpr int most_tries = 10;
        auto& repositories = engine::repositories_of(*session->engine);
        for (int tried = 1; !stream; ++tried) {
            try {
                stream = std::make_unique<backup::StreamBackup>(
                    repositories.open_for_stream(session->scope, stop.get_token()),
                    backup::StreamRequest{.name = options.name, .tags = options.tags, .bytes_per_second = options.upload_per_second.count}, ledger,
                    stop.get_token());
            } catch (const backup::KeysChanged&) {
                if (tried == most_tries) throw;
            }
        }
    }
    ~BackupStreamImpl() {
        // In a forked child there is nothing of it: no thread to join, no beacon to take away.
        if (session->engine->gate.forked()) (void)stream.release();
        else release();
    }
    BackupStreamImpl(const BackupStreamImpl&) = delete;
    BackupStreamImpl& operator=(const BackupStreamImpl&) = delete;

    /// With the mutex held, or by the last who has it.
    void release() noexcept {
        if (!stream) return;
        stream.reset();
        ledger.settle();
        if (!session->engine->stopping.stop_requested()) engine::repository_charge::try_reconcile(*session->engine, session->scope);
    }

    void close() noexcept {
        if (session->engine->gate.forked()) return;
        stop.request_stop();
        // Whoever is writing lets go himself.
        if (const std::unique_lock lock(mutex, std::try_to_lock); lock.owns_lock()) release();
    }

    /// Errors that `work` names as harmless leave the stream as it was; any other ends it. `goes_on`: also where there is a snapshot.
    template <class Work> auto guarded(Work work, bool goes_on = false) {
        const auto pass = session->enter(engine::Permission::backup_write);
        const std::lock_guard lock(mutex);
        if ((!stream && !(goes_on && taken)) || stop.stop_requested()) {
            release();
            throw Closed("this stream has ended");
        }
        const struct Ends {
            BackupStreamImpl& my;
            ~Ends() {
                if (my.stop.stop_requested()) my.release();
            }
        } ends{*this};
        try {
            return work();
        } catch (const InvalidArgument&) {
            throw;
        } catch (const Conflict&) {
            throw;
        } catch (const Cancelled&) {
            release();
            throw Closed("this stream was closed meanwhile");
        } catch (const QuotaExceeded& refusal) {
            release();
            session->warn_of(refusal);
            throw;
        } catch (...) {
            release();
            throw;
        }
    }

    const std::shared_ptr<SessionImpl> session;
    std::stop_source stop;
    mutable std::mutex mutex;
    StreamLedger ledger;
    std::unique_ptr<backup::StreamBackup> stream;  // under mutex; null: it has ended
    std::optional<BackupResult> taken;             // under mutex: there is a snapshot, and not yet where it has to be
    std::atomic<std::int64_t> written{0};
};

BackupStream::BackupStream(std::shared_ptr<BackupStreamImpl> impl) : impl_(std::move(impl)) {}

void BackupStream::open(const std::string& path) {
    impl_->guarded([&] { impl_->stream->open(path); });
}

void BackupStream::write(const Buffer& bytes) {
    impl_->guarded([&] {
        impl_->stream->write(bytes);
        impl_->written = impl_->stream->written();
    });
}

std::int64_t BackupStream::written() const { return impl_->written; }

namespace {

BackupResult commit(BackupStreamImpl& my) {
    const auto totals = my.stream->finish();
    my.stream.reset();
    my.ledger.settle();
    // The snapshot stands: what follows is no failure of it.
    const auto& session = *my.session;
    try {
        session.write([&](db::Tx& tx) {
            const auto at = session.now();
            tenant::usage::record(tx,
                                  {.source = "backup", .id = totals.snapshot.id.text(), .meter = "backup_bytes",
                                   .quantity = totals.bytes_stored, .occurred_at = at},
                                  at);
        });
    } catch (const std::exception& error) {
        session.engine->log->failure("backup", "a stream's bytes are not in the tenant's usage", error);
    }
    engine::repositories_of(*session.engine).stream_taken(session.scope);
    BackupResult result{.snapshot = engine::to_public(totals.snapshot), .files_new = totals.files_new, .read = {totals.bytes_read},
                        .deduplicated = {totals.bytes_read - totals.bytes_new}, .stored = {totals.bytes_stored}};
    for (const auto& problem : totals.problems) result.problems.push_back(problem.path + ": " + problem.message);
    return result;
}

}  // namespace

BackupResult BackupStream::finish() {
    auto& my = *impl_;
    return my.guarded(
        [&] {
            if (!my.taken) my.taken = commit(my);
            engine::repositories_of(*my.session->engine).stream_to_level(my.session->scope, my.stop.get_token());
            auto result = std::move(*my.taken);
            my.taken.reset();
            return result;
        },
        true);
}

void BackupStream::close() noexcept { impl_->close(); }

BackupStream Backups::open_stream(const BackupStreamOptions& options) {
    const auto pass = impl_->enter(engine::Permission::backup_write);
    engine::check_stream(options);
    const auto at = impl_->now();
    impl_->write([&](db::Tx& tx) { impl_->audit(tx, "backup.open_stream", options.name, at); });
    auto opened = impl_->interruptible([&](const std::stop_token&) { return std::make_shared<BackupStreamImpl>(impl_, options); });
    engine::repositories_of(*impl_->engine).keep_in_sight(impl_->scope.tenant(), opened);
    return Internal::make<BackupStream>(std::move(opened));
}

TENON_END

namespace tenon::engine {

std::shared_ptr<backup::Repository> Repositories::open_for_stream(const db::TenantScope& scope, const std::stop_token& stop) {
    engine_.workspace(scope.tenant()).make();
    refuse_tampered(scope, *open(scope, stop), stop);
    repository_charge::reconcile(engine_, scope);
    return open_now(scope);
}

void Repositories::stream_taken(const db::TenantScope& scope) {
    note_state(scope);
    repository_charge::try_reconcile(engine_, scope);
    keep_reserve();
    copy_later(scope);
}

void Repositories::stream_to_level(const db::TenantScope& scope, const std::stop_token& stop) {
    catch_up_to_level(scope, *find(scope), false, exec::no_progress(), stop);
}

void Repositories::keep_in_sight(const TenantId& tenant, const std::shared_ptr<BackupStreamImpl>& stream) {
    const std::lock_guard lock(streams_mutex_);
    std::erase_if(streams_, [](const auto& each) { return each.second.expired(); });
    streams_.emplace_back(tenant, stream);
}

void Repositories::end_streams(const std::optional<TenantId>& tenant) noexcept {
    std::vector<std::shared_ptr<BackupStreamImpl>> found;
    {
        const std::lock_guard lock(streams_mutex_);
        for (const auto& [of, stream] : streams_)
            if (auto held = !tenant || of == *tenant ? stream.lock() : nullptr) found.push_back(std::move(held));
    }
    for (const auto& stream : found) stream->close();
}

void Repositories::stop() noexcept { end_streams({}); }
void Repositories::halt(const TenantId& tenant) { end_streams(tenant); }

}  // namespace tenon::engine
