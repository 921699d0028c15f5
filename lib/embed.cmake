# Writes OUT: the files in FILES as `const std::map<std::string, std::string_view>& SYMBOL()`, keyed by path below TOP.
set(body "")
set(entries "")
set(n 0)
foreach(file ${FILES})
  file(READ ${file} hex HEX)
  string(REGEX REPLACE "([0-9a-f][0-9a-f])" "'\\\\x\\1'," bytes "${hex}")
  file(RELATIVE_PATH name ${TOP} ${file})
  string(LENGTH "${hex}" digits)
  math(EXPR size "${digits} / 2")
  string(APPEND body "const char f${n}[] = {${bytes} 0};\n")
  string(APPEND entries "    {\"${name}\", {f${n}, ${size}}},\n")
  math(EXPR n "${n} + 1")
endforeach()
file(WRITE ${OUT} "#include \"${HEADER}\"
namespace orctl {
namespace {
${body}}  // namespace
const std::map<std::string, std::string_view>& ${SYMBOL}() {
  static const std::map<std::string, std::string_view> files = {
${entries}  };
  return files;
}
}  // namespace orctl
")
