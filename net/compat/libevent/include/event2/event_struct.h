/* The layout of struct event, for programs that embed one in their own structures. It is part of
   the binary interface and never changes. Programs set up an event by event_assign() or event_set()
   and leave its members alone; once the event is not pending they may copy or free the memory. */
#ifndef EVENT2_EVENT_STRUCT_H_INCLUDED_
#define EVENT2_EVENT_STRUCT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/keyvalq_struct.h>
#include <event2/util.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Bits of event_callback.evcb_flags: where an event is listed. */
#define EVLIST_TIMEOUT 0x01      /* waits for its timeout */
#define EVLIST_INSERTED 0x02     /* waits for its descriptor or signal */
#define EVLIST_SIGNAL 0x04       /* kept for old programs; never set */
#define EVLIST_ACTIVE 0x08       /* its callback is due */
#define EVLIST_INTERNAL 0x10     /* the library's own; does not keep a loop alive */
#define EVLIST_ACTIVE_LATER 0x20 /* its callback is due in the next pass */
#define EVLIST_FINALIZING 0x40   /* being finalized: may not be added or made active */
#define EVLIST_INIT 0x80         /* has been assigned */
#define EVLIST_ALL 0xff

/* The links of the queues of <sys/queue.h>, for those who do not include it. */
#ifndef TAILQ_ENTRY
#define EVENT_DEFINED_TQENTRY_
#define TAILQ_ENTRY(type)   \
  struct {                  \
    struct type* tqe_next;  \
    struct type** tqe_prev; \
  }
#endif
#ifndef TAILQ_HEAD
#define EVENT_DEFINED_TQHEAD_
#define TAILQ_HEAD(name, type) \
  struct name {                \
    struct type* tqh_first;    \
    struct type** tqh_last;    \
  }
#endif
#ifndef LIST_ENTRY
#define EVENT_DEFINED_LISTENTRY_
#define LIST_ENTRY(type)   \
  struct {                 \
    struct type* le_next;  \
    struct type** le_prev; \
  }
#endif
#ifndef LIST_HEAD
#define EVENT_DEFINED_LISTHEAD_
#define LIST_HEAD(name, type) \
  struct name {               \
    struct type* lh_first;    \
  }
#endif

struct event;
struct event_base;

/* A callback in a loop's queues: the first part of every event. */
struct event_callback {
  TAILQ_ENTRY(event_callback) evcb_active_next;
  short evcb_flags;
  ev_uint8_t evcb_pri; /* 0 is the most urgent */
  ev_uint8_t evcb_closure;
  union {
    void (*evcb_callback)(evutil_socket_t, short, void*);
    void (*evcb_selfcb)(struct event_callback*, void*);
    void (*evcb_evfinalize)(struct event*, void*);
    void (*evcb_cbfinalize)(struct event_callback*, void*);
  } evcb_cb_union;
  void* evcb_arg;
};

struct event {
  struct event_callback ev_evcallback;
  union {
    TAILQ_ENTRY(event) ev_next_with_common_timeout;
    int min_heap_idx;
  } ev_timeout_pos;
  evutil_socket_t ev_fd;
  struct event_base* ev_base;
  union {
    struct {
      LIST_ENTRY(event) ev_io_next;
      struct timeval ev_timeout; /* a persistent event's period */
    } ev_io;
    struct {
      LIST_ENTRY(event) ev_signal_next;
      short ev_ncalls; /* calls that are due */
      short* ev_pncalls;
    } ev_signal;
  } ev_;
  short ev_events;
  short ev_res; /* what the callback is told */
  struct timeval ev_timeout;
};

TAILQ_HEAD(event_list, event);
#ifdef EVENT_DEFINED_TQENTRY_
#undef TAILQ_ENTRY
#endif
#ifdef EVENT_DEFINED_TQHEAD_
#undef TAILQ_HEAD
#endif

LIST_HEAD(event_dlist, event);
#ifdef EVENT_DEFINED_LISTENTRY_
#undef LIST_ENTRY
#endif
#ifdef EVENT_DEFINED_LISTHEAD_
#undef LIST_HEAD
#endif

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_EVENT_STRUCT_H_INCLUDED_ */
