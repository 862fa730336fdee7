// What can be asked of bases and events, and the modes of the whole library.

#include <event2/event.h>
#include <event2/thread.h>
#include <stdio.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "tests/compat/event_helpers.h"

namespace spindle::compat_test {
namespace {

void Nothing(evutil_socket_t, short, void*) {}

TEST(EventInspectTest, TellsTheVersion) {
  EXPECT_EQ(std::string(event_get_version()).substr(0, 4), "2.1.");
  EXPECT_EQ(event_get_version_number() >> 16, 0x0201u);
  EXPECT_STREQ(event_get_version(), LIBEVENT_VERSION);
  EXPECT_EQ(event_get_struct_event_size(), sizeof(event));
}

TEST(EventInspectTest, TellsMethodsAndFeatures) {
  const char** methods = event_get_supported_methods();
  EXPECT_STREQ(methods[0], "epoll");
  EXPECT_STREQ(methods[1], "poll");
  EXPECT_STREQ(methods[2], "select");
  EXPECT_EQ(methods[3], nullptr);
  Base base;
  EXPECT_STREQ(event_base_get_method(base), "epoll");
  EXPECT_EQ(event_base_get_features(base), EV_FEATURE_ET | EV_FEATURE_O1 | EV_FEATURE_EARLY_CLOSE);
}

TEST(EventInspectTest, AvoidedMethods) {
  LogCapture log;
  event_config* config = event_config_new();
  EXPECT_EQ(event_config_avoid_method(config, "epoll"), 0);
  {
    Base base(config);
    EXPECT_STREQ(event_base_get_method(base), "poll");
  }
  event_config_avoid_method(config, "poll");
  event_config_avoid_method(config, "select");
  EXPECT_EQ(event_base_new_with_config(config), nullptr);
  event_config_free(config);
}

TEST(EventInspectTest, ConfigsAcceptWhatTheyCannotUse) {
  event_config* config = event_config_new();
  EXPECT_EQ(event_config_set_num_cpus_hint(config, 4), 0);
  EXPECT_EQ(event_config_set_flag(
                config, EVENT_BASE_FLAG_PRECISE_TIMER | EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST),
            0);
  EXPECT_EQ(event_config_set_flag(nullptr, 0), -1);
  EXPECT_EQ(event_config_require_features(nullptr, 0), -1);
  Base base(config);
  EXPECT_NE(base.operator event_base*(), nullptr);
  event_config_free(config);
}

TEST(EventInspectTest, TheEnvironmentRulesMethodsOut) {
  setenv("EVENT_NOEPOLL", "1", 1);
  {
    Base base;
    EXPECT_STREQ(event_base_get_method(base), "poll");
    event_config* config = event_config_new();
    event_config_set_flag(config, EVENT_BASE_FLAG_IGNORE_ENV);
    Base other(config);
    EXPECT_STREQ(event_base_get_method(other), "epoll");
    event_config_free(config);
  }
  unsetenv("EVENT_NOEPOLL");
}

TEST(EventInspectTest, GettersReturnWhatWasAssigned) {
  Base base;
  int arg = 0;
  event ev;
  event_assign(&ev, base, 7, EV_READ | EV_PERSIST, &Nothing, &arg);
  EXPECT_EQ(event_get_fd(&ev), 7);
  EXPECT_EQ(event_get_base(&ev), base.operator event_base*());
  EXPECT_EQ(event_get_events(&ev), EV_READ | EV_PERSIST);
  EXPECT_EQ(event_get_callback(&ev), &Nothing);
  EXPECT_EQ(event_get_callback_arg(&ev), &arg);
  event_base* out_base = nullptr;
  evutil_socket_t fd = 0;
  short events = 0;
  event_callback_fn callback = nullptr;
  void* out_arg = nullptr;
  event_get_assignment(&ev, &out_base, &fd, &events, &callback, &out_arg);
  EXPECT_EQ(out_base, base.operator event_base*());
  EXPECT_EQ(fd, 7);
  EXPECT_EQ(events, EV_READ | EV_PERSIST);
  EXPECT_EQ(callback, &Nothing);
  EXPECT_EQ(out_arg, &arg);
  event_get_assignment(&ev, nullptr, nullptr, nullptr, nullptr, nullptr);
}

TEST(EventInspectTest, ZeroedMemoryWasNeverAssigned) {
  Base base;
  event ev;
  std::memset(&ev, 0, sizeof ev);
  EXPECT_EQ(event_initialized(&ev), 0);
  event_assign(&ev, base, -1, 0, &Nothing, nullptr);
  EXPECT_EQ(event_initialized(&ev), 1);
  event_debug_unassign(&ev);
  EXPECT_EQ(event_initialized(&ev), 0);
}

TEST(EventInspectTest, TheEventAsItsOwnArgument) {
  Base base;
  static event* seen;
  event* ev = event_new(
      base, -1, 0, [](evutil_socket_t, short, void* arg) { seen = static_cast<event*>(arg); },
      event_self_cbarg());
  event_active(ev, EV_TIMEOUT, 1);
  event_base_dispatch(base);
  EXPECT_EQ(seen, ev);
  event_free(ev);
}

TEST(EventInspectTest, MovingToAnotherBase) {
  Base one;
  Base two;
  event_base_priority_init(two, 5);
  event ev;
  event_assign(&ev, one, -1, 0, &Nothing, nullptr);
  EXPECT_EQ(event_base_set(two, &ev), 0);
  EXPECT_EQ(event_get_base(&ev), two.operator event_base*());
  EXPECT_EQ(event_get_priority(&ev), 2);
  AddTimeout(&ev, 1000000);
  EXPECT_EQ(event_base_set(one, &ev), -1);
  event_del(&ev);
}

TEST(EventInspectTest, CountsEventsByWhatTheyWaitFor) {
  Base base;
  Pair pair;
  EXPECT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 0);
  Event reader(base, pair[0], EV_READ, [](short) {});
  event_add(reader, nullptr);
  EXPECT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 1);
  AddTimeout(reader, 1000000);
  EXPECT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 2);
  event_active(reader, EV_READ, 1);
  EXPECT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED), 3);
  EXPECT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ACTIVE), 1);
  EXPECT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_VIRTUAL), 0);
  event_del(reader);
  EXPECT_EQ(event_base_get_num_events(base, EVENT_BASE_COUNT_ADDED | EVENT_BASE_COUNT_ACTIVE), 0);
  EXPECT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_ADDED, 0), 3);
  EXPECT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_ACTIVE, 1), 1);
  EXPECT_EQ(event_base_get_max_events(base, EVENT_BASE_COUNT_ACTIVE, 0), 0);
}

