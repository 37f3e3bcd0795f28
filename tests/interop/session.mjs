// A launch gone through by openid-client 6, for clients that want nothing but a token.
import * as oauth from "openid-client-6";
import { authentication, given, launched, redirected } from "./lib.mjs";

const { iss, launch } = await launched(given.start);
const config = await oauth.discovery(new URL(iss), given.client_id, undefined, await authentication(oauth));
const verifier = oauth.randomPKCECodeVerifier();
const [state, nonce] = [oauth.randomState(), oauth.randomNonce()];
const challenge = { code_challenge: await oauth.calculatePKCECodeChallenge(verifier), code_challenge_method: "S256" };
const parameters = { redirect_uri: given.redirect_uri, scope: given.scope, aud: iss, launch, state, nonce, ...challenge };
const back = await redirected(oauth.buildAuthorizationUrl(config, parameters).href);
const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce };
const tokens = await oauth.authorizationCodeGrant(config, back, checks);

export const base = iss;
export const token = tokens.access_token;
