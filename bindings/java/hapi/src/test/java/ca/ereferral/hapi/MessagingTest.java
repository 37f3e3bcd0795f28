package ca.ereferral.hapi;

import ca.ereferral.Config;
import ca.ereferral.Delivery;
import ca.ereferral.Draft;
import ca.ereferral.Engine;
import ca.ereferral.Event;
import ca.ereferral.EventKind;
import ca.ereferral.Fields;
import ca.ereferral.Message;
import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.rest.annotation.Operation;
import ca.uhn.fhir.rest.client.api.IGenericClient;
import ca.uhn.fhir.rest.client.api.ServerValidationModeEnum;
import ca.uhn.fhir.rest.client.interceptor.BearerTokenAuthInterceptor;
import ca.uhn.fhir.rest.server.RestfulServer;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.eclipse.jetty.ee10.servlet.ServletContextHandler;
import org.eclipse.jetty.ee10.servlet.ServletHolder;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.CapabilityStatement;
import org.hl7.fhir.r4.model.MessageHeader;
import org.hl7.fhir.r4.model.Patient;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** A HAPI server takes what we send, and HAPI's client sends it back to us, as HAPI writes it. */
class MessagingTest {
    private static final FhirContext R4 = FhirContext.forR4();
    private static final String BEARER = "invented-bearer-of-the-partner";
    private static final String NAME = "Ren\u00e9e \u1403\u14c4\u1483\u144e\u1450\u1466 \ud83e\ude7a";

    @TempDir
    Path folder;

    /** The operation of a HAPI plain server. */
    public static final class Receiver {
        private final BlockingQueue<Bundle> taken = new LinkedBlockingQueue<>();

        @Operation(name = "$process-message", manualRequest = true, manualResponse = true)
        public void process(HttpServletRequest request, HttpServletResponse response) throws IOException {
            assertEquals("Bearer " + BEARER, request.getHeader("Authorization"));
            String body = new String(request.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            Bundle message = R4.newJsonParser().parseResource(Bundle.class, body);
            MessageHeader asked = (MessageHeader) message.getEntryFirstRep().getResource();
            MessageHeader answer = new MessageHeader();
            answer.setEvent(asked.getEvent());
            answer.getSource().setEndpoint("http://127.0.0.1/fhir");
            // HAPI takes the fullUrl for the id where it is a UUID, prefix and all.
            answer.getResponse().setIdentifier(asked.getIdElement().getIdPart()).setCode(MessageHeader.ResponseType.OK);
            Bundle answers = new Bundle().setType(Bundle.BundleType.MESSAGE);
            answers.addEntry().setFullUrl("urn:uuid:0f3c1c52-6d0e-4c37-9a53-6d5b1f8f2a10").setResource(answer);
            response.setContentType("application/fhir+json;charset=UTF-8");
            response.getWriter().write(R4.newJsonParser().encodeResourceToString(answers));
            taken.add(message);
        }
    }

    private Config configuration(int port) {
        return new Config().setSecret("partner", BEARER).parseJson("""
            {"system": {"name": "Fakeville Family Health", "software": "java", "version": "1", "roles": ["rms-source", "rms-target"],
             "time_zone": "America/Toronto", "referral_system": "https://pos.test/fhir/NamingSystem/referral"},
             "public_url": "https://pos.test", "test": true, "base_dir": "%s", "listen": [{"address": "127.0.0.1:0"}],
             "store": {"url": "sqlite:pos.db", "key_file": "pos.key"},
             "partners": [{"name": "rms", "roles": ["rms-source", "rms-target"],
              "messaging": {"endpoint": "http://127.0.0.1:%d/$process-message", "auth": {"bearer": {"named": "partner"}},
                            "inbound": {"bearer": {"named": "partner"}}}}]}""".formatted(folder, port));
    }

