#include <tenant/quota.hpp>

#include <algorithm>

#include <base/text.hpp>
#include <tenant/catalogues.hpp>
#include <tenant/period.hpp>
#include <tenon/error.hpp>

#include "ledger.hpp"
#include "marks.hpp"
#include "usage_rows.hpp"

namespace tenon::tenant::quota {
namespace {

using ledger::Denial;
using ledger::HoldRow;
using Rows = std::vector<HoldRow>;

constexpr std::int64_t largest_ask = std::int64_t{1} << 53;

void check_ask(const Ask& ask, std::int64_t least) {
    if (!resource_of(to_string(ask.resource)))
        throw InvalidArgument("unknown resource " + std::to_string(static_cast<int>(ask.resource)), {.subject = "resource"});
    if (ask.amount < least || ask.amount > largest_ask)
        throw InvalidArgument(std::string("the amount of ") + to_string(ask.resource) + " must lie between " +
                                  std::to_string(least) + " and 2^53",
                              {.subject = "amount"});
}

/// By resource, the one order in which rows are touched.
std::vector<Ask> sorted(std::vector<Ask> asks) {
    std::ranges::sort(asks, {}, &Ask::resource);
    for (std::size_t i = 1; i < asks.size(); ++i)
        if (asks[i].resource == asks[i - 1].resource)
            throw InvalidArgument(std::string("asked twice for ") + to_string(asks[i].resource), {.subject = "asks"});
    return asks;
}

void check(const ReserveOptions& options) {
    if (options.asks.empty()) throw InvalidArgument("nothing is asked for", {.subject = "asks"});
    for (const auto& ask : options.asks) check_ask(ask, 1);
    base::check_text("idempotency", options.idempotency, 200);
    if (options.idempotency.find_first_of("\t\n") != std::string::npos)
        throw InvalidArgument("idempotency holds a control character", {.subject = "idempotency"});
    if (options.idempotency.size() > 200) throw InvalidArgument("at most 200 bytes", {.subject = "idempotency"});
    if (options.cause.kind == CauseKind::none &&
        (options.ttl < std::chrono::seconds(1) || options.ttl > std::chrono::hours(24 * 7)))
        throw InvalidArgument("must lie between 1 second and 7 days", {.subject = "ttl"});
}

HoldInfo info_of(const Rows& rows) {
    HoldInfo info{.id = rows.front().id,
                  .state = rows.front().state,
                  .cause = rows.front().cause,
                  .expires_at = rows.front().state == HoldState::open ? rows.front().expires_at : std::nullopt};
    for (const auto& row : rows) info.asks.push_back({row.resource, row.amount});
    return info;
}

Rows known(db::Reader& reader, const HoldId& id) {
    auto rows = ledger::rows_of(reader, id);
    if (rows.empty()) throw NotFound("there is no such hold", {.subject = id.text()});
    return rows;
}

Rows open(db::Reader& reader, const HoldId& id) {
    auto rows = known(reader, id);
    if (rows.front().state != HoldState::open)
        throw Conflict(rows.front().state == HoldState::expired ? "the hold has expired" : "the hold has ended",
                       {.subject = id.text()});
    return rows;
}

const HoldRow& row_for(const Rows& rows, Resource resource) {
    for (const auto& row : rows)
        if (row.resource == resource) return row;
    throw InvalidArgument(std::string("the hold has nothing of ") + to_string(resource), {.subject = "resource"});
}

/// Takes from a resource; before it refuses it returns what others have let lapse.
bool take_within(db::Tx& tx, const Ask& ask, std::int32_t period, Time now) {
    return ledger::take(tx, ask.resource, period, ask.amount, now) ||
           (ledger::end_due(tx, now) > 0 && ledger::take(tx, ask.resource, period, ask.amount, now));
}

bool take(db::Tx& tx, const Ask& ask, std::int32_t period, Time now) {
    return take_within(tx, ask, period, now) || ledger::pass_in_shadow(tx, ask.resource, period, ask.amount, now);
}

/// All asks or none: empty when granted.
std::optional<Denial> take_all(db::Tx& tx, Rows& rows, Time now) {
    std::vector<const HoldRow*> taken, watched;
    for (const auto& row : rows) {
        if (take_within(tx, {row.resource, row.amount}, row.period, now)) {
            taken.push_back(&row);
        } else if (ledger::only_watches(tx, row.resource, row.period)) {
            watched.push_back(&row);
        } else {
            auto denial = ledger::denial_of(tx, row.resource, row.period, row.amount);
            for (const auto* one : taken) ledger::settle(tx, one->resource, one->period, one->amount, 0, now);
            return denial;
        }
    }
    // Last, since what is refused as a whole counts nothing here either.
    for (const auto* row : watched) static_cast<void>(ledger::pass_in_shadow(tx, row->resource, row->period, row->amount, now));
    return std::nullopt;
}

bool same_asks(const Rows& rows, const std::vector<Ask>& asks) {
    return std::ranges::equal(rows, asks, [](const HoldRow& row, const Ask& ask) {
        return row.resource == ask.resource && row.asked == ask.amount;
    });
}

std::optional<Denial> grant(db::Tx& tx, const HoldId& id, const ReserveOptions& options, Time now, HoldInfo& granted) {
    check(options);
    const auto asks = sorted(options.asks);
    if (!options.idempotency.empty())
        if (const auto before = ledger::rows_of_idempotency(tx, options.idempotency); !before.empty()) {
            if (!same_asks(before, asks))
                throw Conflict("this idempotency key was used for something else", {.subject = "idempotency"});
            const auto state = before.front().state;
            if (state == HoldState::released || state == HoldState::expired)
                throw Conflict("the hold of this idempotency key was given back: ask with another key", {.subject = "idempotency"});
            granted = info_of(before);
            return std::nullopt;
        }
    Rows rows;
    const bool caused = options.cause.kind != CauseKind::none;
    for (const auto& ask : asks)
        rows.push_back({.id = id,
                        .resource = ask.resource,
                        .period = ledger::row_of(tx, ask.resource, now),
                        .asked = ask.amount,
                        .amount = ask.amount,
                        .cause = options.cause,
                        .expires_at = caused ? std::nullopt : std::optional(now + options.ttl)});
    if (auto denial = take_all(tx, rows, now)) return denial;
    for (const auto& row : rows) ledger::insert(tx, row, options.idempotency);
    granted = info_of(rows);
    return std::nullopt;
}

void check_level(const Ask& ask, const char* what) {
    check_ask(ask, 1);
    if (is_periodic(ask.resource))
        throw InvalidArgument(std::string(to_string(ask.resource)) + " counts per period: " + what, {.subject = "resource"});
}

}  // namespace

HoldInfo reserve(db::Tx& tx, const HoldId& id, const ReserveOptions& options, Time now) {
    HoldInfo granted;
    if (const auto denial = grant(tx, id, options, now, granted)) ledger::refuse(*denial);
    return granted;
}

std::optional<HoldInfo> try_reserve(db::Tx& tx, const HoldId& id, const ReserveOptions& options, Time now) {
    HoldInfo granted;
    if (grant(tx, id, options, now, granted)) return std::nullopt;
    return granted;
}

void extend(db::Tx& tx, const HoldId& id, const Ask& more, Time now) {
    check_ask(more, 1);
    const auto rows = open(tx, id);
    const auto& row = row_for(rows, more.resource);
    if (!ledger::take(tx, row.resource, row.period, more.amount, now)) {
        ledger::end_due(tx, now);
        open(tx, id);  // it may have been due itself
        if (!ledger::take(tx, row.resource, row.period, more.amount, now) &&
            !ledger::pass_in_shadow(tx, row.resource, row.period, more.amount, now))
            ledger::refuse(ledger::denial_of(tx, row.resource, row.period, more.amount));
    }
    ledger::set_amount(tx, row, row.amount + more.amount);
}

void spend(db::Tx& tx, const HoldId& id, const Ask& part, Time now) {
    check_level(part, "it is counted by commit()");
    const auto rows = open(tx, id);
    const auto& row = row_for(rows, part.resource);
    if (part.amount > row.amount) throw InvalidArgument("more than is held", {.subject = to_string(part.resource)});
    ledger::settle(tx, row.resource, row.period, part.amount, part.amount, now);
    ledger::set_amount(tx, row, row.amount - part.amount);
}

void commit(db::Tx& tx, const HoldId& id, const std::vector<Ask>& actual, Time now, const std::optional<ProjectId>& project) {
    const auto rows = known(tx, id);
    if (rows.front().state == HoldState::committed) return;
    open(tx, id);
    for (const auto& ask : sorted(actual)) {
        check_ask(ask, 0);
        if (ask.amount > row_for(rows, ask.resource).amount)
            throw InvalidArgument("more was used than is held: extend the hold first", {.subject = to_string(ask.resource)});
    }
    ledger::end(tx, rows, actual, HoldState::committed, now);
    for (const auto& ask : actual)
        if (is_periodic(ask.resource) && ask.amount > 0)
            usage::record_in(tx, row_for(rows, ask.resource).period,
                             {.source = "hold",
                              .id = id.text() + "/" + to_string(ask.resource),
                              .meter = to_string(ask.resource),
                              .quantity = ask.amount,
                              .occurred_at = now,
                              .project = project},
                             now);
}

void release(db::Tx& tx, const HoldId& id, Time now) {
    const auto rows = known(tx, id);
    if (rows.front().state == HoldState::open) ledger::end(tx, rows, {}, HoldState::released, now);
}

void detach(db::Tx& tx, const HoldId& id, const Cause& cause) {
    if (cause.kind == CauseKind::none || cause.id.empty()) throw InvalidArgument("a cause needs kind and id", {.subject = "cause"});
    open(tx, id);
    ledger::set_cause(tx, id, cause);
}

std::optional<HoldInfo> find(db::Reader& reader, const HoldId& id) {
    const auto rows = ledger::rows_of(reader, id);
    if (rows.empty()) return std::nullopt;
    return info_of(rows);
}

std::vector<HoldInfo> of_cause(db::Reader& reader, CauseKind kind, const std::string& id) {
    std::vector<HoldInfo> list;
    const auto rows = ledger::rows_of_cause(reader, kind, id);
    for (auto begin = rows.begin(); begin != rows.end();) {
        auto stop = begin;
        while (stop != rows.end() && stop->id == begin->id) ++stop;
        list.push_back(info_of({begin, stop}));
        begin = stop;
    }
    return list;
}

void charge(db::Tx& tx, const Ask& ask, Time now) {
    check_level(ask, "reserve it");
    if (!take(tx, ask, ledger::level, now)) ledger::refuse(ledger::denial_of(tx, ask.resource, ledger::level, ask.amount));
    ledger::settle(tx, ask.resource, ledger::level, ask.amount, ask.amount, now);
}

void free(db::Tx& tx, const Ask& ask, Time now) {
    check_level(ask, "what was used stays used");
    ledger::give_back(tx, ask.resource, ask.amount, now);
}

void give_back(db::Tx& tx, const Ask& ask, Time now) {
    check_ask(ask, 1);
    if (ask.resource != Resource::sites && ask.resource != Resource::agents)
        throw InvalidArgument(std::string(to_string(ask.resource)) + " is not counted by hosts: only sites and agents are given back",
                              {.subject = "resource"});
    if (const auto used = get(tx, ask.resource, now).used; used < ask.amount)
        throw Conflict("less is used: " + std::to_string(used), {.subject = to_string(ask.resource)});
    ledger::give_back(tx, ask.resource, ask.amount, now);
}

void note_refusal(db::Tx& tx, const std::string& resource, Time now) {
    if (const auto known = resource_of(resource)) marks::refused(tx, *known, now);
}

}  // namespace tenon::tenant::quota
