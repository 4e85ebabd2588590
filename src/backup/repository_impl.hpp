#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include <backup/repository.hpp>

#include "annotations.hpp"
#include "buffers.hpp"
#include "collections.hpp"
#include "evidence.hpp"
#include "session.hpp"
#include "slot.hpp"
#include "snapshot.hpp"
#include "superblock.hpp"

namespace tenon::backup {

struct Repository::Impl {
    std::shared_ptr<blob::Store> objects;
    std::shared_ptr<blob::Store> vault;
    RepositoryOptions options;
    Superblock super;
    Keys keys;
    std::mutex backup_mutex;        // held by a backup: one at a time
    Id16 writer{};                  // guarded by backup_mutex
    LogChain chain;                 // guarded by backup_mutex

    KeySource opener;               // what it was opened with: another process may change the root key
    std::recursive_mutex slots_mutex;  // guards changes of the vault by this object, and the three below
    crypto::Secret root;
    std::uint32_t generation = 0;   // of the root key
    std::string ring_tag;           // of the ring that `keys` came from

    std::mutex newest_mutex;        // held while nothing else of this is locked, or slots_mutex alone
    std::shared_ptr<const Keys> newest;  // guarded by newest_mutex, as the next
    std::string newest_tag;

    std::mutex index_mutex;
    std::shared_ptr<const Index> index;          // guarded by index_mutex
    std::vector<std::string> index_names;        // guarded by index_mutex: what it was read from, as the next
    Id index_packs{};                            // a hash of their names and sizes
    std::set<Id> index_damaged, index_leaving;

    /// Of one that works within limits: whose store and index it shares, and what its store writes through.
    std::shared_ptr<Impl> original;
    std::shared_ptr<blob::Store> unlimited;
    std::shared_ptr<exec::Throttle> uploads;

    Annotations annotations;
    CheckpointShelf checkpoints;
    Collections collections;

    Buffers buffers() const { return buffers_within(options.limits); }
    unsigned threads() const { return buffers().threads; }
    /// What writing to the store waits at: the limits that this works within, else the caller's own.
    exec::Throttle& uploads_or(exec::Throttle& own) const { return uploads ? *uploads : own; }
    void renew_writer();
    void follow_keys();
    static void trust_keys(const std::shared_ptr<Impl>& impl);
    static std::shared_ptr<Impl> within(const std::shared_ptr<Impl>& impl, const WorkLimits& limits);

    /// Segments as they are now; where one is damaged, the footers of the packs it listed instead. Looks for collections before
    /// it lists packs. `mends`: segments and packs that are damaged or missing are made good first, where the store can.
    std::shared_ptr<const Index> load_index(std::stop_token stop, bool mends = true);
    /// For readers that may outlive a collection.
    std::function<std::shared_ptr<const Index>()> reload(std::stop_token stop) {
        return [this, stop = std::move(stop)] { return load_index(stop); };
    }
    /// The same, and every pack that no segment lists.
    std::shared_ptr<const Index> index_with_footers(std::stop_token stop);
    /// What could be read of these segments. Says what could not.
    struct SegmentsRead {
        bool damaged = false, gone = false;
    };
    SegmentsRead read_segments(Index& index, const std::vector<std::string>& names, bool mends, const std::stop_token& stop);
    void add_footers(Index& index, const std::map<std::string, std::uint64_t>& packs, const std::stop_token& stop);
    bool mend_packs(const Index& fresh, const std::map<std::string, std::uint64_t>& packs, const std::stop_token& stop);
    std::vector<std::string> list_segments(const std::stop_token& stop);
    std::map<std::string, std::uint64_t> list_packs(const std::stop_token& stop);  ///< Names and sizes.

    /// Every one whose object can be read, the newest first, as it was taken.
    std::vector<SnapshotRecord> snapshots(std::stop_token stop);
    /// Whether everything below this root is in packs that one may rely on.
    bool is_firm(const Id& root, const std::stop_token& stop);
    /// As it is now. Throws NotFound, also for one that was forgotten, and Corrupt.
    SnapshotRecord snapshot(const SnapshotId& id, std::stop_token stop);
    /// Sessions whose snapshots count only once somebody has vouched for them: a collection did not wait for their end.
    std::set<Id16> named_sessions(const std::stop_token& stop);
    SnapshotRecord read_snapshot(const std::string& name, std::stop_token stop, bool mends = true);

    std::vector<std::uint32_t> slot_numbers() const;
    SlotRecord read_slot_of(std::uint32_t number) const;

    /// The keys that the vault holds now. Throws as open() does.
    std::shared_ptr<const Keys> newest_keys();
    /// Whether what is written with `keys` would be under old ones; also where nobody can tell.
    bool has_newer_data_keys();
    /// Data keys whose numbers are smaller than those that `keys` seals with go. True: there were some.
    bool retire_data_keys();
    // With slots_mutex held:
    struct Opened {
        crypto::Secret root;
        std::uint32_t generation = 0;
    };
    Opened look_into_vault(const KeySource& with) const;
    Opened look_into_vault() const;  ///< With what it was opened with, or the caller's newest key.
    void unlock();                  ///< Finds root key and generation anew. Throws NotFound, PermissionDenied, Corrupt.
    void refresh();                 ///< The same where somebody else changed the root key.
    bool settle();
    void rotate(Ring ring);         ///< To a new root key, with this ring's content. Throws Conflict, Corrupt.
    Ring load_ring() const { return load_ring(root, generation); }
    Ring load_ring(const crypto::Secret& with, std::uint32_t of) const;
    void store_ring(const Ring& ring);  ///< In place of this generation's.
    Ring ring_with_identity();
};

std::string ring_name(std::uint32_t generation);

/// A pack's own table, from its end. Throws Corrupt.
SealedPack read_footer(const Keys& keys, blob::Store& store, const std::string& name, std::uint64_t size, std::stop_token stop);

std::string slot_name(std::uint32_t number);

/// Makes a record of the log durable that belongs to no backup, under the newest keys. Returns its size.
std::int64_t append_record(Repository::Impl& impl, std::string_view type, ByteView body, const std::stop_token& stop);
/// Keeps in the log which packs were found damaged or whole, as far as it does not say so already: backups store again what
/// only a damaged pack has. Returns how many bytes that took.
std::int64_t note_packs(Repository::Impl& impl, const std::set<Id>& damaged, const std::set<Id>& whole, const std::stop_token& stop);
/// The pack that an error's subject names: "packs/…" or "packs/…, bytes 10 to 20".
std::optional<Id> pack_in(std::string_view subject);

}  // namespace tenon::backup
