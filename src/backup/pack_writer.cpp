#include "pack_writer.hpp"

#include <deque>
#include <exception>
#include <utility>

#include <crypto/hash.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {
namespace {

/// Frames whose memory is kept for the next ones: new pages cost more than what is then written to them.
constexpr std::size_t most_spare = 2;

}  // namespace

struct PackWriter::OpenPack {
    SealedPack sealed;
    PackKey key;
    std::uint64_t size = container_header_size;  // guarded by the writer's mutex_, as are the next nine
    bool closed = false;
    bool draining = false;
    bool finished = false;
    std::map<std::uint32_t, PackedFrame> ready;  // sealed, waiting for their turn
    std::size_t waiting = 0;                     // bytes of these and of the one that is being written
    std::exception_ptr failure;                  // nothing more can be written to it
    std::uint32_t next = 0;                      // the frame whose turn it is
    std::deque<PackedFrame> unhashed;            // written
    bool hashing = false;

    std::unique_ptr<blob::Spool> spool;  // only whoever drains, or finishes, touches it
    crypto::Sha256 hash;                 // whoever hashes, or finishes

    void append(ByteView bytes) {
        hash.update(bytes);
        spool->append(bytes);
    }
};

PackWriter::PackWriter(const Keys& keys, blob::Store& store, Meter& meter, Throttle& throttle, Kind kind, const Id16& class_id,
                       std::uint64_t pack_size, bool deferred, std::size_t most_waiting)
    : keys_(keys), store_(store), meter_(meter), throttle_(throttle), kind_(kind), class_id_(class_id), pack_size_(pack_size), deferred_(deferred),
      most_waiting_(most_waiting) {}

PackWriter::~PackWriter() = default;

std::shared_ptr<PackWriter::OpenPack> PackWriter::open_pack() {
    auto pack = std::make_shared<OpenPack>();
    const auto& class_keys = keys_.ring.classes.at(class_id_);
    auto& header = pack->sealed.info.header;
    header = {.kind = kind_, .dek = class_keys.current(), .class_id = class_id_};
    crypto::fill_random(header.salt);
    pack->key = derive_pack_key(class_keys.dek.at(header.dek).bytes(), header.salt, keys_.repo, class_id_, kind_);
    header.commitment = pack->key.commitment;
    meter_.hold(container_header_size);
    pack->spool = store_.spool();
    pack->append(encode(header));
    return pack;
}

PackWriter::Ticket PackWriter::admit(const FrameBuilder& frame, std::size_t plain, const PackedFrame& packed) {
    const auto stored = packed.size();
    const std::lock_guard lock(mutex_);
    if (!current_ || current_->closed) current_ = open_pack();
    auto& pack = *current_;
    const auto seq = static_cast<std::uint32_t>(pack.sealed.info.frames.size());
    pack.sealed.info.frames.push_back({.offset = pack.size,
                                       .clen = static_cast<std::uint32_t>(stored - frame_header_size),
                                       .plain_len = static_cast<std::uint32_t>(plain),
                                       .codec = packed.codec});
    std::uint32_t offset = 0;
    for (std::size_t i = 0; i < frame.ids.size(); ++i) {
        pack.sealed.chunks.push_back({frame.ids[i], static_cast<std::uint16_t>(seq), offset, frame.lengths[i]});
        offset += frame.lengths[i];
    }
    pack.size += stored;
    plain_bytes_ += static_cast<std::int64_t>(plain);
    stored_bytes_ += static_cast<std::int64_t>(stored);
    pack.closed = pack.size >= pack_size_ || seq + 1 >= max_pack_frames ||
                  pack.sealed.chunks.size() + max_frame_chunks > max_pack_chunks;
    return {current_, seq};
}

void PackWriter::add(FrameBuilder& frame, const FramePacker& packer, ByteVector& scratch, const std::stop_token& stop) {
    const auto plain = frame.plain().size();
    auto packed = packer.pack(frame, scratch);
    throttle_.spend(static_cast<std::int64_t>(packed.size()), stop);
    meter_.hold(static_cast<std::int64_t>(packed.size()));
    const auto ticket = admit(frame, plain, packed);
    frame.clear();
    try {
        FrameSealer(ticket.pack->key, keys_.repo, ticket.pack->sealed.info.header).seal(ticket.seq, packed.span());
    } catch (...) {
        const std::lock_guard lock(mutex_);
        fail(*ticket.pack);  // its turn never comes
        throw;
    }
    const bool was_in_place = packed.begin > 0;
    deliver(ticket, std::move(packed), stop);
    const std::lock_guard lock(mutex_);
    if (spare_.empty()) return;
    (was_in_place ? frame.bytes : scratch) = std::move(spare_.back());
    if (was_in_place) frame.bytes.clear();
    spare_.pop_back();
}

void PackWriter::deliver(const Ticket& ticket, PackedFrame frame, const std::stop_token& stop) {
    auto& pack = *ticket.pack;
    std::unique_lock lock(mutex_);
    pack.waiting += frame.size();
    pack.ready.emplace(ticket.seq, std::move(frame));
    if (!pack.draining) drain(pack, lock);
    if (finish_if_complete(ticket.pack, lock)) return;
    // Only behind having handed it over: whoever has the frame whose turn it is does not wait before he brings it.
    drained_.wait(lock, stop, [&] { return pack.failure || pack.waiting <= most_waiting_; });
    if (pack.failure) std::rethrow_exception(pack.failure);
}

