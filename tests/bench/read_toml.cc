// Reads every *.toml of a folder with toml++ alone: what `orctl validate` is compared with (tests/bench/cli.py).
#include <dirent.h>
#include <toml++/toml.h>

#include <cstdio>
#include <fstream>
#include <sstream>
#include <string>

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  size_t read = 0;
  DIR* dir = opendir(argv[1]);
  if (dir == nullptr) return 1;
  while (const dirent* entry = readdir(dir)) {
    const std::string name = entry->d_name;
    if (name.size() < 5 || name.compare(name.size() - 5, 5, ".toml") != 0) continue;
    std::ifstream file(std::string(argv[1]) + "/" + name);
    std::stringstream text;
    text << file.rdbuf();
    read += toml::parse(text.str(), name).size();
  }
  closedir(dir);
  std::printf("%zu keys\n", read);
  return 0;
}
