#include <charconv>
#include <cstdlib>

#include "access.hpp"
#include "backups.hpp"
#include "jobs.hpp"
#include "json.hpp"
#include "limits.hpp"
#include "progress.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr std::string_view variable = "BACKUP_PASSWORD";

std::int32_t slot_number(const std::string& text) {
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || end != text.data() + text.size())
        throw UsageError("NUMBER is a number of “backup keys”, not “" + clean(text) + "”");
    return number;
}

constexpr std::string_view key_variable = "BACKUP_KEY";

int show_slot(const Context& context, const KeySlot& slot) {
    context.out().thing(to_json(slot), std::to_string(slot.number),
                        {{"Key", std::to_string(slot.number)}, {"Kind", slot.kind}, {"Derivation", slot.derivation}, {"Label", slot.label}});
    return 0;
}

KeyDerivation derivation_named(const std::string& given) {
    for (const auto derivation : {KeyDerivation::argon2id, KeyDerivation::pbkdf2})
        if (given == to_string(derivation)) return derivation;
    throw UsageError("--derivation takes argon2id or pbkdf2, not “" + clean(given) + "”");
}

}  // namespace

Session backup_session(Context& context) {
    Session session = context.session();
    const char* key = std::getenv(context.variable(key_variable).c_str());
    if (!key) return session;
    try {
        (void)session.backups().keys().list();
    } catch (const Unavailable&) {
        session.backups().keys().unlock(key);
    }
    return session;
}

int list_keys(Context& context, const Args&) {
    const auto slots = backup_session(context).backups().keys().list();
    Table table({">NUMBER", "KIND", "LABEL", ">GENERATION"});
    std::vector<std::string> keys;
    for (const auto& slot : slots) {
        table.row({std::to_string(slot.number), slot.kind, slot.label, std::to_string(slot.generation)});
        keys.push_back(std::to_string(slot.number));
    }
    context.out().list(to_json(slots), keys, table,
                       "No password: only this home's own key opens the repository. " +
                           context.command("backup add-password") + " adds one.");
    return 0;
}

int add_password(Context& context, const Args& args) {
    const auto derivation = derivation_named(args.text("--derivation", "argon2id"));
    BackupKeys keys = backup_session(context).backups().keys();
    const Secret password = read_password(context, args, variable, "New password of the backup", true);
    return show_slot(context, keys.add_password(password.value(), args.text("--label", "password"), derivation));
}

int add_recovery_code(Context& context, const Args& args) {
    const auto made = backup_session(context).backups().keys().add_recovery_code(args.text("--label", "recovery code"));
    const boost::json::object document{{"slot", to_json(made.slot)}, {"code", made.code}};
    show_secret(context.out(), document, made.code, {{"Code", made.code}, {"Key", std::to_string(made.slot.number)}, {"Label", made.slot.label}},
                "This is the only time the code is shown: write it down and lock it away.");
    return 0;
}

int add_key_file(Context& context, const Args& args) {
    const std::string path = args.operand(0);
    const auto slot = backup_session(context).backups().keys().add_key_file(
        {.path = path, .label = args.text("--label", "key file"), .existing = args.has("--existing")});
    auto document = to_json(slot);
    document.emplace("path", path);
    context.out().thing(document, std::to_string(slot.number),
                        {{"File", clean(path)}, {"Key", std::to_string(slot.number)}, {"Kind", slot.kind}, {"Label", slot.label}});
    if (!args.has("--existing")) context.out().remark("Keep it apart from this home, and from the backup: whoever has it can read the backup.");
    return 0;
}

int new_recipient(Context& context, const Args&) {
    const auto pair = backup_session(context).backups().keys().new_recipient();
    const boost::json::object document{{"public_key", pair.public_key}, {"private_key", pair.private_key}};
    show_secret(context.out(), document, pair.private_key, {{"Public key", pair.public_key}, {"Private key", pair.private_key}},
                "This is the only time the private key is shown: keep it where secrets are kept.");
    return 0;
}

int add_recipient(Context& context, const Args& args) {
    return show_slot(context, backup_session(context).backups().keys().add_recipient(args.operand(0), args.text("--label", "recipient")));
}

