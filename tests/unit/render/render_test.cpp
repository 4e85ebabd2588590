#include <gtest/gtest.h>

#include <chrono>
#include <functional>

#include <sys/wait.h>
#include <unistd.h>

#include <media/colour_table.hpp>
#include <media/probe.hpp>
#include <tenon/error.hpp>

#include "studio.hpp"

using namespace tenon;
using namespace tenon::test;
using namespace std::chrono_literals;

namespace {

/// Calls back once as soon as `frames` of the first stage are done.
class Watcher final : public exec::ProgressSink {
public:
    Watcher(std::int64_t frames, std::function<void()> call) : frames_(frames), call_(std::move(call)) {}
    void stage(std::string_view, double share, std::int64_t total, std::string_view) override {
        shares += share;
        if (total_ == 0) total_ = total;
    }
    void total(std::int64_t) override {}
    void advance(std::int64_t by) override {
        if ((done += by) >= frames_ && call_) std::exchange(call_, nullptr)();
    }
    double shares = 0;
    std::int64_t done = 0;

private:
    std::int64_t frames_, total_ = 0;
    std::function<void()> call_;
};

/// Calls back as soon as a piece is finished and another picture is encoded.
class PieceWatcher final : public exec::ProgressSink {
public:
    PieceWatcher(std::filesystem::path folder, std::function<void()> call) : folder_(std::move(folder)), call_(std::move(call)) {}
    void stage(std::string_view, double, std::int64_t, std::string_view) override {}
    void total(std::int64_t) override {}
    void advance(std::int64_t) override {
        for (const auto& entry : std::filesystem::directory_iterator(folder_))
            if (entry.path().extension() == ".part") return call_();
    }

private:
    std::filesystem::path folder_;
    std::function<void()> call_;
};

std::int64_t count_frames(const std::filesystem::path& path) {
    media::Input input = media::Input::open(path, {}, {});
    input.select({input.video()->index});
    std::int64_t count = 0;
    while (input.next()) ++count;
    return count;
}

}  // namespace

