#pragma once

#include <array>
#include <atomic>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "chunker.hpp"
#include "metadata.hpp"
#include "session.hpp"

namespace tenon::backup {

/// Chunks of a large file that another thread takes over. Whoever lets go of them undone says so.
class ChunkJob {
public:
    ChunkJob(std::shared_ptr<const ByteVector> buffer, const ChunkRun& run) : buffer_(std::move(buffer)), run_(run) {}
    /// The same in this thread.
    ChunkJob(const ChunkRun& run, Lane& lane) : run_(run), done_(true) { lane.chunks(run_, refs_); }

    /// Once, in the thread whose lane that is.
    void run(Lane& lane) noexcept;
    void give_up() noexcept;

    bool is_done() const noexcept { return done_.load(std::memory_order_acquire); }
    /// Waits for it. Throws what run() met.
    std::span<const ChunkRef> result() const;
    void wait() const noexcept { done_.wait(false, std::memory_order_acquire); }
    const ByteVector* buffer() const noexcept { return buffer_.get(); }

private:
    const std::shared_ptr<const ByteVector> buffer_;
    const ChunkRun run_;
    std::array<ChunkRef, ChunkRun::most> refs_{};
    std::exception_ptr failure_;
    std::atomic<bool> done_{false};
};

/// What one thread reads files into, whatever class they are of.
struct ReadBuffers {
    std::size_t size = std::size_t{4} << 20;   ///< Besides the chunk that is begun.
    std::size_t most = 32;                     ///< Further ones, while others work on what is in them.
    std::shared_ptr<ByteVector> current = std::make_shared<ByteVector>();
    std::vector<std::shared_ptr<ByteVector>> others{};  ///< Lent, or free again.
};

/// Reads files into a session: chunks, ids, metadata. One thread's.
class FileReader {
public:
    /// Finds another thread for chunks. False: all have work.
    using Offer = std::function<bool(const std::shared_ptr<ChunkJob>&)>;

    FileReader(WriteSession& session, const Id16& class_id, const Chunker& chunker, ReadBuffers& buffers, Offer offer, std::stop_token stop)
        : lane_(session, class_id), chunker_(chunker), buffers_(buffers), offer_(std::move(offer)), stop_(std::move(stop)) {}

    struct Result {
        Entry entry;
        std::int64_t bytes_read = 0;
    };
    /// `on_bytes` hears how much was read, as it is read. Throws FileFailure when this file cannot be read; anything else
    /// ends the backup.
    Result read(const base::Fd& folder, const std::string& name, const std::function<void(std::int64_t)>& on_bytes);
    Lane& lane() { return lane_; }

private:
    /// False: the file changed meanwhile.
    bool read_once(const base::Fd& fd, Result& result, const std::string& name, const std::function<void(std::int64_t)>& on_bytes);
    /// The bytes outside of holes. False: there are fewer than the size says.
    bool read_content(const base::Fd& fd, Entry& entry, std::int64_t& bytes_read, const std::function<void(std::int64_t)>& on_bytes);

    void add(ListBuilder& list, const ChunkRun& run, bool shares);
    /// Into the list, as far as they are done; waits until no more than `most` are left.
    void take_back(ListBuilder& list, std::size_t most);
    /// Room for more behind what is left of the buffer, where no chunk that is in another's hands lies. Waits for one where all are.
    void make_room(ListBuilder& list, std::size_t begin, std::size_t end);
    bool is_lent(const ByteVector* buffer) const;

    Lane lane_;
    const Chunker& chunker_;
    ReadBuffers& buffers_;
    const Offer offer_;
    const std::stop_token stop_;
    AccountNames accounts_;
    std::deque<std::shared_ptr<ChunkJob>> ahead_;         // in the file's order, from the first that another thread has
};

/// Opens without following a link, without a change of the access time where that is allowed, without waiting for a fifo.
base::Fd open_quietly(const base::Fd& folder, const std::string& name, int flags);

}  // namespace tenon::backup
