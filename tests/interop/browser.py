"""What the Python scripts share: what the test gives them, how they tell, and the clinician's browser."""
import json
import os
from urllib.parse import parse_qs, urlsplit

import requests

GIVEN = json.loads(os.environ["INTEROP"])
_browser = requests.Session()


def told(step, **values):
    """Tells the test what a step showed."""
    print(json.dumps({"step": step, **values}), flush=True)


def redirected(url):
    """Where the browser is sent when it opens an address. It keeps the cookie."""
    answer = _browser.get(url, allow_redirects=False)
    assert answer.status_code == 303, f"{answer.status_code} {answer.text}"
    return answer.headers["location"]


def launched():
    """Opens the start URL of the launch: `iss` and `launch` as they arrive at the app."""
    query = parse_qs(urlsplit(redirected(GIVEN["start"])).query)
    return query["iss"][0], query["launch"][0]


def refusal(call):
    """What a call that must fail is refused with."""
    try:
        call()
    except Exception as error:  # whatever the client makes of it
        return error
    raise AssertionError("not refused")
