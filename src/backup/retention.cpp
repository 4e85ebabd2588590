#include <backup/retention.hpp>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <optional>

#include <tenon/error.hpp>

#include "annotations.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {
namespace {

using namespace std::chrono;

/// A claimed time that is further from the store's than this is not believed: else whoever sets a clock could push all
/// others out of their buckets.
constexpr Duration most_skew = minutes(15);

Time believed(const SnapshotInfo& info) {
    const auto skew = info.taken_at > info.stored_at ? info.taken_at - info.stored_at : info.stored_at - info.taken_at;
    return skew > most_skew ? info.stored_at : info.taken_at;
}

std::string text(const char* format, int a, int b = 0, int c = 0, int d = 0) {
    char buffer[64];
    std::snprintf(buffer, sizeof(buffer), format, a, b, c, d);
    return buffer;
}

/// The week that a day is in, and the year that week counts to, as ISO 8601 has it: both are its Thursday's.
std::string week_of(sys_days day) {
    const auto thursday = day + days(4 - static_cast<int>(weekday(day).iso_encoding()));
    const auto year = year_month_day(thursday).year();
    const auto number = (thursday - sys_days(year / January / 1)).count() / 7 + 1;
    return text("%04d-W%02d", static_cast<int>(year), static_cast<int>(number));
}

struct Bucket {
    const char* rule;
    std::int32_t KeepRules::* count;
    std::string (*name)(Time);
};

std::string date(Time time, const char* format) {
    const auto day = floor<days>(time);
    const year_month_day date(day);
    return text(format, static_cast<int>(date.year()), static_cast<int>(static_cast<unsigned>(date.month())),
                static_cast<int>(static_cast<unsigned>(date.day())), static_cast<int>(duration_cast<hours>(time - day).count()));
}

constexpr Bucket buckets[] = {
    {"hourly", &KeepRules::hourly, [](Time time) { return date(time, "%04d-%02d-%02d %02d h"); }},
    {"daily", &KeepRules::daily, [](Time time) { return date(time, "%04d-%02d-%02d"); }},
    {"weekly", &KeepRules::weekly, [](Time time) { return week_of(floor<days>(time)); }},
    {"monthly", &KeepRules::monthly, [](Time time) { return date(time, "%04d-%02d"); }},
    {"yearly", &KeepRules::yearly, [](Time time) { return date(time, "%04d"); }},
};

void check_rules(const KeepRules& rules) {
    bool any = rules.last != 0 || rules.within > Duration::zero() || !rules.tags.empty();
    const auto check = [](std::int32_t count, const char* name) {
        if (count < KeepRules::every) throw InvalidArgument("a rule keeps a number of snapshots, or all of them (-1)", {.subject = name});
    };
    check(rules.last, "last");
    for (const auto& bucket : buckets) {
        check(rules.*bucket.count, bucket.rule);
        any = any || rules.*bucket.count != 0;
    }
    if (rules.within < Duration::zero()) throw InvalidArgument("a time to keep is not negative", {.subject = "within"});
    if (rules.utc_offset > hours(24) || rules.utc_offset < -hours(24))
        throw InvalidArgument("an offset is less than a day", {.subject = "utc_offset"});
    if (!any) throw InvalidArgument("these rules keep nothing: name at least one", {.subject = "keep"});
}

bool has_tag(const SnapshotInfo& info, const Label& wanted) {
    return std::any_of(info.tags.begin(), info.tags.end(), [&](const Label& tag) {
        return tag.key == wanted.key && (wanted.value.empty() || tag.value == wanted.value);
    });
}

/// One name's snapshots, the newest first.
void judge(const KeepRules& rules, std::vector<Verdict*>& group) {
    struct Counter {
        std::int32_t left;
        std::string current;
    };
    std::vector<Counter> counters;
    for (const auto& bucket : buckets) counters.push_back({rules.*bucket.count, ""});
    const auto newest = believed(group.front()->snapshot);
    for (std::size_t i = 0; i < group.size(); ++i) {
        auto& verdict = *group[i];
        const auto time = believed(verdict.snapshot);
        const auto wall = time + (rules.offset_at ? rules.offset_at(time) : rules.utc_offset);
        const auto because = [&](std::string reason) { verdict.reasons.push_back(std::move(reason)); };
        if (rules.last == KeepRules::every || i < static_cast<std::size_t>(std::max(0, rules.last)))
            because(text("last %d", static_cast<int>(i) + 1));
        for (std::size_t b = 0; b < std::size(buckets); ++b) {
            auto& counter = counters[b];
            const auto name = buckets[b].name(wall);
            if (counter.left == 0 || name == counter.current) continue;
            counter.current = name;
            if (counter.left > 0) --counter.left;
            because(buckets[b].rule + (" " + name));
        }
        if (rules.within > Duration::zero() && newest - time <= rules.within) because("within");
        for (const auto& tag : rules.tags)
            if (has_tag(verdict.snapshot, tag)) because("tag " + tag.key);
        if (!verdict.snapshot.held.empty()) because("held: " + verdict.snapshot.held);
        if (i == 0 && verdict.reasons.empty()) because("newest");
        verdict.kept = !verdict.reasons.empty();
    }
}

}  // namespace

std::vector<Verdict> apply(const KeepRules& rules, std::vector<SnapshotInfo> snapshots) {
    check_rules(rules);
    std::sort(snapshots.begin(), snapshots.end(), [](const SnapshotInfo& a, const SnapshotInfo& b) {
        const auto first = believed(a), second = believed(b);
        return first != second ? first > second : b.id < a.id;
    });
    std::vector<Verdict> verdicts;
    for (auto& snapshot : snapshots) verdicts.push_back({.snapshot = std::move(snapshot)});
    std::map<std::string, std::vector<Verdict*>> groups;
    for (auto& verdict : verdicts) groups[verdict.snapshot.name].push_back(&verdict);
    for (auto& [name, group] : groups) judge(rules, group);
    return verdicts;
}

void forget(Repository& repository, const std::vector<SnapshotId>& ids, std::stop_token stop) {
    auto& impl = repository.inside();
    for (const auto& id : ids) {
        try {
            if (const auto held = impl.snapshot(id, stop).held; !held.empty())
                throw Conflict("the snapshot is held, so it cannot be forgotten before its hold is lifted: " + held, {.subject = id.text()});
        } catch (const Corrupt&) {
            // It is there and nobody can read it: whoever names it by its id lets go of what it may have needed.
        }
    }
    if (!ids.empty()) append_record(impl, "forget", forget_body(ids), stop);
}

bool is_unreadable(const Repository& repository, const SnapshotId& id, std::stop_token stop) {
    try {
        (void)repository.inside().snapshot(id, stop);
    } catch (const Corrupt&) {
        return true;
    } catch (const NotFound&) {
    }
    return false;
}

SnapshotInfo set_tags(Repository& repository, const SnapshotId& id, const std::vector<Label>& tags, std::stop_token stop) {
    auto& impl = repository.inside();
    auto info = impl.snapshot(id, stop).info();
    append_record(impl, "tag", tag_body(id, tags), stop);
    info.tags = tags;
    return info;
}

SnapshotInfo set_hold(Repository& repository, const SnapshotId& id, const std::string& reason, std::stop_token stop) {
    auto& impl = repository.inside();
    auto info = impl.snapshot(id, stop).info();
    if (info.held == reason) return info;
    append_record(impl, reason.empty() ? "release" : "hold", reason.empty() ? release_body(id) : hold_body(id, reason), stop);
    info.held = reason;
    return info;
}

}  // namespace tenon::backup
