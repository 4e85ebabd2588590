// Everything a tenant owns, taken out: whole, consistent, without secrets and without a byte of anybody else.

#include "engine_fixture.hpp"

#include <algorithm>
#include <atomic>
#include <fstream>
#include <functional>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include <base/json.hpp>
#include <camera_server.hpp>
#include <child_process.hpp>
#include <core.hpp>
#include <small_disk.hpp>
#include <folder.hpp>
#include <raw_store.hpp>
#include <takeout.hpp>

#include "tenant_tables.hpp"

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::ChildProcess;
using tests::SmallDisk;
namespace fs = std::filesystem;

class TakeoutTest : public tests::EngineTest {
protected:
    static constexpr const char* password = "correct horse battery";

    /// Something of most kinds. Returns what must never be told.
    std::vector<std::string> fill(const Tenant& tenant, const std::string& word) {
        auto mine = session(tenant);
        const auto project = mine.projects().create({.name = word + " reel"}).id;
        const auto asset = mine.assets().import_file({.project = project, .path = tests::footage / "clapper.mp4", .name = word + " asset"}).id;
        Timeline cut;
        cut.append({.asset = asset, .end = 400ms});
        mine.renders().start({.project = project, .timeline = cut, .outputs = {"social_square"}}).result();
        const auto user = mine.users().create({.email = word + "@example.org", .name = word + " Doe", .role = Role::editor});
        const auto ticket = mine.users().issue_ticket(user.id).ticket;
        engine->redeem({.ticket = ticket, .password = password});
        const auto tokens = engine->login({.tenant = tenant.id, .email = word + "@example.org", .password = password});
        mine.roles().create({.name = word + " role", .permissions = {"project:read"}});
        const auto key = mine.api_keys().create({.name = word + " key", .role = Role::viewer});
        mine.cameras().create(
            {.name = word + " door", .url = "rtsp://127.0.0.1:9/stream", .username = word + "-login", .password = word + "-password"});
        mine.settings().put({.kind = SettingsKind::preferences, .body = R"({"language": "de"})"});
        mine.usage().record({{.source = word, .id = "1", .meter = "scans", .quantity = 7, .occurred_at = engine_now(), .project = project}});
        mine.usage().set_cost_tags({.project = project, .tags = {{"team", word}}});
        mine.quotas().reserve({.asks = {{Resource::sites, 1}}}).commit({{Resource::sites, 1}});
        mine.recurrences().create({.name = word + " check", .cron = "@yearly", .check = CheckLevel::structure});
        mine.backups().schedules().create({.name = word + " schedule", .cron = "0 0 29 2 *", .keep = KeepRules{.last = 9}});
        mine.backups().start({.name = word + " nightly"}).result();
        mine.backups().drills().start().result();
        mine.backups().keys().add_password(word + " repository password", "safe");
        std::ofstream(mine.workspace() / "projects" / (word + " notes é.txt")) << word << " notes";
        const auto secret = key.secret.substr(key.secret.rfind('_') + 1);
        return {password, ticket, tokens.access_token, tokens.refresh_token, secret, word + "-login", word + "-password",
                word + " repository password", "argon2"};
    }
    Time engine_now() { return Internal::impl(*engine)->now(); }
    fs::path target(const std::string& name = "taken") const { return folder / name; }
    verify::Result judge(const Takeout& takeout) { return verify::check_takeout(takeout.path, verify::parse_key(takeout.key)); }

