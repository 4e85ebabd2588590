#include <algorithm>
#include <tuple>

#include <tenon/error.hpp>

#include "usage_rows.hpp"

namespace tenon::tenant::usage {
namespace {

// Sums stay far from where 64 bits wrap.
constexpr std::int64_t largest_sum = std::int64_t{1} << 62;

constexpr db::TenantStmt insert_event{
    "INSERT INTO usage_event_ (tenant_id, source, id, meter, qty, occurred_at, received_at, period, dims, share, late, corrects_source, "
    "corrects_id, slot) "
    "VALUES (:tenant, :source, :id, :meter, :qty, :occurred_at, :received_at, :period, :dims, :share, :late, :corrects_source, :corrects_id, :slot) "
    "ON CONFLICT (tenant_id, source, id) DO NOTHING"};
constexpr db::TenantStmt event_of{
    "SELECT meter, qty, occurred_at, dims, share, period, coalesce(corrects_source, ''), coalesce(corrects_id, '') FROM usage_event "
    "WHERE tenant_id = :tenant AND source = :source AND id = :id"};
constexpr db::TenantStmt add_to_rollup{
    "INSERT INTO usage_rollup_ (tenant_id, grain, bucket, meter, qty) VALUES (:tenant, :grain, :bucket, :meter, :qty) "
    "ON CONFLICT (tenant_id, grain, bucket, meter) DO UPDATE SET qty = qty + :qty WHERE qty + :qty BETWEEN :least AND :most"};
constexpr db::TenantStmt add_to_share{
    "INSERT INTO usage_share_ (tenant_id, bucket, meter, dims, period, qty) VALUES (:tenant, :bucket, :meter, :dims, :period, :qty) "
    "ON CONFLICT (tenant_id, bucket, meter, dims, period) DO UPDATE SET qty = qty + :qty WHERE qty + :qty BETWEEN :least AND :most"};
constexpr db::TenantStmt open_periods{
    "SELECT n, starts_at, ends_at FROM period WHERE tenant_id = :tenant AND ends_at > :closed ORDER BY n"};
constexpr db::TenantStmt any_period_at{"SELECT n FROM period WHERE tenant_id = :tenant AND starts_at <= :at LIMIT 1"};
constexpr db::TenantStmt period_named{"SELECT ends_at FROM period WHERE tenant_id = :tenant AND n = :n"};
constexpr db::TenantStmt check_later{
    "INSERT INTO usage_check_ (tenant_id, due_at, marked) VALUES (:tenant, :due, 0) ON CONFLICT (tenant_id) DO UPDATE SET marked = 0 "
    "WHERE marked <> 0"};

[[noreturn]] void refuse_sum(std::string_view meter) {
    throw InvalidArgument("the sum of what was used would pass 2^62", {.subject = std::string(meter)});
}

/// Two o'clock of the next night in UTC, and within two hours from then on, so that tenants do not come all at once.
Time next_night(Time now, const TenantId& tenant) {
    const auto day = std::chrono::floor<std::chrono::days>(now);
    auto night = Time(day) + std::chrono::hours(2);
    if (night <= now) night += std::chrono::days(1);
    return night + std::chrono::seconds(static_cast<std::int64_t>(tenant.low % 7200));
}

}  // namespace

std::int64_t bucket_of(Time time, Duration length) {
    const auto since = time.time_since_epoch().count(), n = length.count();
    return (since / n - (since % n < 0)) * n;
}

std::optional<Stored> find_event(db::Reader& reader, std::string_view source, std::string_view id) {
    auto rows = reader.query(event_of, source, id);
    if (!rows.next()) return std::nullopt;
    return Stored{.meter = rows.text(0), .quantity = rows.i64(1), .occurred_at = rows.time(2), .said = rows.text(3), .share = rows.i64(4),
                  .period = static_cast<std::int32_t>(rows.i64(5)), .corrects_source = rows.text(6), .corrects_id = rows.text(7)};
}

const std::vector<Book::Open>& Book::open() {
    if (!open_.empty()) return open_;
    current_ = current_period(tx_, now_).n;
    for (auto rows = tx_.query(open_periods, now_ - grace); rows.next();)
        open_.push_back({static_cast<std::int32_t>(rows.i64(0)), rows.time(1), rows.time(2)});
    return open_;
}

Book::Place Book::place_of(Time occurred_at) {
    const auto& periods = open();
    // The last that has begun; of a clock that is ahead of ours it is the one that runs.
    for (auto at = periods.rbegin(); at != periods.rend(); ++at)
        if (at->start <= occurred_at) return {at->n, false};
    // Before all of those: in a period that is closed, or before the tenant's first. A clock may be behind ours by a little.
    const bool had_one = tx_.query(any_period_at, occurred_at).next();
    return {current_, had_one || occurred_at + grace < periods.front().start};
}

Book::Place Book::place_beside(std::int32_t period) {
    open();
    auto rows = tx_.query(period_named, period);
    if (rows.next() && rows.time(0) + grace > now_) return {period, false};
    return {current_, true};
}

std::int32_t Book::meter_of(std::string_view meter) {
    for (std::size_t i = 0; i < meters_.size(); ++i)
        if (meters_[i] == meter) return static_cast<std::int32_t>(i);
    meters_.emplace_back(meter);
    return static_cast<std::int32_t>(meters_.size() - 1);
}

bool Book::add(const Told& told, const Place& place, std::int64_t share, const std::string& said, std::string_view corrects_source,
               std::string_view corrects_id) {
    const bool corrects = !corrects_source.empty();
    if (tx_.exec(insert_event, told.source, told.id, told.meter, told.quantity, told.occurred_at, now_, place.period, said, share,
                 std::int64_t{place.late}, corrects ? db::Value(corrects_source) : db::Value(nullptr),
                 corrects ? db::Value(corrects_id) : db::Value(nullptr), slot_of(told.occurred_at)) == 0)
        return false;
    sums_.push_back({bucket_of(told.occurred_at, std::chrono::minutes(1)), meter_of(told.meter), share, place.period, told.quantity});
    return true;
}

void Book::write(Grain grain, std::vector<Sum>& sums) {
    const auto key = [](const Sum& sum) { return std::tuple(sum.bucket, sum.meter); };
    std::ranges::sort(sums, {}, key);
    for (auto begin = sums.begin(); begin != sums.end();) {
        auto stop = begin;
        std::int64_t quantity = 0;
        for (; stop != sums.end() && key(*stop) == key(*begin); ++stop)
            if (__builtin_add_overflow(quantity, stop->quantity, &quantity)) refuse_sum(meters_[static_cast<std::size_t>(begin->meter)]);
        const auto& meter = meters_[static_cast<std::size_t>(begin->meter)];
        if (quantity < -largest_sum || quantity > largest_sum ||
            tx_.exec(add_to_rollup, grain, begin->bucket, meter, quantity, -largest_sum, largest_sum) == 0)
            refuse_sum(meter);
        begin = stop;
    }
}

void Book::write_shares() {
    const auto key = [](const Sum& sum) { return std::tuple(sum.bucket, sum.meter, sum.dims, sum.period); };
    std::ranges::sort(sums_, {}, key);
    for (auto begin = sums_.begin(); begin != sums_.end();) {
        auto stop = begin;
        std::int64_t quantity = 0;
        for (; stop != sums_.end() && key(*stop) == key(*begin); ++stop) quantity += stop->quantity;  // less than the period's sum, written before
        const auto& meter = meters_[static_cast<std::size_t>(begin->meter)];
        if (tx_.exec(add_to_share, begin->bucket, meter, begin->dims, begin->period, quantity, -largest_sum, largest_sum) == 0) refuse_sum(meter);
        begin = stop;
    }
}

/// Most events of a call share a minute, a meter and what they are for: the sums are made of those that are left.
void Book::gather() {
    const auto key = [](const Sum& sum) { return std::tuple(sum.bucket, sum.meter, sum.dims, sum.period); };
    std::ranges::sort(sums_, {}, key);
    auto last = sums_.begin();
    for (auto at = std::next(last); at != sums_.end(); ++at) {
        if (key(*at) != key(*last)) *++last = *at;
        else if (__builtin_add_overflow(last->quantity, at->quantity, &last->quantity)) refuse_sum(meters_[static_cast<std::size_t>(at->meter)]);
    }
    sums_.erase(std::next(last), sums_.end());
}

void Book::close() {
    if (sums_.empty()) return;
    gather();
    const auto by = [&](const auto& bucket) {
        auto sums = sums_;
        for (auto& sum : sums) sum.bucket = bucket(sum);
        return sums;
    };
    auto periods = by([](const Sum& sum) { return std::int64_t{sum.period}; });
    write(Grain::period, periods);
    auto hours = by([](const Sum& sum) { return bucket_of(Time{Duration{sum.bucket}}, std::chrono::hours(1)); });
    write(Grain::hour, hours);
    auto minutes = sums_;
    write(Grain::minute, minutes);
    sums_ = by([](const Sum& sum) { return bucket_of(Time{Duration{sum.bucket}}, quarter); });
    write_shares();
    tx_.exec(check_later, next_night(now_, tx_.scope().tenant()));
    sums_.clear();
}

}  // namespace tenon::tenant::usage
