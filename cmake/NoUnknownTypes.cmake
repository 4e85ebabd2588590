# Fails where SWIG met a type that no typemap knows: it would cross as an opaque pointer.
file(GLOB unknown RELATIVE ${FOLDER} ${FOLDER}/SWIGTYPE_*)
if(unknown)
  message(FATAL_ERROR "No typemap of bindings/api knows these types: ${unknown}")
endif()
