#include <errno.h>
#include <event2/util.h>
#include <sys/random.h>

#include "net/compat/libevent/internal/log.h"

void evutil_secure_rng_get_bytes(void* buf, size_t n) {
  auto* next = static_cast<char*>(buf);
  while (n > 0) {
    const ssize_t got = getrandom(next, n, 0);
    if (got < 0 && errno != EINTR) {
      // Whoever asked would take anything else for random bytes.
      spindle::compat::Fatal(1, "evutil_secure_rng_get_bytes: the system has no random bytes");
    }
    if (got <= 0) continue;
    next += got;
    n -= static_cast<size_t>(got);
  }
}

int evutil_secure_rng_init() { return 0; }

int evutil_secure_rng_set_urandom_device_file(char*) { return -1; }

void evutil_secure_rng_add_bytes(const char*, size_t) {}
