#include "chunk_reader.hpp"

#include <algorithm>
#include <utility>

#include <exec/wait.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

constexpr std::size_t cached_frames = 16;
constexpr std::size_t cached_sealers = 64;

}  // namespace

ChunkReader::ChunkReader(const Keys& keys, blob::Store& store, const Index& index, std::stop_token stop, Reload reload)
    : keys_(keys), store_(store), index_(index), stop_(std::move(stop)), reload_(std::move(reload)) {}

FrameSealer& ChunkReader::sealer(std::uint32_t pack) {
    if (const auto found = sealers_.find(pack); found != sealers_.end()) return found->second;
    if (sealers_.size() >= cached_sealers) sealers_.clear();
    const auto& info = index_.packs()[pack];
    const auto key = keys_.key_for(info.header, pack_name(info.sha));
    return sealers_.emplace(pack, FrameSealer(key, keys_.repo, info.header)).first->second;
}

ByteVector ChunkReader::fetch(std::uint32_t pack, std::size_t first, std::size_t last) {
    ByteVector stored;
    fetch(pack, first, last, stored);
    return stored;
}

void ChunkReader::fetch(std::uint32_t pack, std::size_t first, std::size_t last, ByteVector& into) {
    const auto& info = index_.packs()[pack];
    const auto name = pack_name(info.sha);
    const auto offset = info.frames[first].offset;
    const auto length = info.frames[last].offset + info.frames[last].stored() - offset;
    if (offset > info.size || length > info.size - offset) throw Corrupt("a pack's frames lie outside of it", {.subject = name});
    into.resize(length);
    const auto read = [&] {
        blob::SpanSink sink(into);
        try {
            store_.get(name, {.offset = offset, .length = length}, sink, stop_);
        } catch (const NotFound&) {
            throw PackIsGone("a pack is missing", {.subject = name});
        }
        return sink.count() == length;
    };
    if (!read() && !(mends_ && store_.mend(name, {}, stop_) && read()))
        throw Corrupt("a pack is cut short", {.subject = place(name, offset, length)});
    fetched_ += static_cast<std::int64_t>(length);
}

FrameView ChunkReader::open(std::uint32_t pack, std::size_t frame, ByteSpan stored) {
    const auto& info = index_.packs()[pack];
    const auto& row = info.frames[frame];
    const auto where = place(pack_name(info.sha), row.offset, row.stored());
    auto content = unpacker_.view(sealer(pack).open(stored, static_cast<std::uint32_t>(frame), where), where);
    if (content.plain.size() != row.plain_len || content.codec != row.codec)
        throw Corrupt("a frame is not what the index says", {.subject = where});
    return content;
}

FrameView ChunkReader::open_or_mend(std::uint32_t pack, std::size_t frame, ByteSpan stored) {
    try {
        return open(pack, frame, stored);
    } catch (const Corrupt&) {
        if (!mends_ || !store_.mend(pack_name(index_.packs()[pack].sha), {}, stop_)) throw;
    }
    fetch(pack, frame, frame, mended_);
    return open(pack, frame, mended_);
}

bool ChunkReader::is(const Id& id, ChunkType type, ByteView bytes, const ChunkPlace& at) {
    const auto& class_id = index_.packs()[at.pack].header.class_id;
    auto hasher = hashers_.find(class_id);
    if (hasher == hashers_.end()) {
        const auto keys = keys_.ring.classes.find(class_id);
        if (keys == keys_.ring.classes.end()) return false;
        hasher = hashers_.emplace(class_id, ChunkHasher(keys->second)).first;
    }
    return hasher->second.id(type, bytes) == id;
}

void ChunkReader::verify(const Id& id, ChunkType type, ByteView bytes, const ChunkPlace& at) {
    const auto& info = index_.packs()[at.pack];
    if (!is(id, type, bytes, at)) {
        const auto& row = info.frames[at.frame];
        throw Corrupt("a chunk is not the one its id names", {.subject = place(pack_name(info.sha), row.offset, row.stored())});
    }
}

ByteView ChunkReader::frame(std::uint32_t pack, std::uint16_t number) {
    const auto found = std::find_if(cache_.begin(), cache_.end(),
                                    [&](const auto& cached) { return cached.pack == pack && cached.frame == number; });
    if (found != cache_.end()) {
        cache_.splice(cache_.begin(), cache_, found);
        return cache_.front().plain;
    }
    auto stored = fetch(pack, number, number);
    const auto content = open_or_mend(pack, number, stored);
    cache_.push_front({pack, number, {content.plain.begin(), content.plain.end()}});
    // Frames are about 1 MiB, and may be 20.
    cached_ += cache_.front().plain.size();
    while (cache_.size() > cached_frames || (cached_ > most_cached_ && cache_.size() > 1)) {
        cached_ -= cache_.back().plain.size();
        cache_.pop_back();
    }
    return cache_.front().plain;
}

/// A reader that knows more; null: there is nothing more to know.
ChunkReader* ChunkReader::newer() {
    if (!newer_ && reload_) {
        newer_index_ = reload_();
        if (newer_index_.get() != &index_) newer_ = std::make_unique<ChunkReader>(keys_, store_, *newer_index_, stop_, reload_);
        if (newer_) newer_->keep_at_most(most_cached_);
    }
    return newer_.get();
}

ByteVector ChunkReader::chunk(const Id& id, ChunkType type) {
    exec::check_stop(stop_);  // whoever walks a tree comes by here, however it was made
    const auto found = index_.find(id);
    if (!found) {
        if (auto* reader = newer()) return reader->chunk(id, type);
        throw Corrupt(type == ChunkType::node ? "a directory's data is missing" : "a part of a file is missing", {.subject = "chunk " + hex(id)});
    }
    try {
        const auto& at = found->place;
        const auto bytes = frame(at.pack, at.frame).subspan(at.offset, at.length);
        verify(id, type, bytes, at);
        return {bytes.begin(), bytes.end()};
    } catch (const PackIsGone&) {
        if (auto* reader = newer()) return reader->chunk(id, type);
        throw;
    }
}

}  // namespace tenon::backup
