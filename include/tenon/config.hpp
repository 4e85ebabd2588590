#pragma once

#include <tenon/version.hpp>

#if defined(_WIN32) || defined(SWIG)
#define TENON_API
#else
#define TENON_API __attribute__((visibility("default")))
#endif

// The inline namespace keeps two major versions apart in one process. SWIG must not see it: its typemaps name
// tenon::X and would silently miss tenon::v0::X.
#ifdef SWIG
#define TENON_BEGIN namespace tenon {
#define TENON_END }
#else
#define TENON_BEGIN namespace tenon { inline namespace v0 {
#define TENON_END }}
#endif
