#pragma once

#include <sodium.h>

namespace tenon::crypto {

/// Must precede any use of libsodium; safe and cheap to repeat.
void start_sodium();

}  // namespace tenon::crypto
