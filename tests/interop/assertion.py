"""How Authlib shows who it is by a key."""
import time

from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwk

from browser import GIVEN


class Assertion(PrivateKeyJWT):
    """Authlib's own lasts an hour, where SMART allows five minutes; and claims that are given once repeat their `jti`."""

    def sign(self, auth, token_endpoint):
        self.claims = {"exp": int(time.time()) + 300}
        return super().sign(auth, token_endpoint)


def sign_by_key(session, token_endpoint):
    """Makes a session of `private_key_jwt` sign by the key given."""
    session.client_secret = jwk.import_key(GIVEN["jwk"])
    kid, alg = GIVEN["jwk"]["kid"], GIVEN["jwk"]["alg"]
    session.register_client_auth_method(Assertion(token_endpoint, headers={"kid": kid}, alg=alg))
