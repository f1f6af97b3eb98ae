// Any bytes as a userSig, and any bytes as the JSON in one: refused with a code or, signed by our key, valid; never a
// crash. Without the key nothing is valid.
#include <zlib.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "core/text.h"
#include "im/domain/user_sig.h"

using namespace nightpost;
using namespace nightpost::im;

namespace {
void must(bool holds) {
  if (!holds) std::abort();
}

std::string packed(std::string_view json) {
  uLongf size = compressBound(json.size());
  std::string out(size, '\0');
  must(compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(json.data()), json.size(),
                 1) == Z_OK);
  out.resize(size);
  std::string text = base64(out);
  for (char& c : text) c = c == '+' ? '*' : c == '/' ? '-' : c == '=' ? '_' : c;
  return text;
}

void look_at(std::string_view sig) {
  static const std::string kKeys[] = {"a key that no input holds, 53 bytes of it, and more"};
  const auto answer = verify_user_sig(sig, AppId{1'400'000'001}, "u", kKeys, wall_from_ms(1'700'000'000'000));
  must(!answer);
  must(answer.error().why.starts_with("signature: "));
}
}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  look_at(bytes);
  look_at(packed(bytes));
  // A user that is fit to be one has a valid signature, and only under his own name.
  const std::string user = "u" + hex(bytes.substr(0, 15));
  const std::string keys[] = {"k"};
  const WallTime now = wall_from_ms(1'700'000'000'000);
  const std::string sig = make_user_sig(AppId{7}, user, keys[0], now, std::chrono::seconds(60));
  must(verify_user_sig(sig, AppId{7}, user, keys, now).has_value());
  must(!verify_user_sig(sig, AppId{7}, "u", keys, now) || user == "u");
  return 0;
}
