#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <tenon/error.hpp>

/// What every fuzz target offers, beside libFuzzer's LLVMFuzzerTestOneInput: inputs that are good, to begin from.
namespace tenon::fuzz {

using Input = std::vector<std::uint8_t>;

std::vector<Input> seeds();

/// Reading outside bytes either works or throws one of our own errors; anything else is a bug, InternalError too.
template <class Read>
void reads(Read read) {
    try {
        read();
    } catch (const InternalError&) {
        throw;
    } catch (const Error&) {
        return;
    }
}

/// A seed for the parser that `selector` picks.
template <class Bytes>
Input seed(std::uint8_t selector, const Bytes& bytes) {
    Input input{selector};
    input.insert(input.end(), bytes.begin(), bytes.end());
    return input;
}

}  // namespace tenon::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
