#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace tenon::backup {

/// A folder's names in byte order: each takes its length and nine bytes, as there may be millions.
class NameList {
public:
    void add(std::string_view name) {
        if (name.size() >= left_) {
            block_ = std::min(block_ * 2, most);  // most folders have few
            left_ = std::max(block_, name.size() + 1);
            blocks_.push_back(std::make_unique_for_overwrite<char[]>(left_));
            next_ = blocks_.back().get();
        }
        std::copy(name.begin(), name.end(), next_);
        next_[name.size()] = '\0';
        names_.push_back(next_);
        next_ += name.size() + 1;
        left_ -= name.size() + 1;
    }
    void sort() { std::sort(names_.begin(), names_.end(), comes_before); }
    /// Sorted.
    [[nodiscard]] bool contains(const char* name) const { return std::binary_search(names_.begin(), names_.end(), name, comes_before); }
    auto begin() const { return names_.begin(); }
    auto end() const { return names_.end(); }

private:
    static constexpr std::size_t most = 64 * 1024;
    static bool comes_before(const char* a, const char* b) { return std::strcmp(a, b) < 0; }
    std::vector<std::unique_ptr<char[]>> blocks_;
    std::size_t block_ = 256, left_ = 0;
    char* next_ = nullptr;
    std::vector<const char*> names_;
};

}  // namespace tenon::backup
