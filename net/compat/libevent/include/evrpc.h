/* The rpc functions for programs written for libevent 1.x, structures laid open. */
#ifndef EVENT1_EVRPC_H_INCLUDED_
#define EVENT1_EVRPC_H_INCLUDED_

/* clang-format off: the later ones need the earlier ones. */
#include <event.h>
#include <event2/rpc.h>
#include <event2/rpc_compat.h>
#include <event2/rpc_struct.h>
/* clang-format on */

#endif /* EVENT1_EVRPC_H_INCLUDED_ */
