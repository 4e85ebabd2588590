#include "case.hpp"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <regex>
#include <thread>

#include "matching.hpp"

namespace conformance {
namespace {

constexpr std::chrono::seconds patience(60);

std::string text_at(const json::object& step, const char* name) {
    return std::string(step.at(name).as_string());
}

std::vector<std::string> split(const std::string& text) {
    std::vector<std::string> parts;
    for (std::size_t at = 0; at <= text.size();) {
        const auto end = std::min(text.find('.', at), text.size());
        parts.push_back(text.substr(at, end - at));
        at = end + 1;
    }
    return parts;
}

json::value moved(const json::value& form, tenon::Duration by) {
    const std::string text(form.as_string());
    if (text.ends_with("us")) return json::string(std::to_string((parse_duration(text) + by).count()) + "us");
    return json::string(time_text(parse_time(text) + by));
}

const json::value& part_of(const json::value& form, const std::string& part) {
    if (form.is_array()) {
        const auto index = std::stol(part);
        return form.as_array().at(static_cast<std::size_t>(index < 0 ? static_cast<long>(form.as_array().size()) + index : index));
    }
    return form.at(part);
}

void damage(const std::filesystem::path& file) {
    std::filesystem::permissions(file, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    const auto size = std::filesystem::file_size(file);
    if (size == 0) return;
    std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(size / 2));
    const char turned = static_cast<char>(~stream.get());
    stream.seekp(static_cast<std::streamoff>(size / 2));
    stream.put(turned);
}

std::string class_of(const std::string& code) {
    std::string name;
    bool upper = true;
    for (const char c : code) {
        if (c != '_') name += upper ? static_cast<char>(std::toupper(c)) : c;
        upper = c == '_';
    }
    return name;
}

/// The class that was thrown; each code has one.
std::string thrown_class(const tenon::Error& error) {
    const auto is = [&]<class E>(std::type_identity<E>) { return dynamic_cast<const E*>(&error) != nullptr; };
    using namespace tenon;
#define TENON_CLASS(Name) \
    if (is(std::type_identity<Name>())) return #Name;
    TENON_CLASS(InvalidArgument)
    TENON_CLASS(Unauthenticated)
    TENON_CLASS(PermissionDenied)
    TENON_CLASS(NotFound)
    TENON_CLASS(Conflict)
    TENON_CLASS(QuotaExceeded)
    TENON_CLASS(RateLimited)
    TENON_CLASS(Unsupported)
    TENON_CLASS(Corrupt)
    TENON_CLASS(NoSpace)
    TENON_CLASS(Unavailable)
    TENON_CLASS(Cancelled)
    TENON_CLASS(Closed)
    TENON_CLASS(InternalError)
#undef TENON_CLASS
    return "Error";
}

}  // namespace

Case::Case(const Places& places, const std::vector<Entry>& entries, std::set<std::string>& calls)
    : places_(places), entries_(entries), calls_(calls) {
    std::string name = (std::filesystem::temp_directory_path() / "conformance-XXXXXX").string();
    if (!mkdtemp(name.data())) throw std::runtime_error("no temporary folder");
    folder_ = name;
}

Case::~Case() {
    for (auto name = world_.order.rbegin(); name != world_.order.rend(); ++name) {
        const auto found = world_.saved.find(*name);
        if (found == world_.saved.end() || !found->second.handle) continue;
        for (const auto& entry : entries_) {
            if (entry.owner != found->second.kind || std::string(entry.name) != "close") continue;
            const json::array none;
            Args args(world_, none, nullptr, &found->second);
            entry.call(found->second.handle.get(), args);
        }
    }
    calls_.merge(world_.calls);
    world_.saved.clear();
    end_cameras();
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
}

// ---- references

json::value Case::look_up(const std::string& reference) {
    static const std::regex form("(\\w+)((?:\\.(?:-?[0-9]+|[A-Za-z_]\\w*))*)([+-][0-9]+us)?");
    std::smatch found;
    if (!std::regex_match(reference, found, form)) throw Difference("no reference: $" + reference);
    const std::string name = found[1];
    if (name == "i") return json::value(count_);
    if (name == "DIR") return json::string(folder_.string());
    if (name == "FOOTAGE") return json::string(places_.footage.string());
    const auto saved = world_.saved.find(name);
    if (saved == world_.saved.end()) throw Difference("nothing is saved as " + name);
    json::value value = saved->second.form;
    if (found[2].length() == 0 && value.is_object() && value.as_object().contains("handle")) return json::object{{"$held", name}};
    if (found[2].length() != 0)
        for (const auto& part : split(std::string(found[2]).substr(1))) {
            json::value inner = part_of(value, part);
            value = std::move(inner);
        }
    return found[3].length() != 0 ? moved(value, parse_duration(found[3])) : value;
}

json::value Case::filled_text(std::string text) {
    if (text.starts_with("$$")) return json::string(text.substr(1));
    for (const std::string head : {"DIR", "FOOTAGE"})
        if (text.starts_with("$" + head + "/"))
            text = "${" + head + "}" + text.substr(head.size() + 1);
    if (text.starts_with("$") && !text.starts_with("${")) return look_up(text.substr(1));
    std::string made;
    for (std::size_t at = 0; at < text.size();) {
        const auto begin = text.find("${", at);
        made += text.substr(at, begin - at);
        if (begin == std::string::npos) break;
        const auto end = text.find('}', begin);
        const auto value = look_up(text.substr(begin + 2, end - begin - 2));
        made += value.is_string() ? std::string(value.as_string()) : json::serialize(value);
        at = end + 1;
    }
    return json::string(made);
}

json::value Case::filled(const json::value& value) {
    if (value.is_string()) return filled_text(std::string(value.as_string()));
    if (value.is_array()) {
        json::array made;
        for (const auto& each : value.as_array()) made.push_back(filled(each));
        return made;
    }
    if (!value.is_object()) return value;
    json::object made;
    for (const auto& field : value.as_object()) made[field.key()] = filled(field.value());
    return made;
}

// ---- calls

const Entry& Case::entry_for(std::string owner, const std::string& name, const json::array& args) const {
    std::string given;
    if (!args.empty() && args[0].is_object() && args[0].as_object().contains("$held"))
        given = world_.saved.at(std::string(args[0].at("$held").as_string())).kind;
    for (const std::string asked = owner;; owner = base_of(owner)) {
        const Entry* only = nullptr;
        for (const auto& entry : entries_) {
            if (owner != entry.owner || name != entry.name) continue;
            if (given == entry.overload || (!given.empty() && base_of(given) == entry.overload)) return entry;
            only = &entry;
        }
        if (only) return *only;
        if (owner.empty()) throw Difference("there is no " + asked + "." + name);
    }
}

Result Case::invoke(const Entry& entry, void* self, const Saved* target, const json::object& step) {
    static const json::array none;
    const auto* args = step.if_contains("args");
    const auto* options = step.if_contains("options");
    if (options && entry.whole < 0) throw Difference(std::string(entry.name) + " takes no struct");
    Args given(world_, args ? args->as_array() : none, options ? &options->as_object() : nullptr, target);
    given.whole = entry.whole;
    auto result = entry.call(self, given);
    if (result.is_void || !is_default(result.form)) world_.calls.insert(*entry.owner ? std::string(entry.owner) + "." + entry.name : entry.name);
    return result;
}

Result Case::member(const Saved& target, const std::string& name, const json::object& step) {
    if (!target.handle && target.form.is_object() && target.form.as_object().contains(name)) return {target.form.at(name)};
    if (!target.handle && (name == "high" || name == "low")) {  // fields of an id, whose form is text
        Result found = id_part(target, name);
        if (!is_default(found.form)) world_.calls.insert(target.kind + "." + name);
        return found;
    }
    static const json::array none;
    const auto* args = step.if_contains("args");
    return invoke(entry_for(target.kind, name, args ? args->as_array() : none), target.handle.get(), &target, step);
}

Result Case::called(const json::object& step) {
    const auto parts = split(text_at(step, "call"));
    const auto on = text_at(step, "on");
    if (on == "tenon") {
        static const json::array none;
        const auto owner = parts.size() == 2 ? parts[0] : "";
        for (const auto& entry : entries_)
            if ((parts.size() == 2 && entry.owner == owner && entry.name == parts[1]) ||
                (parts.size() == 1 && entry.name == parts[0] && (!*entry.owner || entry.owner == parts[0])))
                return invoke(entry, nullptr, nullptr, step);
        throw Difference("there is no " + text_at(step, "call"));
    }
    const auto found = world_.saved.find(on);
    if (found == world_.saved.end()) throw Difference("nothing is saved as " + on);
    Saved target = found->second;
    for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
        auto next = member(target, parts[i], {});
        target = {next.kind, next.handle, next.form};
    }
    return member(target, parts.back(), step);
}

