// Checkpoints: what is taken down, and what has no explanation since.
#include "evidence.hpp"

#include <algorithm>
#include <iterator>

#include <base/id.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <crypto/note.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "books.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {
namespace {

constexpr std::string_view note_origin = "backup";
constexpr std::uint64_t checkpoint_limit = std::uint64_t{1} << 30;
constexpr int most_evidence_looks = 100;

/// Everything that a checkpoint is about, as it lies there, with what explains that something is gone.
struct Sight {
    struct Record {
        Id sha{};
        SnapshotId committed{};
        std::vector<Id> swept{};
    };
    /// What lies in log/ of a chain, behind what books have of it.
    struct Chain {
        std::uint64_t first = 0;
        std::vector<Record> records{};  // as far as they go without a gap
        std::uint64_t end() const { return first + records.size(); }
    };
    Holdings holdings;
    std::shared_ptr<const Shelf> shelf;
    std::map<Id16, Chain> chains;
    std::multimap<Id16, Id16> carried;            // from names that these had before, as they say themselves; those in books aside
    std::set<Id> packs;                           // all that are there
    std::set<SnapshotId> objects, forgotten;      // snapshots that are there, counting or not; those of which somebody said that they go
    std::set<Id> swept;
    bool segments_whole = true;

    /// Of the whole chain, in books and behind them.
    std::uint64_t length(const Id16& writer) const {
        const auto chain = chains.find(writer);
        return std::max(shelf->length(writer), chain == chains.end() ? 0 : chain->second.end());
    }
    bool has(const Id16& writer, const Holdings::ChainEnd& end) const {
        const auto seq = end.count - 1;
        if (shelf->has(writer, seq, end.head)) return true;
        const auto found = chains.find(writer);
        if (found == chains.end()) return false;
        const auto& chain = found->second;
        return seq >= chain.first && seq < chain.end() && chain.records[seq - chain.first].sha == end.head;
    }
    bool is_forgotten(const SnapshotId& id) const { return forgotten.contains(id) || shelf->is_forgotten(id); }
    bool is_swept(const Id& pack) const { return swept.contains(pack) || shelf->is_swept(pack); }
};

std::optional<Id16> writer_in(std::string_view name) {
    if (name.size() < 4 + 32 + 1) return std::nullopt;
    return name[36] == '/' ? writer_id(name.substr(4, 32)) : std::nullopt;
}

std::optional<Id> sha_in(std::string_view name) {
    if (name.size() < 64) return std::nullopt;
    const auto bytes = crypto::from_hex(name.substr(name.size() - 64));
    if (!bytes || bytes->size() != sizeof(Id)) return std::nullopt;
    Id id{};
    std::copy(bytes->begin(), bytes->end(), id.begin());
    return id;
}

Holdings::KeyState key_state(const Ring& ring) {
    const auto& control = ring.control();
    const auto erased = static_cast<std::uint32_t>(ring.erased.size());
    return {.generation = ring.generation, .oldest = control.dek.begin()->first, .newest = control.current(),
            .classes = static_cast<std::uint32_t>(ring.classes.size()) + erased, .erased = erased};
}

Sight look_once(Repository::Impl& impl, const Keys& newest, bool mends, const std::stop_token& stop) {
    Sight sight;
    std::set<SnapshotId> committed;
    const auto open = [&](const std::shared_ptr<const Shelf>& shelf) {
        // What lies under a key that others have retired counts nowhere: its writer, who slept, says it once more.
        sight.shelf = only(shelf, [&](const auto& book) { return !newest.is_retired({.dek = book.dek, .class_id = control_class}); });
    };
    impl.annotations.each(impl.keys, *impl.objects, stop, mends, open, [&](const std::string& name, const LogSight& seen) {
        const auto writer = writer_in(name);
        if (!writer || (seen.is_whole && newest.is_retired({.dek = seen.dek, .class_id = control_class}))) return;
        const auto [at, is_new] = sight.chains.try_emplace(*writer);
        auto& chain = at->second;
        if (is_new) chain.first = sight.shelf->length(*writer);
        // In the order of names: behind a gap nothing counts, nor does what a book has taken in and that has not gone yet.
        if (name != "log/" + hex(*writer) + '/' + sequence_text(chain.end())) return;
        auto& record = chain.records.emplace_back(Sight::Record{.sha = seen.sha});
        if (seen.names)
            for (const auto& before : *seen.names) sight.carried.emplace(before, *writer);
        if (!seen.says) return;
        record.committed = seen.says->committed;
        record.swept = seen.says->swept;
        if (!record.committed.is_nil()) committed.insert(record.committed);
        sight.swept.insert(record.swept.begin(), record.swept.end());
        sight.forgotten.insert(seen.says->forgotten.begin(), seen.says->forgotten.end());
    });
    auto& h = sight.holdings;
    h.writers = sight.shelf->chains();
    for (const auto& [writer, chain] : sight.chains) {
        if (chain.records.empty()) continue;
        h.chains.emplace(writer, Holdings::ChainEnd{.count = chain.end(), .head = chain.records.back().sha});
        if (chain.first == 0) ++h.writers;
    }
    for (const auto& [hash, sheet] : sight.shelf->sheets()) h.sheets.insert(hash);

    std::vector<std::pair<SnapshotId, std::string>> unsaid;
    for (const auto& object : blob::list_all(*impl.objects, "snap/", stop)) {
        const auto id = snapshot_id_of(object.name);
        if (id.is_nil()) continue;
        sight.objects.insert(id);
        if (committed.contains(id) || sight.shelf->is_committed(id)) sight.holdings.snapshots.insert(id);
        else unsaid.emplace_back(id, object.name);
    }
    // One of which no record tells counts once its writer cannot take it back any more.
    if (!unsaid.empty()) {
        const auto named = impl.named_sessions(stop);
        for (const auto& [id, name] : unsaid) {
            try {
                const auto record = impl.read_snapshot(name, stop, mends);
                const auto beacon = beacon_name(record.writer, record.session);
                const auto lives = impl.objects->beacon_lives(beacon);
                const bool ended = lives == false || (!lives && !impl.objects->head(beacon, stop));
                if (ended && !named.contains(record.session)) sight.holdings.snapshots.insert(id);
            } catch (const Corrupt&) {
            } catch (const NotFound&) {
            }
        }
    }
    const auto index = impl.load_index(stop, mends);
    for (const auto& name : index->segments())
        if (const auto sha = sha_in(name)) sight.holdings.segments.insert(*sha);
    sight.holdings.replaced = index->replaced();
    for (const auto& [name, size] : impl.list_packs(stop))
        if (const auto sha = pack_in(name)) sight.packs.insert(*sha);
    for (const auto& pack : index->packs()) {
        if (pack.segment == PackInfo::no_segment) sight.segments_whole = false;
        else if (sight.packs.contains(pack.sha)) sight.holdings.packs.insert(pack.sha);
    }
    sight.holdings.keys = key_state(newest.ring);
    return sight;
}

/// Whether what this look shows has not gone since, or for a reason that the next one shows. What was added does not matter.
bool has_stayed(const Sight& before, const Sight& now, const std::set<Id>& leaving) {
    if (before.holdings.keys != now.holdings.keys) return false;
    for (const auto& [writer, end] : before.holdings.chains)
        if (!now.has(writer, end)) return false;
    const auto& h = now.holdings;
    return std::ranges::includes(h.sheets, before.holdings.sheets) &&
           std::ranges::all_of(before.objects, [&](const auto& id) { return now.objects.contains(id) || now.is_forgotten(id); }) &&
           std::ranges::all_of(before.packs, [&](const auto& pack) {
               return now.packs.contains(pack) || now.is_swept(pack) || leaving.contains(pack);
           }) &&
           std::ranges::all_of(before.holdings.segments, [&](const auto& segment) {
               return h.segments.contains(segment) || h.replaced.contains(segment);
           });
}

/// Looked at twice with nothing going in between that is not explained, so that no reason is missed whoever is at work.
struct StableSight {
    Sight sight;
    std::set<Id> leaving;
};

StableSight look_twice(Repository::Impl& impl, bool mends, const std::stop_token& stop) {
    const auto newest = [&]() -> std::shared_ptr<const Keys> {
        try {
            return impl.newest_keys();
        } catch (const PermissionDenied&) {
            throw KeysChanged("the repository's keys were changed: open it again");
        }
    };
    auto before = look_once(impl, *newest(), mends, stop);
    for (int looked = 1;; ++looked) {
        exec::check_stop(stop);
        StableSight seen;
        seen.leaving = leaving(impl.collections.read(impl.keys, *impl.objects, stop));
        seen.sight = look_once(impl, *newest(), mends, stop);
        if (has_stayed(before, seen.sight, seen.leaving)) {
            // What a record says that was there at the first look was met by the second one; of newer ones nobody knows.
            seen.sight.holdings.chains = std::move(before.holdings.chains);
            seen.sight.holdings.sheets = std::move(before.holdings.sheets);
            seen.sight.holdings.writers = before.holdings.writers;
            return seen;
        }
        if (looked == most_evidence_looks)
            throw Unavailable("the repository changes all the time: try again", {.subject = "checkpoint/", .retryable = true});
        before = std::move(seen.sight);
    }
}

/// How what was said before may be named now, until `see` says that it is found: a chain that was written anew under newer data keys lies
/// under another writer's name. Chains say themselves what they were called; of those that an earlier version carried over the names can
/// be computed, the fewest rewritings first.
template <class See> void each_name_since(const Id16& writer, const Sight& sight, const Holdings::KeyState& then, See see) {
    constexpr std::size_t most_names = std::size_t{1} << 16;
    const auto met = [&](const Id16& name) {
        if (see(name)) return true;
        const auto is_it = [&](const auto& carried) {
            const auto [first, last] = carried.equal_range(name);
            return std::any_of(first, last, [&](const auto& each) { return see(each.second); });
        };
        return is_it(sight.carried) || is_it(sight.shelf->carried());
    };
    if (met(writer)) return;
    std::vector<std::pair<std::string, std::uint32_t>> names{{hex(writer), then.oldest}};
    for (std::size_t at = 0, made = 1; at < names.size(); ++at)
        for (auto dek = names[at].second + 1; dek <= sight.holdings.keys.newest && made < most_names; ++dek, ++made) {
            names.emplace_back(carried_writer(names[at].first, static_cast<std::uint16_t>(dek)), dek);
            if (met(writer_id(names.back().first).value())) return;
        }
}

class Comparison {
public:
    Comparison(const Checkpoint& since, const StableSight& seen) : since_(since), sight_(seen.sight), leaving_(seen.leaving) {
        const auto& at = since.note;
        seen_by_ = "checkpoint " + std::to_string(at.number) + " saw ";
    }

