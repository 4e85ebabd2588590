#include "annotations.hpp"

#include <algorithm>
#include <utility>

#include <base/id.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "books.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {
namespace {

constexpr std::uint64_t record_limit = 16 << 20;

}  // namespace

ByteVector forget_body(const std::vector<SnapshotId>& ids) {
    cbor::Writer out;
    out.map(1).uint(1).array(ids.size());
    for (const auto& id : ids) out.bytes(base::bytes_of(id));
    return out.take();
}

ByteVector commit_body(const SnapshotId& id) {
    cbor::Writer out;
    out.map(1).uint(1).bytes(base::bytes_of(id));
    return out.take();
}

ByteVector damage_body(std::uint64_t round, const std::vector<Id>& damaged, const std::vector<Id>& whole) {
    cbor::Writer out;
    out.map(3).uint(1).uint(round);
    out.uint(2).array(damaged.size());
    for (const auto& pack : damaged) out.bytes(pack);
    out.uint(3).array(whole.size());
    for (const auto& pack : whole) out.bytes(pack);
    return out.take();
}

ByteVector tag_body(const SnapshotId& id, const std::vector<Label>& tags) {
    cbor::Writer out;
    out.map(2).uint(1).bytes(base::bytes_of(id)).uint(2);
    write_labels(out, tags);
    return out.take();
}

ByteVector hold_body(const SnapshotId& id, const std::string& reason) {
    cbor::Writer out;
    out.map(2).uint(1).bytes(base::bytes_of(id)).uint(2).text(reason);
    return out.take();
}

ByteVector release_body(const SnapshotId& id) { return commit_body(id); }

std::optional<AnnotationRecord> decode_annotation(std::string_view type, Time stored, ByteView body, const std::string& object) {
    // A writer's own record of its snapshot says as much as that of a collector which looked at it.
    const bool commits = type == "snapshot" || type == "commit";
    const bool holds = type == "hold" || type == "release";
    if (type != "forget" && type != "tag" && type != "damage" && type != "gc-sweep" && !commits && !holds) return std::nullopt;
    AnnotationRecord record{.stored = stored};
    cbor::Reader reader(body, object);
    cbor::each_key(reader, [&](std::uint64_t key) {
        if (type == "forget" && key == 1)
            for (auto left = reader.array(); left > 0; --left) record.forgotten.push_back(base::id_from<SnapshotId>(reader.fixed<16>()));
        else if (holds && key == 1) record.held = base::id_from<SnapshotId>(reader.fixed<16>());
        else if (type == "hold" && key == 2) record.reason = reader.text();
        else if (commits && key == 1) record.committed = base::id_from<SnapshotId>(reader.fixed<16>());
        else if (type == "damage" && key == 1) record.round = reader.uint();
        else if (type == "damage" && (key == 2 || key == 3))
            for (auto left = reader.array(); left > 0; --left) (key == 2 ? record.damaged : record.whole).push_back(reader.fixed<32>());
        else if (type == "gc-sweep" && key == 2)
            for (auto left = reader.array(); left > 0; --left) record.swept.push_back(reader.fixed<32>());
        else if (type == "tag" && key == 1) record.tagged = base::id_from<SnapshotId>(reader.fixed<16>());
        else if (type == "tag" && key == 2) record.tags = read_labels(reader);
        else return false;
        return true;
    });
    reader.expect_done();
    return record;
}

