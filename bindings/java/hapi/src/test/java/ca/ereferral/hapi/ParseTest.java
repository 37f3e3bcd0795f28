package ca.ereferral.hapi;

import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.parser.StrictErrorHandler;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.ResultSeverityEnum;
import ca.uhn.fhir.validation.SingleValidationMessage;
import ca.uhn.fhir.validation.ValidationResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;
import org.hl7.fhir.r4.model.Bundle;
import org.hl7.fhir.r4.model.MessageHeader;
import org.hl7.fhir.r5.utils.validation.constants.BestPracticeWarningLevel;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

/** Every message that the library composes, of every event and dialect, as HAPI parses it and as its validator for R4 judges it. */
class ParseTest {
    private static final FhirContext R4 = FhirContext.forR4();

    private static List<Path> messages(String property) throws IOException {
        try (Stream<Path> files = Files.list(Path.of(System.getProperty(property)))) {
            return files.sorted().toList();
        }
    }

    private static FhirValidator validator() {
        ValidationSupportChain chain = new ValidationSupportChain(new DefaultProfileValidationSupport(R4),
            new CommonCodeSystemsTerminologyService(R4), new InMemoryTerminologyServerValidationSupport(R4));
        FhirInstanceValidator instances = new FhirInstanceValidator(chain);
        // The guides' own profiles and code systems are published nowhere that could be asked from here.
        instances.setErrorForUnknownProfiles(false);
        instances.setNoTerminologyChecks(false);
        instances.setBestPracticeWarningLevel(BestPracticeWarningLevel.Ignore);
        return R4.newValidator().registerValidatorModule(instances);
    }

    private static List<String> errors(FhirValidator validator, Path message) throws IOException {
        ValidationResult result = validator.validateWithResult(Files.readString(message));
        List<String> errors = new ArrayList<>();
        for (SingleValidationMessage found : result.getMessages()) {
            if (found.getSeverity().ordinal() >= ResultSeverityEnum.ERROR.ordinal()) {
                errors.add(message.getFileName() + ": " + found.getLocationString() + ": " + found.getMessage());
            }
        }
        return errors;
    }

    @Test
    void everyMessageParsesWithoutALoss() throws IOException {
        for (Path file : messages("ereferral.composed")) {
            String text = Files.readString(file);
            Bundle bundle = R4.newJsonParser().setParserErrorHandler(new StrictErrorHandler()).parseResource(Bundle.class, text);
            assertEquals(Bundle.BundleType.MESSAGE, bundle.getType(), file.toString());
            assertTrue(bundle.getEntryFirstRep().getResource() instanceof MessageHeader, file.toString());
            String again = R4.newJsonParser().encodeResourceToString(bundle);
            assertEquals(bundle.getEntry().size(), R4.newJsonParser().parseResource(Bundle.class, again).getEntry().size());
        }
    }

    @Test
    void theValidatorFindsNoErrorInAnyMessage() throws IOException {
        FhirValidator validator = validator();
        List<String> errors = new ArrayList<>();
        for (Path file : messages("ereferral.composed")) {
            errors.addAll(errors(validator, file));
        }
        assertTrue(errors.isEmpty(), String.join("\n", errors));
        System.out.println("HAPI validated " + messages("ereferral.composed").size() + " messages");
    }

    @Test
    void theValidatorFindsWhatIsWrongInFlawedOnes() throws IOException {
        FhirValidator validator = validator();
        List<String> silent = new ArrayList<>();
        for (Path file : messages("ereferral.flawed")) {
            if (errors(validator, file).isEmpty()) {
                silent.add(file.getFileName().toString());
            }
        }
        // What only a guide asks for is no error of base R4.
        assertTrue(silent.size() < 8, "not found: " + silent);
        System.out.println("HAPI finds nothing in " + silent);
    }
}
