/* Loops and events.

   An event_base is a loop; an event is a callback of that loop, for a descriptor, a signal, a
   timeout, or made active by hand. An event is pending from event_add() until it has run (or, if it
   is EV_PERSIST, until event_del()).

   Functions that return int return 0 on success and -1 on failure, unless they say otherwise. With
   locks (event2/thread.h) every function may be called from any thread, without them a base and its
   events belong to one thread. */
#ifndef EVENT2_EVENT_H_INCLUDED_
#define EVENT2_EVENT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/util.h>
#include <event2/visibility.h>
#include <stdio.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event;
struct event_base;
struct event_config;

/* ---- The library as a whole. */

/* Every use of an event is checked from now on: events that were never assigned, or are assigned
   while pending, end the program. Before the first base and event. */
void event_enable_debug_mode(void);
/* In debug mode: the memory of an event on the stack or in another structure goes away. */
void event_debug_unassign(struct event* ev);

const char* event_get_version(void);
ev_uint32_t event_get_version_number(void);
#define LIBEVENT_VERSION EVENT__VERSION
#define LIBEVENT_VERSION_NUMBER EVENT__NUMERIC_VERSION

/* sizeof(struct event), for programs that embed events without seeing event2/event_struct.h. */
size_t event_get_struct_event_size(void);

/* Severities of log lines. */
#define EVENT_LOG_DEBUG 0
#define EVENT_LOG_MSG 1
#define EVENT_LOG_WARN 2
#define EVENT_LOG_ERR 3
#define _EVENT_LOG_DEBUG EVENT_LOG_DEBUG
#define _EVENT_LOG_MSG EVENT_LOG_MSG
#define _EVENT_LOG_WARN EVENT_LOG_WARN
#define _EVENT_LOG_ERR EVENT_LOG_ERR

/* Log lines go to `cb` instead of stderr; NULL undoes it. `cb` may not call the library. */
typedef void (*event_log_cb)(int severity, const char* msg);
void event_set_log_callback(event_log_cb cb);

/* Called instead of exit(3) when the library cannot go on; must not return. */
typedef void (*event_fatal_cb)(int err);
void event_set_fatal_callback(event_fatal_cb cb);

#define EVENT_DBG_ALL 0xffffffffu
#define EVENT_DBG_NONE 0
/* Accepted and ignored: this build has no debug log. */
void event_enable_debug_logging(ev_uint32_t which);

/* Memory comes from these functions; NULL means those of the C library. Before anything else. */
void event_set_mem_functions(void* (*malloc_fn)(size_t sz),
                             void* (*realloc_fn)(void* ptr, size_t sz), void (*free_fn)(void* ptr));
#define EVENT_SET_MEM_FUNCTIONS_IMPLEMENTED

/* Frees what the library keeps for itself. When no base is left, as the last call. */
void libevent_global_shutdown(void);

/* ---- Making a loop. */

enum event_method_feature {
  EV_FEATURE_ET = 0x01,         /* edge-triggered events */
  EV_FEATURE_O1 = 0x02,         /* adding and firing do not depend on how many there are */
  EV_FEATURE_FDS = 0x04,        /* any kind of descriptor, files too */
  EV_FEATURE_EARLY_CLOSE = 0x08 /* EV_CLOSED */
};

enum event_base_config_flag {
  EVENT_BASE_FLAG_NOLOCK = 0x01,               /* no locks: one thread only */
  EVENT_BASE_FLAG_IGNORE_ENV = 0x02,           /* ignore EVENT_* of the environment */
  EVENT_BASE_FLAG_STARTUP_IOCP = 0x04,         /* nothing on this system */
  EVENT_BASE_FLAG_NO_CACHE_TIME = 0x08,        /* read the clock whenever it is needed */
  EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST = 0x10, /* nothing: changes are always merged */
  EVENT_BASE_FLAG_PRECISE_TIMER = 0x20         /* nothing: timers are always precise */
};

struct event_config* event_config_new(void);
void event_config_free(struct event_config* cfg);
/* Not the method of this name. */
int event_config_avoid_method(struct event_config* cfg, const char* method);
/* Only a method with all features of the set. */
int event_config_require_features(struct event_config* cfg, int feature);
int event_config_set_flag(struct event_config* cfg, int flag);
int event_config_set_num_cpus_hint(struct event_config* cfg, int cpus);
/* New events are looked for after `max_interval` or `max_callbacks` in one pass, whatever comes
   first; priorities above `min_priority` are not interrupted. NULL and -1 set no limit. */
