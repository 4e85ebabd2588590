#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

#include <sqlite3.h>

namespace tenon::db::testing {

/// A bare connection to the file, past every wall: what an administrator's tool could do.
class Raw {
public:
    explicit Raw(const std::filesystem::path& file) {
        if (sqlite3_open(file.c_str(), &handle_) != SQLITE_OK) throw std::runtime_error("cannot open");
        sqlite3_busy_timeout(handle_, 5000);
    }
    ~Raw() { sqlite3_close(handle_); }
    Raw(const Raw&) = delete;
    Raw& operator=(const Raw&) = delete;

    /// Every row as one line.
    std::vector<std::string> run(const std::string& sql) {
        std::vector<std::string> lines;
        char* message = nullptr;
        const auto add = [](void* out, int count, char** values, char**) {
            std::string line;
            for (int i = 0; i < count; ++i) line += std::string(i ? "|" : "") + (values[i] ? values[i] : "NULL");
            static_cast<std::vector<std::string>*>(out)->push_back(std::move(line));
            return 0;
        };
        if (sqlite3_exec(handle_, sql.c_str(), add, &lines, &message) != SQLITE_OK) {
            const std::string why = message ? message : "?";
            sqlite3_free(message);
            throw std::runtime_error(why);
        }
        return lines;
    }

private:
    sqlite3* handle_ = nullptr;
};

}  // namespace tenon::db::testing
