// openid-client 4: discovery, a code, the id_token, refresh, introspection, revocation. With a secret, or with keys.
import { Issuer, generators } from "openid-client-4";
import { given, launched, redirected, refusal, told } from "./lib.mjs";

const { iss, launch } = await launched(given.start);
const issuer = await Issuer.discover(iss);
told("discovered", { issuer: issuer.issuer });

const metadata = { client_id: given.client_id, redirect_uris: [given.redirect_uri], response_types: ["code"] };
const keys = { token_endpoint_auth_method: "private_key_jwt", token_endpoint_auth_signing_alg: given.jwk?.alg };
const client = given.jwk
  ? new issuer.Client({ ...metadata, ...keys }, { keys: [given.jwk] })
  : new issuer.Client({ ...metadata, client_secret: given.secret });

const checks = { state: generators.state(), nonce: generators.nonce(), code_verifier: generators.codeVerifier() };
const challenge = { code_challenge: generators.codeChallenge(checks.code_verifier), code_challenge_method: "S256" };
const { state, nonce } = checks;
const authorize = client.authorizationUrl({ scope: given.scope, aud: iss, launch, state, nonce, ...challenge });
const back = await redirected(authorize);
// Signature, iss, aud, exp, nonce and at_hash are checked in here.
const tokens = await client.callback(given.redirect_uri, client.callbackParams(back.href), checks);
told("tokens", { patient: tokens.patient, scope: tokens.scope, expires_in: tokens.expires_in, claims: tokens.claims() });

const used = client.callbackParams((await redirected(authorize)).href);
const denied = await refusal(() => client.callback(given.redirect_uri, used, checks));
told("denied", { error: denied.error, words: denied.error_description });

const read = (token) => client.requestResource(`${iss}/Patient/${tokens.patient}`, token);
const family = (answer) => JSON.parse(answer.body).name[0].family;
told("patient", { family: family(await read(tokens.access_token)) });

const fresh = await client.refresh(tokens.refresh_token);
const compared = (member) => (fresh[member] === tokens[member] ? "old" : "new");
const again = family(await read(fresh.access_token));
told("refreshed", { family: again, access: compared("access_token"), refresh: compared("refresh_token") });

const seen = await client.introspect(fresh.access_token);
told("introspected", { active: seen.active, client_id: seen.client_id, patient: seen.patient, scope: seen.scope, sub: seen.sub });

await client.revoke(fresh.refresh_token, "refresh_token");
const after = await client.introspect(fresh.access_token);
const error = await refusal(() => client.refresh(fresh.refresh_token));
told("revoked", { active: after.active, refused: error.error, read: (await read(fresh.access_token)).statusCode });
