#include <render/cube.hpp>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>
#include <string>

#include <base/file.hpp>
#include <tenon/error.hpp>

namespace tenon::render {

/// Reads one file, line by line.
class CubeReader {
public:
    explicit CubeReader(std::string_view text) : text_(text) {}

    Cube read() {
        while (next_line()) {
            if (line_.empty() || line_.front() == '#') continue;
            if (starts_as_number(line_.front())) point();
            else keyword();
        }
        if (curve().size == 0 && lattice().size == 0) fail("neither LUT_1D_SIZE nor LUT_3D_SIZE is given");
        if (count_ < wanted()) fail("the table ends after " + std::to_string(count_) + " of " + std::to_string(wanted()) + " points");
        return std::move(cube_);
    }

private:
    static constexpr std::int64_t longest_curve = 65'536, widest_lattice = 129;
    static constexpr std::size_t longest_line = 1'000;

    [[noreturn]] void fail(const std::string& what) const {
        const std::string line = "line " + std::to_string(number_);
        throw Corrupt("the LUT cannot be read, " + line + ": " + what, {.subject = line});
    }

    Cube::Table& curve() { return cube_.curve_; }
    Cube::Table& lattice() { return cube_.lattice_; }
    /// Points in all.
    std::size_t wanted() {
        const auto side = static_cast<std::size_t>(lattice().size);
        return static_cast<std::size_t>(curve().size) + side * side * side;
    }

    static bool blank(char c) { return c == ' ' || c == '\t'; }
    static bool starts_as_number(char c) { return (c >= '0' && c <= '9') || c == '-' || c == '+' || c == '.'; }

    /// The next line without the blanks around it. False at the end.
    bool next_line() {
        if (at_ >= text_.size()) return false;
        ++number_;
        const std::size_t end = std::min(text_.find_first_of("\r\n", at_), text_.size());
        line_ = text_.substr(at_, end - at_);
        at_ = end + (text_.substr(end, 2) == "\r\n" ? 2 : 1);
        if (line_.size() > longest_line) fail("the line is too long");
        if (line_.find('\0') != std::string_view::npos) fail("it holds a zero byte");
        trim();
        return true;
    }
    void trim() {
        while (!line_.empty() && blank(line_.front())) line_.remove_prefix(1);
        while (!line_.empty() && blank(line_.back())) line_.remove_suffix(1);
    }

    std::string_view word() {
        std::size_t end = 0;
        while (end < line_.size() && !blank(line_[end])) ++end;
        const std::string_view result = line_.substr(0, end);
        line_.remove_prefix(end);
        trim();
        return result;
    }

    double number() {
        std::string_view text = word();
        if (!text.empty() && text.front() == '+') text.remove_prefix(1);
        double value = 0;
        const auto read = std::from_chars(text.data(), text.data() + text.size(), value);   // no locale has a say
        constexpr double largest = 1e6;
        if (read.ec != std::errc() || read.ptr != text.data() + text.size()) fail("a number is missing or malformed");
        if (!std::isfinite(value) || std::fabs(value) > largest) fail("a number is out of range");
        return value;
    }
    Cube::Rgb triple() { return {number(), number(), number()}; }
    void end_of_line() const {
        if (!line_.empty()) fail("something follows that does not belong there");
    }

    void point() {
        if (wanted() == 0) fail("a point comes before the size of the table");
        if (count_ == wanted()) fail("the table has more points than its size says");
        const Cube::Rgb p = triple();
        end_of_line();
        Cube::Table& table = count_ < static_cast<std::size_t>(curve().size) ? curve() : lattice();
        table.points.push_back({static_cast<float>(p[0]), static_cast<float>(p[1]), static_cast<float>(p[2])});
        ++count_;
    }

    void size(Cube::Table& table, std::int64_t most, const char* what) {
        if (table.size != 0) fail("the size is given twice");
        const double value = number();
        end_of_line();
        if (value != std::floor(value) || value < 2) fail("a size is a whole number of at least 2");
        if (value > static_cast<double>(most))
            throw Unsupported(std::string("the LUT's ") + what + " is larger than " + std::to_string(most),
                              {.subject = "line " + std::to_string(number_)});
        table.size = static_cast<std::int32_t>(value);
    }

