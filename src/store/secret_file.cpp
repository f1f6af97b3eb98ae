#include "store/secret_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace nightpost::store {
namespace {

std::string words_of(int error) { return std::generic_category().message(error); }

struct CloseFd {
  int fd;
  ~CloseFd() { ::close(fd); }
};

}  // namespace

Result<std::string> read_secret_file(const std::string& what, const std::string& file) {
  const std::string where = what + " " + file + ": ";
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);  // a FIFO must not hang the start
  if (fd < 0)
    return fail(errno == ENOENT   ? Errc::NotFound
                : errno == EACCES ? Errc::Unauthorized
                                  : Errc::Io,
                where + words_of(errno));
  const CloseFd closer{fd};
  struct stat about{};  // of the open descriptor: what is checked is what is read
  if (::fstat(fd, &about) != 0) return fail(Errc::Io, where + words_of(errno));
  if (!S_ISREG(about.st_mode)) return fail(Errc::Malformed, where + "not a regular file");
  if ((about.st_mode & (S_IRWXG | S_IRWXO)) != 0)
    return fail(Errc::Unauthorized, where + "group or others may use it, do: chmod 600 " + file);
  if (about.st_uid != ::geteuid() && about.st_uid != 0)
    return fail(Errc::Unauthorized, where + "belongs to another user");
  if (about.st_size > off_t{kSecretFileBytesMax})
    return fail(Errc::Malformed, where + "longer than " + std::to_string(kSecretFileBytesMax) + " bytes");
  std::string text(kSecretFileBytesMax, '\0');
  const ssize_t got = ::read(fd, text.data(), text.size());
  if (got < 0) return fail(Errc::Io, where + words_of(errno));
  text.resize(static_cast<std::size_t>(got));
  return text;
}

}  // namespace nightpost::store
