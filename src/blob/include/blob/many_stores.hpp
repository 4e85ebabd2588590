#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <blob/store.hpp>
#include <exec/progress.hpp>
#include <exec/throttle.hpp>

namespace tenon::base { class Clock; }

namespace tenon::blob {

/// Opens a store when it is first asked for something. Throws Unavailable where it cannot be reached.
using OpenStore = std::function<std::shared_ptr<Store>()>;

/// How long a store is waited for.
struct Patience {
    Duration read = std::chrono::milliseconds(750);  ///< For one answer or 4 MiB, before the next store is asked …
    Duration last = std::chrono::seconds(60);        ///< … and once all of them were. Also for what is written, and without any progress.
    Duration pause = std::chrono::seconds(30);       ///< One that did not answer is asked last for so long.
};

/// A store beside the home's own.
struct OtherStore {
    std::string name{};
    OpenStore open{};
    bool allowed = true;  ///< False: nothing is ever read from it or written to it, and what lies there is removed.
};

/// What one store had, and what became of it.
struct StoreState {
    std::string name{};
    bool reached = false;
    bool allowed = true;
    bool whole = false;               ///< In the end it has all that the home's own store has.
    bool left = false;                ///< For later: enough others were whole before it was.
    std::int64_t objects = 0, bytes = 0;                  ///< It holds in the end.
    std::int64_t missing_objects = 0, missing_bytes = 0;  ///< Of the home's, in the end.
    std::int64_t copied_objects = 0, copied_bytes = 0;
    std::int64_t removed_objects = 0;
    std::int64_t healed_objects = 0;  ///< Damaged ones that were replaced, and of the home's own: missing ones that came back.
    std::string problem{};            ///< Why it is not whole; empty: it is.
    bool forked = false;              ///< It went on by itself, as `contradicts` says, and was left as it is.
};

struct CatchUpRequest {
    bool dry_run = false;    ///< Only looks.
    bool heal = false;       ///< Also brings back what the home's own store has lost.
    bool verify = false;     ///< Also reads everything and replaces what is damaged.
    double share = 1;        ///< Of all the work that its progress is shown of.
    /// Ends once so many of the other stores are whole, and leaves the rest as far as they are. Negative: all are waited for.
    int enough = -1;
    std::vector<std::string> only{};  ///< These of the other stores. Empty: all.
    /// Asked for each object but packs that is to come back into the home's own store: whoever can write to another store must not fill
    /// it with what he likes. Also for each checkpoint. Unset: all are taken.
    std::function<bool(const std::string& name, ByteView bytes)> accept{};
    /// Asked for each checkpoint of another store that is not, byte for byte, the home's newest: why nothing is to be changed there. Empty:
    /// it may. Unset: it always may.
    std::function<std::string(const std::string& name, ByteView bytes)> contradicts{};
    std::shared_ptr<exec::Throttle> uploads{};    ///< Of what other stores get, all of them together. Null: no limit.
    std::shared_ptr<exec::Throttle> downloads{};  ///< Of what comes from them, or is read to be verified.
    std::size_t at_once = 0; ///< So many of them are brought up to date beside each other, at most. 0: all.
};

struct CatchUpReport {
    StoreState home{};
    std::vector<StoreState> others{};
    int whole() const;
};

/// One repository's objects in the home's own store, and copies of them in others.
///
/// All writing goes to the home's own store, which alone decides what there is: beacons and collections (sess/, gc/) live there and
/// nowhere else. catch_up() brings the others to the same state. A read that the home's own store does not answer in time, or answers
/// with nothing or with damage, goes to the next.
///
/// Names die once. What is removed is first buried: an object gone/<sha256> names it for ever, sealed, so that nobody without the keys
/// can bury. A buried object is never read from any store nor copied anywhere, and catch_up() removes it from each, however long that
/// store was away. An object that is not buried and that the home's own store lacks was lost.
///
/// Of checkpoints (checkpoint/) the others have the newest alone, once all is there that it may vouch for. Nobody buries them: of two the
/// one with the greater number counts. A store whose checkpoint contradicts the home's is left as it is.
///
/// Lists come from the home's own store alone: an older state of another one must never decide what is needed. For readers that go on
/// without it there is elsewhere().
class ManyStores final : public Store {
public:
    /// `stamp`: the caller's, to know by what it was made from.
    ManyStores(std::shared_ptr<Store> home, std::vector<OtherStore> others, std::shared_ptr<const base::Clock> clock, const Patience& patience = {},
               std::string stamp = {});
    ~ManyStores() override;

    PutInfo put(const Name& name, ByteSource& source, const PutOptions& options, std::stop_token stop) override;
    void get(const Name& name, Range range, ByteSink& sink, std::stop_token stop) override;
    std::optional<ObjectInfo> head(const Name& name, std::stop_token stop) override;
    Page list(std::string_view prefix, std::string_view after, int limit, std::stop_token stop) override;
    bool remove(const Name& name, const RemoveOptions& options, std::stop_token stop) override;
    Capabilities capabilities() const override;
    Time server_time(std::stop_token stop) override;
    void flush(std::stop_token stop) override;
    void discard() noexcept override;
    std::unique_ptr<Spool> spool() override;
    std::unique_ptr<Beacon> beacon(const Name& name, ByteView bytes) override;
    std::optional<bool> beacon_lives(const Name& name) override;
    /// From another store, else by what the home's own keeps beside its objects.
    bool mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) override;
    bool can_mend(const Name& name, const IsWhole& is_whole, std::stop_token stop) override;
    std::int64_t beside(const Name& name, std::uint64_t size) const override;
    std::int64_t kept_beside(const Name& name, std::stop_token stop) override;
    bool protect(const Name& name, const IsWhole& is_whole, std::stop_token stop) override;
    std::int64_t bury(const std::vector<std::string>& names, Burial why, std::stop_token stop) override;
    void make_durable(const std::vector<std::string>& names, std::stop_token stop) override;
    void trust(std::shared_ptr<const Seal> seal) override;

    /// What all other stores have together, less what is buried: to read from while the home's own store is away or lost. Writing is
    /// Unavailable.
    std::shared_ptr<Store> elsewhere();
    /// The checkpoints that other stores have, by name, as far as these answer.
    std::vector<std::pair<std::string, ByteVector>> checkpoints_elsewhere(std::stop_token stop);
    const std::string& stamp() const;
    [[nodiscard]] bool has_others() const;  ///< That may be read from.
    /// The home's own store has no superblock, and another one has.
    [[nodiscard]] bool is_lost(std::stop_token stop);

    /// Brings the other stores to the state of the home's own, each beside the others: packs, then indexes, then snapshots, then logs,
    /// the superblock last. Killed or stopped at any moment, the next one copies only what is missing. What a store refuses is said in
    /// its state, not thrown.
    ///
    /// With `heal` a home's own store that is_lost() is brought back from the others, all of which must answer then: what only one of them
    /// has would be taken for forgotten.
    ///
    /// Throws    Cancelled; Unavailable where the home's own store is lost and not brought back; what the home's own store throws.
    CatchUpReport catch_up(const CatchUpRequest& request, exec::ProgressSink& progress, std::stop_token stop);

    struct Impl;

private:
    std::shared_ptr<Impl> impl_;
};

/// Whether such objects have copies, and are buried: all but beacons, collections and what one store keeps beside its own objects, and but
/// checkpoints, which are copied by rules of their own.
bool is_copied(std::string_view name);

}  // namespace tenon::blob
