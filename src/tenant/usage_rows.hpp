#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include <tenant/usage.hpp>

namespace tenon::tenant::usage {

/// The sums that are kept. Stored: append, never renumber; 4 is the public day, which is made of hours.
enum class Grain : std::uint8_t { minute = 1, hour = 2, period = 3 };

inline constexpr std::int64_t largest_quantity = std::int64_t{1} << 53;
/// Until then what comes late still counts in the period in which it happened; afterwards in the open one.
inline constexpr auto grace = std::chrono::hours(48);
/// Shares are kept by this: borders of every zone's days lie on it.
inline constexpr auto quarter = std::chrono::minutes(15);

/// When the step of this length began.
std::int64_t bucket_of(Time time, Duration length);

/// The second in which it happened: events lie by it, and within it by name. Rounded as in SQL, towards 1970.
inline std::int64_t slot_of(Time time) { return time.time_since_epoch().count() / 1'000'000; }

/// The sums of a period.
std::vector<MeterTotal> meters_of(db::Reader& reader, std::int32_t period);
/// Units that hosts gave to meters.
std::map<std::string, std::string, std::less<>> units_of(db::Reader& reader);
/// With units_of().
std::string unit_in(const std::map<std::string, std::string, std::less<>>& units, const std::string& meter);

/// record() for what belongs to a known period: a hold's, say.
bool record_in(db::Tx& tx, std::int32_t period, const Event& event, Time now);

/// One event on its way into the tables. Texts are borrowed.
struct Told {
    std::string_view source{};
    std::string_view id{};
    std::string_view meter{};
    std::string_view unit{};
    std::int64_t quantity = 0;
    Time occurred_at{};
    std::optional<ProjectId> project{};
    std::string_view site{};
    const std::vector<Label>* tags = nullptr;
};

/// What an event was for, by number: project, site and tags. 0 is nothing.
struct Dims {
    std::optional<ProjectId> project{};
    std::string site{};
    std::map<std::string, std::string> tags{};
    std::string body() const;                     ///< Canonical JSON, absent members left out.
    static Dims from(std::string_view body);
};

void check_tags(const std::vector<Label>& tags);
void check_site(std::string_view site);

/// The numbers of what events are for, as one transaction meets them, with the cost tags that held when they happened.
class DimsBook {
public:
    explicit DimsBook(db::Tx& tx);
    struct Known {
        std::int64_t share = 0;
        std::string said{};      ///< What the event itself said; empty: the share says the same.
    };
    /// Valid until the next call.
    const Known& of(const Told& told);

private:
    using History = std::vector<std::pair<Time, std::map<std::string, std::string>>>;  // newest first
    const History& history(std::int64_t kind, const std::string& name);
    std::size_t turn_of(const History& history, Time at) const;
    std::int64_t number_of(const Dims& dims, const std::string& body);

    db::Tx& tx_;
    bool has_tags_;
    std::map<std::pair<std::int64_t, std::string>, History> histories_;
    std::unordered_map<std::string, Known> known_;
    std::string key_;
};

/// A stored event, as a second telling of it is compared.
struct Stored {
    std::string meter{};
    std::int64_t quantity = 0;
    Time occurred_at{};
    std::string said{};
    std::int64_t share = 0;
    std::int32_t period = 0;
    std::string corrects_source{}, corrects_id{};
};
std::optional<Stored> find_event(db::Reader& reader, std::string_view source, std::string_view id);

/// Books events of one tenant in one transaction: each into its row, the sums when all are in.
class Book {
public:
    Book(db::Tx& tx, Time now) : tx_(tx), now_(now) {}

    struct Place {
        std::int32_t period = 0;
        bool late = false;
    };
    /// One event, one period: where it happened, unless that is closed.
    Place place_of(Time occurred_at);
    /// Where a correction of what counts in that period counts.
    Place place_beside(std::int32_t period);

    /// Adds a row and its part of the sums. False: there is one of that name.
    bool add(const Told& told, const Place& place, std::int64_t share, const std::string& said, std::string_view corrects_source = {},
             std::string_view corrects_id = {});
    /// Writes the sums. Throws InvalidArgument: one passes 2^62.
    void close();

private:
    struct Sum {
        std::int64_t bucket = 0;
        std::int32_t meter = 0;
        std::int64_t dims = 0;
        std::int32_t period = 0;
        std::int64_t quantity = 0;
    };
    struct Open {
        std::int32_t n = 0;
        Time start{}, end{};
    };
    const std::vector<Open>& open();
    std::int32_t meter_of(std::string_view meter);
    void gather();
    void write(Grain grain, std::vector<Sum>& sums);
    void write_shares();

    db::Tx& tx_;
    const Time now_;
    std::int32_t current_ = 0;
    std::vector<Open> open_{};                       // oldest first; empty: not looked up yet
    std::vector<std::string> meters_{};
    std::vector<Sum> sums_{};                        // by quarter, minute and so on, made of these
};

}  // namespace tenon::tenant::usage
