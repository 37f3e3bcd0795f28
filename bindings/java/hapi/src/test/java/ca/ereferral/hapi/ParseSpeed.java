package ca.ereferral.hapi;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.parser.IParser;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.hl7.fhir.r4.model.Bundle;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertTrue;

/** P1 of docs/performance.md: what HAPI's parse of a message takes, once it is warm. Run by name; the message is a property. */
class ParseSpeed {
    private static final int ROUNDS = 2_000;

    @Test
    void parse() throws Exception {
        IParser parser = FhirContext.forR4().newJsonParser();
        String message = Files.readString(Path.of(System.getProperty("ereferral.message")));
        long[] times = new long[ROUNDS];
        int entries = 0;
        for (int round = -ROUNDS; round < ROUNDS; round++) {
            long start = System.nanoTime();
            entries += parser.parseResource(Bundle.class, message).getEntry().size();
            if (round >= 0) {
                times[round] = System.nanoTime() - start;
            }
        }
        assertTrue(entries > 0);
        Arrays.sort(times);
        System.out.println("HAPI_PARSE_US " + times[ROUNDS / 2] / 1000);
    }
}
