// Books: what stands for records of the log that need no objects of their own any more. How they are written, and how they are looked up.
#include "books.hpp"

#include <algorithm>
#include <charconv>

#include <base/id.hpp>
#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <tenon/error.hpp>

#include "cbor.hpp"

namespace tenon::backup {
namespace {

constexpr std::string_view log_prefix = "log/";

ByteVector rows_of_names(const std::vector<Id16>& names) {
    ByteVector rows;
    for (const auto& name : names) base::append(rows, name);
    return rows;
}

/// Goes through a sheet: `chain(writer, first, names)`, then `row(sha, type, stored, body)` for each of its records.
template <class OnChain, class OnRow> void each_row(ByteView sheet, const std::string& object, OnChain on_chain, OnRow on_row) {
    cbor::Reader reader(sheet, object);
    std::optional<Id16> last;
    auto left = reader.array();
    if (left == 0) reader.fail();
    for (; left > 0; --left) {
        Id16 writer{};
        std::uint64_t first = 0, rows = 0;
        std::vector<Id16> names;
        ByteView body;
        cbor::each_key(reader, [&](std::uint64_t key) {
            if (key == 1) writer = reader.fixed<16>();
            else if (key == 2) first = reader.uint_at_most(std::uint64_t{1} << 62);
            else if (key == 3) body = reader.skip();
            else if (key == 4) {
                const auto bytes = reader.bytes();
                if (bytes.empty() || bytes.size() % sizeof(Id16) != 0) reader.fail();
                for (std::size_t at = 0; at < bytes.size(); at += sizeof(Id16))
                    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(at), sizeof(Id16), names.emplace_back().begin());
            } else return false;
            return true;
        });
        if (last && !(*last < writer)) reader.fail();
        last = writer;
        cbor::Reader in(body, object);
        rows = in.array();
        if (rows == 0 || (first > 0 && !names.empty())) reader.fail();
        on_chain(writer, first, rows, std::move(names));
        for (; rows > 0; --rows) {
            in.array_of(4);
            const auto sha = in.fixed<32>();
            const auto type = in.text();
            const auto stored = Time(Duration(in.integer()));
            on_row(sha, type, stored, in.skip());
        }
        in.expect_done();
    }
    reader.expect_done();
}

}  // namespace

std::string book_name(const Id& sha) { return "book/" + hex(sha); }

std::optional<std::pair<Id16, std::uint64_t>> log_place(std::string_view name) {
    constexpr std::size_t head = 4 + 32 + 1;
    if (!name.starts_with(log_prefix) || name.size() <= head || name[head - 1] != '/') return std::nullopt;
    const auto writer = writer_id(name.substr(4, 32));
    std::uint64_t seq = 0;
    const auto* const end = name.data() + name.size();
    const auto read = std::from_chars(name.data() + head, end, seq);
    if (!writer || read.ec != std::errc() || read.ptr != end || name != std::string(log_prefix) + hex(*writer) + '/' + sequence_text(seq))
        return std::nullopt;
    return std::pair(*writer, seq);
}

ByteVector encode_sheet(const std::vector<BookedChain>& chains) {
    cbor::Writer out;
    out.array(chains.size());
    for (const auto& chain : chains) {
        out.map(chain.names.empty() ? 3 : 4).uint(1).bytes(chain.writer).uint(2).uint(chain.first).uint(3).array(chain.rows.size());
        for (const auto& row : chain.rows)
            out.array(4).bytes(row.sha).text(row.type).integer(row.stored.time_since_epoch().count()).raw(row.body);
        if (!chain.names.empty()) out.uint(4).bytes(rows_of_names(chain.names));
    }
    return out.take();
}

std::vector<BookedChain> decode_sheet(ByteView sheet, const std::string& object) {
    std::vector<BookedChain> chains;
    each_row(
        sheet, object,
        [&](const Id16& writer, std::uint64_t first, std::uint64_t, std::vector<Id16> names) {
            chains.push_back({.writer = writer, .first = first, .rows = {}, .names = std::move(names)});
        },
        [&](const Id& sha, std::string_view type, Time stored, ByteView body) {
            chains.back().rows.push_back({sha, std::string(type), stored, {body.begin(), body.end()}});
        });
    return chains;
}

ByteVector encode_book(const std::vector<ByteVector>& sheets) {
    cbor::Writer out;
    out.map(1).uint(1).array(sheets.size());
    for (const auto& sheet : sheets) out.bytes(sheet);
    return out.take();
}

std::vector<ByteView> sheets_of(ByteView payload, const std::string& object) {
    cbor::Reader reader(payload, object);
    std::vector<ByteView> sheets;
    cbor::each_key(reader, [&](std::uint64_t key) {
        if (key != 1) return false;
        for (auto left = reader.array(); left > 0; --left) sheets.push_back(reader.bytes());
        return true;
    });
    reader.expect_done();
    if (sheets.empty()) reader.fail();
    return sheets;
}

