#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_METHOD_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_METHOD_H_

#include <event2/event.h>

namespace spindle::compat {

// One of the faces that a loop can show. All of them are epoll; those that promise to take any
// descriptor count files as always ready, and have levels only.
struct Method {
  const char* name;
  const char* environment;  // A variable that rules the method out.
  int features;             // Of EV_FEATURE_*.
};

// Null if there is none that `config`, which may be null, and the environment allow.
const Method* ChooseMethod(const event_config* config);

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_METHOD_H_
