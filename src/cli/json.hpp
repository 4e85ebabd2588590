#pragma once

#include <optional>
#include <string>
#include <vector>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include <tenon/tenon.hpp>

// The documents of --json. Names are those of the public structs. Times are RFC 3339 in UTC, durations integer
// microseconds in fields that end in _us, sizes bytes, absent values null.
namespace tenon::cli {

boost::json::array strings(const std::vector<std::string>& values);
boost::json::array labels(const std::vector<Label>& values);
boost::json::value or_null(const std::optional<std::int64_t>& value);
boost::json::value or_null(const std::string& text);  // null where it is empty

boost::json::object to_json(const Tenant& tenant);
boost::json::object to_json(const Plan& plan);
boost::json::object to_json(const PlanChange& change);
boost::json::object to_json(const LimitOverride& limit);
boost::json::object to_json(const Partner& partner);
boost::json::object to_json(const MovedHome& moved);
boost::json::object to_json(const SettingsDocument& document);
boost::json::object to_json(const User& user);
boost::json::object to_json(const ProjectGrant& grant);
boost::json::object to_json(const PasswordTicket& ticket);
boost::json::object to_json(const SecondFactor& factor);
boost::json::object to_json(const CustomRole& role);
boost::json::object to_json(const ApiKey& key);
boost::json::object to_json(const NewApiKey& key);
boost::json::object to_json(const LoginInfo& login);
boost::json::object to_json(const Tokens& tokens);
boost::json::object to_json(const TrustedIssuer& issuer);
boost::json::object to_json(const TokenKey& key);
boost::json::object to_json(const Principal& principal);
boost::json::object to_json(const Project& project);
boost::json::object to_json(const Asset& asset);
boost::json::object to_json(const WorkLimits& limits);
boost::json::object to_json(const Progress& progress);
boost::json::object to_json(const JobInfo& job);
boost::json::object to_json(const JobPause& pause);
boost::json::object to_json(const JobBatch& batch);
boost::json::object to_json(const StartedJob& job);
boost::json::object to_json(const Recurrence& recurrence);
boost::json::object to_json(const RenderResult& result);
boost::json::object to_json(const ExportedFile& file);
boost::json::object to_json(const CameraInfo& camera);
boost::json::object to_json(const RecordingWindow& window);
boost::json::object to_json(const FootageSpan& span);
boost::json::object to_json(const Protection& protection);
boost::json::object to_json(const CameraSnapshot& snapshot);
boost::json::object to_json(const Playlist& playlist);
boost::json::object to_json(const RecordingInfo& recording);
boost::json::object to_json(const Clip& clip);
boost::json::object to_json(const Snapshot& snapshot);
boost::json::object to_json(const BackupResult& result);
boost::json::object to_json(const FileEntry& entry);
boost::json::object to_json(const BackupErasure& erasure);
boost::json::object to_json(const FileChange& change);
boost::json::object to_json(const SnapshotDiff& diff);
boost::json::object to_json(const SnapshotVerdict& verdict);
boost::json::object to_json(const ForgetResult& result);
boost::json::array to_json(const std::vector<DamagedFile>& damaged);
boost::json::object to_json(const RestoreResult& result);
boost::json::object to_json(const RestorePreview& preview);
boost::json::object to_json(const CheckReport& report);
boost::json::object to_json(const BackupCheckpoint& checkpoint);
boost::json::object to_json(const RepairResult& result);
boost::json::object to_json(const PruneResult& result);
boost::json::object to_json(const RekeyResult& result);
boost::json::object to_json(const BackupSchedule& schedule);
boost::json::object to_json(const UpcomingWork& work);
boost::json::object to_json(const DrillReport& report);
boost::json::object to_json(const BackupStore& store);
boost::json::object to_json(const CopyState& state);
boost::json::object to_json(const CopyResult& result);
boost::json::object to_json(const Takeout& takeout);
boost::json::object to_json(const KeySlot& slot);
boost::json::object to_json(const Quota& quota);
boost::json::object to_json(const QuotaForecast& forecast);
boost::json::object to_json(const QuotaOverage& overage);
boost::json::object to_json(const ShadowCount& count);
boost::json::object to_json(const OpenHold& hold);
boost::json::object to_json(const RateDecision& decision);
boost::json::object to_json(const LeaseInfo& lease);
boost::json::object to_json(const UsageReport& report);
boost::json::object to_json(const UsageMonth& month);
boost::json::object to_json(const UsagePoint& point);
boost::json::object to_json(const UsageReceipt& receipt);
boost::json::object to_json(const UsageRecord& record);
boost::json::object to_json(const UsageShare& share);
boost::json::object to_json(const CostTags& tags);
boost::json::object to_json(const UsageCheck& check);
boost::json::object to_json(const AuditRecord& record);
boost::json::object to_json(const AuditReport& report);
boost::json::object to_json(const AuditListing& listing);
boost::json::object to_json(const ErasedPersonal& erased);
boost::json::object to_json(const AuditRetention& retention);
boost::json::object to_json(const LegalHold& hold);
boost::json::object to_json(const ErasureReceipt& receipt);
boost::json::object to_json(const AuditCheckpoint& checkpoint);
boost::json::object to_json(const AuditProof& proof);
boost::json::object to_json(const Event& event);
boost::json::object to_json(const Error& error, const std::string& hint);

boost::json::value to_json(const std::optional<Time>& time);

template <class T>
boost::json::array to_json(const std::vector<T>& values) {
    boost::json::array out;
    out.reserve(values.size());
    for (const auto& value : values) out.push_back(to_json(value));
    return out;
}

/// A document that the library gives as text, as a document.
boost::json::value embedded(const std::string& text);

const char* to_string(FileKind kind);

}  // namespace tenon::cli
