/**
 * Takes a point-of-service system into Ontario's eReferral-eConsult exchange: launches, notifications, referrals. Open an
 * {@link ca.ereferral.Engine} with a {@link ca.ereferral.Config}, take {@link ca.ereferral.Event}s, send what a
 * {@link ca.ereferral.Draft} builds. The C header {@code ereferral.h} is the manual; each method here names the function it calls.
 *
 * <p>Everything that is opened is closed ({@code try (...)}). Closing during a call of another thread is safe: what is closed ends with
 * that call. A call on something closed fails with {@link java.lang.IllegalStateException}. There are no callbacks: the library never
 * calls the host.
 */
package ca.ereferral;