TEST(EventInspectTest, VisitsEachEventOnce) {
  Base base;
  Pair pair;
  Event reader(base, pair[0], EV_READ, [](short) {});
  Event timer(base, -1, 0, [](short) {});
  Event active(base, -1, 0, [](short) {});
  Event idle(base, -1, 0, [](short) {});
  AddTimeout(reader, 1000000);
  AddTimeout(timer, 1000000);
  event_active(active, EV_TIMEOUT, 1);
  const timeval duration = Milliseconds(500000);
  Event common(base, -1, 0, [](short) {});
  event_add(common, event_base_init_common_timeout(base, &duration));
  std::vector<const event*> seen;
  EXPECT_EQ(event_base_foreach_event(
                base,
                [](const event_base*, const event* ev, void* arg) {
                  static_cast<std::vector<const event*>*>(arg)->push_back(ev);
                  return 0;
                },
                &seen),
            0);
  for (const event* ev : {reader.get(), timer.get(), active.get(), common.get()}) {
    EXPECT_EQ(std::count(seen.begin(), seen.end(), ev), 1);
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), idle.get()), 0);
  EXPECT_EQ(event_base_foreach_event(
                base, [](const event_base*, const event*, void*) { return 17; }, nullptr),
            17);
  EXPECT_EQ(event_base_foreach_event(base, nullptr, nullptr), -1);
}

TEST(EventInspectTest, DumpsWhatWaitsAndWhatIsDue) {
  Base base;
  Pair pair;
  Event reader(base, pair[0], EV_READ | EV_PERSIST, [](short) {});
  Event timer(base, -1, 0, [](short) {});
  AddTimeout(reader, 1000000);
  event_active(timer, EV_TIMEOUT, 1);
  char* text = nullptr;
  size_t size = 0;
  FILE* out = open_memstream(&text, &size);
  event_base_dump_events(base, out);
  fclose(out);
  const std::string dump(text, size);
  free(text);
  const size_t active = dump.find("Active events:");
  ASSERT_NE(active, std::string::npos);
  EXPECT_NE(dump.find("Inserted events:"), std::string::npos);
  char name[40];
  snprintf(name, sizeof name, "%p", static_cast<void*>(reader.get()));
  EXPECT_LT(dump.find(name), active);
  EXPECT_LT(dump.find("Read Persist"), active);
  snprintf(name, sizeof name, "%p", static_cast<void*>(timer.get()));
  EXPECT_GT(dump.find(name), active);
  EXPECT_NE(dump.find(name), std::string::npos);
}

