// The vault: who opens the repository, and how its root key changes.
#include <algorithm>
#include <set>

#include <base/json.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "repository_impl.hpp"
#include "twin.hpp"

namespace tenon::backup {
namespace {

constexpr std::uint64_t slot_limit = 4096, ring_limit = 16 << 20;
/// While it is there the slots below `turn/` count, not those they are about to replace.
constexpr const char* turn_commit = "turn/commit";

std::string turn_name(std::uint32_t number) { return "turn/" + std::to_string(number); }

std::vector<std::uint32_t> numbers_in(blob::Store& vault, const std::string& prefix) {
    std::set<std::uint32_t> numbers;
    for (const auto& object : blob::list_all(vault, prefix)) {
        const auto digits = object.name.substr(prefix.size());
        const auto end = digits.find_first_not_of("0123456789");
        if (end == 0 || digits.size() > 11 || (end != std::string::npos && digits.substr(end) != ".1")) continue;
        const auto number = std::stoull(digits.substr(0, end));
        if (number <= 0xffffffff) numbers.insert(static_cast<std::uint32_t>(number));
    }
    return {numbers.begin(), numbers.end()};
}

std::optional<ByteVector> try_read(blob::Store& vault, const std::string& name) {
    try {
        return blob::get_all(vault, name, slot_limit);
    } catch (const NotFound&) {
    } catch (const Corrupt&) {
    }
    return std::nullopt;
}

/// The root key from one slot, whichever copy gives it; the other is mended from that one. Not while a rotation is to be finished: two
/// whole copies differ where it was killed between them.
OpenSlot open_twin_slot(blob::Store& vault, const Id16& repo, std::uint32_t number, const KeySource& key, bool mend, bool& damaged) {
    const std::string names[] = {slot_name(number), slot_name(number) + ".1"};
    const std::optional<ByteVector> copies[] = {try_read(vault, names[0]), try_read(vault, names[1])};
    for (int i = 0; i < 2; ++i) {
        if (!copies[i] || (i == 1 && copies[1] == copies[0])) continue;
        try {
            auto opened = open_slot(repo, *copies[i], key, names[i]);
            if (opened.root.empty()) continue;
            if (mend && copies[1 - i] != copies[i]) mend_twin(vault, names[i], *copies[i], names[1 - i], copies[1 - i], {});
            return opened;
        } catch (const Corrupt&) {
            damaged = true;
        } catch (const Unsupported&) {
        }
    }
    return {};
}

/// The generation that a rotation has committed to and not finished. 0: none.
std::uint32_t turning_to(blob::Store& vault) {
    const auto said = try_read(vault, turn_commit);
    return said && said->size() == 4 ? base::load_le<std::uint32_t>(said->data()) : 0;
}

void forget_turn(blob::Store& vault) {
    for (const auto number : numbers_in(vault, "turn/")) vault.remove(turn_name(number), {}, {});
}

}  // namespace

std::string slot_name(std::uint32_t number) { return "slot/" + std::to_string(number); }
std::string ring_name(std::uint32_t generation) { return "ring/" + std::to_string(generation); }

std::vector<std::uint32_t> Repository::Impl::slot_numbers() const { return numbers_in(*vault, "slot/"); }

SlotRecord Repository::Impl::read_slot_of(std::uint32_t number) const {
    const auto name = slot_name(number);
    return read_slot(load_twin(*vault, name, slot_limit, is_slot, {}), name);
}

void Repository::Impl::unlock() {
    auto opened = look_into_vault();
    root = std::move(opened.root);
    generation = opened.generation;
}

Repository::Impl::Opened Repository::Impl::look_into_vault() const {
    try {
        return look_into_vault(opener);
    } catch (const PermissionDenied&) {
        // The slot that this was opened with has been removed since, and another made for the same holder.
        if (!options.newest_key) throw;
    }
    return look_into_vault(options.newest_key());
}

Repository::Impl::Opened Repository::Impl::look_into_vault(const KeySource& with) const {
    bool damaged = false;
    const auto numbers = slot_numbers();
    if (numbers.empty()) throw NotFound("this repository's keys are missing", {.subject = "slot/"});
    // A rotation of another process may pass between two of these reads: then all is read again.
    constexpr int most_looks = 3;
    bool moved = true;
    for (int look = 0; look < most_looks && moved; ++look) {
        moved = false;
        for (const auto number : numbers) {
            const auto before = turning_to(*vault);
            auto opened = open_twin_slot(*vault, super.repo, number, with, before == 0, damaged);
            if (opened.root.empty()) continue;
            if (const auto turning = turning_to(*vault); turning > opened.generation) {
                const auto staged = try_read(*vault, turn_name(number));
                opened = staged ? open_slot(super.repo, *staged, with, turn_name(number)) : OpenSlot{};
                if (opened.root.empty() || opened.generation != turning) {
                    moved = true;
                    continue;
                }
            }
            Ring ring;
            try {
                ring = load_ring(opened.root, opened.generation);
            } catch (const NotFound&) {
                moved = true;
                continue;
            }
            if (opened.identity && (ring.identity.empty() || ring.signer().public_key() != *opened.identity))
                throw Corrupt("the key slot was not sealed by this repository", {.subject = slot_name(number)});
            return {.root = std::move(opened.root), .generation = opened.generation};
        }
    }
    if (moved) throw NotFound("this repository's key ring is missing", {.subject = "ring/"});
    if (damaged) throw Corrupt("no key slot opens, and one is damaged", {.subject = "slot/"});
    throw PermissionDenied("this password or key does not open the repository");
}

Ring Repository::Impl::load_ring(const crypto::Secret& with, std::uint32_t of) const {
    const auto name = ring_name(of);
    const auto whole = [&](ByteView raw) {
        try {
            open_ring(raw, with, super.repo, name);
            return true;
        } catch (const Corrupt&) {
            return false;
        }
    };
    auto ring = open_ring(load_twin(*vault, name, ring_limit, whole, {}), with, super.repo, name);
    if (ring.generation != of) throw Corrupt("the key ring is not of the generation its name says", {.subject = name});
    return ring;
}

void Repository::Impl::store_ring(const Ring& ring) { replace_twin(*vault, ring_name(ring.generation), seal_ring(ring, root, super.repo), {}); }

void Repository::Impl::refresh() {
    const auto now = numbers_in(*vault, "ring/");
    if (turning_to(*vault) == 0 && now == std::vector<std::uint32_t>{generation}) return;
    unlock();
}

std::shared_ptr<const Keys> Repository::Impl::newest_keys() {
    constexpr int most_looks = 3;
    const std::lock_guard lock(newest_mutex);
    if (newest && turning_to(*vault) == 0) {
        const auto ring = vault->head(ring_name(newest->ring.generation), {});
        if (ring && ring->tag == newest_tag) return newest;
    }
    for (int look = 1;; ++look) {
        const auto opened = look_into_vault();
        // Its tag first: what is written behind that is read again the next time.
        const auto at = vault->head(ring_name(opened.generation), {});
        auto fresh = std::make_shared<Keys>();
        fresh->repo = super.repo;
        try {
            fresh->ring = load_ring(opened.root, opened.generation);
        } catch (const NotFound&) {
            if (look == most_looks) throw;
            continue;  // rotated once more in between
        }
        newest_tag = at ? at->tag : "";
        newest = std::move(fresh);
        return newest;
    }
}

bool Repository::Impl::has_newer_data_keys() {
    {
        const std::lock_guard lock(slots_mutex);
        const auto ring = vault->head(ring_name(keys.ring.generation), {});
        if (turning_to(*vault) == 0 && ring && ring->tag == ring_tag) return false;
    }
    try {
        const auto now = newest_keys();
        return std::any_of(keys.ring.classes.begin(), keys.ring.classes.end(), [&](const auto& mine) {
            const auto found = now->ring.classes.find(mine.first);
            return found != now->ring.classes.end() && found->second.current() > mine.second.current();
        });
    } catch (const Error&) {
        return true;
    }
}

bool Repository::Impl::retire_data_keys() {
    const std::lock_guard lock(slots_mutex);
    settle();
    refresh();
    auto ring = load_ring();
    bool any = false, same = ring.generation == keys.ring.generation && ring.classes.size() == keys.ring.classes.size();
    for (const auto& [id, mine] : keys.ring.classes) {
        const auto found = ring.classes.find(id);
        if (found == ring.classes.end()) {
            same = false;
            continue;
        }
        const auto target = mine.current();
        any = std::erase_if(found->second.dek, [&](const auto& each) { return each.first < target; }) > 0 || any;
    }
    if (!any) return false;
    store_ring(ring);
    // Who did it knows what has changed.
    if (const auto at = vault->head(ring_name(ring.generation), {}); same && at) ring_tag = at->tag;
    return true;
}

Ring Repository::Impl::ring_with_identity() {
    auto ring = load_ring();
    if (ring.identity.empty()) {
        ring.identity = crypto::Secret::random(32);
        store_ring(ring);
    }
    return ring;
}

bool Repository::Impl::settle() {
    const auto to = turning_to(*vault);
    if (to == 0) return false;
    for (const auto number : numbers_in(*vault, "turn/")) {
        const auto staged = try_read(*vault, turn_name(number));
        if (staged && is_slot(*staged)) replace_twin(*vault, slot_name(number), *staged, {});
    }
    // A slot that was not taken along opens nothing any more. One that was and whose staged copy a killed settling removed already
    // is of the new generation.
    for (const auto number : slot_numbers()) {
        try {
            if (read_slot_of(number).generation < to) remove_twin(*vault, slot_name(number), {});
        } catch (const Error&) {
            // Damaged: check names it.
        }
    }
    for (const auto old : numbers_in(*vault, "ring/"))
        if (old < to) remove_twin(*vault, ring_name(old), {});
    forget_turn(*vault);
    vault->remove(turn_commit, {}, {});
    return true;
}

bool Repository::settle() {
    const std::lock_guard lock(impl_->slots_mutex);
    return impl_->settle();
}

std::uint32_t Repository::rotate_root() {
    const std::lock_guard lock(impl_->slots_mutex);
    impl_->settle();
    impl_->refresh();
    impl_->rotate(impl_->ring_with_identity());
    return impl_->generation;
}

std::uint32_t Repository::rotate_data_key() {
    const std::lock_guard lock(impl_->slots_mutex);
    impl_->settle();
    impl_->refresh();
    auto ring = impl_->ring_with_identity();
    ring.add_data_keys();
    // Under a root key of its own: the one that opened the old data keys must not open these.
    impl_->rotate(std::move(ring));
    return impl_->generation;
}

bool Repository::has_old_data_keys() const { return impl_->newest_keys()->ring.has_old_data_keys(); }

/// `ring` is what the new one holds, but for its generation.
void Repository::Impl::rotate(Ring ring) {
    const auto signer = ring.signer();
    std::vector<std::pair<std::uint32_t, SlotLock>> locks;
    for (const auto number : slot_numbers()) {
        auto record = read_slot_of(number);
        if (record.plain) {
            // Only its secret can seal it anew, and the only secret here is the one that this repository was opened with.
            const auto name = slot_name(number);
            if (open_slot(super.repo, load_twin(*vault, name, slot_limit, is_slot, {}), opener, name).root.empty())
                throw Conflict("key " + std::to_string(number) + " was made by the first version: remove it and add it again, then try again",
                               {.subject = std::to_string(number)});
            record.lock = make_lock(super.repo, opener, options.password_cost, options.password_iterations, record.lock.label, signer.public_key());
        } else if (record.identity != signer.public_key()) {
            throw Corrupt("the key slot was not sealed by this repository", {.subject = slot_name(number)});
        }
        locks.emplace_back(number, std::move(record.lock));
    }
    // What a rotation that was killed before its commit left would count with this one's.
    forget_turn(*vault);
    const auto next = generation + 1;
    for (const auto left : numbers_in(*vault, "ring/"))
        if (left > generation) remove_twin(*vault, ring_name(left), {});
    ring.generation = next;
    auto fresh = crypto::Secret::random(32);
    replace_twin(*vault, ring_name(next), seal_ring(ring, fresh, super.repo), {});
    for (const auto& [number, slot] : locks)
        blob::put_bytes(*vault, turn_name(number), seal_slot(super.repo, slot, next, fresh, signer), {.create_only = false});
    ByteVector commit;
    base::append_le(commit, next);
    blob::put_bytes(*vault, turn_commit, commit, {});
    root = std::move(fresh);
    generation = next;
    settle();
}

bool Repository::add_classes(const std::vector<std::string>& subjects) {
    const auto& known = impl_->keys.ring;
    const auto is_known = [&](const std::string& subject) { return known.class_of(subject).has_value(); };
    for (const auto& subject : subjects)
        if (subject.empty() || subject.size() > 200 || !base::is_utf8(subject))
            throw InvalidArgument("a subject is 1 to 200 bytes of text", {.subject = subject.substr(0, 200)});
    if (std::all_of(subjects.begin(), subjects.end(), is_known) && is_current()) return false;
    const std::lock_guard lock(impl_->slots_mutex);
    impl_->settle();
    impl_->refresh();
    auto ring = impl_->ring_with_identity();
    bool changed = false;
    for (const auto& subject : subjects) {
        if (ring.class_of(subject)) continue;
        Id16 id{};
        crypto::fill_random(id);
        ring.classes.emplace(id, ClassKeys::make(impl_->options.clock->now(), subject));
        changed = true;
    }
    if (changed) impl_->store_ring(ring);
    return true;
}

std::vector<std::string> Repository::subjects() const {
    std::vector<std::string> all;
    for (const auto& [id, keys] : impl_->keys.ring.classes)
        if (!keys.subject.empty()) all.push_back(keys.subject);
    std::sort(all.begin(), all.end());
    return all;
}

bool Repository::is_current() const {
    const std::lock_guard lock(impl_->slots_mutex);
    if (turning_to(*impl_->vault) != 0) return false;
    const auto ring = impl_->vault->head(ring_name(impl_->keys.ring.generation), {});
    return (ring ? ring->tag : "") == impl_->ring_tag;
}

ErasedClass Repository::shred(const std::string& subject) {
    auto& impl = *impl_;
    const std::lock_guard lock(impl.slots_mutex);
    impl.settle();
    impl.refresh();
    auto ring = impl.ring_with_identity();
    const auto id = subject.empty() ? std::nullopt : ring.class_of(subject);
    if (!id) throw NotFound("nothing was backed up under this subject", {.subject = subject});
    const auto at = impl.options.clock->now();
    const auto old = impl.generation;
    std::int64_t packs = 0, bytes = 0;
    const auto index = impl.load_index({});
    for (const auto& pack : index->packs())
        if (pack.header.class_id == *id) {
            ++packs;
            bytes += static_cast<std::int64_t>(pack.size);
        }
    base::Json said;
    said.set("format", 1).set("repository", hex(impl.super.repo)).set("class", hex(*id)).set("subject", subject);
    said.set("erased_at", at.time_since_epoch().count()).set("old_generation", old).set("new_generation", old + 1);
    said.set("packs", packs).set("bytes", bytes);
    const auto signer = ring.signer();
    ErasedClass erased{.receipt = base::to_json(said)};
    erased.signature = crypto::to_base64(signer.sign(base::view_of(erased.receipt)));
    erased.public_key = crypto::to_base64(signer.public_key());
    ring.classes.erase(*id);
    ring.erased.emplace(*id, Ring::Erased{erased.receipt, erased.signature});
    impl.rotate(std::move(ring));
    cbor::Writer body;
    body.map(3).uint(1).text(erased.receipt).uint(2).text(erased.signature).uint(3).text(erased.public_key);
    try {
        append_record(impl, "shred", body.data(), {});
    } catch (const Error&) {
        // It has happened, and the ring has the receipt.
    }
    return erased;
}

std::vector<ErasedClass> Repository::erased() const {
    std::vector<ErasedClass> all;
    const auto& ring = impl_->keys.ring;
    if (ring.erased.empty()) return all;
    const auto key = crypto::to_base64(ring.signer().public_key());
    for (const auto& [id, said] : ring.erased) all.push_back({said.receipt, said.signature, key});
    return all;
}

std::vector<Slot> Repository::slots() const {
    std::vector<Slot> slots;
    for (const auto number : impl_->slot_numbers()) {
        const auto record = impl_->read_slot_of(number);
        slots.push_back({number, record.lock.kind, record.lock.label, record.lock.derivation, record.generation});
    }
    return slots;
}

std::optional<std::uint32_t> Repository::slot_of(const KeySource& key) const {
    for (const auto number : impl_->slot_numbers()) {
        const auto name = slot_name(number);
        try {
            if (!open_slot(impl_->super.repo, load_twin(*impl_->vault, name, slot_limit, is_slot, {}), key, name).root.empty()) return number;
        } catch (const Corrupt&) {  // not that one; opening the repository passes it over, too
        } catch (const Unsupported&) {
        }
    }
    return std::nullopt;
}

std::optional<std::uint32_t> Repository::opened_slot() const { return slot_of(impl_->opener); }

Slot Repository::add_slot(const KeySource& key, const std::string& label) {
    auto& impl = *impl_;
    const std::lock_guard lock(impl.slots_mutex);
    impl.settle();
    impl.refresh();
    const auto signer = impl.ring_with_identity().signer();
    const auto numbers = impl.slot_numbers();
    const auto number = numbers.empty() ? 1 : numbers.back() + 1;
    const auto slot = make_lock(impl.super.repo, key, impl.options.password_cost, impl.options.password_iterations, label, signer.public_key());
    store_twin(*impl.vault, slot_name(number), seal_slot(impl.super.repo, slot, impl.generation, impl.root, signer), {});
    return {number, key.kind, label, slot.derivation, impl.generation};
}

void Repository::remove_slot(std::uint32_t number) {
    const std::lock_guard lock(impl_->slots_mutex);
    impl_->settle();
    const auto numbers = impl_->slot_numbers();
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end())
        throw NotFound("there is no such key slot", {.subject = slot_name(number)});
    if (numbers.size() == 1) throw Conflict("the last key slot stays, or nobody could read the backup", {.subject = slot_name(number)});
    remove_twin(*impl_->vault, slot_name(number), {});
}

}  // namespace tenon::backup