/// The caller holds the mutex. Books are put before those that they stand for go. A list of several pages, or one that takes its time, may miss
/// the one because it came too late and the others because they went too early: so until two of them say the same.
void Annotations::refresh_shelf(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends) {
    constexpr int most_looks = 100, enough_looks = 10;
    const auto list = [&] { return blob::list_all(store, "book/", stop); };
    auto listed = list();
    for (int looked = 1;; ++looked) {
        std::map<std::string, const Shelf::Book*> known;
        if (shelf_)
            for (const auto& book : shelf_->books()) known.emplace(book.name, &book);
        std::vector<Shelf::Book> books;
        std::set<std::string> broken;
        bool gone = false, is_new = !shelf_;
        for (const auto& object : listed) {
            if (const auto before = known.find(object.name); before != known.end() && before->second->tag == object.tag) {
                books.push_back(*before->second);
                continue;
            }
            const auto key = object.name + ' ' + object.tag;
            if (unreadable_.contains(key)) {
                broken.insert(object.name);
                continue;
            }
            const auto open = [&] {
                const auto raw = blob::get_all(store, object.name, max_small_object, stop);
                const auto payload = open_object(keys, Kind::book, raw, object.name);
                Shelf::Book book{.name = object.name, .tag = object.tag, .dek = decode_header(raw, object.name).dek};
                for (const auto sheet : sheets_of(payload, object.name)) {
                    book.weight += sheet.size();
                    book.sheets.push_back(std::make_shared<const Sheet>(read_sheet(sheet, object.name)));
                }
                books.push_back(std::move(book));
                is_new = true;
            };
            try {
                try {
                    open();
                } catch (const KeyIsRetired&) {
                    throw;
                } catch (const Corrupt&) {
                    if (!mends || hopeless_.contains(key)) throw;
                    if (!store.mend(object.name, {}, stop)) {
                        hopeless_.insert(key);
                        throw;
                    }
                    try {
                        open();
                    } catch (const KeyIsRetired&) {
                        throw;
                    } catch (const Corrupt&) {
                        unreadable_.insert(key);
                        throw;
                    }
                }
            } catch (const KeyIsRetired&) {
                // Put by a process that slept through a rotation, which takes nothing away before it has said it again.
            } catch (const Corrupt&) {
                broken.insert(object.name);  // check names it
            } catch (const NotFound&) {
                gone = true;
            }
        }
        if (is_new || books.size() != shelf_->books().size() || broken != shelf_->broken())
            shelf_ = std::make_shared<const Shelf>(std::move(books), std::move(broken));
        const auto names = [](const auto& objects) {
            std::vector<std::string> all;
            for (const auto& object : objects) all.push_back(object.name);
            return all;
        };
        auto again = list();
        if ((!gone && (looked >= enough_looks || names(again) == names(listed))) || looked == most_looks) return;
        listed = std::move(again);
    }
}

/// The caller holds the mutex.
void Annotations::refresh(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends) {
    constexpr int most_looks = 100, most_lists = 10;
    for (int looked = 1;; ++looked) {
        std::set<std::string> listed;
        std::map<std::string, Seen> now;
        std::map<std::string, Id> broken;
        bool gone = false;
        const bool is_first = seen_.empty() && !shelf_;
        for (const auto& object : blob::list_all(store, "log/", stop)) {
            listed.insert(object.name);
            if (auto known = seen_.extract(object.name); known && known.mapped().tag == object.tag) {
                now.insert(std::move(known));
                continue;
            }
            try {
                const auto raw = blob::get_all(store, object.name, record_limit, stop);
                const auto sha = crypto::sha256(raw);
                try {
                    auto record = open_log_record(keys, raw, object.name);
                    auto said = decode_annotation(record.type, record.stored, record.body, object.name);
                    now.emplace(object.name, Seen{object.tag, sha, std::move(said), decode_header(raw, object.name).dek, std::move(record.names)});
                } catch (const KeyIsRetired&) {
                    // Nobody misses it.
                } catch (const Corrupt&) {
                    // It says nothing; check names it. A snapshot whose forgetting is damaged shows again, which loses nothing.
                    broken.emplace(object.name, sha);
                }
            } catch (const NotFound&) {
                gone = true;  // written anew under another key: its copy may be in no list yet that this has seen
            }
        }
        // Books behind them: what has gone from there was in a book before.
        refresh_shelf(keys, store, stop, mends);
        // What is put anew lies under another name before the old one goes. A list may have come too early for the one and too late for
        // the other.
        if (!gone && looked < most_lists && (keys.ring.has_old_data_keys() || !is_first)) {
            const auto again = blob::list_all(store, "log/", stop);
            gone = std::ranges::any_of(again, [&](const auto& object) { return !listed.contains(object.name); });
        }
        seen_ = std::move(now);
        broken_ = std::move(broken);
        if (!gone || looked == most_looks) return;
    }
}