TEST(Render, CutsAreExactInPictureAndSound) {
    Studio studio;
    const AssetId slate = studio.slate(4), street = studio.add(vtest());
    Timeline cut;
    cut.append({.asset = slate, .start = 520ms, .end = 2'520ms});
    cut.append({.asset = street, .start = 1s, .end = 2s});       // 10 fps, no sound
    cut.append({.asset = slate, .start = 1'240ms, .end = 3'240ms});
    const auto rendered = render::run(studio.request(cut), exec::no_progress(), {});
    ASSERT_EQ(rendered.outputs.size(), 1U);
    const auto& file = rendered.outputs[0];
    EXPECT_EQ(file.frames, 125);
    EXPECT_EQ(file.duration, 5s);
    EXPECT_EQ(rendered.render_time, 5s);
    EXPECT_EQ(file.sha256, digest_of(file.path));
    EXPECT_EQ(count_frames(file.path), 125);

    const media::Probe found = media::probe(file.path);
    EXPECT_EQ(found.duration, 5s);
    const media::StreamInfo& video = found.streams[0];
    EXPECT_EQ(video.codec, "h264");
    EXPECT_EQ(video.width, 1920);
    EXPECT_EQ(video.height, 1080);
    EXPECT_EQ(video.rate, (Rational{25, 1}));
    EXPECT_EQ(video.colour, (media::Colour{1, 1, 1, false}));

    constexpr std::int64_t flashes[] = {12, 37, 94, 119};   // whole seconds of the source, where the cuts put them
    media::FrameReader reader(file.path, {}, {}, {});
    std::vector<std::int64_t> white;
    for (std::int64_t i = 0; i < 125; ++i)
        if (mean_luma(reader.at(media::frame_start(i, {25, 1}))) > 150) white.push_back(i);
    EXPECT_EQ(white, (std::vector<std::int64_t>(std::begin(flashes), std::end(flashes))));

    const auto clicks = clicks_of(sound_of(file.path));
    ASSERT_EQ(clicks.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_NEAR(static_cast<double>(clicks[i]), flashes[i] * 1'920.0, 48) << "1 ms";
}

TEST(Render, FramesOfAnotherRateStayInSync) {
    Studio studio;
    const AssetId slate = studio.slate(4), ntsc = studio.slate(4, {30, 1});
    Timeline cut;
    cut.append({.asset = slate, .start = 0s, .end = 1'480ms});
    cut.append({.asset = ntsc, .start = 700ms, .end = 3'300ms});   // its frames do not lie on the output's
    cut.append({.asset = slate, .start = 480ms, .end = 2'480ms});
    const auto rendered = render::run(studio.request(cut), exec::no_progress(), {});
    const auto clicks = clicks_of(sound_of(rendered.outputs[0].path));
    // 0 and 1 s; then from 1.48 s on 1, 2, 3 s of a clip that begins at 0.7 s; then 1 and 2 s of one from 0.48 s at 4.08 s.
    const double expected[] = {0, 1, 1.78, 2.78, 3.78, 4.6, 5.6};
    ASSERT_EQ(clicks.size(), std::size(expected));
    for (std::size_t i = 0; i < clicks.size(); ++i) EXPECT_NEAR(static_cast<double>(clicks[i]) / 48, expected[i] * 1'000, 1) << "ms";
    media::FrameReader reader(rendered.outputs[0].path, {}, {}, {});
    for (const double second : expected) {
        const auto frame = static_cast<std::int64_t>(std::ceil(second * 25 - 1e-9));
        EXPECT_GT(mean_luma(reader.at(media::frame_start(frame, {25, 1}))), 150) << second;
    }
}

TEST(Render, LooksLikeItsSource) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.add(balle()), .start = 2s, .end = 3s});
    const auto rendered = render::run(studio.request(cut), exec::no_progress(), {});
    media::FrameReader source(balle(), {}, {}, {}), reel(rendered.outputs[0].path, {}, {}, {});
    media::Scaler scaler;
    for (int i = 0; i < 25; i += 6) {
        const media::VideoFrame shown = reel.at(media::frame_start(i, {25, 1}));
        const media::VideoFrame original = source.at(media::frame_start(50 + i, {25, 1}));
        const media::VideoFrame wanted = scaler.convert(original, 1440, 1080, media::PixelFormat::yuv420p);
        media::VideoFrame inner = media::VideoFrame::allocate(1440, 1080, media::PixelFormat::yuv420p);
        scaler.scale(shown, {240, 0, 1440, 1080}, inner, {0, 0, 1440, 1080});
        EXPECT_GT(ssim(inner, wanted), 0.9) << i;
        EXPECT_LE(shown.plane(0).data[500 * shown.plane(0).stride + 100], 18) << "black beside a picture of another shape";
    }
}

TEST(Render, TheProgramOfTheManual) {
    Studio studio;
    const AssetId clip = studio.add(balle());
    Timeline cut;
    cut.append({.asset = clip, .start = 2s, .end = 3s});
    cut.append({.asset = clip, .start = 6s, .end = 7s, .transition = crossfade(500ms)});
    cut.title({.text = "Acme", .start = 0s, .duration = 600ms});
    cut.grade("cinematic_warm");
    Watcher progress(0, nullptr);
    const auto rendered = render::run(studio.request(cut, {"mp4", "social_square"}), progress, {});
    ASSERT_EQ(rendered.outputs.size(), 2U);
    EXPECT_NEAR(progress.shares, 1.0, 1e-9);
    EXPECT_EQ(rendered.outputs[0].frames, 37) << "1.5 s are 37.5 frames: ties go down";
    EXPECT_EQ(rendered.render_time, rendered.outputs[0].duration * 2);
    const media::Probe square = media::probe(rendered.outputs[1].path);
    EXPECT_EQ(square.streams[0].width, 1080);
    EXPECT_EQ(square.streams[0].height, 1080);

    media::FrameReader reel(rendered.outputs[0].path, {}, {}, {});
    const media::VideoFrame titled = reel.at(300ms), plain = reel.at(1'200ms);
    const auto whites = [](const media::VideoFrame& frame) {
        const media::Plane y = frame.plane(0);
        int count = 0;
        for (std::int32_t row = 800; row < 1'000; ++row)
            for (std::int32_t x = 700; x < 1'220; ++x) count += y.data[row * y.stride + x] > 228;
        return count;
    };
    EXPECT_GT(whites(titled), 3'000);
    EXPECT_LT(whites(plain), 500);
}

TEST(Render, CrossfadesBlendPictureAndSound) {
    Studio studio;
    const auto dark = studio.folder / "dark.mp4", light = studio.folder / "light.mp4";
    const auto write = [](const std::filesystem::path& path, int luma) {
        const media::VideoEncoding encoding{.width = 64, .height = 36, .rate = {25, 1}, .crf = 5, .gop = 50};
        media::VideoEncoder encoder(encoding);
        std::vector<media::Packet> packets;
        for (int i = 0; i < 50; ++i) encoder.send(flat(64, 36, luma));
        encoder.finish();
        while (auto packet = encoder.receive()) packets.push_back(*packet);
        media::Mp4Muxer muxer(path, {encoding, encoder.extradata()}, std::nullopt);
        std::int64_t n = 0;
        for (auto& packet : packets) {
            packet.dts = n++ - 3;
            muxer.write_video(packet);
        }
        muxer.finish();
    };
    write(dark, 40);
    write(light, 200);
    const AssetId a = studio.add(dark), b = studio.add(light);
    Timeline cut;
    cut.append({.asset = a});
    cut.append({.asset = b, .transition = crossfade(400ms)});
    const auto rendered = render::run(studio.request(cut), exec::no_progress(), {});
    EXPECT_EQ(rendered.outputs[0].frames, 90) << "both overlap by 10 frames";
    media::FrameReader reel(rendered.outputs[0].path, {}, {}, {});
    const auto luma_at = [&](std::int64_t frame) { return mean_luma(reel.at(media::frame_start(frame, {25, 1}))); };
    // What lies outside is smaller or larger than 8 bits through another matrix: compare with the flat parts.
    const int low = luma_at(10), high = luma_at(80);
    EXPECT_GT(high - low, 120);
    for (std::int64_t k = 0; k < 10; ++k)
        EXPECT_NEAR(luma_at(40 + k), low + (high - low) * static_cast<double>(k + 1) / 11, 2.5) << k;
    EXPECT_NEAR(luma_at(39), low, 1);
    EXPECT_NEAR(luma_at(50), high, 1);
}

TEST(Render, KilledAndResumedItGivesTheSameBytes) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.slate(7, {5, 1})});   // few pictures, long enough for two chunks
    cut.append({.asset = studio.add(balle()), .start = 1s, .end = 3s});
    const auto request = studio.request(cut);
    ASSERT_EQ(request.plan.chunks.size(), 2U);
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        // Dies in the middle of the second piece, and no destructor runs.
        PieceWatcher progress(request.temp, [] { ::kill(::getpid(), SIGKILL); });
        render::run(request, progress, {});
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status));
    EXPECT_EQ(studio.exported(), 0U);

    const auto resumed = render::run(request, exec::no_progress(), {});
    EXPECT_EQ(resumed.chunks_encoded, 1) << "the first piece was kept";
    const auto fresh = render::run(studio.request(cut, {"mp4"}, "other"), exec::no_progress(), {});
    EXPECT_EQ(fresh.chunks_encoded, 2);
    EXPECT_EQ(resumed.outputs[0].sha256, fresh.outputs[0].sha256);
    EXPECT_TRUE(resumed.outputs[0].quality.measured);
    EXPECT_EQ(resumed.outputs[0].quality.score, fresh.outputs[0].quality.score);
}

TEST(Render, DamagedPiecesAreMadeAgain) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.add(vtest()), .start = 3s, .end = 8s});
    const auto request = studio.request(cut);
    const auto first = render::run(request, exec::no_progress(), {});
    for (const auto& entry : std::filesystem::directory_iterator(request.temp)) {
        auto bytes = read_bytes(entry.path());
        bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
        write_bytes(entry.path(), {bytes.data(), bytes.size()});
    }
    const auto again = render::run(request, exec::no_progress(), {});
    EXPECT_EQ(again.chunks_encoded, static_cast<std::int64_t>(request.plan.chunks.size()));
    EXPECT_EQ(again.outputs[0].sha256, first.outputs[0].sha256);
    EXPECT_EQ(render::run(request, exec::no_progress(), {}).chunks_encoded, 0);
}

TEST(Render, CancelledItEncodesNothingMoreAndLeavesNothingHalf) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.add(vtest())});
    const auto request = studio.request(cut);
    std::stop_source source;
    Watcher progress(30, [&] { source.request_stop(); });
    EXPECT_THROW(render::run(request, progress, source.get_token()), Cancelled);
    EXPECT_EQ(progress.done, 30) << "no picture is encoded after the request";
    EXPECT_EQ(studio.exported(), 0U);
    for (const auto& entry : std::filesystem::directory_iterator(request.temp))
        EXPECT_EQ(entry.path().extension(), ".part") << "only whole pieces stay";
}

TEST(Render, EveryShippedOutputComesFromOneEdit) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.slate(1), .end = 200ms});
    const std::vector<std::string> names = render::preset_names();
    const auto rendered = render::run(studio.request(cut, names), exec::no_progress(), {});
    ASSERT_EQ(rendered.outputs.size(), names.size());
    for (std::size_t i = 0; i < names.size(); ++i) {
        const render::Preset preset = render::find_preset(names[i]);
        const auto& file = rendered.outputs[i];
        EXPECT_EQ(file.path.extension(), "." + preset.extension);
        const media::Probe found = media::probe(file.path);
        EXPECT_EQ(found.streams[0].width, preset.width) << names[i];
        EXPECT_EQ(found.streams[0].height, preset.height) << names[i];
        EXPECT_EQ(found.duration, 200ms) << names[i];
        EXPECT_EQ(count_frames(file.path), 5) << names[i];
        EXPECT_EQ(found.streams[0].colour, (media::Colour{1, 1, 1, false})) << names[i];
        EXPECT_TRUE(found.audio) << names[i];
        const auto head = base::read_file(file.path, std::size_t{1} << 30);
        EXPECT_EQ(std::string(head.begin() + 8, head.begin() + 12), preset.extension == "mov" ? "qt  " : "isom") << names[i];
    }
}

