#include <charconv>
#include <cstdio>

#include "context.hpp"
#include "json.hpp"
#include "secret.hpp"
#include "text.hpp"
#include "verbs.hpp"

namespace tenon::cli {
namespace {

constexpr Option of_operators{"--operators", "", "the operators' own trail instead of the tenant's"};

constexpr Option of_action{"--action", "ACTION", "such as project.create, or project."};
constexpr Option after_seq{"--after", "SEQ", "records behind this one"};
constexpr Option from_time{"--start", "TIME", "recorded at or after"};
constexpr Option to_time{"--end", "TIME", "recorded before"};
constexpr const char* erased = "[erased]";

Audit chosen(Context& context, const Args& args) {
    return args.has(of_operators.name) ? context.operators().audit() : context.session().audit();
}

int list(Context& context, const Args& args) {
    const std::string action = args.text("--action");
    const std::int64_t limit = args.integer("--limit", 100, 1, 1'000'000'000);
    std::int64_t after = args.integer("--after", -1, -1, INT64_MAX);
    const Audit audit = chosen(context, args);
    std::vector<AuditRecord> all;
    while (static_cast<std::int64_t>(all.size()) < limit) {
        const auto n = static_cast<std::int32_t>(std::min<std::int64_t>(10'000, limit - static_cast<std::int64_t>(all.size())));
        const auto page = audit.list({.action = action, .after = after, .limit = n, .start = args.time("--start"), .end = args.time("--end")});
        all.insert(all.end(), page.begin(), page.end());
        if (static_cast<std::int32_t>(page.size()) < n) break;
        after = page.back().seq;
    }
    Table table({">SEQ", "AT", "ACTOR", "ACTION", "TARGET", "OUTCOME", "REASON"});
    std::vector<std::string> keys;
    for (const auto& r : all) {
        table.row({std::to_string(r.seq), clock(r.at), r.actor_erased ? erased : r.actor, r.action, r.target, r.outcome,
                   r.reason_erased ? erased : r.reason});
        keys.push_back(r.hash);
    }
    context.out().list(to_json(all), keys, table, "No record.");
    return 0;
}

int verify(Context& context, const Args& args) {
    const std::string head = args.text("--head");
    if (args.has("--head") && (head.size() != 64 || head.find_first_not_of("0123456789abcdef") != std::string::npos))
        throw UsageError("--head takes the 64 hexadecimal digits that an earlier verify showed");
    const AuditReport report = chosen(context, args).verify();
    if (args.has("--head") && head != report.head)
        throw Corrupt("the trail is whole but ends in " + report.head + ", not in " + head +
                          ": records were added since that head was noted, or the trail was rolled back",
                      {.subject = report.head});
    context.out().thing(to_json(report), report.head,
                        {{"Audit trail", "whole"}, {"Records", count(report.records)}, {"Head", report.head}});
    return 0;
}

Fields about(const AuditCheckpoint& c) {
    return {{"Records", count(c.size)}, {"Root", c.root}, {"Signed", clock(c.at)}, {"Key", c.key}};
}

int checkpoint(Context& context, const Args& args) {
    const AuditCheckpoint taken = chosen(context, args).checkpoint();
    if (args.has("--note") && !context.out().json()) {
        std::fputs(taken.note.c_str(), stdout);
        return 0;
    }
    context.out().thing(to_json(taken), taken.root, about(taken));
    return 0;
}

std::int64_t number(const std::string& word, const std::string& what) {
    std::int64_t value = -1;
    if (const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
        error != std::errc{} || end != word.data() + word.size())
        throw UsageError(what);
    return value;
}

int prove(Context& context, const Args& args) {
    const auto seq = number(args.operands.at(0), "SEQ is the number of a record");
    const AuditProof proof = chosen(context, args).prove(seq);
    if (context.out().json()) context.out().thing(to_json(proof), proof.text, {});
    else std::fputs(proof.text.c_str(), stdout);
    return 0;
}

int consistency(Context& context, const Args& args) {
    const auto before = number(args.operands.at(0), "OLD is a number of records"), after = number(args.operands.at(1), "NEW is a number of records");
    const auto path = chosen(context, args).consistency(before, after);
    if (context.out().json()) {
        boost::json::array hashes(path.begin(), path.end());
        context.out().thing({{"old_size", before}, {"new_size", after}, {"path", std::move(hashes)}}, "", {});
        return 0;
    }
    for (const auto& hash : path) std::printf("%s\n", hash.c_str());
    return 0;
}

int export_all(Context& context, const Args& args) {
    const AuditCheckpoint last = chosen(context, args).export_file(args.operands.at(0));
    context.out().thing(to_json(last), last.root, about(last));
    return 0;
}

int export_list(Context& context, const Args& args) {
    const auto format = args.text("--format", "json-lines");
    if (format != "json-lines" && format != "csv") throw UsageError("--format takes json-lines or csv");
    const AuditListing made = chosen(context, args)
                                  .export_list({.path = args.operands.at(0),
                                                .format = format == "csv" ? AuditFormat::csv : AuditFormat::json_lines,
                                                .action = args.text("--action"),
                                                .after = args.integer("--after", -1, -1, INT64_MAX),
                                                .start = args.time("--start"),
                                                .end = args.time("--end")});
    context.out().thing(to_json(made), std::to_string(made.last),
                        {{"Records", count(made.records)}, {"Last", std::to_string(made.last)}, {"Size", size(made.size)}, {"SHA-256", made.sha256}});
    return 0;
}

int erase_personal(Context& context, const Args& args) {
    ErasePersonalOptions options{.subject = args.operand(0), .reason = args.text("--reason")};
    if (args.has("--record")) options.seq = args.integer("--record", 0, 0, INT64_MAX);
    if (options.subject.empty() != options.seq.has_value()) throw UsageError("whose values, SUBJECT, or those of which --record SEQ?");
    if (options.reason.empty()) throw UsageError("--reason TEXT is missing: the audit trail keeps why this was done");
    const auto whose = options.seq ? "record " + std::to_string(*options.seq) : options.subject;
    confirm(context, args, "Erase what the trail says of " + whose + " for ever?");
    const ErasedPersonal done = chosen(context, args).erase_personal(options);
    context.out().thing(to_json(done), std::to_string(done.records),
                        {{"Reasons and details", count(done.records) + " records"}, {"Name as actor", done.actor ? "erased" : "was not there"}});
    return 0;
}

std::string days_text(const std::optional<std::int32_t>& days) { return days ? std::to_string(*days) + " days" : "for ever"; }

int retention(Context& context, const Args& args) {
    if (args.has("--days") && args.has("--as-plan")) throw UsageError("either --days or --as-plan");
    auto audit = chosen(context, args);
    AuditRetention kept;
    if (args.has("--days") || args.has("--as-plan")) {
        AuditRetentionOptions options{.reason = args.text("--reason")};
        if (args.has("--days")) options.days = static_cast<std::int32_t>(args.integer("--days", 1, 1, 36'500));
        if (options.reason.empty()) throw UsageError("--reason TEXT is missing: the audit trail keeps why this was done");
        kept = audit.set_retention(options);
    } else {
        kept = audit.retention();
    }
    context.out().thing(to_json(kept), std::to_string(kept.first),
                        {{"Kept", days_text(kept.days)},
                         {"By the plan", days_text(kept.plan_days)},
                         {"Own", kept.own_days ? days_text(kept.own_days) : ""},
                         {"First record", std::to_string(kept.first)},
                         {"Legal hold", kept.held ? "yes: nothing is pruned or erased" : ""}});
    return 0;
}

}  // namespace

Group audit_verbs() {
    return {.name = "audit",
            .summary = "who did what, and the proof that nobody changed it",
            .about =
                "Every change is recorded in the same transaction as the change itself. Each record holds the hash of the "
                "one before, so that none can be altered, removed or put in between without notice.",
            .commands = {
                {.path = "audit list",
                 .summary = "list records",
                 .about = "Lists records, oldest first. An action that ends in a dot matches all that begin so.",
                 .options = {of_action, after_seq, from_time, to_time, {"--limit", "N", "show at most N; default 100"}, of_operators},
                 .examples = {{"audit list --action render.", "All that was done with renders."},
                              {"audit list --operators", "Work across tenants."}},
                 .run = list,
                 .looks = true},
                {.path = "audit verify",
                 .summary = "check the whole trail",
                 .about = "Recomputes every hash of the trail and names the first record that does not fit. Note the head it "
                          "prints: a trail that was cut off is whole too, but ends differently.",
                 .options = {{"--head", "HASH", "also fail unless the trail ends in this"}, of_operators},
                 .examples = {{"audit verify", "Exit code 19 if a record was changed."}},
                 .run = verify,
                 .looks = true},
                {.path = "audit checkpoint",
                 .summary = "sign the trail as it is now",
                 .about = "Signs what was recorded so far and shows the newest checkpoint. Keep its note outside: no later "
                          "rewriting can agree with it. The key is for those who verify; give it to them by another way.",
                 .options = {{"--note", "", "print the signed note alone"}, of_operators},
                 .examples = {{"audit checkpoint --note", "The note to keep."}},
                 .run = checkpoint},
                {.path = "audit prove",
                 .summary = "prove that a record is in the signed trail",
                 .about = "Prints a proof that “verify” checks with the public key alone.",
                 .operands = {{"SEQ", "the record's number"}},
                 .options = {of_operators},
                 .examples = {{"audit prove 0", "The first record and its proof."}},
                 .run = prove},
                {.path = "audit consistency",
                 .summary = "prove that the trail only grew",
                 .about = "Prints the RFC 6962 proof, one hash a line, that the first OLD records are the beginning of the first NEW: "
                          "with the roots of two checkpoints anybody can check it. Two exports are compared by “verify --since”.",
                 .operands = {{"OLD", "how many records there were"}, {"NEW", "how many there are"}},
                 .options = {of_operators},
                 .examples = {{"audit consistency 1 3", "The first record is still the first of three."}},
                 .run = consistency},
                {.path = "audit export",
                 .summary = "write the trail and its proofs to a file",
                 .about = "Writes every record, every checkpoint and what ties them together. Personal values are not in it, only "
                          "commitments to them. Check the file with “verify”.",
                 .operands = {{"FILE", "must not exist"}},
                 .options = {of_operators},
                 .examples = {{"audit export trail.audit", "Then: verify --key KEY trail.audit"}},
                 .run = export_all},
                {.path = "audit export-list",
                 .summary = "write records to a file for people",
                 .about = "Writes records as JSON Lines or CSV, personal values included as far as they are there. It proves nothing: "
                          "“audit export” does. The last number it prints is where a later one goes on, with --after.",
                 .operands = {{"FILE", "must not exist"}},
                 .options = {{"--format", "FORMAT", "json-lines or csv; default json-lines"}, of_action, after_seq, from_time, to_time, of_operators},
                 .examples = {{"audit export-list may.csv --format csv --start 2026-05-01T00:00:00Z --end 2026-06-01T00:00:00Z",
                               "A month as a table."}},
                 .run = export_list},
                {.path = "audit erase-personal",
                 .summary = "erase what the trail says of a person",
                 .about = "Erases the person's name as the actor of any record, and reason and details of every record that is about "
                          "SUBJECT or mentions it as whole words; with --record, of that record. The records stay and every proof "
                          "holds: they say of such a value only a salted hash, and the salt goes too. Call it for each way in which "
                          "the person is written: id, name, e-mail address.",
                 .operands = {{"SUBJECT", "as the trail writes him", false}},
                 .options = {{"--record", "SEQ", "one record instead"}, of_operators, yes},
                 .examples = {{"audit erase-personal jane@acme.example --reason \"GDPR request 7\" --yes",
                               "Needs --reason, which should name nobody."}},
                 .run = erase_personal},
                {.path = "audit retention",
                 .summary = "show or set how long records are kept",
                 .about = "Records older than the plan keeps them, or than --days if that is shorter, are pruned once a day: their content "
                          "goes, their hashes stay, and every proof and checkpoint of what is younger stays valid. A legal hold "
                          "keeps everything. Setting it needs --reason.",
                 .options = {{"--days", "N", "keep no longer than this"}, {"--as-plan", "", "as long as the plan says"}, of_operators},
                 .examples = {{"audit retention", "What holds, and which record is the first."},
                              {"audit retention --days 400 --reason \"our policy\"", "Shorter than the plan."}},
                 .run = retention}}};
}

}  // namespace tenon::cli
