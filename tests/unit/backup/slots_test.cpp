// Every way to open a repository, and what a change of keys leaves to whom.
#include "fixture.hpp"

#include <crypto/agreement.hpp>
#include <hook_store.hpp>

#include "repository_impl.hpp"
#include "slot.hpp"

namespace tenon::tests {
namespace {

using namespace backup;

class Slots : public BackupTest {
protected:
    std::unique_ptr<Repository> open_with(const KeySource& key) { return Repository::open(store(), vault(), key, options); }

    /// One of each kind, by what opens it.
    std::vector<KeySource> add_all(Repository& repository) {
        std::vector<KeySource> keys;
        const auto add = [&](KeySource key, const std::string& label) {
            repository.add_slot(key, label);
            keys.push_back(std::move(key));
        };
        add(KeySource::password("by Argon2id, long"), "argon2id");
        add(KeySource::password("by PBKDF2, as long", KeySource::Derivation::pbkdf2), "pbkdf2");
        add(KeySource::new_recovery_code(), "recovery code");
        add(KeySource::host_key(crypto::random_bytes(40)), "host");
        const auto recipient = crypto::AgreementKey::generate();
        repository.add_slot(KeySource::recipient_public(recipient.public_key()), "recipient");
        keys.push_back(KeySource::recipient_private(recipient.private_key()));
        return keys;
    }
    /// The repository as somebody sees it who has kept an old vault.
    std::unique_ptr<Repository> open_with_vault(const std::string& name, const KeySource& key) {
        return Repository::open(store(), std::make_shared<blob::FileStore>(folder / name, base::system_clock()), key, options);
    }
    std::vector<std::string> in_vault() {
        std::vector<std::string> names;
        for (const auto& object : blob::list_all(*vault(), "")) names.push_back(object.name);
        return names;
    }
};

TEST_F(Slots, every_kind_opens_and_nothing_else_does) {
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    const auto keys = add_all(*repository);
    std::uint32_t number = 2;
    for (const auto& key : keys) {
        EXPECT_EQ(open_with(key)->list().front().id, id);
        EXPECT_EQ(repository->slot_of(key), number++);
    }
    const auto slots = repository->slots();
    ASSERT_EQ(slots.size(), 6u);
    EXPECT_EQ(slots[1].derivation, KeySource::Derivation::argon2id);
    EXPECT_EQ(slots[2].derivation, KeySource::Derivation::pbkdf2);
    EXPECT_EQ(slots[3].kind, KeySource::Kind::recovery_code);
    EXPECT_EQ(slots[4].kind, KeySource::Kind::host);
    EXPECT_EQ(slots[5].kind, KeySource::Kind::recipient);
    EXPECT_EQ(all(check(*repository).problems), "");

    // The same bytes as another kind of key are another key.
    EXPECT_THROW(open_with(KeySource::key(keys[2].secret.bytes())), PermissionDenied);
    EXPECT_THROW(open_with(KeySource::key(keys[3].secret.bytes())), PermissionDenied);
    EXPECT_THROW(open_with(KeySource::host_key(key_bytes)), PermissionDenied);
    EXPECT_THROW(open_with(KeySource::new_recovery_code()), PermissionDenied);
    EXPECT_THROW(open_with(KeySource::recipient_private(crypto::random_bytes(32))), PermissionDenied);
    EXPECT_THROW(open_with(KeySource::password("by PBKDF2, as lonG")), PermissionDenied);
    EXPECT_THROW(repository->add_slot(KeySource::recipient_public({}), "nobody"), InvalidArgument) << "would seal it to everybody";

    repository->remove_slot(4);
    EXPECT_THROW(open_with(keys[2]), PermissionDenied);
    EXPECT_NO_THROW(open_with(keys[3]));
}

TEST_F(Slots, a_recovery_code_tells_a_slip_from_a_wrong_code) {
    const auto key = KeySource::new_recovery_code();
    const auto code = recovery_text(key.secret.bytes());
    EXPECT_EQ(code.size(), 63u) << code;
    const auto same = [&](const std::string& typed) {
        const auto read = KeySource::recovery_code(typed);
        return read && crypto::equal_constant_time(read->secret.bytes(), key.secret.bytes());
    };
    EXPECT_TRUE(same(code));
    std::string plain, lower, spaced;
    for (const char c : code) {
        if (c != '-') plain += c;
        lower += static_cast<char>(std::tolower(c));
        spaced += c == '-' ? ' ' : c;
    }
    EXPECT_TRUE(same(plain));
    EXPECT_TRUE(same(lower));
    EXPECT_TRUE(same(spaced));
    for (std::size_t at = 0; at < code.size(); ++at) {
        if (code[at] == '-') continue;
        auto slip = code;
        slip[at] = slip[at] == 'Q' ? 'R' : 'Q';
        EXPECT_FALSE(KeySource::recovery_code(slip)) << at;
        slip.erase(at, 1);
        EXPECT_FALSE(KeySource::recovery_code(slip)) << at;
        if (at + 1 < code.size() && code[at + 1] != '-' && code[at + 1] != code[at]) {
            slip = code;
            std::swap(slip[at], slip[at + 1]);
            EXPECT_FALSE(KeySource::recovery_code(slip)) << at;
        }
    }
    EXPECT_FALSE(KeySource::recovery_code(""));
    EXPECT_FALSE(KeySource::recovery_code("a password like any other"));
}

TEST_F(Slots, a_key_file_that_was_cut_or_changed_anywhere_is_told_from_a_wrong_one) {
    const auto key = KeySource::new_key_file();
    const auto text = key_file_text(key.secret.bytes());
    const auto read = [](const std::string& content) { return KeySource::key_file(base::view_of(content)); };
    const auto same = [&](const std::string& content) {
        const auto got = read(content);
        return got && got->kind == KeySource::Kind::key_file && crypto::equal_constant_time(got->secret.bytes(), key.secret.bytes());
    };
    const auto line = text.substr(0, text.find('\n'));
    EXPECT_TRUE(same(text));
    EXPECT_TRUE(same(line)) << "the first line is enough";
    EXPECT_TRUE(same("# from the safe\r\n\r\n" + line + "\r\n"));
    EXPECT_FALSE(KeySource::recovery_code(line.substr(line.find(' ') + 1))) << "neither is the other";
    EXPECT_FALSE(read(recovery_text(key.secret.bytes())));
    // Cut anywhere within its key: known for a key file that is none any more, or for no key file; never for another key.
    for (std::size_t size = 0; size < line.size(); ++size) {
        try {
            EXPECT_FALSE(read(line.substr(0, size))) << size;
        } catch (const Corrupt&) {
            EXPECT_GE(size, std::string("key-file ").size());
        }
    }
    for (std::size_t at = line.find(' ') + 1; at < line.size(); ++at) {
        if (line[at] == '-') continue;
        auto slip = text;
        slip[at] = slip[at] == 'Q' ? 'R' : 'Q';
        EXPECT_THROW(read(slip), Corrupt) << at;
    }
    EXPECT_THROW(read(line + '\n' + line), Corrupt) << "two keys";
    EXPECT_FALSE(read(""));
    EXPECT_FALSE(read("# nothing but words\n"));
    EXPECT_FALSE(read("a password of thirty-two letters")) << "text of the length of a key is no key";
    EXPECT_EQ(std::string("a password of thirty-two letters").size(), 32U);
    const auto bytes = crypto::random_bytes(32);
    const auto raw = KeySource::key_file(bytes);
    ASSERT_TRUE(raw) << "other tools' key files are random bytes";
    EXPECT_TRUE(crypto::equal_constant_time(raw->secret.bytes(), bytes));
    EXPECT_FALSE(KeySource::key_file(crypto::random_bytes(33)));
    EXPECT_FALSE(KeySource::key_file(base::ByteView(bytes).first(31)));
}

TEST_F(Slots, weak_and_ruinous_iterations_are_refused_before_anything_is_derived) {
    auto repository = create();
    const auto password = KeySource::password("correct horse", KeySource::Derivation::pbkdf2);
    repository->add_slot(password, "");
    const auto raw = blob::get_all(*vault(), "slot/2", 4096);
    for (const std::uint32_t iterations : {0u, 1u, 599'999u, 10'000'001u, 0xffffffffu}) {
        auto bad = raw;
        base::store_le(bad.data() + 16, iterations);
        EXPECT_THROW(read_slot(bad, "slot/2"), Corrupt) << iterations;
        EXPECT_THROW(open_slot(repository->inside().super.repo, bad, password, "slot/2"), Corrupt) << iterations;
    }
    options.password_iterations = 599'999;
    EXPECT_THROW(open()->add_slot(password, ""), InvalidArgument);
}

// Anybody can seal to a public key. A slot, though, counts only from this repository's own hand: else who may write to the vault
// could slip the tenant keys of his own, and read what is backed up from then on.
TEST_F(Slots, one_that_a_stranger_sealed_is_refused) {
    auto repository = create();
    repository->add_slot(KeySource::password("correct horse"), "mine");
    const auto repo = repository->inside().super.repo;
    const auto forged_ring = make_ring(Time{});
    const auto root = crypto::Secret::random(32);
    const auto stranger = forged_ring.signer();
    for (const auto* name : {"slot/1", "slot/2"}) {
        auto lock = read_slot(blob::get_all(*vault(), name, 4096), name).lock;
        const auto forged = seal_slot(repo, lock, 1, root, stranger);
        for (const auto& copy : {std::string(name), name + std::string(".1")}) blob::put_bytes(*vault(), copy, forged, {.create_only = false});
    }
    for (const auto* name : {"ring/1", "ring/1.1"}) blob::put_bytes(*vault(), name, seal_ring(forged_ring, root, repo), {.create_only = false});
    EXPECT_THROW(open(), Corrupt);
    EXPECT_THROW(open_with(KeySource::password("correct horse")), Corrupt);
}

TEST_F(Slots, every_flipped_bit_is_found) {
    auto repository = create();
    const auto repo = repository->inside().super.repo;
    const auto raw = blob::get_all(*vault(), "slot/1", 4096);
    const auto identity = read_slot(raw, "slot/1").identity;
    EXPECT_TRUE(is_sealed_by(raw, identity));
    for (std::size_t at = 0; at < raw.size() * 8; ++at) {
        auto bad = raw;
        bad[at / 8] ^= static_cast<std::uint8_t>(1 << at % 8);
        try {
            EXPECT_TRUE(open_slot(repo, bad, key(), "slot/1").root.empty()) << at;
            EXPECT_FALSE(is_sealed_by(bad, identity)) << at;
        } catch (const Corrupt&) {
        } catch (const Unsupported&) {
        }
    }
}

TEST_F(Slots, of_the_first_version_still_open) {
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    auto& impl = repository->inside();
    const auto password = KeySource::password("correct horse");
    auto old_ring = open_ring(blob::get_all(*vault(), "ring/1", 1 << 20), impl.root, impl.super.repo, "ring/1");
    old_ring.identity = {};
    const auto put = [&](const std::string& name, const base::ByteVector& bytes) {
        for (const auto& copy : {name, name + ".1"}) blob::put_bytes(*vault(), copy, bytes, {.create_only = false});
    };
    put("ring/1", seal_ring(old_ring, impl.root, impl.super.repo));
    put("slot/1", seal_plain_slot(impl.super.repo, key(), options.password_cost, 1, "home", impl.root));
    put("slot/2", seal_plain_slot(impl.super.repo, password, options.password_cost, 1, "old", impl.root));
    repository = open();
    EXPECT_EQ(open_with(password)->list().front().id, id);
    repository->add_slot(KeySource::password("a newer password"), "new");
    EXPECT_EQ(all(check(*repository).problems), "");
    EXPECT_THROW(repository->rotate_root(), Conflict) << "nobody here can seal the old password's slot anew";
    EXPECT_NO_THROW(open_with(password));
    repository->remove_slot(2);
    EXPECT_EQ(repository->rotate_root(), 2u);
    EXPECT_EQ(open()->list().front().id, id);
    EXPECT_EQ(open_with(KeySource::password("a newer password"))->list().front().id, id);
    EXPECT_THROW(open_with(password), PermissionDenied);
}

TEST_F(Slots, a_new_root_key_keeps_every_slot_and_revokes_what_was_removed) {
    fill_source();
    auto repository = create();
    const auto first = back_up(*repository).snapshot.id;
    const auto keys = add_all(*repository);
    copy_tree(vault_folder(), folder / "old-vault");
    const auto old_root = repository->inside().root.clone();
    const auto repo = repository->inside().super.repo;
    repository->remove_slot(2);

    EXPECT_EQ(repository->rotate_root(), 2u);
    EXPECT_EQ(repository->rotate_root(), 3u);
    EXPECT_EQ(in_vault(), (std::vector<std::string>{"ring/3", "ring/3.1", "slot/1", "slot/1.1", "slot/3", "slot/3.1", "slot/4", "slot/4.1",
                                                    "slot/5", "slot/5.1", "slot/6", "slot/6.1"}))
        << "the old ring is gone, and nothing is left beside";
    for (const auto& slot : repository->slots()) EXPECT_EQ(slot.generation, 3u);
    EXPECT_NO_THROW(open());
    for (std::size_t i = 1; i < keys.size(); ++i) EXPECT_EQ(open_with(keys[i])->list().front().id, first) << i;
    EXPECT_THROW(open_with(keys[0]), PermissionDenied);

    // Who has the removed password and the vault of then learns the old root key, and that opens nothing of now.
    EXPECT_NO_THROW(open_with_vault("old-vault", keys[0]));
    const auto ring = blob::get_all(*vault(), "ring/3", 1 << 20);
    EXPECT_THROW(open_ring(ring, old_root, repo, "ring/3"), Corrupt);
    for (const auto number : {1, 3, 4, 5, 6}) {
        const auto name = slot_name(static_cast<std::uint32_t>(number));
        EXPECT_TRUE(open_slot(repo, blob::get_all(*vault(), name, 4096), keys[0], name).root.empty());
    }
    write(source() / "later", "after the rotation");
    const auto later = back_up(*repository).snapshot.id;
    restore(*open(), later, "out");
    EXPECT_EQ(all(differences(source(), folder / "out")), "");
    EXPECT_EQ(all(check(*open()).problems), "");
}

// Who opens it reads two copies of a slot and mends one from the other, while somebody else takes that key away or turns the root key.
TEST_F(Slots, what_is_removed_while_somebody_mends_it_stays_removed) {
    fill_source();
    auto repository = create();
    const auto code = KeySource::new_recovery_code();
    repository->add_slot(code, "two");
    const auto whole = folder / "whole-vault";
    copy_tree(vault_folder(), whole);
    const auto damage = [&](int how) {
        for (const std::string name : {"slot/2", "ring/1"}) {
            const auto copy = how % 2 == 0 ? name : name + ".1";
            if (how / 2 == 0) vault()->remove(copy, {}, {});
            else blob::put_bytes(*vault(), copy, ByteVector(900, 'x'), {.create_only = false});
        }
    };
    for (int how = 0; how < 4; ++how)
        for (const bool rotates : {false, true}) {
            bool was_there = true;
            for (int at = 1; was_there; ++at) {
                copy_tree(whole, vault_folder());
                const auto remover = open();
                damage(how);
                int operations = 0;
                was_there = false;
                const auto hooked = std::make_shared<tests::HookStore>(vault());
                hooked->before = [&](const std::string&, const std::string&) {
                    if (++operations != at) return;
                    was_there = true;
                    remover->remove_slot(2);
                    if (rotates) remover->rotate_root();
                };
                const auto when = "damage " + std::to_string(how) + ", at operation " + std::to_string(at) + (rotates ? ", rotates" : "");
                try {
                    Repository::open(store(), hooked, code, options);
                } catch (const Error& error) {
                    EXPECT_TRUE(was_there) << when << ": " << error.what();
                }
                if (!was_there) break;
                EXPECT_EQ(open()->slots().size(), 1u) << when;
                EXPECT_EQ(blob::list_all(*vault(), "slot/2").size(), 0u) << when;
                EXPECT_THROW(open_with(code), PermissionDenied) << when;
                EXPECT_EQ(blob::list_all(*vault(), "ring/1").empty(), rotates) << when;
                EXPECT_EQ(all(check(*open()).problems), "") << when;
            }
        }
}

// Another process has the repository open with the root key of before.
TEST_F(Slots, whoever_has_it_open_goes_on_after_anothers_rotation) {
    fill_source();
    create();
    auto here = open(), there = open();
    there->rotate_root();
    EXPECT_NO_THROW(back_up(*here));
    EXPECT_EQ(all(check(*here).problems), "");
    here->add_slot(KeySource::password("correct horse"), "added by the one that did not rotate");
    EXPECT_NO_THROW(open_with(KeySource::password("correct horse")));
    EXPECT_EQ(here->rotate_root(), 3u);
    EXPECT_NO_THROW(open_with(KeySource::password("correct horse")));
    EXPECT_EQ(there->slots().size(), 2u);
}

TEST_F(Slots, killed_at_every_operation_of_a_rotation_all_of_them_open) {
    fill_source();
    auto repository = create();
    const auto id = back_up(*repository).snapshot.id;
    std::vector<KeySource> keys;
    keys.push_back(key());
    keys.push_back(KeySource::new_recovery_code());
    repository->add_slot(keys[1], "code");
    const auto recipient = crypto::AgreementKey::generate();
    repository->add_slot(KeySource::recipient_public(recipient.public_key()), "recipient");
    keys.push_back(KeySource::recipient_private(recipient.private_key()));
    const auto whole = folder / "whole-vault";
    copy_tree(vault_folder(), whole);
    const auto counting = std::make_shared<FaultStore>(vault(), Faults{});
    Repository::open(store(), counting, key(), options)->rotate_root();
    const int operations = counting->operations();
    EXPECT_GE(operations, 18);
    int before = 0, behind = 0;
    for (int at = 1; at <= operations; ++at)
        for (const bool after : {false, true}) {
            const auto when = "killed at operation " + std::to_string(at) + (after ? ", done" : ", not done");
            copy_tree(whole, vault_folder());
            const Faults faults{.stop_at = at, .stop = Faults::Stop::kill, .after = after};
            const auto rotate = [&] { Repository::open(store(), std::make_shared<FaultStore>(vault(), faults), key(), options)->rotate_root(); };
            ASSERT_EQ(elsewhere(rotate), SIGKILL) << when;
            for (const auto& each : keys) EXPECT_EQ(open_with(each)->list().front().id, id) << when;
            EXPECT_EQ(all(check(*open(), CheckDepth::structure).problems).find("ring"), std::string::npos) << when;
            auto next = open_with(keys[static_cast<std::size_t>(at) % keys.size()]);
            (next->settle() ? behind : before) += 1;
            EXPECT_EQ(all(check(*next).problems), "") << when;
            const auto generation = next->slots().front().generation;
            for (const auto& slot : next->slots()) EXPECT_EQ(slot.generation, generation) << when;
            EXPECT_EQ(next->rotate_root(), generation + 1) << when;
            for (const auto& each : keys) EXPECT_EQ(open_with(each)->list().front().id, id) << when;
            EXPECT_EQ(in_vault().size(), 8u) << when;
            EXPECT_EQ(all(check(*open()).problems), "") << when;
        }
    EXPECT_GT(before, 0);
    EXPECT_GT(behind, 0);
}

TEST_F(Slots, failing_at_every_operation_of_a_rotation_it_can_be_asked_for_again) {
    auto repository = create();
    repository->add_slot(KeySource::host_key(key_bytes), "host");
    const auto counting = std::make_shared<FaultStore>(vault(), Faults{});
    Repository::open(store(), counting, key(), options)->rotate_root();
    for (int at = 1; at <= counting->operations(); ++at) {
        const auto faulty = std::make_shared<FaultStore>(vault(), Faults{.stop_at = at});
        auto failing = Repository::open(store(), faulty, key(), options);
        EXPECT_THROW(failing->rotate_root(), Unavailable) << at;
        EXPECT_NO_THROW(open()) << at;
        EXPECT_NO_THROW(open_with(KeySource::host_key(key_bytes))->rotate_root()) << at;
    }
    EXPECT_EQ(all(check(*open()).problems), "");
}

}  // namespace
}  // namespace tenon::tests
