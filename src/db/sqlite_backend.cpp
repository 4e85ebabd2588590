#include <system_error>

#include "backend.hpp"
#include "readers.hpp"
#include "schema.hpp"
#include "writer.hpp"

namespace tenon::db {
namespace {

/// One file, a thread that writes and a pool that reads.
class SqliteBackend final : public Backend {
public:
    SqliteBackend(const Options& options, const std::shared_ptr<const Registry>& registry)
        : file_(options.file), registry_(registry), readers_(options, registry), writer_(options, registry) {}

    void read(const TenantScope*, const std::function<void(Connection&)>& fn, std::optional<Duration> limit) override { readers_.run(fn, limit); }
    void write(const TenantScope*, const std::function<void(Connection&)>& fn) override { writer_.run(fn); }
    Watches::iterator watch(std::function<void()> then) override { return writer_.watch(std::move(then)); }
    void unwatch(Watches::iterator which) override { writer_.unwatch(which); }

    void close() noexcept override {
        writer_.close();
        readers_.close();
        // Handles may keep the object for long, but not the file open with a log in which everything written last still stands.
        writer_.disconnect();
    }

    bool empty_log() override {
        // Everybody else waits for who does this, so it gives up soon.
        constexpr Duration patience = std::chrono::milliseconds(100);
        return SqliteConnection(file_, SqliteConnection::Role::reader, registry_, patience).empty_log();
    }

    Stats stats() override {
        Stats stats;
        writer_.fill(stats);
        std::error_code missing;  // no log: nothing was written since the last clean end
        const auto size = std::filesystem::file_size(file_.string() + "-wal", missing);
        if (!missing) stats.log = Bytes{static_cast<std::int64_t>(size)};
        return stats;
    }

private:
    const std::filesystem::path file_;
    const std::shared_ptr<const Registry> registry_;
    Readers readers_;
    Writer writer_;
};

}  // namespace

std::unique_ptr<Backend> open_sqlite(const Options& options, const std::vector<Migration>& migrations) {
    const auto registry = prepare_schema(options, migrations);
    return std::make_unique<SqliteBackend>(options, registry);
}

}  // namespace tenon::db
