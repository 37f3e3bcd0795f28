// fhir-kit-client reads, searches and pages.
import { Client } from "fhir-kit-client";
import { refusal, told } from "./lib.mjs";
import { base, token } from "./session.mjs";

const fhir = new Client({ baseUrl: base, bearerToken: token });
const smart = await fhir.smartAuthMetadata();
const statement = await fhir.capabilityStatement();
told("discovered", { token: smart.tokenUrl, version: statement.fhirVersion });

const patient = await fhir.read({ resourceType: "Patient", id: "p1" });
const [version] = /\d+/.exec(Client.httpFor(patient).response.headers.get("etag"));
const old = await fhir.vread({ resourceType: "Patient", id: "p1", version });
told("read", { family: patient.name[0].family, again: old.name[0].family });

const resourceType = "Condition";
const searchParams = { patient: "p1", _count: "2" };
async function paged(options) {
  const pages = [];
  for (let page = await fhir.search({ resourceType, searchParams, options }); page; page = await fhir.nextPage({ bundle: page })) {
    pages.push({ total: page.total, ids: page.entry.map((entry) => entry.resource.id) });
  }
  return pages;
}
told("paged", { get: await paged({}), post: await paged({ postSearch: true }) });

const chart = await fhir.operation({ name: "everything", resourceType: "Patient", id: "p1", method: "GET" });
told("everything", { types: [...new Set(chart.entry.map((entry) => entry.resource.resourceType))].sort() });

const asks = {
  stranger: () => fhir.read({ resourceType: "Patient", id: "p2" }),
  search: () => fhir.search({ resourceType, searchParams: { patient: "p2" } }),
  unknown: () => fhir.search({ resourceType: "Basic", searchParams: { code: "x" } }),
  thief: () => new Client({ baseUrl: base, bearerToken: "stolen" }).read({ resourceType: "Patient", id: "p1" }),
};
const refused = {};
for (const [name, ask] of Object.entries(asks)) {
  const { status, data } = (await refusal(ask)).response;
  refused[name] = [status, data.resourceType, data.issue?.[0].code];
}
told("refused", refused);
