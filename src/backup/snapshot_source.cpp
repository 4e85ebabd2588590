#include "snapshot_source.hpp"

#include <algorithm>
#include <utility>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {

SnapshotSource::SnapshotSource(std::shared_ptr<const Repository> repository, const SnapshotId& id, std::stop_token stop)
    : repository_(std::move(repository)),
      impl_(repository_->inside()),
      stop_(std::move(stop)),
      snapshot_(impl_.snapshot(id, stop_)),
      index_(impl_.load_index(stop_)),
      reader_(std::make_unique<ChunkReader>(impl_.keys, *impl_.objects, *index_, stop_, impl_.reload(stop_))) {}

void SnapshotSource::widen() {
    fetched_before_ += reader_->fetched();
    auto wider = impl_.index_with_footers(stop_);
    reader_ = std::make_unique<ChunkReader>(impl_.keys, *impl_.objects, *wider, stop_, impl_.reload(stop_));
    index_ = std::move(wider);
}

ByteVector SnapshotSource::chunk(const Id& id, ChunkType type) {
    exec::check_stop(stop_);
    try {
        try {
            return reader_->chunk(id, type);
        } catch (const Corrupt&) {
            if (std::exchange(is_wide_, true)) throw;
            widen();
            return reader_->chunk(id, type);
        }
    } catch (const Corrupt& error) {
        (void)impl_.snapshot(snapshot_.id, {});  // NotFound: it was forgotten and collected under this reader
        try {
            if (const auto pack = pack_in(error.subject())) note_packs(impl_, {*pack}, {}, {});
        } catch (const std::exception&) {
            // A check finds it as well.
        }
        throw;
    }
}

FileContent::FileContent(SnapshotSource& source, Entry entry, std::string path)
    : source_(source), entry_(std::move(entry)), path_(std::move(path)), stream_size_(entry_.size) {
    std::uint64_t at = 0;
    for (const auto& hole : entry_.holes) {
        if (hole.offset < at || hole.length > entry_.size || hole.offset > entry_.size - hole.length)
            throw Corrupt("a file's holes do not lie in it", {.subject = path_});
        at = hole.offset + hole.length;
        stream_size_ -= hole.length;
    }
}

void FileContent::read(std::uint64_t offset, ByteSpan out) {
    std::uint64_t before = 0;  // bytes of holes that lie before `offset`
    auto hole = entry_.holes.begin();
    while (hole != entry_.holes.end() && hole->offset + hole->length <= offset) before += (hole++)->length;
    while (!out.empty()) {
        if (hole != entry_.holes.end() && hole->offset <= offset) {
            const auto end = hole->offset + hole->length;
            const auto length = std::min<std::uint64_t>(out.size(), end - offset);
            std::fill_n(out.begin(), length, std::uint8_t{0});
            out = out.subspan(length);
            offset += length;
            if (offset == end) before += (hole++)->length;
            continue;
        }
        auto length = static_cast<std::uint64_t>(out.size());
        if (hole != entry_.holes.end()) length = std::min(length, hole->offset - offset);
        read_stream(offset - before, out.first(length));
        out = out.subspan(length);
        offset += length;
    }
}

void FileContent::read_stream(std::uint64_t offset, ByteSpan out) {
    while (!out.empty()) {
        if (offset < chunk_begin_ || offset - chunk_begin_ >= chunk_.size()) find(offset);
        const auto into = offset - chunk_begin_;
        const auto length = std::min<std::uint64_t>(out.size(), chunk_.size() - into);
        std::copy_n(chunk_.begin() + static_cast<std::ptrdiff_t>(into), length, out.begin());
        out = out.subspan(length);
        offset += length;
    }
}

void FileContent::find(std::uint64_t at) {
    const auto missing = [&] { throw Corrupt("a file's parts do not add up to its size", {.subject = path_}); };
    const auto take = [&](const ChunkRef& ref, std::uint64_t begin) {
        chunk_.clear();
        chunk_ = source_.data(ref.id);
        if (chunk_.size() != ref.length) missing();
        chunk_begin_ = begin;
    };
    if (!entry_.list_root) {
        std::uint64_t begin = 0;
        for (const auto& ref : entry_.chunks) {
            if (at - begin < ref.length) return take(ref, begin);
            begin += ref.length;
        }
        missing();
    }
    while (!way_.empty() && (at < way_.back().begin || at >= way_.back().end)) way_.pop_back();
    if (way_.empty()) way_.push_back({decode_list_node(source_.node(*entry_.list_root), "a chunk list"), 0, stream_size_});
    while (true) {
        auto& level = way_.back();
        auto begin = level.begin;
        const ChunkRef* found = nullptr;
        for (const auto& ref : level.node.refs) {
            if (at - begin < ref.length) {
                found = &ref;
                break;
            }
            begin += ref.length;
        }
        if (!found) missing();
        if (level.node.level == 0) return take(*found, begin);
        auto below = decode_list_node(source_.node(found->id), "a chunk list");
        if (below.level + 1 != level.node.level) throw Corrupt("a chunk list's nodes do not fit together", {.subject = path_});
        way_.push_back({std::move(below), begin, begin + found->length});
    }
}

}  // namespace tenon::backup
