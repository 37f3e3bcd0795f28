// What the scripts share: what the test gives them, how they tell, and the clinician's browser.

/** What the test gives: addresses, client ids, secrets, keys. */
export const given = JSON.parse(process.env.INTEROP);

/** Tells the test what a step showed. */
export function told(step, values) {
  process.stdout.write(JSON.stringify({ step, ...values }) + "\n");
}

const HASHES = { RS384: { name: "RSASSA-PKCS1-v1_5", hash: "SHA-384" }, ES384: { name: "ECDSA", namedCurve: "P-384" } };

/** How openid-client 6 shows who it is: by key, by secret, or not. */
export async function authentication(oauth, jwk = given.jwk) {
  if (!jwk) return given.secret ? oauth.ClientSecretBasic(given.secret) : oauth.None();
  return oauth.PrivateKeyJwt({ key: await crypto.subtle.importKey("jwk", jwk, HASHES[jwk.alg], false, ["sign"]), kid: jwk.kid });
}

let cookie = "";

/** Where the browser is sent when it opens an address. It keeps the cookie. */
export async function redirected(url) {
  const answer = await fetch(url, { redirect: "manual", headers: cookie ? { cookie } : {} });
  if (answer.status !== 303) throw new Error(`${new URL(url).pathname}: ${answer.status} ${await answer.text()}`);
  for (const line of answer.headers.getSetCookie()) cookie = line.split(";")[0];
  return new URL(answer.headers.get("location"));
}

/** Opens the start URL of a launch: `iss` and `launch` as they arrive at the app. */
export async function launched(start) {
  const at = await redirected(start);
  return { iss: at.searchParams.get("iss"), launch: at.searchParams.get("launch") };
}

/** What a call that must fail is refused with. */
export async function refusal(call) {
  try {
    await call();
  } catch (error) {
    return error;
  }
  throw new Error("not refused");
}