    std::vector<CheckProblem> run() {
        keys();
        chains();
        sheets();
        snapshots();
        packs();
        segments();
        return std::move(problems_);
    }

private:
    void problem(std::string object, std::string message) {
        problems_.push_back({.object = std::move(object), .message = std::move(message), .tampered = true});
    }

    void keys() {
        const auto& then = since_.holdings.keys;
        const auto& now = sight_.holdings.keys;
        const bool older = now.generation < then.generation || now.newest < then.newest;
        if (older || now.classes < then.classes || now.erased < then.erased)
            problem("vault:ring/" + std::to_string(now.generation), "rolled back: " + seen_by_ + "newer keys; an older vault was put in place");
        else if (now.oldest < then.oldest)
            problem("vault:ring/" + std::to_string(now.generation), "replayed: " + seen_by_ + "that these data keys had been retired");
    }

    void chains() {
        for (const auto& [writer, then] : since_.holdings.chains) {
            bool found = false, forked = false;
            std::uint64_t longest = 0;
            Id16 now{};
            each_name_since(writer, sight_, since_.holdings.keys, [&](const Id16& name) {
                const auto length = sight_.length(name);
                longest = std::max(longest, length);
                if (length < then.count) return false;
                // Only under its own name are its records the same objects.
                if (name == writer && !sight_.has(name, then)) {
                    forked = true;
                    return false;
                }
                found = true;
                now = name;
                return true;
            });
            const auto object = "log/" + hex(writer);
            const auto saw = seen_by_ + std::to_string(then.count) + " records of this log";
            if (found) covered_[now] = then.count;
            else if (forked)
                problem(object + '/' + sequence_text(then.count - 1),
                        "forked: " + seen_by_ + "another record here; this copy was written on by itself, or damaged");
            else if (longest == 0)
                problem(object, "deleted: " + saw + ", and nothing is left of it");
            else
                problem(object, "rolled back: " + saw + ", and " + std::to_string(longest) + " are there");
        }
    }

