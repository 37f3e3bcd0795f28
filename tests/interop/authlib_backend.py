"""Authlib as a backend service: no user, an assertion signed by its own key."""
import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from joserfc import jwk

from assertion import sign_by_key
from browser import GIVEN, refusal, told

server = requests.get(f"{GIVEN['base']}/.well-known/smart-configuration").json()
session = OAuth2Session(GIVEN["client_id"], token_endpoint_auth_method="private_key_jwt", scope=GIVEN["scope"])
sign_by_key(session, server["token_endpoint"])
tokens = session.fetch_token(server["token_endpoint"], grant_type="client_credentials")
told("tokens", scope=tokens["scope"], expires_in=tokens["expires_in"], refresh="refresh_token" in tokens, patient="patient" in tokens)
told("patient", family=session.get(f"{GIVEN['base']}/Patient/p1").json()["name"][0]["family"])

seen = session.introspect_token(server["introspection_endpoint"], tokens["access_token"]).json()
told("introspected", active=seen["active"], client_id=seen["client_id"], scope=seen["scope"])


def refused(**change):
    error = refusal(lambda: session.fetch_token(server["token_endpoint"], grant_type="client_credentials", **change))
    assert isinstance(error, OAuthError), error
    return error.error


scope = refused(scope="patient/*.rs")
# The same words, signed by another key.
session.client_secret = jwk.generate_key("EC", "P-384") if GIVEN["jwk"]["alg"] == "ES384" else jwk.generate_key("RSA", 2048)
told("refused", scope=scope, key=refused())
