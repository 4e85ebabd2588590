#include <tenant/settings.hpp>

#include <functional>

#include <gtest/gtest.h>

#include <tenant_fixture.hpp>
#include <tenon/error.hpp>

#include "json_schema.hpp"
#include "shipped.hpp"

namespace tenon::tenant {
namespace {

using base::parse_json;

constexpr db::SystemStmt changes{"SELECT count(*) FROM event_ WHERE tenant_id = :id AND kind = 'settings.changed'"};

class SettingsTest : public ::testing::Test {
protected:
    SettingsDocument put(const TenantId& id, SettingsKind kind, const std::string& body, std::optional<std::int64_t> expected = {}) {
        return home.write(id, [&](db::Tx& tx) {
            return settings::put(tx, home.alice, {.kind = kind, .body = body, .expected = expected}, home.now());
        });
    }
    SettingsDocument patch(SettingsKind kind, const std::string& body, std::optional<std::int64_t> expected = {}) {
        return home.write(home.a, [&](db::Tx& tx) {
            return settings::patch(tx, home.alice, {.kind = kind, .body = body, .expected = expected}, home.now());
        });
    }
    SettingsDocument get(const TenantId& id, SettingsKind kind) {
        return home.read(id, [&](db::Reader& r) { return settings::get(r, kind); });
    }
    std::string path_of_refusal(SettingsKind kind, const std::string& body) {
        try {
            put(home.a, kind, body);
        } catch (const InvalidArgument& error) {
            return error.subject();
        }
        return "taken";
    }
    testing::Home home;
};

TEST_F(SettingsTest, BelongToOneTenantAndHaveVersions) {
    EXPECT_EQ(get(home.a, SettingsKind::preferences).version, 0);
    EXPECT_EQ(get(home.a, SettingsKind::preferences).body, "{}");
    EXPECT_FALSE(get(home.a, SettingsKind::preferences).changed_at);
    EXPECT_EQ(put(home.a, SettingsKind::preferences, R"({"language": "de", "outputs": ["mp4"]})").version, 1);
    EXPECT_EQ(put(home.a, SettingsKind::preferences, R"({"language": "pt-BR"})").version, 2);
    home.open();
    EXPECT_EQ(get(home.a, SettingsKind::preferences).body, R"({"language":"pt-BR"})");
    EXPECT_EQ(get(home.a, SettingsKind::preferences).changed_at, home.now());
    EXPECT_EQ(get(home.a, SettingsKind::workflows).version, 0);
    EXPECT_EQ(get(home.b, SettingsKind::preferences).version, 0);
    put(home.b, SettingsKind::preferences, R"({"language": "ja"})");
    EXPECT_EQ(get(home.a, SettingsKind::preferences).body, R"({"language":"pt-BR"})");
}

TEST_F(SettingsTest, OfTwoWhoChangeAtOnceOneIsToldToLookAgain) {
    const auto seen = put(home.a, SettingsKind::automation, R"({"level": "off"})", 0).version;
    EXPECT_EQ(put(home.a, SettingsKind::automation, R"({"level": "full"})", seen).version, 2);
    EXPECT_THROW(put(home.a, SettingsKind::automation, R"({"level": "assisted"})", seen), Conflict);
    EXPECT_THROW(patch(SettingsKind::automation, R"({"level": "assisted"})", seen), Conflict);
    EXPECT_EQ(get(home.a, SettingsKind::automation).body, R"({"level":"full"})");
}

TEST_F(SettingsTest, ArePatchedMemberByMember) {
    put(home.a, SettingsKind::preferences, R"({"language": "de", "quality": {"minimum_score": 80, "below": "mark"}})");
    EXPECT_EQ(patch(SettingsKind::preferences, R"({"language": null, "quality": {"minimum_score": 90.5}, "grade": "cinematic_warm"})").body,
              R"({"grade":"cinematic_warm","quality":{"below":"mark","minimum_score":90.5}})");
    EXPECT_THROW(patch(SettingsKind::preferences, R"({"quality": {"minimum_score": 101}})"), InvalidArgument);
    EXPECT_THROW(patch(SettingsKind::preferences, "[]"), InvalidArgument);
    EXPECT_EQ(get(home.a, SettingsKind::preferences).version, 2);
}

TEST_F(SettingsTest, AreRefusedByThePathOfWhatDoesNotFit) {
    using K = SettingsKind;
    EXPECT_EQ(path_of_refusal(K::preferences, "{"), "body");
    EXPECT_EQ(path_of_refusal(K::preferences, "[]"), "body");
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"colour": 1})"), "colour");
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"language": 7})"), "language");
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"language": "english please"})"), "language");
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"outputs": ["mp4", "../x"]})"), "outputs/1");
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"outputs": ["mp4", "mp4"]})"), "outputs/1");
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"notifications": {"email": ["nobody"]}})"), "notifications/email/0");
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"notifications": {"quiet": {"start": "25:00", "end": "07:00"}}})"), "notifications/quiet/start");
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"notifications": {"quiet": {"start": "22:00"}}})"), "notifications/quiet/end");
    EXPECT_EQ(path_of_refusal(K::workflows, R"({"workflows": [{"name": "reel", "steps": []}]})"), "workflows/0/steps");
    EXPECT_EQ(path_of_refusal(K::workflows, R"({"workflows": [{"name": "reel", "steps": [{"do": "format_disk"}]}]})"), "workflows/0/steps/0/do");
    EXPECT_EQ(path_of_refusal(K::automation, R"({"renders_per_day": 1.5})"), "renders_per_day");
    EXPECT_EQ(path_of_refusal(K::automation, R"({"renders_per_day": -1})"), "renders_per_day");
    EXPECT_EQ(path_of_refusal(K::branding, R"({"url": "http://plain.example"})"), "url");
    EXPECT_EQ(path_of_refusal(K::branding, R"({"url": "https://user@evil.example"})"), "url");
    EXPECT_EQ(path_of_refusal(K::branding, R"j({"url": "javascript:alert(1)"})j"), "url");
    EXPECT_EQ(path_of_refusal(K::branding, R"j({"variables": {"x": "red; background: url(//evil)"}})j"), "variables/x");
    EXPECT_EQ(path_of_refusal(K::branding, R"j({"variables": {"x": "URL(evil)"}})j"), "variables/x");
    EXPECT_EQ(path_of_refusal(K::branding, R"({"product": ""})"), "product");
    EXPECT_EQ(path_of_refusal(static_cast<K>(9), "{}"), "kind");
    EXPECT_EQ(path_of_refusal(K::preferences, R"j({"custom": {"a": ")j" + std::string(70'000, 'x') + "\"}}"), "body");
    std::string deep;
    for (int i = 0; i < 20; ++i) deep += R"({"a":)";
    EXPECT_EQ(path_of_refusal(K::preferences, R"({"custom": )" + deep + "1" + std::string(20, '}') + "}"), "body");
    EXPECT_EQ(get(home.a, K::preferences).version, 0);
}

TEST_F(SettingsTest, AreTakenWithAllThatTheSchemasName) {
    using K = SettingsKind;
    EXPECT_EQ(path_of_refusal(K::preferences,
                              R"({"language": "zh-Hant-TW", "time_format": "24h", "outputs": ["mp4", "social_square"], "grade": "cinematic_warm",
                                  "quality": {"minimum_score": 70, "below": "render_again"},
                                  "notifications": {"email": ["a@b.example"], "events": ["job.", "quota.warning"],
                                  "quiet": {"start": "22:00", "end": "07:30"}},
                                  "custom": {"anything": [1, {"deep": true}]}})"),
              "taken");
    EXPECT_EQ(path_of_refusal(K::workflows,
                              R"({"workflows": [{"name": "reel", "title": "Reel", "enabled": true, "when": "asset.imported",
                                  "steps": [{"do": "render", "with": {"outputs": ["mp4"]}}, {"do": "notify", "continue_on_error": true}]}]})"),
              "taken");
    EXPECT_EQ(path_of_refusal(K::automation,
                              R"({"level": "assisted", "renders_per_day": 20, "hours": {"start": "06:00", "end": "23:00"},
                                  "rules": [{"name": "nightly", "when": "job.succeeded", "if": {"kind": "render"},
                                  "then": "run_workflow", "workflow": "reel"}]})"),
              "taken");
    EXPECT_EQ(path_of_refusal(K::branding,
                              R"j({"product": "Acmé Studio", "vendor": "Acmé", "url": "https://acme.example/a?b#c",
                                  "support_email": "help@acme.example",
                                  "footer": "© Acmé", "colours": {"primary": "#0a1B2c", "accent": "#00000080"},
                                  "variables": {"radius": "calc(4px + 1em)"}})j"),
              "taken");
}