    static std::string text(const fs::path& file) {
        std::stringstream all;
        all << std::ifstream(file, std::ios::binary).rdbuf();
        return all.str();
    }
    static std::vector<base::Json> lines(const fs::path& takeout, const std::string& kind) {
        std::vector<base::Json> all;
        std::ifstream in(takeout / "records" / (kind + ".jsonl"));
        for (std::string line; std::getline(in, line);) all.push_back(base::parse_json(line, {.max_size = 16 << 20}));
        return all;
    }
    static std::int64_t count(const Takeout& takeout, const std::string& kind) {
        for (const auto& each : takeout.records)
            if (each.kind == kind) return each.count;
        return -1;
    }
    /// What lies where it was to be, or beside it, or in the workspace's temp.
    std::set<std::string> left(const Tenant& tenant) {
        std::set<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder.path()))
            if (const auto name = entry.path().filename().string(); name != "home") names.insert(name);
        std::error_code none;
        for (const auto& entry : fs::directory_iterator(folder / "home/workspaces" / tenant.id.text() / "temp", none))
            names.insert("temp/" + entry.path().filename().string());
        return names;
    }
    /// Does something over and over until it goes out of scope.
    class Busy {
    public:
        explicit Busy(std::function<void()> work) : thread_([this, work = std::move(work)] {
            while (!done_) work();
        }) {}
        ~Busy() {
            done_ = true;
            thread_.join();
        }

    private:
        std::atomic<bool> done_ = false;
        std::thread thread_;
    };

    template <class Condition> static bool eventually(Condition condition) {
        const auto end = std::chrono::steady_clock::now() + 90s;
        while (!condition()) {
            if (std::chrono::steady_clock::now() > end) return false;
            std::this_thread::sleep_for(2ms);
        }
        return true;
    }
};

TEST_F(TakeoutTest, tells_of_everything_and_is_signed) {
    fill(acme, "amber");
    fill(other, "birch");
    auto mine = session(acme);
    auto job = mine.takeouts().start({.target = target()});
    const auto takeout = job.result();
    EXPECT_EQ(takeout.path, target());
    EXPECT_EQ(takeout.problems, 0);
    EXPECT_EQ(takeout.originals, 4) << "a film with its thumbnail, a render, notes";
    EXPECT_EQ(takeout.key, operators().audit().checkpoint().key);
    const auto judged = judge(takeout);
    EXPECT_EQ(judged.log, acme.id.text());
    EXPECT_EQ(judged.files, static_cast<std::uint64_t>(takeout.files));
    EXPECT_EQ(left(acme), std::set<std::string>{"taken"});

    EXPECT_EQ(count(takeout, "tenant"), 1);
    EXPECT_EQ(count(takeout, "plan"), 1);
    EXPECT_EQ(count(takeout, "project"), std::ssize(mine.projects().list()));
    EXPECT_EQ(count(takeout, "asset"), std::ssize(mine.assets().list()));
    EXPECT_EQ(count(takeout, "export"), std::ssize(mine.exports().list()));
    EXPECT_EQ(count(takeout, "user"), std::ssize(mine.users().list()));
    EXPECT_EQ(count(takeout, "role"), std::ssize(mine.roles().list()));
    EXPECT_EQ(count(takeout, "api_key"), std::ssize(mine.api_keys().list()));
    EXPECT_EQ(count(takeout, "login"), std::ssize(mine.logins().list()));
    EXPECT_EQ(count(takeout, "camera"), std::ssize(mine.cameras().list()));
    EXPECT_EQ(count(takeout, "snapshot"), std::ssize(mine.backups().list()));
    EXPECT_EQ(count(takeout, "job"), std::ssize(mine.jobs().list()));
    EXPECT_EQ(count(takeout, "render"), 1);
    EXPECT_EQ(count(takeout, "recurrence"), 2) << "and the clock of the schedule";
    EXPECT_EQ(count(takeout, "backup_schedule"), 1);
    EXPECT_EQ(count(takeout, "drill"), 1);
    EXPECT_EQ(count(takeout, "backup_schedule_work"), 1);
    EXPECT_EQ(lines(takeout.path, "backup_schedule").at(0).at("options").at("keep").get_int("last"), 9);
    EXPECT_EQ(count(takeout, "settings"), 1);
    EXPECT_GT(count(takeout, "usage_event"), 2);
    EXPECT_GT(count(takeout, "quota"), 0);
    EXPECT_GT(count(takeout, "event"), 3);
    for (const auto& [kind, n] : takeout.records) EXPECT_EQ(std::ssize(lines(takeout.path, kind)), n) << kind;

    const auto asset = lines(takeout.path, "asset").at(0);
    EXPECT_EQ(text(takeout.path / "files" / asset.get_string("path")), text(tests::footage / "clapper.mp4"));
    EXPECT_EQ(text(takeout.path / "files/projects/amber notes é.txt"), "amber notes");
    EXPECT_TRUE(fs::exists(takeout.path / "files/exports" / lines(takeout.path, "export").at(0).get_string("name")));
    const auto request = lines(takeout.path, "render").at(0).at("request");
    EXPECT_NE(base::to_json(request).find(asset.get_string("id")), std::string::npos) << "the timeline";

    // The trail that it tells of goes up to its own start, and says how it ended.
    const auto trail = lines(takeout.path, "audit");
    EXPECT_EQ(trail.back().get_string("action"), "takeout.start");
    const auto after = mine.audit().list({.action = "takeout.", .after = trail.back().get_int("seq")});
    ASSERT_EQ(after.size(), 2u);
    EXPECT_EQ(after[0].action, "takeout.made");
    EXPECT_EQ(after[0].target, job.id().text());
    EXPECT_NE(after[0].details.find(takeout.manifest_sha256), std::string::npos);
    EXPECT_EQ(after[1].action, "takeout.end");
    EXPECT_TRUE(mine.takeouts().find(job.id()));
}

