/* The names that http had in libevent 1.x. */
#ifndef EVENT2_HTTP_COMPAT_H_INCLUDED_
#define EVENT2_HTTP_COMPAT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/http.h>
#include <event2/util.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evhttp* evhttp_start(const char* address, ev_uint16_t port);
struct evhttp_connection* evhttp_connection_new(const char* address, ev_uint16_t port);
void evhttp_connection_set_base(struct evhttp_connection* evcon, struct event_base* base);

#define evhttp_request_uri evhttp_request_get_uri

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_HTTP_COMPAT_H_INCLUDED_ */
