#include <base/delayed.hpp>

#ifdef TENON_DELAY_LOAD

#include <string>

#include <dlfcn.h>

#include <tenon/error.hpp>

namespace tenon::base {
namespace {

[[noreturn]] void refuse(const DelayedLibrary& library) {
    const char* why = dlerror();
    throw Error(Errc::unavailable,
        std::string(library.soname) + " is needed for this and cannot be used: install the package that it belongs to"
            + (why != nullptr ? std::string(" (") + why + ")" : ""),
        {.subject = library.soname});
}

}  // namespace
}  // namespace tenon::base

// Two threads may both find what neither has found yet: they find the same.
extern "C" [[gnu::visibility("hidden"), gnu::used]] const void* tenon_delayed_find(tenon::base::DelayedFunction& function) {
    auto& library = *function.library;
    void* handle = library.handle.load(std::memory_order_acquire);
    if (handle == nullptr) {
        // Local, so that a host that brings another version of the library keeps its own.
        handle = dlopen(library.soname, RTLD_LAZY | RTLD_LOCAL | RTLD_NODELETE);
        if (handle == nullptr)
            tenon::base::refuse(library);
        library.handle.store(handle, std::memory_order_release);
    }
    const void* address = dlsym(handle, function.name);
    if (address == nullptr)
        tenon::base::refuse(library);
    function.address.store(address, std::memory_order_release);
    return address;
}

// r11 is the function's entry. All that the x86-64 ABI passes arguments in is kept: six registers, eight vectors, and in rax how
// many of these a call with any number of arguments uses. An error is thrown through here to the caller.
asm(R"(
.pushsection .text
.p2align 4
.globl tenon_delayed_first
.hidden tenon_delayed_first
.type tenon_delayed_first, @function
tenon_delayed_first:
    .cfi_startproc
    push %rbp
    .cfi_def_cfa_offset 16
    .cfi_offset %rbp, -16
    mov %rsp, %rbp
    .cfi_def_cfa_register %rbp
    sub $192, %rsp
    mov %rax, -8(%rbp)
    mov %rdi, -16(%rbp)
    mov %rsi, -24(%rbp)
    mov %rdx, -32(%rbp)
    mov %rcx, -40(%rbp)
    mov %r8, -48(%rbp)
    mov %r9, -56(%rbp)
    movaps %xmm0, 0(%rsp)
    movaps %xmm1, 16(%rsp)
    movaps %xmm2, 32(%rsp)
    movaps %xmm3, 48(%rsp)
    movaps %xmm4, 64(%rsp)
    movaps %xmm5, 80(%rsp)
    movaps %xmm6, 96(%rsp)
    movaps %xmm7, 112(%rsp)
    mov %r11, %rdi
    call tenon_delayed_find
    mov %rax, %r11
    movaps 0(%rsp), %xmm0
    movaps 16(%rsp), %xmm1
    movaps 32(%rsp), %xmm2
    movaps 48(%rsp), %xmm3
    movaps 64(%rsp), %xmm4
    movaps 80(%rsp), %xmm5
    movaps 96(%rsp), %xmm6
    movaps 112(%rsp), %xmm7
    mov -8(%rbp), %rax
    mov -16(%rbp), %rdi
    mov -24(%rbp), %rsi
    mov -32(%rbp), %rdx
    mov -40(%rbp), %rcx
    mov -48(%rbp), %r8
    mov -56(%rbp), %r9
    leave
    .cfi_def_cfa %rsp, 8
    jmp *%r11
    .cfi_endproc
.size tenon_delayed_first, . - tenon_delayed_first
.popsection
)");

#endif