TEST_F(TakeoutTest, ends_with_an_event) {
    auto events = session(acme).subscribe({.kinds = {"takeout."}});
    auto job = session(acme).takeouts().start({.target = target()});
    const auto takeout = job.result();
    const auto news = events.next(10s);
    ASSERT_TRUE(news);
    EXPECT_EQ(news->kind, "takeout.made");
    EXPECT_EQ(news->subject, job.id().text());
    EXPECT_NE(news->data.find(takeout.manifest_sha256), std::string::npos);
}

TEST_F(TakeoutTest, any_change_of_it_is_seen) {
    fill(acme, "amber");
    const auto takeout = session(acme).takeouts().start({.target = target()}).result();
    ASSERT_NO_THROW(judge(takeout));
    std::vector<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(takeout.path))
        if (entry.is_regular_file()) files.push_back(entry.path());
    ASSERT_GT(files.size(), 40u);
    for (const auto& file : files) {
        const auto whole = text(file);
        if (!whole.empty()) {
            auto changed = whole;
            changed[whole.size() / 2] ^= 1;
            std::ofstream(file, std::ios::binary) << changed;
            EXPECT_THROW(judge(takeout), verify::Refused) << file;
        }
        std::ofstream(file, std::ios::binary) << whole << "\n";
        EXPECT_THROW(judge(takeout), verify::Refused) << file;
        std::ofstream(file, std::ios::binary) << whole;
        fs::rename(file, folder / "away");
        EXPECT_ANY_THROW(judge(takeout)) << file;
        fs::create_symlink(folder / "away", file);
        if (file.filename() != "manifest.txt") {
            EXPECT_THROW(judge(takeout), verify::Refused) << file;
        }
        fs::remove(file);
        fs::rename(folder / "away", file);
    }
    ASSERT_NO_THROW(judge(takeout));
    std::ofstream(takeout.path / "files/more") << "x";
    EXPECT_THROW(judge(takeout), verify::Refused);
    fs::remove(takeout.path / "files/more");
    const auto manifest = text(takeout.path / "manifest.txt");
    for (std::size_t i = 0; i < manifest.size(); i += 7) {
        auto changed = manifest;
        changed[i] ^= 1;
        std::ofstream(takeout.path / "manifest.txt", std::ios::binary) << changed;
        EXPECT_THROW(judge(takeout), verify::Refused) << i;
    }
}

