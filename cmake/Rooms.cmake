# One room is one target. Its face lies in src/<room>/include/<room>/; only the faces of rooms named by SEES are on its
# include path, so a forbidden include does not compile.
set_property(GLOBAL PROPERTY TENON_ROOMS "")

function(tenon_room name)
  cmake_parse_arguments(ARG "" "" "SEES;THIRD" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  set(target room_${name})
  if(NOT sources)  # a face only, so far
    file(WRITE ${PROJECT_BINARY_DIR}/empty_${name}.cpp "")
    set(sources ${PROJECT_BINARY_DIR}/empty_${name}.cpp)
  endif()
  add_library(${target} OBJECT ${sources})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  target_include_directories(${target}
    PUBLIC ${PROJECT_SOURCE_DIR}/src/${name}/include
    PRIVATE ${PROJECT_SOURCE_DIR}/src/${name})
  if(name STREQUAL base)
    target_include_directories(${target} PUBLIC
      ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
  endif()
  target_compile_definitions(${target} PRIVATE TENON_BUILDING)
  tenon_precompiled(${target} library)
  list(TRANSFORM ARG_SEES PREPEND room_)
  # Third-party headers stay in the room; their libraries travel with the objects.
  target_link_libraries(${target} PUBLIC ${ARG_SEES} PRIVATE ${ARG_THIRD} tenon_warnings)
  set_property(GLOBAL APPEND PROPERTY TENON_ROOMS ${name})
  set_property(GLOBAL APPEND PROPERTY TENON_THIRD ${ARG_THIRD})
endfunction()

function(tenon_library)
  get_property(rooms GLOBAL PROPERTY TENON_ROOMS)
  get_property(third GLOBAL PROPERTY TENON_THIRD)
  list(REMOVE_DUPLICATES third)
  set(objects "")
  foreach(room IN LISTS rooms)
    list(APPEND objects $<TARGET_OBJECTS:room_${room}>)
  endforeach()

  add_library(tenon SHARED ${objects})
  add_library(tenon::tenon ALIAS tenon)
  set_target_properties(tenon PROPERTIES
    OUTPUT_NAME tenon${TENON_LIB_SUFFIX}
    VERSION ${PROJECT_VERSION}
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
    LINKER_LANGUAGE CXX)
  target_include_directories(tenon PUBLIC
    $<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>
    $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_compile_features(tenon PUBLIC cxx_std_20)
  target_link_libraries(tenon PRIVATE ${third})
  # nodelete: a host name that is being looked up cannot be stopped, and its thread must not find the library unloaded.
  target_link_options(tenon PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs -Wl,-z,nodelete
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map)
  set_target_properties(tenon PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/exports.map)

  # Unit tests look behind the face: the same objects, linked statically, with every room visible.
  add_library(tenon_inside STATIC EXCLUDE_FROM_ALL ${objects})
  set_target_properties(tenon_inside PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(tenon_inside PUBLIC ${third})
  target_include_directories(tenon_inside PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
  foreach(room IN LISTS rooms)
    target_include_directories(tenon_inside PUBLIC ${PROJECT_SOURCE_DIR}/src/${room}/include)
  endforeach()
endfunction()