    void sheets() {
        const auto& now = sight_.shelf->sheets();
        const std::string whose = sight_.shelf->broken().empty() ? ", and no book has it any more" : ", and no book that can be read has it";
        for (const auto& sheet : since_.holdings.sheets)
            if (!now.contains(sheet)) problem(book_name(sheet), "deleted: " + seen_by_ + "this sheet of the log" + whose);
    }

    /// What records that the checkpoint had seen already say: `commits(snapshot)`, `sweeps(pack)`.
    template <class Commits, class Sweeps> void each_covered(Commits commits, Sweeps sweeps) const {
        const auto known = [&](const Id16& writer) {
            const auto count = covered_.find(writer);
            return count == covered_.end() ? 0 : count->second;
        };
        for (const auto& [writer, chain] : sight_.chains)
            for (std::size_t i = 0; i < chain.records.size() && chain.first + i < known(writer); ++i) {
                if (const auto& id = chain.records[i].committed; !id.is_nil()) commits(id);
                for (const auto& pack : chain.records[i].swept) sweeps(pack);
            }
        for (const auto& [hash, sheet] : sight_.shelf->sheets()) {
            const bool all = since_.holdings.sheets.contains(hash);
            const auto is_covered = [&, &in = *sheet](std::uint32_t row) {
                if (all) return true;
                const auto& chain = in.chain_of(row);
                return chain.first + (row - chain.begin) < known(chain.writer);
            };
            for (const auto& [row, id] : sheet->commits)
                if (is_covered(row)) commits(id);
            for (const auto& [row, said] : sheet->says) {
                if (said.swept.empty() || !is_covered(row)) continue;
                for (const auto& pack : said.swept) sweeps(pack);
            }
        }
    }

