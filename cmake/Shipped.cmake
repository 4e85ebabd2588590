# tenon_embed(<room> <name> <folder>): the JSON files of share/tenon/<folder> become part of a room as data. The room's
# private header shipped.hpp declares `std::span<const Shipped> shipped_<name>()`.
function(tenon_embed room name folder)
  file(GLOB files CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/share/tenon/${folder}/*.json)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${files})
  set(entries "")
  foreach(file IN LISTS files)
    get_filename_component(stem ${file} NAME_WE)
    file(READ ${file} text)
    string(APPEND entries "    {\"${stem}\", R\"data(${text})data\"},\n")
  endforeach()
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/shipped_${name}.cpp @ONLY CONTENT [[
#include <array>

#include "shipped.hpp"

namespace tenon::@room@ {

std::span<const Shipped> shipped_@name@() {
    static constexpr auto all = std::to_array<Shipped>({
@entries@    });
    return all;
}

}  // namespace tenon::@room@
]])
  target_sources(room_${room} PRIVATE ${PROJECT_BINARY_DIR}/shipped_${name}.cpp)
endfunction()
