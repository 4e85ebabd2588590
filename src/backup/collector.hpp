#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include <backup/prune.hpp>

#include "books.hpp"
#include "marks.hpp"
#include "pack_writer.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {

/// Whether sessions still work, as far as can be told without believing any one clock. One thread at a time.
class SessionWatch {
public:
    SessionWatch(blob::Store& store, std::shared_ptr<const base::Clock> clock, const PruneRequest& limits, std::stop_token stop)
        : store_(store), clock_(std::move(clock)), limits_(limits), stop_(std::move(stop)) {}
    enum class State : std::uint8_t { alive, ended, given_up };
    State look(const std::string& beacon);

private:
    struct Sight {
        ByteVector bytes;
        Time first{}, last{};       // the store's
        Duration first_own{}, last_own{};
        int looks = 0;
    };
    blob::Store& store_;
    const std::shared_ptr<const base::Clock> clock_;
    const PruneRequest& limits_;
    const std::stop_token stop_;
    std::map<std::string, Sight> seen_;
};

/// Another collection took the lease: this one's work is taken over by it.
struct LeaseLost {};

/// One collection. Its steps and their order are those of tests/unit/backup/collector_model_test.cpp; whoever changes them changes
/// the model first.
class Collection {
public:
    Collection(Repository::Impl& impl, const PruneRequest& request, PruneTotals& totals, exec::ProgressSink& progress, std::stop_token stop,
               std::int64_t bytes_per_second = 0);
    ~Collection();
    /// Throws LeaseLost.
    void run();
    void rehearse();

protected:  // for the one that writes packs anew under other keys
    struct Plan {
        Intent intent;                   ///< Dead packs and those to be written anew.
        std::int64_t dead = 0, rewritten = 0;
        std::int64_t unused_left = 0, freed = 0;
        std::int64_t bytes = 0;          ///< Of the latter packs.
    };
    /// What lies in one frame and is needed.
    struct Needed {
        std::uint32_t pack;
        std::uint16_t frame;
        std::vector<Index::Entry> chunks;
    };
    /// Snapshots, then what they need of the packs that there are.
    struct View {
        std::vector<SnapshotRecord> snapshots;
        std::vector<SnapshotRecord> doubted;  ///< Nobody sees these yet: they may have holes.
        std::shared_ptr<const Index> index;
        std::optional<Marks> marks;
        bool is_whole = false;
    };

    void begin();
    void end() noexcept;
    void take_lease();
    std::optional<Lease> read_lease();
    void keep_lease();
    void settle_former();
    void close_epoch(const Epoch& epoch);
    void remove_forgotten();
    void finish(const SnapshotRecord& snapshot);
    View look();
    void set_doubted_apart(View& view);
    std::optional<Corrupt> mark(View& view);
    /// Packs that were there before the sessions that work now were listed, and so belong to none of those unless they say so.
    struct Before {
        std::map<std::string, std::uint64_t> packs;
        std::set<std::string> writers;  ///< Whose packs are to be left alone.
        bool any_alive = false;
    };
    Before before();
    /// `only`: about no other packs than these, and all that is needed of them is written anew, up to so many bytes. It is asked of a pack
    /// that no segment lists with nothing.
    struct Only {
        std::function<bool(const std::string& name, const PackInfo* pack)> is_meant;
        std::int64_t bytes = 0;
    };
    Plan plan(const View& view, const Before& before, const Only* only = nullptr);
    void collect(const Plan& plan);
    void drop_lost(const Before& before);
    std::vector<std::string> sessions();
    std::set<Id16> wait_for(std::vector<std::string> beacons);
    void sweep(const Epoch& epoch, double share);
    bool sweep_once(const Epoch& epoch, double share, std::set<Id>& stay);
    std::vector<Needed> needed_of(const View& view, const std::set<Id>& packs) const;
    std::vector<SealedPack> copy(const View& view, const std::vector<Needed>& needed, double share, std::set<Id>& stay);
    void copy_frame(const View& view, const Needed& needed, ChunkReader& reader, std::map<PackWriter*, FrameBuilder>& frames,
                    const FramePacker& packer, ByteVector& stored, ByteVector& scratch);
    PackWriter& writer_for(const PackInfo& pack);
    void replace_segments(const View& view, const std::set<Id>& gone, std::vector<SealedPack> fresh, std::set<std::string> touched = {});
    void put_segment(const std::vector<SealedPack>& packs, const std::set<Id>& replaced);
    void remove_packs(const std::set<Id>& packs, double share);
    void vouch();
    void sweep_sessions();
    void remove_retired();
    /// What lies under old keys is to go into books whatever there is, and what cannot is to be told.
    struct OldKeys {
        std::function<bool(const std::string& name)> is_old;
        std::function<void(const std::string& name, const Error& error)> cannot;
        bool keeps_lease = true;
        std::int64_t written = 0;  ///< Records and books that have a new place.
    };
    void keep_books(OldKeys* old = nullptr);
    bool keep_some_books(OldKeys* old);
    std::shared_ptr<const Keys> now_newest() const;
    std::optional<BookedChain> read_chain(const Id16& writer, const std::vector<std::string>& names, const Shelf& shelf);
    std::string put_book(const std::vector<ByteVector>& sheets);
    void sweep_parity();
    std::optional<ContainerHeader> header_of(const std::string& name);
    void step();
    void stage(std::string_view name, double share, std::int64_t total, std::string_view unit) {
        progress_.stage(name, share * scale_, total, unit);
    }
    void put(const std::string& name, ByteView payload);
    void record(std::string_view type, ByteView body);
    void bury(const std::vector<std::string>& names, blob::Burial why);
    bool remove(const std::string& name);

    Repository::Impl& impl_;
    blob::Store& store_;
    const PruneRequest& request_;
    exec::ProgressSink& progress_;
    const std::stop_token stop_;
    SessionWatch watch_;
    Id16 writer_{}, session_{};
    Time started_{};
    std::uint64_t beats_ = 0, segments_ = 0;
    Duration last_beat_{};
    std::unique_ptr<blob::Beacon> beacon_;
    std::uint64_t epoch_ = 0;
    std::int64_t removed_ = 0;  // packs
    std::set<Id> finished_;     // segments that snapshots name: no session works on them any more
    Meter meter_;
    Throttle own_pace_;
    Throttle& throttle_;
    double scale_ = 1;          // of its shares of the progress: less where it is one of several
    std::mutex writers_mutex_;
    std::map<std::pair<Kind, Id16>, std::unique_ptr<PackWriter>> writers_;  // guarded by writers_mutex_
    PruneTotals& totals_;
};

}  // namespace tenon::backup
