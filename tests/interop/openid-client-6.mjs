// openid-client 6: discovery, a code, the id_token, refresh, introspection, revocation. With a secret, or with keys.
import * as oauth from "openid-client-6";
import { authentication, given, launched, redirected, refusal, told } from "./lib.mjs";

const { iss, launch } = await launched(given.start);
const config = await oauth.discovery(new URL(iss), given.client_id, undefined, await authentication(oauth));
// The signature of the id_token, too: the library leaves that to TLS otherwise.
oauth.enableNonRepudiationChecks(config);
// The same by RFC 8414, whose address has the issuer's path behind.
const plain = await oauth.discovery(new URL(iss), given.client_id, undefined, oauth.None(), { algorithm: "oauth2" });
const same = plain.serverMetadata().token_endpoint === config.serverMetadata().token_endpoint;
told("discovered", { issuer: config.serverMetadata().issuer, same });

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

const used = await redirected(authorize.href);
const denied = await refusal(() => oauth.authorizationCodeGrant(config, used, checks));
told("denied", { error: denied.error, words: denied.error_description });

const read = (token) => oauth.fetchProtectedResource(config, token, new URL(`${iss}/Patient/${tokens.patient}`), "GET");
const family = async (answer) => (await answer.json()).name[0].family;
told("patient", { family: await family(await read(tokens.access_token)) });

const fresh = await oauth.refreshTokenGrant(config, tokens.refresh_token);
const compared = (member) => (fresh[member] === tokens[member] ? "old" : "new");
const again = await family(await read(fresh.access_token));
told("refreshed", { family: again, access: compared("access_token"), refresh: compared("refresh_token") });

const seen = await oauth.tokenIntrospection(config, fresh.access_token);
told("introspected", { active: seen.active, client_id: seen.client_id, patient: seen.patient, scope: seen.scope, sub: seen.sub });

await oauth.tokenRevocation(config, fresh.refresh_token);
const after = await oauth.tokenIntrospection(config, fresh.access_token);
const error = await refusal(() => oauth.refreshTokenGrant(config, fresh.refresh_token));
// It takes the challenge apart, and throws.
const unread = await refusal(() => read(fresh.access_token));
told("revoked", { active: after.active, refused: error.error, read: unread.status });