TEST_F(TakeoutTest, has_no_secret_and_not_a_byte_of_another_tenant) {
    const auto secrets = fill(acme, "amber");
    fill(other, "birch");
    auto theirs = session(other);
    std::vector<std::string> foreign{"birch", other.id.text()};
    for (const auto& project : theirs.projects().list()) foreign.push_back(project.id.text());
    for (const auto& user : theirs.users().list()) foreign.push_back(user.id.text());
    foreign.emplace_back(reinterpret_cast<const char*>(base::bytes_of(other.id).data()), 16);
    const auto takeout = session(acme).takeouts().start({.target = target()}).result();
    for (const auto& entry : fs::recursive_directory_iterator(takeout.path)) {
        if (!entry.is_regular_file()) continue;
        EXPECT_EQ(entry.status().permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none) << entry.path();
        const auto all = text(entry.path());
        for (const auto& word : foreign) EXPECT_EQ(all.find(word), std::string::npos) << word << " in " << entry.path();
        for (const auto& word : secrets) EXPECT_EQ(all.find(word), std::string::npos) << word << " in " << entry.path();
    }
    // What a key file or a row holds in the database is in no form in it either.
    engine.reset();
    tests::RawStore raw(folder / "home");
    std::vector<std::string> hashes;
    for (const auto* sql : {"SELECT lower(hex(hash)) FROM api_key_", "SELECT password FROM account_ WHERE password IS NOT NULL",
                            "SELECT lower(hex(seed)) FROM site_", "SELECT lower(hex(password)) FROM camera_",
                            "SELECT lower(hex(sealed_url)) FROM camera_", "SELECT kid FROM login_", "SELECT lower(hex(seed)) FROM token_key"})
        for (const auto& hash : raw.column(sql)) hashes.push_back(hash);
    ASSERT_GT(hashes.size(), 8u);
    for (const auto& entry : fs::recursive_directory_iterator(takeout.path / "records")) {
        const auto all = text(entry.path());
        for (const auto& hash : hashes) EXPECT_EQ(all.find(hash), std::string::npos) << hash << " in " << entry.path();
    }
}

/// One list for erasures and takeouts: whoever adds a table or a column says what becomes of it.
TEST_F(TakeoutTest, every_table_and_every_column_is_told_or_withheld_for_a_reason) {
    engine.reset();
    tests::RawStore raw(folder / "home");
    const auto columns_of = [&](const std::string& table) {
        const std::string there = "SELECT column_name FROM information_schema.columns WHERE table_schema = 'store' AND table_name = '";
        const auto list = raw.column(tests::postgres_server() ? there + table + "'" : "SELECT name FROM pragma_table_info('" + table + "')");
        return std::set<std::string>(list.begin(), list.end());
    };
    std::set<std::string> schema, listed;
    for (const auto& name : raw.column("SELECT name FROM schema_object WHERE kind = 'tenant'")) schema.insert(name);
    std::set<std::string> names;
    for (const auto& table : engine::tenant_tables()) {
        EXPECT_TRUE(listed.insert(table.name).second) << table.name << " is listed twice";
        EXPECT_EQ(std::string(table.count.text().sql), std::string("SELECT count(*) FROM ") + table.name + "_ WHERE tenant_id = :id");
        EXPECT_EQ(table.told == nullptr, table.untold != nullptr) << table.name << " is either told or has a reason why not";
        if (!table.told) continue;
        EXPECT_TRUE(names.insert(table.told->name).second) << table.told->name << " is told twice";
        const std::string sql = table.told->query.text().sql;
        EXPECT_NE(sql.find(std::string(" FROM ") + table.name + " WHERE tenant_id = :tenant"), std::string::npos) << sql;
        std::set<std::string> told{"tenant_id"};
        std::istringstream list(sql.substr(7, sql.find(" FROM ") - 7));
        std::size_t fields = 0;
        for (std::string column; std::getline(list, column, ',');) {
            told.insert(column.substr(column.find_first_not_of(' ')));
            ++fields;
        }
        EXPECT_EQ(fields, table.told->fields.size()) << table.name << ": a field for each column";
        for (const auto& [column, why] : table.told->withheld) {
            EXPECT_TRUE(told.insert(column).second) << table.name << "." << column << " is both told and withheld";
            EXPECT_STRNE(why, "") << column;
        }
        EXPECT_EQ(told, columns_of(std::string(table.name) + "_")) << table.name;
    }
    EXPECT_EQ(listed, schema);
    for (const auto* kind : engine::takeout::other_kinds()) EXPECT_TRUE(names.insert(kind).second) << kind;
    open();
    std::set<std::string> counted;
    for (const auto& each : session(acme).takeouts().start({.target = target()}).result().records) counted.insert(each.kind);
    EXPECT_EQ(counted, names);
}

