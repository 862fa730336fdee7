#include <event2/event.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "net/compat/libevent/internal/event_base.h"
#include "net/compat/libevent/internal/log.h"
#include "net/compat/libevent/internal/memory.h"
#include "net/compat/libevent/internal/method.h"

namespace spindle::compat {
namespace {

constexpr Method kMethods[] = {
    {"epoll", "EVENT_NOEPOLL", EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE},
    {"poll", "EVENT_NOPOLL", EV_FEATURE_FDS | EV_FEATURE_EARLY_CLOSE},
    {"select", "EVENT_NOSELECT", EV_FEATURE_FDS},
};

// Programs that run with other rights than their caller's do not listen to his environment.
const char* Environment(const char* name) { return secure_getenv(name); }

bool Allowed(const Method& method, const event_config* config) {
  if (config != nullptr) {
    if (std::find(config->avoided.begin(), config->avoided.end(), method.name) !=
        config->avoided.end()) {
      return false;
    }
    if ((method.features & config->required_features) != config->required_features) return false;
    if ((config->flags & EVENT_BASE_FLAG_IGNORE_ENV) != 0) return true;
  }
  return Environment(method.environment) == nullptr;
}

}  // namespace

const Method* ChooseMethod(const event_config* config) {
  for (const Method& method : kMethods) {
    if (!Allowed(method, config)) continue;
    if (Environment("EVENT_SHOW_METHOD") != nullptr) LogMessage("libevent using: %s", method.name);
    return &method;
  }
  return nullptr;
}

}  // namespace spindle::compat

using namespace spindle::compat;

const char** event_get_supported_methods() {
  static const char* names[] = {kMethods[0].name, kMethods[1].name, kMethods[2].name, nullptr};
  return names;
}

event_config* event_config_new() { return New<event_config>(); }

void event_config_free(event_config* config) { Delete(config); }

int event_config_avoid_method(event_config* config, const char* method) {
  config->avoided.emplace_back(method);
  return 0;
}

int event_config_require_features(event_config* config, int features) {
  if (config == nullptr) return -1;
  config->required_features = features;
  return 0;
}

int event_config_set_flag(event_config* config, int flag) {
  if (config == nullptr) return -1;
  config->flags |= flag;
  return 0;
}

int event_config_set_num_cpus_hint(event_config* config, int cpus) {
  if (config == nullptr) return -1;
  config->cpus_hint = cpus;
  return 0;
}

int event_config_set_max_dispatch_interval(event_config* config, const timeval* max_interval,
                                           int max_callbacks, int min_priority) {
  config->max_dispatch_time = max_interval == nullptr ? kNoDeadline : ToMicros(*max_interval);
  config->max_dispatch_callbacks = max_callbacks >= 0 ? max_callbacks : INT32_MAX;
  config->limit_after_priority = std::max(min_priority, 0);
  return 0;
}
