#ifndef EVENT2_BUFFER_H_INCLUDED_
#define EVENT2_BUFFER_H_INCLUDED_

/* Queues of bytes: the evbuffer face of libevent 2.1.
 *
 * Thread rule: one thread at a time, unless evbuffer_enable_locking was called; then any thread.
 * Callbacks run inside the call that changed the buffer, with the lock held, unless deferred.
 * Memory that pullup, peek or reserve_space hands out stays valid until the next call that changes
 * the buffer. A buffer that is frozen at one end refuses every change at that end with -1.
 */

#include <event2/event-config.h>
#include <event2/util.h>
#include <event2/visibility.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

struct event_base;
struct evbuffer;
struct evbuffer_cb_entry;
struct evbuffer_file_segment;

/* A place in a buffer, 0 to its length; pos is -1 when there is none. Only evbuffer_ptr_set and the
 * searches make one. */
struct evbuffer_ptr {
  ev_ssize_t pos;
  struct {
    void* chain;
    size_t pos_in_chain;
  } internal_;
};

#define evbuffer_iovec iovec
#define EVBUFFER_IOVEC_IS_NATIVE_

/* ---- Life, locks, flags ---- */

struct evbuffer* evbuffer_new(void);
void evbuffer_free(struct evbuffer* buf);

/* Makes the buffer safe for several threads: under `lock`, which stays the caller's, or under one
 * of its own if null. -1 if it has a lock already, or threads were never set up (evthread). */
int evbuffer_enable_locking(struct evbuffer* buf, void* lock);
void evbuffer_lock(struct evbuffer* buf);
void evbuffer_unlock(struct evbuffer* buf);

/* Whoever empties this buffer writes it to a descriptor: files may be sent by sendfile(2). */
#define EVBUFFER_FLAG_DRAINS_TO_FD 1

int evbuffer_set_flags(struct evbuffer* buf, ev_uint64_t flags);
int evbuffer_clear_flags(struct evbuffer* buf, ev_uint64_t flags);

/* Refuses changes at the front (drain, prepend) or at the back (append) until unfrozen. */
int evbuffer_freeze(struct evbuffer* buf, int at_front);
int evbuffer_unfreeze(struct evbuffer* buf, int at_front);

size_t evbuffer_get_length(const struct evbuffer* buf);
/* Bytes at the front that lie in one piece. */
size_t evbuffer_get_contiguous_space(const struct evbuffer* buf);

/* ---- Adding ---- */

int evbuffer_add(struct evbuffer* buf, const void* data, size_t datlen);
int evbuffer_prepend(struct evbuffer* buf, const void* data, size_t size);
/* Both return the number of bytes added, or -1. */
int evbuffer_add_printf(struct evbuffer* buf, const char* fmt, ...)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 3)))
#endif
    ;
int evbuffer_add_vprintf(struct evbuffer* buf, const char* fmt, va_list ap)
#ifdef __GNUC__
    __attribute__((format(printf, 2, 0)))
#endif
    ;
/* Returns the number of bytes added. */
size_t evbuffer_add_iovec(struct evbuffer* buffer, struct evbuffer_iovec* vec, int n_vec);

/* Makes room for `datlen` bytes, so that appending them allocates nothing. */
int evbuffer_expand(struct evbuffer* buf, size_t datlen);

/* Hands out room for at least `size` bytes behind the data in at most `n_vec` pieces, one or two;
 * returns how many, or -1. The same room is handed out until commit_space takes its front part. */
int evbuffer_reserve_space(struct evbuffer* buf, ev_ssize_t size, struct evbuffer_iovec* vec,
                           int n_vec);
int evbuffer_commit_space(struct evbuffer* buf, struct evbuffer_iovec* vec, int n_vecs);

/* ---- Moving and sharing ---- */

/* Moves all of `inbuf` behind, or `src` before, what the other holds, without copying. */
int evbuffer_add_buffer(struct evbuffer* outbuf, struct evbuffer* inbuf);
int evbuffer_prepend_buffer(struct evbuffer* dst, struct evbuffer* src);
/* Moves at most `datlen` bytes from the front; returns how many, or -1. */
int evbuffer_remove_buffer(struct evbuffer* src, struct evbuffer* dst, size_t datlen);
/* Appends the bytes that `inbuf` holds now, shared, and leaves `inbuf` as it is. */
int evbuffer_add_buffer_reference(struct evbuffer* outbuf, struct evbuffer* inbuf);

typedef void (*evbuffer_ref_cleanup_cb)(const void* data, size_t datalen, void* extra);
/* Appends memory of the caller's without copying. `cleanupfn` (may be null) runs when the last of
 * it is gone; not at all on failure. */
int evbuffer_add_reference(struct evbuffer* outbuf, const void* data, size_t datlen,
                           evbuffer_ref_cleanup_cb cleanupfn, void* cleanupfn_arg);

/* ---- Files ---- */

#define EVBUF_FS_CLOSE_ON_FREE 0x01
#define EVBUF_FS_DISABLE_MMAP 0x02
#define EVBUF_FS_DISABLE_SENDFILE 0x04
#define EVBUF_FS_DISABLE_LOCKING 0x08

typedef void (*evbuffer_file_segment_cleanup_cb)(struct evbuffer_file_segment const* seg, int flags,
                                                 void* arg);

/* A part of an open file, to be added to any number of buffers; length -1 means up to its end. Null
 * on failure, and then `fd` stays open. */
struct evbuffer_file_segment* evbuffer_file_segment_new(int fd, ev_off_t offset, ev_off_t length,
                                                        unsigned flags);
