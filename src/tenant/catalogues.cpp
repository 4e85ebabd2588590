#include <tenant/catalogues.hpp>

#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <set>

#include <base/file.hpp>
#include <base/text.hpp>
#include <tenon/error.hpp>

#include "plan_fields.hpp"
#include "shipped.hpp"

namespace tenon::tenant {
namespace {

using base::Json;

constexpr std::size_t largest_file = 1024 * 1024;
constexpr std::int64_t largest_count = (std::int64_t{1} << 53) - 1;
constexpr auto longest_window = std::chrono::hours(24 * 366);
constexpr std::size_t most_rates = 16;  // that a call looks at, see rates.cpp

void check_word(const Fields& fields, std::string_view name, const std::string& value) {
    const bool plain = std::ranges::all_of(value, [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_'; });
    if (!plain || value.empty() || value.size() > 63) fields.refuse(name, "must be 1 to 63 of a-z, 0-9 and '_'");
}

const Json::Array& list(const Fields& fields, std::string_view name) {
    const auto& value = fields.require(name);
    if (!value.is_array()) fields.refuse(name, "must be a list");
    return value.as_array();
}

std::vector<PlanLimit> parse_limits(const Json& value, const std::string& file, const std::string& where) {
    // Every resource is named: what a catalogue forgets must not become unlimited. Two came after catalogues were written that
    // cannot name them.
    const Fields fields(value, file, where + ": limits",
                        {"projects", "storage", "render_time", "concurrent_jobs", "seats", "cameras", "sites", "agents",
                         "api_calls", "model_tokens", "bandwidth"});
    std::vector<PlanLimit> limits;
    for (const auto resource : all_resources()) {
        const bool came_later = resource == Resource::model_tokens || resource == Resource::bandwidth;
        if (came_later && !fields.find(to_string(resource))) limits.push_back({resource, std::nullopt});
        else limits.push_back({resource, fields.amount(to_string(resource), unit_of(resource))});
    }
    return limits;
}

std::vector<std::string> parse_features(const Fields& plan) {
    std::vector<std::string> features;
    for (const auto& item : list(plan, "features")) {
        if (!item.is_string()) plan.refuse("features", "must be a list of texts");
        check_word(plan, "features", item.as_string());
        if (std::ranges::find(features, item.as_string()) != features.end())
            plan.refuse("features", "\"" + item.as_string() + "\" is listed twice");
        features.push_back(item.as_string());
    }
    return features;
}

RateTerm parse_rate(const Json& item, const std::string& file, const std::string& where) {
    const Fields fields(item, file, where + ": rates", {"scope", "route", "limit", "window", "burst"});
    const auto scope = fields.text("scope");
    const auto known = {RateScope::tenant, RateScope::key, RateScope::address, RateScope::route, RateScope::in_flight};
    const auto named = std::ranges::find(known, scope, [](RateScope each) { return std::string(to_string(each)); });
    if (named == known.end()) fields.refuse("scope", "must be tenant, key, address, route or in_flight");
    RateTerm rate{.kind = *named, .limit = fields.integer("limit", 1, largest_count)};
    const auto refuse = [&](std::string_view field) {
        if (fields.find(field)) fields.refuse(field, "does not belong to this scope");
    };
    if (rate.kind == RateScope::route) check_word(fields, "route", rate.route = fields.text("route"));
    else refuse("route");
    if (rate.kind == RateScope::in_flight) {
        refuse("window");
        refuse("burst");
        return rate;
    }
    const auto window = fields.amount("window", "us");
    if (!window || *window == 0 || Duration{*window} > longest_window) fields.refuse("window", "must lie above 0 and within 366 days");
    rate.window = Duration{*window};
    rate.burst = fields.integer("burst", 1, rate.limit);
    rate.interval = (*window * 1000 + rate.limit - 1) / rate.limit;
    return rate;
}

std::vector<RateTerm> parse_rates(const Fields& plan, const std::string& where) {
    std::vector<RateTerm> rates;
    for (const auto& item : list(plan, "rates")) rates.push_back(parse_rate(item, plan.file(), where));
    if (rates.size() > most_rates) plan.refuse("rates", "must be at most " + std::to_string(most_rates));
    return rates;
}

std::vector<RetentionTerm> parse_retention(const Fields& plan, const std::string& where) {
    std::vector<RetentionTerm> terms;
    const Fields fields(plan.require("retention"), plan.file(), where + ": retention", {"recordings", "exports", "audit"});
    for (const std::string_view kind : {"recordings", "exports", "audit"}) {
        if (!fields.find(kind)) continue;
        const auto days = fields.amount(kind, "days");
        if (days && (*days < 1 || *days > 36'500)) fields.refuse(kind, "must be 1 to 36500 days, or null for ever");
        terms.push_back({std::string(kind), days ? std::optional(static_cast<std::int32_t>(*days)) : std::nullopt});
    }
    return terms;
}

/// "0.25" minor units for one unit: 250,000 millionths. What is finer than a millionth is the price of more units.
bool read_price(std::string_view text, PlanOverage& term) {
    const auto point = text.find('.');
    std::string whole(text.substr(0, point)), fraction(point == text.npos ? "0" : text.substr(point + 1));
    const auto is_plain = [](const std::string& part) {
        return !part.empty() && part.size() <= 12 && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
    };
    if (!is_plain(whole) || !is_plain(fraction)) return false;
    while (fraction.size() > 6 && fraction.ends_with('0')) fraction.pop_back();
    for (auto finer = fraction.size(); finer > 6; --finer) term.per *= 10;
    fraction.resize(std::max<std::size_t>(fraction.size(), 6), '0');
    const auto digits = whole + fraction;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), term.price_micros);
    return error == std::errc{} && end == digits.data() + digits.size() && term.price_micros <= largest_count;
}

PlanOverage parse_overage_of(Resource resource, const Json& value, const Fields& all) {
    const std::string_view name = to_string(resource);
    PlanOverage term{.resource = resource, .rule = OverageRule::charge};
    if (value.is_string()) {
        if (!read_price(value.as_string(), term))
            all.refuse(name, "must be a decimal text of minor units, such as \"1\" or \"0.25\", or an object with a rule");
        return term;
    }
    const Fields fields(value, all.file(), all.path(name), {"rule", "price_micros", "per", "most", "for"});
    const auto rule = fields.text("rule");
    const auto belongs = [&](std::string_view field, std::initializer_list<OverageRule> rules) {
        if (fields.find(field) && std::ranges::find(rules, term.rule) == rules.end()) fields.refuse(field, "does not belong to this rule");
        return fields.find(field) != nullptr;
    };
    const auto known = {OverageRule::block, OverageRule::charge, OverageRule::grace, OverageRule::shadow};
    const auto named = std::ranges::find(known, rule, [](OverageRule each) { return std::string(to_string(each)); });
    if (named == known.end()) fields.refuse("rule", "must be block, charge, grace or shadow");
    term.rule = *named;
    if (term.rule == OverageRule::charge) term.price_micros = fields.integer("price_micros", 0, largest_count);
    else belongs("price_micros", {});
    if (belongs("per", {OverageRule::charge})) {
        const auto per = fields.amount("per", unit_of(resource));
        if (!per || *per < 1) fields.refuse("per", "must be above 0");
        term.per = *per;
    }
    if (belongs("most", {OverageRule::charge, OverageRule::grace})) term.most = fields.amount("most", unit_of(resource));
    if (term.rule == OverageRule::grace) {
        const auto length = fields.amount("for", "us");
        if (!length || *length < 1) fields.refuse("for", "must be above 0");
        term.grace = Duration{*length};
    } else {
        belongs("for", {});
    }
    return term;
}

std::vector<PlanOverage> parse_overage(const Fields& plan, const std::string& where) {
    std::vector<PlanOverage> terms;
    const auto* value = plan.find("overage");
    if (!value) return terms;
    const Fields fields(*value, plan.file(), where + ": overage",
                        {"projects", "storage", "render_time", "concurrent_jobs", "seats", "cameras", "sites", "agents",
                         "api_calls", "model_tokens", "bandwidth"});
    for (const auto resource : all_resources())
        if (const auto* found = fields.find(to_string(resource))) terms.push_back(parse_overage_of(resource, *found, fields));
    return terms;
}

}  // namespace

const PlanOverage* PlanTerms::overage(Resource resource) const {
    const auto found = std::ranges::find(plan.overage, resource, &PlanOverage::resource);
    return found == plan.overage.end() ? nullptr : &*found;
}

std::optional<std::int64_t> PlanTerms::amount(Resource resource) const {
    for (const auto& limit : plan.limits)
        if (limit.resource == resource) return limit.limit;
    return 0;
}

std::optional<std::int64_t> PlanTerms::limit(Resource resource) const {
    const auto named = amount(resource);
    const auto* beyond = overage(resource);
    if (!named || !beyond) return named;
    switch (beyond->rule) {
        case OverageRule::charge: return beyond->most ? std::optional(*named + *beyond->most) : std::nullopt;
        case OverageRule::shadow: return std::nullopt;
        case OverageRule::block:
        case OverageRule::grace: break;
    }
    return named;
}

std::optional<std::int64_t> PlanTerms::included(Resource resource) const {
    const auto* beyond = overage(resource);
    return beyond && (beyond->rule == OverageRule::charge || beyond->rule == OverageRule::grace) ? amount(resource) : std::nullopt;
}

bool PlanTerms::has(std::string_view feature) const {
    return std::ranges::find(plan.features, feature) != plan.features.end();
}

std::optional<RetentionTerm> PlanTerms::retention_of(std::string_view kind) const {
    for (const auto& term : retention)
        if (term.kind == kind) return term;
    return std::nullopt;
}

PlanTerms parse_plan(const Json& value, const std::string& catalogue, const std::string& currency, const std::string& file) {
    std::string where = "plan";
    if (const auto* name = value.is_object() ? value.find("name") : nullptr; name && name->is_string())
        where += " \"" + name->as_string() + "\"";
    const Fields fields(value, file, where,
                        {"name", "title", "version", "price", "interval", "per", "trial_days", "weight", "limits", "features",
                         "rates", "retention", "overage", "sla"});
    PlanTerms terms;
    terms.catalogue = catalogue;
    const auto tier = fields.text("name");
    check_word(fields, "name", tier);
    terms.plan.name = catalogue + "/" + tier;
    terms.title = fields.text("title");
    terms.plan.version = static_cast<std::int32_t>(fields.integer("version", 1, 1'000'000));
    terms.is_priced = !fields.require("price").is_null();
    if (terms.is_priced) terms.plan.price = {fields.integer("price", 0, largest_count), currency};
    terms.interval = fields.text("interval");
    if (terms.interval != "month") fields.refuse("interval", "must be \"month\"");
    terms.per = fields.text("per");
    if (terms.per != "tenant" && terms.per != "site") fields.refuse("per", "must be \"tenant\" or \"site\"");
    terms.plan.trial_days = static_cast<std::int32_t>(fields.integer("trial_days", 0, 3650));
    terms.weight = static_cast<std::int32_t>(fields.integer("weight", 1, 1000));
    terms.plan.limits = parse_limits(fields.require("limits"), file, where);
    terms.plan.features = parse_features(fields);
    terms.rates = parse_rates(fields, where);
    terms.retention = parse_retention(fields, where);
    terms.plan.overage = parse_overage(fields, where);
    if (fields.find("sla")) terms.sla_basis_points = static_cast<std::int32_t>(fields.integer("sla", 1, 10'000));
    return terms;
}

std::vector<PlanTerms> parse_catalogue(std::string_view text, const std::string& file) {
    Json document;
    try {
        document = base::parse_json(text, {.max_size = largest_file}, file);
    } catch (const InvalidArgument& error) {
        throw InvalidArgument("plan catalogue " + file + ": " + error.what(), {.subject = file});
    }
    const Fields fields(document, file, "", {"format", "catalogue", "title", "currency", "plans"});
    if (fields.integer("format", 1, largest_count) != 1) fields.refuse("format", "this version reads format 1");
    const auto catalogue = fields.text("catalogue");
    check_word(fields, "catalogue", catalogue);
    fields.text("title");
    const auto currency = fields.text("currency");
    if (currency.size() != 3 || !std::ranges::all_of(currency, [](char c) { return c >= 'A' && c <= 'Z'; }))
        fields.refuse("currency", "must be an ISO 4217 code, such as \"EUR\"");

    std::vector<PlanTerms> plans;
    for (const auto& item : list(fields, "plans")) {
        plans.push_back(parse_plan(item, catalogue, currency, file));
        for (std::size_t i = 0; i + 1 < plans.size(); ++i)
            if (plans[i].plan.name == plans.back().plan.name) fields.refuse("plans", "\"" + plans[i].plan.name + "\" occurs twice");
    }
    if (plans.empty()) fields.refuse("plans", "must not be empty");
    return plans;
}

std::shared_ptr<const Catalogues> Catalogues::load(const std::vector<std::filesystem::path>& replacements) {
    struct Source {
        std::string catalogue;
        std::vector<PlanTerms> plans;
    };
    std::vector<Source> sources;
    const auto add = [&](std::vector<PlanTerms> plans) {
        const auto name = plans.front().catalogue;
        const auto same = std::ranges::find(sources, name, &Source::catalogue);
        if (same == sources.end()) sources.push_back({name, std::move(plans)});
        else same->plans = std::move(plans);
    };
    for (const auto& shipped : shipped_plans()) add(parse_catalogue(shipped.text, std::string(shipped.name)));

    std::set<std::string> replaced;
    for (const auto& path : replacements) {
        const auto bytes = base::read_file(path, largest_file);
        auto plans = parse_catalogue(base::text_of(bytes), path.string());
        if (!replaced.insert(plans.front().catalogue).second)
            throw InvalidArgument("plan catalogue " + path.string() + ": catalogue \"" + plans.front().catalogue +
                                      "\" is given by another file too",
                                  {.subject = path.string()});
        add(std::move(plans));
    }

    auto loaded = std::shared_ptr<Catalogues>(new Catalogues);
    for (auto& source : sources)
        for (auto& terms : source.plans) loaded->plans_.push_back(std::make_shared<const PlanTerms>(std::move(terms)));
    return loaded;
}

std::shared_ptr<const PlanTerms> Catalogues::find(std::string_view name) const {
    for (const auto& terms : plans_)
        if (terms->plan.name == name) return terms;
    return nullptr;
}

std::shared_ptr<const PlanTerms> Catalogues::get(std::string_view name) const {
    if (auto terms = find(name)) return terms;
    throw NotFound("there is no plan \"" + std::string(name) + "\" in the loaded catalogues", {.subject = std::string(name)});
}

}  // namespace tenon::tenant
