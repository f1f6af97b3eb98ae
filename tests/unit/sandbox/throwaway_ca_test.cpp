#include "sandbox/throwaway_ca.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <fstream>

namespace nightpost::sandbox {
namespace {

namespace fs = std::filesystem;
using std::chrono::days;

const WallTime kNow = wall_from_ms(1'795'000'000'000);

struct Folder {
  fs::path path;
  Folder() {
    std::string name = (fs::temp_directory_path() / "nightpost-ca-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
};

mode_t mode_of(const fs::path& file) {
  struct stat facts{};
  REQUIRE(::stat(file.c_str(), &facts) == 0);
  return facts.st_mode & 0777;
}

TEST_CASE("throwaway ca: kept in its folder, keys for the owner only", "[sandbox]") {
  const Folder folder;
  const std::string data = (folder.path / "deeper" / "data").string();
  const auto first = identity_in(data, kNow);
  REQUIRE(first.has_value());
  CHECK(mode_of(fs::path(data) / "ca.key") == 0600);
  CHECK(mode_of(fs::path(data) / "server.key") == 0600);
  const auto again = identity_in(data, kNow + days(100));
  REQUIRE(again.has_value());
  CHECK(again->ca_pem == first->ca_pem);
  CHECK(again->certificate_pem == first->certificate_pem);
  CHECK(again->private_key_pem == first->private_key_pem);
}

TEST_CASE("throwaway ca: an old server certificate is made again by the same CA", "[sandbox]") {
  const Folder folder;
  const auto first = identity_in(folder.path, kNow);
  const auto later = identity_in(folder.path, kNow + days(360));
  REQUIRE(later.has_value());
  CHECK(later->ca_pem == first->ca_pem);
  CHECK(later->certificate_pem != first->certificate_pem);
  const auto much_later = identity_in(folder.path, kNow + days(3645));
  REQUIRE(much_later.has_value());
  CHECK(much_later->ca_pem != first->ca_pem);
}

TEST_CASE("throwaway ca: damaged or foreign files are made again", "[sandbox]") {
  const Folder folder;
  const Folder other;
  const auto first = identity_in(folder.path, kNow);
  REQUIRE(identity_in(other.path, kNow).has_value());
  const auto replaced = [&](const char* file, const std::string& text) {
    std::ofstream(folder.path / file, std::ios::trunc) << text;
    const auto made = identity_in(folder.path, kNow);
    REQUIRE(made.has_value());
    return *made;
  };
  CHECK(replaced("server.key", "x").ca_pem == first->ca_pem);
  for (const char* file : {"server.pem", "server.key"})
    fs::copy_file(other.path / file, folder.path / file, fs::copy_options::overwrite_existing);
  const auto foreign = identity_in(folder.path, kNow);
  REQUIRE(foreign.has_value());
  CHECK(foreign->ca_pem == first->ca_pem);
  std::ifstream theirs(other.path / "server.pem");
  CHECK(foreign->certificate_pem != std::string(std::istreambuf_iterator<char>(theirs), {}));
  CHECK(replaced("ca.pem", "").ca_pem != first->ca_pem);
}

TEST_CASE("throwaway ca: a folder that cannot be is an error", "[sandbox]") {
  const Folder folder;
  std::ofstream(folder.path / "file") << "x";
  const auto made = identity_in((folder.path / "file" / "data").string(), kNow);
  REQUIRE_FALSE(made.has_value());
  CHECK(made.error().code == Errc::Io);
}

}  // namespace
}  // namespace nightpost::sandbox
