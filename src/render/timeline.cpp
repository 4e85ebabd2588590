#include <tenon/timeline.hpp>

#include <base/json.hpp>
#include <base/text.hpp>

#include <tenon/error.hpp>

TENON_BEGIN

namespace {

using base::Json;

constexpr std::int64_t timeline_version = 1;
constexpr std::size_t title_characters = 1'000;
constexpr std::size_t most_clips = 10'000, most_titles = 1'000, most_images = 100;
// Beyond any edit, and far from where arithmetic on microseconds ends.
constexpr Duration longest = std::chrono::hours(24 * 366);

[[noreturn]] void refuse(const std::string& what, const std::string& field) { throw InvalidArgument(what, {.subject = field}); }

void check_range(Duration value, Duration least, const std::string& field) {
    if (value < least || value > longest) refuse("a time is out of range", field);
}

void check(const TimelineClip& clip, std::size_t number) {
    const std::string name = "clips[" + std::to_string(number) + "]";
    if (clip.asset.is_nil()) refuse("a clip needs an asset", name + ".asset");
    check_range(clip.start, Duration{}, name + ".start");
    check_range(clip.end, Duration{}, name + ".end");
    if (clip.end != Duration{} && clip.end <= clip.start) refuse("a clip ends after its start", name + ".end");
    switch (clip.transition.kind) {
        case TransitionKind::cut:
            if (clip.transition.duration != Duration{}) refuse("a cut has no duration", name + ".transition.duration");
            return;
        case TransitionKind::crossfade:
            if (number == 0) refuse("the first clip follows nothing: it cannot begin with a transition", name + ".transition");
            check_range(clip.transition.duration, Duration{1}, name + ".transition.duration");
            return;
    }
    refuse("no such transition", name + ".transition.kind");
}

void check(const TimelineTitle& title, std::size_t number) {
    const std::string name = "titles[" + std::to_string(number) + "]";
    if (title.text.empty()) refuse("a title needs a text", name + ".text");
    base::check_text(name + ".text", title.text, title_characters);
    check_range(title.start, Duration{}, name + ".start");
    check_range(title.duration, Duration{1}, name + ".duration");
    if (!title.look.empty()) base::check_name(name + ".look", title.look);
    if (!title.font.empty()) base::check_name(name + ".font", title.font);
    // The list of fonts that text is laid out with is separated by commas.
    if (title.font.find(',') != std::string::npos) refuse("a font is one family", name + ".font");
}

void check(const TimelineImage& image, std::size_t number) {
    const std::string name = "images[" + std::to_string(number) + "]";
    if (image.asset.is_nil()) refuse("an image needs an asset", name + ".asset");
    check_range(image.start, Duration{}, name + ".start");
    check_range(image.duration, Duration{}, name + ".duration");
    check_range(image.fade, Duration{}, name + ".fade");
    const auto part = [&](double value, const char* field) {
        if (!(value >= 0 && value <= 1)) refuse("a number lies between 0 and 1", name + "." + field);
    };
    part(image.x, "x");
    part(image.y, "y");
    part(image.width, "width");
    part(image.opacity, "opacity");
}

Json json_of(const TimelineClip& clip) {
    Json json;
    json.set("asset", clip.asset.text()).set("start_us", clip.start.count()).set("end_us", clip.end.count());
    if (clip.transition.kind == TransitionKind::crossfade) {
        Json transition;
        transition.set("kind", "crossfade").set("duration_us", clip.transition.duration.count());
        json.set("transition", std::move(transition));
    }
    return json;
}

Transition transition_of(const Json& json) {
    json.allow_only({"kind", "duration_us"});
    if (json.get_string("kind") != "crossfade") refuse("no such transition", "transition.kind");
    return crossfade(Duration{json.get_int("duration_us")});
}

TimelineClip clip_of(const Json& json) {
    json.allow_only({"asset", "start_us", "end_us", "transition"});
    TimelineClip clip{.asset = AssetId::parse(json.get_string("asset")), .start = Duration{json.int_or("start_us", 0)},
                      .end = Duration{json.int_or("end_us", 0)}};
    if (const Json* transition = json.find("transition"); transition != nullptr && !transition->is_null())
        clip.transition = transition_of(*transition);
    return clip;
}

TimelineTitle title_of(const Json& json) {
    json.allow_only({"text", "start_us", "duration_us", "look", "font"});
    return {.text = json.get_string("text"), .start = Duration{json.int_or("start_us", 0)},
            .duration = Duration{json.get_int("duration_us")}, .look = json.string_or("look", ""), .font = json.string_or("font", "")};
}

Json json_of(const TimelineTitle& title) {
    Json json;
    json.set("text", title.text).set("start_us", title.start.count()).set("duration_us", title.duration.count());
    if (!title.look.empty()) json.set("look", title.look);
    if (!title.font.empty()) json.set("font", title.font);
    return json;
}

TimelineImage image_of(const Json& json) {
    json.allow_only({"asset", "start_us", "duration_us", "x", "y", "width", "opacity", "fade_us"});
    const TimelineImage usual;
    return {.asset = AssetId::parse(json.get_string("asset")), .start = Duration{json.int_or("start_us", 0)},
            .duration = Duration{json.int_or("duration_us", 0)}, .x = json.double_or("x", usual.x), .y = json.double_or("y", usual.y),
            .width = json.double_or("width", usual.width), .opacity = json.double_or("opacity", usual.opacity),
            .fade = Duration{json.int_or("fade_us", 0)}};
}

Json json_of(const TimelineImage& image) {
    Json json;
    json.set("asset", image.asset.text()).set("start_us", image.start.count()).set("duration_us", image.duration.count())
        .set("x", image.x).set("y", image.y).set("width", image.width).set("opacity", image.opacity).set("fade_us", image.fade.count());
    return json;
}

}  // namespace

