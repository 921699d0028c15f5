#include <doctest/doctest.h>
#include <elf.h>

#include <cstring>
#include <map>
#include <set>

#include "base/text.h"
#include "nginx/directives.h"
#include "real_nginx.h"
#include "sys_scratch.h"

// The tables of directives (lib/nginx/directives_*.cc) are held against the command tables of the nginx of this
// machine.
using namespace orctl;
using namespace orctl::test;

namespace {

/// An nginx binary or module, read as ngx_command_t tables lie in it: a length, a pointer to a name so long, flags, and
/// what follows. The pointers are relocations, as it is position independent.
class Binary {
 public:
  explicit Binary(std::string bytes) : bytes_(std::move(bytes)) {
    const auto head = at<Elf64_Ehdr>(0);
    for (size_t i = 0; i < head.e_shnum; ++i)
      sections_.push_back(at<Elf64_Shdr>(head.e_shoff + i * sizeof(Elf64_Shdr)));
    for (const Elf64_Shdr& s : sections_)
      for (size_t o = 0; s.sh_type == SHT_RELA && o < s.sh_size; o += sizeof(Elf64_Rela)) {
        const auto one = at<Elf64_Rela>(s.sh_offset + o);
        if (ELF64_R_SYM(one.r_info) == 0) pointers_[one.r_offset] = static_cast<size_t>(one.r_addend);
      }
  }

  void names(std::set<std::string>& out) const {
    for (const auto& [place, target] : pointers_) {
      const auto pointer = offset(place), text = offset(target);
      if (!pointer || !text || *pointer < 8) continue;
      const auto length = at<uint64_t>(*pointer - 8);
      if (length < 2 || length > 64 || *text + length >= bytes_.size()) continue;
      const std::string name = bytes_.substr(*text, length);
      if (name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_") == std::string::npos && name[0] > '9' &&
          bytes_[*text + length] == '\0')
        out.insert(name);
    }
  }

 private:
  template <class T>
  T at(size_t offset) const {
    REQUIRE(offset + sizeof(T) <= bytes_.size());
    T out;
    std::memcpy(&out, bytes_.data() + offset, sizeof(T));
    return out;
  }
  std::optional<size_t> offset(size_t address) const {
    for (const Elf64_Shdr& s : sections_)
      if (s.sh_type != SHT_NOBITS && s.sh_addr != 0 && s.sh_addr <= address && address < s.sh_addr + s.sh_size)
        return s.sh_offset + address - s.sh_addr;
    return std::nullopt;
  }

  std::string bytes_;
  std::vector<Elf64_Shdr> sections_;
  std::map<size_t, size_t> pointers_;
};

/// Whether real nginx, with its modules, knows `name` for a directive.
bool nginx_knows(const std::string& name, const std::string& nginx, const std::string& modules, const Scratch& folder,
                 World& world) {
  world.fs.write(folder / "conf", modules + name + " x;\nevents {}\n");
  const auto result =
      world.proc.run({nginx, "-t", "-e", "stderr", "-p", folder.path(), "-c", folder / "conf"}, Millis(20000));
  REQUIRE(result.err.find("test failed") != std::string::npos);
  return result.err.find("unknown directive \"" + name + "\"") == std::string::npos;
}

}  // namespace

TEST_CASE("every directive of the nginx here, and of its modules, stands in a table with its kinds") {
  const Scratch folder;
  World world({}, folder.path());
  const RealNginx nginx(world);
  std::set<std::string> names;
  Binary(world.fs.read(nginx.facts.binary)).names(names);
  for (const std::string& line : split(nginx.modules, '\n'))
    if (!line.empty()) Binary(world.fs.read(line.substr(line.find('/'), line.find(';') - line.find('/')))).names(names);
  for (const char* name : {"proxy_pass", "ssl_conf_command", "content_by_lua_block", "load_module", "proxy_ssl_crl"})
    CHECK_MESSAGE(names.contains(name), std::string(name));
  size_t known = 0;
  for (const std::string& name : names) {
    if (nginx::find_rule(name) != nullptr)
      ++known;
    else
      CHECK_MESSAGE(!nginx_knows(name, nginx.facts.binary, nginx.modules, folder, world), name << " has no rule");
  }
  CHECK(known > 600);
}
