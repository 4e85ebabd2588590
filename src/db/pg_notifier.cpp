#include "pg_notifier.hpp"

#include <algorithm>

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <base/clock.hpp>
#include <exec/thread.hpp>
#include <tenon/error.hpp>

namespace tenon::db {
namespace {

constexpr Duration between_notices = std::chrono::milliseconds(10);
constexpr Duration before_reconnecting = std::chrono::seconds(1);

}  // namespace

PgNotifier::PgNotifier(const Options& options, std::function<void()> heard) : options_(options), heard_(std::move(heard)) {
    wake_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    thread_ = exec::start_thread("store-news", [this](std::stop_token stop) { loop(stop); });
}

PgNotifier::~PgNotifier() {
    close();
    ::close(wake_);
}

void PgNotifier::close() noexcept {
    thread_.request_stop();
    wake();
    if (thread_.joinable()) thread_.join();
}

void PgNotifier::wake() noexcept {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(wake_, &one, sizeof one);
}

void PgNotifier::tell() noexcept {
    if (!told_.exchange(true)) wake();
}

void PgNotifier::wait(Duration at_most) {
    pollfd both[2] = {{wake_, POLLIN, 0}, {connection_ ? connection_->socket() : -1, POLLIN, 0}};
    poll(both, 2, static_cast<int>(std::max<std::int64_t>(1, std::chrono::duration_cast<std::chrono::milliseconds>(at_most).count())));
    std::uint64_t count = 0;
    [[maybe_unused]] const auto read = ::read(wake_, &count, sizeof count);
}

void PgNotifier::listen() {
    connection_ = std::make_unique<PgConnection>(options_, PgConnection::Role::news);
    connection_->run("LISTEN store_changed");
    heard_();  // what was told while nobody listened
}

/// Whether another process told of something.
bool PgNotifier::take_news() {
    if (PQconsumeInput(connection_->handle()) != 1) throw Unavailable("the connection to the database server was lost");
    bool any = false;
    while (PGnotify* news = PQnotifies(connection_->handle())) {
        any = any || news->be_pid != PQbackendPID(connection_->handle());
        PQfreemem(news);
    }
    return any;
}

void PgNotifier::loop(const std::stop_token& stop) {
    auto sent_at = base::system_clock()->monotonic() - between_notices;
    while (!stop.stop_requested()) try {
            if (!connection_) listen();
            const auto now = base::system_clock()->monotonic();
            if (told_ && now - sent_at >= between_notices) {
                told_ = false;
                sent_at = now;
                connection_->run("NOTIFY store_changed");
            }
            if (take_news()) heard_();
            wait(told_ ? between_notices - (now - sent_at) : Duration(std::chrono::seconds(60)));
        } catch (const std::exception&) {
            connection_.reset();
            if (!stop.stop_requested()) wait(before_reconnecting);
        }
    connection_.reset();
}

}  // namespace tenon::db
