#include "bench/top/top_screen.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "bench/top/styled_line.h"
#include "bench/top/terminal.h"
#include "bench/top/top_view.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

TopView View(size_t loops, size_t connections) {
  TopView view;
  for (size_t i = 0; i < loops; ++i) {
    LoopRow row;
    row.now = {.name = "worker-" + std::to_string(i), .answered = i != 1, .connections = 7};
    row.busy = 0.25;
    view.loops.push_back(row);
  }
  for (size_t i = 0; i < connections; ++i) {
    ConnectionRow row;
    row.now = {.id = "1.2." + std::to_string(i), .peer = "127.0.0.1:4000", .state = "open"};
    row.received = 2048;
    view.connections.push_back(row);
  }
  view.connections_total = connections;
  view.imbalance = {1.5, 1.0};
  return view;
}

// What a terminal would show of a line.
std::string Visible(const std::string& line) {
  std::string text;
  for (size_t i = 0; i < line.size(); ++i) {
    if (line[i] == '\x1b') {
      i = line.find('m', i);
    } else {
      text += line[i];
    }
  }
  return text;
}

std::string All(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

TEST(TopScreenTest, FitsIntoEverySize) {
  const TopView views[] = {View(0, 0), View(1, 1), View(3, 100), View(64, 1000)};
  for (const TopView& view : views) {
    for (const size_t columns : {1, 10, 39, 80, 109, 110, 119, 120, 160, 500}) {
      for (const size_t rows : {1, 5, 10, 24, 50}) {
        for (const bool help : {false, true}) {
          const ScreenState state = {.server = "127.0.0.1:9000", .help = help};
          const auto coloured = DrawScreen(&view, state, {columns, rows}, Colours::kAnsi);
          EXPECT_LE(coloured.size(), rows);
          for (const std::string& line : coloured) EXPECT_LE(Visible(line).size(), columns);
          // Colours change nothing else.
          const auto plain = DrawScreen(&view, state, {columns, rows}, Colours::kNone);
          ASSERT_EQ(plain.size(), coloured.size());
          for (size_t i = 0; i < plain.size(); ++i) {
            std::string text = Visible(coloured[i]);
            text.erase(text.find_last_not_of(' ') + 1);
            EXPECT_EQ(plain[i], text);
          }
        }
      }
    }
  }
}

TEST(TopScreenTest, ShowsLoopsImbalanceAndConnections) {
  const TopView view = View(3, 40);
  const ScreenState state = {.server = "unix:/run/x", .interval = std::chrono::seconds(1)};
  const std::string text = All(DrawScreen(&view, state, {80, 24}, Colours::kNone));
  EXPECT_NE(text.find("unix:/run/x"), std::string::npos) << text;
  EXPECT_NE(text.find("imbalance conns 1.50  busy 1.00"), std::string::npos) << text;
  EXPECT_NE(text.find("worker-0  25.0% [||      ]      7 "), std::string::npos) << text;
  EXPECT_NE(text.find("worker-1  does not answer"), std::string::npos) << text;
  EXPECT_NE(text.find("connections 1-13 of 40"), std::string::npos) << text;
  EXPECT_NE(text.find("2.00K"), std::string::npos) << text;
  EXPECT_EQ(ConnectionRoom(view, {80, 24}), 13u);
}

TEST(TopScreenTest, APeerByIpv4IsWholeFrom80ColumnsOn) {
  TopView view = View(1, 1);
  const std::string peer = "255.255.255.255:65535";
  view.connections[0].now.peer = peer;
  for (size_t columns = 80; columns <= 200; ++columns) {
    for (size_t sort = 0; sort < TopSortNames().size(); ++sort) {
      const ScreenState state = {.sort = static_cast<TopSort>(sort)};
      const std::string text = All(DrawScreen(&view, state, {columns, 24}, Colours::kNone));
      EXPECT_NE(text.find(peer + " "), std::string::npos) << columns << "\n" << text;
    }
  }
}

TEST(TopScreenTest, ManyLoopsLeaveRoomForConnections) {
  const TopView view = View(64, 10);
  const auto lines = DrawScreen(&view, {}, {80, 24}, Colours::kNone);
  EXPECT_EQ(ConnectionRoom(view, {80, 24}), 3u);
  EXPECT_EQ(std::count_if(lines.begin(), lines.end(),
                          [](const std::string& line) { return line.starts_with("1.2."); }),
            3);
  // The one that hangs is among those shown.
  EXPECT_NE(All(lines).find("worker-1   does not answer"), std::string::npos) << All(lines);
}

TEST(TopScreenTest, TroubleIsShownWithAndWithoutNumbers) {
  const TopView view = View(1, 1);
  const ScreenState state = {.server = "127.0.0.1:9", .trouble = "Connection refused"};
  for (const TopView* shown : {&view, static_cast<const TopView*>(nullptr)}) {
    EXPECT_NE(All(DrawScreen(shown, state, {80, 24}, Colours::kNone)).find("Connection refused"),
              std::string::npos);
  }
}

TEST(TopScreenTest, WhatAServerSaysIsNoCommandToTheTerminal) {
  TopView view = View(1, 1);
  view.loops[0].now.name = "\x1b[2J\n";
  view.connections[0].now.peer = "unix:\x07\xc3\xa4";
  view.connections[0].now.state = "\x1b]0;x\x07";
  for (const std::string& line : DrawScreen(&view, {}, {160, 50}, Colours::kNone)) {
    for (const char c : line) EXPECT_TRUE(c >= ' ' && c <= '~') << static_cast<int>(c);
  }
}

TEST(StyledLineTest, CellsCutAndFill) {
  StyledLine line(20);
  line.AddLeft("a long name", 6);
  line.AddCell("12", 5);
  line.AddCell("1234567", 5);
  line.AddRight("no room");
  EXPECT_EQ(line.Take(Colours::kNone), "a lon~   12 1234567");
  line.Add("ab", Style::kBad);
  line.AddRight("z", Style::kDim);
  EXPECT_EQ(line.Take(Colours::kAnsi), "\x1b[1;31mab\x1b[0m                 \x1b[2mz\x1b[0m");
}

// ---- Keys.

std::vector<int> Keys(const std::vector<std::string>& pieces) {
  std::vector<int> keys;
  std::string rest;
  for (const std::string& piece : pieces) {
    for (const int key : ParseKeys(piece, rest)) keys.push_back(key);
  }
  return keys;
}

TEST(ParseKeysTest, KeysOfManyBytesAreOneKeyHoweverTheyCome) {
  constexpr int kUp = static_cast<int>(Key::kUp);
  constexpr int kPageDown = static_cast<int>(Key::kPageDown);
  const std::vector<int> expected = {'q', kUp, kPageDown, kUp, 'x'};
  const std::string typed = "q\x1b[A\x1b[6~\x1bOAx";
  EXPECT_EQ(Keys({typed}), expected);
  for (size_t cut = 0; cut <= typed.size(); ++cut) {
    EXPECT_EQ(Keys({typed.substr(0, cut), typed.substr(cut)}), expected) << cut;
  }
  std::vector<std::string> bytes;
  for (const char c : typed) bytes.emplace_back(1, c);
  EXPECT_EQ(Keys(bytes), expected);
}

TEST(ParseKeysTest, WhatItDoesNotKnowIsLeftOut) {
  EXPECT_EQ(Keys({"\x1b[15~a"}), std::vector<int>{'a'});
  EXPECT_EQ(Keys({"\x1b[1;5Aa"}), std::vector<int>{'a'});
  EXPECT_EQ(Keys({"\x1b"
                  "a"}),
            std::vector<int>{'a'});
  EXPECT_EQ(Keys({std::string("\x1b[") + std::string(100, '1'), "a"}).size(), 1u)
      << "it does not wait for ever";
}

}  // namespace
}  // namespace spindle::bench
