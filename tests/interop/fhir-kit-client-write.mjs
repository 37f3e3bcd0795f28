// fhir-kit-client writes: create once only, update by version, a batch.
import { Client } from "fhir-kit-client";
import { refusal, told } from "./lib.mjs";
import { base, token } from "./session.mjs";

const fhir = new Client({ baseUrl: base, bearerToken: token });
const status = (resource) => Client.httpFor(resource).response.status;
const header = (resource, name) => Client.httpFor(resource).response.headers.get(name);
async function refused(ask) {
  const { status, data } = (await refusal(ask)).response;
  return [status, data.resourceType, data.issue[0].code];
}

const resourceType = "ServiceRequest";
const identifier = [{ system: "urn:rms:referral", value: "R-1" }];
const subject = { reference: "Patient/p1" };
const body = { resourceType, status: "draft", intent: "order", identifier, subject };
const options = { headers: { "If-None-Exist": "identifier=urn:rms:referral|R-1" } };
const created = await fhir.create({ resourceType, body, options });
const again = await fhir.create({ resourceType, body, options });
told("created", {
  statuses: [status(created), status(again)],
  same: created.id === again.id,
  location: header(created, "location") === `${base}/ServiceRequest/${created.id}/_history/1`,
  etag: header(created, "etag"),
});

const { id } = created;
const put = (tag) => fhir.update({ resourceType, id, body: { ...created, status: "active" }, options: { headers: { "If-Match": tag } } });
const updated = await put('W/"1"');
const read = await fhir.read({ resourceType, id });
told("updated", { status: status(updated), etag: header(updated, "etag"), read: read.status, stale: await refused(() => put('W/"1"')) });

const other = { ...body, subject: { reference: "Patient/p2" } };
told("refused", {
  other: await refused(() => fhir.create({ resourceType, body: other })),
  wrong: await refused(() => fhir.create({ resourceType, body: { ...body, intent: undefined } })),
  scope: await refused(() => fhir.create({ resourceType: "Condition", body: { resourceType: "Condition", subject } })),
  unread: await refused(() => fhir.create({ resourceType, body: "{" })),
});

const attachment = { contentType: "text/plain", title: "letter.txt", data: "aW52ZW50ZWQ=" };
const letter = { resourceType: "DocumentReference", status: "current", subject, content: [{ attachment }] };
const entry = [
  { request: { method: "GET", url: "Patient/p1" } },
  { request: { method: "GET", url: "Patient/p2" } },
  { request: { method: "POST", url: "DocumentReference" }, resource: letter },
];
const done = await fhir.batch({ body: { resourceType: "Bundle", type: "batch", entry } });
told("batch", { type: done.type, statuses: done.entry.map((entry) => entry.response.status.slice(0, 3)) });
