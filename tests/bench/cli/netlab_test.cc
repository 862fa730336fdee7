// `spindle netlab` as its user sees it: exit codes, environment, signals, and that nothing is left
// of a lab, whoever was killed. Skipped where labs are not allowed.

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <vector>

#include "base/strings.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/bench/cli/program.h"
#include "tests/testing/watchdog.h"

namespace spindle::bench {
namespace {

using Words = std::vector<std::string>;

constexpr char kSpindle[] = "bench/cli/spindle";

// From here on unshare(2) is refused, as in a container without rights.
void ForbidUnshare() {
  sock_filter steps[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_unshare, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {static_cast<unsigned short>(std::size(steps)), steps};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) _exit(125);
}

// What the links in /proc/PID/fd and /proc/PID/ns of any process point to.
bool AnybodyHas(const std::string& target) {
  std::error_code error;
  for (const auto& process : std::filesystem::directory_iterator("/proc", error)) {
    for (const char* folder : {"fd", "ns"}) {
      std::filesystem::directory_iterator links(process.path() / folder, error);
      if (error) continue;
      for (const auto& link : links) {
        if (std::filesystem::read_symlink(link.path(), error) == target) return true;
      }
    }
  }
  return false;
}

bool IsAlive(pid_t pid) { return kill(pid, 0) == 0; }

// The child of `parent` that bears this name; 0 if there is none.
pid_t ChildOf(pid_t parent, const std::string& name) {
  std::ifstream children(Concat("/proc/", parent, "/task/", parent, "/children"));
  for (pid_t pid = 0; children >> pid;) {
    std::ifstream file(Concat("/proc/", pid, "/comm"));
    std::string comm;
    std::getline(file, comm);
    if (comm == name) return pid;
  }
  return 0;
}

class NetlabCommandTest : public ::testing::Test {
 protected:
  void SetUp() override {
    const ProgramResult check = RunProgram({"netlab", "--check"});
    can_netem_ = check.out.find("netem: yes") != std::string::npos;
    if (check.exit_code == 77) GTEST_SKIP() << check.err;
    ASSERT_EQ(check.exit_code, 0) << check.err;
    EXPECT_NE(check.out.find("box: yes"), std::string::npos) << check.out;
    EXPECT_EQ(check.err, "");
  }

  void ExpectOneLine(const ProgramResult& result, const std::string& start) {
    EXPECT_TRUE(result.err.starts_with(start)) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  }

  // A lab in which a command and a server, and a child of each, would run for ever; both
  // namespaces, as /proc shows them, once it does.
  Words EndlessLab() {
    const std::string script =
        "sleep 1000 & echo \"up $(readlink /proc/self/ns/net)\" >&2; wait; :";
    return {"netlab", "--server", script, "--", "sh", "-c", script};
  }

