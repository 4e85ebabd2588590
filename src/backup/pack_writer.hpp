#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include <blob/store.hpp>
#include <crypto/hash.hpp>
#include <exec/throttle.hpp>

#include "container.hpp"
#include "index.hpp"
#include "meter.hpp"

namespace tenon::backup {

using exec::Throttle;

/// Fills packs of one kind with frames from many threads. Frames are sealed by whoever brings them, then appended to the
/// pack's spool in their order, by whoever finds the next one ready: memory holds frames, never packs. The last one that was written waits to be
/// hashed for somebody who does so beside other hashing, which takes little more time than that alone; for long only until the next one.
class PackWriter {
public:
    /// `deferred`: packs are durable with the store's next flush; else at once, which needs no flush that others share. `most_waiting`: where
    /// so many bytes of frames wait for their turn, who brings another one waits as well, so that a slow disk fills no memory.
    PackWriter(const Keys& keys, blob::Store& store, Meter& meter, Throttle& throttle, Kind kind, const Id16& class_id,
               std::uint64_t pack_size, bool deferred = true, std::size_t most_waiting = std::size_t{8} << 20);
    ~PackWriter();

    /// Seals the frame and empties the builder. Throws Cancelled.
    void add(FrameBuilder& frame, const FramePacker& packer, ByteVector& scratch, const std::stop_token& stop);
    /// Calls `work` with what waits to be hashed, or with nothing. It returns what is left of it.
    void hash_beside(const std::function<ByteView(crypto::HashBeside)>& work);
    /// Closes the open pack. Neither add() nor hash_beside() may be under way.
    void close();
    /// Packs that were handed to the store since the last call.
    std::vector<SealedPack> take_finished();
    std::int64_t plain_bytes() const;
    /// Stored bytes of packs finished or open.
    std::int64_t stored_bytes() const;

private:
    struct OpenPack;
    struct Ticket {
        std::shared_ptr<OpenPack> pack;
        std::uint32_t seq;
    };

    std::shared_ptr<OpenPack> open_pack();
    Ticket admit(const FrameBuilder& frame, std::size_t plain, const PackedFrame& packed);
    void deliver(const Ticket& ticket, PackedFrame frame, const std::stop_token& stop);
    void drain(OpenPack& pack, std::unique_lock<std::mutex>& lock);
    void hash_all_but(std::size_t waiting, OpenPack& pack, std::unique_lock<std::mutex>& lock);
    void keep(ByteVector bytes);
    void fail(OpenPack& pack);
    bool finish_if_complete(const std::shared_ptr<OpenPack>& pack, std::unique_lock<std::mutex>& lock);
    void finish(OpenPack& pack);

    const Keys& keys_;
    blob::Store& store_;
    Meter& meter_;
    Throttle& throttle_;
    const Kind kind_;
    const Id16 class_id_;
    const std::uint64_t pack_size_;
    const bool deferred_;
    const std::size_t most_waiting_;

    mutable std::mutex mutex_;
    std::condition_variable_any drained_;
    std::shared_ptr<OpenPack> current_;   // guarded by mutex_
    std::vector<SealedPack> finished_;    // guarded by mutex_
    std::vector<ByteVector> spare_;       // guarded by mutex_
    std::int64_t plain_bytes_ = 0;        // guarded by mutex_
    std::int64_t stored_bytes_ = 0;       // guarded by mutex_
};

}  // namespace tenon::backup
