// How records of the log get into books, and books into fewer.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "collector.hpp"

namespace tenon::backup {
namespace {

constexpr std::size_t book_limit = std::size_t{4} << 20;  // of sheets, some of which are in memory several times; a larger one is left as it is
constexpr std::uint64_t log_limit = std::uint64_t{16} << 20;

std::size_t weight_of(const BookedChain& chain) {
    std::size_t bytes = 32;
    for (const auto& row : chain.rows) bytes += 64 + row.body.size();
    return bytes;
}

}  // namespace

/// What lies there of this chain, behind what books have of it. None: it has gone meanwhile, or nobody misses it. Throws Corrupt, which
/// names the record, where it does not verify.
std::optional<BookedChain> Collection::read_chain(const Id16& writer, const std::vector<std::string>& names, const Shelf& shelf) {
    BookedChain chain{.writer = writer, .first = shelf.length(writer)};
    Id previous{};
    std::string_view at;
    try {
        for (const auto& name : names) {
            step();
            at = name;
            const auto raw = blob::get_all(store_, name, log_limit, stop_);
            auto record = open_log_record(impl_.keys, raw, name);
            const auto seq = chain.first + chain.rows.size();
            const bool is_first = chain.rows.empty();
            const bool follows = is_first && seq > 0 ? shelf.has(writer, seq - 1, record.previous) : record.previous == previous;
            if (record.seq != seq || name != "log/" + hex(writer) + '/' + sequence_text(seq) || !follows)
                throw Corrupt("a log record does not follow the one before it", {.subject = name});
            // What says nothing that anybody can read would make its book as unreadable.
            (void)decode_annotation(record.type, record.stored, record.body, name);
            if (seq == 0) chain.names = std::move(record.names);
            previous = crypto::sha256(raw);
            chain.rows.push_back({previous, std::move(record.type), record.stored, std::move(record.body)});
        }
    } catch (const NotFound&) {
        return std::nullopt;
    } catch (const KeyIsRetired&) {
        return std::nullopt;
    } catch (const Corrupt& error) {
        throw Corrupt(error.what(), {.subject = std::string(at)});
    }
    return chain;
}

std::shared_ptr<const Keys> Collection::now_newest() const {
    try {
        return impl_.newest_keys();
    } catch (const PermissionDenied&) {
        throw KeysChanged("the repository's keys were changed: open it again");
    }
}

/// Durable, under the newest data keys. Nobody waits for who does this: keys that were rotated meanwhile may be retired before anybody has
/// seen the book, so nothing may go for its sake before it is there under the keys of behind it.
std::string Collection::put_book(const std::vector<ByteVector>& sheets) {
    constexpr int most_tries = 10;
    const auto payload = encode_book(sheets);
    auto keys = now_newest();
    std::string before;
    for (int tried = 1;; ++tried) {
        const auto object = seal_object(*keys, Kind::book, payload);
        const auto name = book_name(crypto::sha256(object));
        blob::put_bytes(store_, name, object, {}, stop_);
        totals_.bytes_freed -= blob::weight(store_, name, object.size());
        if (!before.empty()) {
            bury({before}, blob::Burial::behind_copies);
            remove(before);
        }
        auto newest = now_newest();
        if (newest->ring.control().current() == keys->ring.control().current()) return name;
        if (tried == most_tries) throw Unavailable("the data keys are rotated again and again", {.subject = name});
        keys = std::move(newest);
        before = name;
    }
}

void Collection::keep_books(OldKeys* old) {
    while (keep_some_books(old)) step();
}

/// Whatever of the log needs no object of its own any more. A sheet that was put is in some book for ever: a book goes only for the sake of one
/// that was put later, by whoever read it, and a record only for that of a book. So nobody needs to know who else is at it, or asleep.
/// True: there was more than one book holds, and something has gone, so that there is less now.
bool Collection::keep_some_books(OldKeys* old) {
    struct Lying {
        std::string name;
        std::uint64_t seq;
    };
    std::map<Id16, std::vector<Lying>> lying;
    // Books behind the records: what has gone from here is in them.
    for (const auto& object : blob::list_all(store_, "log/", stop_))
        if (const auto place = log_place(object.name)) lying[place->first].push_back({object.name, place->second});
        else if (old && old->is_old(object.name)) old->cannot(object.name, Corrupt("no record has such a name", {.subject = object.name}));
    const auto shelf = impl_.annotations.shelf(impl_.keys, store_, stop_);
    const auto is_old_book = [&](const Shelf::Book& book) { return old && impl_.keys.is_old({.dek = book.dek, .class_id = control_class}); };

    std::vector<BookedChain> chains;
    std::size_t records = 0, weight = 0;
    bool any_left = false;
    for (const auto& [writer, all] : lying) {
        std::vector<std::string> names;
        for (const auto& each : all)
            if (!shelf->has(writer, each.seq)) names.push_back(each.name);
        if (names.empty()) continue;
        if (old && std::none_of(names.begin(), names.end(), old->is_old)) continue;
        if (weight > book_limit) {
            any_left = true;
            continue;
        }
        try {
            auto chain = read_chain(writer, names, *shelf);
            if (!chain) continue;
            // By whoever reads books, with what is around it there.
            (void)read_sheet(encode_sheet({*chain}), names.front());
            records += chain->rows.size();
            weight += weight_of(*chain);
            chains.push_back(std::move(*chain));
        } catch (const Corrupt& error) {
            // It stays as it is, with what is wrong with it: no chain that was tampered with comes out of this as a sound one.
            if (old) old->cannot(error.subject(), error);
        }
    }
    if (old)
        for (const auto& name : shelf->broken())  // one that does not even say so may be of these keys
            if (old->is_old(name)) old->cannot(name, Corrupt("this book cannot be read", {.subject = name}));
    if (!old && records < static_cast<std::size_t>(std::max(request_.most_records, 1))) chains.clear();

    std::vector<ByteVector> sheets;  // of the book that is next
    std::set<Id> written;
    std::set<std::string> replaced, put;
    std::size_t held = 0;
    const auto close_book = [&] {
        if (sheets.empty()) return;
        put.insert(put_book(sheets));
        sheets.clear();
        held = 0;
    };
    const auto keep = [&] {
        if (!old || old->keeps_lease) keep_lease();
    };
    const bool any_old = std::any_of(shelf->books().begin(), shelf->books().end(), is_old_book);
    if (!chains.empty() || any_old) {
        keep();
        if (!chains.empty()) {
            sheets.push_back(encode_sheet(chains));
            held = sheets.back().size();
            if (old) old->written += static_cast<std::int64_t>(records);
        }
        // The smallest first, up to as much again as is held already: each that is left is larger than all smaller ones together, so there are
        // few, and a record is written again as often as what it lies in doubles.
        std::vector<const Shelf::Book*> by_weight;
        for (const auto& book : shelf->books()) by_weight.push_back(&book);
        std::sort(by_weight.begin(), by_weight.end(),
                  [](const auto* a, const auto* b) { return std::pair(a->weight, a->name) < std::pair(b->weight, b->name); });
        for (const auto* book : by_weight) {
            const bool has_to = is_old_book(*book);
            const bool joins = held > 0 && book->weight <= held && held + book->weight <= book_limit;
            if (!has_to && !joins) continue;
            step();
            try {
                const auto raw = blob::get_all(store_, book->name, max_small_object, stop_);
                const auto payload = open_object(impl_.keys, Kind::book, raw, book->name);
                if (!joins) close_book();
                for (const auto sheet : sheets_of(payload, book->name)) {
                    if (!written.insert(crypto::sha256(sheet)).second) continue;
                    sheets.emplace_back(sheet.begin(), sheet.end());
                    held += sheet.size();
                }
                replaced.insert(book->name);
                if (old) ++old->written;
            } catch (const NotFound&) {
                // Another collection has put one in its place.
            } catch (const Corrupt& error) {
                if (old) old->cannot(book->name, error);
            }
        }
        close_book();
    }

    // What may go: by books that are there now under keys that nobody can have retired before he sees them.
    std::shared_ptr<const Shelf> found;
    std::map<std::string, Id> says;  // of records that can be read
    impl_.annotations.each(
        impl_.keys, store_, stop_, true, [&](const auto& now) { found = now; },
        [&](const auto& name, const auto& sight) {
            if (sight.is_whole) says.emplace(name, sight.sha);
        });
    const auto current = now_newest()->ring.control().current();
    const auto firm = only(found, [&](const auto& book) { return book.dek == current; });
    std::vector<std::string> gone, justified;
    for (const auto& [writer, all] : lying)
        for (auto each = all.rbegin(); each != all.rend(); ++each) {  // ends first
            if (!firm->has(writer, each->seq)) continue;
            // One that says something else than the book in its place was put there by somebody who has the keys. It stays for checks to name.
            const auto here = says.find(each->name);
            if (here == says.end() || firm->has(writer, each->seq, here->second)) gone.push_back(each->name);
            else if (old && old->is_old(each->name))
                old->cannot(each->name, Corrupt("a log record lies in another one's place", {.subject = each->name}));
        }
    const bool all_there = std::all_of(written.begin(), written.end(), [&](const Id& sheet) { return firm->sheets().contains(sheet); });
    if (all_there) gone.insert(gone.end(), replaced.begin(), replaced.end());
    if (gone.empty()) return false;
    keep();
    // Others' show before they are durable.
    for (const auto& book : firm->books()) justified.push_back(book.name);
    store_.make_durable(justified, stop_);
    bury(gone, blob::Burial::behind_copies);
    for (const auto& name : gone) {
        step();
        remove(name);
    }
    return any_left;
}

}  // namespace tenon::backup
