#pragma once

#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace tenon::db::testing {

/// Reads the statements that the rooms declare from their sources, as the compiler would: literals are joined, macros filled in.
class DeclaredStatements {
public:
    DeclaredStatements() {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(TENON_SOURCE "/src")) {
            if (entry.path().extension() != ".cpp" && entry.path().extension() != ".hpp") continue;
            std::stringstream text;
            text << std::ifstream(entry.path()).rdbuf();
            files_.emplace_back(entry.path().lexically_relative(TENON_SOURCE).string(), std::regex_replace(text.str(), std::regex(R"(\\\n)"), " "));
        }
        const std::regex define(R"(#define[ ]+(\w+)(?:\((\w+)\))?[ ]+([^\n]*))");
        for (const auto& [name, text] : files_)
            for (std::sregex_iterator i(text.begin(), text.end(), define), end; i != end; ++i) macros_[(*i)[1]] = {(*i)[2], (*i)[3]};
    }

    /// The texts of a kind ("TenantStmt"), by file and name; those of an array are numbered.
    std::map<std::string, std::string> of(const std::string& kind) const {
        std::map<std::string, std::string> found;
        const std::regex declaration(kind + R"(\s+(\w+)(?:\[\]\s*=)?\s*\{)");
        for (const auto& [name, text] : files_)
            for (std::sregex_iterator i(text.begin(), text.end(), declaration), end; i != end; ++i) {
                const auto sql = expand(std::string((*i)[0].second, text.end()), {}, {});
                for (std::size_t n = 0; n < sql.size(); ++n)
                    if (sql[n].find(' ') != std::string::npos)
                        found[name + ":" + (*i)[1].str() + (sql.size() > 1 ? std::to_string(n) : "")] = sql[n];
            }
        return found;
    }

private:
    struct Macro {
        std::string parameter, body;
    };

    /// The literals of `source` up to the bracket that closes it or its end, split where a comma stands between them.
    std::vector<std::string> expand(const std::string& source, const std::string& parameter, const std::string& argument) const {
        static const std::regex piece(R"re(^(?:"((?:[^"\\]|\\.)*)"|(\w+)(?:\(\s*"([^"]*)"\s*\))?|(//[^\n]*)|([},;])|\s+))re");
        std::vector<std::string> texts(1);
        auto at = source.begin();
        for (std::smatch m; at != source.end() && std::regex_search(at, source.end(), m, piece); at = m[0].second) {
            if (m[1].matched) texts.back() += m[1].str();
            if (m[2].matched && m[2] == parameter) texts.back() += argument;
            else if (const auto macro = macros_.find(m[2]); macro != macros_.end())
                texts.back() += expand(macro->second.body, macro->second.parameter, m[3])[0];
            if (m[5].matched && m[5] == ",") texts.emplace_back();
            else if (m[5].matched) break;
        }
        return texts;
    }

    std::vector<std::pair<std::string, std::string>> files_;
    std::map<std::string, Macro> macros_;
};

}  // namespace tenon::db::testing