/// The caller holds the mutex. A record that is in log/ and in a book says the same twice, which nobody minds.
template <class Say> void Annotations::each_said(Say say) const {
    for (const auto& [hash, sheet] : shelf_->sheets())
        for (const auto& [row, said] : sheet->says) {
            const auto& in = *sheet;
            const auto at = row;
            say(said, [&in, at] {
                const auto& chain = in.chain_of(at);
                return "log/" + hex(chain.writer) + '/' + sequence_text(chain.first + (at - chain.begin));
            });
        }
    for (const auto& [name, seen] : seen_)
        if (seen.record) say(*seen.record, [&name = name] { return name; });
}

DamagedPacks Annotations::damaged_packs(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends) {
    const std::lock_guard lock(mutex_);
    refresh(keys, store, stop, mends);
    // Not by time: a clock that was set back must not make a damaged pack pass for whole. Within a round damage wins.
    std::map<Id, std::pair<std::uint64_t, bool>> verdicts;
    DamagedPacks found;
    each_said([&](const AnnotationRecord& record, const auto&) {
        found.round = std::max(found.round, record.round);
        const auto say = [&](const Id& pack, bool damaged) {
            const auto verdict = std::pair(record.round, damaged);
            const auto known = verdicts.try_emplace(pack, verdict).first;
            known->second = std::max(known->second, verdict);
        };
        for (const auto& pack : record.damaged) say(pack, true);
        for (const auto& pack : record.whole) say(pack, false);
    });
    for (const auto& [pack, verdict] : verdicts)
        if (verdict.second) found.packs.insert(pack);
    return found;
}

void Annotations::each(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends,
                       const std::function<void(const std::shared_ptr<const Shelf>& shelf)>& open,
                       const std::function<void(const std::string& name, const LogSight&)>& see) {
    const std::lock_guard lock(mutex_);
    refresh(keys, store, stop, mends);
    open(shelf_);
    auto broken = broken_.begin();
    const auto see_broken = [&](const std::string* before) {
        for (; broken != broken_.end() && (!before || broken->first < *before); ++broken)
            see(broken->first, {.sha = broken->second, .is_whole = false});
    };
    for (const auto& [name, seen] : seen_) {
        see_broken(&name);
        see(name, {.sha = seen.sha, .dek = seen.dek, .names = &seen.names, .says = seen.record ? &*seen.record : nullptr});
    }
    see_broken(nullptr);
}

std::shared_ptr<const Shelf> Annotations::shelf(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends) {
    const std::lock_guard lock(mutex_);
    refresh_shelf(keys, store, stop, mends);
    return shelf_;
}

std::set<Id> Annotations::swept_packs(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends) {
    const std::lock_guard lock(mutex_);
    refresh(keys, store, stop, mends);
    std::set<Id> packs(shelf_->swept().begin(), shelf_->swept().end());
    for (const auto& [name, seen] : seen_)
        if (seen.record) packs.insert(seen.record->swept.begin(), seen.record->swept.end());
    return packs;
}

