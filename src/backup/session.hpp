#pragma once

#include <atomic>
#include <deque>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <stop_token>
#include <string>
#include <vector>

#include <base/clock.hpp>
#include <blob/store.hpp>

#include "chunk_reader.hpp"
#include "chunker.hpp"
#include "collections.hpp"
#include "container.hpp"
#include "index.hpp"
#include "meter.hpp"
#include "pack_writer.hpp"
#include "snapshot.hpp"
#include "superblock.hpp"

namespace tenon::backup {

/// A writer's place in its log chain.
struct LogChain {
    std::uint64_t next = 0;
    Id head{};
    std::uint64_t segments = 0;  ///< Index segments written so far.
};

/// A beacon's content. The counter has a fixed width, so that rewriting in place never changes the size.
ByteVector beacon_bytes(const Keys& keys, Time started, std::uint64_t beats);

/// Collections gave this session up before it had its snapshot: what it relied on may be gone. It begins anew, as another one.
struct GivenUp {};

/// One backup's way into the repository: its beacon, its packs, its index segments, its snapshot, its log records, in the
/// order that makes every prefix a valid repository.
class WriteSession {
public:
    /// `defers`: what it puts is durable with the store's next flush, which one session at a time can have for itself. Else at once.
    WriteSession(const Keys& keys, const Superblock& super, blob::Store& store, Meter& meter, Throttle& throttle, Collections& collections,
                 const Id16& writer, std::shared_ptr<const base::Clock> clock, LogChain& chain, std::stop_token stop,
                 const std::filesystem::path& scratch = {}, bool defers = true, std::size_t most_sealed = std::size_t{8} << 20);
    ~WriteSession();

    /// Lights the beacon. Whoever reads the index behind that sees what is being collected, or is waited for. `is_stale`: asked
    /// behind it whether the keys are not the newest any more. Either that shows here, or who rotated them waits for this session.
    /// Throws KeysChanged.
    void begin(const std::function<bool()>& is_stale);
    void use_index(std::shared_ptr<const Index> index) { index_ = std::move(index); }

    /// Whether this chunk is the caller's to store: neither the repository nor this session has it.
    [[nodiscard]] bool claim(const Id& id);
    /// How many it has claimed so far.
    std::int64_t claims() const { return claims_; }
    const Index& index() const { return *index_; }
    const Keys& keys() const { return keys_; }
    const std::stop_token& stop() const { return stop_; }
    struct Writers {
        Writers(WriteSession& session, const Id16& class_id);
        PackWriter data, tree;
    };
    /// Where a class's frames go. Opened and closed by the thread that walks; used by any while it is open.
    Writers& open_class(const Id16& class_id);
    /// Nothing may be writing to it any more. Its packs come with the next close_packs().
    void close_class(const Id16& class_id);
    std::int64_t plain_bytes() const;
    std::int64_t stored_bytes() const;

    /// Closes the open packs; nothing may be writing. What it returns goes to commit_packs().
    std::vector<SealedPack> close_packs();
    /// Packs that are complete by now, whoever is writing.
    std::vector<SealedPack> take_finished();
    /// Makes packs durable, then the segment that lists them, then, if there is one, the record of how far the run is.
    void commit_packs(std::vector<SealedPack> packs, ByteView progress);
    /// What happened behind the commit point, where nothing can be taken back.
    struct Committed {
        bool logged = false;      ///< False: the log record is missing, and this chain must not be built upon.
        bool unknown = false;     ///< The store could not say whether a collection had given this session up.
    };
    /// The commit point. Fills what only the session knows. Throws only as long as there is no snapshot that anybody sees.
    /// `is_firm`: asked where a collection gave this session up before the snapshot was there; says that all below the snapshot is
    /// there all the same. Throws GivenUp where it does not say so.
    Committed commit_snapshot(SnapshotRecord& snapshot, const std::function<bool(const SnapshotRecord&)>& is_firm);
    /// Rewrites the beacon, so that its counter moves.
    void beat();

    const Id16& id() const { return id_; }
    const Id16& writer() const { return writer_; }
    std::string progress_name() const;
    /// Takes away the beacon and the progress record; after success or to give up.
    void end() noexcept;

private:
    static constexpr std::size_t shards = 16;

    void put_small(const std::string& name, ByteView object, const blob::PutOptions& options);
    void append_log(std::string_view type, ByteView body, bool deferred);
    std::string next_log_name() const;
    void log_written(ByteView object);
    /// `in_doubt`: what to say where nobody can read whom a collection gave up: true then.
    bool is_given_up(bool in_doubt, const std::stop_token& stop);
    void flush();

    const Keys& keys_;
    blob::Store& store_;
    Meter& meter_;
    Collections& collections_;
    const Id16 writer_;
    const Id16 id_;
    const std::shared_ptr<const base::Clock> clock_;
    LogChain& chain_;
    const std::stop_token stop_;
    std::shared_ptr<const Index> index_;
    const Superblock& super_;
    Throttle& throttle_;
    const bool defers_;
    const std::size_t most_sealed_;
    std::map<Id16, Writers> writers_;
    std::vector<SealedPack> closed_;
    std::int64_t closed_plain_ = 0, closed_stored_ = 0;
    std::unique_ptr<blob::Beacon> beacon_;
    Time started_{};
    std::uint64_t beats_ = 0;
    bool has_progress_ = false;
    std::int64_t deferred_ = 0;  ///< Bytes of small objects that the next flush makes durable.
    std::vector<Id> segments_;

    /// What this session stores: as in the index, ten bytes a chunk in memory.
    struct Shard {
        explicit Shard(const std::shared_ptr<ScratchFile>& file) : ids(file, sizeof(Id)) {}
        std::mutex mutex;
        IdTable table;    // guarded by mutex, as the next
        ScratchRows ids;
    };
    std::deque<Shard> claimed_;
    std::atomic<std::int64_t> claims_{0};
};

/// One thread's way into a session: makes ids, drops what is known, collects the rest in frames.
class Lane final : public NodeSink {
public:
    Lane(WriteSession& session, const Id16& class_id);
    /// Throws what storing throws: the backup is over then.
    ChunkRef chunk(ByteView bytes);
    /// Several that follow each other.
    void chunks(const ChunkRun& run, std::span<ChunkRef> refs);
    Id node(ByteView bytes) override;
    void flush();

    std::int64_t bytes_new() const { return bytes_new_; }

private:
    void store(const Id& id, ByteView bytes);
    void add(FrameBuilder& frame, PackWriter& writer, const Id& id, ByteView bytes);

    WriteSession& session_;
    WriteSession::Writers& writers_;
    ChunkHasher hasher_;
    FramePacker packer_;
    FrameBuilder data_, tree_;
    ByteVector scratch_;
    std::int64_t bytes_new_ = 0;
};

}  // namespace tenon::backup