    void snapshots() {
        const auto& then = since_.holdings.snapshots;
        for (const auto& id : then)
            if (!sight_.objects.contains(id) && !sight_.is_forgotten(id))
                problem("snap/" + id.text().substr(std::string_view(SnapshotId::prefix()).size()),
                        "deleted: " + seen_by_ + "this snapshot, and nobody has forgotten it");
        std::set<SnapshotId> back;
        each_covered(
            [&](const SnapshotId& id) {
                // One that was forgotten stays so; a re-keying that slept may have put it back for a while.
                if (sight_.objects.contains(id) && !then.contains(id) && !sight_.is_forgotten(id)) back.insert(id);
            },
            [](const Id&) {});
        for (const auto& id : back)
            problem("snap/" + id.text().substr(std::string_view(SnapshotId::prefix()).size()),
                    "replayed: " + seen_by_ + "that this snapshot had gone, and it is there again");
    }

    void packs() {
        const auto& then = since_.holdings.packs;
        for (const auto& pack : then) {
            const bool may_go = sight_.is_swept(pack) || leaving_.contains(pack);
            if (may_go) continue;
            if (!sight_.packs.contains(pack)) problem(pack_name(pack), "deleted: " + seen_by_ + "this pack, and no collection has taken it away");
            else if (sight_.segments_whole && !sight_.holdings.packs.contains(pack))
                problem(pack_name(pack), "deleted: " + seen_by_ + "an index of this pack, and none lists it any more");
        }
        std::set<Id> back;
        each_covered([](const SnapshotId&) {},
                     [&](const Id& pack) {
                         if (sight_.packs.contains(pack) && !then.contains(pack)) back.insert(pack);
                     });
        for (const auto& pack : back)
            problem(pack_name(pack), "replayed: " + seen_by_ + "that a collection had taken this pack away, and it is there again");
    }

    void segments() {
        for (const auto& segment : since_.holdings.replaced)
            if (sight_.holdings.segments.contains(segment) && !since_.holdings.segments.contains(segment))
                problem("index/" + hex(segment), "replayed: " + seen_by_ + "that this index had been replaced, and it is there again");
    }

    const Checkpoint& since_;
    const Sight& sight_;
    const std::set<Id>& leaving_;
    std::string seen_by_;
    std::map<Id16, std::uint64_t> covered_;  // by the names of now: so many records are known to the checkpoint
    std::vector<CheckProblem> problems_;
};

}  // namespace

bool is_checkpoint(const Keys& keys, ByteView raw, const std::string& object) {
    const auto found = decode_checkpoint(open_object(keys, Kind::checkpoint, raw, object), object);
    return checkpoint_name(found.note.number) == object && found.note.repository == hex(keys.repo);
}

CheckpointShelf::Found CheckpointShelf::read(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends) {
    const std::lock_guard lock(mutex_);
    const auto is_whole = [&](ByteView raw, const std::string& object) {
        try {
            return is_checkpoint(keys, raw, object);
        } catch (const KeyIsRetired&) {
            throw;
        } catch (const Corrupt&) {
            return false;
        }
    };
    for (int looked = 1;; ++looked) {
        Found found;
        bool gone = false;
        auto objects = blob::list_all(store, std::string("checkpoint/"), stop);
        std::reverse(objects.begin(), objects.end());
        for (const auto& object : objects) {
            if (checkpoint_number(object.name) == 0) continue;
            if (found.newest) {
                found.names.push_back(object.name);
                continue;
            }
            if (object.name == name_ && object.tag == tag_) {
                found.newest = last_;
                found.dek = dek_;
                found.names.push_back(object.name);
                continue;
            }
            bool is_swapped = false;
            try {
                auto raw = blob::get_all(store, object.name, checkpoint_limit, stop);
                const auto is_whole_here = [&](ByteView bytes) { return is_whole(bytes, object.name); };
                if (mends && !is_whole_here(raw) && store.mend(object.name, is_whole_here, stop))
                    raw = blob::get_all(store, object.name, checkpoint_limit, stop);
                auto fresh = std::make_shared<Checkpoint>(decode_checkpoint(open_object(keys, Kind::checkpoint, raw, object.name), object.name));
                is_swapped = checkpoint_name(fresh->note.number) != object.name || fresh->note.repository != hex(keys.repo);
                if (is_swapped)
                    throw Corrupt("swapped: a checkpoint lies under another one's name", {.subject = object.name});
                found.newest = last_ = std::move(fresh);
                found.dek = dek_ = decode_header(raw, object.name).dek;
                found.names.push_back(object.name);
                name_ = object.name;
                tag_ = object.tag;
            } catch (const KeyIsRetired&) {
                // Put by a process that slept through a rotation, which never said so.
            } catch (const Corrupt& error) {
                found.names.push_back(object.name);
                found.damaged.insert(checkpoint_number(object.name));
                const std::string what = "this checkpoint cannot be read: ";
                found.problems.push_back({.object = object.name, .message = what + error.what(), .tampered = is_swapped});
            } catch (const NotFound&) {
                gone = true;  // a newer one is there
            }
        }
        if (!gone || looked == most_evidence_looks) return found;
    }
}

