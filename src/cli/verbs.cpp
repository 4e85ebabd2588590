#include "verbs.hpp"

#include "context.hpp"
#include "help.hpp"

namespace tenon::cli {
namespace {

int run_completion(Context& context, const Args&) {
    context.out().line(bash_completion(context.program()));
    return 0;
}

}  // namespace

Group completion_verbs() {
    return {.name = "completion",
            .summary = "print a script that completes verbs and options",
            .about = "Shells complete verbs and options once they have read this script.",
            .commands = {{.path = "completion bash",
                          .summary = "for bash",
                          .about = "Prints a script for bash. Let ~/.bashrc evaluate it, or save it in "
                                   "/etc/bash_completion.d for everyone.",
                          .examples = {{"completion bash > completion.sh", "Then: source completion.sh"}},
                          .run = run_completion}}};
}

const std::vector<Group>& groups() {
    static const std::vector<Group> all{tenant_verbs(), partner_verbs(), settings_verbs(), user_verbs(), role_verbs(), key_verbs(),
                                        login_verbs(), issuer_verbs(), token_verbs(), project_verbs(), asset_verbs(), render_verbs(),
                                        export_verbs(), camera_verbs(), backup_verbs(), backup_schedule_verbs(), usage_verbs(),
                                        quota_verbs(), hold_verbs(), rate_verbs(), job_verbs(), recurrence_verbs(), event_verbs(),
                                        audit_verbs(), takeout_verbs(), home_verbs(), completion_verbs()};
    return all;
}

const std::vector<Option>& global_options() {
    static const std::vector<Option> all{
        {"--home", "DIR", "the folder that holds everything; default $PREFIX_HOME or ./studio"},
        {"--tenant", "TENANT", "id or slug of the tenant; default $PREFIX_TENANT, or the only one there is"},
        {"--actor", "NAME", "who acts, for the audit trail; default $PREFIX_ACTOR or the user's name"},
        {"--role", "ROLE", "owner, admin, billing, editor, camera_operator, viewer, auditor or support; default owner"},
        {"--reason", "TEXT", "why, for the audit trail of work across tenants"},
        {"--as-partner", "PARTNER", "work across the tenants of this partner alone, as its own operator: id or slug"},
        {"--json", "", "one JSON document on standard output; errors as JSON on standard error"},
        {"--quiet", "", "only the ids or paths that were asked for, no progress, no remarks"},
        {"--plan-file", "FILE", "a catalogue of plans; its plans replace shipped ones of the same name", true},
        {"--backup-parity", "HOW",
         "what backups keep to mend damage with: none, thin or full; default $PREFIX_BACKUP_PARITY, or thin"},
        {"--camera-network", "CIDR",
         "where cameras may live; default $PREFIX_CAMERA_NETWORKS (separated by commas), or private networks", true},
        {"--served-region", "REGION", "a region whose data may lie in this home; default every one", true},
        {"--workers", "N", "jobs at once; default as many as cores, at most 4"},
        {"--master-key-file", "FILE", "the key that seals secrets; default $PREFIX_MASTER_KEY_FILE or within the home"},
        {"--passphrase-file", "FILE", "a passphrase instead of a key file; default $PREFIX_PASSPHRASE"},
        {"--postgres-file", "FILE", "holds the connection string of the home's PostgreSQL database; default $PREFIX_POSTGRES"},
        {"--help", "", "explain, at any place"},
        {"--version", "", "name and version"}};
    return all;
}

}  // namespace tenon::cli
