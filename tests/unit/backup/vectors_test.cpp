// Repositories that are kept as they were written: whoever can read format 1 restores the same bytes from them, for ever.
#include "vectors_fixture.hpp"

#include <backup/checkpoint.hpp>
#include <crypto/agreement.hpp>
#include <crypto/encoding.hpp>

#include "repository_impl.hpp"
#include "slot.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

class Vectors : public VectorTest {
protected:
    static KeySource recovery() { return {.kind = KeySource::Kind::recovery_code, .secret = crypto::Secret::copy_of(counted(64))}; }
    /// By name, as the reader takes them.
    static std::vector<std::pair<std::string, KeySource>> keys() {
        std::vector<std::pair<std::string, KeySource>> keys;
        keys.emplace_back("--key-file", KeySource::key(counted(0)));
        keys.emplace_back("--password 'by Argon2id'", KeySource::password("by Argon2id"));
        keys.emplace_back("--password 'by PBKDF2'", KeySource::password("by PBKDF2", KeySource::Derivation::pbkdf2));
        keys.emplace_back("--recovery-code " + recovery_text(counted(64)), recovery());
        keys.emplace_back("--host-key", KeySource::host_key(counted(128)));
        keys.emplace_back("--recipient", KeySource::recipient_private(counted(192)));
        return keys;
    }
    std::unique_ptr<Repository> open_copy(const std::string& vault_name, const KeySource& key) {
        return Repository::open(std::make_shared<blob::FileStore>(folder / "first/repo", base::system_clock()),
                                std::make_shared<blob::FileStore>(folder / "first" / vault_name, base::system_clock()), key, options);
    }
    bool reads(const std::string& vault_name, const std::string& how, const std::string& out) {
        return runs("read_repo.py", (vectors() / "first/repo").string() + ' ' + (vectors() / "first" / vault_name).string() + ' ' +
                                        (folder / out).string() + ' ' + how);
    }
};

TEST_F(Vectors, are_read_for_ever) {
    ASSERT_TRUE(std::filesystem::exists(vectors() / "first/repo/super"));
    std::filesystem::copy(vectors() / "first", folder / "first", std::filesystem::copy_options::recursive);
    make_tree(folder / "tree");
    int number = 0;
    for (const auto& [name, key] : keys()) {
        auto repository = open_copy("vault", key);
        const auto snapshots = repository->list();
        ASSERT_EQ(snapshots.size(), 2u) << name;
        const auto out = "out" + std::to_string(++number);
        restore(*repository, snapshots.front().id, out);
        EXPECT_EQ(what_differs(folder / "tree", folder / out), "") << name;
        EXPECT_EQ(all(check(*repository).problems), "") << name;
        EXPECT_EQ(repository->subjects(), std::vector<std::string>{"stays"});
        EXPECT_EQ(repository->erased().size(), 1u);
    }
    // Slots and a ring as the first version wrote them.
    for (const auto& key : {KeySource::key(counted(0)), KeySource::password("by Argon2id")}) {
        auto repository = open_copy("vault-first", key);
        EXPECT_EQ(repository->list().size(), 2u);
        EXPECT_EQ(all(check(*repository).problems), "");
        // Which had no key to sign with.
        const auto taken = backup::take_checkpoint(*repository, {}, {});
        ASSERT_TRUE(taken.note) << all(taken.problems);
        EXPECT_EQ(taken.note->snapshots, 2);
        const auto report = open_copy("vault-first", key)->check(backup::CheckDepth::full, exec::no_progress(), {}, false, {taken.note->record});
        EXPECT_EQ(all(report.problems), "");
    }
}

TEST_F(Vectors, are_read_by_the_independent_reader) {
    if (!has_cryptography()) GTEST_SKIP() << "needs python3-cryptography";
    make_tree(folder / "tree");
    int number = 0;
    for (const auto& [how, key] : keys()) {
        auto command = how;
        if (how == "--key-file" || how == "--host-key" || how == "--recipient") {
            const auto file = folder / ("key" + std::to_string(number));
            write(file, key.secret.bytes());
            command += ' ' + file.string();
        }
        for (const auto* vault_name : {"vault", "vault-first"}) {
            const bool known = std::string_view(vault_name) == "vault" || how == "--key-file" || how == "--password 'by Argon2id'";
            const auto out = "out" + std::to_string(++number);
            EXPECT_EQ(reads(vault_name, command, out), known) << how << ' ' << vault_name;
            if (!known) continue;
            auto lines = differences(folder / "tree", folder / out);
            // The vault of before the erasure still has the keys.
            std::erase_if(lines, [&](const auto& line) {
                return line.starts_with(".:") || (vault_name != std::string("vault") && line.starts_with("gone"));
            });
            EXPECT_EQ(all(lines), "") << how;
            EXPECT_EQ(std::filesystem::exists(folder / out / "gone"), vault_name != std::string("vault"));
        }
    }
}

/// Makes them, once: TENON_VECTORS says where. What is checked in is never made again; another format gets a folder of its own.
TEST_F(Vectors, DISABLED_make) {
    const auto* where = std::getenv("TENON_VECTORS");
    ASSERT_TRUE(where);
    const auto first = std::filesystem::path(where) / "first";
    const auto at = [&](const std::string& name) { return std::make_shared<blob::FileStore>(first / name, base::system_clock()); };
    make_tree(source());
    const auto all_keys = keys();
    options.pack_profile = 1;
    auto repository = Repository::create(at("repo"), at("vault"), all_keys[0].second, "home", options);
    repository->add_classes({"stays", "erased"});
    repository = Repository::open(at("repo"), at("vault"), all_keys[0].second, options);
    auto wanted = request();
    wanted.classes = {{"folder", "stays"}, {"gone", "erased"}};
    write(source() / "gone/secret.txt", "nobody reads this");
    std::filesystem::remove(source() / "letter.txt");
    back_up(*repository, wanted);
    make_tree(folder / "again");
    std::filesystem::copy_file(folder / "again/letter.txt", source() / "letter.txt");
    stamp(source() / "letter.txt");
    back_up(*repository, wanted);
    auto& impl = repository->inside();

    auto ring = open_ring(blob::get_all(*at("vault"), "ring/1", 1 << 20), impl.root, impl.super.repo, "ring/1");
    ring.identity = {};
    const auto put = [&](const std::string& name, const base::ByteVector& bytes) {
        for (const auto& copy : {name, name + ".1"}) blob::put_bytes(*at("vault-first"), copy, bytes);
    };
    put("ring/1", seal_ring(ring, impl.root, impl.super.repo));
    put("slot/1", seal_plain_slot(impl.super.repo, all_keys[0].second, options.password_cost, 1, "home", impl.root));
    put("slot/2", seal_plain_slot(impl.super.repo, all_keys[1].second, options.password_cost, 1, "password", impl.root));

    for (std::size_t i = 1; i < all_keys.size(); ++i) repository->add_slot(all_keys[i].second, "of kind " + std::to_string(i));
    repository->shred("erased");
}

}  // namespace
}  // namespace tenon::tests
