#include <tenant/catalogues.hpp>

#include <fstream>

#include <gtest/gtest.h>

#include <temp_folder.hpp>
#include <tenon/error.hpp>

#include "amounts.hpp"

namespace tenon::tenant {
namespace {

constexpr auto unlimited = std::optional<std::int64_t>{};

std::optional<std::int64_t> limit(const char* plan, Resource resource) { return Catalogues::load()->get(plan)->limit(resource); }
std::int64_t price(const char* plan) { return Catalogues::load()->get(plan)->plan.price.minor; }

TEST(Catalogues, StudioHasTheFiguresOfTheRequirements) {
    struct Row {
        const char* plan;
        std::int64_t projects, storage, render_hours, jobs, price;
    };
    for (const auto& row : {Row{"studio/basic", 5, 10 * GB, 10, 1, 99'00}, Row{"studio/professional", 25, 100 * GB, 50, 3, 499'00},
                            Row{"studio/enterprise", 100, 500 * GB, 200, 5, 1'999'00},
                            Row{"studio/premium", 1000, 2 * TB, 1000, 10, 4'999'00}}) {
        EXPECT_EQ(limit(row.plan, Resource::projects), row.projects) << row.plan;
        EXPECT_EQ(limit(row.plan, Resource::storage), row.storage) << row.plan;
        EXPECT_EQ(limit(row.plan, Resource::render_time), row.render_hours * hour) << row.plan;
        EXPECT_EQ(limit(row.plan, Resource::concurrent_jobs), row.jobs) << row.plan;
        EXPECT_EQ(price(row.plan), row.price) << row.plan;
    }
    const auto all = Catalogues::load();
    EXPECT_FALSE(all->get("studio/basic")->has("webhooks"));
    EXPECT_TRUE(all->get("studio/professional")->has("webhooks"));
    EXPECT_TRUE(all->get("studio/professional")->has("priority"));
    EXPECT_FALSE(all->get("studio/professional")->sla_basis_points);
    EXPECT_TRUE(all->get("studio/enterprise")->has("dedicated_support"));
    EXPECT_TRUE(all->get("studio/enterprise")->sla_basis_points);
    EXPECT_FALSE(all->get("studio/enterprise")->has("white_label"));
    EXPECT_TRUE(all->get("studio/premium")->has("white_label"));
}

TEST(Catalogues, AgentsHaveTheFiguresOfTheRequirements) {
    EXPECT_EQ(price("agents/starter"), 299'00);
    EXPECT_EQ(price("agents/professional"), 699'00);
    EXPECT_EQ(price("agents/enterprise"), 1'999'00);
    EXPECT_EQ(limit("agents/starter", Resource::seats), 1);
    EXPECT_EQ(limit("agents/professional", Resource::seats), 5);
    EXPECT_EQ(limit("agents/enterprise", Resource::seats), unlimited);
    const auto all = Catalogues::load();
    EXPECT_TRUE(all->get("agents/starter")->has("butler"));
    EXPECT_FALSE(all->get("agents/starter")->has("scout"));
    EXPECT_TRUE(all->get("agents/professional")->has("scout"));
    for (const auto* agent : {"butler", "scout", "writer", "custom_agents"}) EXPECT_TRUE(all->get("agents/enterprise")->has(agent));
}

TEST(Catalogues, NvrHasTheFiguresOfTheRequirements) {
    EXPECT_EQ(price("nvr/basic"), 50'00);
    EXPECT_EQ(price("nvr/professional"), 150'00);
    EXPECT_EQ(price("nvr/enterprise"), 500'00);
    const auto all = Catalogues::load();
    EXPECT_EQ(all->get("nvr/basic")->per, "site");
    EXPECT_EQ(all->get("nvr/basic")->retention_of("recordings")->days, 30);
    EXPECT_EQ(all->get("nvr/professional")->retention_of("recordings")->days, 90);
    EXPECT_FALSE(all->get("nvr/enterprise")->retention_of("recordings")->days);
    const auto* beyond = all->get("nvr/basic")->overage(Resource::api_calls);
    ASSERT_NE(beyond, nullptr);
    EXPECT_EQ(beyond->rule, OverageRule::charge);
    EXPECT_EQ(beyond->price_micros, 1'000'000);  // one cent a call
    EXPECT_EQ(beyond->per, 1);
    EXPECT_TRUE(all->get("nvr/basic")->included(Resource::api_calls));
    EXPECT_EQ(limit("nvr/basic", Resource::api_calls), unlimited) << "what is charged for is not refused";
}

TEST(Catalogues, BusinessHasTheFiguresOfTheRequirements) {
    struct Row {
        const char* plan;
        std::int64_t seats, agents, calls, storage;
    };
    for (const auto& row : {Row{"business/free", 5, 1, 1'000, 1 * GB}, Row{"business/starter", 10, 3, 10'000, 10 * GB},
                            Row{"business/professional", 50, 10, 100'000, 100 * GB},
                            Row{"business/enterprise", 500, 50, 1'000'000, 1 * TB}}) {
        EXPECT_EQ(limit(row.plan, Resource::seats), row.seats) << row.plan;
        EXPECT_EQ(limit(row.plan, Resource::agents), row.agents) << row.plan;
        EXPECT_EQ(limit(row.plan, Resource::api_calls), row.calls) << row.plan;
        EXPECT_EQ(limit(row.plan, Resource::storage), row.storage) << row.plan;
    }
    for (const auto resource : all_resources()) EXPECT_EQ(limit("business/white_label", resource), unlimited);
    EXPECT_TRUE(Catalogues::load()->get("business/white_label")->has("custom_branding"));
    EXPECT_EQ(Catalogues::load()->get("business/starter")->plan.trial_days, 14);
}

class Replacement : public ::testing::Test {
protected:
    static std::string plan(const std::string& extra = "") {
        return R"({"name": "small", "title": "Small", "version": 3, "price": 1250, "interval": "month", "per": "tenant",
                   "trial_days": 7, "weight": 1, "limits": {"projects": 2, "storage": "3 MB", "render_time": "90 min",
                   "concurrent_jobs": null, "seats": 0, "cameras": null, "sites": null, "agents": null, "api_calls": null},
                   "features": ["sparkle"], "rates": [], "retention": {})" + extra + "}";
    }
    static std::string catalogue(const std::string& plans, const std::string& name = "studio") {
        return R"({"format": 1, "catalogue": ")" + name + R"(", "title": "T", "currency": "EUR", "plans": [)" + plans + "]}";
    }
    std::filesystem::path file(const std::string& text, const std::string& name = "plans.json") {
        std::ofstream(folder / name) << text;
        return folder / name;
    }
    std::string refusal(const std::string& text) {
        try {
            Catalogues::load({file(text)});
        } catch (const InvalidArgument& error) {
            EXPECT_EQ(error.subject(), (folder / "plans.json").string());
            return error.what();
        }
        return "accepted";
    }
    tests::TempFolder folder;
};

TEST_F(Replacement, TakesThePlaceOfTheShippedCatalogueOfItsName) {
    const auto all = Catalogues::load({file(catalogue(plan()))});
    EXPECT_EQ(all->find("studio/basic"), nullptr);
    EXPECT_NE(all->find("nvr/basic"), nullptr);
    const auto small = all->get("studio/small");
    EXPECT_EQ(small->plan.version, 3);
    EXPECT_EQ(small->plan.price, (Money{1250, "EUR"}));
    EXPECT_EQ(small->limit(Resource::storage), 3'000'000);
    EXPECT_EQ(small->limit(Resource::render_time), 90 * 60 * 1000);
    EXPECT_EQ(small->limit(Resource::seats), 0);
    EXPECT_EQ(small->limit(Resource::cameras), unlimited);
}

TEST_F(Replacement, JoinsTheShippedOnesUnderAnotherName) {
    const auto all = Catalogues::load({file(catalogue(plan(), "house"))});
    EXPECT_NE(all->find("studio/basic"), nullptr);
    EXPECT_NE(all->find("house/small"), nullptr);
    EXPECT_THROW(all->get("house/large"), NotFound);
}

TEST_F(Replacement, IsReadStrictlyAndSaysWhereItIsWrong) {
    const auto contains = [](const std::string& text, const char* part) { return text.find(part) != std::string::npos; };
    EXPECT_EQ(refusal(catalogue(plan())), "accepted");
    EXPECT_TRUE(contains(refusal(catalogue(plan(R"(, "colour": 1)"))), R"(plan "small": colour: unknown field)"));
    EXPECT_TRUE(contains(refusal("{"), "plans.json"));
    EXPECT_TRUE(contains(refusal(catalogue("")), "plans: must not be empty"));
    EXPECT_TRUE(contains(refusal(catalogue(plan() + "," + plan())), "occurs twice"));
    const auto with = [&](const std::string& from, const std::string& to) {
        auto text = catalogue(plan());
        text.replace(text.find(from), from.size(), to);
        return refusal(text);
    };
    EXPECT_TRUE(contains(with(R"("projects": 2, )", ""), "limits: projects: missing"));
    EXPECT_TRUE(contains(with(R"("3 MB")", R"("3 MiB")"), "limits: storage: must be"));
    EXPECT_TRUE(contains(with(R"("3 MB")", R"("3MB")"), "limits: storage: must be"));
    EXPECT_TRUE(contains(with(R"("3 MB")", "-1"), "limits: storage"));
    EXPECT_TRUE(contains(with(R"("3 MB")", R"("99999999999 PB")"), "limits: storage"));
    EXPECT_TRUE(contains(with("1250", "12.50"), "price: must be an integer"));
    EXPECT_TRUE(contains(with("1250", "-1"), "price: must lie between"));
    EXPECT_TRUE(contains(with(R"("version": 3)", R"("version": 0)"), "version: must lie between"));
    EXPECT_TRUE(contains(with(R"("format": 1)", R"("format": 2)"), "format"));
    EXPECT_TRUE(contains(with("EUR", "Euro"), "currency"));
    EXPECT_TRUE(contains(with(R"("name": "small")", R"("name": "Small one")"), "name: must be"));
    EXPECT_TRUE(contains(with(R"(["sparkle"])", R"(["sparkle", "sparkle"])"), "listed twice"));
}

TEST_F(Replacement, SaysWhatHappensBeyondItsLimits) {
    const auto terms = [&](const std::string& overage) {
        return Catalogues::load({file(catalogue(plan(R"(, "overage": {)" + overage + "}")))})->get("studio/small");
    };
    const auto priced = [&](const std::string& text) { return *terms(R"("storage": ")" + text + '"')->overage(Resource::storage); };
    EXPECT_EQ(priced("0.25").price_micros, 250'000);
    EXPECT_EQ(priced("12.5000000").price_micros, 12'500'000);
    EXPECT_EQ(priced("0.0000002").price_micros, 2) << "finer than a millionth: of ten";
    EXPECT_EQ(priced("0.0000002").per, 10);
    const auto all = terms(R"("projects": {"rule": "block"}, "seats": {"rule": "shadow"},
        "storage": {"rule": "grace", "most": "1 MB", "for": "3 days"},
        "render_time": {"rule": "charge", "price_micros": 2500000, "per": "1 min", "most": "1 h"})");
    EXPECT_EQ(all->limit(Resource::projects), 2);
    EXPECT_EQ(all->limit(Resource::seats), unlimited);
    EXPECT_EQ(all->amount(Resource::seats), 0);
    EXPECT_EQ(all->limit(Resource::storage), 3'000'000);
    EXPECT_EQ(all->included(Resource::storage), 3'000'000);
    EXPECT_EQ(all->overage(Resource::storage)->grace, std::chrono::hours(72));
    EXPECT_EQ(all->overage(Resource::storage)->most, 1'000'000);
    EXPECT_EQ(all->limit(Resource::render_time), (90 + 60) * 60'000);
    EXPECT_EQ(all->included(Resource::render_time), 90 * 60'000);
    EXPECT_EQ(all->overage(Resource::render_time)->per, 60'000);
    EXPECT_EQ(all->overage(Resource::cameras), nullptr);
    EXPECT_EQ(all->limit(Resource::model_tokens), unlimited) << "came later, and may be left out";

    const auto contains = [&](const std::string& overage, const char* part) {
        const auto said = refusal(catalogue(plan(R"(, "overage": {)" + overage + "}")));
        EXPECT_NE(said.find(part), std::string::npos) << overage << ": " << said;
    };
    contains(R"("storage": "1e3")", "overage: storage: must be a decimal");
    contains(R"("storage": "9999999999999")", "overage: storage: must be a decimal");
    contains(R"("storage": "99999999999.123456789")", "overage: storage: must be a decimal");
    contains(R"("water": "1")", "water: unknown field");
    contains(R"("storage": {"rule": "never"})", "rule: must be block, charge, grace or shadow");
    contains(R"("storage": {"rule": "charge"})", "price_micros: missing");
    contains(R"("storage": {"rule": "charge", "price_micros": 1, "per": 0})", "per: must be above 0");
    contains(R"("storage": {"rule": "grace"})", "for: missing");
    contains(R"("storage": {"rule": "grace", "for": "1 h", "per": 1})", "per: does not belong to this rule");
    contains(R"("storage": {"rule": "block", "most": 1})", "most: does not belong to this rule");
    contains(R"("storage": {"rule": "block", "for": "1 h"})", "for: does not belong to this rule");
}

TEST_F(Replacement, IsGivenOncePerName) {
    EXPECT_THROW(Catalogues::load({file(catalogue(plan())), file(catalogue(plan()), "again.json")}), InvalidArgument);
    EXPECT_THROW(Catalogues::load({folder / "missing.json"}), NotFound);
}

}  // namespace
}  // namespace tenon::tenant
