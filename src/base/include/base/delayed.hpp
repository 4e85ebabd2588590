#pragma once

#include <atomic>

#include <tenon/config.hpp>

// Libraries that are loaded with the first call of one of their functions, not with the program. Two thirds of what a program
// takes to start would else be FFmpeg's libraries and the hundred that these name, also where it copies files and decodes
// nothing.
//
// A room names each function that it calls, in one source of its own:
//
//     TENON_DELAYED_LIBRARY(avutil, "libavutil.so.57")
//     TENON_DELAYED(avutil, av_frame_alloc)
//
// That defines av_frame_alloc for this library alone, as a jump through a pointer. The pointer leads to tenon_delayed_first,
// which keeps the call's arguments, finds the function and jumps there; from the second call on it is the function's own. A
// function that is called and not named does not link. Only functions: variables of a library cannot be named.
//
// Where the library or the function is not there, the call throws Unavailable. One made by a destructor ends the program, but
// nobody destroys what no earlier call has made.
// Threads  any.
//
// Where this is not written for the processor (TENON_DELAY_LOAD in CMake), the libraries are loaded with the program.
#ifdef TENON_DELAY_LOAD

namespace tenon::base {

/// Laid out by the macros below.
struct DelayedLibrary {
    std::atomic<void*> handle;
    const char* soname;
};
struct DelayedFunction {
    std::atomic<const void*> address;
    DelayedLibrary* library;
    const char* name;
};

}  // namespace tenon::base

#define TENON_DELAYED_LIBRARY(library, soname)                                                                              \
    asm(".pushsection .data.rel.local,\"aw\"\n"                                                                             \
        ".p2align 3\n"                                                                                                      \
        ".Ldelayed_library_" #library ": .quad 0, 1f\n"                                                                     \
        ".popsection\n"                                                                                                     \
        ".pushsection .rodata.str1.1,\"aMS\",@progbits,1\n"                                                                 \
        "1: .string \"" soname "\"\n"                                                                                       \
        ".popsection\n");

#define TENON_DELAYED(library, function)                                                                                    \
    asm(".pushsection .text\n"                                                                                              \
        ".p2align 4\n"                                                                                                      \
        ".globl " #function "\n"                                                                                            \
        ".hidden " #function "\n"                                                                                           \
        ".type " #function ", @function\n" #function ":\n"                                                                  \
        ".cfi_startproc\n"                                                                                                  \
        "endbr64\n"                                                                                                         \
        "jmp *2f(%rip)\n"                                                                                                   \
        "1: endbr64\n"                                                                                                      \
        "lea 2f(%rip), %r11\n"                                                                                              \
        "jmp tenon_delayed_first\n"                                                                                         \
        ".cfi_endproc\n"                                                                                                    \
        ".size " #function ", . - " #function "\n"                                                                          \
        ".popsection\n"                                                                                                     \
        ".pushsection .data.rel.local,\"aw\"\n"                                                                             \
        ".p2align 3\n"                                                                                                      \
        "2: .quad 1b, .Ldelayed_library_" #library ", 3f\n"                                                                 \
        ".popsection\n"                                                                                                     \
        ".pushsection .rodata.str1.1,\"aMS\",@progbits,1\n"                                                                 \
        "3: .string \"" #function "\"\n"                                                                                    \
        ".popsection\n");

#else

#define TENON_DELAYED_LIBRARY(library, soname)
#define TENON_DELAYED(library, function)

#endif
