#pragma once

#include <string>

#include <tenon/config.hpp>

TENON_BEGIN

/// Under whose name the product appears. Nothing that a user or his customers see says anything else.
struct Brand {
    std::string product = "Tenon";  ///< In texts, logs and pictures.
    std::string vendor{};           ///< Who stands behind it. Empty: not shown.
    std::string url{};              ///< Where help is found. Empty: not shown.
};

TENON_END
