#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tenon::test {

/// TLS in front of a camera that speaks plain RTSP on this machine, for as long as this object lives; with a certificate that
/// it makes and signs itself. Its faults are those of TLS: what lies between a record's bytes, not between RTSP's.
class TlsFront {
public:
    enum class Fault {
        none,
        // From now on, of every connection that begins.
        silent,        ///< Accepts and says nothing.
        half_hello,    ///< Half of its first answer, then nothing.
        cut_hello,     ///< Half of its first answer, then closes.
        // Once, with the next that the camera sends.
        half_record,   ///< Half of a record, then nothing; the connection stays.
        cut_record,    ///< Half of a record, then closes.
        damaged,       ///< A record with a bit turned over.
        cut,           ///< Closes between two records without taking leave, as a power cut or somebody in between would.
        farewell,      ///< Takes leave as TLS wants it and closes.
        new_keys,      ///< New keys for both directions (TLS 1.3), and goes on.
    };

    struct Options {
        bool expired = false;             ///< The certificate.
        int newest = TLS1_3_VERSION;
        std::size_t record_size = 16'384;
        /// How long to let the camera's bytes gather before they are sealed, all together. A camera that then closes is not told.
        std::chrono::milliseconds gather{0};
    };

    /// `camera`: "rtsp://127.0.0.1:port/path".
    explicit TlsFront(const std::string& camera, Options options = make()) : options_(options), context_(SSL_CTX_new(TLS_server_method())) {
        const auto port_at = camera.find(':', 7) + 1, path_at = camera.find('/', port_at);
        camera_port_ = static_cast<std::uint16_t>(std::stoi(camera.substr(port_at, path_at - port_at)));
        certify();
        SSL_CTX_set_max_proto_version(context_.get(), options_.newest);
        sockaddr_in address = loopback(0);
        socklen_t size = sizeof address;
        listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (listener_ < 0 || ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 || ::listen(listener_, 8) != 0 ||
            ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0)
            throw std::runtime_error("no port for TLS");
        url_ = "rtsps://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + camera.substr(path_at);
        thread_ = std::jthread([this](const std::stop_token& stop) { serve(stop); });
    }
    TlsFront(const TlsFront&) = delete;
    TlsFront& operator=(const TlsFront&) = delete;
    ~TlsFront() {
        thread_.request_stop();
        thread_.join();
        ::close(listener_);
    }

    const std::string& url() const { return url_; }  ///< Without a login.
    std::string url(const std::string& user, const std::string& password) const { return "rtsps://" + user + ":" + password + "@" + url_.substr(8); }
    void set(Fault fault) { fault_ = fault; }
    Fault fault() const { return fault_; }
    int clients() const { return clients_; }   ///< That have connected so far.
    int shaken() const { return shaken_; }     ///< That have agreed on TLS so far.
    std::string version() const {              ///< Of TLS, of the last that has agreed on it.
        const std::lock_guard lock(mutex_);
        return version_;
    }

private:
    struct Free {
        void operator()(SSL_CTX* p) const noexcept { SSL_CTX_free(p); }
        void operator()(SSL* p) const noexcept { SSL_free(p); }
        void operator()(X509* p) const noexcept { X509_free(p); }
        void operator()(EVP_PKEY* p) const noexcept { EVP_PKEY_free(p); }
    };

    static Options make() { return {}; }   // a default argument cannot yet use the struct's own defaults

