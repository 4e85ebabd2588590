// A repository with copies in other stores.
#pragma once

#include "fixture.hpp"

#include <iterator>
#include <thread>

#include <backup/prune.hpp>
#include <blob/many_stores.hpp>
#include <moody_store.hpp>

namespace tenon::tests {

class CopiesTest : public BackupTest {
protected:
    CopiesTest() {
        patience.read = std::chrono::milliseconds(100);
        patience.last = std::chrono::seconds(10);
        patience.pause = Duration::zero();
    }
    void SetUp() override {
        for (int i = 0; i < 30; ++i) write(source() / ("folder" + std::to_string(i % 3)) / std::to_string(i), "file " + std::to_string(i));
        write(source() / "long.bin", crypto::random_bytes(400'000));
    }
    /// Before a fork: whose threads a child would lack is gone, and so are its threads, some of which end a moment later.
    /// A sanitizer keeps one of its own.
    void be_alone() {
        many.reset();
        for (int i = 0; i < 200 && threads() > threads_before; ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::filesystem::path place(const std::string& name) const { return name == "home" ? repo() : folder / ("store-" + name); }
    std::shared_ptr<blob::Store> files(const std::string& name) const {
        return std::make_shared<blob::FileStore>(place(name), base::system_clock());
    }
    static blob::OpenStore as_is(std::shared_ptr<blob::Store> store) {
        return [store] { return store; };
    }
    std::vector<blob::OtherStore> others() { return {{.name = "a", .open = as_is(a)}, {.name = "b", .open = as_is(b)}}; }
    std::shared_ptr<blob::ManyStores> many_over(std::shared_ptr<blob::Store> home) {
        return std::make_shared<blob::ManyStores>(std::move(home), others(), base::system_clock(), patience);
    }
    std::unique_ptr<backup::Repository> open_many() {
        many = many_over(home);
        return backup::Repository::open(many, vault(), key(), options);
    }
    std::unique_ptr<backup::Repository> create_many() {
        many = many_over(home);
        return backup::Repository::create(many, vault(), key(), "host", options);
    }
    blob::CatchUpReport catch_up(backup::Repository& repository, blob::CatchUpRequest wanted = {}) {
        wanted.accept = [&](const std::string& name, base::ByteView bytes) { return repository.is_ours(name, bytes); };
        wanted.contradicts = [&](const std::string& name, base::ByteView bytes) {
            return backup::contradiction_of(repository, name, bytes, {});
        };
        return dynamic_cast<blob::ManyStores&>(*repository.objects()).catch_up(wanted, exec::no_progress(), {});
    }
    static blob::CatchUpReport heal(blob::ManyStores& stores, const backup::Repository& repository) {
        blob::CatchUpRequest wanted{.heal = true};
        wanted.accept = [&](const std::string& name, base::ByteView bytes) { return repository.is_ours(name, bytes); };
        return stores.catch_up(wanted, exec::no_progress(), {});
    }
    void renew_stores() {
        home = std::make_shared<MoodyStore>(files("home"));
        a = std::make_shared<MoodyStore>(files("a"));
        b = std::make_shared<MoodyStore>(files("b"));
    }
    void lose_home() {
        std::filesystem::remove_all(repo());
        std::filesystem::create_directories(repo());
        home = std::make_shared<MoodyStore>(files("home"));
    }
    /// All stores and the vault as they are now, to begin from again.
    void keep_stores() {
        for (const auto* name : {"home", "a", "b"}) copy_tree(place(name), folder / "kept" / name);
        copy_tree(vault_folder(), folder / "kept/vault");
    }
    void bring_stores_back() {
        for (const auto* name : {"home", "a", "b"}) copy_tree(folder / "kept" / name, place(name));
        copy_tree(folder / "kept/vault", vault_folder());
    }
    static std::string problems_of(const blob::CatchUpReport& report) {
        std::string text;
        for (const auto& other : report.others)
            if (!other.whole) text += other.name + ": " + other.problem + "\n";
        return text;
    }
    backup::PruneTotals prune_all(backup::Repository& repository) {
        backup::PruneRequest wanted;
        wanted.unused_percent = 0;
        wanted.most_records = 4;
        return backup::prune(repository, wanted, exec::no_progress(), {});
    }
    /// Each store is a repository of its own, whole, with exactly these snapshots.
    void expect_alone(const std::string& name, std::size_t snapshots, const std::string& when = "") {
        auto alone = backup::Repository::open(files(name), vault(), key(), options);
        EXPECT_EQ(all(check(*alone).problems), "") << name << " " << when;
        EXPECT_EQ(alone->list().size(), snapshots) << name << " " << when;
    }
    void damage_all(const std::string& where, const std::string& under) {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(place(where) / under))
            if (entry.is_regular_file()) flip(entry.path());
    }

    static std::ptrdiff_t threads() {
        const std::filesystem::directory_iterator all("/proc/self/task");
        return std::distance(begin(all), end(all));
    }

    const std::ptrdiff_t threads_before = threads();
    blob::Patience patience;
    std::shared_ptr<MoodyStore> home = std::make_shared<MoodyStore>(files("home"));
    std::shared_ptr<MoodyStore> a = std::make_shared<MoodyStore>(files("a")), b = std::make_shared<MoodyStore>(files("b"));
    std::shared_ptr<blob::ManyStores> many;
};

}  // namespace tenon::tests