std::map<SnapshotId, Annotation> Annotations::read(const Keys& keys, blob::Store& store, const std::stop_token& stop, bool mends) {
    const std::lock_guard lock(mutex_);
    refresh(keys, store, stop, mends);
    std::map<SnapshotId, Annotation> all;
    std::map<SnapshotId, std::pair<Time, std::string>> newest, newest_hold;
    // Two at the same moment: every reader takes the same one.
    const auto is_newer = [](auto& last, const AnnotationRecord& record, std::string name) {
        std::pair order(record.stored, std::move(name));
        if (order < last) return false;
        last = std::move(order);
        return true;
    };
    for (const auto& [hash, sheet] : shelf_->sheets())
        for (const auto& [row, id] : sheet->commits) all[id].committed = true;
    each_said([&](const AnnotationRecord& record, const auto& place) {
        for (const auto& id : record.forgotten) all[id].forgotten = true;
        if (!record.committed.is_nil()) all[record.committed].committed = true;
        if (!record.held.is_nil() && is_newer(newest_hold[record.held], record, place())) all[record.held].held = record.reason;
        if (!record.tagged.is_nil() && is_newer(newest[record.tagged], record, place())) all[record.tagged].tags = record.tags;
    });
    return all;
}

/// Each goes into a chain of its own, so that it waits for no backup that is under way.
std::int64_t append_record(Repository::Impl& impl, std::string_view type, ByteView body, const std::stop_token& stop) {
    constexpr int most_tries = 10;
    const auto now_newest = [&]() -> std::shared_ptr<const Keys> {
        if (!impl.has_newer_data_keys()) return {std::shared_ptr<void>(), &impl.keys};
        try {
            return impl.newest_keys();
        } catch (const PermissionDenied&) {
            throw KeysChanged("the repository's keys were changed: open it again");
        }
    };
    auto keys = now_newest();
    Id16 id;
    crypto::fill_random(id);
    auto writer = hex(id);
    std::vector<Id16> names;
    const auto stored = impl.objects->server_time(stop);
    std::string before;
    for (int tried = 1;; ++tried) {
        const auto name = "log/" + writer + '/' + sequence_text(0);
        const auto object = seal_log_record(*keys, 0, {}, type, stored, body, names);
        try {
            blob::put_bytes(*impl.objects, name, object, {}, stop);
        } catch (const Conflict&) {
            if (before.empty()) throw;  // else carried over already by who writes everything anew
        }
        if (!before.empty()) {
            impl.objects->bury({before}, blob::Burial::behind_copies, {});
            impl.objects->remove(before, {}, {});
        }
        // Nobody waits for this one: keys that were rotated meanwhile may be retired before anybody has seen it.
        auto newest = now_newest();
        if (newest->ring.control().current() == keys->ring.control().current()) return blob::weight(*impl.objects, name, object.size());
        if (tried == most_tries) {
            impl.objects->remove(name, {}, {});
            throw Unavailable("the data keys are rotated again and again", {.subject = name});
        }
        // Where everything that is written anew goes, so that whoever has seen this one finds it again.
        keys = std::move(newest);
        names.push_back(writer_id(writer).value());
        writer = carried_writer(writer, keys->ring.control().current());
        before = name;
    }
}

std::int64_t note_packs(Repository::Impl& impl, const std::set<Id>& damaged, const std::set<Id>& whole, const std::stop_token& stop) {
    const auto known = impl.annotations.damaged_packs(impl.keys, *impl.objects, stop, false);  // a check mends nothing
    std::vector<Id> worse, better;
    for (const auto& pack : damaged)
        if (!known.packs.contains(pack)) worse.push_back(pack);
    for (const auto& pack : whole)
        if (known.packs.contains(pack)) better.push_back(pack);
    if (worse.empty() && better.empty()) return 0;
    return append_record(impl, "damage", damage_body(known.round + 1, worse, better), stop);
}

std::optional<Id> pack_in(std::string_view subject) {
    const auto name = subject.substr(0, subject.find(','));
    if (!name.starts_with("packs/")) return std::nullopt;
    const auto bytes = crypto::from_hex(name.substr(name.rfind('/') + 1));
    if (!bytes || bytes->size() != sizeof(Id)) return std::nullopt;
    Id pack{};
    std::copy(bytes->begin(), bytes->end(), pack.begin());
    if (pack_name(pack) != name) return std::nullopt;
    return pack;
}

}  // namespace tenon::backup
