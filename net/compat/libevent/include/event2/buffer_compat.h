#ifndef EVENT2_BUFFER_COMPAT_H_INCLUDED_
#define EVENT2_BUFFER_COMPAT_H_INCLUDED_

/* The names of libevent 1.x for buffers. */

#include <event2/buffer.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* evbuffer_readln with EVBUFFER_EOL_ANY. */
char* evbuffer_readline(struct evbuffer* buffer);

typedef void (*evbuffer_cb)(struct evbuffer* buffer, size_t old_len, size_t new_len, void* arg);

/* Makes `cb` the only callback; null: none. */
int evbuffer_setcb(struct evbuffer* buffer, evbuffer_cb cb, void* cbarg);

/* Where `what` is, in memory that lies in one piece up to its end; null if it is not there. */
unsigned char* evbuffer_find(struct evbuffer* buffer, const unsigned char* what, size_t len);

#define EVBUFFER_LENGTH(x) evbuffer_get_length(x)
#define EVBUFFER_DATA(x) evbuffer_pullup((x), -1)

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_BUFFER_COMPAT_H_INCLUDED_ */
