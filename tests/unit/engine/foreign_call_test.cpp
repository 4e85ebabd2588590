// Every place of the public face where an id or a name can be given, by construction: read from the list of all public names. Given
// another tenant's it is not found, and not a byte of theirs comes back.

#include "engine_fixture.hpp"
#include "tenant_state.hpp"

#include <fstream>
#include <functional>
#include <map>
#include <regex>
#include <set>

#include <tenon/backup_drill.hpp>
#include <tenon/backup_schedule.hpp>
#include <tenon/recurrence.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

/// bindings/parity/api.txt: methods with their parameters, structs with their fields.
class PublicFace {
public:
    PublicFace() {
        std::ifstream in(TENON_SOURCE "/bindings/parity/api.txt");
        const std::regex method(R"((\w+)\.(\w+)\((.*)\) -> .*)"), field(R"((\w+)\.(\w+): (.*))"), id(R"(\b\w+Id\b)");
        for (std::string line; std::getline(in, line);) {
            for (std::sregex_iterator i(line.begin(), line.end(), id), end; i != end; ++i) ids_.insert(i->str());
            std::smatch m;
            if (std::regex_match(line, m, method)) methods_.push_back({m[1], m[2], m[3]});
            else if (std::regex_match(line, m, field)) fields_[m[1]].emplace_back(m[2], m[3]);
        }
    }

    /// "Class.method path.to.field", for each id and each name that can be given.
    std::set<std::string> places() const {
        std::set<std::string> found;
        const std::regex split(R"((\w+): (.*?)(?:, (?=\w+: )|$))");
        for (const auto& [owner, name, parameters] : methods_) {
            if (ids_.contains(owner) || owner == name) continue;  // parsing an id, making an error
            for (std::sregex_iterator i(parameters.begin(), parameters.end(), split), end; i != end; ++i)
                follow((*i)[2], (*i)[1], {}, [&](const std::string& path) { found.insert(owner + "." + name + " " + path); });
        }
        return found;
    }

private:
    struct Method {
        std::string owner, name, parameters;
    };

    template <class Take> void follow(std::string type, const std::string& path, std::set<std::string> above, const Take& take) const {
        type = type.substr(0, type.find(" = "));
        const std::regex around(R"((?:optional|vector)<(.*)>)");
        for (std::smatch m; std::regex_match(type, m, around);) type = std::string(m[1]);
        const auto leaf = path.substr(path.rfind('.') + 1);
        static const std::set<std::string> names{"name", "slug", "email", "after", "exported", "batch", "corrects_id"};
        if (ids_.contains(type) || (type == "string" && names.contains(leaf))) take(path);
        const auto fields = fields_.find(type);
        if (fields == fields_.end() || !above.insert(type).second) return;
        for (const auto& [name, inner] : fields->second) follow(inner, path + "." + name, above, take);
    }

    std::set<std::string> ids_;
    std::vector<Method> methods_;
    std::map<std::string, std::vector<std::pair<std::string, std::string>>> fields_;
};

constexpr const char* marker = "zebra";
constexpr const char* keys_of_theirs =
    R"({"keys": [{"kty": "OKP", "crv": "Ed25519", "kid": "k", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]})";

/// A tenant that has one of everything that has an id or a name.
struct Belongings {
    Belongings(Session s, const std::string& word) : session(std::move(s)), name(word) {
        project = session.projects().create({.name = word}).id;
        asset = session.assets().import_file({.project = project, .path = tests::footage / "clapper.mp4", .name = word}).id;
        cut.append({.asset = asset, .end = 400ms});
        JobSchedule schedule;
        schedule.batch = word;
        auto rendered = session.renders().start(
            {.project = project, .timeline = cut, .outputs = {"social_square"}, .name = word, .schedule = schedule});
        rendered.join();
        render = rendered.id();
        exported = session.exports().list().at(0).name;
        camera = session.cameras().create({.name = word, .url = "rtsp://127.0.0.1:9/stream"}).id();
        auto job = session.backups().start({.name = word});
        snapshot = job.result().snapshot.id;
        backup = job.id();
        session.recurrences().create({.name = word, .cron = "0 0 29 2 *", .check = CheckLevel::structure});
        session.backups().schedules().create({.name = word, .cron = "0 0 29 2 *"});
        user = session.users().create({.email = word + "@example.org", .name = word, .role = Role::editor}).id;
        role = session.roles().create({.name = word, .permissions = {"project:read"}}).id;
        key = session.api_keys().create({.name = word}).key.id;
        issuer = session.issuers().create({.issuer = "https://" + word + ".example", .audience = word, .jwks = keys_of_theirs}).id;
        hold = session.quotas().reserve({.asks = {{Resource::sites, 1}}, .keep = true}).id();
        const auto at = session.projects().get(project).created_at;
        session.usage().record({{.source = word, .id = word, .meter = "scans", .quantity = 1, .occurred_at = at}});
    }
    Session session;
    std::string name, exported;
    ProjectId project;
    AssetId asset;
    Timeline cut;
    JobId render, backup;
    CameraId camera;
    SnapshotId snapshot;
    UserId user;
    RoleId role;
    KeyId key;
    LoginId login;
    IssuerId issuer;
    HoldId hold;
};