int add_deferred(Context& context, const Args& args) {
    BackupKeys keys = backup_session(context).backups().keys();
    const Secret key = read_password(context, args, key_variable, "Key of the backup", false, deferred_key_file);
    confirm(context, args, "Destroy this home's own key to the backup?");
    DeferredKeyOptions options{.key = key.value(), .label = args.text("--label", "host")};
    if (const auto length = args.duration("--unlock-within")) options.unlock_within = *length;
    return show_slot(context, keys.add_deferred(options));
}

int rotate_keys(Context& context, const Args& args) {
    BackupKeys keys = backup_session(context).backups().keys();
    confirm(context, args, "Replace the root key?");
    const auto rotation = keys.rotate();
    const boost::json::object document{{"generation", rotation.generation}, {"slots", to_json(rotation.slots)}};
    context.out().thing(document, std::to_string(rotation.generation),
                        {{"Generation", std::to_string(rotation.generation)}, {"Keys", std::to_string(rotation.slots.size()) + " sealed anew"}});
    return 0;
}

int rotate_data_key(Context& context, const Args& args) {
    BackupKeys keys = backup_session(context).backups().keys();
    RekeyOptions options{.resume = args.has("--resume"), .limits = limits_of(args)};
    options.schedule = schedule_of(args);
    if (!options.resume) confirm(context, args, "Replace the data keys and write everything anew?");
    RekeyJob job = keys.rotate_data_key(options);
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "rekey");
    const RekeyResult result = job.result();
    context.out().thing(to_json(result), result.revoked ? "revoked" : "left",
                        {{"Old keys", result.revoked ? "open nothing any more" : "still open what is damaged: " + size(result.left)},
                         {"Packs", count(result.packs) + " gone"},
                         {"Objects", count(result.objects) + " sealed anew"},
                         {"Written", size(result.rewritten)}});
    for (const auto& problem : result.problems) context.out().remark("! " + problem);
    return 0;
}

int list_subjects(Context& context, const Args&) {
    const auto subjects = backup_session(context).backups().keys().subjects();
    Table table({"SUBJECT"});
    boost::json::array document;
    for (const auto& subject : subjects) {
        table.row({subject});
        document.emplace_back(subject);
    }
    context.out().list(document, subjects, table, "No folder has keys of its own. " + context.command("backup start --erasable") + " gives some.");
    return 0;
}

int shred(Context& context, const Args& args) {
    const auto subject = args.operand(0);
    BackupKeys keys = backup_session(context).backups().keys();
    confirm(context, args, "Erase everything of " + clean(subject) + " from all snapshots, for ever?");
    const auto erasure = keys.shred(subject);
    context.out().thing(to_json(erasure), erasure.receipt,
                        {{"Erased", erasure.subject},
                         {"At", clock(erasure.erased_at)},
                         {"Unreadable", size(erasure.size)}, {"Signature", erasure.signature}});
    return 0;
}

int list_erasures(Context& context, const Args&) {
    const auto erasures = backup_session(context).backups().keys().erasures();
    Table table({"ERASED", "SUBJECT", ">SIZE"});
    std::vector<std::string> keys;
    for (const auto& each : erasures) {
        table.row({clock(each.erased_at), each.subject, size(each.size)});
        keys.push_back(each.subject);
    }
    context.out().list(to_json(erasures), keys, table, "Nothing was erased.");
    return 0;
}

int remove_key(Context& context, const Args& args) {
    const std::int32_t number = slot_number(args.operand(0));
    BackupKeys keys = backup_session(context).backups().keys();
    confirm(context, args, "Remove key " + std::to_string(number) + "?");
    keys.remove(number);
    context.out().done(to_json(keys.list()), "Removed key " + std::to_string(number) + ".");
    return 0;
}

int unlock(Context& context, const Args& args) {
    BackupKeys keys = backup_session(context).backups().keys();
    const auto file = args.text("--key-file");
    if (file == "-") keys.unlock(read_secret_file(file).value());
    else if (!file.empty()) keys.unlock_with_file(file);
    else keys.unlock(read_password(context, args, variable, "Password of the backup").value());
    context.out().done(to_json(keys.list()), "The repository is open.");
    return 0;
}

}  // namespace tenon::cli