TEST_F(TakeoutTest, is_of_one_moment_whatever_goes_on) {
    const Busy busy([mine = session(acme)]() mutable {
        const auto made = mine.projects().create({.name = "one"}).id;
        mine.projects().rename(made, "two");
        mine.projects().remove(made);
    });
    for (int i = 0; i < 6; ++i) {
        const auto takeout = session(acme).takeouts().start({.target = target("taken" + std::to_string(i))}).result();
        std::int64_t alive = 0, changes = 0, quota = -1;
        std::string last;
        for (const auto& record : lines(takeout.path, "audit")) {
            const auto action = record.get_string("action");
            if (!action.starts_with("project.")) continue;
            alive += (action == "project.create") - (action == "project.remove");
            ++changes;
            last = action;
        }
        for (const auto& row : lines(takeout.path, "quota"))
            if (row.get_string("resource") == "projects") quota = row.get_int("used");
        const auto projects = lines(takeout.path, "project");
        EXPECT_EQ(std::ssize(projects), alive) << "as many as the trail of the same moment says";
        EXPECT_EQ(quota, alive);
        if (alive == 1) {
            EXPECT_EQ(projects.at(0).get_string("name"), last == "project.rename" ? "two" : "one");
        }
        EXPECT_GT(changes, 0);
        const auto judged = judge(takeout);
        EXPECT_GE(judged.records, static_cast<std::uint64_t>(count(takeout, "audit")));
    }
}

TEST_F(TakeoutTest, an_asset_that_is_removed_meanwhile_is_there_whole_or_not_named) {
    auto mine = session(acme);
    const auto project = mine.projects().create({.name = "reel"}).id;
    const Busy busy([project, others = session(acme)]() mutable {
        others.assets().remove(others.assets().import_file({.project = project, .path = tests::footage / "clapper.mp4"}).id);
    });
    std::int64_t named = 0;
    for (int i = 0; i < 8; ++i) {
        const auto takeout = mine.takeouts().start({.target = target("taken" + std::to_string(i))}).result();
        EXPECT_EQ(takeout.problems, 0) << text(takeout.path / "problems.jsonl");
        std::set<std::string> files;
        for (const auto& row : lines(takeout.path, "asset")) {
            ++named;
            files.insert(row.get_string("path"));
            EXPECT_EQ(fs::file_size(takeout.path / "files" / row.get_string("path")), static_cast<std::uintmax_t>(row.get_int("size")));
        }
        for (const auto& entry : fs::recursive_directory_iterator(takeout.path / "files", fs::directory_options::skip_permission_denied)) {
            if (!entry.is_regular_file() || entry.path().extension() != ".mp4") continue;
            EXPECT_TRUE(files.contains(entry.path().lexically_relative(takeout.path / "files").string())) << "no half-made import: " << entry.path();
        }
        EXPECT_NO_THROW(judge(takeout));
    }
    RecordProperty("named", static_cast<int>(named));
}

