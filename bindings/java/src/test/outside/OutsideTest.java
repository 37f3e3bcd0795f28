package outside;

import ca.ereferral.EReferral;
import ca.ereferral.EReferralException;
import ca.ereferral.Message;
import ca.ereferral.Status;
import org.junit.jupiter.api.Test;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

class OutsideTest {
    @Test
    void theLibraryComesWithTheJar() {
        assertEquals("0.1.0", EReferral.version());
        assertEquals(Status.INVALID_JSON, assertThrows(EReferralException.class, () -> Message.parse("{".getBytes())).status());
    }
}
