// Whatever a host is fed by its users: strings that would do harm, in every option that takes one, and files that are not
// what they seem.

#include "engine_fixture.hpp"
#include "tenant_state.hpp"

#include <fstream>
#include <functional>

#include <sys/stat.h>
#include <unistd.h>

namespace {

using namespace tenon;
using namespace std::chrono_literals;
using tests::state_of;

struct Field {
    const char* name;
    std::function<void(const std::string&)> give;
};

class BadInputTest : public tests::EngineTest {
protected:
    std::filesystem::path write(const std::string& name, const std::string& bytes) {
        const auto path = folder.path() / name;
        std::ofstream(path, std::ios::binary) << bytes;
        return path;
    }
    static std::string content(const std::filesystem::path& file) {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }
    Errc import_code(const std::filesystem::path& path) {
        try {
            mine.assets().import_file({.project = project.id, .path = path});
        } catch (const Error& error) {
            EXPECT_STRNE(error.what(), "");
            return error.code();
        }
        return Errc{};
    }

    Session mine = session(acme);
    Project project = mine.projects().create({.name = "reel"});
    Asset clip = mine.assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4"});
    Timeline cut = [&] {
        Timeline timeline;
        timeline.append({.asset = clip.id, .end = 1s});
        return timeline;
    }();
};

const std::map<std::string, std::string> bad_strings = {
    {"a NUL byte", std::string("a\0b", 3)},
    {"invalid UTF-8", "a\xff\xfe"},
    {"a surrogate", "a\xed\xa0\x80"},
    {"half a character", "a\xe2\x82"},
    {"a control character", "a\x1b[2Jb"},
};

TEST_F(BadInputTest, strings_that_would_do_harm_are_refused_by_every_option) {
    auto operators = this->operators();
    auto tenants = operators.tenants();
    const RenderOptions render{.project = project.id, .timeline = cut, .outputs = {"mp4"}};
    const auto titled = [&](const std::string& text) {
        auto options = render;
        options.timeline.title({.text = text, .duration = 1s});
        return options;
    };
    const auto graded = [&](const std::string& grade) {
        auto options = render;
        options.timeline.grade(grade);
        return options;
    };
    const CameraOptions camera{.name = "Door", .url = "rtsp://127.0.0.1:9/stream"};
    auto door = mine.cameras().create(camera);
    const std::vector<Field> fields = {
        {"SessionOptions.actor", [&](auto& s) { engine->open_session({.tenant = acme.id, .actor = s}); }},
        {"OperatorOptions.actor", [&](auto& s) { engine->open_operator({.actor = s, .reason = "x"}); }},
        {"OperatorOptions.reason", [&](auto& s) { engine->open_operator({.actor = "x", .reason = s}); }},
        {"TenantOptions.name", [&](auto& s) { tenants.create({.name = s, .slug = "new", .plan = "studio/basic"}); }},
        {"TenantOptions.slug", [&](auto& s) { tenants.create({.name = "new", .slug = s, .plan = "studio/basic"}); }},
        {"TenantOptions.plan", [&](auto& s) { tenants.create({.name = "new", .slug = "new", .plan = s}); }},
        {"TenantOptions.region", [&](auto& s) { tenants.create({.name = "new", .slug = "new", .plan = "studio/basic", .region = s}); }},
        {"TenantOptions.zone", [&](auto& s) { tenants.create({.name = "new", .slug = "new", .plan = "studio/basic", .zone = s}); }},
        {"suspend", [&](auto& s) { tenants.suspend(other.id, s); }},
        {"resume", [&](auto& s) { tenants.resume(other.id, s); }},
        {"EraseOptions.reason", [&](auto& s) { tenants.erase({.tenant = other.id, .reason = s}); }},
        {"ProjectOptions.name", [&](auto& s) { mine.projects().create({.name = s}); }},
        {"rename", [&](auto& s) { mine.projects().rename(project.id, s); }},
        {"ImportOptions.name", [&](auto& s) { mine.assets().import_file({.project = project.id, .path = tests::clip_with_sound, .name = s}); }},
        {"RenderOptions.outputs", [&](auto& s) { mine.renders().start({.project = project.id, .timeline = cut, .outputs = {s}}); }},
        {"RenderOptions.name", [&](auto& s) { mine.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4"}, .name = s}); }},
        {"TimelineTitle.text", [&](auto& s) { mine.renders().start(titled(s)); }},
        {"Timeline.grade", [&](auto& s) { mine.renders().start(graded(s)); }},
        {"Timeline.from_json", [&](auto& s) { Timeline::from_json(s); }},
        {"CameraOptions.name", [&](auto& s) { mine.cameras().create({.name = s, .url = camera.url}); }},
        {"CameraOptions.url", [&](auto& s) { mine.cameras().create({.name = "Door", .url = camera.url + s}); }},
        {"CameraOptions.username", [&](auto& s) { mine.cameras().create({.name = "Door", .url = camera.url, .username = s, .password = "x"}); }},
        {"CameraOptions.password", [&](auto& s) { mine.cameras().create({.name = "Door", .url = camera.url, .username = "x", .password = s}); }},
        {"CameraUpdate.name", [&](auto& s) { door.update({.name = s}); }},
        {"CameraUpdate.url", [&](auto& s) { door.update({.url = camera.url + s}); }},
        {"CameraUpdate.username", [&](auto& s) { door.update({.username = s}); }},
        {"CameraUpdate.password", [&](auto& s) { door.update({.password = s}); }},
        {"BackupOptions.name", [&](auto& s) { mine.backups().start({.name = s}); }},
        {"BackupOptions.tags key", [&](auto& s) { mine.backups().start({.name = "x", .tags = {{s, "x"}}}); }},
        {"BackupOptions.tags value", [&](auto& s) { mine.backups().start({.name = "x", .tags = {{"x", s}}}); }},
        {"add_password label", [&](auto& s) { mine.backups().keys().add_password("a good password", s); }},
        {"HoldOptions.idempotency", [&](auto& s) { mine.quotas().reserve({.asks = {{Resource::storage, 1}}, .idempotency = s}); }},
        {"EngineOptions.brand.product", [&](auto& s) { Engine(tests::placed({.home = folder / "second", .brand = {.product = s}})); }},
        {"EngineOptions.brand.vendor", [&](auto& s) { Engine(tests::placed({.home = folder / "second", .brand = {.vendor = s}})); }},
        {"EngineOptions.brand.url", [&](auto& s) { Engine(tests::placed({.home = folder / "second", .brand = {.url = s}})); }},
        {"EngineOptions.postgres", [&](auto& s) { Engine({.home = folder / "second", .postgres = s}); }},
        {"EngineOptions.camera_networks", [&](auto& s) { Engine(tests::placed({.home = folder / "second", .camera_networks = {s}})); }},
    };
    auto theirs = session(other);
    const auto mine_before = state_of(mine), theirs_before = state_of(theirs);
    auto strings = bad_strings;
    strings["4 KiB"] = std::string(4096, 'x');
    for (const auto& [what, bad] : strings)
        for (const auto& field : fields) {
            try {
                field.give(bad);
                ADD_FAILURE() << field.name << " took " << what;
            } catch (const Error& error) {
                const std::string name(field.name);
                const bool lookup = name.ends_with("plan") || name.ends_with("outputs") || name.ends_with("grade");
                if (!lookup || error.code() != Errc::not_found) {
                    EXPECT_EQ(error.code(), Errc::invalid_argument) << field.name << " given " << what << ": " << error.what();
                }
                EXPECT_TRUE(std::string(error.what()).size() < 1000) << field.name << " repeats what it was given";
            } catch (const std::exception& error) {
                ADD_FAILURE() << field.name << " given " << what << " throws something foreign: " << error.what();
            }
        }
    EXPECT_EQ(state_of(mine), mine_before);
    EXPECT_EQ(state_of(theirs), theirs_before);
    EXPECT_EQ(tenants.list().size(), 2u);
    EXPECT_FALSE(std::filesystem::exists(folder / "second")) << "a home was half-made";
    EXPECT_NO_THROW(mine.audit().verify());
}

TEST_F(BadInputTest, looking_for_harmful_strings_finds_nothing) {
    auto tenants = operators().tenants();
    auto plans = operators().plans();
    const std::vector<Field> fields = {
        {"Plans::find", [&](auto& s) { EXPECT_FALSE(plans.find(s)); }},
        {"Plans::get", [&](auto& s) { plans.get(s); }},
        {"Tenants::find_slug", [&](auto& s) { EXPECT_FALSE(tenants.find_slug(s)); }},
        {"TenantFilter.plan", [&](auto& s) { EXPECT_TRUE(tenants.list({.plan = s}).empty()); }},
        {"JobFilter.kind", [&](auto& s) { EXPECT_TRUE(mine.jobs().list({.kind = s}).empty()); }},
        {"ExportFilter.after", [&](auto& s) { EXPECT_TRUE(mine.exports().list({.after = s}).empty()); }},
        {"UsageSeriesOptions.meter", [&](auto& s) { mine.usage().series({.meter = s, .start = Time{}, .end = Time{1h}}); }},
        {"AuditFilter.action", [&](auto& s) { EXPECT_TRUE(mine.audit().list({.action = s}).empty()); }},
        {"SubscribeOptions.kinds", [&](auto& s) { EXPECT_FALSE(mine.subscribe({.kinds = {s}}).next(0s)); }},
        {"SnapshotFilter.name", [&](auto& s) { EXPECT_TRUE(mine.backups().list({.name = s}).empty()); }},
        {"Exports::find", [&](auto& s) { EXPECT_FALSE(mine.exports().find(s)); }},
        {"Exports::remove", [&](auto& s) { mine.exports().remove(s); }},
        {"ImportOptions.path", [&](auto& s) { mine.assets().import_file({.project = project.id, .path = s}); }},
        {"ProjectId::parse", [&](auto& s) { ProjectId::parse(s); }},
    };
    const auto before = state_of(mine);
    auto strings = bad_strings;
    strings["4 KiB"] = std::string(4096, 'x');
    strings["a way out"] = "../../keys/master.key";
    for (const auto& [what, bad] : strings)
        for (const auto& field : fields) {
            SCOPED_TRACE(std::string(field.name) + " given " + what);
            try {
                field.give(bad);
            } catch (const Error& error) {
                EXPECT_TRUE(error.code() == Errc::invalid_argument || error.code() == Errc::not_found)
                    << to_string(error.code()) << ": " << error.what();
            } catch (const std::exception& error) {
                ADD_FAILURE() << "something foreign: " << error.what();
            }
        }
    EXPECT_EQ(state_of(mine), before);
    EXPECT_TRUE(std::filesystem::exists(folder / "home/keys/master.key"));
    EXPECT_NO_THROW(mine.audit().verify()) << "the refusals are in it, with what was asked for";
}

TEST_F(BadInputTest, names_are_not_paths) {
    const std::string out = "../../../escaped";
    mine.projects().rename(project.id, out);
    const auto asset = mine.assets().import_file({.project = project.id, .path = tests::footage / "clapper.mp4", .name = out});
    EXPECT_EQ(asset.path.parent_path(), mine.workspace() / "projects" / project.id.text() / "assets");
    EXPECT_THROW(mine.renders().start({.project = project.id, .timeline = cut, .outputs = {out}}), Error);
    EXPECT_THROW(mine.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4"}, .name = out}), InvalidArgument);
    const auto snapshot = mine.backups().start({.name = out}).result().snapshot;
    const auto before = tests::describe_tree(folder.path() / "home" / "keys");
    for (const std::string path : {"../keys", "/etc", "projects/../../x", ".."}) {
        EXPECT_THROW(mine.backups().browse({.snapshot = snapshot.id, .path = path}), Error) << path;
        EXPECT_THROW(mine.backups().restore({.snapshot = snapshot.id, .target = folder / "restored", .paths = {path}}).result(), Error) << path;
    }
    EXPECT_EQ(tests::describe_tree(folder.path() / "home" / "keys"), before);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder.path()))
        EXPECT_EQ(entry.path().filename().string().find("escaped"), std::string::npos) << entry.path();
}

TEST_F(BadInputTest, files_that_are_not_what_they_seem_are_refused) {
    const auto before = state_of(mine);
    const auto pipe = folder.path() / "pipe.mp4";
    ASSERT_EQ(mkfifo(pipe.c_str(), 0600), 0);
    EXPECT_EQ(import_code(pipe), Errc::invalid_argument) << "at once, though nobody writes";
    EXPECT_EQ(import_code("/dev/zero"), Errc::invalid_argument);
    EXPECT_EQ(import_code(folder.path() / "home"), Errc::invalid_argument);
    std::filesystem::create_symlink("nowhere", folder.path() / "dangling.mp4");
    EXPECT_EQ(import_code(folder.path() / "dangling.mp4"), Errc::not_found);
    std::filesystem::create_symlink("loop.mp4", folder.path() / "loop.mp4");
    EXPECT_EQ(import_code(folder.path() / "loop.mp4"), Errc::invalid_argument);
    EXPECT_EQ(import_code(write("text", "a text") / "below.mp4"), Errc::not_found);
    EXPECT_EQ(import_code(folder.path() / std::string(300, 'x')), Errc::invalid_argument);
    EXPECT_EQ(import_code(""), Errc::not_found);
    // A playlist must not make the engine open what it names.
    const std::string list = "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n" + tests::clip_with_sound.string() + "\n#EXT-X-ENDLIST\n";
    EXPECT_NE(import_code(write("list.m3u8", list)), Errc{});
    EXPECT_NE(import_code(write("list.ffconcat", "ffconcat version 1.0\nfile '" + tests::clip_with_sound.string() + "'\n")), Errc{});
    EXPECT_EQ(state_of(mine), before);
}

TEST_F(BadInputTest, a_file_its_owner_hides_is_refused) {
    const auto hidden = write("hidden.mp4", content(tests::footage / "clapper.mp4"));
    ASSERT_EQ(chmod(hidden.c_str(), 0), 0);
    // Root may read everything: for this one call it is somebody else.
    const bool root = geteuid() == 0;
    if (root) {
        ASSERT_EQ(seteuid(65534), 0);
    }
    const auto code = import_code(hidden);
    if (root) {
        ASSERT_EQ(seteuid(0), 0);
    }
    EXPECT_EQ(code, Errc::permission_denied);
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
}

TEST_F(BadInputTest, truncated_and_damaged_films_are_refused_or_whole) {
    for (const auto& film : {tests::clip_with_sound, tests::footage / "clapper.mp4", tests::footage / "vtest.avi"}) {
        const auto whole = content(film);
        for (const double part : {0.001, 0.01, 0.3, 0.6, 0.999}) {
            const auto before = state_of(mine);
            auto bytes = whole.substr(0, static_cast<std::size_t>(static_cast<double>(whole.size()) * part));
            if (part == 0.6)  // damaged instead: zeros in the middle
                bytes = whole.substr(0, bytes.size() / 2) + std::string(bytes.size() / 2, '\0') + whole.substr(bytes.size() / 2 * 2);
            const auto path = write("film" + film.extension().string(), bytes);
            const auto code = import_code(path);
            SCOPED_TRACE(film.filename().string() + " cut to " + std::to_string(part) + ": " + std::to_string(static_cast<int>(code)));
            if (code == Errc{}) {
                const auto asset = mine.assets().list().back();
                EXPECT_EQ(content(asset.path), bytes);
                mine.assets().remove(asset.id);
            } else {
                EXPECT_TRUE(code == Errc::unsupported || code == Errc::corrupt) << to_string(code);
                EXPECT_EQ(state_of(mine), before);
            }
            EXPECT_EQ(reserved(mine, Resource::storage), 0);
        }
    }
}

TEST_F(BadInputTest, a_source_damaged_later_fails_its_render_and_returns_what_was_held) {
    const auto storage = used(mine, Resource::storage);
    std::filesystem::resize_file(clip.path, 5000);
    try {
        mine.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4"}}).result();
        ADD_FAILURE() << "a damaged film was rendered";
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), Errc::conflict) << error.what();
        EXPECT_EQ(error.subject(), clip.id.text());
    }
    EXPECT_EQ(reserved(mine, Resource::storage), 0);
    EXPECT_EQ(reserved(mine, Resource::render_time), 0);
    EXPECT_EQ(used(mine, Resource::render_time), 0);
    EXPECT_EQ(used(mine, Resource::storage), storage);
    EXPECT_TRUE(mine.exports().list().empty());
}

}  // namespace