namespace {

/// What a checkpoint names as its past, given the newest older one that can be read: its record has the root of it all, and the hash of the
/// one before. Empty where more than that one lies in between.
std::optional<Past> past_of(const CheckpointNote& note, const Checkpoint* older) {
    constexpr std::uint64_t most_numbers = 1000;
    Past past;
    if (older) {
        past = older->past;
        past.add(older->note);
    }
    if (past.root() == note.past) return past;
    const auto last = past.latest.empty() ? 0 : past.latest.back().number;
    past.latest.push_back({last, note.before});
    auto& between = past.latest.back().number;
    while (between + 1 < note.number && between - last < most_numbers) {
        ++between;
        if (past.root() == note.past) return past;
    }
    return std::nullopt;
}

/// Whether a checkpoint that is known, lies there and cannot be read may be done without. Who takes away what came behind the one before
/// could spoil this one to hide that: so either there is what it saw, which its record tells, or it is said that nobody knows.
void do_without(Repository::Impl& impl, const CheckpointShelf::Found& found, const CheckpointNote& note, bool mends, PastVerdict& verdict,
                const std::stop_token& stop) {
    const auto its = "checkpoint " + std::to_string(note.number);
    const auto problem = [&](std::vector<CheckProblem>& to, std::string message) {
        to.push_back({.object = checkpoint_name(note.number), .message = std::move(message), .tampered = true});
    };
    const auto seen = look_twice(impl, mends, stop);
    const auto& h = seen.sight.holdings;
    const bool is_same = h.root() == note.state;
    auto past = past_of(note, found.newest.get());
    const bool is_next = past && past->size() == (found.newest ? found.newest->past.size() + 1 : 0);
    const auto& k = h.keys;
    const bool goes_on = is_next && static_cast<std::int64_t>(h.writers) >= note.chains && k.generation >= note.generation &&
                         k.oldest >= note.oldest_key && k.newest >= note.newest_key && k.classes >= note.classes && k.erased >= note.erased &&
                         (!found.newest || Comparison(*found.newest, seen).run().empty());
    if (!is_same && !goes_on) {
        problem(verdict.problems, "rolled back: " + its + " is known, it cannot be read, and what there is is not what it saw");
        return;
    }
    if (!is_same)
        problem(verdict.doubts, its + " cannot be read, and what there is is not what it saw: it may have been spoiled to hide that something "
                                      "from between the one before and it is gone");
    if (verdict.stands_in && verdict.stands_in->number >= note.number) return;
    verdict.stands_in = note;
    verdict.its_past = std::move(past);
}

}  // namespace

PastVerdict judge_past(Repository::Impl& impl, const CheckpointShelf::Found& found, const std::vector<std::string>& known,
                       bool mends, const std::stop_token& stop) {
    PastVerdict verdict;
    auto& problems = verdict.problems;
    const auto problem = [&](const CheckpointNote& note, std::string message) {
        problems.push_back({.object = checkpoint_name(note.number), .message = std::move(message), .tampered = true});
    };
    for (const auto& record : std::set<std::string>(known.begin(), known.end())) {
        const auto note = read_checkpoint(record);
        const auto its = "checkpoint " + std::to_string(note.number);
        const auto& identity = impl.keys.ring.identity;
        if (note.repository != hex(impl.super.repo)) {
            problem(note, "swapped: the record is of another repository, " + note.repository);
            continue;
        }
        if (!identity.empty() && !crypto::open_note(note_origin, record, impl.keys.ring.signer().public_key())) {
            problem(note, "the record was not signed by this repository");
            continue;
        }
        if (found.damaged.contains(note.number) && (!found.newest || found.newest->note.number < note.number)) {
            do_without(impl, found, note, mends, verdict, stop);
            continue;
        }
        if (!found.newest) {
            problem(note, "rolled back: " + its + " is known, and there is no checkpoint here: an older copy was put in place, or they were deleted");
            continue;
        }
        const auto& newest = *found.newest;
        if (note.number > newest.note.number) {
            problem(note, "rolled back: " + its + " is known, and the newest one here is " + std::to_string(newest.note.number) +
                              ": an older copy of the repository was put in place, or newer objects were deleted");
            continue;
        }
        FoundInPast in_past{.hash = newest.note.hash()};
        if (note.number != newest.note.number) {
            try {
                in_past = find_in_past(impl, newest.past, note.number, mends, stop);
            } catch (const Corrupt& error) {
                problem(note, "nobody can tell whether " + its + " is in the past: " + error.what());
                continue;
            } catch (const NotFound& error) {
                problem(note, "deleted: nobody can tell whether " + its + " is in the past: " + error.what());
                continue;
            }
        }
        if (!in_past.hash)
            problem(note, "rolled back: the repository was put back to before " + its + ", which checkpoint " +
                              std::to_string(in_past.next.value_or(newest.note.number)) + " accepts");
        else if (*in_past.hash != note.hash())
            problem(note, "forked: " + its + " of this repository is another one than the record: two copies were written on separately");
    }
    return verdict;
}

