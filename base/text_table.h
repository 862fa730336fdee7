#ifndef SPINDLE_BASE_TEXT_TABLE_H_
#define SPINDLE_BASE_TEXT_TABLE_H_

#include <string>
#include <vector>

namespace spindle {

// Columns of text under one heading each, aligned by blanks. One thread at a time.
class TextTable {
 public:
  // The first column is aligned to the left, the others to the right.
  explicit TextTable(std::vector<std::string> headings);

  // Cells beyond the headings are dropped, missing ones are empty.
  void AddRow(std::vector<std::string> cells);

  // Ends in a newline; no line ends in a blank. Widths count UTF-8 characters, not bytes.
  std::string ToString() const;

 private:
  std::vector<std::vector<std::string>> rows_;  // The headings first.
};

}  // namespace spindle

#endif  // SPINDLE_BASE_TEXT_TABLE_H_
