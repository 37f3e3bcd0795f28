package ca.ereferral;

/** Whose grants are revoked: {@link Engine#revokeGrants}. Made by {@code tests/java_sources.rs}. */
public final class GrantOf {
    private GrantOf() {
    }

    /** For eref_grant_revoke: the id is that of a user, as in "user.id" of a launch. */
    public static final int USER = 1;

    /** For eref_grant_revoke: the id is the client id of an app or a backend service. */
    public static final int CLIENT = 2;

    /** For eref_grant_revoke: the id is that of a patient, as in "patient" of a launch. */
    public static final int PATIENT = 3;

    /** For eref_grant_revoke: the id is that of a launch. */
    public static final int LAUNCH = 4;
}