const Sheet::Chain& Sheet::chain_of(std::uint32_t row) const {
    return *std::prev(std::partition_point(chains.begin(), chains.end(), [row](const auto& chain) { return chain.begin <= row; }));
}

Sheet read_sheet(ByteView bytes, const std::string& object) {
    Sheet sheet;
    sheet.hash = crypto::sha256(bytes);
    each_row(
        bytes, object,
        [&](const Id16& writer, std::uint64_t first, std::uint64_t rows, const std::vector<Id16>& names) {
            sheet.chains.push_back({.writer = writer, .first = first, .begin = static_cast<std::uint32_t>(sheet.shas.size()),
                                    .count = static_cast<std::uint32_t>(rows)});
            for (const auto& name : names) sheet.carried.emplace_back(name, writer);
        },
        [&](const Id& sha, std::string_view type, Time stored, ByteView body) {
            const auto row = static_cast<std::uint32_t>(sheet.shas.size());
            sheet.shas.push_back(sha);
            if (type == "session") return;  // half of all there are
            auto said = decode_annotation(type, stored, body, object);
            if (!said) return;
            if (!said->committed.is_nil()) sheet.commits.emplace_back(row, said->committed);
            else sheet.says.emplace_back(row, std::move(*said));
        });
    return sheet;
}

Shelf::Shelf(std::vector<Book> books, std::set<std::string> broken) : books_(std::move(books)), broken_(std::move(broken)) {
    for (const auto& book : books_)
        for (const auto& sheet : book.sheets) sheets_.emplace(sheet->hash, sheet);
    for (const auto& [hash, sheet] : sheets_) {
        for (std::uint32_t i = 0; i < sheet->chains.size(); ++i) places_.push_back({sheet.get(), i});
        for (const auto& [row, id] : sheet->commits) committed_.push_back(id);
        for (const auto& [row, said] : sheet->says) {
            forgotten_.insert(forgotten_.end(), said.forgotten.begin(), said.forgotten.end());
            swept_.insert(swept_.end(), said.swept.begin(), said.swept.end());
        }
        carried_.insert(sheet->carried.begin(), sheet->carried.end());
    }
    std::sort(places_.begin(), places_.end(), [](const Place& a, const Place& b) {
        return std::pair(a.get().writer, a.get().first) < std::pair(b.get().writer, b.get().first);
    });
    std::sort(committed_.begin(), committed_.end());
    std::sort(forgotten_.begin(), forgotten_.end());
    std::sort(swept_.begin(), swept_.end());
    const Id16* before = nullptr;
    for (const auto& place : places_) {
        const auto& chain = place.get();
        if (!before || *before != chain.writer) chains_ += chain.first == 0 ? 1 : 0;
        before = &chain.writer;
    }
}

std::span<const Shelf::Place> Shelf::places(const Id16& writer) const {
    const auto first = std::partition_point(places_.begin(), places_.end(), [&](const Place& place) { return place.get().writer < writer; });
    const auto last = std::partition_point(first, places_.end(), [&](const Place& place) { return place.get().writer == writer; });
    return {first, last};
}

std::uint64_t Shelf::length(const Id16& writer) const {
    std::uint64_t end = 0;
    for (const auto& place : places(writer)) {
        const auto& chain = place.get();
        if (chain.first > end) break;
        end = std::max(end, chain.first + chain.count);
    }
    return end;
}

bool Shelf::has(const Id16& writer, std::uint64_t seq, const Id& sha) const {
    return std::ranges::any_of(places(writer), [&](const Place& place) {
        const auto& chain = place.get();
        return seq >= chain.first && seq - chain.first < chain.count && place.sheet->shas[chain.begin + (seq - chain.first)] == sha;
    });
}

bool Shelf::has(const Id16& writer, std::uint64_t seq) const {
    return std::ranges::any_of(places(writer), [&](const Place& place) {
        const auto& chain = place.get();
        return seq >= chain.first && seq - chain.first < chain.count;
    });
}

bool Shelf::is_committed(const SnapshotId& id) const { return std::binary_search(committed_.begin(), committed_.end(), id); }
bool Shelf::is_forgotten(const SnapshotId& id) const { return std::binary_search(forgotten_.begin(), forgotten_.end(), id); }
bool Shelf::is_swept(const Id& pack) const { return std::binary_search(swept_.begin(), swept_.end(), pack); }

void check_book(const Keys& keys, ByteView raw, const std::string& object) {
    const auto payload = open_object(keys, Kind::book, raw, object);
    for (const auto sheet : sheets_of(payload, object)) (void)read_sheet(sheet, object);
}

}  // namespace tenon::backup
