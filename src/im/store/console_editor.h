// What the console writes into the companion's tables: words and settings of apps, which IM servers read again and
// again. A connection of its own, opened by the first change; migrates nothing. Single-threaded.
#pragma once

#include <optional>
#include <utility>

#include "core/result.h"
#include "im/store/console_reader.h"
#include "im/store/rule_editor.h"

namespace nightpost::im {

class ConsoleEditor {
 public:
  ConsoleEditor(store::StoreUrl url, store::StoreOptions options) : url_(std::move(url)), options_(options) {}

  /// Good until the next call. Errors as of ConsoleReader, whose `reader` looks first: tables of another version are
  /// not written, and RuleEditor::open() would migrate older ones under the feet of a server that runs.
  Result<RuleEditor*> editor(ConsoleReader& reader) {
    if (auto there = reader.ready(); !there) return std::unexpected(std::move(there.error()));
    if (!editor_) {
      auto opened = RuleEditor::open(url_, options_);
      if (!opened) return std::unexpected(std::move(opened.error()));
      editor_.emplace(*std::move(opened));
    }
    return &*editor_;
  }

 private:
  store::StoreUrl url_;
  store::StoreOptions options_;
  std::optional<RuleEditor> editor_;
};

}  // namespace nightpost::im
