"""Checks objects against the schemas of Kubernetes, as `kubernetes-validate --strict` does, many in one process.

Arguments: versions of Kubernetes. Standard input: an object as JSON on each line. Standard output: a line for each that does not fit
(ERROR) or that has no schema (WARN): the word, the number of the object, the version, and what is wrong, between tabs.
"""

import functools
import json
import sys

from kubernetes_validate import utils

# The library reads these files, of megabytes, for each object anew.
utils.schema_contents = functools.lru_cache(None)(utils.schema_contents)

for number, line in enumerate(sys.stdin):
    document = json.loads(line)
    for version in sys.argv[1:]:
        try:
            utils.validate(document, version, strict=True)
        except utils.SchemaNotFoundError as error:
            print("WARN", number, version, error.message, sep="\t")
        except utils.ValidationError as error:
            path = ".".join(str(item) for item in error.path)
            print("ERROR", number, version, f"{path}: {error.message}".replace("\n", " "), sep="\t")