void Case::save(const std::string& name, Saved value) {
    std::erase(world_.order, name);
    world_.order.push_back(name);
    world_.saved[name] = std::move(value);
}

void Case::error_form_fits(const tenon::Error& error, const json::object& step) {
    json::object form{{"code", tenon::to_string(error.code())}, {"message", error.what()}, {"subject", error.subject()}};
    form["retryable"] = error.retryable();
    form["resource"] = error.resource();
    form["limit"] = to_json(error.limit(), world_);
    form["used"] = to_json(error.used(), world_);
    form["resets_at"] = to_json(error.resets_at(), world_);
    const auto name = thrown_class(error);
    if (name != class_of(tenon::to_string(error.code()))) throw Difference(name + " was thrown for " + json::serialize(form));
    world_.calls.insert({name, std::string("Errc.") + tenon::to_string(error.code())});
    for (const auto& field : form)
        if (!is_default(field.value())) world_.calls.insert("Error." + std::string(field.key() == "message" ? "what" : field.key()));
    if (step.contains("any_error")) return;
    if (!step.contains("error") || !fits(form, step.at("error"))) throw Difference("threw " + json::serialize(form));
}

// ---- steps

void Case::once(const json::object& step) {
    if (step.contains("host")) return host(step);
    Result result;
    try {
        result = called(step);
    } catch (const tenon::Error& error) {
        return error_form_fits(error, step);
    }
    if (step.contains("error")) throw Difference("threw nothing, gave " + json::serialize(result.form));
    if (step.contains("expect") && !fits(result.form, step.at("expect")))
        throw Difference(json::serialize(result.form) + " does not fit " + json::serialize(step.at("expect")));
    if (step.contains("save")) save(text_at(step, "save"), {result.kind, result.handle, result.form});
}

