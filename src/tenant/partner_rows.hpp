#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <db/tx.hpp>
#include <tenon/partner.hpp>

namespace tenon::tenant {

/// Table `partner`.
[[nodiscard]] std::optional<Partner> read_partner(db::SystemReader& reader, const PartnerId& id);
[[nodiscard]] std::optional<Partner> read_partner_slug(db::SystemReader& reader, const std::string& slug);
/// Oldest first.
std::vector<Partner> read_partners(db::SystemReader& reader, const std::optional<PartnerId>& after, std::int32_t limit);
/// Throw Conflict when the slug is taken.
void insert_partner(db::SystemTx& tx, const Partner& partner);
void update_partner_row(db::SystemTx& tx, const Partner& partner);
void remove_partner_row(db::SystemTx& tx, const PartnerId& id);

/// Whether its tenants may have plans of a catalogue.
bool offers(const Partner& partner, std::string_view catalogue);

}  // namespace tenon::tenant
