"""fhirclient for Python: finds us by the CapabilityStatement, knows no PKCE, sends a secret."""
from fhirclient import client
from fhirclient.models.condition import Condition
from fhirclient.models.patient import Patient
from fhirclient.server import FHIRNotFoundException

from browser import GIVEN, launched, redirected, refusal, told

iss, launch = launched()
smart = client.FHIRClient(
    settings={
        "app_id": GIVEN["client_id"],
        "app_secret": GIVEN["secret"],
        "api_base": iss,
        "redirect_uri": GIVEN["redirect_uri"],
        "launch_token": launch,
        "scope": GIVEN["scope"],
    }
)
smart.prepare()
told("discovered", version=smart.server.capabilityStatement.fhirVersion, scope=smart.desired_scope)
smart.handle_callback(redirected(smart.authorize_url))
told("tokens", ready=smart.ready, patient=smart.patient_id, scope=smart.launch_context["scope"])
told("read", name=smart.human_name(smart.patient.name[0]))

first = Condition.where({"patient": smart.patient_id, "_count": "2"})
told("paged", ids=[resource.id for resource in first.perform_resources_iter(smart.server)])
search = Patient.where({"identifier": "urn:hcn|9999999999"})
told("searched", ids=[resource.id for resource in search.perform_resources(smart.server)])

error = refusal(lambda: Patient.read("p2", smart.server))
told("stranger", refused=isinstance(error, FHIRNotFoundException))
before = smart.server.auth.access_token
smart.reauthorize()
again = smart.human_name(Patient.read("p1", smart.server).name[0])
told("refreshed", changed=smart.server.auth.access_token != before, name=again)
