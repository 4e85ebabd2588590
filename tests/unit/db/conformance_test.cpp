#include <store_conformance.hpp>

#include <postgres_home.hpp>
#include <temp_folder.hpp>

namespace tenon::db::testing {
namespace {

class FileWorld final : public World {
public:
    std::unique_ptr<Database> open(const std::vector<Migration>& migrations, const Limits& limits) override {
        return Database::open(Options{.file = folder_ / "metadata.db",
                                      .readers = limits.readers,
                                      .queue = limits.queue,
                                      .busy_deadline = limits.busy_deadline,
                                      .read_deadline = limits.read_deadline},
                              migrations);
    }

private:
    tests::TempFolder folder_;
};

class PostgresWorld final : public World {
public:
    std::unique_ptr<Database> open(const std::vector<Migration>& migrations, const Limits& limits) override {
        return Database::open(Options{.postgres = home_.address(),
                                      .readers = limits.readers,
                                      .queue = limits.queue,
                                      .busy_deadline = limits.busy_deadline,
                                      .read_deadline = limits.read_deadline},
                              migrations);
    }

private:
    tests::PostgresHome home_;
};

std::unique_ptr<World> file_world() { return std::make_unique<FileWorld>(); }
std::unique_ptr<World> postgres_world() { return std::make_unique<PostgresWorld>(); }

std::vector<Engine> servers() {
    if (!tests::postgres_server()) return {};
    return {Engine{"postgres", postgres_world}};
}

INSTANTIATE_TEST_SUITE_P(Sqlite, Conformance, ::testing::Values(Engine{"sqlite", file_world}),
                         [](const auto& engine) { return std::string(engine.param.name); });

INSTANTIATE_TEST_SUITE_P(Postgres, Conformance, ::testing::ValuesIn(servers()), [](const auto& engine) { return std::string(engine.param.name); });

}  // namespace
}  // namespace tenon::db::testing