TEST_F(TakeoutTest, what_a_disk_has_lost_or_damaged_is_told_and_stops_nothing) {
    auto mine = session(acme);
    const auto project = mine.projects().create({.name = "reel"}).id;
    const auto lost = mine.assets().import_file({.project = project, .path = tests::footage / "clapper.mp4"});
    const auto damaged = mine.assets().import_file({.project = project, .path = tests::footage / "clapper.mp4"});
    fs::remove(lost.path);
    {
        std::fstream file(damaged.path, std::ios::in | std::ios::out | std::ios::binary);
        file.seekp(1000);
        file << "damage";
    }
    const auto takeout = mine.takeouts().start({.target = target()}).result();
    EXPECT_EQ(takeout.problems, 2) << text(takeout.path / "problems.jsonl");
    const auto told = text(takeout.path / "problems.jsonl");
    EXPECT_NE(told.find(lost.path.filename().string()), std::string::npos);
    EXPECT_NE(told.find(damaged.path.filename().string()), std::string::npos);
    EXPECT_EQ(text(takeout.path / "files" / damaged.path.lexically_relative(mine.workspace())), text(damaged.path)) << "what there is";
    EXPECT_EQ(judge(takeout).problems, 2u);
}

TEST_F(TakeoutTest, footage_comes_as_it_was_recorded) {
    test::CameraServer server;
    auto mine = session(acme);
    auto camera = mine.cameras().create({.name = "Door", .url = server.url(), .recording = Recording::continuous});
    ASSERT_TRUE(eventually([&] { return !camera.recordings().empty(); }));
    EXPECT_EQ(mine.takeouts().start({.target = target("early")}).result().problems, 1) << "what is being written is not taken, and that is said";
    camera.set_recording(Recording::off);
    Takeout takeout;
    int tries = 0;
    ASSERT_TRUE(eventually([&] {  // once the recorder has closed its file
        takeout = mine.takeouts().start({.target = target("late" + std::to_string(tries++))}).result();
        return takeout.problems == 0 && count(takeout, "footage") > 0;
    }));
    EXPECT_NO_THROW(judge(takeout));
    int films = 0;
    for (const auto& entry : fs::recursive_directory_iterator(takeout.path / "files/recordings")) {
        if (entry.path().extension() != ".mp4") continue;
        ++films;
        EXPECT_EQ(text(entry.path()), text(mine.workspace() / entry.path().lexically_relative(takeout.path / "files")));
    }
    EXPECT_EQ(films, count(takeout, "footage"));
}

TEST_F(TakeoutTest, is_the_owners_in_every_state_that_lets_anybody_in) {
    for (const auto role : {Role::admin, Role::billing, Role::editor, Role::camera_operator, Role::viewer, Role::auditor, Role::support})
        EXPECT_THROW(session(acme, role).takeouts().start({.target = target("no")}), PermissionDenied) << to_string(role);
    auto tenants = operators().tenants();
    tenants.suspend(acme.id, "unpaid");
    EXPECT_NO_THROW(session(acme).takeouts().start({.target = target("suspended")}).result());
    tenants.archive(acme.id, "gone");
    EXPECT_NO_THROW(session(acme).takeouts().start({.target = target("archived")}).result());
    tenants.erase({.tenant = acme.id, .reason = "left"});
    EXPECT_THROW(tenants.take_out({.tenant = acme.id, .target = target("erasing")}), PermissionDenied);
    tenants.undo_erase(acme.id, "asked for");
    EXPECT_NO_THROW(tenants.take_out({.tenant = acme.id, .target = target("undone")}).result());
    tenants.erase({.tenant = acme.id, .reason = "left", .undo_window = Duration::zero()});
    EXPECT_THROW(tenants.take_out({.tenant = acme.id, .target = target("erased")}), PermissionDenied);
    EXPECT_TRUE(fs::exists(target("undone") / "manifest.txt")) << "what was taken out is the host's";
}

