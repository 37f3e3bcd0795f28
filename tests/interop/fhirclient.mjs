// fhirclient for JavaScript in a real Chromium, through a whole launch from the start URL.
import { X509Certificate, createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import { createRequire } from "node:module";
import puppeteer from "puppeteer-core";
import { given, told } from "./lib.mjs";

const bundle = readFileSync(createRequire(import.meta.url).resolve("fhirclient/build/fhir-client.js"));
const authorize = { clientId: given.client_id, scope: given.scope, redirectUri: given.redirect_uri };
if (given.jwk) authorize.clientPrivateJwk = { ...given.jwk, key_ops: ["sign"], ext: true };
const html = (script) => `<!doctype html><title>app</title><script src="/fhir-client.js"></script><script>${script}</script>`;
const pages = {
  "/fhir-client.js": ["text/javascript", bundle],
  "/launch": ["text/html", html(`FHIR.oauth2.authorize(${JSON.stringify(authorize)}).catch((error) => { window.failed = String(error); });`)],
  "/app": ["text/html", html(`FHIR.oauth2.ready().then((client) => { window.client = client; }, (error) => { window.failed = String(error); });`)],
  "/empty": ["text/html", html("")],
};
const app = createServer({ cert: given.certificate, key: given.key }, (request, response) => {
  const page = pages[new URL(request.url, given.app).pathname];
  response.writeHead(page ? 200 : 404, { "content-type": page?.[0] ?? "text/plain" }).end(page?.[1]);
});
await new Promise((ready) => app.listen(new URL(given.app).port, "127.0.0.1", ready));

// The one certificate of both servers, by the hash of its key: Chromium takes no authority from the environment.
const spki = new X509Certificate(given.certificate).publicKey.export({ type: "spki", format: "der" });
const known = createHash("sha256").update(spki).digest("base64");
const browser = await puppeteer.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-dev-shm-usage", `--ignore-certificate-errors-spki-list=${known}`],
});
try {
  await walk(await browser.newPage());
} finally {
  await browser.close();
  app.close();
}

/** Opens an address and waits for what the page makes of it. */
async function opened(page, url) {
  await page.goto(url);
  await page.waitForFunction("window.client || window.failed", { timeout: 60_000 });
  return page.evaluate(() => window.failed);
}

async function walk(page) {
  const authorizes = [];
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.pathname.endsWith("/auth/authorize")) authorizes.push(url.searchParams);
  });
  const failed = await opened(page, given.start);
  if (failed) throw new Error(failed);
  told("launched", {
    at: page.url().split("?")[0],
    pkce: authorizes[0].get("code_challenge_method"),
    ...(await page.evaluate(() => ({
      patient: client.patient.id,
      user: client.getFhirUser(),
      scope: client.state.tokenResponse.scope,
      banner: client.state.tokenResponse.need_patient_banner,
    }))),
  });
  told("read", await page.evaluate(async () => ({
    family: (await client.patient.read()).name[0].family,
    user: (await client.user.read()).name[0].family,
  })));
  // Its refresh shows no key.
  if (given.jwk) return;
  told("paged", await page.evaluate(async () => {
    const pages = [];
    await client.request("Condition?patient=p1&_count=2", { pageLimit: 0, onPage: (page) => { pages.push(page.entry.map((entry) => entry.resource.id)); } });
    return { pages };
  }));
  told("refused", await page.evaluate(async () => {
    const refusal = async (path, options) => {
      const answer = await fetch(client.state.serverUrl + path, options);
      const header = answer.headers.get("www-authenticate");
      return { status: answer.status, code: (await answer.json()).issue[0].code, header };
    };
    return {
      stranger: await refusal("/Patient/p2", { headers: { authorization: client.getAuthorizationHeader() } }),
      nobody: await refusal("/Patient/p1"),
      thief: await refusal("/Patient/p1", { headers: { authorization: "Bearer stolen" } }),
      words: await client.request("Patient/p2").then(() => "", (error) => error.message),
    };
  }));
  told("written", await page.evaluate(async () => {
    const attachment = { contentType: "application/pdf", title: "letter.pdf", data: "JVBERi0xLjQ=" };
    const subject = { reference: "Patient/p1" };
    const letter = { resourceType: "DocumentReference", status: "current", subject, content: [{ attachment }] };
    const created = await client.create(letter);
    const again = await client.request(`DocumentReference/${created.id}`);
    const other = { ...letter, subject: { reference: "Patient/p2" } };
    return { title: again.content[0].attachment.title, refused: await client.create(other).then(() => "", (error) => error.status) };
  }));
  told("refreshed", await page.evaluate(async () => {
    const before = client.state.tokenResponse.access_token;
    await client.refresh();
    return { changed: client.state.tokenResponse.access_token !== before, family: (await client.patient.read()).name[0].family };
  }));
  told("token_error", await page.evaluate(async () => {
    const body = new URLSearchParams({ grant_type: "authorization_code", code: "nonsense", client_id: client.state.clientId });
    const answer = await fetch(client.state.tokenUri, { method: "POST", body });
    return { status: answer.status, error: (await answer.json()).error };
  }));
  // A page of another origin reads what is public, and nothing else.
  await page.goto(new URL("/empty", given.stranger).href);
  told("stranger", await page.evaluate(async (base, token) => {
    const seen = (path, headers) => fetch(base + path, { headers }).then((answer) => answer.status, () => "hidden");
    return { public: await seen("/.well-known/smart-configuration"), metadata: await seen("/metadata"), fhir: await seen("/Patient/p1", { authorization: `Bearer ${token}` }) };
  }, given.base, "stolen"));
}
