/* The http functions for programs written for libevent 1.x, structures laid open. */
#ifndef EVENT1_EVHTTP_H_INCLUDED_
#define EVENT1_EVHTTP_H_INCLUDED_

/* clang-format off: the later ones need the earlier ones. */
#include <event.h>
#include <event2/http.h>
#include <event2/http_compat.h>
#include <event2/http_struct.h>
/* clang-format on */

#endif /* EVENT1_EVHTTP_H_INCLUDED_ */
