// Question: what does it cost to record one camera, beside one `ffmpeg -c copy` process that records the same camera? Input:
// 768x576 at 30 frames a second with sound, over RTSP on this machine; the camera is a process of its own and not counted.
// Both record at once in interleaved windows, so that whatever else the machine does meets both. Counted is processor time of
// all threads while the stream runs, not starting up. With several cameras: one recorder beside as many processes.
//
//     bench_recorder [WINDOWS] [SECONDS] [CAMERAS]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <list>
#include <string>
#include <thread>
#include <vector>

#include <camera_server.hpp>
#include <temp_folder.hpp>
#include <tenon/tenon.hpp>

namespace {

using namespace tenon;
using namespace std::chrono_literals;

/// A program that runs until this goes out of scope.
class Program {
public:
    explicit Program(std::vector<std::string> words) {
        std::vector<char*> args;
        for (auto& word : words) args.push_back(word.data());
        args.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
        if (posix_spawnp(&pid_, args[0], &actions, nullptr, args.data(), environ) != 0) throw std::runtime_error("cannot start " + words[0]);
        posix_spawn_file_actions_destroy(&actions);
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    /// Of all its threads, in milliseconds.
    double cpu() const {
        double sum = 0;
        std::error_code error;
        for (const auto& task : std::filesystem::directory_iterator("/proc/" + std::to_string(pid_) + "/task", error)) {
            std::ifstream file(task.path() / "schedstat");
            double ns = 0;
            if (file >> ns) sum += ns / 1e6;
        }
        return sum;
    }
    /// Resident memory that it alone holds, in MiB.
    double memory() const {
        std::ifstream file("/proc/" + std::to_string(pid_) + "/smaps_rollup");
        double kib = 0;
        for (std::string word; file >> word;)
            if (word == "Pss:") file >> kib;
        return kib / 1024;
    }

private:
    pid_t pid_ = -1;
};

std::uintmax_t bytes_in(const std::filesystem::path& folder) {
    std::uintmax_t sum = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, error))
        if (entry.path().extension() == ".mp4") sum += entry.file_size(error);
    return sum;
}

int record(const std::string& home, const std::string& url, int cameras) {
    Engine engine({.home = home, .camera_networks = {"127.0.0.0/8"}});
    auto setup = engine.open_operator({.actor = "bench", .reason = "bench"});
    const auto tenant = setup.tenants().create({.name = "A", .slug = "a", .plan = "studio/premium"});
    auto session = engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner});
    for (int n = 1; n <= cameras; ++n)
        session.cameras().create({.name = "Door " + std::to_string(n), .url = url, .recording = Recording::continuous});
    for (;;) ::pause();
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 5 && std::string(argv[1]) == "record") return record(argv[2], argv[3], std::atoi(argv[4]));
    const int windows = argc > 1 ? std::atoi(argv[1]) : 6;
    const int length = argc > 2 ? std::atoi(argv[2]) : 10;
    const int cameras = argc > 3 ? std::atoi(argv[3]) : 1;
    const test::CameraServer camera;
    const tests::TempFolder folder;
    const auto ours_folder = folder.path() / "home", theirs_folder = folder.path() / "ffmpeg";
    const Program ours({"/proc/self/exe", "record", ours_folder.string(), camera.url(), std::to_string(cameras)});
    std::list<Program> theirs;
    for (int n = 0; n < cameras; ++n) {
        const auto folder_of_one = theirs_folder / std::to_string(n);
        std::filesystem::create_directories(folder_of_one);
        theirs.emplace_back(std::vector<std::string>{
            "ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", camera.url(), "-map", "0", "-c", "copy", "-f", "segment", "-segment_time", "60",
            "-segment_format_options", "movflags=frag_keyframe+empty_moov", (folder_of_one / "%03d.mp4").string()});
    }
    const auto sum = [&](auto of_one) {
        double all = 0;
        for (const auto& one : theirs) all += of_one(one);
        return all;
    };
    const auto cpu_of = [](const Program& one) { return one.cpu(); };
    const auto memory_of = [](const Program& one) { return one.memory(); };
    for (int waited = 0; (bytes_in(ours_folder) == 0 || bytes_in(theirs_folder) == 0) && waited < 600; ++waited) std::this_thread::sleep_for(100ms);
    std::this_thread::sleep_for(3s);
    std::vector<double> a, b;
    for (int n = 0; n < windows; ++n) {
        const double from_a = ours.cpu(), from_b = sum(cpu_of);
        std::this_thread::sleep_for(std::chrono::seconds(length));
        a.push_back((ours.cpu() - from_a) / length / 10);
        b.push_back((sum(cpu_of) - from_b) / length / 10);
        std::printf("window %2d   recorder %6.3f %%   ffmpeg -c copy %6.3f %%   ratio %.2f\n", n + 1, a.back(), b.back(), a.back() / b.back());
        std::fflush(stdout);
    }
    std::sort(a.begin(), a.end());
    std::sort(b.begin(), b.end());
    const auto middle = a.size() / 2;
    std::printf("of one core, median: recorder %.3f %%, ffmpeg -c copy %.3f %%, ratio %.2f (goal: at most 1)\n", a[middle], b[middle],
                a[middle] / b[middle]);
    std::printf("memory (PSS): recorder %.1f MiB, ffmpeg %.1f MiB; written: %.1f and %.1f MB\n", ours.memory(), sum(memory_of),
                static_cast<double>(bytes_in(ours_folder)) / 1e6, static_cast<double>(bytes_in(theirs_folder)) / 1e6);
}
