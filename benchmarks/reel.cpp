// Question: how long does a reel take, next to one ffmpeg filter graph that makes the same edit?
//
// Input: three clips of real footage (camera.mp4, balle-jbart.mp4, camera.mp4; 4 s each, 25 and 30 frames a second, 768 x 576),
// two crossfades of 500 ms, the grade cinematic_warm, a title for 2 s, sound to -14 LUFS, one mp4 of 1920 x 1080, x264
// veryfast, CRF 21, GOP of 2 s: 330 frames. ffmpeg gets the grade as a .cube file of 33 points (lut3d, tetrahedral), the title
// by drawtext, the loudness by loudnorm in one pass; ours measures the mix first, and the finished file and the quality of
// its pictures too. Both encode by the same libx264 with their usual threads. Rounds alternate; medians of wall and CPU time.
// SSIM of luma, by ffmpeg's filter: of each file against the pictures it was made of, which is what an encoder loses (the graph's
// encoded without loss, ours at CRF 1), and of ours against the graph's too, where the two scale and mix colours differently.
//
//     bench_reel [ROUNDS]
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <base/file.hpp>
#include <exec/progress.hpp>
#include <grade.hpp>
#include <media/files.hpp>
#include <render/renderer.hpp>
#include <tenon/tenon.hpp>

using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

double wall() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