void Case::step(const json::object& raw) {
    if (!raw.contains("until")) {
        const auto times = raw.contains("times") ? raw.at("times").to_number<std::int64_t>() : 1;
        for (count_ = 1; count_ <= times; ++count_) once(filled(raw).as_object());
        count_ = 1;
        return;
    }
    json::object again = raw;
    again["expect"] = raw.at("until");
    again.erase("until");
    const auto end = std::chrono::steady_clock::now() + patience;
    for (;;) {
        try {
            return once(filled(again).as_object());
        } catch (const Difference&) {
            if (std::chrono::steady_clock::now() > end) throw;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    }
}

void Case::host(const json::object& step) {
    namespace fs = std::filesystem;
    const auto what = text_at(step, "host");
    const fs::path path = step.contains("path") ? text_at(step, "path") : "";
    json::value form;
    if (what == "write") {
        fs::create_directories(path.parent_path());
        std::ofstream(path, std::ios::binary) << text_at(step, "text");
    } else if (what == "copy") {
        fs::create_directories(path.parent_path());
        fs::copy_file(text_at(step, "from"), path);
    } else if (what == "remove") {
        fs::remove_all(path);
    } else if (what == "exists") {
        form = fs::exists(path);
    } else if (what == "size") {
        form = fs::exists(path) ? static_cast<std::int64_t>(fs::file_size(path)) : 0;
    } else if (what == "damage") {
        if (fs::is_regular_file(path)) damage(path);
        else
            for (const auto& each : fs::recursive_directory_iterator(path))
                if (each.is_regular_file()) damage(each.path());
    } else if (what == "camera") {
        start_camera(text_at(step, "save"));
    } else if (what == "same") {
        form = step.at("value");
    } else if (what == "close") {
        const auto& target = held(step.at("value"), world_);
        member(target, "close", {});
    } else if (what == "drop") {
        world_.saved.erase(text_at(step, "name"));
    } else {
        throw Difference("no host step " + what);
    }
    if (step.contains("expect") && !fits(form, step.at("expect")))
        throw Difference(json::serialize(form) + " does not fit " + json::serialize(step.at("expect")));
}

}  // namespace conformance
