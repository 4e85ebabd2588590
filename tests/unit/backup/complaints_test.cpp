// What people had to complain about of other programs, and no other test here has by its name: the table is in docs/design/backup.md.
#include <cstdlib>
#include <iostream>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <sstream>

#include <sys/wait.h>
#include <unistd.h>

#include <backup/checkpoint.hpp>
#include <backup/prune.hpp>
#include <backup/retention.hpp>
#include <backup/stream.hpp>
#include <hook_store.hpp>

#include "container.hpp"
#include "fixture.hpp"

namespace tenon::tests {
namespace {

using namespace backup;
namespace fs = std::filesystem;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool memory_tells = false;
#else
constexpr bool memory_tells = true;
#endif

/// Takes packs and forgets them: what a stream of any length is written to.
class ForgetfulStore final : public blob::Store {
public:
    explicit ForgetfulStore(std::shared_ptr<blob::Store> inner) : inner_(std::move(inner)) {}
    blob::PutInfo put(const blob::Name& name, blob::ByteSource& source, const blob::PutOptions& options, std::stop_token stop) override {
        if (dynamic_cast<Nowhere*>(&source)) return {};
        return inner_->put(name, source, options, stop);
    }
    void get(const blob::Name& name, blob::Range range, blob::ByteSink& sink, std::stop_token stop) override { inner_->get(name, range, sink, stop); }
    std::optional<blob::ObjectInfo> head(const blob::Name& name, std::stop_token stop) override { return inner_->head(name, stop); }
    blob::Page list(std::string_view prefix, std::string_view past, int limit, std::stop_token stop) override {
        return inner_->list(prefix, past, limit, stop);
    }
    bool remove(const blob::Name& name, const blob::RemoveOptions& options, std::stop_token stop) override {
        return inner_->remove(name, options, stop);
    }
    blob::Capabilities capabilities() const override { return inner_->capabilities(); }
    Time server_time(std::stop_token stop) override { return inner_->server_time(stop); }
    void flush(std::stop_token stop) override { inner_->flush(stop); }
    void discard() noexcept override { inner_->discard(); }
    std::unique_ptr<blob::Spool> spool() override { return std::make_unique<Nowhere>(); }
    std::unique_ptr<blob::Beacon> beacon(const blob::Name& name, blob::ByteView bytes) override { return inner_->beacon(name, bytes); }
    std::optional<bool> beacon_lives(const blob::Name& name) override { return inner_->beacon_lives(name); }

private:
    class Nowhere final : public blob::Spool {
    public:
        void append(blob::ByteView bytes) override { size_ += bytes.size(); }
        std::uint64_t size() const override { return size_; }
        std::size_t read(blob::ByteSpan) override { return 0; }

