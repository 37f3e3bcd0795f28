// openid-client 6: discovery, a code, the id_token, refresh, introspection, revocation. With a secret, or with keys.
import * as oauth from "openid-client-6";
import { given, launched, redirected, refusal, told } from "./lib.mjs";

const { iss, launch } = await launched(given.start);
const hashes = { RS384: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-384" }, ES384: { name: "ECDSA", namedCurve: "P-384" } };
const authentication = async () => {
  if (!given.jwk) return oauth.ClientSecretBasic(given.secret);
  const { kid, alg } = given.jwk;
  return oauth.PrivateKeyJwt({ key: await crypto.subtle.importKey("jwk", given.jwk, hashes[alg], false, ["sign"]), kid });
};
const config = await oauth.discovery(new URL(iss), given.client_id, undefined, await authentication());
// The signature of the id_token, too: the library leaves that to TLS otherwise.
oauth.enableNonRepudiationChecks(config);
told("discovered", { issuer: config.serverMetadata().issuer, pkce: config.serverMetadata().supportsPKCE() });

const verifier = oauth.randomPKCECodeVerifier();
const [state, nonce] = [oauth.randomState(), oauth.randomNonce()];
const authorize = oauth.buildAuthorizationUrl(config, {
  redirect_uri: given.redirect_uri,
  scope: given.scope,
  aud: iss,
  launch,
  state,
  nonce,
  code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
});
const back = await redirected(authorize.href);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await oauth.authorizationCodeGrant(config, back, checks);
told("tokens", { patient: tokens.patient, scope: tokens.scope, expires_in: tokens.expires_in, claims: tokens.claims() });

const read = (token) => oauth.fetchProtectedResource(config, token, new URL(`${iss}/Patient/${tokens.patient}`), "GET");
const patient = await read(tokens.access_token);
told("patient", { status: patient.status, family: (await patient.json()).name[0].family });

if (!tokens.refresh_token) process.exit(0);
const fresh = await oauth.refreshTokenGrant(config, tokens.refresh_token);
told("refreshed", { status: (await read(fresh.access_token)).status, new_refresh: fresh.refresh_token !== tokens.refresh_token });

const seen = await oauth.tokenIntrospection(config, fresh.access_token);
told("introspected", { active: seen.active, client_id: seen.client_id, patient: seen.patient, scope: seen.scope, sub: seen.sub });

await oauth.tokenRevocation(config, fresh.refresh_token);
const after = await oauth.tokenIntrospection(config, fresh.access_token);
const error = await refusal(() => oauth.refreshTokenGrant(config, fresh.refresh_token));
const denied = await refusal(() => read(fresh.access_token));
told("revoked", { active: after.active, refused: error.error, read: denied.status, challenge: denied.cause?.[0]?.parameters?.error });
