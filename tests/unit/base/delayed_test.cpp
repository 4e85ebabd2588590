#include <base/delayed.hpp>

#ifdef TENON_DELAY_LOAD

#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

#include <dlfcn.h>
#include <monetary.h>
#include <tenon/error.hpp>

extern "C" {
int there_is_no_such_library(int);
int there_is_no_such_function(double);
}

TENON_DELAYED_LIBRARY(c, "libc.so.6")
TENON_DELAYED(c, strfmon)
TENON_DELAYED(c, there_is_no_such_function)
TENON_DELAYED_LIBRARY(none, "libtenon-none.so.7")
TENON_DELAYED(none, there_is_no_such_library)

namespace tenon {
namespace {

std::string money() {
    // Three words in registers and the rest of them, eight numbers in vectors and the ninth on the stack.
    char text[200];
    const auto size = strfmon(text, sizeof text, "%!.1n %!.1n %!.1n %!.1n %!.1n %!.1n %!.1n %!.1n %!.1n", 1.5, 2.5, 3.5, 4.5,
        5.5, 6.5, 7.5, 8.5, 9.5);
    return size < 0 ? "error" : std::string(text, static_cast<std::size_t>(size));
}

TEST(Delayed, TheFirstCallHandsOnAllItsArgumentsAndSoDoesEveryOther) {
    EXPECT_EQ(money(), "1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5");
    EXPECT_EQ(money(), "1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5");
    EXPECT_NE(reinterpret_cast<const void*>(&strfmon), dlsym(RTLD_NEXT, "strfmon")) << "the test calls the library itself";
}

TEST(Delayed, ManyThreadsMayMakeTheFirstCall) {
    std::vector<std::string> texts(8);
    std::vector<std::thread> threads;
    for (auto& text : texts)
        threads.emplace_back([&text] { text = money(); });
    for (auto& thread : threads)
        thread.join();
    for (const auto& text : texts)
        EXPECT_EQ(text, "1.5 2.5 3.5 4.5 5.5 6.5 7.5 8.5 9.5");
}

template <class Call> void expect_unavailable(const char* library, const char* said, Call call) {
    for (int i = 0; i < 2; ++i) {
        try {
            call();
            FAIL() << "nothing was thrown";
        } catch (const Error& e) {
            EXPECT_EQ(e.code(), Errc::unavailable);
            EXPECT_EQ(e.subject(), library);
            EXPECT_NE(std::string(e.what()).find(said), std::string::npos) << e.what();
        }
    }
}

TEST(Delayed, WhatIsNotThereIsAnErrorOfTheCall) {
    expect_unavailable("libtenon-none.so.7", "install the package", [] { there_is_no_such_library(1); });
    expect_unavailable("libc.so.6", "there_is_no_such_function", [] { there_is_no_such_function(1.0); });
}

}  // namespace
}  // namespace tenon

#endif