TEST_F(TakeoutTest, an_operator_takes_out_what_is_his_and_that_is_recorded_twice) {
    auto job = operators().tenants().take_out({.tenant = acme.id, .target = target()});
    const auto takeout = job.result();
    EXPECT_EQ(judge(takeout).log, acme.id.text());
    EXPECT_EQ(operators().audit().list({.action = "tenant.take_out"}).at(0).target, acme.id.text());
    const auto record = session(acme).audit().list({.action = "takeout.start"}).at(0);
    EXPECT_EQ(record.actor, "operator");
    EXPECT_EQ(record.reason, "test");
    EXPECT_THROW(operators().tenants().take_out({.tenant = {1, 2}, .target = target("x")}), NotFound);
    const auto partner = operators().partners().create({.name = "Reseller", .slug = "reseller"});
    auto partners = engine->open_operator({.actor = "reseller", .reason = "test", .partner = partner.id});
    EXPECT_THROW(partners.tenants().take_out({.tenant = acme.id, .target = target("x")}), NotFound);
    EXPECT_FALSE(fs::exists(target("x")));
}

TEST_F(TakeoutTest, refuses_places_that_it_must_not_write_to) {
    auto takeouts = session(acme).takeouts();
    const auto code = [&](const fs::path& to) {
        try {
            takeouts.start({.target = to});
            return Errc{};
        } catch (const Error& error) {
            return error.code();
        }
    };
    EXPECT_EQ(code(""), Errc::invalid_argument);
    EXPECT_EQ(code(folder / std::string(151, 'x')), Errc::invalid_argument);
    EXPECT_EQ(code(folder / "none/taken"), Errc::not_found);
    EXPECT_EQ(code(folder / "home/taken"), Errc::permission_denied);
    EXPECT_EQ(code(folder / "home/workspaces" / acme.id.text() / "exports/taken"), Errc::permission_denied);
    EXPECT_EQ(code(folder / "x" / ".." / "home" / "taken"), Errc::permission_denied);
    fs::create_directory_symlink(folder / "home", folder / "link");
    EXPECT_EQ(code(folder / "link/taken"), Errc::permission_denied);
    fs::create_directory(target());
    EXPECT_EQ(code(target()), Errc::conflict);
    fs::remove(target());
    fs::create_symlink("nowhere", target());
    EXPECT_EQ(code(target()), Errc::conflict);
}

TEST_F(TakeoutTest, does_not_replace_what_came_into_its_place) {
    auto mine = session(acme);
    mine.jobs().pause("takeout");
    auto job = mine.takeouts().start({.target = target()});
    fs::create_directory(target());
    std::ofstream(target() / "mine") << "mine";
    mine.jobs().resume("takeout");
    EXPECT_THROW(job.result(), Conflict);
    EXPECT_EQ(text(target() / "mine"), "mine");
    EXPECT_EQ(left(acme), std::set<std::string>{"taken"});
}

TEST_F(TakeoutTest, cancelled_it_leaves_nothing) {
    fill(acme, "amber");
    auto mine = session(acme);
    for (int i = 0; i < 12; ++i) {
        auto job = mine.takeouts().start({.target = target()});
        std::this_thread::sleep_for(i * 700us);
        job.cancel();
        try {
            job.join();
            EXPECT_TRUE(fs::exists(target() / "manifest.txt")) << "it was faster";
            fs::remove_all(target());
        } catch (const Cancelled&) {
        }
        EXPECT_TRUE(eventually([&] { return left(acme).empty(); })) << *left(acme).begin();
    }
}