namespace {

/// Grants up to a limit, and sees at each request that no more is on disk than was granted before.
class Ledger final : public render::Storage {
public:
    Ledger(std::filesystem::path root, std::int64_t limit) : root_(std::move(root)), limit_(limit) {}
    void cover(std::int64_t bytes) override {
        look();
        if (bytes > limit_) throw QuotaExceeded("no more", {.subject = "storage"});
        granted = std::max(granted, bytes);
    }
    void look() {
        std::int64_t there = 0;
        for (const char* folder : {"temp", "exports"})
            for (const auto& entry : std::filesystem::directory_iterator(root_ / folder)) there += static_cast<std::int64_t>(entry.file_size());
        EXPECT_LE(there, granted);
    }
    std::int64_t granted = 0;

private:
    std::filesystem::path root_;
    std::int64_t limit_;
};

}  // namespace

TEST(Render, NothingIsWrittenBeforeItsSpaceIsGranted) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.slate(8)});   // two chunks
    auto request = studio.request(cut, {"social_square"});
    Ledger plenty(studio.folder.path(), std::int64_t{1} << 40);
    request.storage = &plenty;
    const auto first = render::run(request, exec::no_progress(), {});
    plenty.look();
    Ledger resumed(studio.folder.path(), std::int64_t{1} << 40);
    resumed.granted = plenty.granted;
    request.storage = &resumed;
    EXPECT_EQ(render::run(request, exec::no_progress(), {}).chunks_encoded, 0);
    EXPECT_EQ(resumed.granted, plenty.granted) << "pieces of an earlier run count";

    for (const auto& output : first.outputs) std::filesystem::remove(output.path);
    Ledger no_files(studio.folder.path(), plenty.granted - 1);
    no_files.granted = plenty.granted;
    request.storage = &no_files;
    EXPECT_THROW(render::run(request, exec::no_progress(), {}), QuotaExceeded);
    EXPECT_EQ(studio.exported(), 0U);
    std::filesystem::remove_all(request.temp);
    Ledger nothing(studio.folder.path(), 0);
    request.storage = &nothing;
    EXPECT_THROW(render::run(request, exec::no_progress(), {}), QuotaExceeded);
    EXPECT_TRUE(std::filesystem::is_empty(request.temp));
}

