// Objects of a backup repository, what stands in the clear and what stands under a seal. The first byte picks the parser.

#include <array>
#include <string>

#include "fuzz.hpp"

#include "container.hpp"
#include "index.hpp"
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
void slot(ByteView bytes) { (void)read_slot(bytes, "slot"); }
void header(ByteView bytes) { (void)decode_header(bytes, "pack"); }
void frame_header(ByteView bytes) { (void)decode_frame_header(bytes, "pack"); }
void frame(ByteView bytes) { (void)FrameUnpacker().unpack(bytes, "pack"); }
void footer(ByteView bytes) {
    SealedPack pack;
    decode_footer(bytes, pack, "pack");
}

constexpr std::array parsers{sealed_tree, list, snapshot, progress, super, slot, header, frame_header, frame, footer};

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

}  // namespace

std::vector<Input> seeds() {
    return {seed(0, entry()), seed(2, whole_snapshot()), seed(4, encode(Superblock{})), seed(6, encode(ContainerHeader{})),
            seed(8, packed_frame()), seed(9, ByteVector(64, 1))};
}

}  // namespace tenon::fuzz

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    using tenon::fuzz::parsers;
    tenon::fuzz::reads([&] { parsers[data[0] % parsers.size()]({data + 1, size - 1}); });
    return 0;
}
