#include "server/server_tls.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <openssl/rand.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

#include "core/pem.h"
#include "server/ticket_keys.h"

namespace nightpost::server {
namespace {

using Bio = Handle<BIO, BIO_free_all>;
using BioMethod = Handle<BIO_METHOD, BIO_meth_free>;
using X509Ptr = Handle<X509, X509_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;

constexpr std::size_t kRecordBytesMax = 16'384;  // RFC 8446 §5.1

std::string openssl_words() {
  std::array<char, 256> text{};
  ERR_error_string_n(ERR_get_error(), text.data(), text.size());
  ERR_clear_error();
  return text.data();
}

/// h2 if the client offers it, else http/1.1, else no ALPN at all (RFC 7301 §3.2).
int choose_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned offered_size, void*) {
  static constexpr unsigned char kOurs[] = "\x02h2\x08http/1.1";
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kOurs, sizeof kOurs - 1, offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

int take_any_certificate(X509_STORE_CTX*, void*) { return 1; }

constexpr milliseconds kTicketKeyLifetime{3'600'000};
constexpr long kSessionSeconds = 3'600;  // a session is resumed for as long
constexpr std::size_t kTicketsAHandshake = 2;
constexpr unsigned char kSessionContext[] = "nightpost";

using SharedKeys = std::shared_ptr<TicketKeys>;

void free_ticket_keys(void*, void* keys, CRYPTO_EX_DATA*, int, long, void*) { delete static_cast<SharedKeys*>(keys); }

/// Where a context keeps its share of the TicketKeys.
int ticket_keys_index() {
  static const int kIndex = SSL_CTX_get_ex_new_index(0, nullptr, nullptr, nullptr, free_ticket_keys);
  return kIndex;
}

SharedKeys ticket_keys_of(const SSL_CTX* context) {
  const auto* keys = static_cast<const SharedKeys*>(SSL_CTX_get_ex_data(context, ticket_keys_index()));
  return keys ? *keys : nullptr;
}

/// OpenSSL asks: with which key to seal, or open, a ticket. 1: done, 0: a full handshake, 2: opened, and time for a new
/// one.
int choose_ticket_key(SSL* ssl, unsigned char* name, unsigned char* iv, EVP_CIPHER_CTX* cipher, EVP_MAC_CTX* mac,
                      int seals) {
  const SharedKeys keys = ticket_keys_of(SSL_get_SSL_CTX(ssl));
  if (!keys) return 0;
  const MonoTime now = std::chrono::steady_clock::now();
  const TicketKeys::Key* key =
      seals ? keys->sealing(now) : keys->opening(std::span<const std::uint8_t, 16>(name, 16), now);
  if (!key) return 0;
  std::array<std::uint8_t, 32> secret = key->mac;  // OpenSSL's parameters are not const
  std::array<char, 7> digest{"SHA256"};
  const std::array params = {OSSL_PARAM_construct_octet_string(OSSL_MAC_PARAM_KEY, secret.data(), secret.size()),
                             OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, digest.data(), 0),
                             OSSL_PARAM_construct_end()};
  const bool keyed = EVP_MAC_CTX_set_params(mac, params.data()) == 1;
  OPENSSL_cleanse(secret.data(), secret.size());
  if (!keyed) return seals ? -1 : 0;
  if (!seals) {
    if (EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) != 1) return 0;
    return key == keys->sealing(now) ? 1 : 2;
  }
  std::ranges::copy(key->name, name);
  if (RAND_bytes(iv, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) != 1) return -1;
  return EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nullptr, key->cipher.data(), iv) == 1 ? 1 : -1;
}

/// Sessions are resumed by tickets: nothing is kept here for a client that may not come back.
bool set_tickets(SSL_CTX* context, SSL_CTX* renewed) {
  SharedKeys shared = renewed ? ticket_keys_of(renewed) : nullptr;
  if (!shared) shared = std::make_shared<TicketKeys>(kTicketKeyLifetime);
  auto keys = std::make_unique<SharedKeys>(std::move(shared));
  if (SSL_CTX_set_ex_data(context, ticket_keys_index(), keys.get()) != 1) return false;
  keys.release();  // the context frees it
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_timeout(context, kSessionSeconds);
  // Needed where a certificate is asked for: OpenSSL resumes no session of an unnamed context then.
  return SSL_CTX_set_session_id_context(context, kSessionContext, sizeof kSessionContext - 1) == 1 &&
         SSL_CTX_set_num_tickets(context, kTicketsAHandshake) == 1 &&
         SSL_CTX_set_tlsext_ticket_key_evp_cb(context, choose_ticket_key) == 1;
}

Bio pem(std::string_view text) { return Bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size()))); }

}  // namespace

