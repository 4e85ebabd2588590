// A backup: take a snapshot, lose a file, bring it back.

#include <cstdio>
#include <filesystem>

#include <tenon/tenon.hpp>

int main() {
    tenon::Engine engine({.home = "studio"});
    auto setup = engine.open_operator({.actor = "setup", .reason = "onboarding"});
    auto acme = setup.tenants().create({.name = "Acme", .slug = "acme", .plan = "studio/professional"});
    auto session = engine.open_session({.tenant = acme.id, .actor = "studio-app", .role = tenon::Role::owner});
    auto project = session.projects().create({.name = "Spring reel"});
    auto clip = session.assets().import_file({.project = project.id, .path = "interview.mp4"});

    auto backups = session.backups();
    backups.keys().add_password("a long sentence is a good password", "safe");  // opens it where this home's keys are lost

    const auto first = backups.start({.name = "nightly", .tags = {{"reason", "example"}}}).result();
    std::printf("%lld files, %lld bytes stored\n", static_cast<long long>(first.snapshot.files),
                static_cast<long long>(first.stored.count));

    const auto second = backups.start({.name = "nightly"}).result();  // reads only what changed
    std::printf("%lld files unchanged, %lld bytes read\n", static_cast<long long>(second.files_unchanged),
                static_cast<long long>(second.read.count));

    std::filesystem::remove(clip.path);
    std::printf("lost: %s\n", std::filesystem::exists(clip.path) ? "no" : "yes");

    const auto restored = backups.restore({.snapshot = first.snapshot.id}).result();
    std::printf("%lld files, %lld of them were as they should be\n", static_cast<long long>(restored.files),
                static_cast<long long>(restored.files_unchanged));
    std::printf("back: %s\n", std::filesystem::file_size(clip.path) == static_cast<std::uintmax_t>(clip.size.count) ? "yes" : "no");

    const auto report = backups.check().result();  // decrypts and recomputes everything
    std::printf("%lld objects, %zu problems\n", static_cast<long long>(report.objects), report.problems.size());
    return report.problems.empty() ? 0 : 1;
}
