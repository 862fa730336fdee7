#include "net/loop/internal/function_name.h"

#include <cxxabi.h>
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>

#include "base/owned_fd.h"
#include "base/strings.h"

namespace spindle {
namespace {

constexpr size_t kLongestName = 200;

// A file in memory, whose content nobody vouches for.
class MappedFile {
 public:
  explicit MappedFile(const char* path) {
    const OwnedFd fd(open(path, O_RDONLY | O_CLOEXEC));
    struct stat status = {};
    if (!fd.valid() || fstat(fd.get(), &status) != 0 || status.st_size <= 0) return;
    void* const data =
        mmap(nullptr, static_cast<size_t>(status.st_size), PROT_READ, MAP_PRIVATE, fd.get(), 0);
    if (data == MAP_FAILED) return;
    data_ = static_cast<const char*>(data);
    size_ = static_cast<size_t>(status.st_size);
  }
  MappedFile(const MappedFile&) = delete;
  MappedFile& operator=(const MappedFile&) = delete;
  ~MappedFile() {
    if (data_ != nullptr) munmap(const_cast<char*>(data_), size_);
  }

  // `count` objects from `offset` on; none if they are not all there.
  template <typename T>
  std::span<const T> At(uint64_t offset, uint64_t count) const {
    if (offset > size_ || count > (size_ - offset) / sizeof(T)) return {};
    if ((reinterpret_cast<uintptr_t>(data_) + offset) % alignof(T) != 0) return {};
    return {reinterpret_cast<const T*>(data_ + offset), static_cast<size_t>(count)};
  }

 private:
  const char* data_ = nullptr;
  size_t size_ = 0;
};

// The mangled name of the function at `address`, which counts from where the file was loaded; of
// the tables of one kind (SHT_SYMTAB, SHT_DYNSYM). Empty if there is none.
std::string FindSymbol(const MappedFile& file, uint32_t kind, uint64_t address) {
  const auto header = file.At<ElfW(Ehdr)>(0, 1);
  if (header.empty() || std::memcmp(header[0].e_ident, ELFMAG, SELFMAG) != 0 ||
      header[0].e_shentsize != sizeof(ElfW(Shdr))) {
    return {};
  }
  const auto sections = file.At<ElfW(Shdr)>(header[0].e_shoff, header[0].e_shnum);
  for (const ElfW(Shdr) & section : sections) {
    if (section.sh_type != kind || section.sh_link >= sections.size()) continue;
    const ElfW(Shdr)& strings = sections[section.sh_link];
    const auto text = file.At<char>(strings.sh_offset, strings.sh_size);
    const auto symbols = file.At<ElfW(Sym)>(section.sh_offset, section.sh_size / sizeof(ElfW(Sym)));
    for (const ElfW(Sym) & symbol : symbols) {
      if ((symbol.st_info & 0xf) != STT_FUNC || symbol.st_name >= text.size()) continue;
      if (address < symbol.st_value || address - symbol.st_value >= symbol.st_size) continue;
      const std::string_view rest(text.data() + symbol.st_name, text.size() - symbol.st_name);
      return std::string(rest.substr(0, rest.find('\0')));
    }
  }
  return {};
}

std::string Demangled(const std::string& name) {
  int status = 0;
  const std::unique_ptr<char, decltype(&std::free)> text(
      abi::__cxa_demangle(name.c_str(), nullptr, nullptr, &status), &std::free);
  return text == nullptr ? name : std::string(text.get());
}

}  // namespace

std::string FunctionName(const void* address) {
  Dl_info info = {};
  link_map* map = nullptr;
  if (dladdr1(address, &info, reinterpret_cast<void**>(&map), RTLD_DL_LINKMAP) == 0) return "?";
  // The program itself has no name there.
  const bool is_program = map->l_name == nullptr || *map->l_name == '\0';
  const MappedFile file(is_program ? "/proc/self/exe" : map->l_name);
  const uint64_t offset = reinterpret_cast<uintptr_t>(address) - map->l_addr;
  std::string name = FindSymbol(file, SHT_SYMTAB, offset);
  if (name.empty()) name = FindSymbol(file, SHT_DYNSYM, offset);
  if (!name.empty()) {
    name = Demangled(name);
    if (name.size() > kLongestName) name.replace(kLongestName, std::string::npos, "...");
    return name;
  }
  std::string_view path = info.dli_fname == nullptr ? "?" : info.dli_fname;
  path.remove_prefix(path.rfind('/') + 1);
  char number[32];
  std::snprintf(number, sizeof number, "+0x%zx", static_cast<size_t>(offset));
  return Concat(path, number);
}

}  // namespace spindle
