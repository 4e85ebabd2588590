#include <base/json.hpp>
#include <base/text.hpp>
#include <tenon/error.hpp>

#include "ledger.hpp"
#include "usage_rows.hpp"

namespace tenon::tenant::usage {
namespace {

constexpr db::TenantStmt corrected_by{
    "SELECT coalesce(sum(qty), 0) FROM usage_event WHERE tenant_id = :tenant AND corrects_source = :source AND corrects_id = :id"};

/// What a correction says, so that a second telling can be compared: `to` would be another amount by then.
std::string said_by(const CorrectionOptions& options) {
    auto said = base::Json::object();
    if (options.by) said.set("by", *options.by);
    if (options.to) said.set("to", *options.to);
    return base::to_canonical_json(said);
}

void check_correction(const CorrectionOptions& options) {
    base::check_name("source", options.source);
    base::check_name("id", options.id);
    base::check_name("corrects_source", options.corrects_source);
    base::check_name("corrects_id", options.corrects_id);
    if (options.by.has_value() == options.to.has_value()) throw InvalidArgument("either by how much or to what", {.subject = "by"});
    if (options.by && (*options.by < -largest_quantity || *options.by > largest_quantity))
        throw InvalidArgument("must lie between -2^53 and 2^53", {.subject = "by"});
    if (options.to && (*options.to < 0 || *options.to > largest_quantity))
        throw InvalidArgument("must lie between 0 and 2^53", {.subject = "to"});
    for (const auto* own : {"hold", "lease", "import", "render", "backup"})
        if (options.source == own) throw InvalidArgument("a source of the engine's own", {.subject = "source"});
}

}  // namespace

UsageReceipt correct(db::Tx& tx, const CorrectionOptions& options, Time now, base::Json& details) {
    check_correction(options);
    UsageReceipt receipt{.source = options.source, .id = options.id};
    const auto said = said_by(options);
    if (const auto there = find_event(tx, options.source, options.id)) {
        if (there->corrects_source != options.corrects_source || there->corrects_id != options.corrects_id || there->said != said)
            throw Conflict("an event of this source and id was told with other content", {.subject = options.source + "/" + options.id});
        receipt.outcome = UsageOutcome::duplicate;
        receipt.period = there->period;
        return receipt;
    }
    const auto name = options.corrects_source + "/" + options.corrects_id;
    const auto wrong = find_event(tx, options.corrects_source, options.corrects_id);
    if (!wrong) throw NotFound("there is no such event", {.subject = name});
    if (!wrong->corrects_source.empty()) throw Conflict("it is a correction itself: correct what it corrects", {.subject = name});
    std::int64_t stands = wrong->quantity;
    if (auto rows = tx.query(corrected_by, options.corrects_source, options.corrects_id); rows.next()) stands += rows.i64(0);
    const auto by = options.by ? *options.by : *options.to - stands;
    if (stands + by < 0 || stands + by > largest_quantity)
        throw InvalidArgument("it stands at " + std::to_string(stands) + " and must end up between 0 and 2^53", {.subject = "by"});

    Book book(tx, now);
    const auto place = book.place_beside(wrong->period);
    const Told told{.source = options.source, .id = options.id, .meter = wrong->meter, .quantity = by, .occurred_at = wrong->occurred_at};
    book.add(told, place, wrong->share, said, options.corrects_source, options.corrects_id);
    book.close();
    // A period that is over keeps what it took, and what is running is not given more room for it.
    const auto resource = resource_of(wrong->meter);
    if (resource && is_periodic(*resource) && !place.late && by != 0) ledger::count(tx, *resource, place.period, by, now);
    details.set("event", name).set("meter", wrong->meter).set("was", stands).set("is", stands + by).set("period", place.period);
    receipt.outcome = place.late ? UsageOutcome::late : UsageOutcome::recorded;
    receipt.period = place.period;
    return receipt;
}

}  // namespace tenon::tenant::usage
