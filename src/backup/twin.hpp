// Objects that must not be lost with one damaged sector: two copies, under a name and the same with ".1".
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include <blob/store.hpp>

#include "wire.hpp"

namespace tenon::backup {

/// The whole one of the two, which also takes the place of a damaged or missing other. `good` says whether bytes are whole. Corrupt if
/// both are damaged, NotFound if there is none.
ByteVector load_twin(blob::Store& store, const std::string& name, std::uint64_t limit,
                     const std::function<bool(ByteView)>& good, std::stop_token stop);
/// Conflict if the name is taken.
void store_twin(blob::Store& store, const std::string& name, ByteView bytes, std::stop_token stop);
/// A kill in between leaves the old object under `name`, which is read first.
void replace_twin(blob::Store& store, const std::string& name, ByteView bytes, std::stop_token stop);
/// Gone for everybody, those who mend it at the same moment included.
void remove_twin(blob::Store& store, const std::string& name, std::stop_token stop);
/// Puts the copy `whole` in the place of `broken`, unless somebody has changed either of the two since these bytes were read.
/// `was` is what was found there, none if nothing.
void mend_twin(blob::Store& store, const std::string& whole, ByteView bytes, const std::string& broken,
               const std::optional<ByteVector>& was, std::stop_token stop);

}  // namespace tenon::backup
