#include "check.hpp"

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>
#include <optional>
#include <tuple>

#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "books.hpp"
#include "copies.hpp"
#include "parity.hpp"
#include "slot.hpp"

namespace tenon::backup {
namespace {

/// The hash that a name ends with.
std::optional<Id> hash_in(const std::string& name) {
    if (name.size() < 64) return std::nullopt;
    const auto bytes = crypto::from_hex(name.substr(name.size() - 64));
    if (!bytes || bytes->size() != sizeof(Id)) return std::nullopt;
    Id id{};
    std::copy(bytes->begin(), bytes->end(), id.begin());
    return id;
}

bool is_under(const std::string& name, std::string_view prefix) { return name.starts_with(prefix); }

}  // namespace

CheckRun::CheckRun(Repository::Impl& repository, CheckDepth depth, bool repair, const std::vector<std::string>& known, const CheckShare& share,
                   exec::ProgressSink& progress, std::stop_token stop)
    : repository_(repository), depth_(depth), repair_(repair), known_(known), share_(share), progress_(progress), stop_(std::move(stop)) {}

void CheckRun::problem(const std::string& object, const std::string& message) {
    const std::lock_guard lock(mutex_);
    report_.problems.push_back({.object = object, .message = message});
}

void CheckRun::problem(const Error& error, const std::string& object) {
    CheckProblem problem{.object = object, .message = error.what()};
    // "object, bytes 10 to 20": the range as numbers too.
    const auto& subject = error.subject();
    if (const auto at = subject.rfind(", bytes "); at != std::string::npos) {
        const auto begin = std::strtoull(subject.c_str() + at + 8, nullptr, 10);
        const auto to = subject.find(" to ", at);
        problem.object = subject.substr(0, at);
        problem.offset = begin;
        if (to != std::string::npos) problem.length = std::strtoull(subject.c_str() + to + 4, nullptr, 10) - begin;
    } else if (!subject.empty() && subject != object) {
        problem.message += " (" + subject + ")";
    }
    const std::lock_guard lock(mutex_);
    report_.problems.push_back(std::move(problem));
}

std::size_t CheckRun::problems() {
    const std::lock_guard lock(mutex_);
    return report_.problems.size();
}

void CheckRun::forgive(std::size_t known, std::string_view prefix) {
    const std::lock_guard lock(mutex_);
    auto& all = report_.problems;
    const auto is_forgiven = [&](const auto& each) { return is_under(each.object, prefix); };
    all.erase(std::remove_if(all.begin() + static_cast<std::ptrdiff_t>(known), all.end(), is_forgiven), all.end());
}

void CheckRun::count_read(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    report_.bytes_read += static_cast<std::int64_t>(bytes);
}

ByteVector CheckRun::fetch(const std::string& name, std::uint64_t size) {
    auto bytes = blob::get_all(*repository_.objects, name, size, stop_);
    if (bytes.size() != size) throw Corrupt("the object is cut short", {.subject = name});
    count_read(size);
    if (depth_ >= CheckDepth::objects)
        if (const auto hash = hash_in(name); hash && crypto::sha256(bytes) != *hash)
            throw Corrupt("the object's bytes are not those its name promises", {.subject = name});
    if (depth_ >= CheckDepth::objects && is_protected(name) && !is_matched(name, bytes)) doubt(name);
    return bytes;
}

CheckReport CheckRun::run() {
    constexpr int most_looks = 100;
    std::set<std::string> tried, mended;
    constexpr int most_lists = 3;
    for (int looked = 1;; ++looked) {
        auto report = look();
        if (!report.problems.empty() && looked < most_looks && changed_meanwhile(looked < most_lists)) continue;
        if (repair_ && mend(report, tried, mended)) continue;
        if (!not_compared_.empty()) report.problems.push_back({.object = "checkpoint/", .message = "not compared: " + not_compared_});
        for (const auto& problem : report.problems) mended.erase(problem.object);
        report.mended = std::count_if(mended.begin(), mended.end(), [](const auto& name) { return !is_under(name, "par/"); });
        report.protected_again = static_cast<std::int64_t>(mended.size()) - report.mended;
        if (repair_) protect(report);
        else say_what_is_repairable(report);
        advise(report);
        note_packs(report);
        return report;
    }
}

/// Whether objects have gone, or a collection went on, since this looked: what it missed may be elsewhere by now. `or_come`: or others have
/// come, which may stand for some that this missed because they went before it came to their names.
bool CheckRun::changed_meanwhile(bool or_come) {
    std::set<std::string> names;
    for (const auto& object : blob::list_all(*repository_.objects, "", stop_)) names.insert(object.name);
    const auto is_collected = [](const std::string& name) {
        return is_under(name, "packs/") || is_under(name, "index/") || is_under(name, "snap/") || is_under(name, "gc/") ||
               is_under(name, "log/") || is_under(name, "gone/") || is_under(name, "past/") || is_under(name, "book/");
    };
    for (const auto& [name, size] : objects_)
        if (is_collected(name) && !names.contains(name)) return true;
    return std::any_of(names.begin(), names.end(), [&](const auto& name) {
        const bool counts = is_under(name, "gc/") || (or_come && (is_under(name, "index/") || is_under(name, "log/") || is_under(name, "past/") ||
                                                               is_under(name, "book/")));
        return counts && !objects_.contains(name);
    });
}

/// The objects that are to be brought back for a problem to go. What is missed may be named by less than its name, or by what has lost
/// it: of such objects those come into question that left their parity behind.
std::vector<std::string> CheckRun::suspects(const CheckProblem& problem) const {
    const auto& name = problem.object;
    if (name == "super" || name == "super.1") return {name};
    if (name.find('/') == std::string::npos || name.find(':') != std::string::npos) return {};
    std::vector<std::string> all;
    if (is_protected(name) || is_under(name, "par/")) all.push_back(name);
    std::string begin;
    if ((is_under(name, "snap/") || is_under(name, "past/")) && !objects_.contains(name)) begin = name + '-';
    if (is_under(name, "book/") && !objects_.contains(name)) begin = "book/";  // a sheet that is missed lay in one of them
    if (is_under(name, "log/")) begin = name.substr(0, std::min(name.find('/', 4), name.size())) + '/';
    for (const auto& orphan : orphans_) {
        if (!begin.empty() && orphan.starts_with(begin)) all.push_back(orphan);
        const auto segment = is_under(orphan, "index/") && problem.tampered && is_under(name, "packs/") ? hash_in(orphan) : std::nullopt;
        if (segment && vouched_.contains(*segment)) all.push_back(orphan);
    }
    return all;
}

/// What is stored somewhere as it was; each object is tried once. False: there was nothing to try any more.
bool CheckRun::mend(const CheckReport& report, std::set<std::string>& tried, std::set<std::string>& mended) {
    bool any = false;
    for (const auto& problem : report.problems) {
        if (is_left_behind(problem.object) && tried.insert(problem.object).second && drop(problem.object)) {
            mended.insert(problem.object);
            any = true;
        }
        for (const auto& name : suspects(problem)) {
            if (!tried.insert(name).second) continue;
            try {
                const auto about = is_under(name, "par/") ? protected_by(name) : name;
                const auto is_whole = [&](ByteView bytes) { return is_ours(repository_.keys, about, bytes); };
                auto& store = *repository_.objects;
                if (about == name ? !store.mend(name, is_whole, stop_) : !store.protect(about, is_whole, stop_)) continue;
                mended.insert(name);
                any = true;
            } catch (const InvalidArgument&) {
                // A path within a snapshot: "snap/…/file".
            }
        }
    }
    return any;
}

/// What nothing that counts is in, and the next one makes anew: of a session whose process has ended, or who collects.
bool CheckRun::is_left_behind(const std::string& name) const {
    constexpr std::string_view progress = "/progress";
    if (name == lease_name()) return true;
    if (!is_under(name, "sess/")) return false;
    const auto beacon = name.ends_with(progress) ? name.substr(0, name.size() - progress.size()) : name;
    return repository_.objects->beacon_lives(beacon) == false;
}

/// Makes what mend() would need and is not there.
void CheckRun::protect(CheckReport& report) {
    std::int64_t left = 0;
    for (const auto& name : unprotected_) {
        exec::check_stop(stop_);
        const auto is_whole = [&](ByteView bytes) { return is_ours(repository_.keys, name, bytes); };
        try {
            if (repository_.objects->protect(name, is_whole, stop_)) ++report.protected_again;
            else ++left;
        } catch (const NoSpace&) {
            ++left;  // what was mended stays so, and nothing is worse than before
        }
    }
    report.unprotected = left;
}

bool CheckRun::drop(const std::string& name) {
    try {
        // Not one that somebody has just put in its place.
        const auto there = repository_.objects->head(name, stop_);
        if (!there || !tags_.contains(name) || tags_.at(name) != there->tag) return false;
        return repository_.objects->remove(name, {.if_match = there->tag}, stop_);
    } catch (const Conflict&) {
        return false;
    }
}

void CheckRun::say_what_is_repairable(CheckReport& report) {
    std::map<std::string, bool> known;
    std::set<std::string> damaged;
    for (const auto& problem : report.problems) damaged.insert(problem.object);
    for (auto& problem : report.problems) {
        if (const auto about = protected_by(problem.object); !about.empty()) {
            problem.repairable = !damaged.contains(about);
            continue;
        }
        problem.repairable = is_left_behind(problem.object);
        for (const auto& name : suspects(problem)) {
            const auto [found, is_new] = known.emplace(name, false);
            try {
                const auto is_whole = [&](ByteView bytes) { return is_ours(repository_.keys, name, bytes); };
                if (is_new) found->second = repository_.objects->can_mend(name, is_whole, stop_);
            } catch (const InvalidArgument&) {
                // A path within a snapshot.
            }
            problem.repairable = problem.repairable || found->second;
        }
    }
}

/// A snapshot that nothing makes readable again is in no list, and yet in the way.
void CheckRun::advise(CheckReport& report) const {
    for (auto& problem : report.problems) {
        if (problem.repairable || problem.tampered || !is_under(problem.object, "snap/") || !objects_.contains(problem.object)) continue;
        if (const auto id = snapshot_id_of(problem.object); !id.is_nil())
            problem.message += "; nothing mends it, and a prune removes nothing until it is forgotten by its id, " + id.text();
    }
}

/// Whether the parity of an object that is whole is its own. One that is not there is missed elsewhere.
bool CheckRun::is_matched(const std::string& name, ByteView bytes) {
    const auto there = objects_.find(parity_name(name, bytes.size()));
    if (there == objects_.end()) return true;
    try {
        auto kept = blob::get_all(*repository_.objects, there->first, std::max<std::uint64_t>(there->second, 1), stop_);
        if (bytes.size() <= stripe_size) return std::equal(kept.begin(), kept.end(), bytes.begin(), bytes.end());
        const auto file = ParityFile::parse(kept, there->first);
        if (file.size() != bytes.size()) return false;
        ParityMaker maker(file.mode(), file.size());
        maker.add(bytes);
        return maker.finish() == kept;
    } catch (const NotFound&) {
        return true;  // it goes, and its object with it
    } catch (const Corrupt&) {
        return false;
    }
}

void CheckRun::doubt(const std::string& name) {
    const std::lock_guard lock(mutex_);
    doubted_.insert(name);
}

/// Parity that is not there, that is nobody's, or that is another one's.
void CheckRun::parity() {
    std::set<std::string> damaged;
    for (const auto& problem : report_.problems) damaged.insert(problem.object);
    for (const auto& [name, size] : objects_) {
        if (const auto about = protected_by(name); !about.empty()) {
            const auto found = objects_.find(about);
            if (found == objects_.end()) {
                report_.bytes_unused += static_cast<std::int64_t>(size);
                orphans_.push_back(about);
            } else if (parity_name(about, found->second) == name && !damaged.contains(about) && size != parity_size(Parity::thin, found->second) &&
                       size != parity_size(Parity::full, found->second)) {
                doubted_.insert(about);
            }
        } else if (const auto wanted = is_protected(name) ? repository_.objects->beside(name, size) : 0; wanted > 0) {
            const auto kept = objects_.find(parity_name(name, size));
            const auto is_thinner = [&, thin = parity_size(Parity::thin, size)] {
                return kept->second == thin && static_cast<std::int64_t>(thin) < wanted && !doubted_.contains(name);
            };
            if (kept == objects_.end() || is_thinner()) unprotected_.push_back(name);
        }
    }
    for (const auto& name : doubted_)
        if (!damaged.contains(name)) problem(parity_name(name, objects_.at(name)), "this parity is damaged, or not of its object");
    report_.unprotected = static_cast<std::int64_t>(unprotected_.size());
}

CheckReport CheckRun::look() {
    objects_.clear();
    unprotected_.clear();
    orphans_.clear();
    tags_.clear();
    vouched_.clear();
    doubted_.clear();
    index_ = Index(repository_.options.scratch);
    segments_.clear();
    walked_.clear();
    whole_lists_.clear();
    ids_.clear();
    not_compared_.clear();
    report_ = {};
    list_objects();
    keys();
    collections();
    segments();
    {
        Packs packs(*this);
        snapshots();
        logs();
        sessions();
        packs.finish();
    }
    evidence();
    count_unused();
    count_old();
    parity();
    report_.objects = static_cast<std::int64_t>(objects_.size());
    std::sort(report_.problems.begin(), report_.problems.end(),
              [](const auto& a, const auto& b) { return std::tie(a.object, a.offset) < std::tie(b.object, b.offset); });
    return std::move(report_);
}

void CheckRun::list_objects() {
    constexpr int most_lists = 10;
    std::vector<blob::ObjectInfo> all;
    for (int listed = 1;; ++listed) {
        // Before all else: what these need is listed behind them, whoever is adding to it.
        snapshots_.clear();
        for (const auto& object : blob::list_all(*repository_.objects, "snap/", stop_)) snapshots_.insert(object.name);
        all = blob::list_all(*repository_.objects, "", stop_);
        // One that went may have been written anew, under a name that came behind them.
        auto left = snapshots_.size();
        for (const auto& object : all) left -= snapshots_.contains(object.name) ? 1 : 0;
        if (left == 0 || listed == most_lists) break;
    }
    for (const auto& object : all) {
        objects_.emplace(object.name, object.size);
        const auto& name = object.name;
        if (is_under(name, "sess/") || name == lease_name()) tags_[name] = object.tag;
        const bool known = name == "super" || name == "super.1" || is_under(name, "packs/") || is_under(name, "index/") ||
                           is_under(name, "snap/") || is_under(name, "log/") || is_under(name, "sess/") ||
                           is_under(name, "gc/") || is_under(name, "par/") || checkpoint_number(name) != 0 || piece_root_in(name) ||
                           is_under(name, "gone/") || is_under(name, "book/");
        if (!known) problem(name, "this is not an object of a repository");
        if (is_under(name, "packs/")) {
            const auto hash = hash_in(name);
            if (!hash || pack_name(*hash) != name) problem(name, "this is not the name of a pack");
        }
    }
    choose_packs();
}

void CheckRun::choose_packs() {
    chosen_.clear();
    std::vector<std::pair<std::string, std::uint64_t>> all;
    std::uint64_t weight = 0, taken = 0;
    for (const auto& [name, size] : objects_) {
        if (!is_under(name, "packs/")) continue;
        all.emplace_back(name, size);
        weight += size;
    }
    if (depth_ >= CheckDepth::objects) {
        const auto next = std::find_if(all.begin(), all.end(), [&](const auto& pack) { return pack.first > share_.after; });
        std::rotate(all.begin(), next, all.end());
        // Rounded up, so that every share comes on: of a few bytes, by one pack.
        const bool is_part = share_.percent < 100;
        const auto percent = static_cast<std::uint64_t>(share_.percent);
        const auto wanted = std::max<std::uint64_t>(weight / 100 * percent + (weight % 100 * percent + 99) / 100, 1);
        for (const auto& [name, size] : all) {
            if (is_part && taken >= wanted) break;
            taken += size;
            chosen_.insert(name);
            report_.last_pack = name;
        }
        // The last of all by name was among them, wherever the share began.
        const auto last = objects_.lower_bound("packs0");  // '0' is what follows '/'
        if (!all.empty()) report_.came_round = chosen_.contains(std::prev(last)->first);
    }
    progress_.stage("check", 1.0, static_cast<std::int64_t>(taken), "bytes");
}

void CheckRun::twin(blob::Store& store, const std::string& prefix, const std::string& name,
                    const std::function<void(ByteView)>& open) {
    ByteVector copies[2];
    const std::string names[] = {name, name + ".1"};
    for (int i = 0; i < 2; ++i)
        guard(prefix + names[i], [&] {
            copies[i] = blob::get_all(store, names[i], std::uint64_t{16} << 20, stop_);
            open(copies[i]);
        });
    if (!copies[0].empty() && !copies[1].empty() && copies[0] != copies[1]) problem(prefix + names[1], "the two copies differ");
}

/// Whoever changes keys meanwhile writes one object behind the other and takes old ones away: only what stays is a problem.
void CheckRun::keys() {
    const auto before = problems();
    look_at_keys();
    for (int again = 0; again < 10 && problems() > before; ++again) {
        if (exec::sleep_for(base::system_clock(), stop_, std::chrono::milliseconds(20))) exec::check_stop(stop_);
        forgive(before, "");
        look_at_keys();
    }
}

void CheckRun::look_at_keys() {
    twin(*repository_.objects, "", "super", [](ByteView raw) { decode_superblock(raw, "super"); });
    const std::lock_guard lock(repository_.slots_mutex);
    std::optional<crypto::PublicKey> identity;
    guard("vault:ring/", [&] {
        repository_.refresh();
        const auto name = ring_name(repository_.generation);
        twin(*repository_.vault, "vault:", name, [&](ByteView raw) {
            const auto ring = open_ring(raw, repository_.root, repository_.super.repo, name);
            if (!ring.identity.empty()) identity = ring.signer().public_key();
        });
    });
    for (const auto number : repository_.slot_numbers())
        twin(*repository_.vault, "vault:", slot_name(number), [&](ByteView raw) {
            read_slot(raw, slot_name(number));
            if (identity && !is_sealed_by(raw, *identity)) throw Corrupt("the key slot was not sealed by this repository");
        });
}

void CheckRun::segments() {
    std::map<std::string, std::uint64_t> present;
    for (const auto& [name, size] : objects_) {
        if (is_under(name, "packs/")) present.emplace(name, size);
        if (!is_under(name, "index/")) continue;
        guard(name, [&] {
            index_.add_segment(open_object(repository_.keys, Kind::index, fetch(name, size), name), name);
            if (const auto hash = hash_in(name)) segments_.insert(*hash);
        });
    }
    for (const auto& pack : index_.packs()) {
        const auto name = pack_name(pack.sha);
        const auto found = present.find(name);
        if (found == present.end()) {
            if (!going_.contains(pack.sha)) problem(name, "this pack is missing");
        } else if (found->second != pack.size) problem(name, "this pack does not have the size that the index says");
    }
    index_.finish(present, repository_.annotations.damaged_packs(repository_.keys, *repository_.objects, stop_, false).packs, going_);
    needed_.assign(index_.chunks(), false);
}

void CheckRun::collections() {
    for (const auto& [name, size] : objects_) {
        if (is_under(name, "gc/")) guard(name, [&] { check_gc_object(repository_.keys, fetch(name, size), name); });
        if (is_under(name, "gone/")) guard(name, [&] { (void)open_object(repository_.keys, Kind::collector, fetch(name, size), name); });
    }
    const auto epochs = repository_.collections.read(repository_.keys, *repository_.objects, stop_);
    going_ = leaving(epochs);
    const auto gone = repository_.annotations.swept_packs(repository_.keys, *repository_.objects, stop_, false);
    going_.insert(gone.begin(), gone.end());
}

void CheckRun::need(const Id& id) {
    if (!counts_) return;
    if (const auto at = index_.ordinal(id)) needed_[*at] = true;
}

/// About what a collection would give back.
void CheckRun::count_unused() {
    std::map<std::string, double> used;  // a pack may be listed twice
    std::vector<std::uint64_t> needed;   // of each of a pack's frames
    for (std::uint32_t i = 0; i < index_.packs().size(); ++i) {
        const auto& pack = index_.packs()[i];
        needed.assign(pack.frames.size(), 0);
        index_.each_of(i, [&](std::uint32_t ordinal, const Index::Entry& entry) {
            if (needed_[ordinal]) needed[entry.place.frame] += entry.place.length;
        });
        auto& sum = used[pack_name(pack.sha)];
        bool any = false;
        double unused = 0;
        for (std::size_t f = 0; f < pack.frames.size(); ++f) {
            any = any || needed[f] > 0;
            const auto plain = std::max<double>(pack.frames[f].plain_len, 1);
            unused += std::max(0.0, 1 - static_cast<double>(needed[f]) / plain) * static_cast<double>(pack.frames[f].stored());
        }
        if (any) sum = std::max(sum, static_cast<double>(pack.size) - unused);
    }
    double unused = 0;
    for (const auto& [name, size] : objects_) {
        if (!is_under(name, "packs/")) continue;
        const auto found = used.find(name);
        unused += static_cast<double>(size) - (found == used.end() ? 0 : found->second);
    }
    report_.bytes_unused = static_cast<std::int64_t>(unused);
}

/// What a leaked key of before the last rotation still opens.
void CheckRun::count_old() {
    std::shared_ptr<const Keys> hold;
    try {
        hold = repository_.newest_keys();
    } catch (const Error&) {
        return;  // keys() has said what is wrong
    }
    if (!hold->ring.has_old_data_keys()) return;
    for (const auto& [name, size] : objects_) {
        exec::check_stop(stop_);
        if (is_under(name, "super") || is_under(name, "par/")) continue;
        blob::VectorSink head;
        try {
            repository_.objects->get(name, {.offset = 0, .length = container_header_size}, head, stop_);
            if (hold->is_old(decode_header(head.bytes, name))) report_.bytes_under_old_keys += static_cast<std::int64_t>(size);
        } catch (const NotFound&) {
        } catch (const Corrupt&) {
        } catch (const Unsupported&) {
        }
    }
}

/// What is damaged, and what was and is whole again, as far as this check looked.
void CheckRun::note_packs(CheckReport& report) {
    std::set<Id> damaged, whole;
    for (const auto& problem : report.problems)
        if (const auto pack = pack_in(problem.object); pack && !problem.tampered && objects_.contains(problem.object)) damaged.insert(*pack);
    if (depth_ >= CheckDepth::objects)
        for (const auto& [name, size] : objects_)
            if (const auto pack = pack_in(name); pack && chosen_.contains(name) && !damaged.contains(*pack)) whole.insert(*pack);
    try {
        report.bytes_written += backup::note_packs(repository_, damaged, whole, stop_);
    } catch (const Cancelled&) {
        throw;
    } catch (const Error& error) {
        const std::string what = "what is damaged cannot be kept, and backups go on to build upon it: ";
        report.problems.push_back({.object = "log/", .message = what + error.what()});
    }
}

void CheckRun::snapshots() {
    const auto named = repository_.named_sessions(stop_);
    const auto said = repository_.annotations.read(repository_.keys, *repository_.objects, stop_, false);
    ChunkReader nodes(repository_.keys, *repository_.objects, index_, stop_);
    nodes.keep_at_most(repository_.buffers().nodes);
    nodes.leave_damage();  // it is to be said; mend() comes behind the look
    /// Of a large folder or file there are many nodes, and whatever is read of them is needed.
    struct Needed final : NodeSource {
        CheckRun& run;
        NodeSource& from;
        Needed(CheckRun& of, NodeSource& source) : run(of), from(source) {}
        ByteVector node(const Id& id) override {
            run.need(id);
            return from.node(id);
        }
    } needed(*this, nodes);
    // Forgotten ones last, so that what only they have is looked at and not counted as needed.
    std::vector<std::pair<std::string, std::uint64_t>> listed, forgotten;
    for (const auto& [name, size] : objects_) {
        if (!snapshots_.contains(name)) continue;  // or it came meanwhile, and what it needs as well
        const auto note = said.find(snapshot_id_of(name));
        (note != said.end() && note->second.forgotten ? forgotten : listed).emplace_back(name, size);
    }
    const auto first_forgotten = listed.size();
    std::move(forgotten.begin(), forgotten.end(), std::back_inserter(listed));
    for (std::size_t i = 0; i < listed.size(); ++i) {
        const auto& name = listed[i].first;
        const auto size = listed[i].second;
        counts_ = i < first_forgotten;
        guard(name, [&] {
            const auto record = decode_snapshot(open_object(repository_.keys, Kind::snapshot, fetch(name, size), name), name);
            if (record.id.is_nil() || record.id != snapshot_id_of(name))
                throw Corrupt("a snapshot lies under another one's name", {.subject = name});
            // Nobody sees it before somebody has looked at it: it may have holes.
            const auto note = said.find(record.id);
            if (named.contains(record.session) && (note == said.end() || !note->second.committed)) return;
            // One that is being written anew under another key is there twice.
            if (ids_.insert(record.id).second) ++report_.snapshots;
            const auto known = problems();
            for (const auto& segment : record.segments)
                if (!segments_.contains(segment) && !index_.replaced().contains(segment))
                    problem(name, "an index segment of this snapshot is missing");
            directory(needed, record.root, name);
            // A re-keying that slept may put back the object of one that was collected: nobody reads it, and the next prune removes it.
            if (!counts_) forgive(known, name);
        });
    }
    count_read(static_cast<std::uint64_t>(nodes.fetched()));
}

/// Without a stack of calls, which a chain of folders that is long enough would exhaust.
void CheckRun::directory(NodeSource& nodes, const Id& root, const std::string& snapshot) {
    struct Open {
        DirCursor cursor;
        std::string path;
        std::uint64_t bytes;  // as the folder's own entry says
    };
    constexpr auto any = std::numeric_limits<std::uint64_t>::max();
    std::vector<Open> open;
    const auto enter = [&](const Id& id, const std::string& path, std::uint64_t bytes) {
        exec::check_stop(stop_);
        // Most of a snapshot is the one before it.
        const auto [known, is_new] = walked_.emplace(id, bytes);
        guard(path, [&] {
            if (!is_new && bytes != any && known->second != any && known->second != bytes)
                throw Corrupt("a folder's files do not add up to its size", {.subject = path});
            if (!is_new) return;
            check_folder_path(std::string_view(path).substr(std::min(path.size(), snapshot.size() + 1)));
            open.push_back({DirCursor(nodes, id), path, bytes});
        });
    };
    enter(root, snapshot, any);
    while (!open.empty()) {
        std::optional<Entry> entry;
        guard(open.back().path, [&] {
            auto& [cursor, path, bytes] = open.back();
            if (cursor.peek()) entry = cursor.take();
            else if (bytes != any && cursor.bytes() != bytes) throw Corrupt("a folder's files do not add up to its size", {.subject = path});
        });
        if (!entry) {
            open.pop_back();
            continue;
        }
        const auto inner = open.back().path + '/' + entry->name;
        if (entry->subtree && repository_.keys.ring.is_erased(entry->subtree_class)) continue;
        if (entry->subtree) enter(*entry->subtree, inner, entry->size);
        else if (entry->kind == EntryKind::file) file(nodes, *entry, inner);
    }
}

void CheckRun::file(NodeSource& nodes, const Entry& entry, const std::string& path) {
    std::uint64_t bytes = 0;
    for (const auto& hole : entry.holes) bytes += hole.length;
    std::unordered_map<Id, std::uint64_t, IdHash> lists;
    guard(path, [&] {
        each_chunk(
            entry, nodes,
            [&](const ChunkRef& ref) {
                const auto found = index_.find(ref.id);
                if (!found || found->place.length != ref.length)
                    throw Corrupt("a part of this file is missing", {.subject = tenon::backup::place(path, bytes, ref.length)});
                bytes += ref.length;
                if (counts_) needed_[found->ordinal] = true;
            },
            [&](const Id& id, std::uint64_t below) {
                // What a list repeats, or two files share, is walked once. Of one that is not whole each file's is told.
                const auto known = whole_lists_.find(id);
                const bool is_known = (counts_ && known != whole_lists_.end() && known->second == below) || !lists.emplace(id, below).second;
                if (is_known && lists.contains(id) && lists.at(id) != below) throw Corrupt("a chunk list does not hold what is said of it");
                if (is_known) bytes += below;
                return !is_known;
            });
        if (counts_) whole_lists_.merge(lists);
    });
}

void CheckRun::logs() {
    for (const auto& [name, size] : objects_)
        if (is_under(name, "book/")) guard(name, [&] { check_book(repository_.keys, fetch(name, size), name); });
    // Behind the list: what a book had taken out of it is in here.
    const auto shelf = repository_.annotations.shelf(repository_.keys, *repository_.objects, stop_, false);
    std::string writer;
    std::uint64_t next = 0;
    Id previous{};
    bool is_first = true;
    for (const auto& [name, size] : objects_) {
        if (!is_under(name, "log/")) continue;
        const auto folder = name.substr(0, name.rfind('/'));
        const auto place = log_place(name);
        if (folder != writer) {
            writer = folder;
            next = place ? shelf->length(place->first) : 0;
            previous = {};
            is_first = true;
            // What comes before it may be in a book that cannot be read, which is named by itself.
            if (place && !shelf->broken().empty()) next = std::max(next, place->second);
        }
        bool is_booked = false;
        guard(name, [&] {
            const auto raw = fetch(name, size);
            const auto record = open_log_record(repository_.keys, raw, name);
            const auto sha = crypto::sha256(raw);
            if (place && shelf->has(place->first, place->second)) {
                // A book has it, and the next prune takes it away from here.
                is_booked = true;
                if (!shelf->has(place->first, place->second, sha)) throw Corrupt("a log record lies in another one's place", {.subject = name});
                return;
            }
            if (name != folder + '/' + sequence_text(record.seq) || record.seq != next)
                throw Corrupt("a log record is missing or lies in another one's place", {.subject = name});
            const bool follows = !is_first || next == 0 ? record.previous == previous
                                                        : shelf->has(place->first, next - 1, record.previous) || !shelf->broken().empty();
            if (!follows) throw Corrupt("a log record does not follow the one before it", {.subject = name});
            previous = sha;
        });
        if (is_booked || (place && place->second < next)) continue;
        ++next;
        is_first = false;
    }
}

void CheckRun::sessions() {
    for (const auto& [name, size] : objects_) {
        if (!is_under(name, "sess/")) continue;
        const bool progress = name.ends_with("/progress");
        // A beacon in use is rewritten while it is read.
        if (!progress && repository_.objects->beacon_lives(name) != false) continue;
        // Nobody syncs a beacon, as it says nothing once its writer is gone: a power cut may have left its name alone.
        if (!progress && size == 0) continue;
        guard(name, [&] {
            try {
                const auto payload = open_object(repository_.keys, progress ? Kind::progress : Kind::session, fetch(name, size), name);
                if (progress) decode_progress(payload, name);
            } catch (const NotFound&) {
                // Its session ended meanwhile.
            }
        });
    }
}

/// What no damage shows: objects that are gone, or back, without a reason. A checkpoint that was taken meanwhile is no older than what was
/// looked at until now, so all of this is looked at behind it.
void CheckRun::evidence() {
    try {
        compare();
    } catch (const Unavailable& error) {
        not_compared_ = error.what();  // all else was looked at
    }
}

void CheckRun::compare() {
    const auto found = repository_.checkpoints.read(repository_.keys, *repository_.objects, stop_, false);
    auto past = judge_past(repository_, found, known_, false, stop_);
    auto problems = std::move(past.problems);
    std::move(past.doubts.begin(), past.doubts.end(), std::back_inserter(problems));
    problems.insert(problems.end(), found.problems.begin(), found.problems.end());
    for (const auto& [name, size] : objects_) {
        // At this depth the newest one has been looked at.
        const bool is_newest = found.newest && name == checkpoint_name(found.newest->note.number);
        if (checkpoint_number(name) == 0 || (is_newest && depth_ < CheckDepth::objects)) continue;
        if (std::any_of(found.problems.begin(), found.problems.end(), [&](const auto& each) { return each.object == name; })) continue;
        guard(name, [&] {
            try {
                (void)decode_checkpoint(open_object(repository_.keys, Kind::checkpoint, fetch(name, size), name), name);
            } catch (const NotFound&) {
                // A newer one is there.
            }
        });
    }
    std::set<std::string> told;
    if (found.newest) {
        for (auto& problem : problems_of_pieces(repository_, found.newest->past, depth_ >= CheckDepth::objects, false, stop_)) {
            told.insert(problem.object);
            problems.push_back(std::move(problem));
        }
    }
    for (const auto& [name, size] : objects_) {
        if (depth_ < CheckDepth::objects || !is_under(name, "past/") || told.contains(name)) continue;
        guard(name, [&] {
            try {
                if (!is_past_piece(repository_.keys, fetch(name, size), name)) throw Corrupt("a piece of the past cannot be read", {.subject = name});
            } catch (const NotFound&) {
                // Sealed anew, under another name.
            }
        });
    }
    if (found.newest) {
        vouched_ = found.newest->holdings.segments;
        auto more = compare_state(repository_, *found.newest, false, stop_);
        std::move(more.begin(), more.end(), std::back_inserter(problems));
    }
    std::move(problems.begin(), problems.end(), std::back_inserter(report_.problems));
}

}  // namespace tenon::backup