    private:
        std::uint64_t size_ = 0;
    };
    std::shared_ptr<blob::Store> inner_;
};

class Complaints : public BackupTest {
protected:
    static bool is_long() { return std::getenv("TENON_KILLS") != nullptr; }
    /// What the work takes at most beyond what there was before it, in a process of its own. In KiB; less than zero: it threw.
    static std::int64_t peak_of(const std::function<void()>& work) {
        const auto line = [](const std::string& name) {
            std::ifstream status("/proc/self/status");
            for (std::string text; std::getline(status, text);)
                if (text.starts_with(name + ":")) return std::stoll(text.substr(name.size() + 1));
            return 0LL;
        };
        int pipes[2];
        if (pipe(pipes) != 0) return -1;
        const pid_t child = fork();
        if (child == 0) {
            std::int64_t peak = -1;
            try {
                std::ofstream("/proc/self/clear_refs") << 5;
                const auto before = line("VmRSS");
                work();
                peak = line("VmHWM") - before;
            } catch (const std::exception& error) {
                std::cerr << error.what() << std::endl;
            }
            (void)!::write(pipes[1], &peak, sizeof peak);
            _exit(0);
        }
        close(pipes[1]);
        std::int64_t peak = -1;
        (void)!::read(pipes[0], &peak, sizeof peak);
        close(pipes[0]);
        int status = 0;
        waitpid(child, &status, 0);
        return peak;
    }
};

/// A store that was set back, and a program that counts its nonces: the same counter sealed other bytes. Here each object has a salt of its own, and
/// so a key of its own; what two histories of one repository hold has none twice.
TEST_F(Complaints, nonce_reuse_a_store_that_was_set_back_gets_no_key_twice) {
    std::map<Id, std::string> keys;  // by salt: the object's own bytes, which two histories may both have
    const auto take_down = [&](const fs::path& root) {
        std::string twice;
        const auto files = std::make_shared<blob::FileStore>(root, base::system_clock());
        for (const auto& object : blob::list_all(*files, "")) {
            if (object.name.starts_with("super") || object.size < container_header_size) continue;
            const auto raw = blob::get_all(*files, object.name, 1 << 28);
            const auto header = decode_header(raw, object.name);
            std::string bytes(raw.begin(), raw.end());
            const auto [known, is_new] = keys.emplace(header.salt, bytes);
            if (!is_new && known->second != bytes) twice += object.name + "\n";
        }
        return twice;
    };
    fill_source();
    auto repository = create();
    back_up(*repository);
    const auto before = folder / "before";
    fs::copy(repo(), before, fs::copy_options::recursive);
    for (int history = 0; history < 3; ++history) {
        for (const auto& entry : fs::directory_iterator(repo())) fs::remove_all(entry.path());
        fs::copy(before, repo(), fs::copy_options::recursive | fs::copy_options::overwrite_existing);
        // The same process, which does not know of it, and then one that comes anew.
        if (history == 2) repository = open();
        write(source() / "mine", "in history " + std::to_string(history));
        const auto id = back_up(*repository).snapshot.id;
        set_tags(*repository, id, {{"a", "b"}}, {});
        prune(*repository, {.unused_percent = 0}, exec::no_progress(), {});
        (void)take_checkpoint(*repository, {.accept = true}, {});
        EXPECT_EQ(take_down(repo()), "") << "history " << history;
        // Whoever went on without knowing of it has a log with a gap, which is told; who comes anew has nothing to tell.
        if (history == 2) {
            EXPECT_EQ(all(check(*open()).problems), "");
        }
    }
    EXPECT_GT(keys.size(), 20u);
}

/// Thousands of small files from packs, each fetched for itself; one file whose parts lie all over, fetched again and again.
TEST_F(Complaints, restore_small_and_restore_one_huge_fetch_no_frame_twice) {
    std::mt19937 random(7);
    for (int i = 0; i < 400; ++i) write(source() / std::to_string(i % 13) / std::to_string(i), crypto::random_bytes(1'000 + random() % 20'000));
    const auto part = crypto::random_bytes(1'500'000);
    base::ByteVector huge;
    for (int i = 0; i < 6; ++i) {
        base::append(huge, part);  // the same again and again, with something else between
        base::append(huge, crypto::random_bytes(900'000));
    }
    write(source() / "huge.bin", huge);
    for (int i = 0; i < 5; ++i) write(source() / "copies" / std::to_string(i), part);
    (void)create();
    const auto hooked = std::make_shared<HookStore>(store());
    auto repository = Repository::open(hooked, vault(), key(), options);
    const auto id = back_up(*repository).snapshot.id;
    std::map<std::string, std::uint64_t> data;
    for (const auto& object : blob::list_all(*store(), "packs/")) {
        const auto raw = blob::get_all(*store(), object.name, 1 << 28);
        if (decode_header(raw, object.name).kind == Kind::data) data[object.name] = object.size;
    }
    std::uint64_t stored = 0;
    for (const auto& [name, size] : data) stored += size;
    std::mutex mutex;
    std::uint64_t fetched = 0, requests = 0;
    hooked->reading = [&](const std::string& name, const blob::Range& range) {
        const auto found = data.find(name);
        if (found == data.end()) return;
        const std::lock_guard lock(mutex);
        fetched += std::min(range.length, found->second - std::min(range.offset, found->second));
        ++requests;
    };
    repository = Repository::open(hooked, vault(), key(), options);
    restore(*repository, id, "out");
    // A frame at which two threads' stretches meet may be fetched by both.
    EXPECT_LE(fetched, stored + 4 * (std::uint64_t{1} << 20) + stored / 20);
    EXPECT_LT(requests, 60u);
    EXPECT_EQ(all(differences(source(), folder / "out")), "");

    // In place: what is there is not fetched at all.
    const auto in_place = [&] { repository->restore(id, {.target = folder / "out", .overwrite = true}, exec::no_progress(), {}); };
    fetched = requests = 0;
    in_place();
    EXPECT_EQ(fetched, 0u) << "all of it is there";
    write(folder / "out/5/5", "something else");
    fetched = requests = 0;
    in_place();
    EXPECT_LE(fetched, std::uint64_t{3} << 20) << "of one small file, its frame";
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
}

/// Where others hold a map of all that there is.
TEST_F(Complaints, prune_memory_is_bounded) {
    const int files = is_long() ? 200'000 : 6'000;
    std::mt19937_64 random(11);
    const auto fill = [&](int every) {
        for (int i = 0; i < files; i += every) {
            std::string bytes(80, '\0');
            for (auto& byte : bytes) byte = static_cast<char>(random());
            write(source() / std::to_string(i % 50) / std::to_string(i), bytes);
        }
    };
    auto repository = create();
    fill(1);
    const auto first = back_up(*repository).snapshot.id;
    fill(2);
    back_up(*repository);
    forget(*repository, {first}, {});
    repository.reset();
    std::int64_t chunks = 0;
    const auto peak = peak_of([&] { prune(*open(), {.unused_percent = 0}, exec::no_progress(), {}); });
    repository = open();
    const auto report = check(*repository, CheckDepth::structure);
    chunks = report.chunks;
    EXPECT_EQ(all(report.problems), "");
    ASSERT_GE(peak, 0);
    std::cout << chunks << " chunks, " << peak / 1024 << " MiB at most" << std::endl;
    // 256 bytes for each chunk, of which half are written anew.
    EXPECT_TRUE(!memory_tells || peak <= 64 * 1024 + chunks * 256 / 1024) << peak;
}

/// However many chunks there are: what speaks of them is neither listed nor fetched. Browsing needs it.
TEST_F(Complaints, opening_and_listing_fetches_no_index_and_no_pack) {
    fill_source();
    const auto id = back_up(*create()).snapshot.id;
    std::set<std::string> asked;
    std::mutex mutex;
    const auto counting = std::make_shared<HookStore>(store());
    counting->before = [&](const std::string& what, const std::string& name) {
        const std::lock_guard lock(mutex);
        asked.insert(what + " " + name.substr(0, name.find('/')));
    };
    const auto repository = Repository::open(counting, vault(), key(), options);
    const auto all = repository->list();
    ASSERT_EQ(all.size(), 1u);
    EXPECT_GT(all.front().files, 0);
    for (const auto* folder : {"index", "packs"})
        for (const auto* what : {"get ", "list "}) EXPECT_FALSE(asked.contains(std::string(what) + folder)) << what << folder;
    EXPECT_FALSE(repository->browse(id, "").empty());
    EXPECT_TRUE(asked.contains("get index")) << "or nothing was counted";
}

/// Longer than any memory: 1 TB has 4.4 million chunks.
TEST_F(Complaints, a_stream_of_any_length_takes_bounded_memory) {
    const std::int64_t bytes = (is_long() ? std::int64_t{64} << 30 : std::int64_t{96} << 20);
    (void)create();
    const auto peak = peak_of([&] {
        const auto into = std::make_shared<ForgetfulStore>(store());
        const std::shared_ptr<Repository> own = Repository::open(into, vault(), key(), options);
        StreamBackup stream(own, {.name = "endless"}, free_ledger(), {});
        stream.open("endless.bin");
        base::ByteVector part(1 << 20);
        std::uint64_t state = 1;
        for (std::int64_t written = 0; written < bytes; written += static_cast<std::int64_t>(part.size())) {
            for (std::size_t at = 0; at < part.size(); at += 8) {
                state = state * 6364136223846793005 + 1442695040888963407;
                base::store_le(&part[at], state ^ (state >> 29));
            }
            stream.write(part);
        }
        stream.finish();
    });
    ASSERT_GE(peak, 0);
    const auto chunks = bytes / (241 << 10);
    std::cout << (bytes >> 20) << " MiB, " << peak / 1024 << " MiB at most" << std::endl;
    EXPECT_TRUE(!memory_tells || peak <= 96 * 1024 + chunks * 16 / 1024) << peak;
}

}  // namespace
}  // namespace tenon::tests
