/* Listeners: accept connections and hand them to a callback. */
#ifndef EVENT2_LISTENER_H_INCLUDED_
#define EVENT2_LISTENER_H_INCLUDED_

#include <event2/event.h>
#include <event2/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

struct sockaddr;
struct evconnlistener;
typedef void (*evconnlistener_cb)(struct evconnlistener*, evutil_socket_t, struct sockaddr*,
                                  int socklen, void*);
typedef void (*evconnlistener_errorcb)(struct evconnlistener*, void*);

#define LEV_OPT_LEAVE_SOCKETS_BLOCKING (1u << 0)
#define LEV_OPT_CLOSE_ON_FREE (1u << 1)
#define LEV_OPT_CLOSE_ON_EXEC (1u << 2)
#define LEV_OPT_REUSEABLE (1u << 3)
#define LEV_OPT_THREADSAFE (1u << 4)
#define LEV_OPT_DISABLED (1u << 5)
#define LEV_OPT_DEFERRED_ACCEPT (1u << 6)
#define LEV_OPT_REUSEABLE_PORT (1u << 7)
#define LEV_OPT_BIND_IPV6ONLY (1u << 8)

/* On a socket that is bound already; `backlog` 0 means that it listens already, below 0 a good
 * size. */
struct evconnlistener* evconnlistener_new(struct event_base* base, evconnlistener_cb cb, void* ptr,
                                          unsigned flags, int backlog, evutil_socket_t fd);

/* Makes, binds and listens on a socket of its own. */
struct evconnlistener* evconnlistener_new_bind(struct event_base* base, evconnlistener_cb cb,
                                               void* ptr, unsigned flags, int backlog,
                                               const struct sockaddr* sa, int socklen);
void evconnlistener_free(struct evconnlistener* lev);
int evconnlistener_enable(struct evconnlistener* lev);
int evconnlistener_disable(struct evconnlistener* lev);
struct event_base* evconnlistener_get_base(struct evconnlistener* lev);
evutil_socket_t evconnlistener_get_fd(struct evconnlistener* lev);
void evconnlistener_set_cb(struct evconnlistener* lev, evconnlistener_cb cb, void* arg);
void evconnlistener_set_error_cb(struct evconnlistener* lev, evconnlistener_errorcb errorcb);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_LISTENER_H_INCLUDED_ */
