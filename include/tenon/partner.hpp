#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <tenon/config.hpp>
#include <tenon/id.hpp>
#include <tenon/units.hpp>

TENON_BEGIN

struct Internal;
struct OperatorImpl;

/// A reseller to whom tenants belong.
struct Partner {
    PartnerId id{};
    std::string name{};
    std::string slug{};                     ///< Unique among partners.
    std::vector<std::string> catalogues{};  ///< Whose plans its tenants may have: "studio". Empty: every one.
    std::int32_t share_basis_points = 0;    ///< Its part of what its tenants pay: 2000 is 20 %.
    std::string branding = "{}";            ///< JSON object, as settings of the kind `branding`: what its tenants' users see.
    std::int64_t version = 0;               ///< 1, 2, 3 …
    Time created_at{};
};

struct PartnerOptions {
    std::string name{};                     ///< Required.
    std::string slug{};                     ///< Required. a-z, 0-9 and '-'.
    std::vector<std::string> catalogues{};  ///< Names of loaded catalogues. Empty: every one, and those loaded later.
    std::int32_t share_basis_points = 0;    ///< 0 to 10000.
    std::string branding = "{}";
};

struct PartnerFilter {
    std::string text{};                     ///< Part of the name or the slug, upper and lower case alike. Empty: every partner.
    std::optional<PartnerId> after{};       ///< The last one of the page before.
    std::int32_t limit = 100;               ///< 1 to 1000, oldest first.
};

/// Every partner of this engine; a partner's operator sees his own alone, and changes only its name and branding.
class TENON_API Partners {
public:
    /// Throws InvalidArgument (subject: the field, in branding with the path within), NotFound (a catalogue), Conflict (the slug is
    /// taken), PermissionDenied (a partner's operator).
    Partner create(const PartnerOptions& options);
    Partner get(const PartnerId& id) const;
    [[nodiscard]] std::optional<Partner> find(const PartnerId& id) const;
    [[nodiscard]] std::optional<Partner> find_slug(const std::string& slug) const;
    std::vector<Partner> list(const PartnerFilter& filter = {}) const;
    /// A partner as get() gave it, with what is to be different. Throws Conflict if somebody else changed it meanwhile. Its tenants
    /// keep the plans they have.
    Partner update(const Partner& changed);
    /// Throws Conflict as long as it has tenants that are not erased.
    void remove(const PartnerId& id, const std::string& reason);

private:
    friend struct Internal;
    explicit Partners(std::shared_ptr<OperatorImpl> impl);
    std::shared_ptr<OperatorImpl> impl_;
};

TENON_END