/// Writes what is ready in its turn.
void PackWriter::drain(OpenPack& pack, std::unique_lock<std::mutex>& lock) {
    pack.draining = true;
    for (auto first = pack.ready.begin(); first != pack.ready.end() && first->first == pack.next; first = pack.ready.begin()) {
        auto sealed = std::move(first->second);
        pack.ready.erase(first);
        ++pack.next;
        lock.unlock();
        try {
            pack.spool->append(sealed.span());
            lock.lock();
            pack.waiting -= sealed.size();
            drained_.notify_all();
            pack.unhashed.push_back(std::move(sealed));
            hash_all_but(1, pack, lock);
        } catch (...) {
            // It ends the session, and all who bring frames.
            if (!lock) lock.lock();
            fail(pack);
            throw;
        }
    }
    pack.draining = false;
}

void PackWriter::hash_all_but(std::size_t waiting, OpenPack& pack, std::unique_lock<std::mutex>& lock) {
    while (pack.unhashed.size() > waiting) {
        if (pack.hashing) {
            // Whoever does waits for nobody meanwhile.
            drained_.wait(lock, [&] { return !pack.hashing; });
            continue;
        }
        auto frame = std::move(pack.unhashed.front());
        pack.unhashed.pop_front();
        pack.hashing = true;
        lock.unlock();
        pack.hash.update(frame.span());
        lock.lock();
        pack.hashing = false;
        keep(std::move(frame.bytes));
    }
}

void PackWriter::hash_beside(const std::function<ByteView(crypto::HashBeside)>& work) {
    std::unique_lock lock(mutex_);
    const auto pack = current_;
    if (!crypto::HmacSha256::hashes_beside() || !pack || pack->hashing || pack->unhashed.empty()) {
        lock.unlock();
        work({});
        return;
    }
    auto frame = std::move(pack->unhashed.front());
    pack->unhashed.pop_front();
    pack->hashing = true;
    lock.unlock();
    try {
        frame.begin = frame.bytes.size() - work({&pack->hash, frame.span()}).size();
    } catch (...) {
        lock.lock();
        pack->hashing = false;
        fail(*pack);
        throw;
    }
    lock.lock();
    pack->hashing = false;
    drained_.notify_all();
    if (frame.size() > 0) pack->unhashed.push_front(std::move(frame));
    else keep(std::move(frame.bytes));
    finish_if_complete(pack, lock);
}

void PackWriter::keep(ByteVector bytes) {
    if (spare_.size() < most_spare) spare_.push_back(std::move(bytes));
}

/// Of the threads that may complete a pack one ends it, without the lock.
bool PackWriter::finish_if_complete(const std::shared_ptr<OpenPack>& pack, std::unique_lock<std::mutex>& lock) {
    if (!pack->closed || pack->failure || pack->draining || pack->hashing || pack->next != pack->sealed.info.frames.size()) return false;
    if (std::exchange(pack->finished, true)) return false;
    if (current_ == pack) current_ = nullptr;
    lock.unlock();
    finish(*pack);
    return true;
}

void PackWriter::fail(OpenPack& pack) {
    pack.failure = std::current_exception();
    drained_.notify_all();
}

void PackWriter::close() {
    std::shared_ptr<OpenPack> pack;
    {
        const std::lock_guard lock(mutex_);
        pack = std::exchange(current_, nullptr);
        if (!pack) return;
        if (pack->failure) std::rethrow_exception(pack->failure);
        pack->closed = true;
    }
    finish(*pack);
}

void PackWriter::finish(OpenPack& pack) {
    auto& info = pack.sealed.info;
    // The lock is not needed: every frame was written, and nobody hashes one, so nobody else holds on to this pack.
    for (auto& frame : pack.unhashed) pack.hash.update(frame.span());
    pack.unhashed.clear();
    const auto footer_offset = pack.size;
    ByteVector frame;
    FramePacker().pack(encode_footer(pack.sealed), {}, false, frame);
    FrameSealer(pack.key, keys_.repo, info.header).seal(footer_seq, frame);
    ByteVector trailer;
    base::append(trailer, trailer_magic);
    base::append_le(trailer, footer_offset);
    base::append_le(trailer, static_cast<std::uint32_t>(frame.size()));
    base::append_le(trailer, static_cast<std::uint32_t>(info.frames.size()));
    base::append_le(trailer, static_cast<std::uint32_t>(pack.sealed.chunks.size()));
    base::append_le(trailer, crypto::crc32c(trailer));
    meter_.hold(static_cast<std::int64_t>(frame.size() + trailer.size()));
    pack.append(frame);
    pack.append(trailer);
    info.size = footer_offset + frame.size() + trailer.size();
    info.sha = pack.hash.finish();
    const auto name = pack_name(info.sha);
    const auto beside = store_.beside(name, info.size);
    meter_.hold(beside);
    store_.put(name, *pack.spool, {.deferred = deferred_}, {});
    pack.spool.reset();

    const std::lock_guard lock(mutex_);
    stored_bytes_ += static_cast<std::int64_t>(info.size - footer_offset + container_header_size) + beside;
    finished_.push_back(std::move(pack.sealed));
}

std::vector<SealedPack> PackWriter::take_finished() {
    const std::lock_guard lock(mutex_);
    return std::exchange(finished_, {});
}

std::int64_t PackWriter::plain_bytes() const {
    const std::lock_guard lock(mutex_);
    return plain_bytes_;
}

std::int64_t PackWriter::stored_bytes() const {
    const std::lock_guard lock(mutex_);
    return stored_bytes_;
}

}  // namespace tenon::backup
