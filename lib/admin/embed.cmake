# Writes OUT, a C++ file that holds FILES (a list, with ROOT in front of their names left out) as text:
#   cmake -D OUT=... -D ROOT=... -D "FILES=a;b" -P embed.cmake
set(entries "")
foreach(path ${FILES})
  file(READ ${path} text)
  file(RELATIVE_PATH name ${ROOT} ${path})
  string(APPEND entries "    {\"${name}\", R\"embedded(${text})embedded\"},\n")
endforeach()
file(WRITE ${OUT} "// Made by lib/admin/embed.cmake.
#include \"admin/assets.h\"

namespace muster::admin {

const std::vector<Asset>& assets() {
  static const std::vector<Asset> all = {
${entries}  };
  return all;
}

}  // namespace muster::admin
")
