/* Everything but dns, http and rpc for programs written for libevent 1.x, structures laid open. */
#ifndef EVENT1_EVENT_H_INCLUDED_
#define EVENT1_EVENT_H_INCLUDED_

#include <stdarg.h>
#include <stdint.h>
#include <sys/time.h>
#include <sys/types.h>

/* clang-format off: the later ones need the earlier ones. */
#include <event2/buffer.h>
#include <event2/buffer_compat.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_compat.h>
#include <event2/bufferevent_struct.h>
#include <event2/event.h>
#include <event2/event_compat.h>
#include <event2/event_struct.h>
#include <event2/tag.h>
#include <event2/tag_compat.h>
#include <evutil.h>
/* clang-format on */

#endif /* EVENT1_EVENT_H_INCLUDED_ */