    static sockaddr_in loopback(std::uint16_t port) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        address.sin_port = htons(port);
        return address;
    }

    /// Signed by nobody else and for another name, as cameras have them.
    void certify() {
        const std::unique_ptr<EVP_PKEY, Free> key(EVP_EC_gen("P-256"));
        const std::unique_ptr<X509, Free> certificate(X509_new());
        constexpr long day = 24 * 3600;
        X509_set_version(certificate.get(), 2);
        ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
        X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -30 * day);
        X509_gmtime_adj(X509_getm_notAfter(certificate.get()), options_.expired ? -day : day);
        X509_set_pubkey(certificate.get(), key.get());
        X509_NAME* const name = X509_get_subject_name(certificate.get());
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const unsigned char*>("IPCamera"), -1, -1, 0);
        X509_set_issuer_name(certificate.get(), name);
        if (X509_sign(certificate.get(), key.get(), EVP_sha256()) == 0 || SSL_CTX_use_certificate(context_.get(), certificate.get()) != 1 ||
            SSL_CTX_use_PrivateKey(context_.get(), key.get()) != 1)
            throw std::runtime_error("no certificate");
    }

    void serve(const std::stop_token& stop) {
        std::vector<std::jthread> clients;   // ended and waited for with this
        while (!stop.stop_requested()) {
            pollfd ready{listener_, POLLIN, 0};
            if (::poll(&ready, 1, 20) <= 0) continue;
            const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
            if (client < 0) continue;
            ++clients_;
            clients.emplace_back([this, client](const std::stop_token& ended) {
                Connection(*this, client).carry(ended);
            });
        }
    }

    class Connection {
    public:
        Connection(TlsFront& front, int client) : front_(front), client_(client), ssl_(SSL_new(front.context_.get())) {
            SSL_set_bio(ssl_.get(), BIO_new(BIO_s_mem()), BIO_new(BIO_s_mem()));
            SSL_set_accept_state(ssl_.get());
            const sockaddr_in address = loopback(front.camera_port_);
            camera_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            (void)::connect(camera_, reinterpret_cast<const sockaddr*>(&address), sizeof address);
        }
        Connection(const Connection&) = delete;
        Connection& operator=(const Connection&) = delete;
        ~Connection() {
            ::close(client_);
            if (camera_ >= 0) ::close(camera_);
        }

        void carry(const std::stop_token& stop) {
            frozen_ = front_.fault_ == Fault::silent;
            while (!stop.stop_requested()) {
                pollfd ready[2] = {{client_, POLLIN, 0}, {SSL_is_init_finished(ssl_.get()) ? camera_ : -1, POLLIN, 0}};
                if (::poll(ready, 2, 20) < 0) return;
                if (ready[0].revents != 0 && !from_client()) return;
                if (ready[1].revents != 0 && !from_camera()) return;
                if (!waiting_.empty() && std::chrono::steady_clock::now() >= gathered_ && !seal()) return;
            }
        }

    private:
        bool from_client() {
            char bytes[16'384];
            const auto count = ::recv(client_, bytes, sizeof bytes, 0);
            if (count <= 0) return false;
            if (frozen_) return true;
            BIO_write(SSL_get_rbio(ssl_.get()), bytes, static_cast<int>(count));
            if (!SSL_is_init_finished(ssl_.get())) {
                if (!shake()) return false;
                if (!SSL_is_init_finished(ssl_.get())) return true;
            }
            for (int size; (size = SSL_read(ssl_.get(), bytes, sizeof bytes)) > 0;)
                if (!send(camera_, {bytes, static_cast<std::size_t>(size)})) return false;
            return send(client_, sealed()) && SSL_get_shutdown(ssl_.get()) == 0;   // sealed: answers of TLS itself
        }

        bool shake() {
            const int result = SSL_do_handshake(ssl_.get());
            ERR_clear_error();
            const auto answer = sealed();
            const Fault fault = front_.fault_;
            if (fault == Fault::half_hello || fault == Fault::cut_hello) {
                frozen_ = true;
                return send(client_, answer.substr(0, answer.size() / 2)) && fault == Fault::half_hello;
            }
            if (!send(client_, answer)) return false;
            if (result != 1) return SSL_get_error(ssl_.get(), result) == SSL_ERROR_WANT_READ;
            const std::lock_guard lock(front_.mutex_);
            front_.version_ = SSL_get_version(ssl_.get());
            ++front_.shaken_;
            return true;
        }

        bool from_camera() {
            char bytes[65'536];
            const auto count = ::recv(camera_, bytes, sizeof bytes, 0);
            if (count <= 0) {
                if (front_.options_.gather.count() == 0) return false;
                ::close(std::exchange(camera_, -1));
                return true;
            }
            if (waiting_.empty()) gathered_ = std::chrono::steady_clock::now() + front_.options_.gather;
            waiting_.append(bytes, static_cast<std::size_t>(count));
            return true;
        }

        /// What has gathered goes out as records, in one piece.
        bool seal() {
            const auto plain = std::exchange(waiting_, {});
            if (frozen_) return true;
            Fault fault = front_.fault_;
            if (fault < Fault::half_record || !front_.fault_.compare_exchange_strong(fault, Fault::none)) fault = Fault::none;
            if (fault == Fault::cut) return false;
            if (fault == Fault::farewell) {
                SSL_shutdown(ssl_.get());
                (void)send(client_, sealed());
                return false;
            }
            if (fault == Fault::new_keys) SSL_key_update(ssl_.get(), SSL_KEY_UPDATE_REQUESTED);
            for (std::size_t at = 0; at < plain.size(); at += front_.options_.record_size) {
                const auto size = std::min(front_.options_.record_size, plain.size() - at);
                if (SSL_write(ssl_.get(), plain.data() + at, static_cast<int>(size)) <= 0) return false;
            }
            auto records = sealed();
            const auto half = records.size() / 2;
            if (fault == Fault::damaged) records[half] = static_cast<char>(records[half] ^ 1);
            frozen_ = fault == Fault::half_record;
            if (frozen_ || fault == Fault::cut_record) records.resize(half);
            return send(client_, records) && fault != Fault::cut_record;
        }

        /// The bytes of TLS that wait to be sent.
        std::string sealed() {
            BIO* const bio = SSL_get_wbio(ssl_.get());
            std::string bytes(BIO_ctrl_pending(bio), '\0');
            if (!bytes.empty()) BIO_read(bio, bytes.data(), static_cast<int>(bytes.size()));
            return bytes;
        }

        static bool send(int socket, const std::string& bytes) {
            for (std::size_t at = 0; at < bytes.size();) {
                const auto n = ::send(socket, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
                if (n <= 0) return false;
                at += static_cast<std::size_t>(n);
            }
            return true;
        }

        TlsFront& front_;
        int client_;
        int camera_ = -1;
        std::unique_ptr<SSL, Free> ssl_;
        bool frozen_ = false;   // neither sends nor hears any more
        std::string waiting_;
        std::chrono::steady_clock::time_point gathered_{};
    };

    Options options_;
    std::unique_ptr<SSL_CTX, Free> context_;
    std::uint16_t camera_port_ = 0;
    std::string url_;
    int listener_ = -1;
    std::atomic<Fault> fault_{Fault::none};
    std::atomic<int> clients_{0}, shaken_{0};
    mutable std::mutex mutex_;
    std::string version_;
    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace tenon::test
