# toy_kind is orctl with one kind more, which is in no shipped file: what tests/toys/kind.txtar runs. The embedded schemas and
# the table of kinds go before those of the libraries, as objects of its own; all else is orctl's.
set(toy ${CMAKE_BINARY_DIR}/toy_kind.tree)
set(toy_schemas ${schema_files} ${CMAKE_SOURCE_DIR}/schemas/motd.json)
list(TRANSFORM toy_schemas REPLACE "^${CMAKE_SOURCE_DIR}" ${toy})
set(copies "")
foreach(file ${schema_files} ${CMAKE_CURRENT_LIST_DIR}/motd.json)
  get_filename_component(name ${file} NAME)
  list(APPEND copies COMMAND ${CMAKE_COMMAND} -E copy ${file} ${toy}/schemas/${name})
endforeach()
add_custom_command(
  OUTPUT ${toy}/embedded_schemas.cc
  ${copies}
  COMMAND ${CMAKE_COMMAND} -DTOP=${toy} -DOUT=${toy}/embedded_schemas.cc -DSYMBOL=embedded_schemas -DHEADER=model/embedded.h
          "-DFILES=${toy_schemas}" -P ${CMAKE_SOURCE_DIR}/lib/embed.cmake
  DEPENDS ${schema_files} ${CMAKE_CURRENT_LIST_DIR}/motd.json ${CMAKE_SOURCE_DIR}/lib/embed.cmake
  VERBATIM)
orctl_table(${toy}/kind_table.cc kind/kind.h Kind kinds _kind ${kind_words} motd)
add_executable(toy_kind EXCLUDE_FROM_ALL ${toy}/embedded_schemas.cc ${toy}/kind_table.cc ${CMAKE_CURRENT_LIST_DIR}/motd.cc
                                         $<TARGET_OBJECTS:orctl>)
target_link_libraries(toy_kind PRIVATE orctl_change orctl_import orctl_answer orctl_cli)
