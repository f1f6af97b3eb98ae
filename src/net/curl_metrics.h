// What curl lanes count. Written by their loop, read by the scrape from another thread; nothing decides by reading it.
#pragma once

#include "core/counter.h"

namespace nightpost::net {

struct CurlMetrics {
  Counter requests;                   // taken by send()
  Counter connections_opened;         // TCP connections begun, failed ones too
  Counter connects_failed;            // requests that failed before they could be sent: name, TCP, proxy or TLS
  Counter lost;                       // requests whose connection ended, or whose answer was too large
  Counter timeouts;                   // requests answered with Timeout
  Counter overloads;                  // requests answered with Overloaded
  Counter stray_answers;              // for requests that were not open: a bug, dropped
  Counter bytes_in;                   // of answers' bodies
  Counter connections, open, queued;  // gauges: sockets, requests at work, requests that wait
  Counter kept_bytes;                 // gauge: memory of buffers and of what waits for the next requests
};

}  // namespace nightpost::net
