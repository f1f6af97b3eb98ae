// The belt around calls that promise not to throw: a bug behind one of them ends what was asked for, not the process.
#pragma once

#include <exception>
#include <optional>
#include <string>
#include <utility>

namespace nightpost {

/// Runs `work`. nullopt: it returned. Else what it threw, in its own words. std::bad_alloc is an exception like the
/// others: where the system hands out memory freely it means an absurd size, and that is the input's fault. If there
/// really is no memory, whoever deals with the exception needs some too, and that one ends the process.
template <class Work>
std::optional<std::string> thrown_by(Work&& work) {
  try {
    std::forward<Work>(work)();
    return std::nullopt;
  } catch (const std::exception& thrown) {
    return std::string(thrown.what());
  } catch (...) {
    return std::string("an exception that is no std::exception");
  }
}

}  // namespace nightpost
