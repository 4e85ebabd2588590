#include <algorithm>
#include <map>
#include <utility>

#include <fnmatch.h>

#include <boost/json/array.hpp>

#include "backups.hpp"
#include "json.hpp"
#include "text.hpp"

namespace tenon::cli {
namespace {

/// One content that a path had, in all snapshots of a name from `first` to `last`.
struct Version {
    std::string path;
    FileKind kind = FileKind::file;
    Bytes size{};
    const Snapshot* first = nullptr;
    const Snapshot* last = nullptr;
};

/// A pattern without '/' is about names in every folder, else about paths.
bool fits(const std::string& pattern, const std::string& path) {
    const bool is_path = pattern.find('/') != std::string::npos;
    const auto name = is_path ? path : path.substr(path.rfind('/') + 1);
    return fnmatch(pattern.c_str(), name.c_str(), is_path ? FNM_PATHNAME : 0) == 0;
}

/// The snapshots of one name, from the newest back: that one is walked, and of each before it what differs from the one after it.
class Search {
public:
    Search(const Context& context, const Backups& backups, std::string pattern, std::vector<Version>& found)
        : context_(context), backups_(backups), pattern_(std::move(pattern)), found_(found) {}

    void look_into(const std::vector<const Snapshot*>& snapshots) {
        const Snapshot* after = nullptr;  // the one that is known entirely
        for (const auto* snapshot : snapshots) {
            const auto before = found_.size();
            try {
                if (!after || !compare(*snapshot, *after)) {
                    end_all(after);
                    walk(*snapshot, "");
                }
                after = snapshot;
            } catch (const NotFound&) {
                skip(after, before, *snapshot, "it was forgotten meanwhile");
            } catch (const Corrupt& error) {
                skip(after, before, *snapshot, error.what());
            } catch (const Unsupported& error) {
                skip(after, before, *snapshot, error.what());
            }
        }
        end_all(after);
    }

private:
    void begin(const Snapshot& snapshot, const std::string& path, FileKind kind, Bytes size) {
        if (!fits(pattern_, path)) return;
        open_[path] = found_.size();
        found_.push_back({path, kind, size, &snapshot, &snapshot});
    }

    void end(const std::string& path, const Snapshot& first) {
        const auto known = open_.find(path);
        if (known == open_.end()) return;
        found_[known->second].first = &first;
        open_.erase(known);
    }

    void end_all(const Snapshot* first) {
        for (const auto& [path, number] : open_)
            if (first) found_[number].first = first;
        open_.clear();
    }

    /// Without what was found of it by then. The one before it is walked again.
    void skip(const Snapshot*& after, std::size_t before, const Snapshot& snapshot, std::string_view why) {
        std::erase_if(open_, [&](const auto& each) { return each.second >= before; });
        found_.resize(before);
        end_all(std::exchange(after, nullptr));
        context_.out().remark("! " + snapshot.id.text() + " cannot be searched: " + clean(why));
    }

    void walk(const Snapshot& snapshot, const std::string& folder) {
        std::vector<std::string> ahead{folder};
        while (!ahead.empty()) {
            const auto path = std::move(ahead.back());
            ahead.pop_back();
            for (const auto& entry : backups_.browse({.snapshot = snapshot.id, .path = path})) {
                const auto here = path.empty() ? entry.name : path + "/" + entry.name;
                begin(snapshot, here, entry.kind, entry.kind == FileKind::file ? entry.size : Bytes{});
                if (entry.kind == FileKind::folder && !entry.erased) ahead.push_back(here);
            }
        }
    }

    /// False: it has to be walked itself.
    [[nodiscard]] bool compare(const Snapshot& snapshot, const Snapshot& after) {
        constexpr std::int32_t most = 10'000'000;
        SnapshotDiff diff;
        try {
            diff = backups_.diff({.before = snapshot.id, .after = after.id, .limit = most});
        } catch (const NotFound&) {
            return false;  // one of the two was forgotten; which, the walk tells
        }
        const auto differ = diff.added + diff.removed + diff.modified + diff.attributes;
        if (static_cast<std::int64_t>(diff.changes.size()) < differ) return false;
        // A file and a folder of one name, one after the other, are two changes at that path.
        for (const auto& change : diff.changes)
            if (change.change == ChangeKind::added || change.change == ChangeKind::modified) end(change.path, after);
        for (const auto& change : diff.changes)
            if (change.change == ChangeKind::removed || change.change == ChangeKind::modified)
                begin(snapshot, change.path, change.kind, change.before);
        return true;
    }

    const Context& context_;
    const Backups& backups_;
    const std::string pattern_;
    std::vector<Version>& found_;
    std::map<std::string, std::size_t> open_;  // of what the snapshot has that was looked at last: its number in found_
};

}  // namespace

int find_files(Context& context, const Args& args) {
    const Backups backups = backup_session(context).backups();
    SnapshotFilter filter{.start = args.time("--start"), .end = args.time("--end"), .name = args.text("--name")};
    for (const auto& given : args.all("--tag")) filter.tags.push_back(tag_rule(given, "--tag"));
    const auto all = backups.list(filter);  // the newest first
    std::map<std::string, std::vector<const Snapshot*>> by_name;
    for (const auto& snapshot : all) by_name[snapshot.name].push_back(&snapshot);
    std::vector<Version> found;
    for (const auto& [name, snapshots] : by_name) Search(context, backups, args.operand(0), found).look_into(snapshots);
    std::ranges::stable_sort(found, [](const Version& a, const Version& b) {
        return a.path != b.path ? a.path < b.path : a.last->taken_at > b.last->taken_at;
    });

    Table table({"PATH", ">SIZE", "FROM", "TO", "NAME", "ID"});
    std::vector<std::string> keys;
    boost::json::array document;
    for (const auto& version : found) {
        table.row({version.kind == FileKind::folder ? version.path + "/" : version.path,
                   version.kind == FileKind::file ? size(version.size) : "", clock(version.first->taken_at), clock(version.last->taken_at),
                   version.last->name, version.last->id.text()});
        keys.push_back(version.last->id.text());
        document.push_back(boost::json::object{{"path", version.path},
                                               {"kind", to_string(version.kind)},
                                               {"size", version.size.count},
                                               {"first", to_json(*version.first)},
                                               {"last", to_json(*version.last)}});
    }
    context.out().list(document, keys, table, "No snapshot has anything of that name.");
    return 0;
}

}  // namespace tenon::cli
