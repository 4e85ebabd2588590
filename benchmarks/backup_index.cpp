// Question: what does a repository's index take in memory, to load and to ask?
//
//     bench_backup_index [CHUNKS]
//
// Memory is what the process has of its own (RssAnon), before and after, divided by the chunks, once what was freed has been given
// back. The most while it loads is counted with the one segment that is being read. What lies in the scratch file is told beside it:
// such pages belong to the kernel, which takes them back as it likes.
//
// Input: segments as backups write them, of packs of 32 MiB: small files (100 chunks a frame) and media (about 4). Ids from a seed.
// Asked for: each chunk in the order in which it was stored, as a backup with nothing new asks; at random; and ids that are not there.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include <malloc.h>

#include <temp_folder.hpp>

#include "index.hpp"
#include "timed.hpp"

namespace {

using namespace tenon;
using backup::Id;

std::uint64_t mixed(std::uint64_t x) {
    x += 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    return x ^ (x >> 31);
}

Id id_of(std::uint64_t number) {
    Id id;
    for (std::size_t i = 0; i < 4; ++i) base::store_le(&id[8 * i], mixed(4 * number + i));
    return id;
}

double own_memory() {
    malloc_trim(0);
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);)
        if (line.starts_with("RssAnon:")) return std::strtod(line.c_str() + 8, nullptr) * 1024;
    return 0;
}

struct Shape {
    const char* name;
    std::uint64_t frames, chunks_in_frame;
};

backup::SealedPack pack_of(std::uint64_t number, std::uint64_t& chunk, std::uint64_t most, const Shape& shape) {
    backup::SealedPack pack;
    pack.info.sha = id_of(~number);
    pack.info.header.kind = backup::Kind::data;
    std::uint64_t at = 96;
    for (std::uint64_t f = 0; f < shape.frames && chunk < most; ++f) {
        pack.info.frames.push_back({.offset = at, .clen = 1'000'000, .plain_len = 1'040'000});
        at += pack.info.frames.back().stored();
        const auto length = static_cast<std::uint32_t>(1'040'000 / shape.chunks_in_frame);
        for (std::uint64_t c = 0; c < shape.chunks_in_frame && chunk < most; ++c)
            pack.chunks.push_back({id_of(chunk++), static_cast<std::uint16_t>(f), static_cast<std::uint32_t>(c * length), length});
    }
    pack.info.size = at + 1000;
    return pack;
}

void measure(const Shape& shape, std::uint64_t chunks) {
    std::map<std::string, std::uint64_t> present;
    const auto before = own_memory();
    const tests::TempFolder folder;
    backup::Index index(folder.path());
    double load = 0, most = 0;
    std::uint64_t chunk = 0;
    for (std::uint64_t number = 0, segments = 0; chunk < chunks; ++segments) {
        std::vector<backup::SealedPack> packs;
        for (int i = 0; i < 8 && chunk < chunks; ++i) packs.push_back(pack_of(number++, chunk, chunks, shape));
        for (const auto& pack : packs) present.emplace(backup::pack_name(pack.info.sha), pack.info.size);
        const auto payload = backup::encode_segment(packs);
        packs.clear();
        const auto start = bench::seconds();
        index.add_segment(payload, "index/" + std::to_string(segments));
        load += bench::seconds() - start;
        most = std::max(most, own_memory());
    }
    const auto start = bench::seconds();
    index.finish(present);
    load += bench::seconds() - start;
    present.clear();
    const auto count = static_cast<double>(chunks);
    const auto held = own_memory() - before;
    std::printf("%s, %.1f million chunks\n", shape.name, count / 1e6);
    bench::line("  memory", "<= 16", held / count, "B", "a chunk, of the process' own");
    bench::line("  memory, the most while loading", "", (most - before) / count, "B", "a chunk, with a segment and a list of packs");
    bench::line("  load", "", load / count * 1e9, "ns", "a chunk");
    std::uint64_t found = 0;
    const auto ask = [&](const char* what, auto id, std::uint64_t times, std::uint64_t expected) {
        found = 0;
        const auto begun = bench::seconds();
        for (std::uint64_t i = 0; i < times; ++i) found += index.contains(id(i)) ? 1 : 0;
        bench::line(what, "", (bench::seconds() - begun) / static_cast<double>(times) * 1e9, "ns", "a question");
        if (found != expected) std::puts("  wrong");
    };
    ask("  there, in order", [](std::uint64_t i) { return id_of(i); }, chunks, chunks);
    ask("  there, at random", [&](std::uint64_t i) { return id_of(mixed(i) % chunks); }, 1'000'000, 1'000'000);
    ask("  not there", [&](std::uint64_t i) { return id_of(chunks + i); }, chunks, 0);
    std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::uint64_t> sizes{1'000'000, 4'000'000};
    if (argc > 1) sizes = {std::strtoull(argv[1], nullptr, 10)};
    for (const auto size : sizes) {
        measure({"small files", 32, 100}, size);
        measure({"media", 32, 4}, size);
    }
}
