#include "repository_impl.hpp"

#include <algorithm>
#include <set>
#include <thread>
#include <utility>

#include <base/id.hpp>
#include <blob/throttled_store.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "copies.hpp"
#include "marks.hpp"
#include "slot.hpp"
#include "twin.hpp"

namespace tenon::backup {

/// From now on what is sealed under newer data keys is read with those.
void Repository::Impl::follow_keys() {
    keys.newest = [this]() -> std::shared_ptr<const Keys> {
        try {
            return newest_keys();
        } catch (const Error&) {
            return nullptr;  // then the object is damaged as far as anybody here can say
        }
    };
}

/// The store may outlive the repository, and then goes by the keys of its end.
void Repository::Impl::trust_keys(const std::shared_ptr<Impl>& impl) {
    impl->objects->trust(seal_of(impl->keys, [weak = std::weak_ptr(impl)]() -> std::shared_ptr<const Keys> {
        const auto self = weak.lock();
        return self ? self->newest_keys() : nullptr;
    }));
}

/// Another one of the same repository, with the same index as long as nothing changes.
std::shared_ptr<Repository::Impl> Repository::Impl::within(const std::shared_ptr<Impl>& impl, const WorkLimits& limits) {
    check_limits(limits);
    auto own = std::make_shared<Impl>();
    const auto& clock = impl->options.clock;
    own->original = impl;
    own->unlimited = impl->objects;
    own->uploads = std::make_shared<exec::Throttle>(limits.upload_per_second.count, clock);
    own->objects = std::make_shared<blob::ThrottledStore>(
        impl->objects, std::make_shared<exec::Throttle>(limits.download_per_second.count, clock), own->uploads);
    own->vault = impl->vault;
    own->options = impl->options;
    own->options.limits = limits;
    own->super = impl->super;
    own->keys.repo = impl->super.repo;
    {
        const std::scoped_lock lock(impl->slots_mutex, own->slots_mutex);
        own->opener = impl->opener.clone();
        auto opened = own->look_into_vault();
        own->root = std::move(opened.root);
        own->generation = opened.generation;
        const auto ring = own->vault->head(ring_name(own->generation), {});
        own->keys.ring = own->load_ring();
        own->ring_tag = ring ? ring->tag : "";
    }
    own->follow_keys();
    own->renew_writer();
    const std::lock_guard lock(impl->index_mutex);
    own->index = impl->index;
    own->index_names = impl->index_names;
    own->index_packs = impl->index_packs;
    own->index_damaged = impl->index_damaged;
    own->index_leaving = impl->index_leaving;
    return own;
}

void Repository::Impl::renew_writer() {
    crypto::fill_random(writer);
    chain = {};
}

Repository::Repository(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Repository::~Repository() = default;

std::shared_ptr<Repository> Repository::within(const WorkLimits& limits) const {
    return std::shared_ptr<Repository>(new Repository(Impl::within(impl_->original ? impl_->original : impl_, limits)));
}

bool Repository::exists(blob::Store& objects) { return objects.head("super", {}) || objects.head("super.1", {}); }

std::string Repository::id_of(blob::Store& objects) { return hex(load_superblock(objects, {}).repo); }

std::unique_ptr<Repository> Repository::create(std::shared_ptr<blob::Store> objects, std::shared_ptr<blob::Store> vault,
                                               const KeySource& key, const std::string& label, const RepositoryOptions& options) {
    if (options.pack_profile < 1 || options.pack_profile > 3)
        throw InvalidArgument("a pack profile is 1, 2 or 3", {.subject = "pack_profile"});
    if (exists(*objects)) throw Conflict("there is a repository here already");
    // New keys would make what lies here unreadable for ever.
    if (!objects->list("packs/", "", 1, {}).objects.empty() || !objects->list("snap/", "", 1, {}).objects.empty())
        throw Corrupt("both superblocks of this repository are missing", {.subject = "super"});

    auto impl = std::make_shared<Impl>();
    const auto now = options.clock->now();
    impl->objects = std::move(objects);
    impl->vault = std::move(vault);
    impl->options = options;
    crypto::fill_random(impl->super.repo);
    impl->super.created = now;
    impl->super.pack_profile = options.pack_profile;
    impl->keys.repo = impl->super.repo;
    impl->keys.ring = make_ring(now);
    impl->follow_keys();
    impl->opener = key.clone();
    impl->root = crypto::Secret::random(32);
    impl->generation = impl->keys.ring.generation;
    const auto identity = impl->keys.ring.signer();
    impl->renew_writer();

    // Keys of a creation that was killed before its superblock open nothing.
    for (const auto& left : blob::list_all(*impl->vault, "")) impl->vault->remove(left.name, {}, {});
    store_twin(*impl->vault, ring_name(1), seal_ring(impl->keys.ring, impl->root, impl->super.repo), {});
    const auto lock = make_lock(impl->super.repo, key, options.password_cost, options.password_iterations, label, identity.public_key());
    store_twin(*impl->vault, slot_name(1), seal_slot(impl->super.repo, lock, impl->generation, impl->root, identity), {});
    impl->ring_tag = impl->vault->head(ring_name(1), {}).value().tag;
    store_twin(*impl->objects, "super", encode(impl->super), {});
    Impl::trust_keys(impl);
    return std::unique_ptr<Repository>(new Repository(std::move(impl)));
}

std::unique_ptr<Repository> Repository::open(std::shared_ptr<blob::Store> objects, std::shared_ptr<blob::Store> vault,
                                             const KeySource& key, const RepositoryOptions& options) {
    auto impl = std::make_shared<Impl>();
    impl->objects = std::move(objects);
    impl->vault = std::move(vault);
    impl->options = options;
    impl->super = load_superblock(*impl->objects, {});
    impl->keys.repo = impl->super.repo;

    impl->opener = key.clone();
    {
        const std::lock_guard lock(impl->slots_mutex);
        constexpr int most_looks = 10;
        for (int looked = 1;; ++looked) {
            // With this key and no other: whatever the caller has besides must not let a wrong one in.
            auto opened = impl->look_into_vault(impl->opener);
            impl->root = std::move(opened.root);
            impl->generation = opened.generation;
            const auto ring = impl->vault->head(ring_name(impl->generation), {});
            try {
                impl->keys.ring = impl->load_ring();
            } catch (const NotFound&) {
                if (looked == most_looks) throw;
                continue;  // rotated in between
            }
            impl->ring_tag = ring ? ring->tag : "";
            break;
        }
    }
    impl->follow_keys();
    impl->renew_writer();
    Impl::trust_keys(impl);
    return std::unique_ptr<Repository>(new Repository(std::move(impl)));
}

SealedPack read_footer(const Keys& keys, blob::Store& store, const std::string& name, std::uint64_t size, std::stop_token stop) {
    const auto part = [&](std::uint64_t offset, std::uint64_t length) {
        blob::VectorSink sink;
        store.get(name, {.offset = offset, .length = length}, sink, stop);
        if (sink.bytes.size() != length) throw Corrupt("a pack is cut short", {.subject = place(name, offset, length)});
        return std::move(sink.bytes);
    };
    const auto damaged = [&] { throw Corrupt("a pack's end is damaged", {.subject = name}); };
    if (size < container_header_size + trailer_size) damaged();
    SealedPack pack;
    pack.info.size = size;
    pack.info.header = decode_header(part(0, container_header_size), name);
    if (pack.info.header.kind != Kind::data && pack.info.header.kind != Kind::tree) damaged();
    const auto trailer = part(size - trailer_size, trailer_size);
    const auto offset = base::load_le<std::uint64_t>(&trailer[8]);
    const auto length = base::load_le<std::uint32_t>(&trailer[16]);
    if (!std::equal(trailer_magic.begin(), trailer_magic.end(), trailer.begin()) ||
        base::load_le<std::uint32_t>(&trailer[28]) != crypto::crc32c(ByteView(trailer).first(28)) ||
        offset < container_header_size || offset > size - trailer_size || length != size - trailer_size - offset)
        damaged();
    auto frame = part(offset, length);
    FrameSealer sealer(keys.key_for(pack.info.header, name), keys.repo, pack.info.header);
    const auto content = FrameUnpacker().unpack(sealer.open(frame, footer_seq, place(name, offset, length)), name);
    decode_footer(content.plain, pack, name);
    if (pack.info.frames.size() != base::load_le<std::uint32_t>(&trailer[20]) ||
        pack.chunks.size() != base::load_le<std::uint32_t>(&trailer[24]))
        damaged();
    return pack;
}

namespace {

Id hash_of(const std::map<std::string, std::uint64_t>& packs) {
    crypto::Sha256 hash;
    ByteVector size;
    for (const auto& [name, bytes] : packs) {
        size.clear();
        base::append_le(size, bytes);
        hash.update(base::view_of(name));
        hash.update(size);
    }
    return hash.finish();
}

}  // namespace

Repository::Impl::SegmentsRead Repository::Impl::read_segments(Index& fresh, const std::vector<std::string>& names, bool mends,
                                                               const std::stop_token& stop) {
    SegmentsRead read;
    for (const auto& name : names) {
        const auto add = [&] {
            fresh.add_segment(open_object(keys, Kind::index, blob::get_all(*objects, name, max_small_object, stop), name), name);
        };
        try {
            try {
                add();
            } catch (const Corrupt&) {
                if (!mends || !objects->mend(name, {}, stop)) throw;
                add();
            }
        } catch (const Corrupt&) {
            read.damaged = true;
        } catch (const NotFound&) {
            read.gone = true;  // a collection has put another in its place
        }
    }
    return read;
}

/// A collection puts a segment before it removes those that it stands for. A list of several pages, or one that takes its time, may miss
/// the one because it came too late and the others because they went too early: so until two of them say the same.
std::vector<std::string> Repository::Impl::list_segments(const std::stop_token& stop) {
    constexpr int most_lists = 10;
    const auto list = [&] {
        std::vector<std::string> names;
        for (const auto& object : blob::list_all(*objects, "index/", stop)) names.push_back(object.name);
        return names;
    };
    auto names = list();
    for (int listed = 1; listed < most_lists; ++listed) {
        auto again = list();
        if (again == names) break;
        names = std::move(again);
    }
    return names;
}

std::shared_ptr<const Index> Repository::Impl::load_index(std::stop_token stop, bool mends) {
    constexpr int most_collections = 100;
    bool mended = !mends;  // once: what no other store has stays as it is
    for (int tried = 1;; ++tried) {
        // Collections first: a pack that is not seen here as leaving is either in the list below or has left.
        auto going = leaving(collections.read(keys, *objects, stop));
        auto names = list_segments(stop);
        auto packs = list_packs(stop);
        auto bad = annotations.damaged_packs(keys, *objects, stop, mends).packs;
        const std::lock_guard lock(index_mutex);
        const auto listed = hash_of(packs);
        if (index && !index->is_broken() && names == index_names && listed == index_packs && bad == index_damaged && going == index_leaving)
            return index;
        if (mends) index.reset();  // who works with it has it; else there would be two in memory
        auto fresh = std::make_shared<Index>(options.scratch);
        const auto read = read_segments(*fresh, names, mends, stop);
        if (read.gone && tried < most_collections) continue;
        if (read.damaged || read.gone) add_footers(*fresh, packs, stop);
        if (!std::exchange(mended, true) && mend_packs(*fresh, packs, stop)) continue;
        fresh->finish(packs, bad, going);
        if (!mends) return fresh;  // who reads wants a better one
        index_damaged = std::move(bad);
        index_leaving = std::move(going);
        index_names = std::move(names);
        index_packs = listed;
        index = std::move(fresh);
        return index;
    }
}

/// Packs that segments list and the store has not, or not in that size, as far as another store has them. True: there were some.
bool Repository::Impl::mend_packs(const Index& fresh, const std::map<std::string, std::uint64_t>& packs, const std::stop_token& stop) {
    bool any = false;
    for (const auto& pack : fresh.packs()) {
        const auto name = pack_name(pack.sha);
        if (const auto found = packs.find(name); found != packs.end() && found->second == pack.size) continue;
        if (objects->mend(name, {}, stop)) any = true;
    }
    return any;
}

bool Repository::Impl::is_firm(const Id& root, const std::stop_token& stop) {
    const auto at = load_index(stop);
    ChunkReader nodes(keys, *objects, *at, stop);
    Marks marks(*at, keys.ring);
    try {
        marks.add(root, nodes, stop);
    } catch (const Corrupt&) {
        return false;
    }
    return marks.is_firm();
}

std::set<Id16> Repository::Impl::named_sessions(const std::stop_token& stop) { return named(collections.read(keys, *objects, stop)); }

std::map<std::string, std::uint64_t> Repository::Impl::list_packs(const std::stop_token& stop) {
    std::map<std::string, std::uint64_t> packs;
    for (const auto& object : blob::list_all(*objects, "packs/", stop)) packs.emplace(object.name, object.size);
    return packs;
}

void Repository::Impl::add_footers(Index& fresh, const std::map<std::string, std::uint64_t>& packs, const std::stop_token& stop) {
    std::set<std::string> known;
    for (const auto& pack : fresh.packs()) known.insert(pack_name(pack.sha));
    for (const auto& [name, size] : packs) {
        if (known.contains(name)) continue;
        try {
            auto pack = read_footer(keys, *objects, name, size, stop);
            const auto sha = crypto::from_hex(name.substr(name.rfind('/') + 1));
            if (!sha || sha->size() != pack.info.sha.size()) continue;
            std::copy(sha->begin(), sha->end(), pack.info.sha.begin());
            fresh.add_pack(pack);
        } catch (const Corrupt&) {
            // What no segment and no footer tells is lost; check names it.
        }
    }
}

std::shared_ptr<const Index> Repository::Impl::index_with_footers(std::stop_token stop) {
    auto wider = std::make_shared<Index>(options.scratch);
    (void)read_segments(*wider, list_segments(stop), true, stop);
    const auto packs = list_packs(stop);
    add_footers(*wider, packs, stop);
    wider->finish(packs, annotations.damaged_packs(keys, *objects, stop).packs, leaving(collections.read(keys, *objects, stop)));
    return wider;
}

SnapshotRecord Repository::Impl::read_snapshot(const std::string& name, std::stop_token stop, bool mends) {
    const auto read = [&] {
        return decode_snapshot(open_object(keys, Kind::snapshot, blob::get_all(*objects, name, max_small_object, stop), name), name);
    };
    const auto read_or_mend = [&] {
        try {
            return read();
        } catch (const Corrupt&) {
            if (!mends || !objects->mend(name, {}, stop)) throw;
        }
        return read();
    };
    auto record = read_or_mend();
    if (record.id != snapshot_id_of(name)) throw Corrupt("a snapshot lies under another one's name", {.subject = name});
    return record;
}

std::vector<SnapshotRecord> Repository::Impl::snapshots(std::stop_token stop) {
    std::vector<SnapshotRecord> all;
    for (const auto& object : blob::list_all(*objects, "snap/", stop)) {
        try {
            all.push_back(read_snapshot(object.name, stop));
        } catch (const Corrupt&) {
            // One damaged snapshot must not hide the others; check names it.
        } catch (const NotFound&) {
            // It was forgotten, and collected since the list.
        }
    }
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return b.id < a.id; });
    // One that is being written anew under another key is there twice.
    all.erase(std::unique(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.id == b.id; }), all.end());
    return all;
}

