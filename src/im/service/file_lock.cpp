#include "im/service/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace nightpost::im {

Result<FileLock> FileLock::take(const std::string& store_path) {
  const std::string path = store_path + "-im";
  const int fd = ::open(path.c_str(), O_CREAT | O_CLOEXEC | O_RDWR, 0600);
  if (fd < 0) return fail(Errc::Io, path + ": " + std::generic_category().message(errno));
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK) return fail(Errc::Overloaded, path + ": another IM server has this store's file");
  return fail(Errc::Io, path + ": " + std::generic_category().message(errno));
}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

}  // namespace nightpost::im
