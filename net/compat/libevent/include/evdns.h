/* The dns functions for programs written for libevent 1.x, structures laid open. */
#ifndef EVENT1_EVDNS_H_INCLUDED_
#define EVENT1_EVDNS_H_INCLUDED_

/* clang-format off: the later ones need the earlier ones. */
#include <event.h>
#include <event2/dns.h>
#include <event2/dns_compat.h>
#include <event2/dns_struct.h>
/* clang-format on */

#endif /* EVENT1_EVDNS_H_INCLUDED_ */
