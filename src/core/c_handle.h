// Owner of a C handle: `using SslCtx = Handle<SSL_CTX, SSL_CTX_free>;`. As big as the raw pointer, null-safe,
// move-only.
#pragma once

#include <memory>

namespace nightpost {

template <auto Free>
struct FreeWith {
  template <class T>
  void operator()(T* handle) const noexcept {
    Free(handle);
  }
};
template <class T, auto Free>
using Handle = std::unique_ptr<T, FreeWith<Free>>;

}  // namespace nightpost
