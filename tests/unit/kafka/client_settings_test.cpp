#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "kafka/client_conf.h"
#include "kafka/consumer.h"

namespace nightpost::kafka {
namespace {

/// A file of its own with these bytes, until the end of the test.
class SecretFile {
 public:
  explicit SecretFile(const std::string& bytes) {
    std::string folder = (std::filesystem::temp_directory_path() / "nightpost-secret-XXXXXX").string();
    REQUIRE(::mkdtemp(folder.data()) != nullptr);
    folder_ = folder;
    std::ofstream(path(), std::ios::binary) << bytes;
  }
  ~SecretFile() { std::filesystem::remove_all(folder_); }
  SecretFile(const SecretFile&) = delete;
  SecretFile& operator=(const SecretFile&) = delete;
  std::string path() const { return folder_ + "/secret"; }

 private:
  std::string folder_;
};

TEST_CASE("client settings: a secret comes from its file, without the line's end", "[kafka][settings]") {
  struct Row {
    const char *name, *bytes, *want;
  };
  const Row row = GENERATE(values<Row>({
      {"bare", "s3cret", "s3cret"},
      {"a line", "s3cret\n", "s3cret"},
      {"a line of Windows'", "s3cret\r\n", "s3cret"},
      {"blanks are part of it", " s3 cret \n", " s3 cret "},
      {"only the last line's end", "s3cret\n\n", "s3cret\n"},
  }));
  CAPTURE(row.name);
  const SecretFile file(row.bytes);
  const auto settings =
      client_settings({.client = {{"sasl.username", "u"}}, .client_files = {{"sasl.password", file.path()}}});
  REQUIRE(settings.has_value());
  CHECK(settings->at("sasl.password") == row.want);
  CHECK(settings->at("sasl.username") == "u");
}

TEST_CASE("client settings: what is wrong names key and file, never a secret", "[kafka][settings]") {
  const SecretFile good("s3cret"), empty(""), large(std::string(100'000, 's'));
  const SecretFile bad("s3cret-protocol");
  struct Row {
    const char* name;
    std::map<std::string, std::string> client, files;
    std::string want;
  };
  const std::vector<Row> rows = {
      {"a password in the text", {{"sasl.password", "s3cret"}}, {}, "sasl.password: a secret"},
      {"a key in the text", {{"ssl.key.pem", "s3cret"}}, {}, "ssl.key.pem: a secret"},
      {"a key's password in the text", {{"ssl.key.password", "s3cret"}}, {}, "ssl.key.password: a secret"},
      {"a file that is not there", {}, {{"sasl.password", "/nonexistent/s"}}, "file /nonexistent/s is not there"},
      {"an empty file", {}, {{"sasl.password", empty.path()}}, "is empty"},
      {"a folder", {}, {{"sasl.password", "/"}}, "no regular file"},
      {"what has no end", {}, {{"sasl.password", "/dev/zero"}}, "no regular file"},
      {"a large file", {}, {{"sasl.password", large.path()}}, "is larger than 64 KiB"},
      {"no file", {}, {{"sasl.password", ""}}, "no file is named"},
      {"an unknown setting", {}, {{"sasl.passwort", good.path()}}, "sasl.passwort: unknown to librdkafka"},
      {"one of ours", {}, {{"enable.auto.commit", good.path()}}, "enable.auto.commit: set elsewhere"},
      {"given twice", {{"sasl.username", "u"}}, {{"sasl.username", good.path()}}, "sasl.username: set elsewhere"},
      {"a content that is no value", {}, {{"security.protocol", bad.path()}}, "holds is not taken"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.name);
    const auto settings = client_settings({.client = row.client, .client_files = row.files});
    REQUIRE_FALSE(settings.has_value());
    CHECK_THAT(settings.error().detail, Catch::Contains(row.want));
    CHECK_THAT(settings.error().detail, !Catch::Contains("s3cret"));
    ConsumerMetrics metrics;
    CHECK_FALSE(Consumer::start({.kafka = {.client = row.client, .client_files = row.files}}, {}, metrics).has_value());
  }
}

TEST_CASE("client settings: certificates are looked at unless librdkafka was told not to", "[kafka][settings]") {
  const auto [value, looks] = GENERATE(table<std::string, bool>(
      {{"true", true}, {"True", true}, {"1", true}, {"false", false}, {"False", false}, {"0", false}}));
  CAPTURE(value);
  Opaque opaque;
  const auto conf = make_conf({.client = {{"enable.ssl.certificate.verification", value}}}, {}, opaque);
  REQUIRE(conf.has_value());
  char pointer[32] = "";
  std::size_t size = sizeof(pointer);
  const bool set = rd_kafka_conf_get(conf->get(), "ssl.certificate.verify_cb", pointer, &size) == RD_KAFKA_CONF_OK &&
                   std::string_view(pointer).starts_with("0x");
  CHECK(set == looks);
}

}  // namespace
}  // namespace nightpost::kafka