    private static Message referral(Engine engine) {
        try (Draft draft = engine.newDraft("rms", "add-service-request")) {
            return draft.set(Fields.REFERRAL_CATEGORY_CODE, "183545006").set(Fields.REFERRAL_CATEGORY_DISPLAY, "Orthopaedic surgery")
                .set(Fields.REFERRAL_REASON, "Genou douloureux").set(Fields.REFERRAL_PRIORITY, "routine")
                .set(Fields.PATIENT_NAME_FAMILY, "Testpatient").set(Fields.PATIENT_NAME_GIVEN, NAME)
                .set(Fields.PATIENT_GENDER, "female").set(Fields.PATIENT_BIRTH_DATE, "1980-02-29")
                .set(Fields.PATIENT_HEALTH_NUMBER, "9999999999")
                .set(Fields.REQUESTER_NAME_FAMILY, "Fakename").set(Fields.REQUESTER_NAME_GIVEN, "Paul")
                .set(Fields.REQUESTER_LICENCE, "99999").set(Fields.REQUESTER_ORGANIZATION, "Fakeville Family Health")
                .set(Fields.USER_NAME, "Dr. Paul Fakename").set(Fields.TARGET_ORGANIZATION, "Testwater Dental Clinic")
                .build();
        }
    }

    private static IGenericClient client(Engine engine) {
        Matcher address = Pattern.compile("127\\.0\\.0\\.1:\\d+").matcher(engine.statusJson());
        assertTrue(address.find());
        R4.getRestfulClientFactory().setServerValidationMode(ServerValidationModeEnum.NEVER);
        IGenericClient client = R4.newRestfulGenericClient("http://" + address.group() + "/fhir");
        client.registerInterceptor(new BearerTokenAuthInterceptor(BEARER));
        return client;
    }

    @Test
    void aHapiServerTakesOurMessagesAndAHapiClientSendsThemBack() throws Exception {
        Receiver receiver = new Receiver();
        RestfulServer hapi = new RestfulServer(R4);
        hapi.registerProvider(receiver);
        Server server = new Server(0);
        ServletContextHandler context = new ServletContextHandler();
        context.addServlet(new ServletHolder(hapi), "/*");
        server.setHandler(context);
        server.start();
        int port = ((ServerConnector) server.getConnectors()[0]).getLocalPort();
        try (Config config = configuration(port); Engine engine = new Engine(config)) {
            engine.start();
            try (Message message = referral(engine); Delivery delivery = engine.send("rms", "act-1", message)) {
                assertNotNull(delivery.id());
            }
            Bundle taken = receiver.taken.poll(60, TimeUnit.SECONDS);
            assertNotNull(taken);
            Patient patient = (Patient) taken.getEntry().stream().map(Bundle.BundleEntryComponent::getResource)
                .filter(Patient.class::isInstance).findFirst().orElseThrow();
            assertEquals(NAME, patient.getNameFirstRep().getGivenAsSingleString());
            try (Event event = engine.nextEvent(EventKind.DELIVERY, 60_000, null)) {
                assertEquals("delivered", event.field("state"), event.json());
                event.done();
            }

            IGenericClient client = client(engine);
            assertEquals("4.0.1", client.capabilities().ofType(CapabilityStatement.class).execute().getFhirVersion().toCode());
            try (Message another = referral(engine)) {
                Bundle sent = R4.newJsonParser().parseResource(Bundle.class, new String(another.bundle(), StandardCharsets.UTF_8));
                Bundle answer = client.operation().processMessage().setMessageBundle(sent).synchronous(Bundle.class).execute();
                assertTrue(answer.getEntryFirstRep().getResource() instanceof MessageHeader);
            }
            try (Event event = engine.nextEvent(EventKind.MESSAGE, 60_000, null)) {
                assertEquals(NAME, event.message().field(Fields.PATIENT_NAME_GIVEN));
                event.done();
            }
            engine.stop(10_000);
        } finally {
            server.stop();
        }
    }
}