    void range(Cube::Table& table) {
        const double least = number(), most = number();
        end_of_line();
        table.least.fill(least);
        table.most.fill(most);
        check(table);
    }
    void check(const Cube::Table& table) const {
        for (std::size_t i = 0; i < 3; ++i)
            if (!(table.least[i] < table.most[i])) fail("the domain is empty");
    }

    void keyword() {
        if (count_ > 0) fail("a keyword stands among the points");
        const std::string_view key = word();
        if (key == "TITLE") return;
        if (key == "LUT_1D_SIZE") return size(curve(), longest_curve, "curve");
        if (key == "LUT_3D_SIZE") return size(lattice(), widest_lattice, "lattice");
        if (key == "LUT_1D_INPUT_RANGE") return range(curve());
        if (key == "LUT_3D_INPUT_RANGE") return range(lattice());
        if (key != "DOMAIN_MIN" && key != "DOMAIN_MAX") fail("the keyword is not known");
        const Cube::Rgb value = triple();
        end_of_line();
        for (Cube::Table* table : {&curve(), &lattice()}) (key == "DOMAIN_MIN" ? table->least : table->most) = value;
        // The other may follow: an empty domain shows when both are there.
        ((key == "DOMAIN_MIN") ? seen_least_ : seen_most_) = true;
        if (seen_least_ && seen_most_) check(curve());
    }

    std::string_view text_, line_{};
    std::size_t at_ = 0, number_ = 0, count_ = 0;
    bool seen_least_ = false, seen_most_ = false;
    Cube cube_{};
};

Cube Cube::parse(std::string_view text) {
    constexpr std::string_view mark = "\xef\xbb\xbf";   // some tools begin with it
    if (text.starts_with(mark)) text.remove_prefix(mark.size());
    Cube cube = CubeReader(text).read();
    for (Table* table : {&cube.curve_, &cube.lattice_})
        for (std::size_t i = 0; i < 3; ++i)
            if (!(table->least[i] < table->most[i])) throw Corrupt("the LUT cannot be read: its domain is empty", {.subject = "DOMAIN_MIN"});
    return cube;
}

/// Where a value lies between the points of one side.
double Cube::Table::place(double value, std::size_t channel) const {
    const double part = std::clamp((value - least[channel]) / (most[channel] - least[channel]), 0.0, 1.0);
    return part * (size - 1);
}

Cube::Rgb Cube::bend(const Rgb& rgb) const {
    Rgb out{};
    for (std::size_t i = 0; i < 3; ++i) {
        const double at = curve_.place(rgb[i], i);
        const auto low = std::min(static_cast<std::size_t>(at), static_cast<std::size_t>(curve_.size) - 2);
        const double part = at - static_cast<double>(low);
        out[i] = curve_.points[low][i] * (1 - part) + curve_.points[low + 1][i] * part;
    }
    return out;
}

Cube::Rgb Cube::look_up(const Rgb& rgb) const {
    const auto side = static_cast<std::size_t>(lattice_.size);
    const std::array<std::size_t, 3> stride{1, side, side * side};
    std::array<std::size_t, 3> order{0, 1, 2};
    std::array<double, 3> part{};
    std::size_t corner = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        const double at = lattice_.place(rgb[i], i);
        const std::size_t low = std::min(static_cast<std::size_t>(at), side - 2);
        part[i] = at - static_cast<double>(low);
        corner += low * stride[i];
    }
    // From the near corner along the axes in order of their fractions: the tetrahedron that the colour lies in.
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return part[a] > part[b]; });
    Rgb out{};
    double before = 1;
    for (std::size_t i = 0; i <= 3; ++i) {
        const double next = i < 3 ? part[order[i]] : 0;
        for (std::size_t c = 0; c < 3; ++c) out[c] += lattice_.points[corner][c] * (before - next);
        if (i < 3) corner += stride[order[i]];
        before = next;
    }
    return out;
}

Cube::Rgb Cube::apply(Rgb rgb) const {
    if (curve_.size > 0) rgb = bend(rgb);
    return lattice_.size > 0 ? look_up(rgb) : rgb;
}

Cube read_cube(const std::filesystem::path& path) {
    constexpr std::size_t largest = 64 << 20;
    const base::ByteVector bytes = base::read_file(path, largest);
    return Cube::parse({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

}  // namespace tenon::render