TEST(Render, AFullDiskIsNamed) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.add(vtest()), .start = 3s, .end = 8s});
    auto request = studio.request(cut);
    const auto small = studio.folder / "small";
    std::filesystem::create_directory(small);
    const SmallDisk disk(small, "size=128k");
    if (!disk) GTEST_SKIP() << "may not mount a small file system";
    request.temp = small / "temp";
    EXPECT_THROW(render::run(request, exec::no_progress(), {}), NoSpace);
}

TEST(Render, ADiskThatHoldsThePiecesButNotTheFileTooIsNamed) {
    Studio studio;
    Timeline cut;
    cut.append({.asset = studio.add(vtest()), .start = 3s, .end = 8s});
    auto request = studio.request(cut);
    const auto size = render::run(request, exec::no_progress(), {}).outputs.at(0).size.count;
    const auto small = studio.folder / "small";
    std::filesystem::create_directory(small);
    const auto options = "size=" + std::to_string(size * 3 / 2);
    const SmallDisk disk(small, options.c_str());
    if (!disk) GTEST_SKIP() << "may not mount a small file system";
    request.temp = small / "temp";
    request.exports = small / "exports";
    std::filesystem::create_directory(request.exports);
    EXPECT_THROW(render::run(request, exec::no_progress(), {}), NoSpace);
    EXPECT_TRUE(std::filesystem::is_empty(request.exports));
    for (const auto& entry : std::filesystem::directory_iterator(request.temp))
        EXPECT_EQ(entry.path().stem().string().size(), 64U) << "only pieces stay";
}

