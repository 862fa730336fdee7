#ifndef SPINDLE_NET_HTTP_HTTP_TEXT_H_
#define SPINDLE_NET_HTTP_HTTP_TEXT_H_

#include <cstddef>
#include <string_view>

namespace spindle {

// What every reader of HTTP/1 headers does. RFC 9110, RFC 9112. Any thread; nothing is kept.

// How many bytes the header at the front of `text` has, with the empty line behind it; 0 if it is
// not complete.
size_t HttpHeaderSize(std::string_view text);

// The first line of `text`, without its end, and takes it off. Lines end in CR LF or LF alone (RFC
// 9112 2.2). False if there is no whole line.
bool TakeHttpLine(std::string_view& text, std::string_view* line);

// `text` without the blanks and tabs around it (RFC 9110 5.6.3).
std::string_view TrimHttpBlanks(std::string_view text);

// Whether two names or tokens are the same: their letters have no case.
bool EqualHttpNames(std::string_view a, std::string_view b);

}  // namespace spindle

#endif  // SPINDLE_NET_HTTP_HTTP_TEXT_H_
