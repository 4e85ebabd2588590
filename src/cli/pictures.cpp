#include "pictures.hpp"

#include <charconv>
#include <cmath>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "text.hpp"

namespace tenon::cli {
namespace {

/// Two numbers with an x between them, such as 4x3.
void read_pair(const Args& args, const Option& option, const char* example, std::int32_t& first, std::int32_t& second) {
    if (!args.has(option.name)) return;
    const std::string given = args.text(option.name);
    const char* const end = given.data() + given.size();
    const auto left = std::from_chars(given.data(), end, first);
    const bool cross = left.ec == std::errc() && left.ptr != end && *left.ptr == 'x';
    const auto right = cross ? std::from_chars(left.ptr + 1, end, second) : left;
    if (!cross || right.ec != std::errc() || right.ptr != end)
        throw UsageError(std::string(option.name) + " takes " + std::string(option.value) + " such as " + example +
                         ", not “" + clean(given) + "”");
}

std::filesystem::path path_of(const Args& args, const Option& option) {
    return args.has(option.name) ? std::filesystem::absolute(args.text(option.name)) : std::filesystem::path();
}

boost::json::array numbers(const std::vector<double>& values) { return boost::json::array(values.begin(), values.end()); }

std::string decibels(double peak) {
    if (peak <= 0) return "silent";
    char text[32];
    std::snprintf(text, sizeof text, "%.1f dBFS", 20 * std::log10(peak));
    return text;
}

}  // namespace

int show_picture(const Context& context, const std::string& what, const std::filesystem::path& path) {
    context.out().thing(boost::json::object{{"path", path.string()}}, path.string(), {{what, path.string()}});
    return 0;
}

int make_frame(const Context& context, const Args& args, const Session& session, FrameImageOptions options) {
    options.target = path_of(args, png_target);
    options.at = args.duration(frame_at.name).value_or(Duration{});
    if (args.has(frame_width.name)) options.width = static_cast<std::int32_t>(args.integer(frame_width.name, 0, 2, 16'384));
    session.pictures().frame(options);
    return show_picture(context, "Frame", options.target);
}

int make_contact_sheet(const Context& context, const Args& args, const Session& session, ContactSheetOptions options) {
    options.target = path_of(args, png_target);
    read_pair(args, sheet_grid, "4x3", options.columns, options.rows);
    session.pictures().contact_sheet(options);
    const std::string path = options.target.string();
    context.out().thing(boost::json::object{{"path", path}, {"columns", options.columns}, {"rows", options.rows}}, path,
                        {{"Contact sheet", path}});
    return 0;
}

int make_waveform(const Context& context, const Args& args, const Session& session, WaveformOptions options) {
    options.target = path_of(args, waveform_target);
    options.data_target = path_of(args, waveform_data);
    if (options.target.empty() && options.data_target.empty() && !context.out().json())
        throw UsageError("--target FILE or --data FILE is missing; with --json the data is printed");
    read_pair(args, waveform_size, "1600x400", options.width, options.height);
    options.points = static_cast<std::int32_t>(args.integer(waveform_points.name, options.points, 1, 100'000));
    const Waveform waveform = session.pictures().waveform(options);
    const std::string target = options.target.string(), data = options.data_target.string();
    const auto path = [](const std::string& text) { return text.empty() ? boost::json::value() : boost::json::value(text); };
    const boost::json::object document{
        {"path", path(target)}, {"data_path", path(data)}, {"duration_us", waveform.duration.count()}, {"sample_rate", waveform.sample_rate},
        {"channels", waveform.channels}, {"samples_per_point", waveform.samples_per_point}, {"peak", waveform.peak},
        {"minimum", numbers(waveform.minimum)}, {"maximum", numbers(waveform.maximum)}, {"rms", numbers(waveform.rms)}};
    context.out().thing(document, target.empty() ? data : target,
                        {{"Waveform", target}, {"Data", data}, {"Length", length(waveform.duration)}, {"Peak", decibels(waveform.peak)}});
    return 0;
}

}  // namespace tenon::cli
