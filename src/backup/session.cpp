#include "session.hpp"

#include <algorithm>
#include <utility>

#include <base/id.hpp>
#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

namespace tenon::backup {

ByteVector beacon_bytes(const Keys& keys, Time started, std::uint64_t beats) {
    cbor::Writer out;
    ByteVector counter;
    base::append_le(counter, beats);
    out.map(2).uint(1).integer(started.time_since_epoch().count()).uint(2).bytes(counter);
    return seal_object(keys, Kind::session, out.data());
}

WriteSession::WriteSession(const Keys& keys, const Superblock& super, blob::Store& store, Meter& meter, Throttle& throttle,
                           Collections& collections, const Id16& writer, std::shared_ptr<const base::Clock> clock, LogChain& chain,
                           std::stop_token stop, const std::filesystem::path& scratch, bool defers,
                           std::size_t most_sealed)
    : keys_(keys),
      store_(store),
      meter_(meter),
      collections_(collections),
      writer_(writer),
      id_(base::bytes_of(base::new_id<SnapshotId>(clock->now()))),
      clock_(std::move(clock)),
      chain_(chain),
      stop_(std::move(stop)),
      super_(super),
      throttle_(throttle),
      defers_(defers),
      most_sealed_(most_sealed) {
    const auto file = std::make_shared<ScratchFile>(scratch);
    for (std::size_t i = 0; i < shards; ++i) claimed_.emplace_back(file);
}

WriteSession::~WriteSession() {
    if (!has_progress_) end();
}

std::string WriteSession::progress_name() const { return "sess/" + hex(writer_) + "/progress"; }

void WriteSession::begin(const std::function<bool()>& is_stale) {
    started_ = store_.server_time(stop_);
    beacon_ = store_.beacon(beacon_name(writer_, id_), beacon_bytes(keys_, started_, ++beats_));
    if (is_stale()) throw KeysChanged("the repository's data keys were rotated: open it again");
    cbor::Writer body;
    body.map(1).uint(1).bytes(id_);
    append_log("session", body.data(), true);
}

void WriteSession::beat() {
    if (beacon_) beacon_->rewrite(beacon_bytes(keys_, started_, ++beats_));
}

bool WriteSession::is_given_up(bool in_doubt, const std::stop_token& stop) {
    const auto epochs = collections_.read(keys_, store_, stop);
    if (named(epochs).contains(id_)) return true;
    return in_doubt && std::any_of(epochs.begin(), epochs.end(), [](const auto& epoch) { return epoch.sweep_damaged; });
}

bool WriteSession::claim(const Id& id) {
    if (index_->contains(id)) return false;
    auto& shard = claimed_[id[8] % shards];
    const std::lock_guard lock(shard.mutex);
    const auto is_it = [&](std::uint32_t row) {
        Id other;
        shard.ids.read(row, other);
        return other == id;
    };
    if (!shard.table.put(id, shard.ids.size(), false, is_it)) return false;
    shard.ids.add(id);
    ++claims_;
    return true;
}

void WriteSession::put_small(const std::string& name, ByteView object, const blob::PutOptions& options) {
    const auto weight = blob::weight(store_, name, object.size());
    meter_.hold(weight);
    auto how = options;
    how.deferred = how.deferred && defers_;
    blob::put_bytes(store_, name, object, how, stop_);
    if (how.deferred) deferred_ += weight;
    else meter_.landed(weight);
}

void WriteSession::flush() {
    if (defers_) store_.flush(stop_);
    meter_.landed(std::exchange(deferred_, 0));
}

void WriteSession::append_log(std::string_view type, ByteView body, bool deferred) {
    const auto object = seal_log_record(keys_, chain_.next, chain_.head, type, store_.server_time(stop_), body);
    put_small(next_log_name(), object, {.deferred = deferred});
    log_written(object);
}

std::string WriteSession::next_log_name() const { return "log/" + hex(writer_) + '/' + sequence_text(chain_.next); }

void WriteSession::log_written(ByteView object) {
    chain_.head = crypto::sha256(object);
    ++chain_.next;
}

WriteSession::Writers::Writers(WriteSession& session, const Id16& class_id)
    : data(session.keys_, session.store_, session.meter_, session.throttle_, Kind::data, class_id, session.super_.pack_size(),
           session.defers_, session.most_sealed_),
      tree(session.keys_, session.store_, session.meter_, session.throttle_, Kind::tree, class_id, session.super_.pack_size(),
           session.defers_, session.most_sealed_) {}

WriteSession::Writers& WriteSession::open_class(const Id16& class_id) {
    return writers_.try_emplace(class_id, *this, class_id).first->second;
}

void WriteSession::close_class(const Id16& class_id) {
    const auto found = writers_.find(class_id);
    if (found == writers_.end()) return;
    for (auto* writer : {&found->second.data, &found->second.tree}) {
        writer->close();
        for (auto& pack : writer->take_finished()) closed_.push_back(std::move(pack));
        closed_plain_ += writer->plain_bytes();
        closed_stored_ += writer->stored_bytes();
    }
    writers_.erase(found);
}

std::vector<SealedPack> WriteSession::close_packs() {
    auto packs = std::exchange(closed_, {});
    for (auto& [id, writers] : writers_)
        for (auto* writer : {&writers.data, &writers.tree}) {
            writer->close();
            for (auto& pack : writer->take_finished()) packs.push_back(std::move(pack));
        }
    return packs;
}

std::vector<SealedPack> WriteSession::take_finished() {
    std::vector<SealedPack> packs;
    for (auto& [id, writers] : writers_)
        for (auto* writer : {&writers.data, &writers.tree})
            for (auto& pack : writer->take_finished()) packs.push_back(std::move(pack));
    return packs;
}

std::int64_t WriteSession::plain_bytes() const {
    auto bytes = closed_plain_;
    for (const auto& [id, writers] : writers_) bytes += writers.data.plain_bytes() + writers.tree.plain_bytes();
    return bytes;
}

std::int64_t WriteSession::stored_bytes() const {
    auto bytes = closed_stored_;
    for (const auto& [id, writers] : writers_) bytes += writers.data.stored_bytes() + writers.tree.stored_bytes();
    return bytes;
}

void WriteSession::commit_packs(std::vector<SealedPack> packs, ByteView progress) {
    if (!packs.empty()) {
        flush();
        for (const auto& pack : packs) meter_.landed(blob::weight(store_, pack_name(pack.info.sha), pack.info.size));
        const auto object = seal_object(keys_, Kind::index, encode_segment(packs));
        const auto sha = crypto::sha256(object);
        put_small("index/" + hex(writer_) + '-' + sequence_text(chain_.segments++) + '-' + hex(sha), object, {.deferred = true});
        segments_.push_back(sha);
    }
    flush();
    if (progress.empty()) return;
    has_progress_ = true;
    // Not metered, as the beacon is not: neither outlives the run that ends well.
    blob::put_bytes(store_, progress_name(), seal_object(keys_, Kind::progress, progress), {.create_only = false}, stop_);
}

WriteSession::Committed WriteSession::commit_snapshot(SnapshotRecord& snapshot, const std::function<bool(const SnapshotRecord&)>& is_firm) {
    if (is_given_up(false, stop_)) throw GivenUp{};
    exec::check_stop(stop_);
    snapshot.id = base::new_id<SnapshotId>(clock_->now());
    snapshot.writer = writer_;
    snapshot.session = id_;
    snapshot.stored = store_.server_time(stop_);
    snapshot.root_class = keys_.ring.data_class();
    snapshot.log_head = chain_.head;
    snapshot.segments = segments_;
    const auto object = seal_object(keys_, Kind::snapshot, encode(snapshot));
    const auto name = snapshot_name(snapshot.id, object);
    cbor::Writer body;
    body.map(2).uint(1).bytes(base::bytes_of(snapshot.id)).uint(2).bytes(crypto::sha256(object));
    const auto record = seal_log_record(keys_, chain_.next, chain_.head, "snapshot", snapshot.stored, body.data());
    const auto record_name = next_log_name();
    const auto weight = blob::weight(store_, name, object.size()), record_weight = blob::weight(store_, record_name, record.size());
    meter_.hold(weight + record_weight);
    exec::check_stop(stop_);
    // From here on nobody's wish to stop counts: the snapshot either appears or it does not.
    blob::put_bytes(store_, name, object, {}, {});
    Committed committed;
    bool given_up = false;
    try {
        given_up = is_given_up(true, {});
    } catch (const std::exception&) {
        committed.unknown = true;
    }
    // Nobody sees it as long as no record vouches for it, so it can still be taken back.
    if (given_up && !is_firm(snapshot)) {
        store_.remove(name, {}, {});
        throw GivenUp{};
    }
    meter_.landed(weight);
    try {
        blob::put_bytes(store_, record_name, record, {}, {});
        meter_.landed(record_weight);
        log_written(record);
        committed.logged = true;
    } catch (const std::exception&) {
        if (given_up) throw;
        // The snapshot stands. A writer that ends before its record is what readers expect of a kill, too.
    }
    return committed;
}

void WriteSession::end() noexcept {
    try {
        if (has_progress_) store_.remove(progress_name(), {}, {});
        if (beacon_) store_.remove(beacon_name(writer_, id_), {}, {});
    } catch (const std::exception&) {
        // They are swept by a later session: this one has ended either way.
    }
    has_progress_ = false;
    beacon_.reset();
}

Lane::Lane(WriteSession& session, const Id16& class_id)
    : session_(session), writers_(session.open_class(class_id)), hasher_(session.keys().ring.of(class_id)) {}

ChunkRef Lane::chunk(ByteView bytes) {
    const auto id = hasher_.id(ChunkType::data, bytes);
    store(id, bytes);
    return {id, bytes.size()};
}

void Lane::chunks(const ChunkRun& run, std::span<ChunkRef> refs) {
    std::array<Id, ChunkRun::most> ids;
    const auto chunks = run.get();
    writers_.data.hash_beside([&](crypto::HashBeside beside) {
        return hasher_.ids(ChunkType::data, chunks, std::span(ids).first(chunks.size()), beside);
    });
    for (std::size_t i = 0; i < chunks.size(); ++i) {
        store(ids[i], chunks[i]);
        refs[i] = {ids[i], chunks[i].size()};
    }
}

void Lane::store(const Id& id, ByteView bytes) {
    if (!session_.claim(id)) return;
    bytes_new_ += static_cast<std::int64_t>(bytes.size());
    add(data_, writers_.data, id, bytes);
}

Id Lane::node(ByteView bytes) {
    const auto id = hasher_.id(ChunkType::node, bytes);
    if (session_.claim(id)) add(tree_, writers_.tree, id, bytes);
    return id;
}

void Lane::add(FrameBuilder& frame, PackWriter& writer, const Id& id, ByteView bytes) {
    // A chunk above the target is alone in its frame.
    if (bytes.size() > frame_target && !frame.empty()) writer.add(frame, packer_, scratch_, session_.stop());
    frame.add(id, bytes);
    if (frame.full()) writer.add(frame, packer_, scratch_, session_.stop());
}

void Lane::flush() {
    if (!data_.empty()) writers_.data.add(data_, packer_, scratch_, session_.stop());
    if (!tree_.empty()) writers_.tree.add(tree_, packer_, scratch_, session_.stop());
}

}  // namespace tenon::backup