int event_config_set_max_dispatch_interval(struct event_config* cfg,
                                           const struct timeval* max_interval, int max_callbacks,
                                           int min_priority);

/* NULL on failure. */
struct event_base* event_base_new(void);
struct event_base* event_base_new_with_config(const struct event_config* cfg);

/* Runs the finalizers that wait, then frees the loop. Its events stay the caller's, and must not be
   added any more. */
void event_base_free(struct event_base* base);
/* The same, without running finalizers. */
void event_base_free_nofinalize(struct event_base* base);

/* In the child after fork(2), before any other use of the loop there. */
int event_reinit(struct event_base* base);

/* "epoll". */
const char* event_base_get_method(const struct event_base* base);
/* Names, the last one NULL. */
const char** event_get_supported_methods(void);
int event_base_get_features(const struct event_base* base);

/* Priorities 0 (most urgent) to `n` - 1; new events get n / 2. Not while events are active. */
int event_base_priority_init(struct event_base* base, int n);
int event_base_get_npriorities(struct event_base* base);
#define EVENT_MAX_PRIORITIES 256

/* ---- Running a loop. */

#define EVLOOP_ONCE 0x01             /* wait for events, run them, return */
#define EVLOOP_NONBLOCK 0x02         /* do not wait */
#define EVLOOP_NO_EXIT_ON_EMPTY 0x04 /* go on when no event is pending */

/* 0 after an exit or break, 1 when nothing is pending or active, -1 on failure. */
int event_base_loop(struct event_base* base, int flags);
int event_base_dispatch(struct event_base* base);

/* The loop returns after `after` (NULL: at once), when the active events have run. */
int event_base_loopexit(struct event_base* base, const struct timeval* after);
/* The loop returns after the running callback; other active events stay active. */
int event_base_loopbreak(struct event_base* base);
/* Under this name, too, in some notes about the above. */
int event_base_break(struct event_base* base);
/* The loop looks for new events after the running callback. */
int event_base_loopcontinue(struct event_base* base);
/* Why the last loop ended. */
int event_base_got_exit(struct event_base* base);
int event_base_got_break(struct event_base* base);

/* ---- Events. */

#define EV_TIMEOUT 0x01
#define EV_READ 0x02
#define EV_WRITE 0x04
#define EV_SIGNAL 0x08
#define EV_PERSIST 0x10  /* stays pending when it runs */
#define EV_ET 0x20       /* edge-triggered */
#define EV_FINALIZE 0x40 /* event_del() never waits for the callback */
#define EV_CLOSED 0x80   /* the peer has closed, whatever is left to read */

typedef void (*event_callback_fn)(evutil_socket_t fd, short events, void* arg);
typedef void (*event_finalize_callback_fn)(struct event* ev, void* arg);

/* As `arg` of event_new(): the event itself. */
void* event_self_cbarg(void);

/* `fd` is a descriptor, a signal number with EV_SIGNAL, or -1. NULL on failure. */
struct event* event_new(struct event_base* base, evutil_socket_t fd, short events,
                        event_callback_fn callback, void* arg);
/* The same for memory of the caller, who may free it whenever the event is not pending. Not for an
   event that is pending. */
int event_assign(struct event* ev, struct event_base* base, evutil_socket_t fd, short events,
                 event_callback_fn callback, void* arg);
/* For events of event_new(): deletes and frees. */
void event_free(struct event* ev);

/* Deletes the event without waiting; the loop then calls `callback` once, after a callback of the
   event that may be running. `flags` must be 0. */
int event_finalize(unsigned flags, struct event* ev, event_finalize_callback_fn callback);
/* The same, and frees the event afterwards. */
int event_free_finalize(unsigned flags, struct event* ev, event_finalize_callback_fn callback);

/* Runs `callback` once, with an event of the library's own. Not for signals. */
int event_base_once(struct event_base* base, evutil_socket_t fd, short events,
                    event_callback_fn callback, void* arg, const struct timeval* timeout);

/* Makes it pending. A pending event gets the new timeout; NULL leaves a timeout as it is. */
int event_add(struct event* ev, const struct timeval* timeout);
/* Takes the timeout away; the rest stays pending. */
int event_remove_timer(struct event* ev);
/* Neither pending nor active afterwards. In another thread than the loop's it waits while the
   callback runs, unless the event is EV_FINALIZE. */
int event_del(struct event* ev);
int event_del_noblock(struct event* ev); /* never waits */
int event_del_block(struct event* ev);   /* waits for EV_FINALIZE, too */

