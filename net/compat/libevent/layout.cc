// The layouts of the binary interface. Programs that were compiled for libevent 2.1 on this machine
// have these numbers in them.

#include <evdns.h>
#include <event.h>
#include <event2/event_struct.h>
#include <event2/thread.h>
#include <evhttp.h>
#include <evrpc.h>

#include <cstddef>

#ifdef __x86_64__

static_assert(sizeof(event_callback) == 40);
static_assert(offsetof(event_callback, evcb_active_next) == 0);
static_assert(offsetof(event_callback, evcb_flags) == 16);
static_assert(offsetof(event_callback, evcb_pri) == 18);
static_assert(offsetof(event_callback, evcb_closure) == 19);
static_assert(offsetof(event_callback, evcb_cb_union) == 24);
static_assert(offsetof(event_callback, evcb_arg) == 32);

static_assert(sizeof(event) == 128);
static_assert(offsetof(event, ev_evcallback) == 0);
static_assert(offsetof(event, ev_timeout_pos) == 40);
static_assert(offsetof(event, ev_fd) == 56);
static_assert(offsetof(event, ev_base) == 64);
static_assert(offsetof(event, ev_) == 72);
static_assert(offsetof(event, ev_.ev_io.ev_io_next) == 72);
static_assert(offsetof(event, ev_.ev_io.ev_timeout) == 88);
static_assert(offsetof(event, ev_.ev_signal.ev_signal_next) == 72);
static_assert(offsetof(event, ev_.ev_signal.ev_ncalls) == 88);
static_assert(offsetof(event, ev_.ev_signal.ev_pncalls) == 96);
static_assert(offsetof(event, ev_events) == 104);
static_assert(offsetof(event, ev_res) == 106);
static_assert(offsetof(event, ev_timeout) == 112);

static_assert(sizeof(bufferevent) == 392);
static_assert(offsetof(bufferevent, ev_base) == 0);
static_assert(offsetof(bufferevent, be_ops) == 8);
static_assert(offsetof(bufferevent, ev_read) == 16);
static_assert(offsetof(bufferevent, ev_write) == 144);
static_assert(offsetof(bufferevent, input) == 272);
static_assert(offsetof(bufferevent, output) == 280);
static_assert(offsetof(bufferevent, wm_read) == 288);
static_assert(offsetof(bufferevent, wm_write) == 304);
static_assert(offsetof(bufferevent, readcb) == 320);
static_assert(offsetof(bufferevent, writecb) == 328);
static_assert(offsetof(bufferevent, errorcb) == 336);
static_assert(offsetof(bufferevent, cbarg) == 344);
static_assert(offsetof(bufferevent, timeout_read) == 352);
static_assert(offsetof(bufferevent, timeout_write) == 368);
static_assert(offsetof(bufferevent, enabled) == 384);

static_assert(sizeof(evbuffer_iovec) == 16);
static_assert(offsetof(evbuffer_iovec, iov_base) == 0);
static_assert(offsetof(evbuffer_iovec, iov_len) == 8);
static_assert(sizeof(evbuffer_ptr) == 24);
static_assert(offsetof(evbuffer_ptr, pos) == 0);
static_assert(offsetof(evbuffer_ptr, internal_) == 8);
static_assert(sizeof(evbuffer_cb_info) == 24);
static_assert(offsetof(evbuffer_cb_info, orig_size) == 0);
static_assert(offsetof(evbuffer_cb_info, n_added) == 8);
static_assert(offsetof(evbuffer_cb_info, n_deleted) == 16);

static_assert(sizeof(evhttp_request) == 216);
static_assert(offsetof(evhttp_request, next) == 0);
static_assert(offsetof(evhttp_request, evcon) == 16);
static_assert(offsetof(evhttp_request, flags) == 24);
static_assert(offsetof(evhttp_request, input_headers) == 32);
static_assert(offsetof(evhttp_request, output_headers) == 40);
static_assert(offsetof(evhttp_request, remote_host) == 48);
static_assert(offsetof(evhttp_request, remote_port) == 56);
static_assert(offsetof(evhttp_request, host_cache) == 64);
static_assert(offsetof(evhttp_request, kind) == 72);
static_assert(offsetof(evhttp_request, type) == 76);
static_assert(offsetof(evhttp_request, headers_size) == 80);
static_assert(offsetof(evhttp_request, body_size) == 88);
static_assert(offsetof(evhttp_request, uri) == 96);
static_assert(offsetof(evhttp_request, uri_elems) == 104);
static_assert(offsetof(evhttp_request, major) == 112);
static_assert(offsetof(evhttp_request, minor) == 113);
static_assert(offsetof(evhttp_request, response_code) == 116);
static_assert(offsetof(evhttp_request, response_code_line) == 120);
static_assert(offsetof(evhttp_request, input_buffer) == 128);
static_assert(offsetof(evhttp_request, ntoread) == 136);
static_assert(offsetof(evhttp_request, output_buffer) == 152);
static_assert(offsetof(evhttp_request, cb) == 160);
static_assert(offsetof(evhttp_request, cb_arg) == 168);
static_assert(offsetof(evhttp_request, chunk_cb) == 176);
static_assert(offsetof(evhttp_request, header_cb) == 184);
static_assert(offsetof(evhttp_request, error_cb) == 192);
static_assert(offsetof(evhttp_request, on_complete_cb) == 200);
static_assert(offsetof(evhttp_request, on_complete_cb_arg) == 208);

static_assert(sizeof(evkeyval) == 32);
static_assert(offsetof(evkeyval, next) == 0);
static_assert(sizeof(evkeyvalq) == 16);
static_assert(sizeof(evdns_server_request) == 16);
static_assert(sizeof(evdns_server_question) == 12);
static_assert(sizeof(evthread_lock_callbacks) == 40);
static_assert(sizeof(evthread_condition_callbacks) == 40);
static_assert(sizeof(evrpc) == 120);

#endif  // __x86_64__

// A zeroed event was never assigned, and programs print what version() says.
static_assert(EVLIST_INIT == 0x80 && EVENT__NUMERIC_VERSION >> 16 == 0x0201);
