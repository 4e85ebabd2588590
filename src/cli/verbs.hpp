#pragma once

#include "command.hpp"

namespace tenon::cli {

Group tenant_verbs();
Group partner_verbs();
Group settings_verbs();
Group user_verbs();
Group role_verbs();
Group key_verbs();
Group login_verbs();
Group issuer_verbs();
Group token_verbs();
Group project_verbs();
Group asset_verbs();
Group render_verbs();
Group export_verbs();
Group camera_verbs();
Group backup_verbs();
Group backup_schedule_verbs();
Group usage_verbs();
Group quota_verbs();
Group hold_verbs();
Group rate_verbs();
Group audit_verbs();
Group takeout_verbs();
Group job_verbs();
Group recurrence_verbs();
Group event_verbs();
Group home_verbs();
Group completion_verbs();

}  // namespace tenon::cli
