#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <backup/parity_store.hpp>
#include <base/bytes.hpp>

namespace tenon::backup {

using base::ByteSpan;
using base::ByteVector;
using base::ByteView;

inline constexpr std::uint64_t stripe_size = 64 << 10;
/// What is larger gets no parity: no object comes near it.
inline constexpr std::uint64_t largest_striped = std::uint64_t{1} << 30;
inline constexpr std::size_t parity_header_size = 24;

/// Whether such objects are protected: those that are written once. Beacons, progress and the lease are rewritten all the time, and
/// nothing that counts is lost with them; superblocks are each other's copy.
[[nodiscard]] bool is_protected(std::string_view name);
/// Where the parity of an object of that size lies: "par/m/<name>" for a copy, "par/<name>" for parity over stripes.
std::string parity_name(std::string_view name, std::uint64_t size);
/// The object that such a name is about. Empty: it is no parity's name.
std::string protected_by(std::string_view parity);
std::uint64_t parity_size(Parity mode, std::uint64_t size);

/// How an object's stripes are laid out in rows.
struct Rows {
    Rows(Parity mode, std::uint64_t size);
    std::uint64_t stripes = 0;
    std::uint64_t rows = 0;
    unsigned strong = 1;  ///< Parity stripes of each row.

    std::uint64_t row_of(std::uint64_t stripe) const { return stripe % rows; }
    unsigned place_of(std::uint64_t stripe) const { return static_cast<unsigned>(stripe / rows); }
};

/// Makes the parity over an object's bytes, which come in order.
class ParityMaker {
public:
    ParityMaker(Parity mode, std::uint64_t size);
    void add(ByteView bytes);
    /// The file. All bytes have come.
    ByteVector finish();

private:
    void take(ByteView stripe);

    const Parity mode_;
    const std::uint64_t size_;
    const Rows rows_;
    ByteVector file_;
    ByteVector partial_;     // the beginning of a stripe
    std::uint64_t next_ = 0;
    std::uint64_t seen_ = 0;
};

/// A parity file as it was found, damage and all.
class ParityFile {
public:
    /// Throws Corrupt where its head is damaged, or its length is not what the head says.
    static ParityFile parse(ByteVector file, const std::string& object);

    Parity mode() const { return mode_; }
    std::uint64_t size() const { return size_; }
    [[nodiscard]] bool is_whole() const;                    ///< By its own hash. It may be another object's.
    std::uint64_t stripes() const { return rows_.stripes; }

    /// The stripes that are missing or damaged, made again from the rest. `read`: the object's bytes at a place, fewer at its end.
    /// Empty: more is lost than the parity makes good. What comes out is a guess until the object's hash has said so.
    struct Stripe {
        std::uint64_t number = 0;
        ByteVector bytes;
    };
    using Read = std::function<ByteVector(std::uint64_t offset, std::uint64_t length)>;
    std::optional<std::vector<Stripe>> rebuild(const Read& read) const;

private:
    ParityFile(Parity mode, std::uint64_t size, ByteVector file);
    std::uint32_t sum_of(std::uint64_t number) const;
    ByteView parity(unsigned which, std::uint64_t row) const;
    [[nodiscard]] bool parity_is_whole(unsigned which, std::uint64_t row) const;

    Parity mode_;
    std::uint64_t size_;
    Rows rows_;
    ByteVector file_;
};

}  // namespace tenon::backup
