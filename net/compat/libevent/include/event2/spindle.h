/* What Spindle adds to libevent. A program that uses it runs on Spindle only. */
#ifndef EVENT2_SPINDLE_H_INCLUDED_
#define EVENT2_SPINDLE_H_INCLUDED_

#ifdef __cplusplus
extern "C" {
#endif

struct evconnlistener;

/* Has `loops` loops accept for the listener, 1 to 256: its base's, and the others on threads of
 * their own, each with a base that evconnlistener_get_base() returns in callbacks there. At first
 * it is 1, or what SPINDLE_LISTENER_LOOPS says.
 *
 * The listener's callbacks then run on several threads at once, and so do those of the connections
 * that they put on that base: what these share needs locks. A connection stays on its loop. Who is
 * first gets a connection; nothing balances. With fewer loops than before, those that go accept no
 * more, are waited for while a callback of the listener runs there, and end with their last
 * connection.
 *
 * Call it on the thread that runs the listener's base, or before that runs. It makes what libevent
 * makes later lockable, as evthread_use_pthreads() does. After fork the child has the base's loop
 * only.
 *
 * 0; or -1 and nothing is changed: errno EINVAL for a number out of range, EAGAIN if there are no
 * more threads or descriptors. */
int evconnlistener_set_loops(struct evconnlistener* listener, int loops);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_SPINDLE_H_INCLUDED_ */
