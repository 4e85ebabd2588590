// The objects under past/: what checkpoints say no longer of those before them.
#include <algorithm>
#include <map>
#include <utility>

#include <crypto/encoding.hpp>
#include <crypto/hash.hpp>
#include <exec/wait.hpp>
#include <tenon/error.hpp>

#include "evidence.hpp"
#include "repository_impl.hpp"

namespace tenon::backup {
namespace {

constexpr std::uint64_t piece_limit = std::uint64_t{1} << 20;
constexpr int most_piece_looks = 100;

PastPiece open_piece(const Keys& keys, ByteView raw, const std::string& object) {
    auto piece = decode_past_piece(open_object(keys, Kind::past, raw, object), object);
    if (piece_root_in(object) != piece.root()) throw Corrupt("swapped: a piece of the past lies under another one's name", {.subject = object});
    return piece;
}

bool is_named(const PastPiece& piece, const Past::Piece& named) {
    return piece.level == named.level && piece.rows.back().number == named.row.number && piece.root() == named.row.hash;
}

/// Throws NotFound where it is not there, Corrupt, with the object that is damaged, where no copy of it can be read.
PastPiece read_past_piece(Repository::Impl& impl, const Past::Piece& named, bool mends, const std::stop_token& stop) {
    constexpr int enough_looks = 3;  // for one that is sealed anew right now, under another name
    const auto prefix = piece_prefix(named.row.hash);
    const auto what = "what names the checkpoints up to " + std::to_string(named.row.number);
    std::optional<Corrupt> damaged;
    for (int looked = 0; looked < enough_looks; ++looked) {
        damaged.reset();
        for (const auto& object : blob::list_all(*impl.objects, prefix, stop)) {
            try {
                const auto is_whole = [&](ByteView bytes) { return is_past_piece(impl.keys, bytes, object.name); };
                auto raw = blob::get_all(*impl.objects, object.name, piece_limit, stop);
                if (mends && !is_whole(raw) && impl.objects->mend(object.name, is_whole, stop))
                    raw = blob::get_all(*impl.objects, object.name, piece_limit, stop);
                auto piece = open_piece(impl.keys, raw, object.name);
                if (!is_named(piece, named)) throw Corrupt("it is about other checkpoints", {.subject = object.name});
                return piece;
            } catch (const KeyIsRetired&) {
                // Put by a process that slept through a rotation, which never counted on it.
            } catch (const NotFound&) {
            } catch (const Corrupt& error) {
                damaged = Corrupt(what + " cannot be read: " + error.what(), {.subject = object.name});
            }
        }
        if (damaged) throw *damaged;
    }
    throw NotFound(what + " is not there any more", {.subject = prefix.substr(0, prefix.size() - 1)});
}

template <class Rows, class Number> auto at_or_behind(Rows& rows, Number number) {
    return std::partition_point(rows.begin(), rows.end(), [number](const auto& row) { return row.number < number; });
}

FoundInPast find_in(const std::vector<Past::Row>& rows, std::uint64_t number) {
    const auto at = at_or_behind(rows, number);
    if (at == rows.end()) return {};
    if (at->number == number) return {.hash = at->hash};
    return {.next = at->number};
}

/// Of the pieces that this past names, from above. `see` gets each; what it returns is gone through.
template <class See> void each_piece(const std::vector<Past::Piece>& pieces, See& see) {
    for (const auto& named : pieces) {
        const std::optional<PastPiece> piece = see(named);
        if (!piece || piece->level == 0) continue;
        std::vector<Past::Piece> below;
        for (const auto& row : piece->rows) below.push_back({static_cast<std::uint8_t>(piece->level - 1), row});
        each_piece(below, see);
    }
}

}  // namespace

bool is_past_piece(const Keys& keys, ByteView raw, const std::string& object) {
    try {
        (void)open_piece(keys, raw, object);
        return true;
    } catch (const KeyIsRetired&) {
        throw;
    } catch (const Corrupt&) {
        return false;
    }
}

FoundInPast find_in_past(Repository::Impl& impl, const Past& past, std::uint64_t number, bool mends, const std::stop_token& stop) {
    const auto above = std::partition_point(past.pieces.begin(), past.pieces.end(), [&](const auto& piece) { return piece.row.number < number; });
    if (above == past.pieces.end()) return find_in(past.latest, number);
    for (auto named = *above;;) {
        const auto piece = read_past_piece(impl, named, mends, stop);
        if (piece.level == 0) return find_in(piece.rows, number);
        named = {static_cast<std::uint8_t>(piece.level - 1), *at_or_behind(piece.rows, number)};
    }
}

bool is_in_past(Repository::Impl& impl, const Past& past, const Past::Row& row, const std::stop_token& stop) {
    try {
        return find_in_past(impl, past, row.number, true, stop).hash == row.hash;
    } catch (const NotFound&) {
    } catch (const Corrupt&) {
    }
    return false;
}

void put_pieces(Repository::Impl& impl, const std::vector<PastPiece>& pieces, const std::stop_token& stop) {
    for (const auto& piece : pieces) {
        const auto prefix = piece_prefix(piece.root());
        const auto is_there = [&](const Keys& keys) {
            for (const auto& object : blob::list_all(*impl.objects, prefix, stop)) {
                try {
                    const auto raw = blob::get_all(*impl.objects, object.name, piece_limit, stop);
                    if (decode_header(raw, object.name).dek == keys.ring.control().current() && is_past_piece(keys, raw, object.name)) return true;
                } catch (const NotFound&) {
                } catch (const Corrupt&) {
                } catch (const Unsupported&) {
                }
            }
            return false;
        };
        // Not under keys that were rotated since: whoever writes everything anew waits for nobody who only takes a checkpoint.
        for (int tried = 1;; ++tried) {
            const auto keys = impl.newest_keys();
            if (is_there(*keys)) break;
            if (tried == most_piece_looks) throw Unavailable("the data keys are rotated again and again", {.subject = prefix});
            const auto sealed = seal_object(*keys, Kind::past, encode(piece));
            blob::put_bytes(*impl.objects, prefix + hex(crypto::sha256(sealed)), sealed, {}, stop);
            if (impl.newest_keys()->ring.control().current() == keys->ring.control().current()) break;
        }
    }
}

std::vector<CheckProblem> problems_of_pieces(Repository::Impl& impl, const Past& past, bool reads_all, bool mends, const std::stop_token& stop) {
    std::vector<CheckProblem> problems;
    if (past.pieces.empty()) return problems;
    std::set<Id> there;
    for (const auto& object : blob::list_all(*impl.objects, "past/", stop))
        if (const auto root = piece_root_in(object.name)) there.insert(*root);
    auto see = [&](const Past::Piece& named) -> std::optional<PastPiece> {
        exec::check_stop(stop);
        if (past.lost.contains(named.row.hash)) return std::nullopt;
        if (named.level == 0 && !reads_all && there.contains(named.row.hash)) return std::nullopt;
        try {
            return read_past_piece(impl, named, mends, stop);
        } catch (const NotFound& error) {
            problems.push_back({.object = error.subject(), .message = std::string("deleted: ") + error.what(), .tampered = true});
        } catch (const Corrupt& error) {
            const std::string message = error.what();
            problems.push_back({.object = error.subject(), .message = message, .tampered = message.find("swapped") != std::string::npos});
        }
        return std::nullopt;
    };
    each_piece(past.pieces, see);
    return problems;
}

void give_up_lost_pieces(Repository::Impl& impl, Past& past, std::vector<CheckProblem>& problems, const std::stop_token& stop) {
    for (auto& problem : problems_of_pieces(impl, past, true, true, stop)) {
        const auto object = problem.object.size() == piece_prefix({}).size() - 1 ? problem.object + '-' + std::string(64, '0') : problem.object;
        if (const auto root = piece_root_in(object)) past.lost.insert(*root);
        // What cannot be read cannot be sealed anew either: it would keep old data keys for ever.
        if (object == problem.object) impl.objects->remove(object, {}, stop);
        problems.push_back(std::move(problem));
    }
}

}  // namespace tenon::backup