/* Makes the callback due with `res`, pending or not. `ncalls` counts for signals only. */
void event_active(struct event* ev, int res, short ncalls);
/* Those of `events` that are pending or active; `tv` gets the time (of the wall clock) of the
   timeout. */
int event_pending(const struct event* ev, short events, struct timeval* tv);

/* Not while the event is active. */
int event_priority_set(struct event* ev, int priority);
/* For an event that has been assigned and not added: moves it to another loop. */
int event_base_set(struct event_base* base, struct event* ev);

/* Whether the event was assigned; memory full of zeros was not. */
int event_initialized(const struct event* ev);
#define event_get_signal(ev) ((int)event_get_fd(ev))
evutil_socket_t event_get_fd(const struct event* ev);
struct event_base* event_get_base(const struct event* ev);
short event_get_events(const struct event* ev);
event_callback_fn event_get_callback(const struct event* ev);
void* event_get_callback_arg(const struct event* ev);
int event_get_priority(const struct event* ev);
/* All at once; NULL for what is not wanted. */
void event_get_assignment(const struct event* event, struct event_base** base_out,
                          evutil_socket_t* fd_out, short* events_out,
                          event_callback_fn* callback_out, void** arg_out);

#define evtimer_assign(ev, b, cb, arg) event_assign((ev), (b), -1, 0, (cb), (arg))
#define evtimer_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evtimer_add(ev, tv) event_add((ev), (tv))
#define evtimer_del(ev) event_del(ev)
#define evtimer_pending(ev, tv) event_pending((ev), EV_TIMEOUT, (tv))
#define evtimer_initialized(ev) event_initialized(ev)

#define evsignal_add(ev, tv) event_add((ev), (tv))
#define evsignal_assign(ev, b, x, cb, arg) \
  event_assign((ev), (b), (x), EV_SIGNAL | EV_PERSIST, cb, (arg))
#define evsignal_new(b, x, cb, arg) event_new((b), (x), EV_SIGNAL | EV_PERSIST, (cb), (arg))
#define evsignal_del(ev) event_del(ev)
#define evsignal_pending(ev, tv) event_pending((ev), EV_SIGNAL, (tv))
#define evsignal_initialized(ev) event_initialized(ev)

#define evuser_new(b, cb, arg) event_new((b), -1, 0, (cb), (arg))
#define evuser_del(ev) event_del(ev)
#define evuser_pending(ev, tv) event_pending((ev), 0, (tv))
#define evuser_initialized(ev) event_initialized(ev)
#define evuser_trigger(ev) event_active((ev), 0, 0)

/* ---- Time. */

/* A timeout to give to event_add() by content: many events with the same duration then share a
   queue. NULL after 256 of them. */
const struct timeval* event_base_init_common_timeout(struct event_base* base,
                                                     const struct timeval* duration);
/* The wall clock at the start of the pass whose callbacks are running; outside of callbacks, or
   with NULL, the time now. */
int event_base_gettimeofday_cached(struct event_base* base, struct timeval* tv);
/* Reads the clock again for the rest of the pass. */
int event_base_update_cache_time(struct event_base* base);
/* The clock of the timeouts. */
int event_gettime_monotonic(struct event_base* base, struct timeval* tp);

/* ---- Looking into a loop. */

#define EVENT_BASE_COUNT_ACTIVE 1U
#define EVENT_BASE_COUNT_VIRTUAL 2U /* what keeps the loop alive without an event */
#define EVENT_BASE_COUNT_ADDED 4U
/* The sum over a set of kinds. */
int event_base_get_num_events(struct event_base* base, unsigned int kinds);
/* The greatest number so far of each; `clear` starts anew. */
int event_base_get_max_events(struct event_base* base, unsigned int kinds, int clear);

/* The event whose callback calls this, or NULL. */
struct event* event_base_get_running_event(struct event_base* base);
void event_base_dump_events(struct event_base* base, FILE* output);
typedef int (*event_base_foreach_event_cb)(const struct event_base* base, const struct event* ev,
                                           void* arg);
/* Calls `fn`, which may change nothing, for each event until it returns something else than 0;
   returns that. */
int event_base_foreach_event(struct event_base* base, event_base_foreach_event_cb fn, void* arg);
/* Makes those active that wait for `events` (EV_TIMEOUT too) on `fd`, or for the signal. */
void event_base_active_by_fd(struct event_base* base, evutil_socket_t fd, short events);
void event_base_active_by_signal(struct event_base* base, int sig);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_EVENT_H_INCLUDED_ */
