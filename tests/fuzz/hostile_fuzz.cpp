// Whole repositories made by somebody with the keys: the input says which nodes, lists, snapshots and segments are written, all properly
// sealed, and then everything that reads a repository reads it. Whatever it says, nothing outside of the target of a restore is touched.

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include <unistd.h>

#include <linux/capability.h>
#include <sys/syscall.h>

#include <backup/diff.hpp>
#include <backup/prune.hpp>
#include <backup/read.hpp>
#include <backup/repair.hpp>
#include <base/clock.hpp>
#include <blob/file_store.hpp>
#include <exec/progress.hpp>

#include "fuzz.hpp"

#include "crafted_repository.hpp"

namespace tenon::fuzz {
namespace {

using namespace backup;
using tests::Crafted;
namespace fs = std::filesystem;

/// The input, as numbers; zeros when it has ended.
class Choices {
public:
    explicit Choices(ByteView bytes) : left_(bytes) {}
    std::uint8_t byte() {
        if (left_.empty()) return 0;
        const auto first = left_.front();
        left_ = left_.subspan(1);
        return first;
    }
    std::size_t below(std::size_t end) { return end == 0 ? 0 : byte() % end; }
    bool one_in(std::size_t chances) { return below(chances) == 1; }
    /// Mostly small; any width.
    std::uint64_t number() {
        const auto width = below(10);
        std::uint64_t value = 0;
        for (std::size_t i = 0; i < std::min<std::size_t>(width, 8); ++i) value = value << 8 | byte();
        return width == 9 ? ~value : value;
    }
    ByteVector bytes(std::size_t most) {
        const auto length = std::min(below(most + 1), left_.size());
        ByteVector taken(left_.begin(), left_.begin() + static_cast<std::ptrdiff_t>(length));
        left_ = left_.subspan(length);
        return taken;
    }
    bool is_over() const { return left_.empty(); }

private:
    ByteView left_;
};

std::string name_of(Choices& in) {
    constexpr std::string_view names[] = {"a", "b", "c", "d", "file", "..", ".", "", "../victim", "/etc/passwd", "a/b", "victim"};
    const auto which = in.below(std::size(names) + 2);
    if (which < std::size(names)) return std::string(names[which]);
    if (which == std::size(names)) return std::string(1 + in.byte(), 'n');
    return std::string(base::text_of(in.bytes(12)));
}

/// What was written so far, to be used again anywhere.
struct Pool {
    struct Tree {
        Id id{};
        std::uint64_t level = 0, entries = 0, bytes = 0;
        std::string last{};
    };
    std::vector<ChunkRef> chunks;
    std::vector<std::pair<ChunkRef, std::uint64_t>> lists;  // and their levels
    std::vector<Tree> trees;

