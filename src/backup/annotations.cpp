#include "annotations.hpp"

#include <algorithm>
#include <utility>

#include <base/id.hpp>
#include <tenon/error.hpp>

#include "repository_impl.hpp"

namespace tenon::backup {
namespace {

constexpr std::uint64_t record_limit = 16 << 20;

}  // namespace

ByteVector forget_body(const std::vector<SnapshotId>& ids) {
    cbor::Writer out;
    out.map(1).uint(1).array(ids.size());
    for (const auto& id : ids) out.bytes(base::bytes_of(id));
    return out.take();
}

ByteVector tag_body(const SnapshotId& id, const std::vector<Label>& tags) {
    cbor::Writer out;
    out.map(2).uint(1).bytes(base::bytes_of(id)).uint(2);
    write_labels(out, tags);
    return out.take();
}

std::optional<AnnotationRecord> decode_annotation(const LogRecord& log, const std::string& object) {
    if (log.type != "forget" && log.type != "tag") return std::nullopt;
    AnnotationRecord record{.stored = log.stored};
    cbor::Reader reader(log.body, object);
    cbor::each_key(reader, [&](std::uint64_t key) {
        if (log.type == "forget" && key == 1)
            for (auto left = reader.array(); left > 0; --left) record.forgotten.push_back(base::id_from<SnapshotId>(reader.fixed<16>()));
        else if (log.type == "tag" && key == 1) record.tagged = base::id_from<SnapshotId>(reader.fixed<16>());
        else if (log.type == "tag" && key == 2) record.tags = read_labels(reader);
        else return false;
        return true;
    });
    reader.expect_done();
    return record;
}

std::map<SnapshotId, Annotation> Annotations::read(const Keys& keys, blob::Store& store, const std::stop_token& stop) {
    const auto objects = blob::list_all(store, "log/", stop);
    const std::lock_guard lock(mutex_);
    std::map<std::string, std::optional<AnnotationRecord>> now;
    for (const auto& object : objects) {
        if (auto known = seen_.extract(object.name)) {
            now.insert(std::move(known));
            continue;
        }
        try {
            const auto raw = blob::get_all(store, object.name, record_limit, stop);
            now.emplace(object.name, decode_annotation(open_log_record(keys, raw, object.name), object.name));
        } catch (const Corrupt&) {
            // It says nothing; check names it. A snapshot whose forgetting is damaged shows again, which loses nothing.
        } catch (const NotFound&) {
        }
    }
    seen_ = std::move(now);
    std::map<SnapshotId, Annotation> all;
    std::map<SnapshotId, std::pair<Time, std::string>> newest;
    for (const auto& [name, record] : seen_) {
        if (!record) continue;
        for (const auto& id : record->forgotten) all[id].forgotten = true;
        if (record->tagged.is_nil()) continue;
        // Two at the same moment: every reader takes the same one.
        auto& last = newest[record->tagged];
        if (std::pair order(record->stored, name); order >= last) {
            last = std::move(order);
            all[record->tagged].tags = record->tags;
        }
    }
    return all;
}

/// Each goes into a chain of its own, so that it waits for no backup that is under way.
void append_record(Repository::Impl& impl, std::string_view type, ByteView body, const std::stop_token& stop) {
    Id16 writer;
    crypto::fill_random(writer);
    const auto object = seal_log_record(impl.keys, 0, {}, type, impl.objects->server_time(stop), body);
    blob::put_bytes(*impl.objects, "log/" + hex(writer) + '/' + sequence_text(0), object, {}, stop);
}

}  // namespace tenon::backup
