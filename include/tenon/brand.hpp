#pragma once

#include <string>

#include <tenon/config.hpp>

TENON_BEGIN

/// Under whose name the product appears. Nothing that a user or his customers see says anything else.
struct Brand {
    std::string product = "Tenon";  ///< In texts, logs and pictures.
    std::string vendor{};           ///< Who stands behind it. Empty: not shown.
    std::string url{};              ///< Where help is found. Empty: not shown.
    std::string key_prefix = "sk";  ///< What API keys begin with: sk_live_… 1 to 16 of a-z and 0-9.
};

TENON_END
