#include "backend.hpp"

#include <atomic>

#include <tenon/error.hpp>

namespace tenon::db {

void Connection::after_commit(std::function<void()> then) {
    if (!after_) throw InternalError("on_commit outside of a write");
    after_->push_back(std::move(then));
}

void Connection::before_commit(const TenantScope& scope, void (*finish)(Tx&)) {
    if (!writes_ || !in_transaction()) throw InternalError("before_commit outside of a write");
    ++asked_;
    finishers_.try_emplace({base::bytes_of(scope.tenant()), finish}, scope);
}

void Connection::finish_transaction() {
    const auto finishers = std::exchange(finishers_, {});
    for (const auto& [what, scope] : finishers) {
        auto view = tx(*this, scope);
        what.second(view);
    }
    if (!in_transaction()) throw Unavailable("the transaction was given up after an earlier error");
}

void Connection::new_lineage() noexcept {
    static std::atomic<std::uint64_t> last{0};
    lineage_ = ++last;
}

void Rows::Impl::no_row() const { throw InternalError(std::string("a column was read where there is no row: ") + text.sql); }

void Rows::Impl::no_column(int column) const { throw InternalError("no column " + std::to_string(column) + ": " + text.sql); }

void Rows::Impl::other_kind(int column) const {
    throw InternalError("column " + std::to_string(column) + " holds something else: " + text.sql);
}

Rows::Rows(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;
Rows::~Rows() = default;

bool Rows::next() { return impl_->next(); }
bool Rows::is_null(int column) const { return impl_->is_null(column); }
std::int64_t Rows::i64(int column) const { return impl_->integer(column); }
std::string_view Rows::text_view(int column) const { return impl_->text_of(column); }
std::span<const std::uint8_t> Rows::blob_view(int column) const { return impl_->blob(column); }

std::span<const std::uint8_t, 16> Rows::id_bytes(int column) const {
    const auto blob = blob_view(column);
    if (blob.size() != 16) throw InternalError("column " + std::to_string(column) + " holds no id: " + impl_->text.sql);
    return blob.first<16>();
}

}  // namespace tenon::db
