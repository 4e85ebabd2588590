#include "plan_rows.hpp"

#include <base/json.hpp>
#include <tenon/error.hpp>

namespace tenon::tenant {
namespace {

using base::Json;

// The same columns in the same order, once for tenants and once for the system.
#define TENON_PLAN_COLUMNS                                                                                            \
    "SELECT catalogue, title, price, currency, price_interval, per, trial_days, features, limits, rates, weight, "   \
    "retention, overage, sla FROM plan WHERE name = :name AND version = :version"
constexpr db::SharedStmt find_shared{TENON_PLAN_COLUMNS};
constexpr db::SystemStmt find_system{TENON_PLAN_COLUMNS};
#undef TENON_PLAN_COLUMNS
constexpr db::SystemStmt insert{
    "INSERT INTO plan (name, version, catalogue, title, price, currency, price_interval, per, trial_days, features, limits, "
    "rates, weight, retention, overage, sla) VALUES (:name, :version, :catalogue, :title, :price, :currency, :price_interval, "
    ":per, :trial_days, :features, :limits, :rates, :weight, :retention, :overage, :sla)"};

Json maybe(const std::optional<std::int32_t>& value) { return value ? Json(std::int64_t{*value}) : Json(); }

struct Documents {
    std::string features, limits, rates, retention, overage;
};

Documents documents_of(const PlanTerms& terms) {
    Json features = Json::array(), limits = Json::object(), rates = Json::array(), retention = Json::object(),
         overage = Json::object();
    for (const auto& feature : terms.plan.features) features.push(feature);
    for (const auto& limit : terms.plan.limits)
        limits.set(to_string(limit.resource), limit.limit ? Json(*limit.limit) : Json());
    for (const auto& rate : terms.rates) {
        auto item = Json::object();
        item.set("scope", to_string(rate.kind)).set("limit", rate.limit);
        if (rate.kind == RateScope::route) item.set("route", rate.route);
        if (rate.kind != RateScope::in_flight) item.set("window", std::int64_t{rate.window.count()}).set("burst", rate.burst);
        rates.push(std::move(item));
    }
    for (const auto& term : terms.retention) retention.set(term.kind, maybe(term.days));
    for (const auto& term : terms.plan.overage) {
        auto item = Json::object();
        item.set("rule", to_string(term.rule));
        if (term.rule == OverageRule::charge) item.set("price_micros", term.price_micros).set("per", term.per);
        if (term.most) item.set("most", *term.most);
        if (term.rule == OverageRule::grace) item.set("for", std::int64_t{term.grace.count()});
        overage.set(to_string(term.resource), std::move(item));
    }
    return {base::to_json(features), base::to_json(limits), base::to_json(rates), base::to_json(retention),
            base::to_json(overage)};
}

std::string tier_of(std::string_view name) { return std::string(name.substr(name.find('/') + 1)); }

std::optional<PlanTerms> terms_of(db::Rows rows, std::string_view name, std::int32_t version) {
    if (!rows.next()) return std::nullopt;
    auto plan = Json::object();
    plan.set("name", tier_of(name)).set("title", rows.text(1));
    plan.set("version", std::int64_t{version});
    plan.set("price", rows.is_null(2) ? Json() : Json(rows.i64(2)));
    plan.set("interval", rows.text(4)).set("per", rows.text(5));
    plan.set("trial_days", rows.i64(6));
    plan.set("features", base::parse_json(rows.text_view(7)));
    plan.set("limits", base::parse_json(rows.text_view(8)));
    plan.set("rates", base::parse_json(rows.text_view(9)));
    plan.set("weight", rows.i64(10));
    plan.set("retention", base::parse_json(rows.text_view(11)));
    plan.set("overage", base::parse_json(rows.text_view(12)));
    if (!rows.is_null(13)) plan.set("sla", rows.i64(13));
    try {
        return parse_plan(plan, rows.text(0), rows.text(3), "stored");
    } catch (const InvalidArgument& error) {
        throw Corrupt("the stored plan " + std::string(name) + " cannot be read: " + error.what(), {.subject = std::string(name)});
    }
}

bool same(const PlanTerms& a, const PlanTerms& b) {
    const auto one = documents_of(a), other = documents_of(b);
    return a.catalogue == b.catalogue && a.title == b.title && a.is_priced == b.is_priced && a.plan.price == b.plan.price &&
           a.interval == b.interval && a.per == b.per && a.plan.trial_days == b.plan.trial_days && a.weight == b.weight &&
           a.sla_basis_points == b.sla_basis_points && one.features == other.features && one.limits == other.limits &&
           one.rates == other.rates && one.retention == other.retention && one.overage == other.overage;
}

}  // namespace

bool are_stored(db::SystemReader& reader, const Catalogues& catalogues) {
    for (const auto& terms : catalogues.plans()) {
        const auto stored = read_plan(reader, terms->plan.name, terms->plan.version);
        if (!stored || !same(*stored, *terms)) return false;
    }
    return true;
}

void store_plans(db::SystemTx& tx, const Catalogues& catalogues) {
    for (const auto& terms : catalogues.plans()) {
        const auto& plan = terms->plan;
        if (const auto stored = read_plan(tx, plan.name, plan.version)) {
            if (!same(*stored, *terms))
                throw Conflict("plan " + plan.name + " differs from version " + std::to_string(plan.version) +
                                   " that this home already has: give the changed plan a higher version",
                               {.subject = plan.name});
            continue;
        }
        const auto documents = documents_of(*terms);
        tx.exec(insert, plan.name, plan.version, terms->catalogue, terms->title,
                terms->is_priced ? std::optional(plan.price.minor) : std::nullopt, plan.price.currency, terms->interval,
                terms->per, plan.trial_days, documents.features, documents.limits, documents.rates, terms->weight,
                documents.retention, documents.overage, terms->sla_basis_points);
    }
}

std::optional<PlanTerms> read_plan(db::Reader& reader, std::string_view name, std::int32_t version) {
    return terms_of(reader.query(find_shared, name, version), name, version);
}

std::optional<PlanTerms> read_plan(db::SystemReader& reader, std::string_view name, std::int32_t version) {
    return terms_of(reader.query(find_system, name, version), name, version);
}

}  // namespace tenon::tenant