std::vector<CheckProblem> compare_state(Repository::Impl& impl, const Checkpoint& since, bool mends, const std::stop_token& stop) {
    const auto seen = look_twice(impl, mends, stop);
    return Comparison(since, seen).run();
}

std::vector<CheckProblem> compare_past(const Repository& repository, const std::vector<std::string>& known, std::stop_token stop) {
    auto& impl = repository.inside();
    return judge_past(impl, impl.checkpoints.read(impl.keys, *impl.objects, stop), known, true, stop).problems;
}

std::optional<CheckpointNote> newest_checkpoint(const Repository& repository, std::stop_token stop) {
    auto& impl = repository.inside();
    const auto found = impl.checkpoints.read(impl.keys, *impl.objects, stop);
    return found.newest ? std::optional(found.newest->note) : std::nullopt;
}

std::string record_in(const Repository& repository, const std::string& name, ByteView bytes) {
    const auto& keys = repository.inside().keys;
    try {
        if (is_checkpoint(keys, bytes, name)) return decode_checkpoint(open_object(keys, Kind::checkpoint, bytes, name), name).note.record;
    } catch (const Corrupt&) {
    } catch (const Unsupported&) {
    }
    return {};
}

std::string contradiction_of(const Repository& repository, const std::string& name, ByteView bytes, std::stop_token stop) {
    auto& impl = repository.inside();
    const auto record = record_in(repository, name, bytes);
    if (record.empty()) return {};
    const auto theirs = read_checkpoint(record);
    const auto newest = impl.checkpoints.read(impl.keys, *impl.objects, stop).newest;
    if (!newest || theirs.number > newest->note.number) return {};
    if (newest->note.accepted == CheckpointNote::Other{theirs.number, theirs.hash()}) return {};
    try {
        const auto here = theirs.number == newest->note.number ? newest->note.hash()
                                                               : find_in_past(impl, newest->past, theirs.number, true, stop).hash;
        if (!here || *here == theirs.hash()) return {};
    } catch (const NotFound&) {
        return {};
    } catch (const Corrupt&) {
        return {};
    }
    return "forked: its checkpoint " + std::to_string(theirs.number) +
           " is another one than that of the home's own store: two copies were written on separately. It is left as it is until one of them is "
           "accepted (Backups::accept), or it is emptied";
}

bool has_damaged_checkpoint(const Repository& repository, std::stop_token stop) {
    auto& impl = repository.inside();
    return !impl.checkpoints.read(impl.keys, *impl.objects, stop).damaged.empty();
}

std::optional<CheckpointNote> checkpoint_to_remember(const Repository& repository, std::stop_token stop) {
    auto& impl = repository.inside();
    const auto found = impl.checkpoints.read(impl.keys, *impl.objects, stop);
    if (!found.newest || found.dek != impl.newest_keys()->ring.control().current()) return std::nullopt;
    impl.objects->make_durable({checkpoint_name(found.newest->note.number)}, stop);
    return found.newest->note;
}

