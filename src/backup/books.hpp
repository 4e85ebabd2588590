#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "annotations.hpp"
#include "container.hpp"
#include "snapshot.hpp"

namespace tenon::backup {

/// Records of one writer that lay in log/, as a sheet has them.
struct BookedChain {
    struct Row {
        Id sha{};          ///< Of the object as it lay there.
        std::string type{};
        Time stored{};
        ByteVector body{};
    };
    Id16 writer{};
    std::uint64_t first = 0;     ///< Number of the first row's record.
    std::vector<Row> rows{};
    std::vector<Id16> names{};   ///< Under which it lay before that; where it has the first record.
};

/// A sheet is written once and stays as it is for ever, in whatever book. Chains in the order of writers, each with a row at least.
ByteVector encode_sheet(const std::vector<BookedChain>& chains);
std::vector<BookedChain> decode_sheet(ByteView sheet, const std::string& object);

/// A book is some sheets.
ByteVector encode_book(const std::vector<ByteVector>& sheets);
/// Parts of what is given.
std::vector<ByteView> sheets_of(ByteView payload, const std::string& object);

std::string book_name(const Id& sha);
/// The writer and number of "log/<writer>/<seq>".
std::optional<std::pair<Id16, std::uint64_t>> log_place(std::string_view name);

/// What readers need of a sheet.
struct Sheet {
    struct Chain {
        Id16 writer{};
        std::uint64_t first = 0;
        std::uint32_t begin = 0, count = 0;  ///< Of its rows in the following.
    };
    Id hash{};                               ///< SHA-256 of the sheet as it is written: that is its name for ever.
    std::vector<Chain> chains{};
    std::vector<Id> shas{};                  ///< Of each row.
    std::vector<std::pair<std::uint32_t, SnapshotId>> commits{};     ///< Rows that vouch for a snapshot, and …
    std::vector<std::pair<std::uint32_t, AnnotationRecord>> says{};  ///< … all others that say something, ascending.
    std::vector<std::pair<Id16, Id16>> carried{};                    ///< What a chain was called, and is.

    const Chain& chain_of(std::uint32_t row) const;
};
Sheet read_sheet(ByteView sheet, const std::string& object);

/// All books, as they were at one moment. Never changes.
class Shelf {
public:
    struct Book {
        std::string name, tag;
        std::uint16_t dek = 0;
        std::uint64_t weight = 0;  ///< Of its sheets.
        std::vector<std::shared_ptr<const Sheet>> sheets{};
    };
    /// `broken`: those that cannot be read.
    explicit Shelf(std::vector<Book> books, std::set<std::string> broken = {});

    const std::vector<Book>& books() const { return books_; }
    const std::set<std::string>& broken() const { return broken_; }
    const std::map<Id, std::shared_ptr<const Sheet>>& sheets() const { return sheets_; }
    std::uint64_t chains() const { return chains_; }  ///< Writers of whom there is a first record.
    /// How many records of that writer there are, from the first one on without a gap.
    std::uint64_t length(const Id16& writer) const;
    [[nodiscard]] bool has(const Id16& writer, std::uint64_t seq, const Id& sha) const;
    [[nodiscard]] bool has(const Id16& writer, std::uint64_t seq) const;
    [[nodiscard]] bool is_committed(const SnapshotId& id) const;
    [[nodiscard]] bool is_forgotten(const SnapshotId& id) const;
    [[nodiscard]] bool is_swept(const Id& pack) const;
    const std::vector<Id>& swept() const { return swept_; }  ///< Packs, ascending.
    const std::multimap<Id16, Id16>& carried() const { return carried_; }

private:
    struct Place {
        const Sheet* sheet;
        std::uint32_t chain;
        const Sheet::Chain& get() const { return sheet->chains[chain]; }
    };
    std::span<const Place> places(const Id16& writer) const;

    std::vector<Book> books_;
    std::set<std::string> broken_;
    std::map<Id, std::shared_ptr<const Sheet>> sheets_;
    std::vector<Place> places_;             // by writer, then by the first record
    std::vector<SnapshotId> committed_, forgotten_;  // sorted
    std::vector<Id> swept_;                 // sorted
    std::multimap<Id16, Id16> carried_;
    std::uint64_t chains_ = 0;
};

/// Without the books of which `stays` does not hold.
template <class Stays> std::shared_ptr<const Shelf> only(const std::shared_ptr<const Shelf>& shelf, Stays stays) {
    std::vector<Shelf::Book> books;
    for (const auto& book : shelf->books())
        if (stays(book)) books.push_back(book);
    if (books.size() == shelf->books().size()) return shelf;
    return std::make_shared<const Shelf>(std::move(books), shelf->broken());
}

/// Whether it is whole, and of this repository. Throws as open_object() does.
void check_book(const Keys& keys, ByteView raw, const std::string& object);

}  // namespace tenon::backup
