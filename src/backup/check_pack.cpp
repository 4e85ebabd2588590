#include <algorithm>
#include <cstring>
#include <utility>

#include <crypto/hash.hpp>
#include <exec/thread.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "check.hpp"
#include "parity.hpp"

namespace tenon::backup {
namespace {

/// Reads an object from front to back. `buffer` is for the next one to use again.
class Front {
public:
    Front(blob::Store& store, std::string name, std::uint64_t size, exec::ProgressSink& progress, ByteVector& buffer, std::stop_token stop)
        : store_(store), name_(std::move(name)), size_(size), progress_(progress), stop_(std::move(stop)), buffer_(buffer) {}
    /// What was not read of it is done with as well.
    ~Front() { progress_.advance(static_cast<std::int64_t>(left())); }
    Front(const Front&) = delete;
    Front& operator=(const Front&) = delete;

    /// The next bytes. Throws Corrupt where the object ends early.
    ByteView next(std::uint64_t count) {
        const auto out = next_unhashed(count);
        hash_.update(out);
        return out;
    }
    /// The next bytes, which are to be hashed before the next ones.
    ByteView next_unhashed(std::uint64_t count) {
        if (end_ - at_ < count) fill(count);
        const auto out = ByteView(buffer_).subspan(at_, count);
        if (parity_) parity_->add(out);
        at_ += count;
        passed_ += count;
        progress_.advance(static_cast<std::int64_t>(count));
        return out;
    }
    std::uint64_t passed() const { return passed_; }
    std::uint64_t left() const { return size_ - passed_; }
    crypto::Sha256& hash() { return hash_; }
    /// Makes the parity on the way.
    void make_parity(Parity mode) { parity_.emplace(mode, size_); }
    [[nodiscard]] bool has_parity() const { return parity_.has_value(); }
    ByteVector parity() { return parity_->finish(); }

private:
    void fill(std::uint64_t count) {
        if (end_ > at_) std::memmove(buffer_.data(), buffer_.data() + at_, end_ - at_);
        end_ -= std::exchange(at_, 0);
        // A full frame by itself: it is opened and hashed while it is in the processor's cache.
        const auto wanted = std::max<std::uint64_t>(count, least_read) - end_;
        if (buffer_.size() < end_ + wanted) buffer_.resize(end_ + wanted);
        blob::SpanSink sink(ByteSpan(buffer_).subspan(end_, wanted));
        store_.get(name_, {.offset = read_, .length = wanted}, sink, stop_);
        read_ += sink.count();
        end_ += sink.count();
        if (end_ < count) throw Corrupt("the object is cut short", {.subject = place(name_, passed_, count)});
    }

    static constexpr std::uint64_t least_read = 1 << 20;

