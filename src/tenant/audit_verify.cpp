#include <tenant/audit.hpp>

#include <algorithm>
#include <atomic>
#include <exception>
#include <map>
#include <set>
#include <system_error>
#include <thread>
#include <utility>

#include <crypto/encoding.hpp>
#include <exec/thread.hpp>
#include <tenon/error.hpp>

#include "audit_log.hpp"
#include "audit_prune.hpp"
#include "audit_record.hpp"
#include "audit_tree.hpp"

namespace tenon::tenant::audit {
namespace {

// So many records are verified at a time, by whichever thread is free: a full subtree, and so few that a reader is held for
// a moment only.
constexpr int stretch_level = 12;
constexpr std::uint64_t stretch_size = std::uint64_t{1} << stretch_level;
static_assert(stretch_level % level_step == 0);
// One of the connections for reads, of which there are four, is left to others.
constexpr unsigned most_threads = 3;

constexpr db::TenantStmt node{"SELECT hash FROM audit_node WHERE tenant_id = :tenant AND level = :level AND n = :n"};
constexpr db::TenantStmt nodes{
    "SELECT n, hash FROM audit_node WHERE tenant_id = :tenant AND level = :level AND n >= :first AND n < :end"};
constexpr db::TenantStmt signed_heads{"SELECT size, root FROM audit_head WHERE tenant_id = :tenant ORDER BY size"};

constexpr const char* node_differs = "what proofs are made of is another hash";

/// What checkpoints have said of the log: roots by size.
using Heads = std::map<std::uint64_t, Digest>;

Heads read_heads(db::Reader& reader) {
    Heads heads;
    for (auto rows = reader.query(signed_heads); rows.next();)
        heads[static_cast<std::uint64_t>(rows.i64(0))] = digest_of(rows.blob_view(1));
    return heads;
}

[[noreturn]] void broken(std::uint64_t seq, const std::string& why) {
    throw Corrupt("the audit trail is damaged at record " + std::to_string(seq) + ": " + why, {.subject = std::to_string(seq)});
}

/// A value that was not forgotten must be the one that the record commits to.
void check_value(std::uint64_t seq, const char* name, const std::optional<Digest>& committed, base::ByteView salt,
                 const std::optional<std::string_view>& value) {
    if (!value) return;
    if (!committed || commitment(salt, *value) != *committed) broken(seq, std::string(name) + " is not the one that was recorded");
}

/// What the records of one stretch say by themselves. What ties them to those before is checked when it is their turn.
struct Stretch {
    std::uint64_t begin = 0, end = 0;
    std::optional<Digest> prev{};  ///< What the first record says of the one before it.
    Log log{};                     ///< Of these records alone, as far as they are sound.
    /// The right edge of these records alone, by size of the whole log, wherever a checkpoint was signed.
    std::vector<std::pair<std::uint64_t, std::vector<Digest>>> edges{};
    std::int64_t announced = 0;  ///< Up to where its records say that was pruned.
    std::exception_ptr error{};  ///< What is wrong with the first record that is not.
};

/// Recomputes a stretch record by record.
class Walk {
public:
    Walk(db::Reader& reader, const Heads& heads, Stretch& stretch)
        : reader_(reader),
          stretch_(stretch),
          name_(log_name(reader.scope().tenant())),
          names_(reader),
          head_(heads.upper_bound(stretch.begin)),
          heads_end_(heads.end()) {
        for (int level = level_step; level <= stretch_level; level += level_step) read_nodes(level);
    }

    void run() {
        const auto begin = static_cast<std::int64_t>(stretch_.begin), end = static_cast<std::int64_t>(stretch_.end);
        const auto first = std::clamp(read_pruned(reader_).first, begin, end);
        for (const auto& [seq, hash] : pruned_leaves(reader_, begin, first)) {
            if (static_cast<std::uint64_t>(seq) != next_seq()) broken(next_seq(), "it was pruned and its hash is missing");
            add(hash);
        }
        if (next_seq() != static_cast<std::uint64_t>(first)) broken(next_seq(), "it was pruned and its hash is missing");
        StoredRecords stored(reader_, first, end);
        while (const auto* at = stored.next()) take(*at);
        if (const auto seq = next_seq(); seq != stretch_.end) broken(seq, "it is missing");
    }

private:
    std::uint64_t next_seq() const { return stretch_.begin + stretch_.log.tree.size(); }

