#pragma once

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <db/tx.hpp>

#include "audit_record.hpp"

namespace tenon::tenant::audit {

/// How records are stored: one that was alone in its transaction has a row of `audit`, and what is erasable of it one of
/// `audit_private`; others share a row of `audit_pack` and one of `audit_pack_private` with their neighbours of one transaction.
/// A part of the format: a reader who looks for a record finds the row it may share at most so far before it.
constexpr std::size_t pack_limit = 32;
/// The same of the rows that the hashes of pruned records share.
constexpr std::size_t pruned_limit = 256;

/// What is erasable of a record, borrowed. Empty: there is nothing, or it was erased.
struct Erasable {
    base::ByteView salt{};
    std::optional<std::string_view> reason{}, details{};
};

/// Neighbours on their way to the store.
struct Pack {
    std::int64_t seq = 0;  ///< Of the first.
    std::size_t size = 0;
    base::ByteVector hashes{};
    std::string records{};  ///< Each ends with a line feed, which none of them holds.
    base::ByteVector erasable{};
    bool has_erasable = false;
    Time time{};  ///< Of the last one, as the next two.
    std::string action{};
    Digest actor{};

    /// Returns the record's hash.
    Digest add(const NewRecord& record, const Erasable& hidden);
    /// Empty again, with the memory that it has.
    void clear();
    /// Forgets what is erasable of them.
    void erase();
};

/// A node of the tree that a record has completed.
struct Node {
    int level = 0;
    std::uint64_t n = 0;
    Digest hash{};
};

void store(db::Tx& tx, const Pack& pack);
void store(db::Tx& tx, const Node& node);

/// A record as it lies in the store. Borrowed from the reading until its next().
struct Stored {
    struct Columns {
        Time time{};
        std::string_view action{};
        base::ByteView actor{};
    };
    std::int64_t seq = 0;
    std::string_view text{};
    base::ByteView hash{};
    Erasable erasable{};
    std::optional<Columns> columns{};  ///< Of a record that has a row of its own: what is said of it there again.
};

/// Which records of a reading are wanted by their action.
struct ActionFilter {
    std::string_view begins{};
    bool whole = false;  ///< And that is all of it.
};

/// The stored records [first, end) of a log in their order, whichever row they lie in. Throws Corrupt; the subject is the seq of
/// what cannot be read.
class StoredRecords {
public:
    StoredRecords(db::Reader& reader, std::int64_t first, std::int64_t end, const ActionFilter& filter = {});
    /// Null: there are no more.
    const Stored* next();

private:
    void read_pack();
    void unpack();
    const Stored& row();

    const std::int64_t first_, end_;
    const ActionFilter filter_;
    db::Rows rows_, packs_;
    bool row_there_ = false, pack_there_ = false;
    bool row_given_ = false;  ///< It was returned and may still be looked at.
    Stored row_{};
    std::vector<Stored> pack_{};            ///< What is wanted of it.
    std::size_t given_ = 0;                 ///< Of that.
    std::optional<std::int64_t> broken_{};  ///< The pack cannot be read from this seq on.
};

/// Erases reason, details and salt of records that are stored. Returns of how many there was something.
std::int64_t erase_values(db::Tx& tx, std::span<const std::int64_t> seqs);

/// What was pruned of a log: records before `first` have only their hashes left, those before `until` are to follow.
struct Pruned {
    std::int64_t first = 0, until = 0;
};
Pruned read_pruned(db::Reader& reader);
/// The hashes of the records [first, end) that were pruned, in order.
std::vector<std::pair<std::int64_t, Digest>> pruned_leaves(db::Reader& reader, std::int64_t first, std::int64_t end);
/// Where a row of records begins that `seq` lies in but not at its start; else `seq`: rows are pruned whole.
std::int64_t row_start(db::Reader& reader, std::int64_t seq);

/// The hashes of the records [first, end), in order, pruned ones among them.
std::vector<std::pair<std::int64_t, Digest>> stored_leaves(db::Reader& reader, std::int64_t first, std::int64_t end);
/// The seq of the last record that is stored; -1: there is none.
std::int64_t last_stored(db::Reader& reader);

/// Who is behind the commitments of a log, each looked up once.
class Names {
public:
    explicit Names(db::Reader& reader) : reader_(reader) {}
    struct Name {
        base::ByteVector salt{};
        std::string value{};
    };
    /// Null: nobody says any more.
    const Name* of(base::ByteView ref);

private:
    db::Reader& reader_;
    std::map<Digest, std::optional<Name>> known_{};
};

}  // namespace tenon::tenant::audit
