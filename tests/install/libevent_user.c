/* A program of somebody who writes for libevent: a message through a pair of bufferevents, and a
   lock of the threads library. Prints it, and the libraries named libevent that this process has
   mapped. */

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <stdio.h>
#include <string.h>

static void OnRead(struct bufferevent* stream, void* base) {
  char text[64] = "";
  bufferevent_read(stream, text, sizeof text - 1);
  printf("read %s\n", text);
  event_base_loopbreak(base);
}

static void PrintMapped(void) {
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[4096], last[4096] = "";
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    const char* path = strchr(line, '/');
    if (path == NULL || strstr(path, "/libevent") == NULL || strcmp(path, last) == 0) continue;
    printf("mapped %s", path);
    strcpy(last, path);
  }
  if (maps != NULL) fclose(maps);
}

int main(void) {
  struct bufferevent* pair[2];
  if (evthread_use_pthreads() != 0) return 1;
  struct event_base* base = event_base_new();
  if (base == NULL || bufferevent_pair_new(base, 0, pair) != 0) return 1;
  bufferevent_setcb(pair[1], OnRead, NULL, NULL, base);
  bufferevent_enable(pair[1], EV_READ);
  bufferevent_write(pair[0], "a message", 9);
  event_base_dispatch(base);
  bufferevent_free(pair[0]);
  bufferevent_free(pair[1]);
  event_base_free(base);
  PrintMapped();
  return 0;
}
