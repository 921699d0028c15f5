#!/usr/bin/python3
"""Copies schemas/ and lua/ of the project and adds the toy policy: its entry in the schema of a route, and one Lua file.

    grow.py PROJECT OUT
"""
import json
import os
import shutil
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def main(project, out):
    for folder in ("schemas", "lua"):
        shutil.rmtree(os.path.join(out, folder), ignore_errors=True)
        shutil.copytree(os.path.join(project, folder), os.path.join(out, folder))
    path = os.path.join(out, "schemas", "instance.json")
    with open(path, encoding="utf-8") as file:
        schema = json.load(file)
    route = schema["properties"]["route"]["items"]
    with open(os.path.join(HERE, "deny.json"), encoding="utf-8") as file:
        route["properties"]["deny"] = json.load(file)
    route["x-policies"].insert(0, "deny")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(schema, file, indent=1)
    shutil.copy(os.path.join(HERE, "deny.lua"), os.path.join(out, "lua", "orctl", "policy"))


main(*sys.argv[1:])