SnapshotRecord Repository::Impl::snapshot(const SnapshotId& id, std::stop_token stop) {
    const auto text = id.text().substr(std::string_view(SnapshotId::prefix()).size());
    if (objects->list("snap/" + text + '-', "", 1, stop).objects.empty()) throw NotFound("there is no such snapshot", {.subject = id.text()});
    const auto said = annotations.read(keys, *objects, stop);
    const auto note = said.find(id);
    if (note != said.end() && note->second.forgotten) throw NotFound("this snapshot was forgotten", {.subject = id.text()});
    const auto read = [&] {
        constexpr int most_looks = 100;
        for (int looked = 1;; ++looked) {
            const auto found = objects->list("snap/" + text + '-', "", 1, stop);
            if (found.objects.empty()) throw NotFound("there is no such snapshot", {.subject = id.text()});
            try {
                return read_snapshot(found.objects.front().name, stop);
            } catch (const NotFound&) {
                if (looked == most_looks) throw;  // else written anew under another key since the list
            }
        }
    };
    auto record = read();
    if (const auto doubted = named_sessions(stop); doubted.contains(record.session) && (note == said.end() || !note->second.committed))
        throw NotFound("there is no such snapshot", {.subject = id.text()});
    if (note != said.end()) note->second.tell(record);
    return record;
}

