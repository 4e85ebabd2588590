#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include <base/json.hpp>

namespace tenon::tenant {

/// One object of a catalogue, read strictly: whatever is wrong is told with file and field.
class Fields {
public:
    /// `where`: "plan "basic"" or empty at the top of the file. Throws InvalidArgument unless `value` is an object with
    /// no other fields than these.
    Fields(const base::Json& value, std::string file, std::string where, std::initializer_list<std::string_view> allowed);

    std::int64_t integer(std::string_view name, std::int64_t least, std::int64_t most) const;
    std::int64_t integer_or(std::string_view name, std::int64_t otherwise, std::int64_t least, std::int64_t most) const;
    std::string text(std::string_view name) const;
    std::string text_or(std::string_view name, std::string otherwise) const;
    /// An amount: an integer, or a text such as "10 GB", "50 h" or "30 days" where the unit of the field allows it.
    /// `unit`: "bytes", "ms", "us", "days" or "count". Empty: null, which is no limit.
    std::optional<std::int64_t> amount(std::string_view name, std::string_view unit) const;

    /// Null: the field is absent.
    const base::Json* find(std::string_view name) const { return object_.find(name); }
    const base::Json& require(std::string_view name) const;
    [[noreturn]] void refuse(std::string_view name, const std::string& why) const;
    std::string path(std::string_view name) const;
    const std::string& file() const noexcept { return file_; }

private:
    const base::Json& object_;
    std::string file_;
    std::string where_;
};

}  // namespace tenon::tenant
