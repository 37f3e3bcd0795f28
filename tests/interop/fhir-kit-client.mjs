// fhir-kit-client: reads, searches, pages, writes and a batch, with a token that openid-client 6 fetched.
import { Client } from "fhir-kit-client";
import * as oauth from "openid-client-6";
import { given, launched, redirected, refusal, told } from "./lib.mjs";

const { iss, launch } = await launched(given.start);
const config = await oauth.discovery(new URL(iss), given.client_id, undefined, oauth.None());
const verifier = oauth.randomPKCECodeVerifier();
const [state, nonce] = [oauth.randomState(), oauth.randomNonce()];
const challenge = { code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" };
const parameters = { redirect_uri: given.redirect_uri, scope: given.scope, aud: iss, launch, state, nonce, ...challenge };
const back = await redirected(oauth.buildAuthorizationUrl(config, parameters).href);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
const tokens = await oauth.authorizationCodeGrant(config, back, checks);

const fhir = new Client({ baseUrl: iss, bearerToken: tokens.access_token });
const smart = await fhir.smartAuthMetadata();
const statement = await fhir.capabilityStatement();
told("discovered", { token: String(smart.tokenUrl), version: statement.fhirVersion });

const patient = await fhir.read({ resourceType: "Patient", id: tokens.patient });
told("read", { family: patient.name[0].family });

const pages = [];
let page = await fhir.search({ resourceType: "Condition", searchParams: { patient: tokens.patient, _count: "2" } });
const total = page.total;
while (page) {
  pages.push((page.entry ?? []).map((entry) => entry.resource.id));
  page = await fhir.nextPage({ bundle: page });
}
told("paged", { total, pages });
