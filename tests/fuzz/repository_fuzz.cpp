// Objects of a backup repository, what stands in the clear and what stands under a seal. The first byte picks the parser.

#include <array>
#include <string>

#include <crypto/note.hpp>

#include "fuzz.hpp"

#include "annotations.hpp"
#include "books.hpp"
#include "container.hpp"
#include "evidence.hpp"
#include "index.hpp"
#include "parity.hpp"
#include "ring.hpp"
#include "slot.hpp"
#include "snapshot.hpp"
#include "superblock.hpp"
#include "tree.hpp"

namespace tenon::fuzz {
namespace {

using namespace backup;

void sealed_tree(ByteView bytes) { (void)decode_tree_node(bytes, "node"); }
void list(ByteView bytes) { (void)decode_list_node(bytes, "list"); }
void snapshot(ByteView bytes) { (void)decode_snapshot(bytes, "snapshot"); }
void progress(ByteView bytes) { (void)decode_progress(bytes, "progress"); }
void super(ByteView bytes) { (void)decode_superblock(bytes, "super"); }
void slot(ByteView bytes) {
    const auto record = read_slot(bytes, "slot");
    (void)is_sealed_by(bytes, record.identity);
    // Opened only where no password would be stretched: what is fuzzed is the reading, not the deriving.
    if (record.lock.derivation == KeySource::Derivation::none) {
        const auto key = KeySource{.kind = record.lock.kind, .secret = crypto::Secret(32)};
        (void)open_slot({}, bytes, key, "slot");
    }
}
void recovery(ByteView bytes) { (void)KeySource::recovery_code(base::text_of(bytes)); }
void header(ByteView bytes) { (void)decode_header(bytes, "pack"); }
void frame_header(ByteView bytes) { (void)decode_frame_header(bytes, "pack"); }
void frame(ByteView bytes) { (void)FrameUnpacker().unpack(bytes, "pack"); }
void footer(ByteView bytes) {
    SealedPack pack;
    decode_footer(bytes, pack, "pack");
}

void segment(ByteView bytes) {
    Index index;
    index.add_segment(bytes, "index");
    index.finish({});
}
void ring(ByteView bytes) { (void)decode_ring(bytes, "ring"); }
void log_record(ByteView bytes) {
    const auto record = decode_log_record(bytes, "log");
    (void)decode_annotation(record.type, record.stored, record.body, "log");
}

void checkpoint(ByteView bytes) { (void)encode(decode_checkpoint(bytes, "checkpoint")); }
/// Of what is let in something is there, and what is written of it anew is the same.
void book(ByteView bytes) {
    std::vector<ByteVector> sheets;
    for (const auto sheet : sheets_of(bytes, "book")) sheets.emplace_back(sheet.begin(), sheet.end());
    (void)encode_book(sheets);
    std::vector<Shelf::Book> books(1);
    for (const auto& sheet : sheets) {
        const auto chains = decode_sheet(sheet, "sheet");
        (void)encode_sheet(chains);
        books[0].sheets.push_back(std::make_shared<const Sheet>(read_sheet(sheet, "sheet")));
        for (std::uint32_t row = 0; row < books[0].sheets.back()->shas.size(); ++row) (void)books[0].sheets.back()->chain_of(row);
    }
    const Shelf shelf(std::move(books));
    for (const auto& [hash, sheet] : shelf.sheets())
        for (const auto& chain : sheet->chains)
            if (!shelf.has(chain.writer, chain.first, sheet->shas[chain.begin]) || (chain.first == 0 && shelf.length(chain.writer) < chain.count))
                __builtin_trap();
}
void past_piece(ByteView bytes) { (void)encode(decode_past_piece(bytes, "past")); }
/// What is let in says one thing only: written anew it is the same text.
void checkpoint_record(ByteView bytes) {
    const auto record = std::string(base::text_of(bytes));
    const auto note = read_checkpoint(record);
    if (!record.starts_with(statement_of(note))) __builtin_trap();
}

/// What it makes good is a guess that a hash decides on: no bytes of a parity file may make more of it than one.
void parity(ByteView bytes) {
    if (bytes.size() < 4) return;
    // An object of zeros, of which some is missing.
    const auto there = base::load_le<std::uint32_t>(bytes.data()) % (4u << 20);
    const auto file = ParityFile::parse({bytes.begin() + 4, bytes.end()}, "par");
    (void)file.is_whole();
    const auto stripes = file.rebuild([&](std::uint64_t offset, std::uint64_t length) {
        return ByteVector(offset >= there ? 0 : std::min<std::uint64_t>(length, there - offset));
    });
    if (!stripes) return;
    for (const auto& stripe : *stripes)
        if (stripe.number >= file.stripes() || stripe.number * stripe_size + stripe.bytes.size() > file.size())
            throw InternalError("a stripe outside of the object");
}

// The first byte of inputs that were kept picks by position: new ones come last.
constexpr std::array parsers{sealed_tree, list, snapshot, progress, super, slot, header, frame_header, frame, footer, segment,
                              ring, log_record, recovery, checkpoint, checkpoint_record, parity,
                              past_piece, book};

ByteVector whole_snapshot() {
    SnapshotRecord record;
    record.host = "host";
    record.name = "name";
    record.sources.push_back({"source", "/source", {.name = "source", .kind = EntryKind::folder}});
    record.segments.resize(2);
    return encode(record);
}

ByteVector entry() {
    cbor::Writer out;
    encode(Entry{.name = "file", .size = 9, .xattrs = {{"user.a", {1, 2}}}, .chunks = {{{}, 9}}}, out);
    return out.take();
}

ByteVector packed_frame() {
    ByteVector content;
    const std::string text(4000, 'x');
    const std::array<std::uint32_t, 2> lengths{1000, 3000};
    FramePacker().pack({reinterpret_cast<const std::uint8_t*>(text.data()), text.size()}, lengths, false, content);
    return content;
}

SealedPack pack() {
    SealedPack pack;
    pack.info.frames.push_back({.offset = container_header_size, .clen = 4096, .plain_len = 5000, .codec = Codec::zstd});
    pack.chunks.push_back({.id = {1}, .frame = 0, .offset = 0, .length = 3000});
    pack.chunks.push_back({.id = {2}, .frame = 0, .offset = 3000, .length = 2000});
    pack.info.size = 5000;
    return pack;
}

ByteVector log_of(std::string_view type, ByteView body) {
    cbor::Writer out;
    out.map(6).uint(1).uint(0).uint(2).bytes(Id{}).uint(3).text(type).uint(4).integer(1'700'000'000'000'000).uint(5).raw(body);
    out.uint(6).bytes(Id{});
    return out.take();
}

Checkpoint whole_checkpoint() {
    Checkpoint c;
    c.past.pieces = {{1, {4096, {7}}}, {0, {4160, {8}}}};
    c.past.latest = {{4161, {1}}, {4163, {3}}};
    c.past.lost = {Id{8}};
    c.holdings.snapshots = {SnapshotId{1, 2}, SnapshotId{1, 3}};
    c.holdings.packs = {Id{1}, Id{2}};
    c.holdings.segments = {Id{4}};
    c.holdings.sheets = {Id{7}};
    c.holdings.chains.emplace(Id16{5}, Holdings::ChainEnd{.count = 3, .head = {6}});
    c.holdings.keys = {.generation = 2, .oldest = 1, .newest = 2, .classes = 2, .erased = 0};
    auto& n = c.note;
    n.repository = std::string(32, 'a');
    n.number = 4164;
    n.before = {3};
    n.past = c.past.root();
    n.state = c.holdings.root();
    n.snapshots = n.packs = 2;
    n.segments = n.chains = 1;
    n.generation = n.newest_key = n.classes = 2;
    n.oldest_key = 1;
    n.accepted = {.number = 2, .hash = {9}};
    n.record = crypto::sign_note("backup", statement_of(n), crypto::SigningKey::from_seed(Id{5}));
    return c;
}

ByteVector whole_book() {
    const auto row = [](std::string type, ByteVector body) {
        return BookedChain::Row{.sha = {1}, .type = std::move(type), .stored = {}, .body = std::move(body)};
    };
    const auto forgets = row("forget", forget_body({SnapshotId{1, 2}})), holds = row("hold", hold_body(SnapshotId{1, 3}, "x"));
    std::vector<BookedChain> chains{{.writer = {1}, .first = 2, .rows = {row("snapshot", commit_body(SnapshotId{1, 2}))}},
                                    {.writer = {2}, .rows = {forgets, holds}, .names = {Id16{9}}}};
    const auto first = encode_sheet(chains);
    chains.pop_back();
    return encode_book({first, encode_sheet(chains)});
}

ByteVector sealed_slot(KeySource key) {
    const auto signer = crypto::SigningKey::from_seed(Id{5});
    return seal_slot({}, make_lock({}, key, {}, 0, "label", signer.public_key()), 1, crypto::Secret(32), signer);
}

/// After two rotations, of which the first has not been followed up.
ByteVector ring_of_several_keys() {
    const Id key{7};
    cbor::Writer out;
    out.map(3).uint(1).uint(5).uint(2).map(2);
    for (const std::uint8_t name : {std::uint8_t{0}, std::uint8_t{9}}) {
        out.bytes(Id16{name}).map(4).uint(1).map(3);
        for (const unsigned number : {2u, 3u, 65535u}) out.uint(number).bytes(key);
        out.uint(2).bytes(key).uint(3).bytes(key).uint(4).uint(1);
    }
    out.uint(3).bytes(key);
    return out.take();
}

ByteVector rotated() {
    cbor::Writer out;
    out.map(1).uint(1).map(2).bytes(Id16{}).uint(2).bytes(Id16{9}).uint(3);
    return out.take();
}

ByteVector small_ring() {
    const Id key{7};
    cbor::Writer out;
    out.map(3).uint(1).uint(1).uint(2).map(2);
    for (const std::uint8_t name : {std::uint8_t{0}, std::uint8_t{9}}) {
        out.bytes(Id16{name}).map(4).uint(1).map(1).uint(1).bytes(key);
        out.uint(2).bytes(key).uint(3).bytes(key).uint(4).uint(1);
    }
    out.uint(3).bytes(key);
    return out.take();
}

ByteVector parity_of_zeros(Parity mode, std::uint32_t size, std::uint32_t there) {
    ParityMaker maker(mode, size);
    maker.add(ByteVector(size));
    ByteVector input;
    base::append_le(input, there);
    base::append(input, maker.finish());
    return input;
}

}  // namespace

std::vector<Input> seeds() {
    return {seed(0, entry()), seed(2, whole_snapshot()), seed(4, encode(Superblock{})), seed(6, encode(ContainerHeader{})),
            seed(8, packed_frame()), seed(9, encode_footer(pack())), seed(10, encode_segment({pack(), pack()})), seed(11, small_ring()),
            seed(11, ring_of_several_keys()), seed(12, log_of("rotate", rotated())),
            seed(12, log_of("forget", forget_body({SnapshotId{1, 2}}))), seed(12, log_of("hold", hold_body(SnapshotId{1, 2}, "x"))),
            seed(12, log_of("tag", tag_body(SnapshotId{1, 2}, {{"keep", "x"}}))),
            seed(5, sealed_slot({.kind = KeySource::Kind::host, .secret = crypto::Secret(32)})),
            seed(5, seal_plain_slot({}, {.kind = KeySource::Kind::key_file, .secret = crypto::Secret(32)}, {}, 1, "label", crypto::Secret(32))),
            seed(16, parity_of_zeros(Parity::thin, 70'000, 60'000)), seed(16, parity_of_zeros(Parity::full, 200'000, 100'000)),
            seed(13, [] {
                const auto text = recovery_text(Id{3});
                return ByteVector(text.begin(), text.end());
            }()),
            seed(14, encode(whole_checkpoint())), seed(18, whole_book()), seed(17, [] {
                PastPiece piece{.level = 1, .rows = {}};
                for (std::uint64_t i = 1; i <= PastPiece::length; ++i) piece.rows.push_back({64 * i, {static_cast<std::uint8_t>(i)}});
                return encode(piece);
            }()), seed(15, [] {
                const auto text = whole_checkpoint().note.record;
                return ByteVector(text.begin(), text.end());
            }())};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    using tenon::fuzz::parsers;
    tenon::fuzz::reads([&] { parsers[data[0] % parsers.size()]({data + 1, size - 1}); });
    return 0;
}
