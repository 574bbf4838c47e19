// CHECK: an invariant of our own code. It is always on, prints what was expected and where, and
// aborts: a bug must never go on with a state that nobody has thought of. Bad input and a failing
// world are not bugs; they have Result and Remedy.
#pragma once

namespace muster::base {

[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace muster::base

#define CHECK(condition)                             \
  (__builtin_expect(static_cast<bool>(condition), 1) \
       ? static_cast<void>(0)                        \
       : ::muster::base::check_failed(#condition, __FILE__, __LINE__))
