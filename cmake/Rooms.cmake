# One room is one target. Its face lies in src/<room>/include/<room>/; only the faces of rooms named by SEES are on its
# include path, so a forbidden include does not compile.
#
# The libraries that DELAYED names are loaded with their first use, see base/delayed.hpp, on the processor for which that is
# written. Elsewhere they are as any other.
set_property(GLOBAL PROPERTY TENON_ROOMS "")
if(NOT (CMAKE_SYSTEM_NAME STREQUAL Linux AND CMAKE_SYSTEM_PROCESSOR STREQUAL x86_64))
  set(TENON_DELAY_LOAD OFF)
endif()

function(tenon_room name)
  cmake_parse_arguments(ARG "" "" "SEES;THIRD;DELAYED" ${ARGN})
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
  if(TENON_DELAY_LOAD)
    target_compile_definitions(${target} PRIVATE TENON_DELAY_LOAD)
  endif()
  tenon_precompiled(${target} library)
  list(TRANSFORM ARG_SEES PREPEND room_)
  # Third-party headers stay in the room; their libraries travel with the objects.
  target_link_libraries(${target} PUBLIC ${ARG_SEES} PRIVATE ${ARG_THIRD} ${ARG_DELAYED} tenon_warnings)
  set_property(GLOBAL APPEND PROPERTY TENON_ROOMS ${name})
  set_property(GLOBAL APPEND PROPERTY TENON_THIRD ${ARG_THIRD})
  set_property(GLOBAL APPEND PROPERTY TENON_DELAYED ${ARG_DELAYED})
endfunction()

function(tenon_library)
  get_property(rooms GLOBAL PROPERTY TENON_ROOMS)
  get_property(third GLOBAL PROPERTY TENON_THIRD)
  get_property(delayed GLOBAL PROPERTY TENON_DELAYED)
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
  target_link_libraries(tenon PRIVATE ${third} ${CMAKE_DL_LIBS})
  if(NOT TENON_DELAY_LOAD)
    target_link_libraries(tenon PRIVATE ${delayed})
  endif()
  # nodelete: a host name that is being looked up cannot be stopped, and its thread must not find the library unloaded.
  target_link_options(tenon PRIVATE -Wl,--exclude-libs,ALL -Wl,-z,defs -Wl,-z,nodelete
    -Wl,--version-script=${PROJECT_SOURCE_DIR}/cmake/exports.map)
  set_target_properties(tenon PROPERTIES LINK_DEPENDS ${PROJECT_SOURCE_DIR}/cmake/exports.map)

  # Unit tests look behind the face: the same objects, linked statically, with every room visible.
  add_library(tenon_inside STATIC EXCLUDE_FROM_ALL ${objects})
  set_target_properties(tenon_inside PROPERTIES LINKER_LANGUAGE CXX)
  target_link_libraries(tenon_inside PUBLIC ${third} ${delayed} ${CMAKE_DL_LIBS})  # tests call them directly, too
  target_include_directories(tenon_inside PUBLIC
    ${PROJECT_SOURCE_DIR}/include ${PROJECT_BINARY_DIR}/include)
  if(TENON_DELAY_LOAD)
    target_compile_definitions(tenon_inside PUBLIC TENON_DELAY_LOAD)
  endif()
  foreach(room IN LISTS rooms)
    target_include_directories(tenon_inside PUBLIC ${PROJECT_SOURCE_DIR}/src/${room}/include)
  endforeach()
endfunction()