Result<SslContext> server_context(const ServerTls& tls, SSL_CTX* renewed) {
  ERR_clear_error();
  SslContext context(SSL_CTX_new(TLS_server_method()));
  if (!context) return fail(Errc::Io, openssl_words());
  if (SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION) != 1)
    return fail(Errc::Io, "TLS cannot be set up: " + openssl_words());
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION);
  if (!set_tickets(context.get(), renewed)) return fail(Errc::Io, "session tickets: " + openssl_words());
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_alpn_select_cb(context.get(), choose_protocol, nullptr);
  if (tls.ask_client_certificate) {
    SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
    SSL_CTX_set_cert_verify_callback(context.get(), take_any_certificate, nullptr);
  }
  const Bio chain = pem(tls.certificate_pem);
  const Bio key_text = pem(tls.private_key_pem);
  if (!chain || !key_text) return fail(Errc::Io, openssl_words());
  const X509Ptr leaf(PEM_read_bio_X509(chain.get(), nullptr, nullptr, kNoPassphrase));
  if (!leaf) return fail(Errc::Malformed, "server certificate cannot be read: " + openssl_words());
  const Key key(PEM_read_bio_PrivateKey(key_text.get(), nullptr, nullptr, kNoPassphrase));
  if (!key && is_encrypted_pem(tls.private_key_pem))
    return fail(Errc::Malformed, "server key is encrypted; give it without a passphrase");
  if (!key) return fail(Errc::Malformed, "server key cannot be read: " + openssl_words());
  if (SSL_CTX_use_certificate(context.get(), leaf.get()) != 1 || SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
    return fail(Errc::Malformed, "server certificate and key: " + openssl_words());
  while (const X509Ptr link{PEM_read_bio_X509(chain.get(), nullptr, nullptr, kNoPassphrase)})
    if (SSL_CTX_add1_chain_cert(context.get(), link.get()) != 1)
      return fail(Errc::Malformed, "chain of the server certificate cannot be used: " + openssl_words());
  const unsigned long why = ERR_peek_last_error();  // reading past the last certificate is one
  if (ERR_GET_LIB(why) != ERR_LIB_PEM || ERR_GET_REASON(why) != PEM_R_NO_START_LINE)
    return fail(Errc::Malformed, "chain of the server certificate cannot be read: " + openssl_words());
  ERR_clear_error();
  return context;
}

/// The socket's place, as OpenSSL sees it.
struct ServerTlsEngine::Wire {
  static ServerTlsEngine& engine(BIO* bio) { return *static_cast<ServerTlsEngine*>(BIO_get_data(bio)); }

  static int write(BIO* bio, const char* data, int size) {
    engine(bio).outgoing_.append(data, static_cast<std::size_t>(size));
    return size;
  }
  static int read(BIO* bio, char* to, int room) {
    std::string_view& incoming = engine(bio).incoming_;
    BIO_clear_retry_flags(bio);
    if (incoming.empty()) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const std::size_t count = std::min(incoming.size(), static_cast<std::size_t>(room));
    std::memcpy(to, incoming.data(), count);
    incoming.remove_prefix(count);
    return static_cast<int>(count);
  }
  static long control(BIO*, int command, long, void*) { return command == BIO_CTRL_FLUSH ? 1 : 0; }

  static const BIO_METHOD* method() {
    static const BioMethod kMethod = [] {
      BioMethod made(BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "server wire"));
      if (!made || BIO_meth_set_write(made.get(), write) != 1 || BIO_meth_set_read(made.get(), read) != 1 ||
          BIO_meth_set_ctrl(made.get(), control) != 1)
        throw std::bad_alloc();
      return made;
    }();
    return kMethod.get();
  }
};

ServerTlsEngine::ServerTlsEngine(SSL_CTX& context) : ssl_(SSL_new(&context)) {
  BIO* wire = ssl_ ? BIO_new(Wire::method()) : nullptr;
  if (!wire) throw std::bad_alloc();
  BIO_set_data(wire, this);
  BIO_set_init(wire, 1);
  SSL_set_bio(ssl_.get(), wire, wire);  // takes the one reference
  SSL_set_accept_state(ssl_.get());
}

Result<void> ServerTlsEngine::feed(std::string_view received, std::string& plain) {
  incoming_ = received;
  std::size_t filled = plain.size();
  for (;;) {
    ERR_clear_error();
    plain.resize(filled + kRecordBytesMax);
    const int count = SSL_read(ssl_.get(), plain.data() + filled, static_cast<int>(kRecordBytesMax));
    if (count > 0) {
      filled += static_cast<std::size_t>(count);
      continue;
    }
    plain.resize(filled);
    incoming_ = {};  // OpenSSL took all of it before it asked for more
    const int why = SSL_get_error(ssl_.get(), count);
    if (why == SSL_ERROR_WANT_READ) return {};
    if (why == SSL_ERROR_ZERO_RETURN) {
      closed_by_peer_ = true;
      return {};
    }
    return fail(Errc::ConnectionLost, "TLS: " + openssl_words());
  }
}

Result<void> ServerTlsEngine::write(std::string_view plain) {
  ERR_clear_error();
  std::size_t written = 0;
  if (plain.empty() || SSL_write_ex(ssl_.get(), plain.data(), plain.size(), &written) == 1) return {};
  return fail(Errc::ConnectionLost, "TLS: " + openssl_words());  // the wire never blocks, so this is no retry
}

void ServerTlsEngine::close() {
  if (ready()) SSL_shutdown(ssl_.get());
  ERR_clear_error();
}

void ServerTlsEngine::pull(std::string& out) {
  out += outgoing_;
  outgoing_.clear();
}

bool ServerTlsEngine::ready() const noexcept { return SSL_is_init_finished(ssl_.get()) == 1; }

bool ServerTlsEngine::chose_h2() const noexcept {
  const unsigned char* name = nullptr;
  unsigned size = 0;
  SSL_get0_alpn_selected(ssl_.get(), &name, &size);
  return size == 2 && std::memcmp(name, "h2", 2) == 0;
}

std::string ServerTlsEngine::peer_certificate_pem() const {
  const X509* certificate = SSL_get0_peer_certificate(ssl_.get());
  if (!certificate) return {};
  const Bio out(BIO_new(BIO_s_mem()));
  char* text = nullptr;
  if (!out || PEM_write_bio_X509(out.get(), certificate) != 1) return {};
  const long size = BIO_get_mem_data(out.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace nightpost::server
