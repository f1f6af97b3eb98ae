#include "app/redaction.h"

#include <algorithm>
#include <cstddef>

#include "core/text.h"
#include "providers/form_field.h"

namespace nightpost::app {
namespace {

constexpr int kDepth = 3;  // a URL in a JSON text in a form

}  // namespace

void Redaction::hide(std::string_view secret) {
  if (secret.empty()) return;
  std::vector<std::string> forms = {std::string(secret)};
  for (std::size_t from = 0, depth = 0; depth < kDepth; ++depth) {
    const std::size_t to = forms.size();
    for (; from < to; ++from) {
      std::string as_json, as_form;
      append_json_escaped(as_json, forms[from]);
      append_form_escaped(as_form, forms[from]);
      for (const std::string& form : {as_json, as_form})
        if (std::ranges::find(forms, form) == forms.end()) forms.push_back(form);
    }
  }
  for (std::string& form : forms)
    if (std::ranges::find(hidden_, form) == hidden_.end()) hidden_.push_back(std::move(form));
  std::ranges::sort(hidden_, std::ranges::greater(), &std::string::size);
}

void Redaction::hide_authorization(std::string_view value) {
  constexpr std::string_view kKey = "key=";
  if (const std::size_t blank = value.find(' '); blank != std::string_view::npos)
    value.remove_prefix(blank + 1);
  else if (value.starts_with(kKey))
    value.remove_prefix(kKey.size());
  hide(value);
}

void Redaction::hide_key_of(std::string_view url) {
  const std::size_t question = url.find('?');
  if (question == std::string_view::npos) return;
  if (const auto key = form_field(url.substr(question + 1), "key")) hide(*key);
}

std::string Redaction::shown(std::string text) const {
  constexpr std::string_view kInstead = "(redacted)";
  for (const std::string& secret : hidden_)
    for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at + kInstead.size()))
      text.replace(at, secret.size(), kInstead);
  return text;
}

}  // namespace nightpost::app