    ChunkRef chunk(Choices& in) const { return chunks.empty() ? ChunkRef{} : chunks[in.below(chunks.size())]; }
    Id any(Choices& in) const {
        const auto which = in.below(4);
        if (which == 0 && !trees.empty()) return trees[in.below(trees.size())].id;
        if (which == 1 && !lists.empty()) return lists[in.below(lists.size())].first.id;
        if (which == 2) return chunk(in).id;
        return Id{in.byte()};
    }
};

Entry entry_of(Choices& in, const Pool& pool, const Crafted& made) {
    const auto lies = in.one_in(8);
    auto entry = Crafted::file(name_of(in));
    for (auto left = in.below(5); left > 0; --left) {
        entry.chunks.push_back(pool.chunk(in));
        entry.size += entry.chunks.back().length;
    }
    switch (in.below(8)) {
    case 0:
    case 1:
        if (!pool.trees.empty()) {
            const auto& below = pool.trees[in.below(pool.trees.size())];
            entry = made.folder(entry.name, below.id, below.bytes);
        }
        break;
    case 2:
        if (!pool.lists.empty()) {
            const auto& list = pool.lists[in.below(pool.lists.size())].first;
            entry.chunks.clear();
            entry.list_root = list.id;
            entry.size = list.length;
        }
        break;
    case 3:
        entry = Crafted::file(entry.name);
        entry.kind = EntryKind::link;
        entry.target = in.one_in(2) ? "../victim" : name_of(in);
        break;
    case 4:
        entry.holes.push_back({entry.size, in.number()});
        entry.size += entry.holes.back().length;
        break;
    case 5: entry.link_key = Extent{1, in.below(3)}; break;
    case 6: entry.xattrs.push_back({"user." + name_of(in), in.bytes(8)}); break;
    default: break;
    }
    if (!lies) return entry;
    switch (in.below(6)) {
    case 0: entry.size = in.number(); break;
    case 1: entry.kind = static_cast<EntryKind>(in.below(9)); break;
    case 2: entry.subtree = pool.any(in); break;
    case 3: entry.list_root = pool.any(in); break;
    case 4: entry.subtree_class = Id16{in.byte()}; break;
    default: entry.holes.push_back({in.number(), in.number()});
    }
    return entry;
}

void write_tree(Choices& in, Pool& pool, Crafted& made) {
    std::vector<Entry> entries;
    for (auto left = in.below(7); left > 0; --left) entries.push_back(entry_of(in, pool, made));
    if (!in.one_in(6)) {
        std::stable_sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name < b.name; });
        entries.erase(std::unique(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.name == b.name; }), entries.end());
    }
    Pool::Tree tree{.id = made.tree(entries), .entries = entries.size()};
    for (const auto& entry : entries) tree.bytes += entry.size;
    if (!entries.empty()) tree.last = entries.back().name;
    pool.trees.push_back(tree);
}

void write_inner(Choices& in, Pool& pool, Crafted& made) {
    Pool::Tree tree;
    std::vector<ChildRef> children;
    for (auto left = 1 + in.below(5); left > 0 && !pool.trees.empty(); --left) {
        const auto& below = pool.trees[in.below(pool.trees.size())];
        tree.level = std::max(tree.level, below.level + 1);
        children.push_back({below.last, below.id, below.entries, below.bytes});
        if (in.one_in(12)) children.back().entries = in.number();
        if (in.one_in(12)) children.back().bytes = in.number();
        if (in.one_in(12)) children.back().id = pool.any(in);
        tree.entries += children.back().entries;
        tree.bytes += children.back().bytes;
    }
    if (!in.one_in(6)) std::stable_sort(children.begin(), children.end(), [](const ChildRef& a, const ChildRef& b) { return a.last < b.last; });
    if (!children.empty()) tree.last = children.back().last;
    if (in.one_in(10)) tree.level = in.below(20);
    tree.id = made.node(Crafted::inner_bytes(tree.level, children));
    pool.trees.push_back(tree);
}

void write_list(Choices& in, Pool& pool, Crafted& made) {
    std::uint64_t level = 0;
    std::vector<ChunkRef> refs;
    for (auto left = 1 + in.below(4); left > 0; --left) {
        auto ref = pool.chunk(in);
        if (!pool.lists.empty() && in.one_in(2)) {
            const auto& below = pool.lists[in.below(pool.lists.size())];
            ref = below.first;
            level = std::max(level, below.second + 1);
        }
        if (in.one_in(12)) ref.length = in.number();
        refs.insert(refs.end(), in.one_in(3) ? 1 + std::size_t{in.byte()} * 17 : 1, ref);
    }
    std::uint64_t bytes = 0;
    for (const auto& ref : refs) bytes += ref.length;
    if (in.one_in(10)) level = in.below(20);
    pool.lists.push_back({{made.node(Crafted::list_bytes(level, refs)), bytes}, level});
}

/// A few bytes of what is there already, changed under its seal.
void tamper(Choices& in, blob::Store& store, const Repository& repository, std::string_view prefix, Kind kind) {
    const auto& keys = repository.inside().keys;
    const auto objects = blob::list_all(store, prefix);
    if (objects.empty()) return;
    const auto name = objects[in.below(objects.size())].name;
    auto payload = open_object(keys, kind, blob::get_all(store, name, 1 << 24), name);
    for (auto left = 1 + in.below(4); left > 0 && !payload.empty(); --left) {
        const auto at = (std::size_t{in.byte()} << 8 | in.byte()) % payload.size();
        if (in.one_in(6)) payload.resize(at);
        else payload[at] = in.byte();
    }
    const auto sealed = seal_object(keys, kind, payload);
    store.remove(name, {}, {});
    // Its name ends with the hash of its bytes.
    blob::put_bytes(store, name.substr(0, name.size() - 64) + hex(crypto::sha256(sealed)), sealed, {.create_only = false});
}

