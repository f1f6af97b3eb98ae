#include "providers/ext_form.h"

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <set>
#include <vector>

#include "core/text.h"

namespace nightpost {
namespace {

constexpr std::size_t kObjectBytesMax = 8192;  // above what any vendor takes: no need to read it

/// Reads a JSON text without keeping it, and notes whether an object in it has a member twice.
class MemberCounter final : public nlohmann::json_sax<nlohmann::json> {
 public:
  bool repeated = false;

  bool null() override { return true; }
  bool boolean(bool) override { return true; }
  bool number_integer(std::int64_t) override { return true; }
  bool number_unsigned(std::uint64_t) override { return true; }
  bool number_float(double, const std::string&) override { return true; }
  bool string(std::string&) override { return true; }
  bool binary(nlohmann::json::binary_t&) override { return true; }
  bool start_object(std::size_t) override {
    seen_.emplace_back();
    return true;
  }
  bool key(std::string& name) override {
    repeated |= !seen_.back().insert(name).second;
    return true;
  }
  bool end_object() override {
    seen_.pop_back();
    return true;
  }
  bool start_array(std::size_t) override { return true; }
  bool end_array() override { return true; }
  bool parse_error(std::size_t, const std::string&, const nlohmann::json::exception&) override { return false; }

 private:
  std::vector<std::set<std::string>> seen_;  // of the objects around
};

}  // namespace

std::string ext_object(std::string_view ext) {
  if (ext.empty()) return {};
  const std::size_t start = ext.find_first_not_of(" \t\r\n");
  if (start != std::string_view::npos && ext[start] == '{' && ext.size() <= kObjectBytesMax) {
    MemberCounter members;
    if (nlohmann::json::sax_parse(ext, &members))
      return members.repeated ? nlohmann::ordered_json::parse(ext).dump() : std::string(ext);
  }
  std::string wrapped = "{";
  append_json_member(wrapped, "ext", ext);
  return wrapped += '}';
}

std::string ext_reference(const Notification& notification) {
  const std::string& id = notification.collapse_id.empty() ? notification.push_id : notification.collapse_id;
  if (id.empty()) return {};
  std::string reference = "{";
  append_json_member(reference, "ref", id);
  reference += '}';
  return reference.size() < notification.ext.size() ? reference : std::string();
}

}  // namespace nightpost