  Watchdog watchdog_{std::chrono::seconds(240)};
  bool can_netem_ = false;
};

TEST_F(NetlabCommandTest, TheExitCodeIsTheCommands) {
  EXPECT_EQ(RunProgram({"netlab", "--", "true"}).exit_code, 0);
  EXPECT_EQ(RunProgram({"netlab", "--", "sh", "-c", "exit 7"}).exit_code, 7);
  EXPECT_EQ(RunProgram({"netlab", "--", "sh", "-c", "kill -9 $$"}).exit_code, 128 + 9);
  const ProgramResult missing = RunProgram({"netlab", "--", "no-such-program-here"});
  EXPECT_EQ(missing.exit_code, 127);
  ExpectOneLine(missing, "spindle netlab: no-such-program-here: ");
  EXPECT_EQ(RunProgram({"netlab", "--", "/"}).exit_code, 126);
}

TEST_F(NetlabCommandTest, TheCommandGetsItsWordsAsTheyAre) {
  const ProgramResult result =
      RunProgram({"netlab", "--quiet", "--", "sh", "-c", "for w; do echo \"<$w>\"; done", "sh",
                  "[a,b]", "--", "--rtt", "", "two words"});
  EXPECT_EQ(result.out, "<[a,b]>\n<-->\n<--rtt>\n<>\n<two words>\n");
  EXPECT_EQ(result.err, "");
}

TEST_F(NetlabCommandTest, TheEnvironmentTellsTheAddresses) {
  // The server may be told to end before it has said anything, unless the command waits for it.
  const std::string fifo = std::string(std::getenv("TEST_TMPDIR")) + "/server_says";
  ASSERT_EQ(mkfifo(fifo.c_str(), 0600), 0);
  const ProgramResult result = RunProgram(
      {"netlab", "--quiet", "--server",
       "echo \"$SPINDLE_NETLAB_SERVER $(readlink /proc/self/ns/net)\" >" + fifo, "--", "sh", "-c",
       "echo $SPINDLE_NETLAB_CLIENT $SPINDLE_NETLAB_SERVER; readlink /proc/self/ns/net; "
       "readlink $SPINDLE_NETLAB_CLIENT_NS; readlink $SPINDLE_NETLAB_SERVER_NS; cat " +
           fifo});
  EXPECT_EQ(result.exit_code, 0);
  std::istringstream lines(result.out);
  std::string addresses, here, client, server, server_address, server_says;
  std::getline(lines, addresses);
  lines >> here >> client >> server >> server_address >> server_says;
  EXPECT_EQ(addresses, "10.77.0.1 10.77.0.2");
  EXPECT_EQ(here, client);
  EXPECT_NE(client, server);
  EXPECT_EQ(server_address, "10.77.0.2");
  EXPECT_EQ(server_says, server);
}

TEST_F(NetlabCommandTest, AServerAndALoadMeetThere) {
  const ProgramResult result = RunProgram(
      {"netlab", "--rtt", "20ms", "--server",
       Concat("exec ", kSpindle, " serve 10.77.0.2 7000 2>&1"), "--", "sh", "-c",
       Concat("until ", kSpindle,
              " bench -d 200ms --warmup 0 --json --quiet 10.77.0.2 7000 2>/dev/null; do :; done")});
  EXPECT_EQ(result.exit_code, 0) << result.err;
  const std::string json = result.out.substr(result.out.find('{'));
  const auto run = nlohmann::json::parse(json.substr(0, json.rfind('}') + 1));
  EXPECT_GE(run["arms"][0]["latency"]["p50"], 20'000) << "microseconds";
  EXPECT_NE(result.err.find("netlab: engine box, RTT 20.0 ms, rate unlimited"), std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("netlab: to server: "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("netlab: to client: "), std::string::npos) << result.err;
}

TEST_F(NetlabCommandTest, AServerThatFailsIsReported) {
  const std::string file = Concat(std::getenv("TEST_TMPDIR"), "/server-pid");
  // The command ends once the lab has seen the server's end.
  const ProgramResult result = RunProgram({"netlab", "--quiet", "--server",
                                           Concat("echo $$ > ", file, "; exit 3"), "--", "sh", "-c",
                                           Concat("until [ -s ", file,
                                                  " ]; do :; done; "
                                                  "while kill -0 $(cat ",
                                                  file, ") 2>/dev/null; do :; done")});
  EXPECT_EQ(result.exit_code, 0);
  ExpectOneLine(result, "spindle netlab: the server has ended: exit code 3");
}

TEST_F(NetlabCommandTest, AServerThatIgnoresTheEndIsKilled) {
  const std::string ready = Concat(std::getenv("TEST_TMPDIR"), "/deaf");
  const ProgramResult result =
      RunProgram({"netlab", "--quiet", "--server",
                  Concat("trap '' TERM; : > ", ready, "; while :; do sleep 1000; done"), "--", "sh",
                  "-c", Concat("until [ -e ", ready, " ]; do :; done; exit 4")});
  // It has its end of the pipe: it is gone, or this would not return.
  EXPECT_EQ(result.exit_code, 4);
}

TEST_F(NetlabCommandTest, SignalsArePassedOn) {
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    Program lab({"netlab", "--quiet", "--", "sh", "-c",
                 "trap 'exit 9' TERM INT USR1; sleep 1000 & echo ready >&2; wait"});
    lab.WaitForLine("ready");
    lab.Signal(signal);
    EXPECT_EQ(lab.Wait().exit_code, 9);
  }
}

TEST_F(NetlabCommandTest, TheEndTakesWhatTheCommandLeftBehind) {
  const ProgramResult result =
      RunProgram({"netlab", "--quiet", "--", "sh", "-c", "setsid sleep 1000 & exit 5"});
  // The sleeper has its end of the pipe: it is gone, or this would not return.
  EXPECT_EQ(result.exit_code, 5);
}

TEST_F(NetlabCommandTest, NothingIsLeftOfALabThatWasKilled) {
  Program lab(EndlessLab());
  const std::string one = lab.WaitForLine("up ");
  const std::string two = lab.WaitForLine("up ");
  EXPECT_NE(one, two);
  EXPECT_TRUE(AnybodyHas(one) && AnybodyHas(two));
  const pid_t keeper = ChildOf(lab.pid(), "netlab-keeper");
  ASSERT_GT(keeper, 0);
  lab.Signal(SIGKILL);
  EXPECT_EQ(lab.Wait().signal, SIGKILL) << "and all its programs have closed stderr";
  // The keeper is the last one.
  while (AnybodyHas(one) || AnybodyHas(two)) {
  }
}

TEST_F(NetlabCommandTest, ALabOutlivesItsKeeper) {
  Program lab({"netlab", "--quiet", "--", "sh", "-c", "sleep 1000 & echo ready >&2; wait"});
  lab.WaitForLine("ready");
  const pid_t keeper = ChildOf(lab.pid(), "netlab-keeper");
  ASSERT_GT(keeper, 0);
  ASSERT_EQ(kill(keeper, SIGKILL), 0);
  lab.Signal(SIGTERM);
  EXPECT_EQ(lab.Wait().exit_code, 128 + SIGTERM);
}

TEST_F(NetlabCommandTest, TheNextStartClearsUpIfTheKeeperWasKilledToo) {
  Program lab({"netlab", "--", "sh", "-c",
               "sleep 1000 2>/dev/null >&2 & echo \"sleeper $!\" >&2; wait; :"});
  const pid_t sleeper = std::atoi(lab.WaitForLine("sleeper ").c_str());
  ASSERT_GT(sleeper, 0);
  const pid_t keeper = ChildOf(lab.pid(), "netlab-keeper");
  ASSERT_GT(keeper, 0);
  ASSERT_EQ(kill(keeper, SIGKILL), 0);
  lab.Signal(SIGKILL);
  lab.Wait();
  EXPECT_TRUE(IsAlive(sleeper));
  EXPECT_EQ(RunProgram({"netlab", "--quiet", "--", "true"}).exit_code, 0);
  // Somebody has to reap it: the first process, whoever that is here.
  while (IsAlive(sleeper)) {
  }
}

TEST_F(NetlabCommandTest, WrongCommandLinesAreExitCode2) {
  const std::vector<Words> wrong = {
      {"netlab", "true"},
      {"netlab", "true", "--", "true"},
      {"netlab", "--bogus", "--", "true"},
      {"netlab", "--rtt", "10", "--", "true"},
      {"netlab", "--rtt", "-1ms", "--", "true"},
      {"netlab", "--rtt", "2h", "--", "true"},
      {"netlab", "--rate", "50", "--", "true"},
      {"netlab", "--loss", "1", "--", "true"},
      {"netlab", "--loss", "101%", "--", "true"},
      {"netlab", "--queue", "0", "--", "true"},
      {"netlab", "--engine", "wire", "--", "true"},
      {"netlab", "--engine", "tbf", "--rtt", "1ms", "--rate", "1Mbit", "--", "true"},
      {"netlab", "--engine", "netem", "--jitter", "1ms", "--", "true"},
  };
  for (const Words& words : wrong) {
    std::string line = "spindle";
    for (const std::string& word : words) line += " " + word;
    SCOPED_TRACE(line);
    const ProgramResult result = RunProgram(words);
    EXPECT_EQ(result.exit_code, 2);
    ExpectOneLine(result, "spindle netlab: ");
    EXPECT_EQ(result.out, "");
  }
}

TEST_F(NetlabCommandTest, WhatTheKernelDoesNotHaveIsExitCode77) {
  const ProgramResult result =
      RunProgram({"netlab", "--quiet", "--rtt", "1ms", "--engine", "netem", "--", "true"});
  if (can_netem_) {
    EXPECT_EQ(result.exit_code, 0);
  } else {
    EXPECT_EQ(result.exit_code, 77);
    ExpectOneLine(result, "spindle netlab: not possible here: ");
  }
}

// Not skipped: there everything is as it is elsewhere.
TEST(NetlabCommand, WhereItIsNotAllowedIsExitCode77AndOneLine) {
  for (const Words& words : {Words{"netlab", "--rtt", "1ms", "--", "true"},
                             Words{"netlab", "--rate", "1Mbit", "--", "true"}}) {
    const ProgramResult result = RunProgram(words, 0, ForbidUnshare);
    EXPECT_EQ(result.exit_code, 77);
    EXPECT_EQ(result.err,
              "spindle netlab: not possible here: make a network namespace: Operation not "
              "permitted (EPERM)\n");
    EXPECT_EQ(result.out, "");
  }
  const ProgramResult check = RunProgram({"netlab", "--check"}, 0, ForbidUnshare);
  EXPECT_EQ(check.exit_code, 77);
  EXPECT_NE(check.out.find("box: no: make a network namespace: "), std::string::npos) << check.out;
  EXPECT_EQ(std::count(check.err.begin(), check.err.end(), '\n'), 1) << check.err;
}

}  // namespace
}  // namespace spindle::bench
