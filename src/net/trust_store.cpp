#include "net/trust_store.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>

#include <new>

namespace nightpost::net {

Result<TrustStore> make_trust_store(const std::string& ca_pem) {
  TrustStore store(X509_STORE_new());
  if (!store) throw std::bad_alloc();
  X509_STORE_set_default_paths(store.get());
  std::size_t count = 0;
  if (!ca_pem.empty()) {
    const Handle<BIO, BIO_free_all> bio(BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
    while (const Handle<X509, X509_free> anchor{PEM_read_bio_X509(bio.get(), nullptr, nullptr, nullptr)}) {
      X509_STORE_add_cert(store.get(), anchor.get());
      ++count;
    }
  }
  ERR_clear_error();
  if (!ca_pem.empty() && count == 0) return fail(Errc::Malformed, "ca_pem holds no certificate");
  return store;
}

}  // namespace nightpost::net
