# tenon_swig(<target> <language> <swig argument>…): the shared interface bindings/api wrapped for a language. Makes the MODULE
# library <target> and leaves the language's sources in gen/ below the current build folder; what is generated changes with the
# API, so gen/ is emptied first and <target>_sources stands for all of it. An own command, since UseSWIG cannot know what SWIG
# will write.
find_program(SWIG swig REQUIRED)

function(tenon_swig target language)
  set(api ${PROJECT_SOURCE_DIR}/bindings/api)
  set(wrapper ${CMAKE_CURRENT_BINARY_DIR}/${language}_wrap.cpp)
  file(GLOB interfaces CONFIGURE_DEPENDS ${api}/*.i ${api}/*.py)
  file(GLOB headers CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/include/tenon/*.hpp)
  add_custom_command(OUTPUT ${wrapper} ${CMAKE_CURRENT_BINARY_DIR}/gen.stamp
    COMMAND ${CMAKE_COMMAND} -E rm -rf gen
    COMMAND ${CMAKE_COMMAND} -E make_directory gen
    COMMAND ${Python_EXECUTABLE} -B ${api}/proxies.py ${language} ${PROJECT_SOURCE_DIR}/include proxies.i
    COMMAND ${SWIG} -c++ -${language} -Wall -Werror ${ARGN} -I${CMAKE_CURRENT_BINARY_DIR} -I${api}
            -I${PROJECT_SOURCE_DIR}/include -I${PROJECT_BINARY_DIR}/include -outdir gen -o ${wrapper} ${api}/tenon.i
    # A type that no typemap knows would become a class of that name: name it instead.
    COMMAND ${CMAKE_COMMAND} -D FOLDER=${CMAKE_CURRENT_BINARY_DIR}/gen -P ${PROJECT_SOURCE_DIR}/cmake/NoUnknownTypes.cmake
    COMMAND ${CMAKE_COMMAND} -E touch gen.stamp
    DEPENDS ${headers} ${interfaces}
    WORKING_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}
    COMMENT "Wrapping the public headers for ${language}"
    VERBATIM)
  add_library(${target} MODULE ${wrapper})
  target_link_libraries(${target} PRIVATE tenon::tenon)
  target_include_directories(${target} PRIVATE ${api})
  target_compile_options(${target} PRIVATE -fno-strict-aliasing -w -O1)
  target_link_options(${target} PRIVATE -Wl,-Bsymbolic -Wl,--exclude-libs,ALL -Wl,-z,defs)
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "$ORIGIN" PREFIX lib OUTPUT_NAME tenon-${language})
  set_source_files_properties(${wrapper} PROPERTIES OBJECT_DEPENDS "${api}/java.hpp;${api}/csharp.hpp;${api}/utf.hpp")
endfunction()
