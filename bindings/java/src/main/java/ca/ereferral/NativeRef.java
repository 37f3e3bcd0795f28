package ca.ereferral;

import java.lang.ref.PhantomReference;
import java.lang.ref.Reference;
import java.lang.ref.ReferenceQueue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;

/**
 * A counted reference to an object of the C library. The owner counts as one, each call that is using it as one more; the last to go
 * frees it. So closing during a call is safe, and so is losing the last Java reference during one.
 *
 * <p>An owner that was lost without {@code close} is found through a reference queue, which is looked at whenever a reference is made:
 * no finalizers, no thread. With {@code -Dereferral.debug=true} each such loss is said on standard error, with where it was made.
 */
final class NativeRef extends PhantomReference<Object> {
    private static final boolean DEBUG = Boolean.getBoolean("ereferral.debug");
    private static final ReferenceQueue<Object> LOST = new ReferenceQueue<>();
    /** The garbage collector tells of a reference only while that one is alive itself. */
    private static final Set<NativeRef> LIVE = ConcurrentHashMap.newKeySet();

    private final long pointer;
    private final LongConsumer free;
    private final AtomicInteger count = new AtomicInteger(1);
    private final AtomicBoolean closed = new AtomicBoolean();
    private final Class<?> kind;
    private final Throwable made;

    NativeRef(Object owner, long pointer, LongConsumer free) {
        super(owner, LOST);
        this.pointer = pointer;
        this.free = free;
        kind = owner.getClass();
        made = DEBUG ? new Throwable("made here") : null;
        LIVE.add(this);
        freeLost();
    }

    /** How many objects of the C library are held. For tests. */
    static int live() {
        freeLost();
        return LIVE.size();
    }

    private static void freeLost() {
        for (Reference<?> lost = LOST.poll(); lost != null; lost = LOST.poll()) {
            NativeRef ref = (NativeRef) lost;
            if (ref.made != null && !ref.closed.get()) {
                System.err.println("ereferral: a " + ref.kind.getSimpleName() + " was never closed");
                ref.made.printStackTrace();
            }
            ref.close();
        }
    }

    /** Begins a use of the object; {@link #release} ends it. */
    long acquire() {
        for (int uses = count.get(); !closed.get() && uses > 0; uses = count.get()) {
            if (count.compareAndSet(uses, uses + 1)) {
                return pointer;
            }
        }
        throw new IllegalStateException("this " + kind.getSimpleName() + " is closed");
    }

    void release() {
        if (count.decrementAndGet() == 0) {
            LIVE.remove(this);
            free.accept(pointer);
        }
    }

    /** Gives up the owner's count, once. */
    void close() {
        if (closed.compareAndSet(false, true)) {
            clear();
            release();
        }
    }
}
