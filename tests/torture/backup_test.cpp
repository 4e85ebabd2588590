// Backups of a workspace with many files, and restores of it.

#include <algorithm>
#include <fstream>

#include "torture.hpp"

namespace tenon::torture {
namespace {

namespace fs = std::filesystem;

constexpr int files = 120, folders = 7;

/// What file `number` holds in a generation. Each generation changes some of the files; one is large.
std::string content(int number, int generation) {
    const int changed = generation - (generation + number) % 5;
    std::mt19937_64 bytes(static_cast<std::uint64_t>(number) * 1000 + static_cast<std::uint64_t>(std::max(0, changed)));
    std::string text(number == 0 ? 6'000'000 : 20 + bytes() % 20'000, '\0');
    for (std::size_t i = 0; i + 8 <= text.size(); i += 8) {
        const auto word = bytes();
        std::copy_n(reinterpret_cast<const char*>(&word), 8, text.begin() + static_cast<std::ptrdiff_t>(i));
    }
    return text;
}

fs::path name_of(int number) { return fs::path("folder" + std::to_string(number % folders)) / ("file" + std::to_string(number)); }

std::string read(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

void write_generation(const fs::path& root, int generation) {
    for (int number = 0; number < files; ++number) {
        const auto path = root / name_of(number);
        const auto bytes = content(number, generation);
        if (fs::exists(path) && read(path) == bytes) continue;
        fs::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << bytes;
    }
}

std::string wrong_in(const fs::path& root, int generation) {
    for (int number = 0; number < files; ++number)
        if (read(root / name_of(number)) != content(number, generation)) return (root / name_of(number)).string();
    return {};
}

std::int64_t weight(const fs::path& root) {
    std::int64_t total = 0;
    if (!fs::exists(root)) return total;
    for (const auto& entry : fs::recursive_directory_iterator(root))
        if (entry.is_regular_file()) total += static_cast<std::int64_t>(entry.file_size());
    return total;
}

int generation_of(const Snapshot& snapshot) { return std::stoi(snapshot.name.substr(snapshot.name.rfind('-') + 1)); }

TEST(Victim, DISABLED_backup) {
    Victim::play([](Victim& victim) {
        auto mine = victim.acme();
        const fs::path target = Victim::setting("TORTURE_TARGET");
        const int generation = std::stoi(Victim::setting("TORTURE_GENERATION"));
        auto backup = mine.backups().start({.name = "generation-" + std::to_string(generation)});
        tell("started", {backup.id().text()});
        const auto snapshot = backup.result().snapshot;
        tell("taken", {snapshot.id.text()});
        auto restore = mine.backups().restore({.snapshot = snapshot.id, .target = target});
        tell("restoring", {restore.id().text()});
        restore.result();
        tell("restored", {snapshot.id.text()});
        // And back to where it came from, which is charged.
        const std::string inside = Victim::setting("TORTURE_INSIDE");
        fs::remove_all(mine.workspace() / inside);
        auto back = mine.backups().restore({.snapshot = snapshot.id, .paths = {inside}});
        tell("bringing back", {back.id().text()});
        back.result();
    });
}

TEST_F(Torture, backups) {
    const auto project = acme().projects().create({.name = "documents"});
    // Beside the assets: a backup takes whatever lies in the workspace.
    const fs::path inside = fs::path("projects") / project.id.text() / "documents";
    const auto documents = acme().workspace() / inside;
    settings["TORTURE_INSIDE"] = inside.string();
    int generation = 0;
    for (int n = 0; n <= kills && !HasFailure(); ++n) {
        const auto before = weight(documents);
        write_generation(documents, ++generation);
        const auto target = folder / ("restored-" + std::to_string(generation));
        settings["TORTURE_TARGET"] = target.string();
        settings["TORTURE_GENERATION"] = std::to_string(generation);
        const auto told = round("backup");
        auto mine = acme();
        expect_jobs_succeed(mine);
        for (const auto& each : told) {
            if (each[0] == "taken") {
                EXPECT_TRUE(mine.backups().find(SnapshotId::parse(each[1]))) << "was acknowledged";
            }
            if (each[0] == "restoring") {
                EXPECT_EQ(wrong_in(target / inside, generation), "");
            }
            if (each[0] == "bringing back") {
                EXPECT_EQ(wrong_in(documents, generation), "");
            }
        }
        const auto report = mine.backups().check({.level = CheckLevel::full}).result();
        for (const auto& problem : report.problems) ADD_FAILURE() << problem;
        const auto snapshots = mine.backups().list();
        if (!told.empty()) {
            ASSERT_FALSE(snapshots.empty());
            EXPECT_EQ(generation_of(snapshots.front()), generation) << "a backup that was started ends";
        }
        // Only those documents are charged that a restore brought, as large as they were when the last run looked.
        expect_sound(false, before + weight(documents));
        if (n % 2 == 1 && !snapshots.empty()) {
            // What nobody finds on the disk any more is not charged.
            fs::remove_all(documents);
            mine.backups().restore({.snapshot = snapshots.front().id, .paths = {"exports"}}).result();
            expect_sound();
            for (const auto& entry : fs::recursive_directory_iterator(mine.workspace()))
                EXPECT_FALSE(entry.path().filename().string().starts_with(".restoring-")) << entry.path();
        }
        fs::remove_all(target);
    }
    // Not only the newest: every snapshot still gives what was there when it was taken.
    auto mine = acme();
    const auto snapshots = mine.backups().list();
    for (const auto& snapshot : snapshots) {
        const auto target = folder / "again";
        mine.backups().restore({.snapshot = snapshot.id, .target = target}).result();
        EXPECT_EQ(wrong_in(target / inside, generation_of(snapshot)), "") << snapshot.name;
        fs::remove_all(target);
    }
    int resumed = 0;
    for (const auto& info : mine.jobs().list({.limit = 1000})) resumed += info.attempt > 1;
    std::cout << snapshots.size() << " snapshots were restored, " << resumed << " jobs had been resumed" << std::endl;
}

}  // namespace
}  // namespace tenon::torture
