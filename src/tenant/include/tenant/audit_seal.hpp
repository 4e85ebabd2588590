#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <crypto/sign.hpp>
#include <db/database.hpp>
#include <tenon/audit.hpp>

/// Signed checkpoints of all audit logs, and what proves a record against them. Layouts: docs/design/tenant.md.
namespace tenon::tenant::audit {

/// The key's C2SP form: `<name>+<hash>+<base64>`. The name is made of the key, so that no brand shows in it.
std::string key_text(const crypto::PublicKey& key);

/// The text, which ends with a line feed, an empty line and the line that signs it: C2SP's signed note.
std::string signed_text(const std::string& text, const crypto::SigningKey& key);

/// Takes a checkpoint over every log that grew since the last one; nothing grew: does nothing. Returns how many grew.
/// Throws Corrupt, when all others are signed, if a log is shorter than a checkpoint says.
std::int64_t seal(db::Database& database, const db::SystemScope& system, const crypto::SigningKey& key, Time now);

/// The newest checkpoint of a log; its size is 0 if there is none.
AuditCheckpoint newest_checkpoint(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope);

/// Throws NotFound if no checkpoint covers the record.
AuditProof prove(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope, std::int64_t seq);

/// Throws InvalidArgument.
std::vector<std::string> consistency(db::Database& database, const db::TenantScope& scope, std::int64_t old_size, std::int64_t new_size);

/// Throws Conflict if the file exists.
AuditCheckpoint export_file(db::Database& database, const db::SystemScope& system, const db::TenantScope& scope,
                            const std::filesystem::path& path);

}  // namespace tenon::tenant::audit