    /// A home that is older than these rows lacks some: they are worked out when they are needed.
    void read_nodes(int level) {
        auto& row = nodes_[static_cast<std::size_t>(level / level_step) - 1];
        row.resize(stretch_size >> level);
        const auto first = stretch_.begin >> level;
        for (auto rows = reader_.query(nodes, level, first, first + row.size()); rows.next();)
            row[static_cast<std::uint64_t>(rows.i64(0)) - first] = rows.blob(1);
    }

    void take(const Stored& stored) {
        auto& log = stretch_.log;
        const auto seq = next_seq();
        if (static_cast<std::uint64_t>(stored.seq) != seq) broken(seq, "it is missing");
        const auto leaf = crypto::merkle_leaf(base::view_of(stored.text));
        if (!std::ranges::equal(stored.hash, leaf)) broken(seq, "its content does not have its hash");
        Record record;
        try {
            record = parse_record(stored.text);
        } catch (const InvalidArgument& error) {
            broken(seq, error.what());
        }
        if (record.tenant != name_) broken(seq, "it belongs to another log");
        if (static_cast<std::uint64_t>(record.seq) != seq) broken(seq, "its number is another one");
        if (log.tree.size() == 0) stretch_.prev = record.prev;
        else if (record.prev != log.head) broken(seq, "it does not continue the record before");
        if (const auto& row = stored.columns;
            row && (record.time != row->time || record.action != row->action || !std::ranges::equal(record.actor, row->actor)))
            broken(seq, "its row says something else");
        check_value(seq, "the reason", record.reason, stored.erasable.salt, stored.erasable.reason);
        check_value(seq, "the list of details", record.details, stored.erasable.salt, stored.erasable.details);
        if (!actors_.contains(record.actor)) {
            if (const auto* name = names_.of(record.actor)) check_value(seq, "the actor", record.actor, name->salt, name->value);
            actors_.insert(record.actor);
        }
        if (record.action == prune_action) stretch_.announced = std::max(stretch_.announced, pruned_until(record.target).value_or(0));
        add(leaf);
    }

    void add(const Digest& leaf) {
        auto& log = stretch_.log;
        const auto seq = next_seq();
        log.head = leaf;
        log.tree.append(leaf, stored_levels([&](int level, std::uint64_t n, const Digest& hash) {
                            const auto& known = nodes_[static_cast<std::size_t>(level / level_step) - 1][n];
                            if (known && !std::ranges::equal(*known, hash)) broken(seq, node_differs);
                        }));
        if (head_ == heads_end_ || head_->first != seq + 1) return;
        stretch_.edges.emplace_back(seq + 1, log.tree.edge());
        ++head_;
    }

    db::Reader& reader_;
    Stretch& stretch_;
    const std::string name_;
    Names names_;
    std::set<Digest> actors_{};  ///< What is known of them was compared.
    Heads::const_iterator head_;
    const Heads::const_iterator heads_end_;
    std::array<std::vector<std::optional<base::ByteVector>>, stretch_level / level_step> nodes_{};
};

/// Puts the stretches together, in their order.
class Whole {
public:
    Whole(db::Database& database, const db::TenantScope& scope, const Heads& heads) : database_(database), scope_(scope), heads_(heads) {}

