#ifndef SPINDLE_NET_LOOP_INTERNAL_FUNCTION_NAME_H_
#define SPINDLE_NET_LOOP_INTERNAL_FUNCTION_NAME_H_

#include <string>

namespace spindle {

// The function that `address` lies in: "spindle::EventLoop::Run()", by the symbol table of the file
// that it was loaded from, elf(5), so that functions which are not exported have names, too. What
// has none is "libc.so.6+0x891f4"; what was loaded from nowhere is "?". At most some 200 bytes.
//
// Reads the file; leaves nothing open. Any thread, no signal handler.
std::string FunctionName(const void* address);

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_FUNCTION_NAME_H_
