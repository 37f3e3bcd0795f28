// openid-client 6 as a backend service: no user, no browser, an assertion signed by its own key.
import { generateKeyPairSync } from "node:crypto";
import * as oauth from "openid-client-6";
import { authentication, given, refusal, told } from "./lib.mjs";

const discovered = async (jwk) => oauth.discovery(new URL(given.base), given.client_id, undefined, await authentication(oauth, jwk));
const config = await discovered(given.jwk);
const tokens = await oauth.clientCredentialsGrant(config, { scope: given.scope });
const has = { refresh: "refresh_token" in tokens, patient: "patient" in tokens };
told("tokens", { scope: tokens.scope, expires_in: tokens.expires_in, ...has });

const patient = await oauth.fetchProtectedResource(config, tokens.access_token, new URL(`${given.base}/Patient/p1`), "GET");
told("patient", { family: (await patient.json()).name[0].family });

const seen = await oauth.tokenIntrospection(config, tokens.access_token);
told("introspected", { active: seen.active, client_id: seen.client_id, scope: seen.scope });

const scope = await refusal(() => oauth.clientCredentialsGrant(config, { scope: "patient/*.rs" }));
const kind = given.jwk.alg === "ES384" ? ["ec", { namedCurve: "P-384" }] : ["rsa", { modulusLength: 2048 }];
const { privateKey } = generateKeyPairSync(...kind);
const forged = await discovered({ ...privateKey.export({ format: "jwk" }), alg: given.jwk.alg, kid: given.jwk.kid });
const key = await refusal(() => oauth.clientCredentialsGrant(forged, { scope: given.scope }));
told("refused", { scope: scope.error, key: key.error });
