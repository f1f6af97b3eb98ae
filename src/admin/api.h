// The admin API and the page beside it: a call in, its answer out. Blocks for the store, the brokers or a vendor.
#pragma once

#include "admin/http_call.h"

namespace nightpost::observe {
class Log;
}

namespace nightpost::admin {

struct Tools;

struct Answered {
  HttpAnswer http;
  bool changed = false;       // something that the audit log is to know
  bool not_recorded = false;  // … and it took no entry
};

/// Total: what handlers throw is a bug, answered 500. `log`: null: nothing is logged.
Answered answer(const HttpCall& call, const Tools& tools, observe::Log* log);

/// A file of the page, or index.html for a path without a dot. Not for /v1/. Pure.
HttpAnswer page_answer(const HttpCall& call);

}  // namespace nightpost::admin
