#include "partner_rows.hpp"

#include <algorithm>

#include <base/json.hpp>

namespace tenon::tenant {
namespace {

using base::Json;

#define TENON_PARTNER_COLUMNS "SELECT id, name, slug, catalogues, share_bp, branding, version, created_at FROM partner "
constexpr db::SystemStmt find_id{TENON_PARTNER_COLUMNS "WHERE id = :id"};
constexpr db::SystemStmt find_by_slug{TENON_PARTNER_COLUMNS "WHERE slug = :slug"};
constexpr db::SystemStmt page{TENON_PARTNER_COLUMNS "WHERE id > :after ORDER BY id LIMIT :limit"};
#undef TENON_PARTNER_COLUMNS
constexpr db::SystemStmt partner_insert{
    "INSERT INTO partner (id, name, slug, catalogues, share_bp, branding, version, created_at) "
    "VALUES (:id, :name, :slug, :catalogues, :share_bp, :branding, :version, :created_at)"};
constexpr db::SystemStmt update{
    "UPDATE partner SET name = :name, slug = :slug, catalogues = :catalogues, share_bp = :share_bp, branding = :branding, "
    "version = :version WHERE id = :id"};
constexpr db::SystemStmt drop{"DELETE FROM partner WHERE id = :id"};

std::string text_of(const std::vector<std::string>& catalogues) {
    auto list = Json::array();
    for (const auto& each : catalogues) list.push(each);
    return base::to_json(list);
}

Partner row_of(db::Rows& rows) {
    Partner partner{.id = rows.id<PartnerId>(0), .name = rows.text(1), .slug = rows.text(2), .catalogues = {},
                    .share_basis_points = static_cast<std::int32_t>(rows.i64(4)), .branding = rows.text(5),
                    .version = rows.i64(6), .created_at = rows.time(7)};
    const auto catalogues = base::parse_json(rows.text_view(3));
    for (const auto& each : catalogues.as_array()) partner.catalogues.push_back(each.as_string());
    return partner;
}

std::optional<Partner> first_of(db::Rows rows) {
    if (!rows.next()) return std::nullopt;
    return row_of(rows);
}

}  // namespace

std::optional<Partner> read_partner(db::SystemReader& reader, const PartnerId& id) { return first_of(reader.query(find_id, id)); }

std::optional<Partner> read_partner_slug(db::SystemReader& reader, const std::string& slug) {
    return first_of(reader.query(find_by_slug, slug));
}

std::vector<Partner> read_partners(db::SystemReader& reader, const std::optional<PartnerId>& after, std::int32_t limit) {
    std::vector<Partner> list;
    for (auto rows = reader.query(page, after.value_or(PartnerId{}), limit); rows.next();) list.push_back(row_of(rows));
    return list;
}

void insert_partner(db::SystemTx& tx, const Partner& partner) {
    tx.exec(partner_insert, partner.id, partner.name, partner.slug, text_of(partner.catalogues), partner.share_basis_points, partner.branding,
            partner.version, partner.created_at);
}

void update_partner_row(db::SystemTx& tx, const Partner& partner) {
    tx.exec(update, partner.name, partner.slug, text_of(partner.catalogues), partner.share_basis_points, partner.branding,
            partner.version, partner.id);
}

void remove_partner_row(db::SystemTx& tx, const PartnerId& id) { tx.exec(drop, id); }

bool offers(const Partner& partner, std::string_view catalogue) {
    return partner.catalogues.empty() || std::ranges::find(partner.catalogues, catalogue) != partner.catalogues.end();
}

}  // namespace tenon::tenant