void write_all(Choices& in, Repository& repository) {
    for (auto snapshots = 1 + in.below(2); snapshots > 0; --snapshots) {
        Crafted made(repository);
        Pool pool;
        for (int steps = 0; steps < 48 && !in.is_over(); ++steps) {
            switch (in.below(8)) {
            case 0: pool.chunks.push_back(made.lane().chunk(in.bytes(24))); break;
            case 1: pool.chunks.push_back(made.lane().chunk(ByteVector(1 + std::size_t{in.byte()} * 64, in.byte()))); break;
            case 2: write_list(in, pool, made); break;
            case 3: write_inner(in, pool, made); break;
            case 4: {
                Pool::Tree raw{.id = made.node(in.bytes(200))};
                pool.trees.push_back(raw);
                break;
            }
            default: write_tree(in, pool, made);
            }
        }
        SnapshotRecord record;
        record.root = pool.trees.empty() || in.one_in(10) ? pool.any(in) : pool.trees.back().id;
        record.root_class = made.data_class();
        record.files = in.one_in(4) ? in.byte() : 600;
        record.folders = in.one_in(4) ? in.byte() : 200;
        record.name = "fuzz";
        if (in.one_in(3)) record.sources.push_back({name_of(in), "/" + name_of(in), made.folder("x", record.root)});
        made.commit(std::move(record));
    }
}

/// Enough to see where it goes.
struct Enough {};

void read_all(const std::shared_ptr<Repository>& repository, const fs::path& folder) {
    auto& silent = exec::no_progress();
    std::optional<SnapshotId> before;
    for (const auto& snapshot : repository->list()) {
        const auto id = snapshot.id;
        reads([&] {
            for (const auto& entry : repository->browse(id, "")) reads([&] { (void)repository->browse(id, entry.name); });
        });
        const auto admit = [](const std::vector<RestoredFile>& files) {
            std::int64_t bytes = 0;
            for (const auto& file : files)
                if ((bytes += std::min<std::int64_t>(file.size, 1 << 30)) > 8 << 20) throw QuotaExceeded("large");
        };
        for (const bool salvage : {false, true})
            reads([&] {
                RestoreRequest wanted{.target = folder / "out", .overwrite = true, .durable = false, .owners = false};
                wanted.salvage = salvage;
                wanted.admit = admit;
                (void)repository->restore(id, wanted, silent, {});
            });
        reads([&] { (void)forecast(*repository, id, {.target = folder / "out"}, true, 100, Duration::zero(), {}); });
        reads([&] {
            ArchiveReader reader(repository, {.snapshot = id}, {});
            for (int left = 64; left > 0 && !reader.next(1 << 16).empty(); --left) {}
        });
        reads([&] {
            int left = 2'000;
            try {
                if (before) (void)diff(*repository, *before, id, "", [&](const EntryChange&) { if (--left < 0) throw Enough(); }, {});
            } catch (const Enough&) {
            }
        });
        before = id;
    }
    reads([&] { (void)repository->check(CheckDepth::full, silent, {}); });
    reads([&] { (void)repair(*repository, {}, silent, {}); });
    reads([&] { (void)prune(*repository, {.unused_percent = 0}, silent, {}); });
    reads([&] { (void)repository->check(CheckDepth::structure, silent, {}); });
}