namespace {

struct Lying {
    std::string tag;
    std::uint16_t dek = 0;
};

/// The object of that name, if it says this; by whomever it was sealed anew.
std::optional<Lying> lying_as(Repository::Impl& impl, const std::string& name, ByteView payload) {
    const auto there = impl.objects->head(name, {});
    if (!there) return std::nullopt;
    try {
        const auto raw = blob::get_all(*impl.objects, name, checkpoint_limit, {});
        if (open_object(impl.keys, Kind::checkpoint, raw, name) != ByteVector(payload.begin(), payload.end())) return std::nullopt;
        return Lying{there->tag, decode_header(raw, name).dek};
    } catch (const NotFound&) {
    } catch (const Corrupt&) {
    }
    return std::nullopt;
}

/// Not under keys that were rotated meanwhile: they may be retired before anybody has read it. Throws Conflict where another one lies there.
void put_checkpoint(Repository::Impl& impl, const Checkpoint& checkpoint, const std::stop_token& stop) {
    const auto name = checkpoint_name(checkpoint.note.number);
    const auto payload = encode(checkpoint);
    auto keys = impl.newest_keys();
    blob::put_bytes(*impl.objects, name, seal_object(*keys, Kind::checkpoint, payload), {}, stop);
    auto sealed_with = keys->ring.control().current();
    for (int tried = 1;; ++tried) {
        keys = impl.newest_keys();
        if (sealed_with == keys->ring.control().current()) return;
        if (tried == most_evidence_looks) throw Unavailable("the data keys are rotated again and again", {.subject = name});
        const auto there = lying_as(impl, name, payload);
        if (!there) throw Conflict("this checkpoint was overtaken", {.subject = name});
        sealed_with = there->dek;
        if (sealed_with == keys->ring.control().current()) continue;  // by who writes everything anew
        try {
            blob::put_bytes(*impl.objects, name, seal_object(*keys, Kind::checkpoint, payload), {.create_only = false, .if_match = there->tag}, {});
            sealed_with = keys->ring.control().current();
        } catch (const Conflict&) {
            // Somebody was faster: what lies there now is looked at once more.
        }
    }
}

/// Takes away what was put under that name, and nobody else's.
void withdraw(Repository::Impl& impl, const Checkpoint& checkpoint) {
    const auto name = checkpoint_name(checkpoint.note.number);
    const auto payload = encode(checkpoint);
    for (int tried = 0; tried < most_evidence_looks; ++tried) {
        const auto there = lying_as(impl, name, payload);
        if (!there) return;
        try {
            impl.objects->remove(name, {.if_match = there->tag}, {});
            return;
        } catch (const Conflict&) {
        }
    }
}

/// Whether it is under a key that was retired, and so opens for nobody; it goes then.
void remove_if_retired(Repository::Impl& impl, const std::string& name) {
    const auto there = impl.objects->head(name, {});
    if (!there) return;
    try {
        const auto header = decode_header(blob::get_all(*impl.objects, name, checkpoint_limit, {}), name);
        if (impl.newest_keys()->is_retired(header)) impl.objects->remove(name, {.if_match = there->tag}, {});
    } catch (const NotFound&) {
    } catch (const Corrupt&) {
    } catch (const Unsupported&) {
    } catch (const Conflict&) {  // it is another one by now
    }
}

/// Where something was put or taken away since that checkpoint. By others as well: what they did shows before it is durable, and must not
/// be undone by a power cut once a checkpoint has said it.
std::vector<std::string> places_changed(const Holdings& then, const Sight& now) {
    std::set<std::string> places{"snap/", "index/"};
    const auto pack = [&](const Id& sha) { places.insert(pack_name(sha).substr(0, 9)); };
    std::vector<Id> differ;
    std::ranges::set_symmetric_difference(then.packs, now.holdings.packs, std::back_inserter(differ));
    for (const auto& sha : differ) pack(sha);
    for (const auto& [writer, end] : now.holdings.chains) {
        const auto before = then.chains.find(writer);
        if (before != then.chains.end() && before->second == end) continue;
        places.insert("log/" + hex(writer) + '/');
        const auto found = now.chains.find(writer);
        if (found == now.chains.end()) continue;  // gone into a book between the two looks
        const auto& chain = found->second;
        const auto known = before == then.chains.end() ? 0 : before->second.count;
        for (auto i = std::max(known, chain.first) - chain.first; i < chain.records.size(); ++i)
            for (const auto& sha : chain.records[i].swept) pack(sha);
    }
    // Behind what a checkpoint says of books, whatever these have taken out of log/ stays there for all that anybody knows.
    for (const auto& [hash, sheet] : now.shelf->sheets()) {
        if (then.sheets.contains(hash)) continue;
        places.insert("book/");
        for (const auto& [row, said] : sheet->says)
            for (const auto& sha : said.swept) pack(sha);
    }
    for (const auto& [writer, end] : then.chains)
        if (!now.holdings.chains.contains(writer)) places.insert("log/" + hex(writer) + '/');
    return {places.begin(), places.end()};
}

std::int64_t weight_of_all(Repository::Impl& impl, const std::stop_token& stop) {
    std::int64_t bytes = 0;
    for (const auto* prefix : {"checkpoint/", "past/", "par/checkpoint/", "par/m/checkpoint/", "par/m/past/"})
        for (const auto& object : blob::list_all(*impl.objects, prefix, stop)) bytes += static_cast<std::int64_t>(object.size);
    return bytes;
}

crypto::SigningKey signer_of(Repository::Impl& impl, const CheckpointRequest& request) {
    auto keys = impl.newest_keys();
    if (keys->ring.identity.empty()) {
        const auto give = [&] {
            const std::lock_guard lock(impl.slots_mutex);
            impl.settle();
            impl.refresh();
            (void)impl.ring_with_identity();
        };
        if (request.with_keys) request.with_keys(give);
        else give();
        keys = impl.newest_keys();
    }
    return keys->ring.signer();
}

}  // namespace

