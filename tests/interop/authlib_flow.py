"""Authlib: a code, refresh, introspection, revocation. With a secret, or with keys."""
import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk, jwt

from browser import GIVEN, launched, redirected, refusal, told

iss, launch = launched()
server = requests.get(f"{iss}/.well-known/openid-configuration").json()
told("discovered", issuer=server["issuer"])

settings = {"scope": GIVEN["scope"], "redirect_uri": GIVEN["redirect_uri"], "code_challenge_method": "S256"}
if "jwk" in GIVEN:
    method = {"token_endpoint_auth_method": "private_key_jwt", "revocation_endpoint_auth_method": "private_key_jwt"}
    key = jwk.import_key(GIVEN["jwk"])
    session = OAuth2Session(GIVEN["client_id"], key, **settings, **method)
    headers = {"alg": GIVEN["jwk"]["alg"], "kid": GIVEN["jwk"]["kid"]}
    session.register_client_auth_method(PrivateKeyJWT(server["token_endpoint"], headers=headers, alg=headers["alg"]))
else:
    session = OAuth2Session(GIVEN["client_id"], GIVEN["secret"], **settings)

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
told("tokens", patient=tokens["patient"], scope=tokens["scope"], claims=claims)
told("patient", family=session.get(f"{iss}/Patient/{tokens['patient']}").json()["name"][0]["family"])

if "refresh_token" not in tokens:
    raise SystemExit(0)
first = tokens["refresh_token"]
fresh = session.refresh_token(server["token_endpoint"])
answer = session.get(f"{iss}/Patient/p1")
told("refreshed", status=answer.status_code, rotated=fresh["refresh_token"] != first)

seen = session.introspect_token(server["introspection_endpoint"], fresh["access_token"]).json()
told("introspected", active=seen["active"], client_id=seen["client_id"], scope=seen["scope"], patient=seen["patient"])

gone = session.revoke_token(server["revocation_endpoint"], fresh["refresh_token"], token_type_hint="refresh_token")
after = session.introspect_token(server["introspection_endpoint"], fresh["access_token"]).json()
error = refusal(lambda: session.refresh_token(server["token_endpoint"], refresh_token=fresh["refresh_token"]))
assert isinstance(error, OAuthError), error
told("revoked", status=gone.status_code, after=after, refused=error.error)
