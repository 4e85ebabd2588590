// Partners: resellers to whom tenants belong.

#include <algorithm>

#include <base/id.hpp>
#include <base/text.hpp>
#include <tenant/settings.hpp>
#include <tenon/error.hpp>

#include "partner_rows.hpp"
#include "registry_impl.hpp"
#include "search.hpp"

namespace tenon::tenant {
namespace {

using base::Json;

constexpr std::size_t most_catalogues = 100;

void check(const Partner& partner) {
    base::check_name("name", partner.name);
    base::check_slug("slug", partner.slug);
    if (partner.share_basis_points < 0 || partner.share_basis_points > 10'000)
        throw InvalidArgument("must lie between 0 and 10000", {.subject = "share_basis_points"});
    if (partner.catalogues.size() > most_catalogues) throw InvalidArgument("at most 100", {.subject = "catalogues"});
}

/// Those that are new must be loaded; one that the partner has may be gone from this process.
void check_catalogues(const Catalogues& loaded, const std::vector<std::string>& wanted, const std::vector<std::string>& had) {
    for (const auto& name : wanted) {
        if (std::ranges::count(wanted, name) > 1) throw InvalidArgument("\"" + base::to_utf8(name) + "\" is listed twice", {.subject = "catalogues"});
        const bool known = std::ranges::any_of(loaded.plans(), [&](const auto& terms) { return terms->catalogue == name; }) ||
                           std::ranges::find(had, name) != had.end();
        if (!known) throw NotFound("there is no catalogue \"" + base::to_utf8(name) + "\"", {.subject = base::to_utf8(name)});
    }
}

Json told(const Partner& partner) {
    auto catalogues = Json::array();
    for (const auto& each : partner.catalogues) catalogues.push(each);
    auto details = Json::object();
    details.set("name", partner.name).set("slug", partner.slug).set("catalogues", std::move(catalogues));
    details.set("share_basis_points", std::int64_t{partner.share_basis_points}).set("version", partner.version);
    return details;
}

bool sees(const Actor& actor, const PartnerId& id) { return actor.partner.is_nil() || actor.partner == id; }

[[noreturn]] void refuse_unknown(const PartnerId& id) { throw NotFound("there is no such partner", {.subject = id.text()}); }

/// What is a matter between the operator and the partner is not for the partner to change.
void check_terms(const Actor& actor, const Partner& was, const Partner& wanted) {
    if (actor.partner.is_nil()) return;
    if (was.slug != wanted.slug || was.catalogues != wanted.catalogues || was.share_basis_points != wanted.share_basis_points)
        throw PermissionDenied("a partner's operator changes its name and branding only", {.subject = "partner"});
}

}  // namespace

Partner Registry::create_partner(const Actor& actor, const PartnerOptions& options) {
    Impl::check_own(actor, "make partners");
    const auto now = impl_->clock->now();
    Partner partner{.id = base::new_id<PartnerId>(now), .name = options.name, .slug = options.slug, .catalogues = options.catalogues,
                    .share_basis_points = options.share_basis_points, .branding = {}, .version = 1, .created_at = now};
    check(partner);
    check_catalogues(*impl_->catalogues, partner.catalogues, {});
    partner.branding = settings::checked(SettingsKind::branding, options.branding, "branding");
    try {
        impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
            insert_partner(tx, partner);
            impl_->note(tx, actor, {.time = now, .action = "partner.create", .target = partner.id.text(), .details = told(partner)});
        });
    } catch (const Conflict&) {
        refuse_slug(options.slug);
    }
    return partner;
}

std::optional<Partner> Registry::find_partner(const Actor& actor, const PartnerId& id) {
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        impl_->note(tx, actor, {.time = now, .action = "partner.read", .target = id.text()});
        return sees(actor, id) ? read_partner(tx, id) : std::nullopt;
    });
}

std::optional<Partner> Registry::find_partner_slug(const Actor& actor, const std::string& slug) {
    base::check_slug("slug", slug);
    const auto now = impl_->clock->now();
    return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        auto partner = read_partner_slug(tx, slug);
        if (partner && !sees(actor, partner->id)) partner.reset();
        impl_->note(tx, actor, {.time = now, .action = "partner.read", .target = partner ? partner->id.text() : slug});
        return partner;
    });
}

std::vector<Partner> Registry::list_partners(const Actor& actor, const PartnerFilter& filter) {
    if (filter.limit < 1 || filter.limit > 1000) throw InvalidArgument("must lie between 1 and 1000", {.subject = "limit"});
    const Search search("text", filter.text);
    impl_->note_alone(actor, {.time = impl_->clock->now(), .action = "partner.list"});
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) {
        std::vector<Partner> list;
        for (auto after = filter.after;;) {
            auto rows = read_partners(reader, after, page_size);
            const bool last = rows.size() < page_size;
            if (!rows.empty()) after = rows.back().id;
            for (auto& partner : rows) {
                if (sees(actor, partner.id) && (search.finds(partner.name) || search.finds(partner.slug))) list.push_back(std::move(partner));
                if (list.size() == static_cast<std::size_t>(filter.limit)) return list;
            }
            if (last) return list;
        }
    });
}

Partner Registry::update_partner(const Actor& actor, const Partner& changed) {
    check(changed);
    auto wanted = changed;
    wanted.branding = settings::checked(SettingsKind::branding, changed.branding, "branding");
    const auto now = impl_->clock->now();
    try {
        return impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
            const auto was = sees(actor, changed.id) ? read_partner(tx, changed.id) : std::nullopt;
            if (!was) refuse_unknown(changed.id);
            if (was->version != changed.version)
                throw Conflict("the partner was changed meanwhile: look at it again", {.subject = changed.id.text()});
            check_terms(actor, *was, wanted);
            check_catalogues(*impl_->catalogues, wanted.catalogues, was->catalogues);
            auto partner = wanted;
            partner.created_at = was->created_at;
            partner.version = was->version + 1;
            update_partner_row(tx, partner);
            auto details = told(partner);
            details.set("was", told(*was));
            impl_->note(tx, actor, {.time = now, .action = "partner.update", .target = partner.id.text(), .details = std::move(details)});
            return partner;
        });
    } catch (const Conflict& error) {
        if (error.subject() != changed.id.text()) refuse_slug(changed.slug);
        throw;
    }
}

void Registry::remove_partner(const Actor& given, const PartnerId& id, const std::string& reason) {
    Impl::check_own(given, "remove partners");
    Impl::check_reason(reason);
    auto actor = given;
    actor.reason = reason;
    const auto now = impl_->clock->now();
    impl_->database.write(impl_->system, [&](db::SystemTx& tx) {
        const auto partner = read_partner(tx, id);
        if (!partner) refuse_unknown(id);
        if (has_tenants(tx, id)) throw Conflict("the partner still has tenants: erase them first", {.subject = id.text()});
        remove_partner_row(tx, id);
        impl_->note(tx, actor, {.time = now, .action = "partner.remove", .target = id.text(), .details = told(*partner)});
    });
}

std::string Registry::partner_branding(const PartnerId& id) const {
    return impl_->database.read(impl_->system, [&](db::SystemReader& reader) {
        const auto partner = read_partner(reader, id);
        return partner ? partner->branding : std::string("{}");
    });
}

void Registry::check_partner(const PartnerId& id) const {
    if (!impl_->database.read(impl_->system, [&](db::SystemReader& reader) { return read_partner(reader, id).has_value(); }))
        refuse_unknown(id);
}

}  // namespace tenon::tenant
