// A timer on a loop asks another file for an answer, and prints it.

#include <chrono>
#include <iostream>

#include "net/loop/event_loop.h"

extern "C" int Answer();

int main() {
  auto loop = *spindle::EventLoop::Create();
  int answer = 0;
  loop->RunAfter(std::chrono::milliseconds(1), [&] {
    answer = Answer();
    loop->Quit();
  });
  if (!loop->Run().ok()) return 1;
  std::cout << "answer " << answer << "\n";
  return 0;
}
