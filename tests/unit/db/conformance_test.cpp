#include <store_conformance.hpp>

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

std::unique_ptr<World> file_world() { return std::make_unique<FileWorld>(); }

INSTANTIATE_TEST_SUITE_P(Sqlite, Conformance, ::testing::Values(Engine{"sqlite", file_world}),
                         [](const auto& engine) { return std::string(engine.param.name); });

}  // namespace
}  // namespace tenon::db::testing