double cpu(int who) {
    rusage usage{};
    getrusage(who, &usage);
    const auto seconds = [](const timeval& t) { return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6; };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

struct Taken {
    std::vector<double> wall{}, cpu{};

    template <class Work> void round(int who, Work&& work) {
        const double w = ::wall(), c = ::cpu(who);
        work();
        wall.push_back(::wall() - w);
        cpu.push_back(::cpu(who) - c);
    }
};

double median(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    return values[values.size() / 2];
}

void run(const std::string& command) {
    if (std::system(command.c_str()) != 0) {
        std::fprintf(stderr, "this failed: %s\n", command.c_str());
        std::exit(1);
    }
}

/// The grade as other programs read it.
void write_cube(const fs::path& path) {
    constexpr int side = 33;
    const auto grade = *tenon::render::find_grade("cinematic_warm");
    std::ofstream out(path);
    out << "LUT_3D_SIZE " << side << "\n";
    for (int b = 0; b < side; ++b)
        for (int g = 0; g < side; ++g)
            for (int r = 0; r < side; ++r) {
                const auto rgb = grade.apply({r / 32.0, g / 32.0, b / 32.0});
                out << std::clamp(rgb[0], 0.0, 1.0) << ' ' << std::clamp(rgb[1], 0.0, 1.0) << ' ' << std::clamp(rgb[2], 0.0, 1.0) << '\n';
            }
}

std::string clip(const char* input, int from, int to, const char* name) {
    const std::string range = std::to_string(from) + ":" + std::to_string(to);
    const std::string in = input, label = name;
    return "[" + in + ":v]trim=" + range + ",setpts=PTS-STARTPTS,fps=30," +
           "scale=1440:1080:flags=bicubic:in_color_matrix=bt601:out_color_matrix=bt709," +
           "setsar=1,pad=1920:1080:240:0,format=yuv420p[" + label + "v];[" + in + ":a]atrim=" + range +
           ",asetpts=PTS-STARTPTS,aresample=48000,aformat=channel_layouts=stereo[" + label + "a];";
}

std::string graph() {
    const std::string street = tenon::test::footage("camera.mp4").string(), talk = tenon::test::balle().string();
    return "ffmpeg -v error -nostdin -y -i '" + street + "' -i '" + talk + "' -i '" + street + "' -filter_complex \"" +
           clip("0", 2, 6, "a") + clip("1", 1, 5, "b") + clip("2", 10, 14, "c") +
           "[av][bv]xfade=duration=0.5:offset=3.5[abv];[abv][cv]xfade=duration=0.5:offset=7[v0];"
           "[v0]lut3d=grade.cube:interp=tetrahedral,format=yuv420p,drawtext=fontfile=/usr/share/fonts/truetype/noto/NotoSans-Bold.ttf:text=Acme:"
           "fontsize=71:fontcolor=white:borderw=5:bordercolor=black@0.55:x=(w-tw)/2:y=h*0.88-th:enable='between(t,0,2)'[v];"
           "[aa][ba]acrossfade=d=0.5:c1=qsin:c2=qsin[aba];[aba][ca]acrossfade=d=0.5:c1=qsin:c2=qsin,loudnorm=I=-14:TP=-1,aresample=48000[a]\" "
           "-map [v] -map [a] -colorspace bt709 -color_primaries bt709 -color_trc bt709 ";
}

double ssim(const std::string& file, const std::string& reference) {
    run("ffmpeg -v error -nostdin -i '" + file + "' -i '" + reference + "' -lavfi '[0:v][1:v]ssim=ssim.log' -f null - ");
    std::ifstream log("ssim.log");
    std::string line;
    double sum = 0;
    int count = 0;
    while (std::getline(log, line))
        if (const auto at = line.find("Y:"); at != std::string::npos) {
            sum += std::stod(line.substr(at + 2));
            ++count;
        }
    return sum / std::max(1, count);
}

/// The pictures of our edit, all but lossless: the plan of the render that was measured, at another quality.
fs::path composed(const tenon::Timeline& cut, const std::vector<std::pair<tenon::AssetId, fs::path>>& files) {
    using namespace tenon;
    std::vector<render::Source> sources;
    for (const auto& [id, path] : files) sources.push_back(render::inspect(id, path, crypto::sha256(base::read_file(path, std::size_t{1} << 30))));
    fs::create_directories("composed");
    render::Request request{.plan = render::compile(cut, {"mp4"}, sources), .temp = fs::absolute("composed/temp"),
                            .exports = fs::absolute("composed"), .file_names = {"ours.mp4"}};
    for (const auto& source : request.plan.sources)
        for (const auto& [id, path] : files)
            if (id == source.asset) request.sources.push_back(path);
    request.plan.outputs.at(0).encoding.crf = 1;
    return render::run(request, exec::no_progress(), {}).outputs.at(0).path;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace tenon;
    const int rounds = argc > 1 ? std::stoi(argv[1]) : 5;
    const fs::path folder = fs::absolute("bench-reel");
    fs::remove_all(folder);
    fs::create_directories(folder);
    fs::current_path(folder);
    write_cube("grade.cube");
    const std::string x264 = "-c:v libx264 -preset veryfast -profile:v high -crf 21 -g 60 -keyint_min 60 -sc_threshold 0 ";
    const std::string theirs = graph() + x264 + "-c:a aac -b:a 160k -movflags +faststart theirs.mp4";

    Engine engine({.home = "home"});
    auto tenant = engine.open_operator({.actor = "bench", .reason = "measuring"})
                      .tenants().create({.name = "Bench", .slug = "bench", .plan = "studio/professional"});
    auto session = engine.open_session({.tenant = tenant.id, .actor = "bench", .role = Role::owner});
    const auto project = session.projects().create({.name = "Reel"});
    const auto import = [&](const fs::path& path) { return session.assets().import_file({.project = project.id, .path = path}).id; };
    const auto street = import(test::footage("camera.mp4")), talk = import(test::balle());
    Timeline cut;
    cut.append({.asset = street, .start = 2s, .end = 6s});
    cut.append({.asset = talk, .start = 1s, .end = 5s, .transition = crossfade(500ms)});
    cut.append({.asset = street, .start = 10s, .end = 14s, .transition = crossfade(500ms)});
    cut.title({.text = "Acme", .duration = 2s});
    cut.grade("cinematic_warm");

    Taken ours, other;
    RenderedFile file;
    for (int i = 0; i < rounds; ++i) {
        ours.round(RUSAGE_SELF, [&] {
            file = session.renders().start({.project = project.id, .timeline = cut, .outputs = {"mp4"}}).result().outputs.at(0);
        });
        other.round(RUSAGE_CHILDREN, [&] { run(theirs); });
        std::printf("round %d  ours %6.2f s, CPU %6.2f   ffmpeg %6.2f s, CPU %6.2f\n", i + 1, ours.wall.back(), ours.cpu.back(),
                    other.wall.back(), other.cpu.back());
        std::fflush(stdout);
    }
    run(graph() + "-t 11 -c:v libx264 -preset ultrafast -qp 0 -an reference.mkv");
    const auto own = composed(cut, {{street, test::footage("camera.mp4")}, {talk, test::balle()}});
    std::printf("ours    %7.2f s   CPU %7.2f s   %8.2f MB   SSIM %.4f   (quality score %.3f; SSIM to the graph's pictures %.4f)\n",
                median(ours.wall), median(ours.cpu), static_cast<double>(file.size.count) / 1e6, ssim(file.path.string(), own.string()),
                file.quality.score, ssim(file.path.string(), "reference.mkv"));
    std::printf("ffmpeg  %7.2f s   CPU %7.2f s   %8.2f MB   SSIM %.4f\n", median(other.wall), median(other.cpu),
                static_cast<double>(fs::file_size("theirs.mp4")) / 1e6, ssim("theirs.mp4", "reference.mkv"));
    std::printf("ours / ffmpeg   %.2f of its wall time (goal 1.10), %.2f of its CPU time\n", median(ours.wall) / median(other.wall),
                median(ours.cpu) / median(other.cpu));
}