/* Drops the caller's reference; buffers keep theirs. */
void evbuffer_file_segment_free(struct evbuffer_file_segment* seg);
/* Called when the last reference is gone. One per segment. */
void evbuffer_file_segment_add_cleanup_cb(struct evbuffer_file_segment* seg,
                                          evbuffer_file_segment_cleanup_cb cb, void* arg);
/* Appends a part of the segment; length -1 means the rest of it. */
int evbuffer_add_file_segment(struct evbuffer* buf, struct evbuffer_file_segment* seg,
                              ev_off_t offset, ev_off_t length);
/* Appends a part of the file and closes `fd` when it is gone. On failure `fd` stays open. */
int evbuffer_add_file(struct evbuffer* outbuf, int fd, ev_off_t offset, ev_off_t length);

/* ---- Taking ---- */

int evbuffer_drain(struct evbuffer* buf, size_t len);
/* Copies at most `datlen` bytes out and drains them; returns how many, or -1. */
int evbuffer_remove(struct evbuffer* buf, void* data, size_t datlen);
/* The same without draining. */
ev_ssize_t evbuffer_copyout(struct evbuffer* buf, void* data_out, size_t datlen);
ev_ssize_t evbuffer_copyout_from(struct evbuffer* buf, const struct evbuffer_ptr* pos,
                                 void* data_out, size_t datlen);
/* Brings the first `size` bytes (all, if negative) into one piece. Null if there are fewer. */
unsigned char* evbuffer_pullup(struct evbuffer* buf, ev_ssize_t size);
/* Points `vec_out` at the data from `start_at` (null: the front) on, without copying, until `len`
 * bytes (negative: all that fits) are covered. Returns how many pieces that takes. */
int evbuffer_peek(struct evbuffer* buffer, ev_ssize_t len, struct evbuffer_ptr* start_at,
                  struct evbuffer_iovec* vec_out, int n_vec);

/* ---- Searching ---- */

enum evbuffer_ptr_how { EVBUFFER_PTR_SET, EVBUFFER_PTR_ADD };

/* Sets `ptr` to `position`, or moves it on by that much. -1 beyond the end. */
int evbuffer_ptr_set(struct evbuffer* buffer, struct evbuffer_ptr* ptr, size_t position,
                     enum evbuffer_ptr_how how);
/* The first place at or behind `start` (null: the front) where the `len` bytes of `what` are, which
 * must end before `end`. */
struct evbuffer_ptr evbuffer_search(struct evbuffer* buffer, const char* what, size_t len,
                                    const struct evbuffer_ptr* start);
struct evbuffer_ptr evbuffer_search_range(struct evbuffer* buffer, const char* what, size_t len,
                                          const struct evbuffer_ptr* start,
                                          const struct evbuffer_ptr* end);

enum evbuffer_eol_style {
  EVBUFFER_EOL_ANY,         /* any run of CR and LF */
  EVBUFFER_EOL_CRLF,        /* LF, or CR LF */
  EVBUFFER_EOL_CRLF_STRICT, /* CR LF */
  EVBUFFER_EOL_LF,          /* LF */
  EVBUFFER_EOL_NUL          /* a zero byte */
};

struct evbuffer_ptr evbuffer_search_eol(struct evbuffer* buffer, struct evbuffer_ptr* start,
                                        size_t* eol_len_out, enum evbuffer_eol_style eol_style);
/* Takes the first line with its end, and returns it without, as a string to be free()d. Null if
 * there is no whole line. */
char* evbuffer_readln(struct evbuffer* buffer, size_t* n_read_out,
                      enum evbuffer_eol_style eol_style);

/* ---- Descriptors ---- */

/* Both return what write(2) or read(2) would: the number of bytes, 0 at the end, or -1 and errno.
 * A negative `howmuch` means all there is. */
int evbuffer_write(struct evbuffer* buffer, evutil_socket_t fd);
int evbuffer_write_atmost(struct evbuffer* buffer, evutil_socket_t fd, ev_ssize_t howmuch);
int evbuffer_read(struct evbuffer* buffer, evutil_socket_t fd, int howmuch);

/* ---- Callbacks ---- */

/* What has happened since the callbacks ran last. */
struct evbuffer_cb_info {
  size_t orig_size;
  size_t n_added;
  size_t n_deleted;
};

typedef void (*evbuffer_cb_func)(struct evbuffer* buffer, const struct evbuffer_cb_info* info,
                                 void* arg);

/* Has `cb` called after every change of the length, the newest callback first. It may change the
 * buffer, add callbacks and remove itself. */
struct evbuffer_cb_entry* evbuffer_add_cb(struct evbuffer* buffer, evbuffer_cb_func cb,
                                          void* cbarg);
int evbuffer_remove_cb_entry(struct evbuffer* buffer, struct evbuffer_cb_entry* ent);
/* Removes the newest with this function and argument; -1 if there is none. */
int evbuffer_remove_cb(struct evbuffer* buffer, evbuffer_cb_func cb, void* cbarg);

/* Without this flag a callback is not called. It is set at first. */
#define EVBUFFER_CB_ENABLED 1

int evbuffer_cb_set_flags(struct evbuffer* buffer, struct evbuffer_cb_entry* cb, ev_uint32_t flags);
int evbuffer_cb_clear_flags(struct evbuffer* buffer, struct evbuffer_cb_entry* cb,
                            ev_uint32_t flags);
/* From now on callbacks run in the loop of `base`, changes in between merged into one call. */
int evbuffer_defer_callbacks(struct evbuffer* buffer, struct event_base* base);

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_BUFFER_H_INCLUDED_ */
