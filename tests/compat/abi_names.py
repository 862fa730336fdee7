"""Writes a C++ program that prints what the headers of libevent say: types, constants, layouts.

  abi_names.py MAP HEADER...

Compiled against two sets of headers it prints the same if they agree. MAP is the export map, which
names the functions; the constants are all macros of the headers that are expressions of numbers.
"""

import re
import sys

STRUCTS = {
    "event": "ev_evcallback ev_timeout_pos ev_fd ev_base ev_ ev_.ev_io.ev_timeout "
             "ev_.ev_signal.ev_ncalls ev_.ev_signal.ev_pncalls ev_events ev_res ev_timeout",
    "event_callback": "evcb_active_next evcb_flags evcb_pri evcb_closure evcb_cb_union evcb_arg",
    "bufferevent": "ev_base be_ops ev_read ev_write input output wm_read wm_write readcb writecb "
                   "errorcb cbarg timeout_read timeout_write enabled",
    "event_watermark": "low high",
    "evbuffer_ptr": "pos internal_",
    "evbuffer_cb_info": "orig_size n_added n_deleted",
    "evhttp_request": "next evcon flags input_headers output_headers remote_host remote_port "
                      "host_cache kind type headers_size body_size uri uri_elems major minor "
                      "response_code response_code_line input_buffer ntoread output_buffer cb "
                      "cb_arg chunk_cb header_cb error_cb on_complete_cb on_complete_cb_arg",
    "evkeyval": "next key value",
    "evdns_server_request": "flags nquestions questions",
    "evdns_server_question": "type dns_question_class name",
    "evthread_lock_callbacks": "lock_api_version supported_locktypes alloc free lock unlock",
    "evthread_condition_callbacks": "condition_api_version alloc_condition free_condition "
                                    "signal_condition wait_condition",
    "evrpc": "next uri request_new request_new_arg request_free request_unmarshal reply_new "
             "reply_new_arg reply_free reply_complete reply_marshal cb cb_arg base",
    "evrpc_status": "error http_req",
}

ENUMERATORS = """
EV_FEATURE_ET EV_FEATURE_O1 EV_FEATURE_FDS EV_FEATURE_EARLY_CLOSE EVENT_BASE_FLAG_NOLOCK
EVENT_BASE_FLAG_IGNORE_ENV EVENT_BASE_FLAG_STARTUP_IOCP EVENT_BASE_FLAG_NO_CACHE_TIME
EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST EVENT_BASE_FLAG_PRECISE_TIMER BEV_OPT_CLOSE_ON_FREE
BEV_OPT_THREADSAFE BEV_OPT_DEFER_CALLBACKS BEV_OPT_UNLOCK_CALLBACKS BEV_NORMAL BEV_FLUSH
BEV_FINISHED BEV_TRIG_IGNORE_WATERMARKS BEV_TRIG_DEFER_CALLBACKS BEV_OK BEV_NEED_MORE BEV_ERROR
BUFFEREVENT_SSL_OPEN BUFFEREVENT_SSL_CONNECTING BUFFEREVENT_SSL_ACCEPTING EVBUFFER_EOL_ANY
EVBUFFER_EOL_CRLF EVBUFFER_EOL_CRLF_STRICT EVBUFFER_EOL_LF EVBUFFER_EOL_NUL EVBUFFER_PTR_SET
EVBUFFER_PTR_ADD EVHTTP_REQ_GET EVHTTP_REQ_POST EVHTTP_REQ_HEAD EVHTTP_REQ_PUT EVHTTP_REQ_DELETE
EVHTTP_REQ_OPTIONS EVHTTP_REQ_TRACE EVHTTP_REQ_CONNECT EVHTTP_REQ_PATCH EVHTTP_REQUEST
EVHTTP_RESPONSE EVREQ_HTTP_TIMEOUT EVREQ_HTTP_EOF EVREQ_HTTP_INVALID_HEADER
EVREQ_HTTP_BUFFER_ERROR EVREQ_HTTP_REQUEST_CANCEL EVREQ_HTTP_DATA_TOO_LONG EVRPC_INPUT EVRPC_OUTPUT
EVRPC_TERMINATE EVRPC_CONTINUE EVRPC_PAUSE
""".split()

HEADERS = ["event.h", "evdns.h", "evhttp.h", "evrpc.h", "evutil.h", "event2/bufferevent_ssl.h",
           "event2/listener.h", "event2/thread.h"]


def functions(map_file):
    """The exported names, but for those that libevent lacks."""
    names = re.findall(r"^\s+(\w+);", open(map_file, encoding="utf-8").read(), flags=re.M)
    return [name for name in names if name not in ("event_base_break", "evconnlistener_set_loops")]


def constants(headers):
    """Macros without parameters whose value is a number or made of other such macros."""
    names = set()
    for path in headers:
        text = open(path, encoding="utf-8").read().replace("\\\n", " ")
        text = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        for name, value in re.findall(r"^#\s*define (\w+)[ \t]+(\S.*)$", text, flags=re.M):
            if re.fullmatch(r"[-()|\s\w<]+", value) and re.search(r"\d|[A-Z]{3}", value):
                names.add(name)
    return sorted(name for name in names
                  if re.match(r"(EV|BEV|LEV|DNS|HTTP|LIBEVENT)", name) and "SIZEOF" not in name
                  and not name.endswith(("INCLUDED_", "NATIVE_", "EXPORT_SYMBOL"))
                  and name != "LIBEVENT_VERSION")


def main(map_file, *headers):
    for header in HEADERS:
        print(f"#include <{header}>")
    print("#include <cstddef>\n#include <cstdio>\n#include <typeinfo>\n")
    print("int main() {")
    for name in functions(map_file):
        print(f'  std::printf("{name} %s\\n", typeid(decltype(&{name})).name());')
    for struct, members in STRUCTS.items():
        print(f'  std::printf("{struct} %zu\\n", sizeof({struct}));')
        for member in members.split():
            print(f'  std::printf("{struct}.{member} %zu\\n", offsetof({struct}, {member}));')
    for name in ENUMERATORS:
        print(f'  std::printf("{name} %lld\\n", static_cast<long long>({name}));')
    for name in constants(headers):
        print(f"#ifdef {name}")
        print(f'  std::printf("{name} %lld\\n", static_cast<long long>({name}));')
        print(f"#else\n  std::printf(\"{name} is not defined\\n\");\n#endif")
    print("}")


if __name__ == "__main__":
    main(*sys.argv[1:])
