#include <fstream>
#include <iterator>

#include "backups.hpp"
#include "json.hpp"
#include "report.hpp"
#include "secret.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

void show_checkpoint(const Context& context, const Args& args, const BackupCheckpoint& taken) {
    if (args.has("--to")) {
        const auto path = args.text("--to");
        std::ofstream file(path, std::ios::binary | std::ios::trunc);
        file << taken.record;
        file.close();
        if (!file) throw NoSpace("the record cannot be written", {.subject = clean(path)});
    }
    context.out().thing(to_json(taken), std::to_string(taken.number),
                        {{"Checkpoint", std::to_string(taken.number)},
                         {"Made", clock(taken.made_at)},
                         {"Snapshots", count(taken.snapshots)},
                         {"Packs", count(taken.packs)},
                         {"Record", args.text("--to")}});
    for (const auto& line : taken.accepted) context.out().remark("accepted: " + line);
}

}  // namespace

std::string record_in(const Args& args, std::string_view option) {
    const auto path = args.text(option);
    std::ifstream file(path, std::ios::binary);
    const std::string record{std::istreambuf_iterator<char>(file), {}};
    if (!file) throw NotFound("cannot read the record “" + clean(path) + "”", {.subject = clean(path)});
    if (record.empty()) throw InvalidArgument("there is no record in “" + clean(path) + "”", {.subject = clean(path)});
    return record;
}

int take_checkpoint(Context& context, const Args& args) {
    show_checkpoint(context, args, backup_session(context).backups().checkpoint());
    return 0;
}

int accept_repository(Context& context, const Args& args) {
    const auto record = args.has("--against") ? record_in(args, "--against") : std::string();
    confirm(context, args, "Take the repository for right as it is now?");
    show_checkpoint(context, args, backup_session(context).backups().accept(record));
    return 0;
}

}  // namespace tenon::cli