    void join(const Stretch& stretch) {
        if (stretch.prev && *stretch.prev != head_) broken(stretch.begin, "it does not continue the record before");
        for (const auto& [size, edge] : stretch.edges)
            if (heads_.at(size) != root_with(edge)) broken(size - 1, "a signed checkpoint says that the log was another one up to here");
        if (stretch.error) std::rethrow_exception(stretch.error);
        announced_ = std::max(announced_, stretch.announced);
        const auto& tree = stretch.log.tree;
        head_ = stretch.log.head;
        if (tree.size() < stretch_size) rest_ = tree.edge();
        else
            full_.append(tree.root(), stored_levels([&](int level, std::uint64_t n, const Digest& hash) {
                             compare(stretch.end - 1, level + stretch_level, n, hash);
                         }));
    }
    /// Up to where its records say that was pruned.
    std::int64_t announced() const { return announced_; }
    /// Whether that is where the log ends.
    bool ends_at(const Log& end) const {
        auto edge = full_.edge();
        edge.insert(edge.end(), rest_.begin(), rest_.end());
        return head_ == end.head && edge == end.tree.edge();
    }

private:
    /// The log's root at a size within a stretch of which the edge up to there is given, widest first.
    Digest root_with(const std::vector<Digest>& edge) const {
        auto hash = edge.back();
        for (auto left = edge.rbegin() + 1; left != edge.rend(); ++left) hash = crypto::merkle_node(*left, hash);
        const auto& before = full_.edge();
        for (auto left = before.rbegin(); left != before.rend(); ++left) hash = crypto::merkle_node(*left, hash);
        return hash;
    }
    void compare(std::uint64_t seq, int level, std::uint64_t n, const Digest& hash) const {
        database_.read(scope_, [&](db::Reader& reader) {
            auto known = reader.query(node, level, n);
            if (known.next() && !std::ranges::equal(known.blob_view(0), hash)) broken(seq, node_differs);
        });
    }

    db::Database& database_;
    const db::TenantScope& scope_;
    const Heads& heads_;
    Digest head_{};
    crypto::MerkleTree full_{};   ///< Over the roots of full stretches.
    std::int64_t announced_ = 0;
    std::vector<Digest> rest_{};  ///< The edge of the last one, which is not full.
};

/// Each by itself, by as many threads as there is work and room for.
void examine(db::Database& database, const db::TenantScope& scope, const Heads& heads, std::vector<Stretch>& stretches) {
    std::atomic<std::size_t> next{0};
    std::atomic<bool> any_broken{false};
    const auto work = [&] {
        for (std::size_t i; !any_broken && (i = next++) < stretches.size();) {
            try {
                database.read(scope, [&](db::Reader& reader) { Walk(reader, heads, stretches[i]).run(); });
            } catch (...) {
                stretches[i].error = std::current_exception();
                any_broken = true;  // those before it were begun and will end
            }
        }
    };
    const auto wanted = std::min<std::size_t>({stretches.size(), most_threads, std::max(std::thread::hardware_concurrency(), 1u)});
    std::vector<std::jthread> helpers;
    try {
        while (helpers.size() + 1 < wanted) helpers.push_back(exec::start_thread("verify", work));
    } catch (const std::system_error&) {
        // No more threads just now: those that there are do it.
    }
    work();
}

}  // namespace

AuditReport verify(db::Database& database, const db::TenantScope& scope) {
    // What is appended meanwhile is left to the next verification.
    Heads heads;
    std::int64_t pruned = 0;
    const auto end = database.read(scope, [&](db::Reader& reader) {
        heads = read_heads(reader);
        pruned = read_pruned(reader).until;
        auto log = read_log(reader);
        if (!heads.empty() && heads.rbegin()->first > log.tree.size()) broken(log.tree.size(), "a signed checkpoint covers more records");
        if (last_stored(reader) >= static_cast<std::int64_t>(log.tree.size())) broken(log.tree.size(), "it stands behind the log's end");
        return log;
    });
    const auto size = end.tree.size();
    std::vector<Stretch> stretches;
    for (std::uint64_t begin = 0; begin < size; begin += stretch_size)
        stretches.push_back({.begin = begin, .end = std::min(size, begin + stretch_size)});
    examine(database, scope, heads, stretches);
    Whole whole(database, scope, heads);
    for (const auto& stretch : stretches) whole.join(stretch);
    if (!whole.ends_at(end)) broken(size, "the log's end is not the one that its records lead to");
    if (whole.announced() < pruned) broken(static_cast<std::uint64_t>(whole.announced()), "it was pruned, and no record says so");
    return {.records = static_cast<std::int64_t>(size), .head = size ? crypto::to_hex(end.head) : ""};
}

}  // namespace tenon::tenant::audit
