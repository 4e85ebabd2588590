# A quarter of this tree's compile time was reading the standard library again in every unit. Three precompiled headers hold
# what is included most: for the library, for programs and for tests (with GoogleTest). Nothing of Boost, of a peer library or
# of our own is in them, and sources include what they use as if there were none: the fuzzers are built without.
# CI's preset goes further: it compiles eight sources as one (CMake's unity build), so names in anonymous namespaces of one room, or
# of one test program, have to differ. All other presets compile source by source and see to it that each includes what it uses.
option(TENON_PCH "Precompile the standard library's headers" ${PROJECT_IS_TOP_LEVEL})

# GCC looks for garbage from 128 MB on; our units take twice that, and looking took a twelfth of the time.
if(PROJECT_IS_TOP_LEVEL AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options("SHELL:--param ggc-min-heapsize=1048576")
endif()

set(TENON_STANDARD_HEADERS <algorithm> <array> <atomic> <chrono> <condition_variable> <cstdint> <deque> <filesystem> <fstream>
  <functional> <map> <memory> <mutex> <optional> <random> <set> <span> <stop_token> <string> <string_view> <thread> <utility>
  <variant> <vector>)

if(TENON_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)  # what ccache needs, and the sloppiness in CMakeLists.txt
  add_compile_options(-pthread)  # some peer libraries add it, and a precompiled header serves one set of options
endif()

# tenon_quick(<target>): code that runs once, in a test. Optimising it took a tenth of the build's time and saved the tests none:
# their work is done by the library, which keeps the flags of its preset.
function(tenon_quick target)
  target_compile_options(${target} PRIVATE -O0)
endfunction()

# tenon_precompiled(<target> library|program|tests)
function(tenon_precompiled target kind)
  if(kind STREQUAL tests)
    tenon_quick(${target})
  endif()
  if(NOT TENON_PCH)
    return()
  endif()
  set(owner precompiled_${kind})
  if(NOT TARGET ${owner})
    set(source ${PROJECT_BINARY_DIR}/precompiled_${kind}.cpp)
    file(CONFIGURE OUTPUT ${source} CONTENT "int main() {}\n")
    set(headers ${TENON_STANDARD_HEADERS})
    if(kind STREQUAL library)
      add_library(${owner} OBJECT ${source})
    else()
      add_executable(${owner} EXCLUDE_FROM_ALL ${source})  # because a program's code is compiled as one
    endif()
    if(kind STREQUAL tests)
      target_link_libraries(${owner} PRIVATE GTest::gtest)
      list(APPEND headers <gtest/gtest.h>)
      tenon_quick(${owner})
    endif()
    target_precompile_headers(${owner} PRIVATE ${headers})
  endif()
  target_precompile_headers(${target} REUSE_FROM ${owner})
endfunction()
