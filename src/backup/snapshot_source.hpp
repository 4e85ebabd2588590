#pragma once

#include <memory>
#include <stop_token>

#include "chunk_reader.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {

/// Chunks of one snapshot for whoever reads for long: what a collection puts elsewhere meanwhile is found there, what a lost segment listed is
/// found by footers, and what is damaged is kept in the log, as a restore does. One thread at a time.
class SnapshotSource final : public NodeSource {
public:
    SnapshotSource(std::shared_ptr<const Repository> repository, const SnapshotId& id, std::stop_token stop);

    const SnapshotRecord& snapshot() const { return snapshot_; }
    const Ring& ring() const { return impl_.keys.ring; }
    const std::stop_token& stop() const { return stop_; }
    Repository::Impl& inside() const { return impl_; }
    /// Throws Corrupt; NotFound where the snapshot was forgotten and collected.
    ByteVector data(const Id& id) { return chunk(id, ChunkType::data); }
    ByteVector node(const Id& id) override { return chunk(id, ChunkType::node); }
    std::int64_t fetched() const { return fetched_before_ + reader_->fetched(); }

private:
    ByteVector chunk(const Id& id, ChunkType type);
    void widen();

    const std::shared_ptr<const Repository> repository_;  // keeps the rest
    Repository::Impl& impl_;
    const std::stop_token stop_;
    const SnapshotRecord snapshot_;
    std::shared_ptr<const Index> index_;
    std::unique_ptr<ChunkReader> reader_;
    bool is_wide_ = false;  ///< Footers were asked.
    std::int64_t fetched_before_ = 0;
};

/// The bytes of one file, from anywhere in it. Remembers where it is: reading on costs no search.
class FileContent {
public:
    FileContent(SnapshotSource& source, Entry entry, std::string path);

    const Entry& entry() const { return entry_; }
    std::uint64_t stream_size() const { return stream_size_; }  ///< Without holes.
    /// Zeros where holes are. All of it lies in the file.
    void read(std::uint64_t offset, ByteSpan out);
    /// Of the bytes outside of holes alone.
    void read_stream(std::uint64_t offset, ByteSpan out);

private:
    void find(std::uint64_t at);

    struct Level {
        ListNode node;
        std::uint64_t begin = 0, end = 0;  ///< Of the stream's bytes below it.
    };
    SnapshotSource& source_;
    const Entry entry_;
    const std::string path_;
    std::uint64_t stream_size_ = 0;
    std::vector<Level> way_;    ///< From the list's root down to where the chunk was found.
    ByteVector chunk_;
    std::uint64_t chunk_begin_ = 0;
};

}  // namespace tenon::backup
