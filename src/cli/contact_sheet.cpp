#include "contact_sheet.hpp"

#include <charconv>

#include <boost/json/object.hpp>

#include "text.hpp"

namespace tenon::cli {

int make_contact_sheet(const Context& context, const Args& args, const Session& session, ContactSheetOptions options) {
    options.target = std::filesystem::absolute(args.text(sheet_target.name));
    if (args.has(sheet_grid.name)) {
        const std::string grid = args.text(sheet_grid.name);
        const char* const end = grid.data() + grid.size();
        const auto columns = std::from_chars(grid.data(), end, options.columns);
        const bool cross = columns.ec == std::errc() && columns.ptr != end && *columns.ptr == 'x';
        const auto rows = cross ? std::from_chars(columns.ptr + 1, end, options.rows) : columns;
        if (!cross || rows.ec != std::errc() || rows.ptr != end)
            throw UsageError("--grid takes COLUMNSxROWS such as 4x3, not “" + clean(grid) + "”");
    }
    session.pictures().contact_sheet(options);
    const std::string path = options.target.string();
    context.out().thing(boost::json::object{{"path", path}, {"columns", options.columns}, {"rows", options.rows}}, path,
                        {{"Contact sheet", path}});
    return 0;
}

}  // namespace tenon::cli
