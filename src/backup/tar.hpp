#pragma once

#include <string>

#include "tree.hpp"

namespace tenon::backup::tar {

inline constexpr std::size_t block = 512;

/// Zeros that fill up the last block of so many bytes.
inline std::size_t padding(std::uint64_t size) { return static_cast<std::size_t>((block - size % block) % block); }

/// What stands before an entry's content: a PAX header where its plain one cannot say everything, its plain one, a sparse file's map.
/// `path`: as it is to be called, without a '/' at its end. `link`: of which earlier path it is another name; empty: of none.
/// `stored`: bytes of content that follow; less than the size of a sparse file.
ByteVector header(const Entry& entry, const std::string& path, const std::string& link, std::uint64_t stored);

/// Whether its holes can be left out, as GNU's format 1.0 does: its parts must be whole blocks.
bool is_sparse(const Entry& entry);

/// What stands at the end.
ByteVector end();

}  // namespace tenon::backup::tar
