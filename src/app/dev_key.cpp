#include "app/dev_key.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <unistd.h>

#include <cerrno>

#include "core/c_handle.h"

namespace nightpost::app {
namespace {

template <class Write>
std::string pem_of(Write write) {
  const Handle<BIO, BIO_free_all> bio(BIO_new(BIO_s_mem()));
  char* data = nullptr;
  if (bio == nullptr || write(bio.get()) != 1) return "";
  const long size = BIO_get_mem_data(bio.get(), &data);
  return {data, static_cast<std::size_t>(size)};
}

}  // namespace

Result<DevKey> make_dev_key() {
  const Handle<EVP_PKEY, EVP_PKEY_free> key(EVP_EC_gen("P-256"));
  if (key == nullptr) return fail(Errc::Io, "OpenSSL cannot make a P-256 key");
  DevKey made;
  made.private_pem = pem_of(
      [&](BIO* bio) { return PEM_write_bio_PKCS8PrivateKey(bio, key.get(), nullptr, nullptr, 0, nullptr, nullptr); });
  made.public_pem = pem_of([&](BIO* bio) { return PEM_write_bio_PUBKEY(bio, key.get()); });
  if (made.private_pem.empty() || made.public_pem.empty()) return fail(Errc::Io, "OpenSSL cannot write a P-256 key");
  return made;
}

Result<void> write_private_file(const std::string& path, const std::string& text) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0)
    return errno == EEXIST ? fail(Errc::Malformed, path + ": exists already and is not overwritten")
                           : fail(Errc::Io, path + ": cannot be created");
  const bool written = ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  if (::close(file) != 0 || !written) return fail(Errc::Io, path + ": cannot be written");
  return {};
}

}  // namespace nightpost::app
