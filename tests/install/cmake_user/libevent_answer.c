/* The answer comes from libevent's own loop, which runs inside a callback of Spindle's. */

#include <event2/event.h>

static void OnTimer(evutil_socket_t fd, short what, void* answer) {
  (void)fd;
  if (what == EV_TIMEOUT) *(int*)answer += 2;
}

int Answer(void) {
  int answer = 0;
  struct timeval soon = {0, 1000};
  struct event_base* base = event_base_new();
  event_base_once(base, -1, EV_TIMEOUT, OnTimer, &answer, &soon);
  event_base_dispatch(base);
  event_base_free(base);
  return answer;
}
