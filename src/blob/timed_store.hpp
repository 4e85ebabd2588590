#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include <base/clock.hpp>
#include <blob/many_stores.hpp>
#include <blob/store.hpp>

namespace tenon::blob {

/// One store, each of whose answers is waited for only so long. Calls run on threads of its own: one that never returns keeps its
/// thread, and touches nothing of its caller's.
///
/// Threads   any member, from any thread, at once.
/// Throws    Unavailable where an answer does not come in time, and what the store throws.
class TimedStore {
public:
    /// The largest piece that is read or handed over at once.
    static constexpr std::uint64_t piece = std::uint64_t{4} << 20;

    TimedStore(std::string name, OpenStore open, const Patience& patience, std::shared_ptr<const base::Clock> clock);
    /// Waits a moment for what runs; what hangs then is left behind.
    ~TimedStore();

    const std::string& name() const { return name_; }
    /// It did not answer, or said that it cannot, a moment ago.
    [[nodiscard]] bool is_away() const;

    ByteVector get(const Name& name, Range range, Duration within, const std::stop_token& stop);  ///< At most one piece.
    [[nodiscard]] std::optional<ObjectInfo> head(const Name& name, Duration within, const std::stop_token& stop);
    Page list(const std::string& prefix, const std::string& after, int limit, Duration within, const std::stop_token& stop);
    std::vector<ObjectInfo> list_all(const std::string& prefix, Duration within, const std::stop_token& stop);  ///< `within` for each page.
    void put(const Name& name, ByteSource& source, const PutOptions& options, Duration within, const std::stop_token& stop);
    bool remove(const Name& name, Duration within, const std::stop_token& stop);
    /// The whole object, in pieces.
    ByteVector get_all(const Name& name, std::uint64_t limit, Duration within, const std::stop_token& stop);

private:
    struct Call;
    struct Hands;
    using Work = std::function<void(Store&, Call&)>;
    void run(Work work, Duration within, const std::stop_token& stop, ByteSource* source = nullptr);
    void note(bool answered) const;

    const std::string name_;
    const Patience patience_;
    const std::shared_ptr<const base::Clock> clock_;
    const std::shared_ptr<Hands> hands_;
    mutable std::atomic<std::int64_t> away_until_{0};  // µs of the monotonic clock
};

}  // namespace tenon::blob
