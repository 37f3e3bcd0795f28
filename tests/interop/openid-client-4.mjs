// openid-client 4: discovery, a code, the id_token, refresh. With a secret, or with keys.
import { Issuer, generators } from "openid-client-4";
import { given, launched, redirected, told } from "./lib.mjs";

const { iss, launch } = await launched(given.start);
const issuer = await Issuer.discover(iss);
told("discovered", { issuer: issuer.issuer, methods: issuer.token_endpoint_auth_methods_supported });

const metadata = { client_id: given.client_id, redirect_uris: [given.redirect_uri], response_types: ["code"] };
const client = given.jwk
  ? new issuer.Client(
      { ...metadata, token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: given.jwk.alg },
      { keys: [given.jwk] },
    )
  : new issuer.Client({ ...metadata, client_secret: given.secret });

const verifier = generators.codeVerifier();
const checks = { state: generators.state(), nonce: generators.nonce(), code_verifier: verifier };
const back = await redirected(
  client.authorizationUrl({
    scope: given.scope,
    aud: iss,
    launch,
    state: checks.state,
    nonce: checks.nonce,
    code_challenge: generators.codeChallenge(verifier),
    code_challenge_method: "S256",
  }),
);
// Signature, iss, aud, exp, nonce and at_hash are checked in here.
const tokens = await client.callback(given.redirect_uri, client.callbackParams(back.href), checks);
told("tokens", { patient: tokens.patient, scope: tokens.scope, expires_in: tokens.expires_in, claims: tokens.claims() });

const answer = await client.requestResource(`${iss}/Patient/${tokens.patient}`, tokens.access_token);
told("patient", { status: answer.statusCode, family: JSON.parse(answer.body).name[0].family });

if (!tokens.refresh_token) process.exit(0);
const fresh = await client.refresh(tokens.refresh_token);
const again = await client.requestResource(`${iss}/Patient/${fresh.patient}`, fresh.access_token);
told("refreshed", {
  status: again.statusCode,
  new_access: fresh.access_token !== tokens.access_token,
  new_refresh: fresh.refresh_token !== tokens.refresh_token,
});
