// Who can open a tenant's repository, and what is erased by its keys.
#include <tenon/backup.hpp>

#include <algorithm>

#include <base/json.hpp>
#include <base/text.hpp>
#include <crypto/agreement.hpp>
#include <crypto/encoding.hpp>

#include "backup_json.hpp"
#include "core.hpp"
#include "key_file.hpp"
#include "recorded.hpp"
#include "repositories.hpp"

TENON_BEGIN

const char* to_string(KeyDerivation derivation) noexcept {
    switch (derivation) {
        case KeyDerivation::argon2id: return "argon2id";
        case KeyDerivation::pbkdf2: return "pbkdf2";
    }
    return "";
}

TENON_END

namespace tenon {

using base::Json;
using engine::Permission;
using engine::recorded;
using engine::repositories;

BackupKeys::BackupKeys(std::shared_ptr<SessionImpl> impl) : impl_(std::move(impl)) {}

namespace {

using KeyKind = backup::KeySource::Kind;

const char* kind_name(KeyKind kind) {
    switch (kind) {
        case KeyKind::password: return "password";
        case KeyKind::key_file: return "key_file";
        case KeyKind::recovery_code: return "recovery_code";
        case KeyKind::recipient: return "recipient";
        case KeyKind::host: return "host";
    }
    return "";
}

KeySlot to_public(const backup::Slot& slot) {
    const bool stretched = slot.derivation != backup::KeySource::Derivation::none;
    return {.number = static_cast<std::int32_t>(slot.number), .kind = kind_name(slot.kind), .label = slot.label,
            .derivation = stretched ? to_string(static_cast<KeyDerivation>(slot.derivation)) : "",
            .generation = static_cast<std::int32_t>(slot.generation)};
}

/// A key's bytes that travelled as text.
crypto::Secret key_bytes(const std::string& text, std::string_view field) {
    auto bytes = crypto::from_base64(text);
    if (!bytes || bytes->size() < 32) throw InvalidArgument("not 32 bytes or more in base64", {.subject = std::string(field)});
    auto secret = crypto::Secret::copy_of(*bytes);
    crypto::wipe(*bytes);
    return secret;
}

/// Where somebody gives a file's content as text. What looks like one and is none may be a password.
std::optional<backup::KeySource> key_file_of(const std::string& text) {
    try {
        return backup::KeySource::key_file(base::view_of(text));
    } catch (const Corrupt&) {
        return std::nullopt;
    }
}

}  // namespace

KeySlot BackupKeys::add_password(const std::string& password, const std::string& label, KeyDerivation derivation) {
    const auto pass = impl_->enter(Permission::backup_keys);
    base::check_name("label", label);
    if (derivation != KeyDerivation::argon2id && derivation != KeyDerivation::pbkdf2)
        throw InvalidArgument("no such derivation", {.subject = "derivation"});
    const auto key = backup::KeySource::password(password, static_cast<backup::KeySource::Derivation>(derivation));
    return recorded(*impl_, "backup.add_key", label, [&] {
        return impl_->interruptible([&](const auto& stop) { return to_public(repositories(impl_).add_key(impl_->scope, key, label, stop)); });
    });
}

RecoveryCode BackupKeys::add_recovery_code(const std::string& label) {
    const auto pass = impl_->enter(Permission::backup_keys);
    base::check_name("label", label);
    const auto key = backup::KeySource::new_recovery_code();
    return recorded(*impl_, "backup.add_key", label, [&] {
        return impl_->interruptible([&](const auto& stop) {
            return RecoveryCode{to_public(repositories(impl_).add_key(impl_->scope, key, label, stop)), backup::recovery_text(key.secret.bytes())};
        });
    });
}

KeySlot BackupKeys::add_key_file(const KeyFileOptions& options) {
    const auto pass = impl_->enter(Permission::backup_keys);
    base::check_name("label", options.label);
    engine::KeyFile::check_path(options.path);
    impl_->check_outside(options.path, "path", false);
    return recorded(*impl_, "backup.add_key", options.label, [&] {
        return impl_->interruptible([&](const auto& stop) {
            auto file = options.existing ? engine::KeyFile::read(options.path) : engine::KeyFile::make(options.path);
            const auto slot = repositories(impl_).add_key(impl_->scope, file.key(), options.label, stop);
            file.keep();
            return to_public(slot);
        });
    });
}

KeySlot BackupKeys::add_recipient(const std::string& public_key, const std::string& label) {
    const auto pass = impl_->enter(Permission::backup_keys);
    base::check_name("label", label);
    const auto bytes = crypto::from_base64(public_key);
    crypto::PublicKey recipient{};
    if (!bytes || bytes->size() != recipient.size()) throw InvalidArgument("not 32 bytes in base64", {.subject = "public_key"});
    std::copy(bytes->begin(), bytes->end(), recipient.begin());
    // Points of small order would seal the root key to everybody.
    if (crypto::AgreementKey::generate().agree(recipient).empty())
        throw InvalidArgument("this is no public key of X25519", {.subject = "public_key"});
    return recorded(*impl_, "backup.add_key", label, [&] {
        return impl_->interruptible([&](const auto& stop) {
            return to_public(repositories(impl_).add_key(impl_->scope, backup::KeySource::recipient_public(recipient), label, stop));
        });
    });
}

RecipientKey BackupKeys::new_recipient() const {
    const auto pass = impl_->enter(Permission::backup_keys);
    const auto pair = crypto::AgreementKey::generate();
    return {crypto::to_base64(pair.public_key()), crypto::to_base64(pair.private_key())};
}

KeySlot BackupKeys::add_deferred(const DeferredKeyOptions& options) {
    const auto pass = impl_->enter(Permission::backup_keys);
    base::check_name("label", options.label);
    if (options.unlock_within < Duration::zero()) throw InvalidArgument("a time is not negative", {.subject = "unlock_within"});
    const auto key = backup::KeySource::host_key(key_bytes(options.key, "key").bytes());
    constexpr Duration patience = std::chrono::minutes(10);
    const auto within = options.unlock_within == Duration::zero() ? patience : options.unlock_within;
    return recorded(*impl_, "backup.defer_key", options.label, [&] {
        return impl_->interruptible(
            [&](const auto& stop) { return to_public(repositories(impl_).defer_key(impl_->scope, key, options.label, within, stop)); });
    });
}

std::vector<KeySlot> BackupKeys::list() const {
    const auto pass = impl_->enter(Permission::backup_keys);
    std::vector<KeySlot> slots;
    if (const auto repository = repositories(impl_).find(impl_->scope))
        for (const auto& slot : repository->slots()) slots.push_back(to_public(slot));
    return slots;
}

void BackupKeys::remove(std::int32_t number) {
    const auto pass = impl_->enter(Permission::backup_keys);
    if (number < 0) throw NotFound("there is no such key", {.subject = std::to_string(number)});
    recorded(*impl_, "backup.remove_key", std::to_string(number),
             [&] {
                 impl_->interruptible([&](const auto& stop) {
                     repositories(impl_).remove_key(impl_->scope, static_cast<std::uint32_t>(number), stop);
                 });
             });
}

void BackupKeys::unlock(const std::string& secret) {
    const auto pass = impl_->enter(Permission::backup_keys);
    // What the text can be, the cheap ones first: a password may look like any of the others.
    std::vector<backup::KeySource> keys;
    if (auto code = backup::KeySource::recovery_code(secret)) keys.push_back(*std::move(code));
    if (auto file = key_file_of(secret)) keys.push_back(*std::move(file));
    if (auto bytes = crypto::from_base64(secret); bytes && bytes->size() >= 32) {
        keys.push_back(backup::KeySource::host_key(*bytes));
        if (bytes->size() == 32) keys.push_back(backup::KeySource::recipient_private(*bytes));
        crypto::wipe(*bytes);
    }
    keys.push_back(backup::KeySource::password(secret));
    recorded(*impl_, "backup.unlock", "", [&] {
        impl_->interruptible([&](const auto& stop) { repositories(impl_).unlock(impl_->scope, keys, stop); });
    });
}

void BackupKeys::unlock_with_file(const std::filesystem::path& path) {
    const auto pass = impl_->enter(Permission::backup_keys);
    engine::KeyFile::check_path(path);
    impl_->check_outside(path, "path", false);
    recorded(*impl_, "backup.unlock", "", [&] {
        std::vector<backup::KeySource> keys;
        keys.push_back(engine::KeyFile::read(path).key().clone());
        impl_->interruptible([&](const auto& stop) { repositories(impl_).unlock(impl_->scope, keys, stop); });
    });
}

namespace {

BackupErasure to_public(const backup::ErasedClass& erased) {
    const auto said = base::parse_json(erased.receipt);
    return {.subject = said.get_string("subject"), .erased_at = Time(Duration(said.get_int("erased_at"))), .packs = said.get_int("packs"),
            .size = {said.get_int("bytes")}, .receipt = erased.receipt, .signature = erased.signature, .public_key = erased.public_key};
}

}  // namespace

std::vector<std::string> BackupKeys::subjects() const {
    const auto pass = impl_->enter(Permission::backup_keys);
    const auto repository = repositories(impl_).find(impl_->scope);
    return repository ? repository->subjects() : std::vector<std::string>{};
}

BackupErasure BackupKeys::shred(const std::string& subject) {
    const auto pass = impl_->enter(Permission::backup_keys);
    return recorded(*impl_, "backup.shred", subject.substr(0, 200), [&] {
        return impl_->interruptible([&](const auto& stop) { return to_public(repositories(impl_).shred(impl_->scope, subject, stop)); });
    });
}

std::vector<BackupErasure> BackupKeys::erasures() const {
    const auto pass = impl_->enter(Permission::backup_keys);
    std::vector<BackupErasure> all;
    if (const auto repository = repositories(impl_).find(impl_->scope))
        for (const auto& erased : repository->erased()) all.push_back(to_public(erased));
    std::sort(all.begin(), all.end(), [](const auto& a, const auto& b) { return a.erased_at < b.erased_at; });
    return all;
}

RekeyJob BackupKeys::rotate_data_key(const RekeyOptions& options) {
    const auto pass = impl_->enter(Permission::backup_keys);
    backup::check_limits(options.limits);
    jobs::check_schedule(options.schedule, impl_->now());
    if (!options.resume)
        recorded(*impl_, "backup.rotate_data_key", "",
                 [&] { impl_->interruptible([&](const auto& stop) { repositories(impl_).rotate_data_key(impl_->scope, stop); }); });
    Json payload;
    payload.set("resume", options.resume);
    engine::set_limits(payload, options.limits);
    jobs::NewJob job{.kind = engine::rekey_kind, .payload = base::to_json(payload)};
    jobs::schedule(job, options.schedule);
    const auto id = engine::enqueue_backup_job(*impl_, "backup.rekey", std::move(job), false);
    return Internal::make<RekeyJob>(std::make_shared<JobImpl>(JobImpl{impl_, id, engine::rekey_kind}));
}

KeyRotation BackupKeys::rotate() {
    const auto pass = impl_->enter(Permission::backup_keys);
    return recorded(*impl_, "backup.rotate_key", "", [&] {
        return impl_->interruptible([&](const auto& stop) {
            KeyRotation rotation{.generation = static_cast<std::int32_t>(repositories(impl_).rotate(impl_->scope, stop))};
            if (const auto repository = repositories(impl_).find(impl_->scope))
                for (const auto& slot : repository->slots()) rotation.slots.push_back(to_public(slot));
            return rotation;
        });
    });
}

}  // namespace tenon
