#include <charconv>

#include "backups.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "text.hpp"

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

}  // namespace

int list_keys(Context& context, const Args&) {
    const auto slots = context.session().backups().keys().list();
    Table table({">NUMBER", "KIND", "LABEL"});
    std::vector<std::string> keys;
    for (const auto& slot : slots) {
        table.row({std::to_string(slot.number), slot.kind, slot.label});
        keys.push_back(std::to_string(slot.number));
    }
    context.out().list(to_json(slots), keys, table,
                       "No password: only this home's own key opens the repository. " +
                           context.command("backup add-password") + " adds one.");
    return 0;
}

int add_password(Context& context, const Args& args) {
    BackupKeys keys = context.session().backups().keys();
    const Secret password = read_password(context, args, variable, "New password of the backup", true);
    const KeySlot slot = keys.add_password(password.value(), args.text("--label", "password"));
    context.out().thing(to_json(slot), std::to_string(slot.number),
                        {{"Key", std::to_string(slot.number)}, {"Kind", slot.kind}, {"Label", slot.label}});
    return 0;
}

int remove_key(Context& context, const Args& args) {
    const std::int32_t number = slot_number(args.operand(0));
    BackupKeys keys = context.session().backups().keys();
    confirm(context, args, "Remove key " + std::to_string(number) + "?");
    keys.remove(number);
    context.out().done(to_json(keys.list()), "Removed key " + std::to_string(number) + ".");
    return 0;
}

int unlock(Context& context, const Args& args) {
    BackupKeys keys = context.session().backups().keys();
    keys.unlock(read_password(context, args, variable, "Password of the backup").value());
    context.out().done(to_json(keys.list()), "The repository is open.");
    return 0;
}

}  // namespace tenon::cli
