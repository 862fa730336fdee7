// A program of somebody who has installed Spindle: a message goes to a server on two worker loops
// and comes back. Prints it, and the libraries of ours that this process has mapped.

#include <fstream>
#include <iostream>
#include <set>
#include <string>
#include <utility>

#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"

void PrintMapped() {
  std::ifstream maps("/proc/self/maps");
  std::set<std::string> paths;
  for (std::string line; std::getline(maps, line);) {
    const size_t path = line.find('/');
    if (path != line.npos && line.find("/libspindle") != line.npos) paths.insert(line.substr(path));
  }
  for (const std::string& path : paths) std::cout << "mapped " << path << "\n";
}

int main() {
  auto loop = *spindle::EventLoop::Create();
  auto pool = *spindle::EventLoopThreadPool::Start(*loop, {.workers = 2});
  auto server = *spindle::StreamServer::Listen(
      *pool, spindle::SocketAddress::LoopbackV4(0),
      {.on_bytes = [](spindle::Connection& peer, spindle::Buffer& input) {
        peer.Write(std::move(input));
      }});
  std::string answer;
  spindle::StreamClient client(
      *loop, server->address(),
      {.on_open = [](spindle::Connection& peer) { peer.Write("a message"); },
       .on_bytes =
           [&](spindle::Connection&, spindle::Buffer& input) {
             answer += input.ToString();
             input.Clear();
             if (answer.size() >= 9) loop->Quit();
           }});
  client.Connect();
  if (!loop->Run().ok()) return 1;
  std::cout << "echoed " << answer << "\n";
  PrintMapped();
  return 0;
}