Transition crossfade(Duration duration) { return {TransitionKind::crossfade, duration}; }

void Timeline::append(const TimelineClip& clip) {
    if (clips_.size() >= most_clips) refuse("an edit has at most 10000 clips", "clips");
    check(clip, clips_.size());
    clips_.push_back(clip);
}

void Timeline::title(const TimelineTitle& title) {
    if (titles_.size() >= most_titles) refuse("an edit has at most 1000 titles", "titles");
    check(title, titles_.size());
    titles_.push_back(title);
}

void Timeline::image(const TimelineImage& image) {
    if (images_.size() >= most_images) refuse("an edit has at most 100 images", "images");
    check(image, images_.size());
    images_.push_back(image);
}

void Timeline::lut(const AssetId& asset) { lut_ = asset; }

void Timeline::grade(const std::string& name) {
    if (!name.empty()) base::check_name("grade", name);
    grade_ = name;
}

std::vector<TimelineClip> Timeline::clips() const { return clips_; }
std::vector<TimelineTitle> Timeline::titles() const { return titles_; }
std::vector<TimelineImage> Timeline::images() const { return images_; }
std::string Timeline::grade_name() const { return grade_; }
AssetId Timeline::lut_asset() const { return lut_; }

std::string Timeline::to_json() const {
    Json clips = Json::array(), titles = Json::array();
    for (const auto& clip : clips_) clips.push(json_of(clip));
    for (const auto& title : titles_) titles.push(json_of(title));
    Json json;
    json.set("version", timeline_version).set("clips", std::move(clips)).set("titles", std::move(titles)).set("grade", grade_);
    if (!images_.empty()) {
        Json images = Json::array();
        for (const auto& image : images_) images.push(json_of(image));
        json.set("images", std::move(images));
    }
    if (!lut_.is_nil()) json.set("lut", lut_.text());
    return base::to_json(json);
}

Timeline Timeline::from_json(const std::string& text) {
    constexpr std::size_t largest = 16 << 20;
    const Json json = base::parse_json(text, {.max_size = largest}, "timeline");
    json.allow_only({"version", "clips", "titles", "images", "grade", "lut"});
    if (json.get_int("version") != timeline_version) refuse("this version of a timeline is not known", "version");
    Timeline timeline;
    for (const auto& clip : json.get_array("clips")) timeline.append(clip_of(clip));
    if (const Json* titles = json.find("titles"); titles != nullptr && !titles->is_null())
        for (const auto& title : titles->as_array("titles")) timeline.title(title_of(title));
    if (const Json* images = json.find("images"); images != nullptr && !images->is_null())
        for (const auto& image : images->as_array("images")) timeline.image(image_of(image));
    timeline.grade(json.string_or("grade", ""));
    if (const auto lut = json.string_or("lut", ""); !lut.empty()) timeline.lut(AssetId::parse(lut));
    return timeline;
}

TENON_END
