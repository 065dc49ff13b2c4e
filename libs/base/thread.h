#pragma once

#include <string>
#include <thread>
#include <utility>

#include <pthread.h>

namespace penstock {

/// A jthread with a name that debuggers, `top -H` and flame graphs show (15 characters count).
/// `body` takes a std::stop_token.
template <typename Body>
std::jthread StartThread(std::string name, Body body) {
  std::jthread thread(
      [body = std::move(body)](std::stop_token stop) mutable { body(std::move(stop)); });
  pthread_setname_np(thread.native_handle(), name.substr(0, 15).c_str());
  return thread;
}

}  // namespace penstock
