#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace tenon::exec {

/// Something to run once. Move-only, so that it may own what it works on.
class Task {
public:
    Task() noexcept = default;
    template <std::invocable F>
        requires(!std::same_as<std::remove_cvref_t<F>, Task>)
    Task(F&& run) : body_(std::make_unique<Holds<std::decay_t<F>>>(std::forward<F>(run))) {}

    explicit operator bool() const noexcept { return body_ != nullptr; }
    /// Runs it; what it owned is gone afterwards.
    void operator()() { std::exchange(body_, nullptr)->run(); }

private:
    struct Body {
        virtual ~Body() = default;
        virtual void run() = 0;
    };
    template <class F> struct Holds final : Body {
        explicit Holds(F&& f) : function(std::move(f)) {}
        explicit Holds(const F& f) : function(f) {}
        void run() override { std::move(function)(); }
        F function;
    };
    std::unique_ptr<Body> body_;
};

}  // namespace tenon::exec