const std::shared_ptr<blob::Store>& Repository::objects() const { return impl_->unlimited ? impl_->unlimited : impl_->objects; }

bool Repository::is_ours(const std::string& name, base::ByteView bytes) const {
    // Not by keys that were retired since this was opened: who has those may be anybody.
    return backup::is_ours(*impl_->newest_keys(), name, bytes);
}

std::vector<SnapshotInfo> Repository::list(std::stop_token stop) const {
    auto records = impl_->snapshots(stop);
    // Behind the snapshots: what is listed was not given up before, or says here who vouched for it.
    const auto doubted = impl_->named_sessions(stop);
    const auto said = impl_->annotations.read(impl_->keys, *impl_->objects, stop);
    std::vector<SnapshotInfo> all;
    for (auto& record : records) {
        const auto note = said.find(record.id);
        if (doubted.contains(record.session) && (note == said.end() || !note->second.committed)) continue;
        if (note != said.end()) {
            if (note->second.forgotten) continue;
            note->second.tell(record);
        }
        all.push_back(record.info());
    }
    return all;
}

std::optional<SnapshotInfo> Repository::find(const SnapshotId& id) const {
    try {
        return impl_->snapshot(id, {}).info();
    } catch (const NotFound&) {
        return std::nullopt;
    }
}

}  // namespace tenon::backup