    blob::Store& store_;
    const std::string name_;
    const std::uint64_t size_;
    exec::ProgressSink& progress_;
    const std::stop_token stop_;
    ByteVector& buffer_;
    std::size_t at_ = 0, end_ = 0;  // of what was read and not taken yet
    std::uint64_t read_ = 0, passed_ = 0;
    crypto::Sha256 hash_;
    std::optional<ParityMaker> parity_;
};

}  // namespace

/// Whether the index's entries are the pack's table.
bool CheckRun::agree(const PackInfo& known, const std::vector<PackChunk>& table) const {
    const auto pack = static_cast<std::uint32_t>(&known - index_.packs().data());
    const auto [first, last] = index_.entries_of(pack);
    bool same = last - first == table.size();
    if (!same) return false;
    index_.each_of(pack, [&, begin = first](std::uint32_t row, const Index::Entry& entry) {
        const auto& [id, place] = entry;
        same = same && table[row - begin] == PackChunk{id, place.frame, place.offset, place.length};
    });
    return same;
}

void CheckRun::pack(const std::string& name, std::uint64_t size, const PackInfo* known, PackBuffers& buffers) {
    exec::check_stop(stop_);
    Front front(*repository_.objects, name, size, progress_, buffers.read, stop_);
    // What there is of its parity, to be compared with what it should be once the pack has turned out to be whole.
    ByteVector kept;
    const auto there = objects_.find(parity_name(name, size));
    if (there != objects_.end()) {
        try {
            kept = blob::get_all(*repository_.objects, there->first, std::max<std::uint64_t>(there->second, 1), stop_);
            if (size > stripe_size) {
                const auto file = ParityFile::parse(kept, there->first);
                if (file.size() == size) front.make_parity(file.mode());
                else doubt(name);
            }
        } catch (const NotFound&) {
        } catch (const Corrupt&) {
            kept.clear();
            doubt(name);
        }
    }
    const auto finish = [&] {
        while (front.left() > 0) front.next(std::min<std::uint64_t>(front.left(), 1 << 20));
        if (pack_name(front.hash().finish()) != name) problem(name, "the pack's bytes are not those its name promises");
        else if (!kept.empty() && size <= stripe_size && crypto::sha256(kept) != *pack_in(name)) doubt(name);
        else if (front.has_parity() && front.parity() != kept) doubt(name);
        count_read(size);
    };
    // A pack that no segment lists was never finished with: its own table says what should be in it.
    if (depth_ < CheckDepth::full) return finish();

    const auto& keys = repository_.keys;
    // What was erased cannot be read any more, and waits to be collected.
    if (known && keys.ring.is_erased(known->header.class_id)) return finish();
    if (!known) {
        blob::VectorSink head;
        repository_.objects->get(name, {.offset = 0, .length = container_header_size}, head, stop_);
        if (keys.ring.is_erased(decode_header(head.bytes, name).class_id)) return finish();
    }
    const auto table = read_footer(keys, *repository_.objects, name, size, stop_);
    if (known && (known->frames != table.info.frames || known->header.salt != table.info.header.salt || !agree(*known, table.chunks)))
        problem(name, "the index and the pack's own table disagree");
    const auto header = decode_header(front.next(container_header_size), name);
    FrameSealer sealer(keys.key_for(header, name), keys.repo, header);
    FrameUnpacker unpacker;
    ChunkHasher hasher(keys.ring.classes.at(header.class_id));
    const auto type = header.kind == Kind::tree ? ChunkType::node : ChunkType::data;
    std::vector<ByteView> chunks;
    std::vector<Id> ids;
    std::size_t chunk = 0;
    for (std::uint32_t seq = 0; seq < table.info.frames.size(); ++seq) {
        exec::check_stop(stop_);
        const auto& row = table.info.frames[seq];
        const auto where = place(name, row.offset, row.stored());
        if (row.offset != front.passed()) throw Corrupt("there is a gap between two frames", {.subject = where});
        const auto stored = front.next_unhashed(row.stored());
        FrameView content;
        try {
            // Not in place: the pack's hash wants it as it is.
            if (buffers.opened.size() < stored.size()) buffers.opened.resize(stored.size());
            content = unpacker.view(sealer.open(stored, seq, where, buffers.opened), where);
        } catch (const Corrupt& error) {
            front.hash().update(stored);
            problem(error, name);
            while (chunk < table.chunks.size() && table.chunks[chunk].frame == seq) ++chunk;
            continue;
        }
        chunks.clear();
        std::uint32_t offset = 0;
        for (const auto length : content.lengths) {
            chunks.push_back(content.plain.subspan(offset, length));
            offset += length;
        }
        ids.resize(chunks.size());
        front.hash().update(hasher.ids(type, chunks, ids, {&front.hash(), stored}));
        offset = 0;
        for (std::size_t i = 0; i < chunks.size(); ++i) {
            const auto length = content.lengths[i];
            const PackChunk found{ids[i], static_cast<std::uint16_t>(seq), offset, length};
            if (chunk >= table.chunks.size() || table.chunks[chunk] != found)
                throw Corrupt("a chunk is not the one its id names", {.subject = where});
            offset += length;
            ++chunk;
        }
    }
    if (chunk != table.chunks.size()) throw Corrupt("chunks are missing from a pack", {.subject = name});
    finish();
}

CheckRun::Packs::Packs(CheckRun& run) : run_(run), failures_(run.repository_.threads() - 1) {
    const auto& packs = run.index_.packs();
    for (const auto& pack : packs) known_.emplace(pack_name(pack.sha), &pack);
    for (const auto& [name, size] : run.objects_) {
        if (!name.starts_with("packs/")) continue;
        if (!known_.contains(name)) ++run.report_.unused_packs;
        if (run.chosen_.contains(name)) all_.emplace_back(name, size);
    }
    run.report_.chunks = static_cast<std::int64_t>(run.index_.chunks());
    // The largest first: the last ones end at about the same time.
    std::sort(all_.begin(), all_.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
    if (all_.empty()) return;
    // Whoever calls finish() is one of them.
    for (auto& failure : failures_)
        threads_.push_back(exec::start_thread("check", [this, &failure] {
            try {
                take();
            } catch (...) {
                failure = std::current_exception();
                next_ = all_.size();
            }
        }));
}

CheckRun::Packs::~Packs() { next_ = all_.size(); }

void CheckRun::Packs::take() {
    PackBuffers buffers;
    for (auto at = next_++; at < all_.size(); at = next_++) {
        const auto& [name, size] = all_[at];
        const auto info = known_.find(name);
        run_.guard(name, [&] { run_.pack(name, size, info == known_.end() ? nullptr : info->second, buffers); });
    }
}

void CheckRun::Packs::finish() {
    take();
    threads_.clear();
    for (const auto& failure : failures_)
        if (failure) std::rethrow_exception(failure);
}

CheckReport Repository::check(CheckDepth depth, exec::ProgressSink& progress, std::stop_token stop, bool repair,
                              const std::vector<std::string>& known, const CheckShare& share) const {
    return CheckRun(*impl_, depth, repair, known, share, progress, std::move(stop)).run();
}

}  // namespace tenon::backup
