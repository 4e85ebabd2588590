#include <filesystem>

#include "json.hpp"
#include "jobs.hpp"
#include "progress.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr Option as_operator{"--operator", "", "in the tenant's place: recorded as an operator's, and for who cannot log in any more"};

int take_out(Context& context, const Args& args) {
    const auto target = std::filesystem::absolute(args.operand(0));
    const auto schedule = schedule_of(args);
    auto job = args.has(as_operator.name)
                   ? context.operators().tenants().take_out({.tenant = context.tenant(), .target = target, .schedule = schedule})
                   : context.session().takeouts().start({.target = target, .schedule = schedule});
    if (is_for_later(args)) return show_started(context, job);
    follow(context, job, "takeout");
    const Takeout made = job.result();
    std::int64_t records = 0;
    for (const auto& each : made.records) records += each.count;
    context.out().thing(to_json(made), made.path.string(),
                        {{"Taken out to", made.path.string()},
                         {"As of", clock(made.at)},
                         {"Records", count(records)},
                         {"Originals", count(made.originals)},
                         {"Size", size(made.size)},
                         {"Manifest", made.manifest_sha256},
                         {"Key", made.key}});
    if (made.problems > 0) context.out().remark("! " + count(made.problems) + " files could not be taken as they were: see problems.jsonl");
    return 0;
}

}  // namespace

Group takeout_verbs() {
    constexpr std::string_view about =
        "Writes everything that the tenant owns into a new folder, in open formats: records of all kinds as JSON, one a line, the original "
        "files, the evidence of the audit trail, and a signed manifest of them all. No password and no key is in it. The folder appears "
        "whole or not at all; “verify --key KEY DIR” checks it without the engine. Also of a tenant that is suspended or archived.";
    return {.name = "takeout",
            .summary = "everything a tenant owns, to take along",
            .about = about,
            .commands = {{.path = "takeout",
                          .summary = "write everything into a folder",
                          .about = about,
                          .operands = {{"DIR", "the folder; is not there yet, outside of the home"}},
                          .options = {as_operator, {"--reason", "TEXT", "with --operator: why; goes into the audit trail"}, at_option,
                                      priority_option, unique_option, after_job_option, after_failure_option, batch_option, detach},
                          .examples = {{"takeout /tmp/acme-2026", "Everything of the tenant."},
                                       {"takeout /tmp/acme-2026 --operator --reason 'asked for by letter'", "As its operator."}},
                          .run = take_out}}};
}

}  // namespace tenon::cli
