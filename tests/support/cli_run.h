// `nightpost …` run in this process as a user runs it: its exit code and what it says.
#pragma once

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "app/cli.h"

namespace nightpost::support {

/// What a stream says meanwhile goes to a file.
class KeptStream {
 public:
  KeptStream(std::FILE* stream, std::string path) : stream_(stream), path_(std::move(path)) {
    std::fflush(stream_);
    saved_ = ::dup(::fileno(stream_));
    std::FILE* const to = std::fopen(path_.c_str(), "w");
    ::dup2(::fileno(to), ::fileno(stream_));
    std::fclose(to);
  }
  KeptStream(const KeptStream&) = delete;
  KeptStream& operator=(const KeptStream&) = delete;
  ~KeptStream() {
    std::fflush(stream_);
    ::dup2(saved_, ::fileno(stream_));
    ::close(saved_);
  }
  std::string text() const {
    std::fflush(stream_);
    std::ifstream in(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

 private:
  std::FILE* stream_;
  std::string path_;
  int saved_ = -1;
};

struct CliRan {
  int code = -1;
  std::string out, err;
};
/// `arguments` without "nightpost"; `folder` keeps the streams' files.
inline CliRan run_cli(const std::string& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "nightpost");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  CliRan ran;
  const KeptStream out(stdout, folder + "/out"), err(stderr, folder + "/err");
  ran.code = app::run(static_cast<int>(argv.size()), argv.data());
  ran.out = out.text();
  ran.err = err.text();
  return ran;
}

}  // namespace nightpost::support