TEST(Render, SourcesThatVanishOrChangeAreNamed) {
    Studio studio;
    const auto copy = studio.folder / "copy.avi";
    std::filesystem::copy_file(vtest(), copy);
    const AssetId asset = studio.add(copy);
    Timeline cut;
    cut.append({.asset = asset, .start = 3s, .end = 5s});
    const auto request = studio.request(cut);
    const auto fails_with = [&](Errc code) {
        try {
            render::run(request, exec::no_progress(), {});
            ADD_FAILURE() << "nothing was thrown";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), code);
            EXPECT_EQ(error.subject(), asset.text());
        }
        EXPECT_EQ(studio.exported(), 0U);
    };
    auto bytes = read_bytes(copy);
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    write_bytes(copy, {bytes.data(), bytes.size()});
    fails_with(Errc::conflict);  // of the same size
    std::filesystem::resize_file(copy, 100'000);
    fails_with(Errc::conflict);
    std::filesystem::remove(copy);
    fails_with(Errc::not_found);
}

TEST(Render, AnUnreadableSourceIsNamedWithItsTime) {
    Studio studio;
    const auto copy = studio.folder / "copy.mp4";
    std::filesystem::copy_file(balle(), copy);
    const AssetId asset = studio.add(copy);
    Timeline cut;
    cut.append({.asset = asset, .start = 1s, .end = 2s});
    auto request = studio.request(cut);
    // The index stays, the pictures are gone: every packet is damaged.
    auto bytes = read_bytes(copy);
    const auto media = std::search(bytes.begin(), bytes.end(), std::begin("mdat"), std::end("mdat") - 1);
    const auto index = std::search(bytes.begin(), bytes.end(), std::begin("moov"), std::end("moov") - 1);
    std::fill(media + 8, index > media ? index - 8 : bytes.end(), '\xff');
    write_bytes(copy, {bytes.data(), bytes.size()});
    request.plan.sources[0].sha256 = digest_of(copy);  // as it was imported
    try {
        render::run(request, exec::no_progress(), {});
        ADD_FAILURE() << "nothing was thrown";
    } catch (const Corrupt& error) {
        EXPECT_EQ(error.subject(), asset.text());
        EXPECT_NE(std::string(error.what()).find("at 1000 ms"), std::string::npos) << error.what();
    }
    EXPECT_EQ(studio.exported(), 0U);
}

TEST(Render, ATruncatedSourceShowsItsLastPicture) {
    Studio studio;
    const auto whole = read_bytes(vtest());
    const auto half = studio.folder / "half.avi";
    write_bytes(half, {whole.data(), whole.size() / 2});
    Timeline cut;
    cut.append({.asset = studio.add(half), .start = 0s, .end = 2s});
    const auto rendered = render::run(studio.request(cut), exec::no_progress(), {});
    EXPECT_EQ(rendered.outputs[0].frames, 20);
}