TEST_F(TakeoutTest, tells_how_far_it_is) {
    auto mine = session(acme);
    const auto notes = mine.workspace() / "projects";
    for (int i = 0; i < 300; ++i) std::ofstream(notes / std::to_string(i)) << std::string(10'000, 'x');
    auto job = mine.takeouts().start({.target = target()});
    std::set<std::string> stages;
    std::int64_t most = 0;
    while (!job.join_for(1ms)) {
        const auto progress = job.progress();
        stages.insert(progress.stage);
        if (progress.stage == "files") most = std::max(most, progress.total);
    }
    EXPECT_EQ(job.progress().percent, 100);
    EXPECT_TRUE(stages.contains("files"));
    EXPECT_GE(most, 3'000'000);
}

TEST_F(TakeoutTest, a_full_disk_leaves_nothing_and_the_next_one_is_whole) {
    fill(acme, "amber");
    auto mine = session(acme);
    const auto size = mine.takeouts().start({.target = target()}).result().size.count;
    fs::remove_all(target());
    for (const std::int64_t room : {std::int64_t{0}, std::int64_t{1}, size / 10, size / 3, size / 2, size - 1}) {
        SCOPED_TRACE(room);
        {
            const SmallDisk disk((folder.path() / ".taken").string(), room);
            try {
                mine.takeouts().start({.target = target()}).result();
                ADD_FAILURE() << "there was no room";
            } catch (const NoSpace&) {
            }
        }
        EXPECT_EQ(left(acme), std::set<std::string>{});
    }
    EXPECT_NO_THROW(judge(mine.takeouts().start({.target = target()}).result()));
}

/// Takes out until it is killed.
TEST_F(TakeoutTest, DISABLED_another_process) {
    Engine mine(tests::placed({.home = ChildProcess::setting("HOME_FOLDER"), .workers = 1}));
    auto there = mine.open_session({.tenant = TenantId::parse(ChildProcess::setting("TENANT")), .actor = "tester", .role = Role::owner});
    auto job = there.takeouts().start({.target = ChildProcess::setting("TARGET")});
    const auto id = job.id().text();
    ChildProcess::report(id.data(), id.size());
    job.join();
    std::this_thread::sleep_for(10s);
}

TEST_F(TakeoutTest, killed_at_any_moment_it_is_made_once_and_whole) {
    const auto secrets = fill(acme, "amber");
    int unfinished = 0, given_up = 0;
    for (int round = 0; round < 10; ++round) {
        engine.reset();
        std::string id;
        {
            ChildProcess child("TakeoutTest.DISABLED_another_process",
                               {{"HOME_FOLDER", (folder / "home").string()}, {"TENANT", acme.id.text()}, {"TARGET", target().string()}});
            id = child.read(JobId{1, 2}.text().size());
            std::this_thread::sleep_for(std::chrono::milliseconds(round * 9));
            child.kill();
        }
        unfinished += !fs::exists(target());
        if (round % 3 == 2) {
            // Nobody goes on with it: a process that only looks cancels it, and the next opening clears what it left.
            open_looking();
            auto job = session(acme).jobs().get(JobId::parse(id));
            job.cancel();
            given_up += job.join_for(0s) && job.state() == JobState::cancelled;
            engine.reset();
            open();
            if (session(acme).jobs().get(JobId::parse(id)).state() == JobState::cancelled) {
                EXPECT_TRUE(eventually([&] { return left(acme).empty() || left(acme) == std::set<std::string>{"taken"}; }));
            }
        } else {
            open();
            const auto takeout = session(acme).takeouts().find(JobId::parse(id))->result();
            EXPECT_EQ(takeout.path, target());
            EXPECT_NO_THROW(judge(takeout));
            EXPECT_TRUE(eventually([&] { return left(acme) == std::set<std::string>{"taken"}; }));
            EXPECT_EQ(session(acme).audit().list({.action = "takeout.made"}).back().target, id);
        }
        fs::remove_all(target());
    }
    EXPECT_EQ(used(session(acme), Resource::concurrent_jobs), 0);
    EXPECT_NO_THROW(session(acme).audit().verify());
    RecordProperty("unfinished", unfinished);
    RecordProperty("given_up", given_up);
}

}  // namespace