CheckpointResult take_checkpoint(Repository& repository, const CheckpointRequest& request, std::stop_token stop) {
    auto& impl = repository.inside();
    const auto signer = signer_of(impl, request);
    CheckpointResult result{.public_key = crypto::to_base64(signer.public_key())};
    for (int tried = 1;; ++tried) {
        // The checkpoint before what there is: it speaks of no later moment.
        const auto found = impl.checkpoints.read(impl.keys, *impl.objects, stop);
        const auto seen = look_twice(impl, true, stop);
        auto past = judge_past(impl, found, request.known, true, stop);
        result.doubts = std::move(past.doubts);
        auto problems = std::move(past.problems);
        // A newer one that cannot be read is damage, and goes with the next; accepted is what else may have been lost with it.
        if (found.newest) {
            auto more = Comparison(*found.newest, seen).run();
            std::move(more.begin(), more.end(), std::back_inserter(problems));
        }
        Past before;
        if (found.newest) before = found.newest->past;
        if (request.accept) give_up_lost_pieces(impl, before, problems, stop);
        result.problems = std::move(problems);
        if (!result.problems.empty() && !request.accept) return result;
        const auto root = seen.sight.holdings.root();
        // One under an older key may be of a process that slept through a rotation, and vanish with it.
        const bool is_firm = found.damaged.empty() && found.dek == impl.newest_keys()->ring.control().current();
        if (found.newest && result.problems.empty() && is_firm && found.newest->note.state == root) {
            result.note = found.newest->note;
            return result;
        }

        Checkpoint next{.note = {}, .past = {}, .holdings = seen.sight.holdings};
        auto& note = next.note;
        if (found.newest) {
            next.past = std::move(before);
            next.past.add(found.newest->note);
        }
        if (past.stands_in) {
            if (past.its_past) next.past = std::move(*past.its_past);
            next.past.add(*past.stands_in);
        }
        if (const auto& latest = next.past.latest; !latest.empty()) note.before = latest.back().hash;
        note.number = next.past.latest.empty() ? 1 : next.past.latest.back().number + 1;
        for (const auto& name : found.names) note.number = std::max(note.number, checkpoint_number(name) + 1);
        if (request.accept) {
            for (const auto& record : request.known) {
                const auto known = read_checkpoint(record);
                if (known.repository != hex(impl.super.repo) || !crypto::open_note(note_origin, record, signer.public_key())) continue;
                note.number = std::max(note.number, known.number + 1);
                const CheckpointNote::Other lost{known.number, known.hash()};
                const bool is_past = is_in_past(impl, next.past, lost, stop);
                if (!is_past && (!note.accepted || note.accepted->number < lost.number)) note.accepted = lost;
            }
        }
        const auto& h = next.holdings;
        note.repository = hex(impl.super.repo);
        note.made_at = impl.objects->server_time(stop);
        note.past = next.past.root();
        note.state = root;
        note.snapshots = std::ssize(h.snapshots);
        note.packs = std::ssize(h.packs);
        note.segments = std::ssize(h.segments);
        note.chains = static_cast<std::int64_t>(h.writers);
        note.generation = h.keys.generation;
        note.oldest_key = h.keys.oldest;
        note.newest_key = h.keys.newest;
        note.classes = h.keys.classes;
        note.erased = h.keys.erased;
        note.record = crypto::sign_note(note_origin, statement_of(note), signer);
        const auto weight = weight_of_all(impl, stop);
        auto places = places_changed(found.newest ? found.newest->holdings : Holdings{}, seen.sight);
        if (const auto pieces = next.past.cut(); !pieces.empty()) {
            put_pieces(impl, pieces, stop);
            places.emplace_back("past/");
        }
        impl.objects->make_durable(places, stop);
        try {
            put_checkpoint(impl, next, stop);
        } catch (const Conflict&) {
            // Another process was faster, and what it has taken is to be compared with, too.
            const auto name = checkpoint_name(note.number);
            remove_if_retired(impl, name);
            if (tried == most_evidence_looks) throw Unavailable("others take checkpoints again and again", {.subject = name});
            continue;
        }
        // Its number was free, yet others may have gone on meanwhile and removed whoever had it: theirs count, this one never was.
        const auto is_new_here = [&](const auto& object) {
            const auto number = checkpoint_number(object.name);
            if (number == 0 || number == note.number || std::find(found.names.begin(), found.names.end(), object.name) != found.names.end())
                return false;
            try {
                (void)open_object(impl.keys, Kind::checkpoint, blob::get_all(*impl.objects, object.name, checkpoint_limit, {}), object.name);
            } catch (const KeyIsRetired&) {
                return false;
            } catch (const NotFound&) {  // others go on
            } catch (const Corrupt&) {   // next time it is one that cannot be read
            }
            return true;
        };
        const auto listed = blob::list_all(*impl.objects, "checkpoint/", {});
        if (std::any_of(listed.begin(), listed.end(), is_new_here)) {
            withdraw(impl, next);
            if (tried == most_evidence_looks) throw Unavailable("others take checkpoints again and again", {.subject = checkpoint_name(note.number)});
            continue;
        }
        // The one before stays: whoever has just read that it is the newest goes on with it.
        const auto keep = found.newest ? found.newest->note.number : note.number;
        for (const auto& name : found.names)
            if (const auto number = checkpoint_number(name); number < keep || found.damaged.contains(number)) impl.objects->remove(name, {}, {});
        result.is_new = true;
        result.bytes_written = weight_of_all(impl, stop) - weight;
        result.note = std::move(note);
        return result;
    }
}

}  // namespace tenon::backup
