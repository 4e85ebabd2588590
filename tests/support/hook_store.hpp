#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <blob/store.hpp>

namespace tenon::tests {

/// A store whose test does something of its own before and behind what others ask of it: "put", "get", "list", "remove", "durable". What it
/// throws is thrown to them.
class HookStore : public blob::Store {
public:
    using Hook = std::function<void(const std::string& what, const std::string& name)>;
    explicit HookStore(std::shared_ptr<blob::Store> inner) : inner_(std::move(inner)) {}
    Hook before = [](const std::string&, const std::string&) {};
    Hook after = [](const std::string&, const std::string&) {};
    std::function<void(const std::string& name, const blob::Range& range)> reading = [](const std::string&, const blob::Range&) {};

    blob::PutInfo put(const blob::Name& name, blob::ByteSource& source, const blob::PutOptions& options, std::stop_token stop) override {
        before("put", name.text());
        auto info = inner_->put(name, source, options, stop);
        after("put", name.text());
        return info;
    }
    void get(const blob::Name& name, blob::Range range, blob::ByteSink& sink, std::stop_token stop) override {
        before("get", name.text());
        reading(name.text(), range);
        inner_->get(name, range, sink, stop);
        after("get", name.text());
    }
    std::optional<blob::ObjectInfo> head(const blob::Name& name, std::stop_token stop) override { return inner_->head(name, stop); }
    blob::Page list(std::string_view prefix, std::string_view past, int limit, std::stop_token stop) override {
        before("list", std::string(prefix));
        auto page = inner_->list(prefix, past, limit, stop);
        after("list", std::string(prefix));
        return page;
    }
    bool remove(const blob::Name& name, const blob::RemoveOptions& options, std::stop_token stop) override {
        before("remove", name.text());
        const auto removed = inner_->remove(name, options, stop);
        after("remove", name.text());
        return removed;
    }
    void make_durable(const std::vector<std::string>& names, std::stop_token stop) override {
        for (const auto& name : names) before("durable", name);
        inner_->make_durable(names, stop);
    }
    blob::Capabilities capabilities() const override { return inner_->capabilities(); }
    Time server_time(std::stop_token stop) override { return inner_->server_time(stop); }
    void flush(std::stop_token stop) override { inner_->flush(stop); }
    void discard() noexcept override { inner_->discard(); }
    std::unique_ptr<blob::Spool> spool() override { return inner_->spool(); }
    std::unique_ptr<blob::Beacon> beacon(const blob::Name& name, blob::ByteView bytes) override { return inner_->beacon(name, bytes); }
    std::optional<bool> beacon_lives(const blob::Name& name) override { return inner_->beacon_lives(name); }

private:
    std::shared_ptr<blob::Store> inner_;
};

}  // namespace tenon::tests
