/* The layouts of a question to a dns server. */
#ifndef EVENT2_DNS_STRUCT_H_INCLUDED_
#define EVENT2_DNS_STRUCT_H_INCLUDED_

#include <event2/event-config.h>
#include <event2/util.h>
#include <sys/time.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

struct evdns_server_request {
  int flags;
  int nquestions;
  struct evdns_server_question** questions;
};

struct evdns_server_question {
  int type;
#ifdef __cplusplus
  int dns_question_class;
#else
  int class;
#define dns_question_class class
#endif
  char name[1];
};

#ifdef __cplusplus
}
#endif

#endif /* EVENT2_DNS_STRUCT_H_INCLUDED_ */
