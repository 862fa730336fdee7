/* Which locks the library uses. None until one of these functions has been called, which must come
   before the first base, buffer or other object that is to be locked. */
#ifndef EVENT2_THREAD_H_INCLUDED_
#define EVENT2_THREAD_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Modes of lock and unlock. The library sets none of WRITE and READ for ordinary locks. */
#define EVTHREAD_WRITE 0x04
#define EVTHREAD_READ 0x08
#define EVTHREAD_TRY 0x10 /* do not wait: a non-zero result says that it is held by others */

/* Kinds of locks. The library asks for recursive ones only. */
#define EVTHREAD_LOCK_API_VERSION 1
#define EVTHREAD_LOCKTYPE_RECURSIVE 1
#define EVTHREAD_LOCKTYPE_READWRITE 2

struct evthread_lock_callbacks {
  int lock_api_version;         /* EVTHREAD_LOCK_API_VERSION */
  unsigned supported_locktypes; /* of EVTHREAD_LOCKTYPE_* */
  void* (*alloc)(unsigned locktype);
  void (*free)(void* lock, unsigned locktype);
  int (*lock)(unsigned mode, void* lock); /* 0 on success */
  int (*unlock)(unsigned mode, void* lock);
};

/* Copies the callbacks; NULL takes them away, as far as nothing is locked. 0 on success, -1 if
   other ones are in use. */
int evthread_set_lock_callbacks(const struct evthread_lock_callbacks* callbacks);

#define EVTHREAD_CONDITION_API_VERSION 1

struct timeval;

struct evthread_condition_callbacks {
  int condition_api_version; /* EVTHREAD_CONDITION_API_VERSION */
  void* (*alloc_condition)(unsigned condtype);
  void (*free_condition)(void* cond);
  int (*signal_condition)(void* cond, int broadcast);
  /* 0 when signalled, 1 after `timeout`, -1 on errors; NULL waits without end. */
  int (*wait_condition)(void* cond, void* lock, const struct timeval* timeout);
};

int evthread_set_condition_callbacks(const struct evthread_condition_callbacks* callbacks);

/* `id_fn` returns a number that no two running threads share. */
void evthread_set_id_callback(unsigned long (*id_fn)(void));

/* Locks of pthreads. 0 on success. */
int evthread_use_pthreads(void);
#define EVTHREAD_USE_PTHREADS_IMPLEMENTED 1

/* Every lock made from now on is checked: unlocking what is not held, and waiting without holding,
   end the program. */
void evthread_enable_lock_debugging(void);
void evthread_enable_lock_debuging(void);

struct event_base;

/* Lets other threads wake `base`; a base that was made after locks were set up can be woken
   already. 0 on success. */
int evthread_make_base_notifiable(struct event_base* base);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_THREAD_H_INCLUDED_ */