class ForeignCall : public tests::EngineTest {
protected:
    /// What finds nothing without throwing ends as what throws.
    template <class Found> static void gone(const std::optional<Found>& found) {
        if (!found) throw NotFound("nothing");
    }
    template <class Found> static void gone(const std::vector<Found>& found) {
        if (found.empty()) throw NotFound("nothing");
    }
    static void gone(bool found) {
        if (!found) throw NotFound("nothing");
    }
};

TEST_F(ForeignCall, every_operation_given_another_tenants_id_or_name_finds_nothing) {
    auto setup = operators();
    const auto mine_by = setup.partners().create({.name = "Reseller", .slug = "reseller"});
    const auto their_partner = setup.partners().create({.name = marker, .slug = marker});
    const auto reseller = engine->open_operator({.actor = "reseller", .reason = "test", .partner = mine_by.id});
    Belongings theirs(session(other), marker), mine(session(acme), "mine");
    theirs.login = [&] {
        const auto support = engine->open_support({.tenant = other.id, .actor = marker, .reason = "help"});
        return theirs.session.logins().list().at(0).id;
    }();
    auto& s = mine.session;
    auto tenants = reseller.tenants();  // to whom `other` is nobody
    auto partners = reseller.partners();
    const auto film = tests::clip_with_sound;
    const auto target = folder / "stolen";
    const auto after = JobSchedule{.after = {theirs.render}};
    auto camera = s.cameras().get(mine.camera);
    const auto with = [&](const std::function<void(Timeline&)>& add) {
        auto cut = mine.cut;
        add(cut);
        s.renders().start({.project = mine.project, .timeline = cut, .outputs = {"mp4"}});
    };
    const auto comes_again = [&](RecurrenceOptions options) {
        options.name = "again";
        options.cron = "@daily";
        s.recurrences().create(options);
    };
    const auto batch = [&](const RenderOptions& options) {
        for (const auto& started : s.renders().start_batch({.batch = "b", .renders = {options}}))
            if (started.error == Errc::not_found) throw NotFound(started.message);
    };
    const auto forgotten = [&] { gone(s.backups().forget({.snapshots = {theirs.snapshot}}).snapshots); };
    const auto lose = [](const auto& list, const auto& is_theirs) {
        for (const auto& each : list) EXPECT_FALSE(is_theirs(each));
        throw NotFound("only mine");
    };
    const auto named = [&](const auto& each) { return each.name == marker; };

    std::map<std::string, std::function<void()>> cases = {
        {"ApiKeys.create options.custom_role", [&] { s.api_keys().create({.name = "x", .custom_role = theirs.role}); }},
        {"ApiKeys.find id", [&] { gone(s.api_keys().find(theirs.key)); }},
        {"ApiKeys.get id", [&] { s.api_keys().get(theirs.key); }},
        {"ApiKeys.list filter.after", [&] { lose(s.api_keys().list({.after = theirs.key}), named); }},
        {"ApiKeys.revoke id", [&] { s.api_keys().revoke(theirs.key); }},
        {"ApiKeys.rotate options.key", [&] { s.api_keys().rotate({.key = theirs.key}); }},
        {"Assets.find id", [&] { gone(s.assets().find(theirs.asset)); }},
        {"Assets.frame id", [&] { s.assets().frame(theirs.asset); }},
        {"Assets.frames id", [&] { s.assets().frames(theirs.asset); }},
        {"Assets.get id", [&] { s.assets().get(theirs.asset); }},
        {"Assets.import_file options.project", [&] { s.assets().import_file({.project = theirs.project, .path = film}); }},
        {"Assets.list filter.after", [&] { lose(s.assets().list({.after = theirs.asset}), named); }},
        {"Assets.list filter.project", [&] { gone(s.assets().list({.project = theirs.project})); }},
        {"Assets.remove id", [&] { s.assets().remove(theirs.asset); }},
        {"BackupDrills.find id", [&] { gone(s.backups().drills().find(theirs.backup)); }},
        {"BackupDrills.list filter.after", [&] { s.backups().drills().list({.after = theirs.backup}); }},
        {"BackupDrills.start options.name", [&] { s.backups().drills().start({.name = marker}).result(); }},
        {"BackupDrills.start options.schedule.after", [&] { s.backups().drills().start({.schedule = after}); }},
        {"BackupSchedules.find name", [&] { gone(s.backups().schedules().find(marker)); }},
        {"BackupSchedules.get name", [&] { s.backups().schedules().get(marker); }},
        {"BackupSchedules.pause name", [&] { s.backups().schedules().pause(marker); }},
        {"BackupSchedules.remove name", [&] { s.backups().schedules().remove(marker); }},
        {"BackupSchedules.resume name", [&] { s.backups().schedules().resume(marker); }},
        {"BackupSchedules.run name", [&] { s.backups().schedules().run(marker); }},
        {"BackupSchedules.upcoming name", [&] { s.backups().schedules().upcoming(marker, 1); }},
        {"BackupSchedules.update options.name", [&] { s.backups().schedules().update({.name = marker, .cron = "@daily"}); }},
        {"BackupKeys.rotate_data_key options.schedule.after", [&] { s.backups().keys().rotate_data_key({.schedule = after}); }},
        {"Backups.browse options.snapshot", [&] { s.backups().browse({.snapshot = theirs.snapshot}); }},
        {"Backups.diff options.after", [&] { s.backups().diff({.before = mine.snapshot, .after = theirs.snapshot}); }},
        {"Backups.diff options.before", [&] { s.backups().diff({.before = theirs.snapshot, .after = mine.snapshot}); }},
        {"Backups.find id", [&] { gone(s.backups().find(theirs.snapshot)); }},
        {"Backups.find_check id", [&] { gone(s.backups().find_check(theirs.backup)); }},
        {"Backups.find_job id", [&] { gone(s.backups().find_job(theirs.backup)); }},
        {"BackupCopies.find_job id", [&] { gone(s.backups().copies().find_job(theirs.backup)); }},
        {"BackupCopies.start options.schedule.after", [&] { s.backups().copies().start({.schedule = after}); }},
        {"Backups.find_prune id", [&] { gone(s.backups().find_prune(theirs.backup)); }},
        {"Backups.find_rekey id", [&] { gone(s.backups().find_rekey(theirs.backup)); }},
        {"Backups.find_repair id", [&] { gone(s.backups().find_repair(theirs.backup)); }},
        {"Backups.find_restore id", [&] { gone(s.backups().find_restore(theirs.backup)); }},
        {"Backups.forget options.name", [&] { gone(s.backups().forget({.keep = {.last = 1}, .name = marker}).snapshots); }},
        {"Backups.forget options.snapshots", forgotten},
        {"Backups.get id", [&] { s.backups().get(theirs.snapshot); }},
        {"Backups.list filter.name", [&] { gone(s.backups().list({.name = marker})); }},
        {"Backups.open_archive options.snapshot", [&] { s.backups().open_archive({.snapshot = theirs.snapshot}); }},
        {"Backups.open_file options.snapshot", [&] { s.backups().open_file({.snapshot = theirs.snapshot, .path = "x"}); }},
        {"Backups.preview options.snapshot", [&] { s.backups().preview({.snapshot = theirs.snapshot, .target = target}); }},
        {"Backups.check options.schedule.after", [&] { s.backups().check({.schedule = after}); }},
        {"Backups.prune options.schedule.after", [&] { s.backups().prune({.schedule = after}); }},
        {"Backups.repair options.schedule.after", [&] { s.backups().repair({.schedule = after}); }},
        {"Backups.restore options.schedule.after", [&] { s.backups().restore({.snapshot = mine.snapshot, .target = target, .schedule = after}); }},
        {"Backups.restore options.snapshot", [&] { s.backups().restore({.snapshot = theirs.snapshot, .target = target}).result(); }},
        {"Backups.start options.schedule.after", [&] { s.backups().start({.name = "x", .schedule = after}); }},
        {"Backups.hold id", [&] { s.backups().hold(theirs.snapshot, "x"); }},
        {"Backups.lift_hold id", [&] { s.backups().lift_hold(theirs.snapshot, "x"); }},
        {"Backups.tag options.snapshot", [&] { s.backups().tag({.snapshot = theirs.snapshot, .add = {{"a", "b"}}}); }},
        {"Cameras.find id", [&] { gone(s.cameras().find(theirs.camera)); }},
        {"Cameras.find_clip id", [&] { gone(s.cameras().find_clip(theirs.render)); }},
        {"Cameras.get id", [&] { s.cameras().get(theirs.camera); }},
        {"Cameras.remove id", [&] { s.cameras().remove(theirs.camera); }},
        {"Engine.open_session options.custom_role",
         [&] { engine->open_session({.tenant = acme.id, .actor = "x", .custom_role = theirs.role}).projects().list(); }},
        {"Engine.open_session options.user", [&] { engine->open_session({.tenant = acme.id, .user = theirs.user}).projects().list(); }},
        {"Exports.find name", [&] { gone(s.exports().find(theirs.exported)); }},
        {"Exports.frame name", [&] { s.exports().frame(theirs.exported); }},
        {"Exports.frames name", [&] { s.exports().frames(theirs.exported); }},
        {"Exports.list filter.after", [&] { s.exports().list({.after = theirs.exported}); }},
        {"Exports.list filter.job", [&] { gone(s.exports().list({.job = theirs.render})); }},
        {"Exports.remove name", [&] { s.exports().remove(theirs.exported); }},
        {"Issuers.find id", [&] { gone(s.issuers().find(theirs.issuer)); }},
        {"Issuers.get id", [&] { s.issuers().get(theirs.issuer); }},
        {"Issuers.remove id", [&] { s.issuers().remove(theirs.issuer); }},
        {"Issuers.update id", [&] { s.issuers().update(theirs.issuer, keys_of_theirs); }},
        {"Jobs.batch name", [&] { s.jobs().batch(marker); }},
        {"Jobs.cancel_batch name", [&] { gone(s.jobs().cancel_batch(marker) > 0); }},
        {"Jobs.find id", [&] { gone(s.jobs().find(theirs.render)); }},
        {"Jobs.get id", [&] { s.jobs().get(theirs.render); }},
        {"Jobs.list filter.after",
         [&] { lose(s.jobs().list({.after = theirs.backup}), [&](const auto& job) { return job.id == theirs.render || job.id == theirs.backup; }); }},
        {"Jobs.list filter.batch", [&] { gone(s.jobs().list({.batch = marker})); }},
        {"Jobs.retry id", [&] { s.jobs().retry(theirs.render); }},
        {"Logins.end id", [&] { s.logins().end(theirs.login); }},
        {"Logins.end_all user", [&] { gone(s.logins().end_all(theirs.user) > 0); }},
        {"Logins.list filter.after", [&] { gone(s.logins().list({.after = theirs.login})); }},
        {"Logins.list filter.user", [&] { gone(s.logins().list({.user = theirs.user})); }},
        {"Partners.find id", [&] { gone(partners.find(their_partner.id)); }},
        {"Partners.find_slug slug", [&] { gone(partners.find_slug(marker)); }},
        {"Partners.get id", [&] { partners.get(their_partner.id); }},
        {"Partners.list filter.after", [&] { lose(partners.list({.after = their_partner.id}), named); }},
        {"Pictures.contact_sheet options.asset", [&] { s.pictures().contact_sheet({.asset = theirs.asset, .target = target}); }},
        {"Pictures.contact_sheet options.exported", [&] { s.pictures().contact_sheet({.exported = theirs.exported, .target = target}); }},
        {"Pictures.frame options.asset", [&] { s.pictures().frame({.asset = theirs.asset, .target = target}); }},
        {"Pictures.frame options.exported", [&] { s.pictures().frame({.exported = theirs.exported, .target = target}); }},
        {"Pictures.grade_still options.asset",
         [&] { s.pictures().grade_still({.asset = theirs.asset, .grade = "cinematic_warm", .target = target}); }},
        {"Pictures.timeline options.render", [&] { s.pictures().timeline({.render = theirs.render, .target = target}); }},
        {"Pictures.waveform options.asset", [&] { s.pictures().waveform({.asset = theirs.asset, .target = target}); }},
        {"Pictures.waveform options.exported", [&] { s.pictures().waveform({.exported = theirs.exported, .target = target}); }},
        {"Projects.find id", [&] { gone(s.projects().find(theirs.project)); }},
        {"Projects.get id", [&] { s.projects().get(theirs.project); }},
        {"Projects.list filter.after", [&] { lose(s.projects().list({.after = theirs.project}), named); }},
        {"Projects.remove id", [&] { s.projects().remove(theirs.project); }},
        {"Projects.rename id", [&] { s.projects().rename(theirs.project, "taken"); }},
        {"Quotas.hold id", [&] { s.quotas().hold(theirs.hold); }},
        {"Recurrences.create options.render.project",
         [&] { comes_again({.render = RenderOptions{.project = theirs.project, .timeline = mine.cut, .outputs = {"mp4"}}}); }},
        {"Recurrences.find name", [&] { gone(s.recurrences().find(marker)); }},
        {"Recurrences.get name", [&] { s.recurrences().get(marker); }},
        {"Recurrences.pause name", [&] { s.recurrences().pause(marker); }},
        {"Recurrences.remove name", [&] { s.recurrences().remove(marker); }},
        {"Recurrences.resume name", [&] { s.recurrences().resume(marker); }},
        {"Recurrences.trigger name", [&] { s.recurrences().trigger(marker); }},
        {"Recurrences.update change.name", [&] { s.recurrences().update({.name = marker, .cron = "@daily"}); }},
        {"Renders.find id", [&] { gone(s.renders().find(theirs.render)); }},
        {"Renders.start options.project", [&] { s.renders().start({.project = theirs.project, .timeline = mine.cut, .outputs = {"mp4"}}); }},
        {"Renders.start options.schedule.after",
         [&] { s.renders().start({.project = mine.project, .timeline = mine.cut, .outputs = {"mp4"}, .schedule = after}); }},
        {"Renders.start_batch options.renders.project", [&] { batch({.project = theirs.project, .timeline = mine.cut, .outputs = {"mp4"}}); }},
        {"Renders.start_batch options.renders.schedule.after",
         [&] { batch({.project = mine.project, .timeline = mine.cut, .outputs = {"mp4"}, .schedule = after}); }},
        {"Roles.find id", [&] { gone(s.roles().find(theirs.role)); }},
        {"Roles.find_name name", [&] { gone(s.roles().find_name(marker)); }},
        {"Roles.get id", [&] { s.roles().get(theirs.role); }},
        {"Roles.remove id", [&] { s.roles().remove(theirs.role); }},
        {"Roles.update id", [&] { s.roles().update(theirs.role, {.name = "taken", .permissions = {"project:read"}}); }},
        {"Session.may_in project", [&] { gone(session(acme, Role::billing).may_in("project:read", theirs.project)); }},
        {"Takeouts.find id", [&] { gone(s.takeouts().find(theirs.render)); }},
        {"Takeouts.start options.schedule.after", [&] { s.takeouts().start({.target = target, .schedule = after}); }},
        {"Tenants.activate id", [&] { tenants.activate(other.id, "x"); }},
        {"Tenants.archive id", [&] { tenants.archive(other.id, "x"); }},
        {"Tenants.change_plan options.tenant", [&] { tenants.change_plan({.tenant = other.id, .plan = "studio/professional", .reason = "x"}); }},
        {"Tenants.create options.partner",
         [&] { tenants.create({.name = "x", .slug = "x", .plan = "studio/basic", .partner = their_partner.id}); }},
        {"Tenants.erase options.tenant", [&] { tenants.erase({.tenant = other.id, .reason = "x"}); }},
        {"Tenants.erasure_receipt id", [&] { tenants.erasure_receipt(other.id); }},
        {"Tenants.extend_trial id", [&] { tenants.extend_trial(other.id, 24h, "x"); }},
        {"Tenants.find id", [&] { gone(tenants.find(other.id)); }},
        {"Tenants.find_slug slug", [&] { gone(tenants.find_slug("other")); }},
        {"Tenants.get id", [&] { tenants.get(other.id); }},
        {"Tenants.keep_plan id", [&] { tenants.keep_plan(other.id, "x"); }},
        {"Tenants.legal_holds id", [&] { tenants.legal_holds(other.id); }},
        {"Tenants.limits id", [&] { tenants.limits(other.id); }},
        {"Tenants.list filter.after", [&] { gone(tenants.list({.after = acme.id})); }},
        {"Tenants.list filter.partner", [&] { gone(tenants.list({.partner = their_partner.id})); }},
        {"Tenants.plan_changes id", [&] { tenants.plan_changes(other.id); }},
        {"Tenants.preview_plan options.tenant", [&] { tenants.preview_plan({.tenant = other.id, .plan = "studio/professional"}); }},
        {"Tenants.resume id", [&] { tenants.resume(other.id, "x"); }},
        {"Tenants.suspend id", [&] { tenants.suspend(other.id, "x"); }},
        {"Tenants.take_out options.schedule.after",
         [&] { operators().tenants().take_out({.tenant = acme.id, .target = target, .schedule = after}); }},
        {"Tenants.take_out options.tenant", [&] { tenants.take_out({.tenant = other.id, .target = target}); }},
        {"Tenants.undo_erase id", [&] { tenants.undo_erase(other.id, "x"); }},
        {"Tenants.update change.tenant", [&] { tenants.update({.tenant = other.id, .name = "taken"}); }},
        {"Tenants.correct_usage options.corrects_id",
         [&] {
             CorrectionOptions options{.source = "x", .id = "1", .corrects_source = marker, .corrects_id = marker};
             options.tenant = acme.id;
             options.by = -1;
             options.reason = "why";
             operators().tenants().correct_usage(options);
         }},
        {"Timeline.append clip.asset", [&] { with([&](Timeline& cut) { cut.append({.asset = theirs.asset, .end = 400ms}); }); }},
        {"Timeline.image image.asset", [&] { with([&](Timeline& cut) { cut.image({.asset = theirs.asset, .duration = 100ms}); }); }},
        {"Timeline.lut asset", [&] { with([&](Timeline& cut) { cut.lut(theirs.asset); }); }},
        {"Usage.record events.project",
         [&] {
             s.usage().record({{.source = "x", .id = "1", .meter = "scans", .quantity = 1, .occurred_at = s.projects().get(mine.project).created_at,
                                .project = theirs.project}});
         }},
        {"Usage.set_cost_tags cost.project", [&] { s.usage().set_cost_tags({.project = theirs.project, .tags = {{"team", "red"}}}); }},
        {"Users.confirm_second_factor id", [&] { s.users().confirm_second_factor(theirs.user, "123456"); }},
        {"Users.create options.custom_role", [&] { s.users().create({.email = "x@example.org", .name = "x", .custom_role = theirs.role}); }},
        {"Users.disable id", [&] { s.users().disable(theirs.user); }},
        {"Users.enable id", [&] { s.users().enable(theirs.user); }},
        {"Users.find id", [&] { gone(s.users().find(theirs.user)); }},
        {"Users.find_email email", [&] { gone(s.users().find_email(std::string(marker) + "@example.org")); }},
        {"Users.get id", [&] { s.users().get(theirs.user); }},
        {"Users.grant grant.custom_role", [&] { s.users().grant({.user = mine.user, .project = mine.project, .custom_role = theirs.role}); }},
        {"Users.grant grant.project", [&] { s.users().grant({.user = mine.user, .project = theirs.project, .role = Role::editor}); }},
        {"Users.grant grant.user", [&] { s.users().grant({.user = theirs.user, .project = mine.project, .role = Role::editor}); }},
        {"Users.grants user", [&] { gone(s.users().grants(theirs.user)); }},
        {"Users.issue_ticket id", [&] { s.users().issue_ticket(theirs.user); }},
        {"Users.list filter.after", [&] { lose(s.users().list({.after = theirs.user}), named); }},
        {"Users.remove id", [&] { s.users().remove(theirs.user); }},
        {"Users.remove_second_factor id", [&] { s.users().remove_second_factor(theirs.user); }},
        {"Users.revoke project", [&] { s.users().revoke(mine.user, theirs.project); }},
        {"Users.revoke user", [&] { s.users().revoke(theirs.user, mine.project); }},
        {"Users.set_password options.user", [&] { s.users().set_password({.user = theirs.user, .password = "correct horse battery"}); }},
        {"Users.start_second_factor id", [&] { s.users().start_second_factor(theirs.user); }},
        {"Users.unlock id", [&] { s.users().unlock(theirs.user); }},
        {"Users.update options.custom_role", [&] { s.users().update({.user = mine.user, .custom_role = theirs.role}); }},
        {"Users.update options.user", [&] { s.users().update({.user = theirs.user, .name = "taken"}); }},
    };
    // What these refuse, they refuse before they look whose it is.
    const std::map<std::string, std::pair<Errc, std::function<void()>>> closed = {
        {"Engine.authenticate options.tenant", {Errc::unauthenticated, [&] { engine->authenticate({.token = "x", .tenant = other.id}); }}},
        {"Engine.login options.tenant",
         {Errc::unauthenticated, [&] { engine->login({.tenant = other.id, .email = "mine@example.org", .password = "correct horse battery"}); }}},
        {"Engine.login options.email",
         {Errc::unauthenticated,
          [&] { engine->login({.tenant = acme.id, .email = std::string(marker) + "@example.org", .password = "correct horse"}); }}},
        {"BackupSchedules.create options.backup.schedule.after",
         {Errc::invalid_argument, [&] { s.backups().schedules().create({.name = "x", .cron = "@daily", .backup = {.schedule = after}}); }}},
        {"BackupSchedules.update options.backup.schedule.after",
         {Errc::invalid_argument, [&] { s.backups().schedules().update({.name = "mine", .cron = "@daily", .backup = {.schedule = after}}); }}},
        {"Recurrences.create options.backup.schedule.after",
         {Errc::invalid_argument, [&] { comes_again({.backup = BackupOptions{.name = "x", .schedule = after}}); }}},
        {"Recurrences.create options.render.schedule.after",
         {Errc::invalid_argument,
          [&] {
              comes_again({.render = RenderOptions{.project = mine.project, .timeline = mine.cut, .outputs = {"mp4"}, .schedule = after}});
          }}},
        {"Camera.export_clip options.schedule.after",
         {Errc::not_found,
          [&] { camera.export_clip({.start = Time{1s}, .end = Time{2s}, .name = "x", .schedule = after}); }}},
        {"Job.reschedule schedule.after", {Errc::invalid_argument, [&] { s.jobs().get(mine.backup).reschedule(after); }}},
        {"Partners.remove id", {Errc::permission_denied, [&] { partners.remove(their_partner.id, "x"); }}},
        {"Partners.update changed.id", {Errc::not_found, [&] { partners.update(their_partner); }}},
        {"Tenants.correct_usage options.tenant",
         {Errc::permission_denied,
          [&] {
              CorrectionOptions options{.source = "x", .id = "1", .corrects_source = marker, .corrects_id = marker};
              options.tenant = other.id;
              options.by = -1;
              options.reason = "why";
              tenants.correct_usage(options);
          }}},
        {"Tenants.grant_limit options.tenant",
         {Errc::permission_denied,
          [&] { tenants.grant_limit({.tenant = other.id, .name = "x", .resource = Resource::seats, .limit = 1, .reason = "x"}); }}},
        {"Tenants.lift_legal_hold id", {Errc::permission_denied, [&] { tenants.lift_legal_hold(other.id, "x", "x"); }}},
        {"Tenants.place_legal_hold options.tenant",
         {Errc::permission_denied, [&] { tenants.place_legal_hold({.tenant = other.id, .name = "x", .reason = "x"}); }}},
        {"Tenants.rebuild_usage id", {Errc::permission_denied, [&] { tenants.rebuild_usage(other.id, "x"); }}},
        {"Tenants.revoke_limit id", {Errc::permission_denied, [&] { tenants.revoke_limit(other.id, "x", "x"); }}},
    };
    const std::map<std::string, std::string> excused = {
        {"Engine.open_operator options.partner", "the host says whose operator it is"},
        {"Engine.open_session options.tenant", "the host says whose session it is"},
        {"Engine.open_support options.tenant", "the operator says whom he helps; the tenant sees it"},
        {"BackupStores.remove name", "stores are the home's"}, {"BackupStores.add options.name", "stores are the home's"},
        {"Plans.find name", "plans are everybody's"},
        {"Plans.get name", "plans are everybody's"},
        {"Timeline.grade name", "grades are everybody's"},
        {"Tenants.lift_legal_hold name", "of the tenant that is named beside it"},
        {"Tenants.revoke_limit name", "of the tenant that is named beside it"},
        {"Backups.preview options.schedule.after", "starts no job"},
        {"Usage.events filter.after", "a place in one's own list, which is told nobody else's"},
        // Names that are given, not looked up: two tenants may give the same.
        {"ApiKeys.create options.name", "given"}, {"Assets.import_file options.name", "given"}, {"Backups.start options.name", "given"},
        {"Backups.open_stream options.name", "given"},
        {"BackupSchedules.create options.name", "given"}, {"BackupSchedules.create options.backup.name", "given"},
        {"BackupSchedules.update options.backup.name", "given"},
        {"Camera.export_clip options.name", "given"}, {"Camera.update update.name", "given"}, {"Cameras.create options.name", "given"},
        {"Partners.create options.name", "given"}, {"Partners.create options.slug", "given"}, {"Partners.update changed.name", "given"},
        {"Partners.update changed.slug", "given"}, {"Projects.create options.name", "given"}, {"Projects.rename name", "given"},
        {"Recurrences.create options.backup.name", "given"}, {"Recurrences.create options.name", "given"},
        {"Recurrences.create options.render.name", "given"}, {"Renders.start options.name", "given"},
        {"Renders.start_batch options.renders.name", "given"}, {"Renders.start_batch options.batch", "given"},
        {"Roles.create options.name", "given"}, {"Roles.update options.name", "given"}, {"Tenants.create options.name", "given"},
        {"Tenants.create options.slug", "given"}, {"Tenants.grant_limit options.name", "given"}, {"Tenants.place_legal_hold options.name", "given"},
        {"Tenants.update change.name", "given"}, {"Tenants.update change.slug", "given"}, {"Users.create options.email", "given"},
        {"Users.create options.name", "given"}, {"Users.update options.email", "given"}, {"Users.update options.name", "given"},
    };

    std::set<std::string> asked;
    for (const auto& [place, call] : cases) asked.insert(place);
    for (const auto& [place, call] : closed) EXPECT_TRUE(asked.insert(place).second) << place;
    for (const auto& [place, why] : excused) EXPECT_TRUE(asked.insert(place).second) << place;
    for (const auto& place : PublicFace().places()) {
        // In whatever batch work is started: a name of one's own.
        if (place.ends_with("schedule.batch")) continue;
        EXPECT_EQ(asked.erase(place), 1u) << place << ": a new place for another tenant's id or name: say here what becomes of one";
    }
    for (const auto& place : asked) ADD_FAILURE() << place << " is no place of the public face any more";

    const auto judge = [&](const std::string& place, const std::function<void()>& call, Errc expected) {
        try {
            call();
            ADD_FAILURE() << place << " took what is another tenant's";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), expected) << place << ": " << error.what();
            EXPECT_EQ(std::string(error.what()).find("Other"), std::string::npos) << place << ": " << error.what();
            // A name that was given may come back, nothing else.
            const bool given = error.subject() == marker || error.subject() == theirs.exported || error.subject().starts_with(marker);
            if (!given) {
                EXPECT_EQ((error.what() + error.subject()).find(marker), std::string::npos) << place << ": " << error.what();
            }
        }
    };
    // Who knocks at their own door is heard there, and nobody else.
    const auto knocks = [](const std::string& place) { return place.starts_with("Engine."); };
    for (const auto& [place, call] : closed)
        if (knocks(place)) judge(place, call.second, call.first);
    const auto before = tests::state_of(theirs.session);
    const auto trail = theirs.session.audit().verify().head;
    for (const auto& [place, call] : cases) judge(place, call, Errc::not_found);
    for (const auto& [place, call] : closed)
        if (!knocks(place)) judge(place, call.second, call.first);
    EXPECT_EQ(tests::state_of(theirs.session), before);
    EXPECT_EQ(theirs.session.audit().verify().head, trail) << "not even their audit trail hears of it";
    EXPECT_FALSE(std::filesystem::exists(target));
    for (const auto& quota : s.quotas().snapshot()) EXPECT_EQ(quota.reserved, quota.resource == Resource::sites ? 1 : 0) << to_string(quota.resource);
    EXPECT_NO_THROW(s.audit().verify());
    RecordProperty("places", static_cast<int>(cases.size() + closed.size()));
}

}  // namespace
