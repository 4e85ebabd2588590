#include "metadata_place.hpp"

#include <optional>
#include <system_error>

#include <base/file.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <crypto/secret.hpp>

namespace tenon::engine {
namespace {

constexpr std::size_t name_size = 32;  // in hexadecimal digits
constexpr std::string_view undecided = "joining ";

/// What the home's file says: the name, and whether the database is known to have it.
struct PostgresMark {
    std::string name;
    bool joined = false;
};

bool is_there(const std::filesystem::path& file) {
    std::error_code error;
    const bool there = std::filesystem::exists(file, error);
    if (error) base::throw_errno("cannot look at the file", file.string(), error.value());
    return there;
}

std::optional<PostgresMark> mark_of(const Home& home) {
    if (!is_there(home.postgres_mark())) return std::nullopt;
    const auto bytes = base::read_file(home.postgres_mark(), 256);
    std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (text.ends_with('\n')) text.remove_suffix(1);
    PostgresMark mark{.name = {}, .joined = !text.starts_with(undecided)};
    if (!mark.joined) text.remove_prefix(undecided.size());
    if (text.size() != name_size || text.find_first_not_of("0123456789abcdef") != std::string_view::npos)
        throw Corrupt("the file that says where the home's metadata are is damaged; bring it back from a copy",
                      {.subject = home.postgres_mark().string()});
    mark.name = text;
    return mark;
}

/// The home's mark, made if there is none. Whoever of several processes is first makes it for all of them.
PostgresMark mark_for(const Home& home) {
    for (;;) {
        if (auto mark = mark_of(home)) return *std::move(mark);
        const auto text = std::string(undecided) + crypto::to_hex(crypto::random_bytes(name_size / 2)) + "\n";
        (void)base::create_file_once(home.postgres_mark(), base::view_of(text));
    }
}

}  // namespace

db::Options metadata_place(const EngineOptions& options, const Home& home, const std::shared_ptr<const base::Clock>& clock) {
    const bool marked = is_there(home.postgres_mark());
    if (options.postgres.empty()) {
        if (marked)
            throw InvalidArgument("this home's metadata are in a PostgreSQL database: give its connection string", {.subject = "postgres"});
        return {.file = home.database(), .clock = clock};
    }
    if (!marked && is_there(home.database()))
        throw Conflict("this home's metadata are in its own file: open it without a connection string, or move them to the database first",
                       {.subject = "postgres"});
    return {.postgres = options.postgres, .clock = clock};
}

void join_metadata(db::Database& database, const db::SystemScope& system, const Home& home) {
    const auto known = [&] { return database.read(system, [](db::SystemReader& reader) { return db::meta(reader, metadata_name_key); }); };
    auto name = known();
    // Asked for after the name: whoever joins writes the file first.
    auto mark = name ? mark_of(home) : mark_for(home);
    if (name && (!mark || mark->name != *name))
        throw Conflict("the database belongs to another home: give each home a database of its own", {.subject = "postgres"});
    if (!name) {
        if (!mark->joined)
            name = database.write(system, [&](db::SystemTx& tx) {
                auto first = db::meta(tx, metadata_name_key);
                if (!first) db::set_meta(tx, metadata_name_key, mark->name);
                return first.value_or(mark->name);
            });
        else
            name = known();  // another process joined them between the two looks
        if (!name)
            throw Conflict("this home's metadata are in another database, and this one is empty: see the connection string, or bring the "
                           "database back from a copy",
                           {.subject = "postgres"});
        if (*name != mark->name)
            throw Conflict("the database belongs to another home: give each home a database of its own", {.subject = "postgres"});
    }
    if (!mark->joined) set_metadata_in_postgres(home, mark->name);
}

void set_metadata_in_postgres(const Home& home, const std::string& name) {
    base::write_file_atomically(home.postgres_mark(), base::view_of(name + "\n"));
}

}  // namespace tenon::engine
