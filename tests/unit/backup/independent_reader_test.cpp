#include "fixture.hpp"

#include <cstdlib>

#include <sys/stat.h>
#include <unistd.h>

#include <backup/prune.hpp>
#include <backup/rekey.hpp>
#include <backup/retention.hpp>
#include <crypto/agreement.hpp>

namespace tenon::tests {
namespace {

using namespace backup;

class IndependentReader : public BackupTest {
protected:
    int read(const std::string& arguments, const std::string& out) {
        const auto script = std::filesystem::path(TENON_SOURCE) / "tests/backup/read_repo.py";
        const auto command = "/usr/bin/python3 " + script.string() + ' ' + repo().string() + ' ' + vault_folder().string() + ' ' +
                             (folder / out).string() + ' ' + arguments + " > /dev/null";
        return std::system(command.c_str());
    }
};

TEST_F(IndependentReader, restores_the_same_bytes_from_the_description_alone) {
    if (std::system("/usr/bin/python3 -c 'import cryptography' 2> /dev/null") != 0) GTEST_SKIP() << "needs python3-cryptography";
    fill_source();
    write(source() / "huge", crypto::random_bytes(18 << 20));  // a tree of lists
    for (int i = 0; i < 600; ++i) write(source() / "many" / ("a long name of a file in a long folder, number " + std::to_string(i)), "x");
    symlink("nowhere", (source() / "link").c_str());
    truncate((source() / "long/one.bin").c_str(), 20'000'000);
    auto repository = create();
    back_up(*repository);
    write(source() / "later", "the second snapshot");
    back_up(*repository);
    repository->add_slot(KeySource::password("correct horse"), "");
    write(folder / "key", key_bytes);

    EXPECT_EQ(read("--key-file " + (folder / "key").string(), "by-key"), 0);
    // Its own folder's metadata is the snapshot's business, not the tree's.
    auto lines = differences(source(), folder / "by-key");
    std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });
    EXPECT_EQ(all(lines), "");
    EXPECT_EQ(read("--password 'correct horse'", "by-password"), 0);
    EXPECT_EQ(read("--snapshot 0 --key-file " + (folder / "key").string(), "first"), 0);
    EXPECT_FALSE(std::filesystem::exists(folder / "first/later"));
    EXPECT_NE(read("--password 'wrong horse'", "refused"), 0);

    // With each kind of key, also after the root key was replaced.
    repository->add_slot(KeySource::password("iterated horse", KeySource::Derivation::pbkdf2), "");
    const auto code = KeySource::new_recovery_code();
    repository->add_slot(code, "code");
    repository->add_slot(KeySource::host_key(crypto::Secret::copy_of(key_bytes).bytes()), "host");
    const auto recipient = crypto::AgreementKey::generate();
    repository->add_slot(KeySource::recipient_public(recipient.public_key()), "recipient");
    write(folder / "private", recipient.private_key());
    for (int round = 0; round < 2; ++round) {
        const auto mark = std::to_string(round);
        EXPECT_EQ(read("--password 'iterated horse'", "by-pbkdf2" + mark), 0);
        EXPECT_EQ(read("--recovery-code " + recovery_text(code.secret.bytes()), "by-code" + mark), 0);
        EXPECT_EQ(read("--host-key " + (folder / "key").string(), "by-host" + mark), 0);
        EXPECT_EQ(read("--recipient " + (folder / "private").string(), "by-recipient" + mark), 0);
        EXPECT_EQ(read("--key-file " + (folder / "key").string(), "by-key" + mark), 0);
        EXPECT_NE(read("--recovery-code " + recovery_text(crypto::random_bytes(32)), "refused"), 0);
        lines = differences(folder / "by-key", folder / ("by-code" + mark));
        std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });
        EXPECT_EQ(all(lines), "");
        repository->rotate_root();
    }
    // What a collection has written anew is as readable.
    forget(*repository, {repository->list().back().id}, {});
    prune(*repository, {.unused_percent = 0}, exec::no_progress(), {});
    EXPECT_EQ(read("--key-file " + (folder / "key").string(), "collected"), 0);
    lines = differences(source(), folder / "collected");
    std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });
    EXPECT_EQ(all(lines), "");
    // Under data keys of two numbers, then of the second alone.
    repository->rotate_data_key();
    repository = open();
    write(source() / "under the second", "data key");
    back_up(*repository);
    for (const auto* out : {"two-keys", "second-key"}) {
        EXPECT_EQ(read("--key-file " + (folder / "key").string(), out), 0);
        lines = differences(source(), folder / out);
        std::erase_if(lines, [](const auto& line) { return line.starts_with(".:"); });
        EXPECT_EQ(all(lines), "");
        EXPECT_TRUE(rekey(*open(), {}, exec::no_progress(), {}).is_done);
    }
}

}  // namespace
}  // namespace tenon::tests
