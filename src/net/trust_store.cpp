#include "net/trust_store.h"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <new>

#include "core/pem.h"
#include "net/openssl_error.h"

namespace nightpost::net {
namespace {

TrustStore empty_store() {
  X509_STORE* const store = X509_STORE_new();
  if (store == nullptr) throw std::bad_alloc();
  return {store, X509_STORE_free};
}

Result<TrustStore> system_store() {
  ERR_clear_error();
  TrustStore store = empty_store();
  if (X509_STORE_set_default_paths(store.get()) != 1)
    return fail(Errc::Io, "the system's certificate authorities cannot be read: " + take_openssl_error());
  ERR_clear_error();  // a bundle or folder that is not there is no mistake
  return store;
}

}  // namespace

TrustStores::TrustStores() : system_(system_store()) {
  if (!system_) return;
  STACK_OF(X509)* const all = X509_STORE_get1_all_certs(system_->get());
  if (all == nullptr) throw std::bad_alloc();
  while (X509* const one = sk_X509_pop(all)) authorities_.emplace_back(one);
  sk_X509_free(all);
}

Result<TrustStore> TrustStores::make(const std::string& ca_pem) const {
  ERR_clear_error();
  TrustStore store = empty_store();
  // The folder of the system's authorities is looked into when a chain asks for one; the bundle is what was read.
  X509_LOOKUP* const folder = X509_STORE_add_lookup(store.get(), X509_LOOKUP_hash_dir());
  if (folder == nullptr || X509_LOOKUP_add_dir(folder, nullptr, X509_FILETYPE_DEFAULT) != 1)
    return fail(Errc::Io, "the system's certificate authorities cannot be read: " + take_openssl_error());
  for (const auto& authority : authorities_)
    if (X509_STORE_add_cert(store.get(), authority.get()) != 1)
      return fail(Errc::Io, "a certificate authority of the system cannot be used: " + take_openssl_error());

  const Handle<BIO, BIO_free_all> bio(BIO_new_mem_buf(ca_pem.data(), static_cast<int>(ca_pem.size())));
  if (!bio) throw std::bad_alloc();
  std::size_t count = 0;
  while (const Handle<X509, X509_free> anchor{PEM_read_bio_X509(bio.get(), nullptr, nullptr, kNoPassphrase)}) {
    if (X509_STORE_add_cert(store.get(), anchor.get()) != 1)
      return fail(Errc::Malformed, "a certificate of ca_pem cannot be used: " + take_openssl_error());
    ++count;
  }
  if (count == 0) return fail(Errc::Malformed, "ca_pem holds no certificate");
  if (!end_of_pem()) return fail(Errc::Malformed, "a certificate of ca_pem cannot be read: " + take_openssl_error());
  return store;
}

Result<TrustStore> TrustStores::get(const std::string& ca_pem) {
  if (!system_ || ca_pem.empty()) return system_;
  const std::lock_guard lock(mutex_);
  if (const auto known = std::ranges::find(entries_, ca_pem, &Entry::ca_pem); known != entries_.end()) {
    entries_.splice(entries_.begin(), entries_, known);
    return known->store;
  }
  auto made = make(ca_pem);
  if (!made) return made;
  std::size_t unused = 0;
  std::erase_if(entries_, [&](const Entry& e) { return e.store.use_count() == 1 && ++unused >= kUnusedMax; });
  entries_.push_front({ca_pem, *made});
  return made;
}

std::size_t TrustStores::size() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

Result<TrustStore> trust_store_from(TrustStores* shared, const std::string& ca_pem) {
  return shared != nullptr ? shared->get(ca_pem) : TrustStores().get(ca_pem);
}

}  // namespace nightpost::net
