#include "repository_impl.hpp"

#include <algorithm>
#include <set>
#include <thread>

#include <base/id.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "marks.hpp"
#include "slot.hpp"

namespace tenon::backup {
namespace {

constexpr std::uint64_t slot_limit = 4096, ring_limit = 16 << 20;

std::string ring_name(std::uint32_t generation) { return "ring/" + std::to_string(generation); }

/// The root key from one slot, whichever copy gives it; the other is mended from that one.
crypto::Secret open_twin_slot(blob::Store& vault, const Id16& repo, std::uint32_t number, const KeySource& key,
                              std::uint32_t& generation, bool& damaged) {
    const std::string names[] = {slot_name(number), slot_name(number) + ".1"};
    ByteVector copies[2];
    for (int i = 0; i < 2; ++i) {
        try {
            copies[i] = blob::get_all(vault, names[i], slot_limit);
        } catch (const NotFound&) {
        } catch (const Corrupt&) {
        }
    }
    for (int i = 0; i < 2; ++i) {
        if (copies[i].empty() || (i == 1 && copies[1] == copies[0])) continue;
        try {
            auto root = open_slot(repo, copies[i], key, names[i]);
            if (root.empty()) continue;
            generation = read_slot(copies[i], names[i]).generation;
            if (copies[1 - i] != copies[i]) {
                try {
                    blob::put_bytes(vault, names[1 - i], copies[i], {.create_only = false});
                } catch (const Error&) {
                    // A vault that cannot be written can still be read.
                }
            }
            return root;
        } catch (const Corrupt&) {
            damaged = true;
        } catch (const Unsupported&) {
        }
    }
    return {};
}

std::vector<std::uint32_t> numbers_in(blob::Store& vault, const std::string& prefix) {
    std::set<std::uint32_t> numbers;
    for (const auto& object : blob::list_all(vault, prefix)) {
        const auto digits = object.name.substr(prefix.size());
        const auto end = digits.find_first_not_of("0123456789");
        if (end == 0 || digits.size() > 12 || (end != std::string::npos && digits.substr(end) != ".1")) continue;
        numbers.insert(static_cast<std::uint32_t>(std::stoul(digits.substr(0, end))));
    }
    return {numbers.begin(), numbers.end()};
}

}  // namespace

std::string slot_name(std::uint32_t number) { return "slot/" + std::to_string(number); }

unsigned Repository::Impl::threads() const {
    if (options.threads != 0) return options.threads;
    return std::clamp(std::thread::hardware_concurrency(), 1u, 4u);
}

void Repository::Impl::renew_writer() {
    crypto::fill_random(writer);
    chain = {};
}

std::vector<std::uint32_t> Repository::Impl::slot_numbers() { return numbers_in(*vault, "slot/"); }

Repository::Repository(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Repository::~Repository() = default;

bool Repository::exists(blob::Store& objects) { return objects.head("super", {}) || objects.head("super.1", {}); }

std::unique_ptr<Repository> Repository::create(std::shared_ptr<blob::Store> objects, std::shared_ptr<blob::Store> vault,
                                               const KeySource& key, const std::string& label, const RepositoryOptions& options) {
    if (options.pack_profile < 1 || options.pack_profile > 3)
        throw InvalidArgument("a pack profile is 1, 2 or 3", {.subject = "pack_profile"});
    if (exists(*objects)) throw Conflict("there is a repository here already");
    // New keys would make what lies here unreadable for ever.
    if (!objects->list("packs/", "", 1, {}).objects.empty() || !objects->list("snap/", "", 1, {}).objects.empty())
        throw Corrupt("both superblocks of this repository are missing", {.subject = "super"});

    auto impl = std::make_unique<Impl>();
    const auto now = options.clock->now();
    impl->objects = std::move(objects);
    impl->vault = std::move(vault);
    impl->options = options;
    crypto::fill_random(impl->super.repo);
    impl->super.created = now;
    impl->super.pack_profile = options.pack_profile;
    impl->keys.repo = impl->super.repo;
    impl->keys.ring = make_ring(now);
    impl->root = crypto::Secret::random(32);
    impl->renew_writer();

    // Keys of a creation that was killed before its superblock open nothing.
    for (const auto& left : blob::list_all(*impl->vault, "")) impl->vault->remove(left.name, {}, {});
    store_twin(*impl->vault, ring_name(1), seal_ring(impl->keys.ring, impl->root, impl->super.repo), {});
    store_twin(*impl->vault, slot_name(1), seal_slot(impl->super.repo, key, options.password_cost, 1, label, impl->root), {});
    store_twin(*impl->objects, "super", encode(impl->super), {});
    return std::unique_ptr<Repository>(new Repository(std::move(impl)));
}

std::unique_ptr<Repository> Repository::open(std::shared_ptr<blob::Store> objects, std::shared_ptr<blob::Store> vault,
                                             const KeySource& key, const RepositoryOptions& options) {
    auto impl = std::make_unique<Impl>();
    impl->objects = std::move(objects);
    impl->vault = std::move(vault);
    impl->options = options;
    impl->super = load_superblock(*impl->objects, {});
    impl->keys.repo = impl->super.repo;

    bool damaged = false;
    std::uint32_t generation = 0;
    const auto numbers = impl->slot_numbers();
    if (numbers.empty()) throw NotFound("this repository's keys are missing", {.subject = "slot/"});
    for (const auto number : numbers) {
        impl->root = open_twin_slot(*impl->vault, impl->super.repo, number, key, generation, damaged);
        if (!impl->root.empty()) break;
    }
    if (impl->root.empty()) {
        if (damaged) throw Corrupt("no key slot opens, and one is damaged", {.subject = "slot/"});
        throw PermissionDenied("this password or key does not open the repository");
    }
    const auto name = ring_name(generation);
    const auto whole = [&](ByteView raw) {
        try {
            open_ring(raw, impl->root, impl->super.repo, name);
            return true;
        } catch (const Corrupt&) {
            return false;
        }
    };
    impl->keys.ring = open_ring(load_twin(*impl->vault, name, ring_limit, whole, {}), impl->root, impl->super.repo, name);
    impl->renew_writer();
    return std::unique_ptr<Repository>(new Repository(std::move(impl)));
}

std::vector<Slot> Repository::slots() const {
    std::vector<Slot> slots;
    for (const auto number : impl_->slot_numbers()) {
        const auto name = slot_name(number);
        const auto record = read_slot(load_twin(*impl_->vault, name, slot_limit, is_slot, {}), name);
        slots.push_back({number, record.kind, record.label});
    }
    return slots;
}

std::optional<std::uint32_t> Repository::slot_of(const KeySource& key) const {
    for (const auto number : impl_->slot_numbers()) {
        const auto name = slot_name(number);
        try {
            if (!open_slot(impl_->super.repo, load_twin(*impl_->vault, name, slot_limit, is_slot, {}), key, name).empty()) return number;
        } catch (const Corrupt&) {  // not that one; opening the repository passes it over, too
        } catch (const Unsupported&) {
        }
    }
    return std::nullopt;
}

Slot Repository::add_slot(const KeySource& key, const std::string& label) {
    const std::lock_guard lock(impl_->slots_mutex);
    const auto numbers = impl_->slot_numbers();
    const auto number = numbers.empty() ? 1 : numbers.back() + 1;
    store_twin(*impl_->vault, slot_name(number),
               seal_slot(impl_->super.repo, key, impl_->options.password_cost, impl_->keys.ring.generation, label, impl_->root), {});
    return {number, key.kind, label};
}

void Repository::remove_slot(std::uint32_t number) {
    const std::lock_guard lock(impl_->slots_mutex);
    const auto numbers = impl_->slot_numbers();
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end())
        throw NotFound("there is no such key slot", {.subject = slot_name(number)});
    if (numbers.size() == 1) throw Conflict("the last key slot stays, or nobody could read the backup", {.subject = slot_name(number)});
    // The copy first: a kill between the two leaves the slot as it was.
    impl_->vault->remove(slot_name(number) + ".1", {}, {});
    impl_->vault->remove(slot_name(number), {}, {});
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

std::shared_ptr<const Index> Repository::Impl::load_index(std::stop_token stop) {
    constexpr int most_collections = 100;
    for (int tried = 1;; ++tried) {
        // Collections first: a pack that is not seen here as leaving is either in the list below or has left.
        auto going = leaving(collections.read(keys, *objects, stop));
        std::vector<std::string> names;
        for (const auto& object : blob::list_all(*objects, "index/", stop)) names.push_back(object.name);
        auto packs = list_packs(stop);
        auto bad = annotations.damaged_packs(keys, *objects, stop).packs;
        const std::lock_guard lock(index_mutex);
        if (index && names == index_names && packs == index_packs && bad == index_damaged && going == index_leaving) return index;
        auto fresh = std::make_shared<Index>();
        bool damaged = false, changed = false;
        for (const auto& name : names) {
            try {
                fresh->add_segment(open_object(keys, Kind::index, blob::get_all(*objects, name, max_small_object, stop), name), name);
            } catch (const Corrupt&) {
                damaged = true;
            } catch (const NotFound&) {
                changed = true;  // a collection has put another in its place
            }
        }
        if (changed && tried < most_collections) continue;
        if (damaged || changed) add_footers(*fresh, packs, stop);
        fresh->finish(packs, bad, going);
        index_damaged = std::move(bad);
        index_leaving = std::move(going);
        index_names = std::move(names);
        index_packs = std::move(packs);
        index = std::move(fresh);
        return index;
    }
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
    auto wider = std::make_shared<Index>(*load_index(stop));
    const auto packs = list_packs(stop);
    add_footers(*wider, packs, stop);
    wider->finish(packs, annotations.damaged_packs(keys, *objects, stop).packs, leaving(collections.read(keys, *objects, stop)));
    return wider;
}

SnapshotRecord Repository::Impl::read_snapshot(const std::string& name, std::stop_token stop) {
    auto record = decode_snapshot(open_object(keys, Kind::snapshot, blob::get_all(*objects, name, max_small_object, stop), name), name);
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
    return all;
}

SnapshotRecord Repository::Impl::snapshot(const SnapshotId& id, std::stop_token stop) {
    const auto text = id.text().substr(std::string_view(SnapshotId::prefix()).size());
    const auto found = objects->list("snap/" + text + '-', "", 1, stop);
    if (found.objects.empty()) throw NotFound("there is no such snapshot", {.subject = id.text()});
    const auto said = annotations.read(keys, *objects, stop);
    const auto note = said.find(id);
    if (note != said.end() && note->second.forgotten) throw NotFound("this snapshot was forgotten", {.subject = id.text()});
    auto record = read_snapshot(found.objects.front().name, stop);
    if (const auto doubted = named_sessions(stop); doubted.contains(record.session) && (note == said.end() || !note->second.committed))
        throw NotFound("there is no such snapshot", {.subject = id.text()});
    if (note != said.end() && note->second.tags) record.tags = *note->second.tags;
    return record;
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
            if (note->second.tags) record.tags = *note->second.tags;
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
