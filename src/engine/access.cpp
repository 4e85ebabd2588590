#include "access.hpp"

#include <algorithm>

#include <base/id.hpp>
#include <base/text.hpp>
#include <crypto/encoding.hpp>
#include <tenant/live.hpp>
#include <tenant/passwords.hpp>

namespace tenon::engine {

namespace access = tenant::access;
namespace jwt = tenant::jwt;

namespace {

constexpr std::string_view room = "access";
constexpr Duration longest_known = std::chrono::seconds(60);
constexpr std::size_t passwords_waiting = 64;

}  // namespace

KnownTokens::KnownTokens() : key_(crypto::Secret::random(16)) {}

KnownTokens::Hash KnownTokens::hash(std::string_view token) const {
    // What came with a request is not always in the cache: its lines are fetched at once instead of one after the other.
    for (std::size_t at = 0; at < token.size(); at += 64) __builtin_prefetch(token.data() + at);
    return crypto::siphash_128(key_.bytes(), base::view_of(token));
}

std::size_t KnownTokens::place_in(const std::vector<Slot>& slots, const Hash& hash) {
    const auto last = slots.size() - 1;
    auto at = base::load_le<std::uint64_t>(hash.data() + 8) & last;
    while (slots[at].token && slots[at].hash != hash) at = (at + 1) & last;
    return at;
}

std::shared_ptr<const KnownToken> KnownTokens::find(const Hash& hash, Time now) const {
    const auto& shard = shards_[hash[0] % shard_count];
    const std::shared_lock lock(shard.mutex);
    if (shard.slots.empty()) return nullptr;
    const auto& slot = shard.slots[place_in(shard.slots, hash)];
    return slot.token && now < slot.until ? slot.token : nullptr;
}

void KnownTokens::keep(const Hash& hash, std::shared_ptr<const KnownToken> token) {
    auto& shard = shards_[hash[0] % shard_count];
    const std::unique_lock lock(shard.mutex);
    if (shard.taken >= shard_size) shard.slots.clear(), shard.taken = 0;
    if (shard.taken * 2 >= shard.slots.size()) {
        std::vector<Slot> wider(std::max<std::size_t>(64, shard.slots.size() * 2));
        for (auto& slot : shard.slots)
            if (slot.token) {
                auto& to = wider[place_in(wider, slot.hash)];
                to = std::move(slot);
            }
        shard.slots = std::move(wider);
    }
    auto& slot = shard.slots[place_in(shard.slots, hash)];
    shard.taken += !slot.token;
    slot = {hash, token->until, token};
}

Access::Access(EngineImpl& engine) : engine_(engine), hasher_(*engine.master) {}

const access::KeyHasher& Access::hasher() {
    const auto version = tenant::live::access_version_of(tenant::operators_log);
    if (pepper_version_.load(std::memory_order_acquire) != version) {
        hasher_.use(engine_.database->read(engine_.system, [](db::SystemReader& reader) { return access::peppers::current(reader); }));
        pepper_version_.store(version, std::memory_order_release);
    }
    return hasher_;
}

int Access::rotate_pepper(const tenant::Actor& actor) {
    const auto now = engine_.now();
    return engine_.database->write(engine_.system, [&](db::SystemTx& tx) {
        const int next = access::peppers::rotate(tx);
        auto details = base::Json::object();
        details.set("pepper", next);
        auto log = tx.tenant(engine_.registry->operators_scope());
        tenant::audit::append(log, actor, {.time = now, .action = "token_key.rotate_pepper", .details = std::move(details)});
        tx.on_commit([] { tenant::live::all_moved(); });
        return next;
    });
}

exec::Pool& Access::slow() {
    const std::lock_guard lock(mutex_);
    if (closed_) throw Closed("the engine is closed");
    // Half of the cores at most, so that passwords leave room for work; made at the first need.
    if (!pool_) {
        const auto threads = std::clamp(std::thread::hardware_concurrency() / 2, 1u, 2u);
        pool_ = std::make_unique<exec::Pool>(exec::PoolOptions{.threads = threads, .queue = passwords_waiting, .name = "passwords"});
    }
    return *pool_;
}

std::string Access::hash_password(const std::string& password) {
    return slow().run([&] { return access::passwords::hash_password(password); }).get();
}

bool Access::fits(const std::string& password, const std::string& stored) {
    return slow().run([&] { return access::passwords::fits(password, stored); }).get();
}

void Access::close() noexcept {
    exec::Pool* pool = nullptr;
    {
        const std::lock_guard lock(mutex_);
        closed_ = true;
        pool = pool_.get();
    }
    if (pool) pool->close(exec::Pool::Waiting::run);
}

std::shared_ptr<SessionImpl> Access::make(const TenantId& tenant, tenant::Actor actor, const access::Identity& identity) {
    if (tenant.is_nil()) throw InvalidArgument("a session belongs to one tenant", {.subject = "tenant"});
    const auto standing = engine_.registry->standing(tenant);
    engine_.check_region(standing->tenant.region);
    const auto state = standing->state_at(engine_.now());
    if (!allows(state, Permission::project_read))
        throw PermissionDenied(std::string("no session can be opened: the tenant is ") + to_string(state), {.subject = tenant.text()});
    return make_session(engine_.shared_from_this(), engine_.registry->scope_of(*standing), std::move(actor), identity);
}

std::shared_ptr<SessionImpl> Access::open(const TenantId& tenant, tenant::Actor actor, const access::Identity& identity) {
    auto session = make(tenant, std::move(actor), identity);
    (void)session->granted();  // whom it stands for is there
    session->workspace.make();
    return session;
}

UserId Access::user_of(const TenantId& tenant, const UserId& id) const {
    const auto user = engine_.database->read(engine_.scope_of(tenant), [&](db::Reader& reader) { return access::users::get(reader, id); });
    if (user.state == UserState::disabled) throw PermissionDenied("the user is disabled", {.subject = id.text()});
    return user.id;
}

std::shared_ptr<SessionImpl> Access::by_key(const AuthenticateOptions& options) {
    const auto text = access::parse_key(options.api_key);
    if (!text || (text->kind != access::TextKind::live && text->kind != access::TextKind::test)) access::refuse_credentials();
    const auto now = engine_.now();
    const auto& hashes = hasher();
    const auto shown = engine_.database->read(engine_.system, [&](db::SystemReader& reader) {
        return access::keys::recognise(reader, hashes, *text, options.address, now);
    });
    if (!shown.key || (options.tenant && *options.tenant != *shown.tenant)) {
        note_refusal(shown.tenant, "key.refuse", text->kid);
        access::refuse_credentials();
    }
    auto session = open(*shown.tenant, {.kind = tenant::ActorKind::key, .id = shown.key->text(), .reason = {}, .request_id = options.request_id},
                        {.kind = PrincipalKind::key, .key = shown.key, .key_turn = shown.turn});
    if (shown.note_use)
        engine_.timers->after(Duration::zero(), [engine = engine_.shared_from_this(), scope = session->scope, shown, text = *text, now] {
            const auto& current = engine->access->hasher();
            engine->database->write(scope, [&](db::Tx& tx) { access::keys::note_use(tx, current, shown, text, now); });
        });
    return session;
}

std::string Access::issuer() const {
    const auto& brand = engine_.options.brand;
    return brand.url.empty() ? brand.product : brand.url;
}

std::vector<access::token_keys::Stored> Access::own_keys() {
    const auto now = engine_.now();
    const auto read = [&] {
        return engine_.database->read(engine_.system, [&](db::SystemReader& reader) { return access::token_keys::live(reader, now); });
    };
    auto keys = read();
    if (!keys.empty() && !keys.front().info.retired_at) return keys;
    const auto fresh = crypto::SigningKey::generate();
    engine_.database->write(engine_.system, [&](db::SystemTx& tx) {
        const auto known = access::token_keys::live(tx, now);
        if (known.empty() || known.front().info.retired_at) access::token_keys::add(tx, *engine_.master, fresh, now);  // else another was faster
    });
    return read();
}

std::shared_ptr<const Access::Signer> Access::signer() {
    const auto newest = own_keys().front();
    {
        const std::lock_guard lock(mutex_);
        if (signer_ && signer_->kid == newest.info.kid) return signer_;
    }
    auto opened = std::make_shared<const Signer>(Signer{newest.info.kid, access::token_keys::open(*engine_.master, newest)});
    const std::lock_guard lock(mutex_);
    return signer_ = std::move(opened);
}

std::shared_ptr<const jwt::KeySet> Access::own_key_set() {
    // Moves with what other processes change, and with a rotation here.
    const auto version = tenant::live::access_version_of(tenant::operators_log);
    {
        const std::lock_guard lock(mutex_);
        if (own_key_set_ && own_key_set_version_ == version) return own_key_set_;
    }
    auto set = std::make_shared<jwt::KeySet>();
    for (const auto& each : own_keys()) set->add(each.info.kid, crypto::PublicVerifier::ed25519(each.public_key));
    const std::lock_guard lock(mutex_);
    own_key_set_version_ = version;
    return own_key_set_ = std::move(set);
}

TokenKey Access::rotate(const tenant::Actor& actor) {
    const auto now = engine_.now();
    const auto fresh = crypto::SigningKey::generate();
    auto key = engine_.database->write(engine_.system, [&](db::SystemTx& tx) {
        auto made = access::token_keys::add(tx, *engine_.master, fresh, now);
        auto log = tx.tenant(engine_.registry->operators_scope());
        tenant::audit::append(log, actor, {.time = now, .action = "token_key.rotate", .target = made.kid});
        tx.on_commit([] { tenant::live::all_moved(); });
        return made;
    });
    return key;
}

Tokens Access::tokens(const TenantId& tenant, const LoginInfo& login, const access::KeyText& refresh, Time now) {
    const auto seconds = [](Time time) { return std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count(); };
    const auto by = signer();
    const auto ends = std::min(std::chrono::floor<std::chrono::seconds>(now) + access::access_lifetime, login.expires_at);
    auto claims = base::Json::object();
    claims.set("iss", issuer()).set("aud", engine_.options.brand.product).set("sub", login.user->text());
    claims.set("tid", tenant.text()).set("sid", login.id.text());
    claims.set("iat", seconds(now)).set("exp", seconds(ends)).set("jti", crypto::to_base64url(crypto::random_bytes(12)));
    return {.access_token = jwt::sign(by->key, by->kid, claims),
            .refresh_token = access::write_key(key_prefix(), refresh),
            .access_expires_at = std::chrono::floor<std::chrono::seconds>(ends),
            .refresh_expires_at = login.expires_at,
            .user = *login.user,
            .login = login.id};
}

std::shared_ptr<KnownToken> Access::check_own(const jwt::Parsed& token, Time now) {
    const auto& brand = engine_.options.brand;
    const auto claims = jwt::verify(token, *own_key_set(), {.issuer = issuer(), .audience = brand.product, .now = now});
    auto known = std::make_shared<KnownToken>();
    known->tenant = TenantId::parse(claims.all.get_string("tid"));
    const auto user = UserId::parse(claims.subject);
    known->actor = {.kind = tenant::ActorKind::user, .id = user.text()};
    known->identity = {.kind = PrincipalKind::user, .user = user, .login = LoginId::parse(claims.all.get_string("sid")),
        .ends_at = claims.expires_at};
    return known;
}

std::shared_ptr<KnownToken> Access::check_foreign(const jwt::Parsed& token, const TenantId& tenant, Time now) {
    const auto scope = engine_.scope_of(tenant);
    const auto issuers = engine_.database->read(scope, [&](db::Reader& reader) {
        return access::issuers::of_name(reader, token.claims.string_or("iss", ""));
    });
    for (const auto& [each, version] : issuers) {
        std::optional<jwt::Claims> claims;
        try {
            claims = jwt::verify(token, jwt::KeySet::parse(each.jwks), {.issuer = each.issuer, .audience = each.audience, .now = now,
                .slack = jwt::leeway});
        } catch (const Unauthenticated&) {
            continue;  // the next one may be for its audience
        }
        const auto* email = claims->all.find("email");
        const auto* verified = claims->all.find("email_verified");
        if (!email || !email->is_string() || !verified || !verified->is_bool() || !verified->as_bool()) break;
        const auto user = engine_.database->read(scope, [&](db::Reader& reader) { return access::users::find_email(reader, email->as_string()); });
        if (!user) break;
        auto known = std::make_shared<KnownToken>();
        known->tenant = tenant;
        known->actor = {.kind = tenant::ActorKind::user, .id = user->id.text()};
        known->identity = {.kind = PrincipalKind::user, .user = user->id, .issuer = each.id, .issuer_version = version,
                           .ends_at = claims->expires_at + jwt::leeway};
        return known;
    }
    access::refuse_credentials();
}

std::shared_ptr<SessionImpl> Access::by_token(const AuthenticateOptions& options) {
    if (options.token.size() > jwt::longest_token) access::refuse_credentials();  // before anything is done with so much
    const auto now = engine_.now();
    const auto hash = known_tokens_.hash(options.token);
    if (const auto known = known_tokens_.find(hash, now); known &&
        (options.tenant ? *options.tenant == known->tenant : known->identity.login.has_value())) {
        auto actor = known->actor;
        actor.request_id = options.request_id;
        auto session = make(known->tenant, std::move(actor), known->identity);
        session->remember(known->granted);
        try {
            // The same if nothing has moved since; else everything is looked at again.
            if (session->granted() == known->granted) return session;
        } catch (const Unauthenticated&) {
            // As it was checked it holds no more: an issuer's keys were replaced, perhaps, and this token is good under the new ones.
        }
    }
    std::shared_ptr<KnownToken> known;
    try {
        const auto parsed = jwt::parse(options.token);
        if (parsed.claims.string_or("iss", "") == issuer()) known = check_own(parsed, now);
        else if (options.tenant) known = check_foreign(parsed, *options.tenant, now);
    } catch (const InvalidArgument&) {
        // A claim of another kind than ours have.
    } catch (const Unauthenticated&) {
        // Why is nobody's business outside.
    } catch (const NotFound&) {
        // The tenant.
    }
    if (!known || (options.tenant && *options.tenant != known->tenant)) {
        note_refusal(options.tenant, "token.refuse", "");
        access::refuse_credentials();
    }
    auto actor = known->actor;
    actor.request_id = options.request_id;
    auto session = open(known->tenant, std::move(actor), known->identity);
    known->granted = session->granted();
    known->until = std::min(now + longest_known, known->identity.ends_at.value_or(Time::max()));
    known_tokens_.keep(hash, std::move(known));
    return session;
}

void Access::note_refusal(const std::optional<TenantId>& tenant, const char* action, const std::string& target) noexcept {
    try {
        const auto scope = tenant ? engine_.scope_of(*tenant) : engine_.registry->operators_scope();
        engine_.refusals->append(scope, {.kind = tenant::ActorKind::key, .id = "unknown"},
                                 {.time = engine_.now(), .action = action, .target = target}, Unauthenticated("the credentials are not valid"));
    } catch (const NotFound&) {
        return;  // a tenant that is none has no trail
    } catch (const std::exception& error) {
        engine_.log->failure(room, "a refusal is not recorded", error);
    }
}

}  // namespace tenon::engine

TENON_BEGIN

using engine::Access;

Session Engine::authenticate(const AuthenticateOptions& options) {
    if (!impl_) throw Closed("the engine is closed");
    const auto pass = impl_->gate.enter();
    if (options.api_key.empty() == options.token.empty()) throw InvalidArgument("give a key or a token, one of the two", {.subject = "api_key"});
    base::check_text("address", options.address, 100);
    base::check_text("request_id", options.request_id, 200);
    try {
        return Internal::make<Session>(options.api_key.empty() ? impl_->access->by_token(options) : impl_->access->by_key(options));
    } catch (const Unauthenticated&) {
        tenant::access::refuse_credentials();  // in one shape
    } catch (const NotFound&) {
        tenant::access::refuse_credentials();
    }
}

TENON_END
