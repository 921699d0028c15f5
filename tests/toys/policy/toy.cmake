# toy_policy is orctl with one policy more, which is in no shipped file: what tests/toys/policy.txtar runs. Its embedded
# files go before those of the libraries, as objects of its own; all else is orctl's.
find_program(PYTHON3 python3)
set(toy ${CMAKE_BINARY_DIR}/toy_policy.tree)
set(toy_schemas ${schema_files})
set(toy_lua ${lua_files} ${CMAKE_SOURCE_DIR}/lua/orctl/policy/deny.lua)
list(TRANSFORM toy_schemas REPLACE "^${CMAKE_SOURCE_DIR}" ${toy})
list(TRANSFORM toy_lua REPLACE "^${CMAKE_SOURCE_DIR}" ${toy})
file(GLOB toy_files CONFIGURE_DEPENDS ${CMAKE_CURRENT_LIST_DIR}/deny.* ${CMAKE_CURRENT_LIST_DIR}/grow.py)
set(embed ${CMAKE_COMMAND} -DTOP=${toy})
add_custom_command(
  OUTPUT ${toy}/embedded_schemas.cc ${toy}/embedded_lua.cc
  COMMAND ${PYTHON3} ${CMAKE_CURRENT_LIST_DIR}/grow.py ${CMAKE_SOURCE_DIR} ${toy}
  COMMAND ${embed} -DOUT=${toy}/embedded_schemas.cc -DSYMBOL=embedded_schemas -DHEADER=model/embedded.h
          "-DFILES=${toy_schemas}" -P ${CMAKE_SOURCE_DIR}/lib/embed.cmake
  COMMAND ${embed} -DOUT=${toy}/embedded_lua.cc -DSYMBOL=embedded_lua -DHEADER=render/embedded.h "-DFILES=${toy_lua}" -P
          ${CMAKE_SOURCE_DIR}/lib/embed.cmake
  DEPENDS ${schema_files} ${lua_files} ${toy_files} ${CMAKE_SOURCE_DIR}/lib/embed.cmake
  VERBATIM)
add_executable(toy_policy EXCLUDE_FROM_ALL ${toy}/embedded_schemas.cc ${toy}/embedded_lua.cc $<TARGET_OBJECTS:orctl>)
target_link_libraries(toy_policy PRIVATE orctl_change orctl_import orctl_answer orctl_cli)
