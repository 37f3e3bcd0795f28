"""Authlib: a code, refresh, introspection, revocation. With a secret, or with keys."""
import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from joserfc import jwk, jwt

from assertion import sign_by_key
from browser import GIVEN, launched, redirected, refusal, told

iss, launch = launched()
server = requests.get(f"{iss}/.well-known/openid-configuration").json()
told("discovered", issuer=server["issuer"])

method = "private_key_jwt" if "jwk" in GIVEN else "client_secret_basic"
session = OAuth2Session(
    GIVEN["client_id"],
    GIVEN.get("secret"),
    token_endpoint_auth_method=method,
    revocation_endpoint_auth_method=method,
    scope=GIVEN["scope"],
    redirect_uri=GIVEN["redirect_uri"],
    code_challenge_method="S256",
)
if "jwk" in GIVEN:
    sign_by_key(session, server["token_endpoint"])

verifier = "an-invented-verifier-that-is-long-enough-0123456789"
url, state = session.create_authorization_url(
    server["authorization_endpoint"], code_verifier=verifier, aud=iss, launch=launch, nonce="n-1"
)
tokens = session.fetch_token(
    server["token_endpoint"], authorization_response=redirected(url), state=state, code_verifier=verifier
)
keys = jwk.KeySet.import_key_set(requests.get(server["jwks_uri"]).json())
claims = jwt.decode(tokens["id_token"], keys, algorithms=["RS256"]).claims
jwt.JWTClaimsRegistry(
    iss={"essential": True, "value": iss},
    aud={"essential": True, "value": GIVEN["client_id"]},
    nonce={"essential": True, "value": "n-1"},
).validate(claims)
told("tokens", patient=tokens["patient"], scope=tokens["scope"], expires_in=tokens["expires_in"], claims=claims)


def read():
    return session.get(f"{iss}/Patient/{tokens['patient']}")


told("patient", family=read().json()["name"][0]["family"])

fresh = session.refresh_token(server["token_endpoint"], refresh_token=tokens["refresh_token"])
compared = {name: "old" if fresh[name] == tokens[name] else "new" for name in ("access_token", "refresh_token")}
family = read().json()["name"][0]["family"]
told("refreshed", family=family, access=compared["access_token"], refresh=compared["refresh_token"])


def introspected():
    return session.introspect_token(server["introspection_endpoint"], fresh["access_token"]).json()


told("introspected", **{name: introspected()[name] for name in ("active", "client_id", "patient", "scope", "sub")})

gone = session.revoke_token(server["revocation_endpoint"], fresh["refresh_token"], token_type_hint="refresh_token")
assert gone.status_code == 200, gone.text
error = refusal(lambda: session.refresh_token(server["token_endpoint"], refresh_token=fresh["refresh_token"]))
assert isinstance(error, OAuthError), error
told("revoked", active=introspected()["active"], refused=error.error, read=read().status_code)