TEST(EventInspectTest, EventsOfNoBaseAreRefused) {
  LogCapture log;
  event ev;
  std::memset(&ev, 0, sizeof ev);
  EXPECT_EQ(event_add(&ev, nullptr), -1);
  EXPECT_EQ(event_del(&ev), -1);
  EXPECT_EQ(event_pending(&ev, EV_READ, nullptr), 0);
  EXPECT_EQ(event_remove_timer(&ev), -1);
  event_active(&ev, EV_READ, 1);
  EXPECT_EQ(log.lines().size(), 5u);
  for (const std::string& line : log.lines()) EXPECT_EQ(line.substr(0, 2), "2 ");
}

TEST(EventLogTest, WithoutACallbackToStderr) {
  event ev;
  std::memset(&ev, 0, sizeof ev);
  testing::internal::CaptureStderr();
  event_add(&ev, nullptr);
  const std::string output = testing::internal::GetCapturedStderr();
  EXPECT_EQ(output.substr(0, 7), "[warn] ");
  EXPECT_EQ(output.back(), '\n');
}

TEST(EventMemoryDeathTest, TheProgramsMemoryIsUsed) {
  static int balance;
  EXPECT_EXIT(
      {
        balance = 0;
        event_set_mem_functions(
            [](size_t size) {
              ++balance;
              return malloc(size);
            },
            [](void* memory, size_t size) {
              if (memory == nullptr) ++balance;
              return realloc(memory, size);
            },
            [](void* memory) {
              if (memory != nullptr) --balance;
              free(memory);
            });
        event_base* base = event_base_new();
        const int with_base = balance;
        event* ev = event_new(base, -1, 0, &Nothing, nullptr);
        const int with_event = balance;
        event_free(ev);
        event_base_free(base);
        libevent_global_shutdown();
        _exit(with_base > 0 && with_event == with_base + 1 && balance == 0 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(EventMemoryDeathTest, NoMemoryIsNoCrash) {
  EXPECT_EXIT(
      {
        event_set_mem_functions([](size_t) -> void* { return nullptr; },
                                [](void*, size_t) -> void* { return nullptr; }, [](void*) {});
        const bool refused = event_base_new() == nullptr && event_config_new() == nullptr &&
                             event_new(nullptr, -1, 0, &Nothing, nullptr) == nullptr;
        _exit(refused ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(EventDebugDeathTest, UnassignedEventsEndTheProgram) {
  EXPECT_EXIT(
      {
        event_set_fatal_callback([](int) { _exit(17); });
        event_enable_debug_mode();
        event_base* base = event_base_new();
        event ev;
        std::memset(&ev, 0, sizeof ev);
        ev.ev_base = base;
        event_add(&ev, nullptr);
      },
      testing::ExitedWithCode(17), "non-initialized event");
}

TEST(EventDebugDeathTest, AssigningAPendingEventEndsTheProgram) {
  EXPECT_EXIT(
      {
        event_set_fatal_callback([](int) { _exit(17); });
        event_enable_debug_mode();
        event_base* base = event_base_new();
        event ev;
        event_assign(&ev, base, -1, 0, &Nothing, nullptr);
        AddTimeout(&ev, 1000);
        event_assign(&ev, base, -1, 0, &Nothing, nullptr);
      },
      testing::ExitedWithCode(17), "already added event");
}

TEST(EventDebugDeathTest, MixingEdgesAndLevelsIsRefused) {
  EXPECT_EXIT(
      {
        event_enable_debug_mode();
        event_base* base = event_base_new();
        Pair pair;
        event edge;
        event level;
        event_assign(&edge, base, pair[0], EV_READ | EV_ET, &Nothing, nullptr);
        event_assign(&level, base, pair[0], EV_READ, &Nothing, nullptr);
        const bool refused = event_add(&edge, nullptr) == 0 && event_add(&level, nullptr) == -1;
        _exit(refused ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(EventDebugDeathTest, ProperUseIsFine) {
  EXPECT_EXIT(
      {
        event_enable_debug_mode();
        evthread_enable_lock_debugging();
        evthread_use_pthreads();
        event_base* base = event_base_new();
        for (int i = 0; i < 100; ++i) {
          event* ev = event_new(base, -1, EV_PERSIST, &Nothing, nullptr);
          AddTimeout(ev, 1000);
          event_del(ev);
          event_free(ev);
          event_base_once(base, -1, EV_TIMEOUT, &Nothing, nullptr, nullptr);
        }
        const int result = event_base_dispatch(base);
        event_base_free(base);
        libevent_global_shutdown();
        _exit(result == 1 ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
}

TEST(EventDebugDeathTest, TheModeComesFirst) {
  EXPECT_EXIT(
      {
        event_base_new();
        event_enable_debug_mode();
      },
      testing::ExitedWithCode(1), "event_enable_debug_mode");
}

}  // namespace
}  // namespace spindle::compat_test
