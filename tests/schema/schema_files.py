"""The files of schemas/ as one reader sees them: what a file takes from another stands in it."""
import json
import os

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def read(name):
    with open(os.path.join(TOP, "schemas", name), encoding="utf-8") as file:
        return json.load(file)


class Expansion:
    """Reads one file, and others for what it takes from them."""

    def __init__(self, name):
        self.name = name
        self.files = {name: read(name)}

    def target(self, ref, home):
        """What "FILE#/A/B" names, and the file that it stands in. What is taken from another file means the definition of
        the reader's own, where it has one of that name."""
        name, pointer = ref.split("#")
        steps = pointer.strip("/").split("/")
        own = self.files[self.name].get("definitions", {})
        if not name and steps[0] == "definitions" and steps[1] in own:
            home = self.name
        home = name or home
        if home not in self.files:
            self.files[home] = read(home)
        value = self.files[home]
        for step in steps:
            value = value[step]
        return value, home

    def whole(self, schema, home):
        """`schema`, with what it takes from elsewhere in place of the references to it."""
        if isinstance(schema, list):
            return [self.whole(one, home) for one in schema]
        if not isinstance(schema, dict):
            return schema
        own = {key: self.whole(value, home) for key, value in schema.items() if key not in ("$ref", "x-fields-of", "definitions")}
        if "$ref" in schema:
            own = {**self.whole(*self.target(schema["$ref"], home)), **own}
        if "x-fields-of" in schema:
            taken, name = self.target(schema["x-fields-of"], home)
            fields = {**self.whole(taken["properties"], name), **own.get("properties", {})}
            own["properties"] = {key: value for key, value in fields.items() if value is not False}
        return own


def load(name):
    """The schema in schemas/<name>.json, without references."""
    expansion = Expansion(name + ".json")
    return expansion.whole(expansion.files[expansion.name], expansion.name)


def policies():
    """The list of policies that orctl writes into settings.json."""
    route = read("instance.json")["properties"]["route"]["items"]
    phases = [(name, route["properties"][name]["x-phase"]) for name in route["x-policies"]]
    return [{"name": name, "phases": one if isinstance(one, list) else [one]} for name, one in phases]