TEST_F(SettingsTest, AreRecordedAndTold) {
    put(home.a, SettingsKind::preferences, R"({"language": "de", "custom": {"secret": "x"}})");
    put(home.a, SettingsKind::preferences, R"({"language": "fr"})");
    const auto records = home.read(home.a, [](db::Reader& r) { return audit::list(r, {.action = "settings."}); });
    ASSERT_EQ(records.size(), 2u);
    EXPECT_EQ(records[1].target, "preferences");
    EXPECT_EQ(records[1].actor, "alice");
    EXPECT_EQ(records[1].details, R"({"changed":["language","custom"],"version":2})");
    home.database->read(home.system, [&](db::SystemReader& r) {
        auto rows = r.query(changes, home.a);
        ASSERT_TRUE(rows.next());
        EXPECT_EQ(rows.i64(0), 2);
    });
}

TEST(SettingsSchemas, AreMadeOfWhatTheCheckUnderstands) {
    EXPECT_EQ(shipped_settings().size(), 4u);
    const std::function<void(const base::Json&)> walk = [&](const base::Json& schema) {
        try {
            check_schema(schema, base::Json(), "");
        } catch (const InvalidArgument&) {
            // Null fits few of them; what is asked here is whether the schema itself is understood.
        }
        if (const auto* properties = schema.find("properties"))
            for (const auto& [name, each] : properties->as_object()) walk(each);
        if (const auto* items = schema.find("items")) walk(*items);
        if (const auto* others = schema.find("additionalProperties"); others && others->is_object()) walk(*others);
        if (const auto* format = schema.find("format")) {
            EXPECT_THROW(check_schema(schema, base::Json("\x7f nothing fits"), ""), InvalidArgument) << format->as_string();
        }
    };
    for (const auto& shipped : shipped_settings()) {
        const auto schema = parse_json(shipped.text);
        try {
            walk(schema);
        } catch (const InternalError& error) {
            ADD_FAILURE() << shipped.name << ": " << error.what() << " " << error.subject();
        }
        EXPECT_FALSE(schema.bool_or("additionalProperties", true)) << shipped.name;
    }
}

}  // namespace
}  // namespace tenon::tenant
