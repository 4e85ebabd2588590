#pragma once

#include <functional>
#include <memory>

#include <gtest/gtest.h>

#include <blob/store.hpp>
#include <temp_folder.hpp>

namespace tenon::tests {

/// What every store must do. A backend joins by instantiating the suite with a way to make one.
struct StoreMaker {
    std::string name;
    std::function<std::shared_ptr<blob::Store>(const std::filesystem::path& folder)> make;
};

class StoreContract : public ::testing::TestWithParam<StoreMaker> {
protected:
    void SetUp() override { store = GetParam().make(folder.path() / "store"); }
    std::shared_ptr<blob::Store> reopen() { return GetParam().make(folder.path() / "store"); }

    TempFolder folder;
    std::shared_ptr<blob::Store> store;
};

}  // namespace tenon::tests
