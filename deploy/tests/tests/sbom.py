"""Checks a list of contents: the schema of CycloneDX 1.5, the graph, package URLs, and SPDX expressions."""

import json
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from license_expression import get_spdx_licensing
from packageurl import PackageURL

with open(sys.argv[1], encoding="utf-8") as file:
    text = file.read()
document = json.loads(text)

error = JsonStrictValidator(SchemaVersion.V1_5).validate_str(text)
assert error is None, error
assert Bom.from_json(document).validate(), "the graph does not hold together"

spdx = get_spdx_licensing()
known = {document["metadata"]["component"]["bom-ref"]}
for part in document["components"]:
    known.add(part["bom-ref"])
    url = PackageURL.from_string(part["purl"])
    assert url.to_string() == part["purl"], (url.to_string(), part["purl"])
    for licence in part.get("licenses", []):
        found = spdx.validate(licence["expression"], strict=True)
        assert not found.errors, (part["name"], found.errors)
for node in document["dependencies"]:
    unknown = {node["ref"], *node["dependsOn"]} - known
    assert not unknown, unknown