/// Below the folder for temporary files, better one in memory; with what must not be touched beside it.
class Playground {
public:
    Playground() {
        // What is restored here are no devices.
        __user_cap_header_struct head{_LINUX_CAPABILITY_VERSION_3, 0};
        __user_cap_data_struct data[2]{};
        if (syscall(SYS_capget, &head, data) == 0) {
            data[CAP_TO_INDEX(CAP_MKNOD)].effective &= ~CAP_TO_MASK(CAP_MKNOD);
            (void)syscall(SYS_capset, &head, data);
        }
        auto name = (fs::temp_directory_path() / "hostile-XXXXXX").string();
        if (!mkdtemp(name.data())) throw InternalError("no temporary folder");
        folder = name;
        fs::create_directories(folder / "victim/b");
        std::ofstream(folder / "victim/a") << "untouched";
        std::ofstream(folder / "victim/b/file") << "untouched";
        fs::create_directories(folder / "source/a");
        std::ofstream(folder / "source/a/file") << std::string(5000, 'x');
        std::ofstream(folder / "source/b") << "good";
        options.password_cost = {.memory_kib = 19 * 1024, .passes = 2};
        const auto repository = Repository::create(store("template"), vault("template"), key, "host", options);
        BackupRequest request;
        request.name = "good";
        request.sources = {{.name = "", .path = folder / "source"}};
        (void)repository->backup(request, free_ledger(), exec::no_progress(), {});
        victim = listing();
    }
    ~Playground() {
        std::error_code ignored;
        fs::remove_all(folder, ignored);
    }

    std::shared_ptr<blob::Store> store(const char* which) const {
        return std::make_shared<blob::FileStore>(folder / which / "repo", base::system_clock());
    }
    std::shared_ptr<blob::Store> vault(const char* which) const {
        return std::make_shared<blob::FileStore>(folder / which / "vault", base::system_clock());
    }
    std::shared_ptr<Repository> fresh() {
        fs::remove_all(folder / "now");
        fs::remove_all(folder / "out");
        fs::copy(folder / "template", folder / "now", fs::copy_options::recursive);
        return open();
    }
    std::shared_ptr<Repository> open() const { return Repository::open(store("now"), vault("now"), key, options); }
    void expect_untouched() const {
        if (listing() != victim) throw InternalError("something outside of the target was touched");
        for (const auto& entry : fs::directory_iterator(folder)) {
            const auto name = entry.path().filename();
            if (name != "victim" && name != "source" && name != "template" && name != "now" && name != "out")
                throw InternalError("something lies beside the target");
        }
    }

    fs::path folder;

private:
    std::string listing() const {
        std::string text;
        std::vector<fs::path> all;
        for (const auto& entry : fs::recursive_directory_iterator(folder / "victim")) all.push_back(entry.path());
        std::sort(all.begin(), all.end());
        for (const auto& path : all) {
            text += path.string() + ' ' + std::to_string(static_cast<unsigned>(fs::symlink_status(path).permissions())) + ' ';
            text += std::to_string(fs::last_write_time(path).time_since_epoch().count()) + ' ' + std::to_string(fs::hard_link_count(path));
            if (!fs::is_regular_file(path)) continue;
            std::ifstream file(path);
            text.append(std::istreambuf_iterator<char>(file), {});
        }
        return text;
    }

    RepositoryOptions options;
    const KeySource key = KeySource::key(ByteVector(32, 7));
    std::string victim;
};

}  // namespace

/// By the choices above: mostly honest trees of some depth; what breaks them, mutation finds.
std::vector<Input> seeds() {
    std::vector<Input> all;
    for (const std::uint8_t salt : {1, 7, 42, 99, 150, 201}) {
        for (const int length : {60, 300, 900}) {
            Input input;
            std::uint32_t state = salt;
            for (int i = 0; i < length; ++i) {
                state = state * 1'664'525 + 1'013'904'223;
                input.push_back(static_cast<std::uint8_t>(state >> 24));
            }
            all.push_back(std::move(input));
        }
    }
    return all;
}

}  // namespace tenon::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace tenon;
    using namespace tenon::fuzz;
    static Playground playground;
    if (size > 4096) return 0;
    Choices in({data, size});
    const auto repository = playground.fresh();
    reads([&] { write_all(in, *repository); });
    const auto store = playground.store("now");
    for (auto left = in.below(3); left > 0; --left)
        reads([&] {
            const bool index = in.one_in(2);
            tamper(in, *store, *repository, index ? "index/" : "snap/", index ? backup::Kind::index : backup::Kind::snapshot);
        });
    reads([&] { read_all(playground.open(), playground.folder); });
    playground.expect_untouched();
    return 0;
}
